/* SPDX-License-Identifier: MIT */
/*
 * proc/oom.h - what happens when a program touches memory and there is none
 *
 * Owns:    the choice of the process that has to go: the one with the most pages.
 * Rule:    never the kernel, never a hang: all waits are bounded.
 * Tests:   tests/user/mem/mem_oom.c, tests/user/mem/mem_hungry.c
 */
#pragma once

void oom_init(void); /* once, before the first program */
