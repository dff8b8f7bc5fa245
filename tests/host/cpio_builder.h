/* SPDX-License-Identifier: MIT */
/*
 * tests/host/cpio_builder.h - newc archives made to order
 */
#pragma once

#include "kernel/lib/util.h"

#define CPIO_BUILD_SIZE 65536

struct cpio_build {
    char bytes[CPIO_BUILD_SIZE];
    size_t size;
    uint32_t next_ino;
};

/* What an entry is made of; all zero but for the name is an empty file. */
struct cpio_build_entry {
    const char *name;
    uint32_t name_padding; /* NULs beyond the one that ends it */
    uint32_t mode;
    uint32_t uid, gid, nlink, mtime;
    uint32_t rdev_major, rdev_minor;
    const char *data;
    size_t size;
};

/* Appends; returns where the header begins. */
size_t cpio_build_add(struct cpio_build *build, const struct cpio_build_entry *entry);
void cpio_build_trailer(struct cpio_build *build);
