/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/keys.h - keys of the firmware's console, and whether anyone is there to press them
 *
 * Used by: main.c (a refusal stays), menu.c, handover.c (keys without the firmware).
 * Rule:    every wait is bounded. Nobody is there where QEMU's debug-exit device tells the verdict
 *          to a harness: then nothing waits for a key, and machines in CI start as fast as ever.
 * Fails:   never: without a console for input no key comes, and the time passes.
 * Tests:   tests/host/loader_keys_test.c
 */
#pragma once

#include "efi-loader/efi.h"

#define KEYS_REFUSAL_SECONDS 30 /* what a refusal stays for */

#define KEYS_NONE  0
#define KEYS_OTHER 1 /* a key without an ASCII character */

void keys_init(EFI_SYSTEM_TABLE *st);

/* Whether a person may be there. */
bool keys_attended(void);

/* The next key within so many milliseconds: a small letter for either, a digit, '\r', 27, ... */
int keys_wait(unsigned milliseconds);

/* Drops what was typed before: a key that chose the boot device answers no question of ours. */
void keys_drop(void);

/* Without the firmware, after the first attempt to leave it: seconds of the real-time clock, or
 * until the keyboard's controller has a byte. */
void keys_wait_alone(unsigned seconds);
