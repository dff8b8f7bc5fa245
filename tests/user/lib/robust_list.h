/* SPDX-License-Identifier: MIT */
/*
 * tests/user/lib/robust_list.h - the locks that a thread holds, as it keeps them for the kernel
 *
 * Used by: tests of the end of a thread. Of <linux/futex.h>, which musl does not have; the kernel's
 * own description (shared/linux/futex.h) has addresses where this has pointers.
 */
#pragma once

struct robust_list {
    struct robust_list *next;
};

struct robust_list_head {
    struct robust_list list;
    long futex_offset;
    struct robust_list *list_op_pending;
};
