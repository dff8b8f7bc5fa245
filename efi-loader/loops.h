/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/loops.h - how many times after=reboot has started this machine
 *
 * Owns:    the EFI variable FirstlightBoots.
 * Used by: main.c.
 * Rule:    the number of boots is bounded whatever the kernel does: the count is written before the
 *          kernel starts, and without a count that can be read back the kernel is told so.
 * Tests:   tests/host/loader_loops_test.c
 */
#pragma once

#include "efi-loader/efi.h"

/* If the command line says after=reboot: counts this boot, and appends boot=K/N, this boot's number
 * and that of the last one (loops=, else 2); boot=0 if it cannot be counted. -E2BIG: no room. */
MUST_CHECK int loops_count(EFI_RUNTIME_SERVICES *rt, char *cmdline, size_t capacity);
