/* SPDX-License-Identifier: MIT */
/*
 * dev/mem.h - /dev/null, zero, full, random, urandom
 *
 * Owns:    the memory devices (major 1).
 * Used by: start-up. Random bytes come from core, through the port below.
 * Context: boot.
 * Fails:   -ENOMEM.
 * Tests:   tests/host/fs_dev_test.c
 */
#pragma once

#include "kernel/lib/util.h"

/* Registers them with devfs. fill: gives nbytes of random bytes, never blocks. */
MUST_CHECK int mem_devices_init(void (*fill)(void *dst, size_t nbytes));
