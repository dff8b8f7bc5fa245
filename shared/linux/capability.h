/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/capability.h - capabilities(7): their numbers, capget and capset, securebits
 *
 * Used by: fs, proc, syscall, and whatever asks for a right; the ABI test compares with the host's
 *          headers.
 */
#pragma once

#include <stdint.h>

#define LX_CAP_CHOWN            0
#define LX_CAP_DAC_OVERRIDE     1
#define LX_CAP_DAC_READ_SEARCH  2
#define LX_CAP_FOWNER           3
#define LX_CAP_FSETID           4
#define LX_CAP_KILL             5
#define LX_CAP_SETGID           6
#define LX_CAP_SETUID           7
#define LX_CAP_SETPCAP          8
#define LX_CAP_LINUX_IMMUTABLE  9
#define LX_CAP_NET_BIND_SERVICE 10
#define LX_CAP_NET_ADMIN        12
#define LX_CAP_NET_RAW          13
#define LX_CAP_IPC_LOCK         14
#define LX_CAP_IPC_OWNER        15
#define LX_CAP_SYS_RAWIO        17
#define LX_CAP_SYS_CHROOT       18
#define LX_CAP_SYS_PTRACE       19
#define LX_CAP_SYS_ADMIN        21
#define LX_CAP_SYS_BOOT         22
#define LX_CAP_SYS_NICE         23
#define LX_CAP_SYS_RESOURCE     24
#define LX_CAP_SYS_TIME         25
#define LX_CAP_SYS_TTY_CONFIG   26
#define LX_CAP_MKNOD            27
#define LX_CAP_LEASE            28
#define LX_CAP_SETFCAP          31
#define LX_CAP_MAC_OVERRIDE     32
#define LX_CAP_SYSLOG           34
#define LX_CAP_WAKE_ALARM       35
#define LX_CAP_LAST_CAP         40

#define LX_CAPABILITY_VERSION_1 0x19980330 /* 32 capabilities */
#define LX_CAPABILITY_VERSION_2 0x20071026
#define LX_CAPABILITY_VERSION_3 0x20080522

struct lx_cap_header {
    uint32_t version;
    int32_t pid;
};

/* Two of them with the versions after the first: bits 0 to 31, bits 32 to 63. */
struct lx_cap_data {
    uint32_t effective, permitted, inheritable;
};

/* Each has its lock one bit higher. */
#define LX_SECBIT_NOROOT               0x01
#define LX_SECBIT_NO_SETUID_FIXUP      0x04
#define LX_SECBIT_KEEP_CAPS            0x10
#define LX_SECBIT_KEEP_CAPS_LOCKED     0x20
#define LX_SECBIT_NO_CAP_AMBIENT_RAISE 0x40
#define LX_SECURE_ALL_BITS             0x55
#define LX_SECURE_ALL_LOCKS            0xaa

/* The attribute security.capability of a file: the first revision has no root, to whose user name
 * space it is limited. */
#define LX_VFS_CAP_REVISION_MASK   0xff000000u
#define LX_VFS_CAP_REVISION_2      0x02000000u
#define LX_VFS_CAP_REVISION_3      0x03000000u
#define LX_VFS_CAP_FLAGS_EFFECTIVE 0x00000001u
#define LX_XATTR_CAPS_SZ_2         20u

struct lx_vfs_cap {
    uint32_t magic;
    uint32_t data[4]; /* permitted, inheritable; the same of bits 32 to 63 */
    uint32_t root;
};
