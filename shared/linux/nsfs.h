/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/nsfs.h - files of name spaces: ioctl_ns(2)
 *
 * Used by: proc/ns_file.c.
 */
#pragma once

#define LX_NSFS_MAGIC 0x6e736673

#define LX_NS_GET_USERNS    0xb701
#define LX_NS_GET_PARENT    0xb702
#define LX_NS_GET_NSTYPE    0xb703
#define LX_NS_GET_OWNER_UID 0xb704

/* Inode numbers of those that a system starts with; others come behind them. */
#define LX_UTS_INIT_INO 0xeffffffe
#define LX_IPC_INIT_INO 0xefffffff
#define LX_MNT_INIT_INO 0xf0000000
