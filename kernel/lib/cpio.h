/* SPDX-License-Identifier: MIT */
/*
 * lib/cpio.h - reads a newc archive ("070701"; also "070702", whose checksums are not looked at)
 *
 * Used by: fs/initrd (fills the root), the loader (is the archive whole), host tests.
 * Format:  as Linux's initramfs takes it, one archive. The name field may be longer than its name,
 *          filled up with NULs (by up to 4,096 bytes): that is how the image builder puts the data
 *          of a file on a page border.
 * Rule:    nothing outside the archive is read. An archive without its trailer is truncated.
 * Context: any; no allocation.
 * Fails:   -EINVAL, with reader->reason and reader->position of the header at fault.
 * Tests:   tests/host/cpio_test.c, tests/host/cpio_fuzz.c
 */
#pragma once

#include "kernel/lib/util.h"

#define CPIO_NAME_SIZE 4096 /* PATH_MAX of Linux: longest name with its NUL */

struct cpio_reader {
    const char *archive;
    size_t size;
    size_t position;    /* of the header read last */
    size_t next;        /* of the one to read */
    char *name_buffer;  /* CPIO_NAME_SIZE bytes of the caller's */
    const char *reason; /* static text, set on failure */
};

struct cpio_entry {
    /* In name_buffer until the next call. Components separated by single slashes: no slash at
     * either end, no "." (the root itself is ""), never "..". */
    const char *name;
    size_t name_length;
    const char *data; /* in the archive; of a symlink its target, not NUL-terminated */
    size_t size;
    uint32_t mode; /* S_IFMT and permission bits */
    uint32_t uid, gid;
    uint32_t mtime; /* seconds */
    /* Hard links: entries of one ino, dev_major and dev_minor with nlink > 1 and not directories;
     * usually only the last of them carries the data. */
    uint32_t nlink;
    uint32_t ino;
    uint32_t dev_major, dev_minor;
    uint32_t rdev_major, rdev_minor;
};

void cpio_init(struct cpio_reader *reader, const void *archive, size_t size,
               char name_buffer[CPIO_NAME_SIZE]);

/* 1: an entry; 0: the trailer; negative: broken, stop. */
MUST_CHECK int cpio_next(struct cpio_reader *reader, struct cpio_entry *entry);
