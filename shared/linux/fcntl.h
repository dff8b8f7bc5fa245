/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/fcntl.h - flags of open, fcntl, the *at calls, lseek and fallocate
 *
 * Used by: kernel/fs, kernel/syscall; the ABI test compares it with the host's headers.
 */
#pragma once

#include <stdint.h>

#define LX_O_ACCMODE     00000003u
#define LX_O_RDONLY      00000000u
#define LX_O_WRONLY      00000001u
#define LX_O_RDWR        00000002u
#define LX_O_CREAT       00000100u
#define LX_O_EXCL        00000200u
#define LX_O_NOCTTY      00000400u
#define LX_O_TRUNC       00001000u
#define LX_O_APPEND      00002000u
#define LX_O_NONBLOCK    00004000u
#define LX_O_DSYNC       00010000u
#define LX_O_ASYNC       00020000u
#define LX_O_DIRECT      00040000u
#define LX_O_LARGEFILE   00100000u
#define LX_O_DIRECTORY   00200000u
#define LX_O_NOFOLLOW    00400000u
#define LX_O_NOATIME     01000000u
#define LX_O_CLOEXEC     02000000u
#define LX_O_SYNC        04010000u /* contains O_DSYNC */
#define LX_O_PATH        010000000u
#define LX_O_TMPFILE     020200000u /* contains O_DIRECTORY */
#define LX_O_TMPFILE_BIT 020000000u

#define LX_F_DUPFD         0
#define LX_F_GETFD         1
#define LX_F_SETFD         2
#define LX_F_GETFL         3
#define LX_F_SETFL         4
#define LX_F_GETLK         5
#define LX_F_SETLK         6
#define LX_F_SETLKW        7
#define LX_F_SETOWN        8
#define LX_F_GETOWN        9
#define LX_F_SETSIG        10
#define LX_F_GETSIG        11
#define LX_F_SETOWN_EX     15
#define LX_F_GETOWN_EX     16
#define LX_F_GETOWNER_UIDS 17
#define LX_F_OFD_GETLK     36
#define LX_F_OFD_SETLK     37
#define LX_F_OFD_SETLKW    38
#define LX_F_SETLEASE      1024
#define LX_F_GETLEASE      1025
#define LX_F_NOTIFY        1026
#define LX_F_DUPFD_CLOEXEC 1030
#define LX_F_SETPIPE_SZ    1031
#define LX_F_GETPIPE_SZ    1032
#define LX_F_GET_RW_HINT   1035
#define LX_F_SET_RW_HINT   1036
#define LX_F_ADD_SEALS     1033
#define LX_F_GET_SEALS     1034
#define LX_FD_CLOEXEC      1

#define LX_DN_ACCESS    0x01u
#define LX_DN_MODIFY    0x02u
#define LX_DN_CREATE    0x04u
#define LX_DN_DELETE    0x08u
#define LX_DN_RENAME    0x10u
#define LX_DN_ATTRIB    0x20u
#define LX_DN_MULTISHOT 0x80000000u

#define LX_F_SEAL_SEAL         0x01 /* no seals are added any more */
#define LX_F_SEAL_SHRINK       0x02
#define LX_F_SEAL_GROW         0x04
#define LX_F_SEAL_WRITE        0x08
#define LX_F_SEAL_FUTURE_WRITE 0x10 /* but mappings that are there may write */
#define LX_F_ALL_SEALS         0x1f

#define LX_MFD_CLOEXEC       0x1u
#define LX_MFD_ALLOW_SEALING 0x2u
#define LX_MFD_HUGETLB       0x4u
#define LX_MFD_HUGE_SHIFT    26 /* with HUGETLB, six bits: the size of a page */

#define LX_F_RDLCK 0
#define LX_F_WRLCK 1
#define LX_F_UNLCK 2

struct lx_f_owner_ex {
    int32_t type;
    int32_t pid;
};
_Static_assert(sizeof(struct lx_f_owner_ex) == 8, "struct f_owner_ex");

struct lx_flock {
    int16_t l_type;
    int16_t l_whence;
    int64_t l_start;
    int64_t l_len;
    int32_t l_pid;
};
_Static_assert(sizeof(struct lx_flock) == 32, "struct flock");

#define LX_LOCK_SH   1
#define LX_LOCK_EX   2
#define LX_LOCK_NB   4
#define LX_LOCK_UN   8
#define LX_LOCK_MAND 32

#define LX_AT_FDCWD            (-100)
#define LX_AT_SYMLINK_NOFOLLOW 0x100
#define LX_AT_REMOVEDIR        0x200
#define LX_AT_EACCESS          0x200
#define LX_AT_SYMLINK_FOLLOW   0x400
#define LX_AT_NO_AUTOMOUNT     0x800
#define LX_AT_EMPTY_PATH       0x1000
#define LX_AT_STATX_SYNC_TYPE  0x6000

#define LX_RENAME_NOREPLACE 1
#define LX_RENAME_EXCHANGE  2
#define LX_RENAME_WHITEOUT  4

#define LX_SEEK_SET  0
#define LX_SEEK_CUR  1
#define LX_SEEK_END  2
#define LX_SEEK_DATA 3
#define LX_SEEK_HOLE 4

#define LX_F_OK 0
#define LX_X_OK 1
#define LX_W_OK 2
#define LX_R_OK 4

#define LX_FALLOC_KEEP_SIZE      1
#define LX_FALLOC_PUNCH_HOLE     2
#define LX_FALLOC_COLLAPSE_RANGE 8
#define LX_FALLOC_ZERO_RANGE     16
#define LX_FALLOC_INSERT_RANGE   32
#define LX_FALLOC_UNSHARE_RANGE  64

#define LX_CLOSE_RANGE_UNSHARE 2u
#define LX_CLOSE_RANGE_CLOEXEC 4u

struct lx_open_how {
    uint64_t flags;
    uint64_t mode;
    uint64_t resolve;
};

#define LX_RESOLVE_NO_XDEV       0x01
#define LX_RESOLVE_NO_MAGICLINKS 0x02
#define LX_RESOLVE_NO_SYMLINKS   0x04
#define LX_RESOLVE_BENEATH       0x08
#define LX_RESOLVE_IN_ROOT       0x10
#define LX_RESOLVE_CACHED        0x20
