/* SPDX-License-Identifier: MIT */
/*
 * tests/host/fs_fake/shared/addrmap.h - the direct map is an arena of this test program
 *
 * Found instead of the kernel's own by -iquote. Everything but the direct map is as it is there.
 */
#pragma once

#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096ULL
#define PAGE_MASK  (PAGE_SIZE - 1)

#define USER_BASE 0x0000000000010000ULL
#define USER_END  0x00007ffffffff000ULL

#define KERNEL_HALF_FIRST_SLOT 256
#define KERNEL_HALF_SLOTS      256

extern char *fake_arena; /* page-aligned; frame n lies at n * PAGE_SIZE */
#define DIRECT_BASE ((uint64_t)fake_arena)
