/* SPDX-License-Identifier: MIT */
/*
 * fs/ramfs/initrd.h - the root file system, from the archive that the loader brought
 *
 * Owns:    nothing: names and file data stay where they are, in the archive's pinned frames.
 * Rule:    the archive is not trusted. Any fault ends the population with one sentence.
 * Context: boot, once, after fs_init.
 * Fails:   -EINVAL (not an archive, or a bad entry), -ENOMEM.
 * Tests:   tests/host/fs_initrd_test.c
 */
#pragma once

#include "kernel/lib/util.h"

struct initrd_report {
    uint64_t nentries;
    uint64_t nbytes_in_place; /* of files used where they lie */
    char fault[160];          /* one sentence without a full stop; empty when all went well */
};

/* archive: direct-map address. Makes /dev, /proc and /tmp where the archive has none. */
MUST_CHECK int initrd_populate(const void *archive, size_t nbytes, struct initrd_report *report);
