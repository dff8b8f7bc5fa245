/* SPDX-License-Identifier: MIT */
/*
 * tests/quirk/runtime_stubs.h - the stubs of runtime_stubs.S, by their places in the program
 *
 * Rule:    never called here: runtime.c copies them to the firmware's runtime memory.
 */
#pragma once

typedef void stub_code(void);

extern const char stubs_begin[], stubs_end[], stub_real[], stub_boot_data[], stub_boot_code[],
    stub_in_boot_code[];
extern stub_code stub_undefined_instruction, stub_null_pointer, stub_jumps_away, stub_uses_up_stack,
    stub_hangs, stub_hangs_without_interrupts, stub_fails, stub_nearly_full, stub_second_fails,
    stub_boot_ignored, stub_boot_services, stub_name_repeats, stub_name_slowly, stub_unwritten;
