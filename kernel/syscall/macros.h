/* SPDX-License-Identifier: MIT */
/*
 * syscall/macros.h - what the type words of table.def stand for
 *
 * ARG_x is the C type of an argument, TAKE_x makes one from a register. Narrow types take the low
 * half, as Linux's SYSCALL_DEFINE does.
 */
#pragma once

#include "kernel/lib/util.h"

#define ARG_int   int
#define ARG_uint  unsigned
#define ARG_long  int64_t
#define ARG_ulong uint64_t
#define ARG_size  size_t
#define ARG_off   int64_t
#define ARG_mode  uint32_t
#define ARG_uptr  struct uptr

#define TAKE_int(reg)   ((int)(reg))
#define TAKE_uint(reg)  ((unsigned)(reg))
#define TAKE_long(reg)  ((int64_t)(reg))
#define TAKE_ulong(reg) (reg)
#define TAKE_size(reg)  ((size_t)(reg))
#define TAKE_off(reg)   ((int64_t)(reg))
#define TAKE_mode(reg)  ((uint32_t)(reg))
#define TAKE_uptr(reg)  ((struct uptr){(reg)})
