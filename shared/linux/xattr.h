/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/xattr.h - extended attributes
 *
 * Used by: syscall; the ABI test compares with the host's <linux/xattr.h> and <linux/limits.h>.
 */
#pragma once

#define LX_XATTR_CREATE   1
#define LX_XATTR_REPLACE  2
#define LX_XATTR_NAME_MAX 255
#define LX_XATTR_SIZE_MAX 65536
#define LX_XATTR_LIST_MAX 65536
