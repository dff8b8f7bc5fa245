/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/archive.h - a cpio archive of one file, for the kernel's root filesystem
 *
 * Used by: inventory.c.
 * Tests:   tests/host/loader_inventory_test.c
 */
#pragma once

#include "kernel/lib/util.h"

/* Bytes of the archive of a file of that size, at most. */
#define ARCHIVE_SIZE(nbytes) (1024 + (nbytes))

/* /run/firstlight/inventory.json with those contents. Returns the bytes used. */
size_t archive_write(char *to, const char *contents, size_t nbytes);
