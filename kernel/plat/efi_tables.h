/* SPDX-License-Identifier: MIT */
/*
 * plat/efi_tables.h - the page table under which runtime services run
 *
 * Owns:    its frames. Upper half: the kernel's. Lower half: the firmware's runtime ranges, each at
 *          its physical address; those of boot services as long as nothing else uses them.
 * Rule:    the one table in which memory may be writable and executable: the code range of a
 *          firmware holds its data as well, unless its memory attributes table denies it.
 * Context: start-up, threads.
 * Tests:   tests/host/plat_efi_test.c
 */
#pragma once

#include "kernel/lib/util.h"

struct bootinfo;

/* The physical address of the top-level table; 0 without memory, or when the ranges are too many
 * or lie where user space is not. boot_services: whether their memory is out of use. */
MUST_CHECK uint64_t efi_tables_build(const struct bootinfo *info, bool boot_services);
