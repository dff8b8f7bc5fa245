/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/stat.h - file types and attributes as Linux's x86-64 ABI lays them out
 *
 * Used by: kernel/fs, kernel/syscall; the ABI test compares it with the host's headers.
 */
#pragma once

#include <stdint.h>

#define LX_S_IFMT   0170000u
#define LX_S_IFSOCK 0140000u
#define LX_S_IFLNK  0120000u
#define LX_S_IFREG  0100000u
#define LX_S_IFBLK  0060000u
#define LX_S_IFDIR  0040000u
#define LX_S_IFCHR  0020000u
#define LX_S_IFIFO  0010000u
#define LX_S_ISUID  0004000u
#define LX_S_ISGID  0002000u
#define LX_S_ISVTX  0001000u
#define LX_S_IXGRP  0000010u
#define LX_S_IALL   0007777u

struct lx_stat {
    uint64_t st_dev;
    uint64_t st_ino;
    uint64_t st_nlink;
    uint32_t st_mode;
    uint32_t st_uid;
    uint32_t st_gid;
    uint32_t pad0;
    uint64_t st_rdev;
    int64_t st_size;
    int64_t st_blksize;
    int64_t st_blocks; /* of 512 bytes */
    int64_t st_atime_sec;
    uint64_t st_atime_nsec;
    int64_t st_mtime_sec;
    uint64_t st_mtime_nsec;
    int64_t st_ctime_sec;
    uint64_t st_ctime_nsec;
    int64_t unused[3];
};
_Static_assert(sizeof(struct lx_stat) == 144, "struct stat");

struct lx_timespec64 {
    int64_t tv_sec;
    int64_t tv_nsec;
};

struct lx_statx_time {
    int64_t tv_sec;
    uint32_t tv_nsec;
    int32_t reserved;
};

struct lx_statx {
    uint32_t stx_mask;
    uint32_t stx_blksize;
    uint64_t stx_attributes;
    uint32_t stx_nlink;
    uint32_t stx_uid;
    uint32_t stx_gid;
    uint16_t stx_mode;
    uint16_t pad0;
    uint64_t stx_ino;
    uint64_t stx_size;
    uint64_t stx_blocks;
    uint64_t stx_attributes_mask;
    struct lx_statx_time stx_atime;
    struct lx_statx_time stx_btime;
    struct lx_statx_time stx_ctime;
    struct lx_statx_time stx_mtime;
    uint32_t stx_rdev_major;
    uint32_t stx_rdev_minor;
    uint32_t stx_dev_major;
    uint32_t stx_dev_minor;
    uint64_t stx_mnt_id;
    uint64_t spare[13];
};
_Static_assert(sizeof(struct lx_statx) == 256, "struct statx");

#define LX_STATX_BASIC_STATS 0x7ffu
#define LX_STATX_BTIME       0x800u
#define LX_STATX_MNT_ID      0x1000u
#define LX_STATX_RESERVED    0x80000000u

#define LX_STATX_ATTR_MOUNT_ROOT 0x2000u

#define LX_UTIME_NOW  0x3fffffff
#define LX_UTIME_OMIT 0x3ffffffe

struct lx_statfs {
    int64_t f_type;
    int64_t f_bsize;
    uint64_t f_blocks;
    uint64_t f_bfree;
    uint64_t f_bavail;
    uint64_t f_files;
    uint64_t f_ffree;
    int32_t f_fsid[2];
    int64_t f_namelen;
    int64_t f_frsize;
    int64_t f_flags;
    int64_t f_spare[4];
};
_Static_assert(sizeof(struct lx_statfs) == 120, "struct statfs");

struct lx_ustat {
    int32_t nblocks;
    uint64_t ninodes;
    char name[6], pack[6];
};

#define LX_RAMFS_MAGIC    0x858458f6
#define LX_TMPFS_MAGIC    0x01021994
#define LX_DEVPTS_MAGIC   0x1cd1
#define LX_PROC_MAGIC     0x9fa0
#define LX_SYSFS_MAGIC    0x62656572
#define LX_EFIVARFS_MAGIC 0xde5e81e4
#define LX_PIPEFS_MAGIC   0x50495045
#define LX_ANON_MAGIC     0x09041934

#define LX_ST_RDONLY   0x0001
#define LX_ST_VALID    0x0020
#define LX_ST_RELATIME 0x1000
