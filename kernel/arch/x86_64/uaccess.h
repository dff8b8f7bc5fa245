/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/uaccess.h - copies that survive a fault
 *
 * Rule:    only vm/vm_user.c calls these, after checking the range against USER_END.
 * Result:  bytes not copied; 0 when all went well. Bytes up to the fault were copied.
 * Context: the thread whose memory it is. With SMAP, AC is set only inside.
 */
#pragma once

#include "kernel/lib/util.h"

MUST_CHECK size_t arch_user_copy(void *dst, const void *src, size_t nbytes);
MUST_CHECK size_t arch_user_zero(void *dst, size_t nbytes);

/* Copies up to and with the NUL, at most nbytes. Result: bytes copied with the NUL; nbytes + 1
 * when there was no NUL; -1 at a fault. */
MUST_CHECK int64_t arch_user_copy_string(char *dst, const char *src, size_t nbytes);

/* For traps.c: where a faulting instruction of these goes on, or 0. */
uint64_t arch_fixup_find(uint64_t rip);
