/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/dirent.h - records of getdents and getdents64
 *
 * Used by: kernel/syscall/fs/sys_dir.c. Records are padded to 8 bytes.
 */
#pragma once

#include <stdint.h>

struct lx_dirent64 {
    uint64_t d_ino;
    int64_t d_off;
    uint16_t d_reclen;
    uint8_t d_type;
    char d_name[]; /* with NUL */
} __attribute__((packed));
_Static_assert(sizeof(struct lx_dirent64) == 19, "struct linux_dirent64");

/* getdents: the type is the last byte of the record. */
struct lx_dirent {
    uint64_t d_ino;
    uint64_t d_off;
    uint16_t d_reclen;
    char d_name[];
} __attribute__((packed));
_Static_assert(sizeof(struct lx_dirent) == 18, "struct linux_dirent");

/* d_type is the type of the mode. */
#define LX_DT_FROM_MODE(mode) (((mode) >> 12) & 15)
