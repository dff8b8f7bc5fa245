/* SPDX-License-Identifier: MIT */
/*
 * shared/addrmap.h - where everything lies in the 48-bit address space
 *
 * Owns:    the borders of user space, direct map, kernel windows, kernel image.
 * Used by: the loader, which builds the kernel half, and the kernel, which adopts it.
 * Rule:    all 256 top-level entries of the upper half are present before the kernel
 *          starts and never change; only levels below them are added to.
 * Tests:   kernel/selftest/boot_checks.c (every address space, on every boot)
 */
#pragma once

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096ULL
#define PAGE_MASK  (PAGE_SIZE - 1)

/* User space. The page below the canonical hole is never mapped, so that no return address of a
 * SYSCALL instruction at the very end can be non-canonical (Intel SDM vol. 2, SYSRET). */
#define USER_BASE 0x0000000000010000ULL
#define USER_END  0x00007ffffffff000ULL /* first address that is not user space */

#define KERNEL_HALF_FIRST_SLOT 256 /* top-level entries 256..511 are the kernel's */
#define KERNEL_HALF_SLOTS      256

/* RAM, largest pages that fit, writable and NX; kernel text and rodata read-only. No MMIO. */
#define DIRECT_BASE 0xffff800000000000ULL
#define DIRECT_END  0xffffc00000000000ULL

/* Stacks with guard pages, device registers, the framebuffer. Filled by the kernel, but for the
 * framebuffer: the loader maps it, so that the kernel can draw from its first line on. Writable,
 * NX, and by slot 4 of the PAT, which the kernel makes write-combining. Its large pages are as
 * large there as in physical memory: the offset within SCREEN_PAGE is the same. */
#define WINDOW_BASE              0xffffc00000000000ULL
#define WINDOW_END               0xffffff8000000000ULL
#define SCREEN_BASE              0xffffc10000000000ULL
#define SCREEN_PAGE              0x200000ULL
#define SCREEN_ADDRESS(physical) (SCREEN_BASE + (physical) % SCREEN_PAGE)

/* The kernel image, 4 KiB pages: text RX, rodata R, data RW. All NX but text. */
#define IMAGE_BASE 0xffffffff80000000ULL
#define IMAGE_END  0xffffffffc0000000ULL
