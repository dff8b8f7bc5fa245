/* SPDX-License-Identifier: MIT */
/*
 * plat_fake/arch/x86_64/regs.h - control registers and caches of a made-up machine
 *
 * The bits are the kernel's.
 */
#pragma once

#define cr0_read        cr0_read_instruction
#define cr0_write       cr0_write_instruction
#define cr3_read        cr3_read_instruction
#define cr3_write       cr3_write_instruction
#define cr4_read        cr4_read_instruction
#define cr4_write       cr4_write_instruction
#define cache_flush_all cache_flush_all_instruction
#include_next "kernel/arch/x86_64/regs.h"
#undef cr0_read
#undef cr0_write
#undef cr3_read
#undef cr3_write
#undef cr4_read
#undef cr4_write
#undef cache_flush_all

uint64_t cr0_read(void);
void cr0_write(uint64_t v);
uint64_t cr3_read(void);
void cr3_write(uint64_t v);
uint64_t cr4_read(void);
void cr4_write(uint64_t v);
void cache_flush_all(void);
