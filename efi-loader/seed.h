/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/seed.h - random bytes for the kernel's generator
 *
 * Owns:    the order of sources: the firmware's generator, the processor's, the clock.
 * Used by: handover.c.
 * Fails:   never; quality 0 says that only clocks were there to be asked.
 */
#pragma once

#include "efi-loader/efi.h"
#include "kernel/lib/util.h"

#define SEED_SIZE 32

/* Returns the quality for bootinfo. */
uint32_t seed_collect(EFI_BOOT_SERVICES *bs, bool rdrand, uint8_t seed[SEED_SIZE]);
