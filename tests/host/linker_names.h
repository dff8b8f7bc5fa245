/* SPDX-License-Identifier: MIT */
/*
 * tests/host/linker_names.h - where the linker of the host puts what begins as zeros
 *
 * Used by: tests that have a second copy of it, for another processor's variables (percpu.h).
 */
#pragma once

extern char __bss_start[];
extern char _end[];
