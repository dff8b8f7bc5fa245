/* SPDX-License-Identifier: MIT */
/*
 * dev/mem.h - /dev/null, zero, full, random, urandom; mem
 *
 * Owns:    the memory devices (major 1).
 * Used by: start-up. Random bytes come from core/random.
 * Context: boot.
 * Fails:   -ENOMEM.
 * Tests:   tests/host/fs_dev_test.c
 */
#pragma once

#include "kernel/fs/devfs/devfs.h"
#include "kernel/lib/util.h"

#define MEM_MAJOR       1
#define MEM_DEVICE_NULL DEVICE(MEM_MAJOR, 3)

/* Registers them with devfs. */
MUST_CHECK int mem_devices_init(void);
struct bootinfo;
MUST_CHECK int mem_physical_init(const struct bootinfo *info); /* /dev/mem */
