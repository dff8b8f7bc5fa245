/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/limits.h - sizes that Linux promises
 *
 * Used by: kernel/fs, kernel/syscall.
 */
#pragma once

#define LX_NAME_MAX    255
#define LX_PATH_MAX    4096 /* with NUL */
#define LX_SYMLOOP_MAX 40
#define LX_LINK_MAX    127
#define LX_PIPE_BUF    4096
#define LX_PIPE_SIZE   65536
#define LX_NGROUPS_MAX 65536
