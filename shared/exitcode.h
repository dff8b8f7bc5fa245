/* SPDX-License-Identifier: MIT */
/*
 * shared/exitcode.h - how a virtual machine tells the verdict to whoever started it
 *
 * QEMU's isa-debug-exit device ends the process with status (value << 1) | 1. Any other status is
 * no verdict: 0 is a power-off, a reset or a triple fault, 1 a broken command line, 124 a timeout.
 */
#pragma once

#define DEBUG_EXIT_PORT 0xf4 /* 4 bytes wide; reads 0 where the device exists */

#define DEBUG_EXIT_PASS  0x10 /* QEMU status 33 */
#define DEBUG_EXIT_FAIL  0x11 /* QEMU status 35 */
#define DEBUG_EXIT_PANIC 0x12 /* QEMU status 37 */
