/* SPDX-License-Identifier: MIT */
/*
 * proc/exec/exec_args.h - argument lists, from a program's memory into the kernel's
 *
 * Context: the task's own thread, no lock held.
 * Fails:   -EFAULT, -E2BIG (more than there is room for, or a string above 128 KiB), -ENOMEM.
 * Tests:   tests/user/start/exec*.c
 */
#pragma once

#include "kernel/proc/exec/exec.h"

/* Strings that lie one behind the other, from behind this header on. */
struct exec_chunk {
    struct exec_chunk *next;
    size_t nbytes, end; /* with this header: of all, and where the strings end */
};

struct exec_args {
    struct exec_chunk *first, *last; /* owned */
    size_t nbytes;                   /* of the strings */
    uint32_t npages;                 /* counted in process.exec_pages */
    const char **argv, **envp;       /* owned, one block; valid after exec_args_finish */
    uint32_t argc, envc;
};

/* argv and envp are user arrays of user pointers, ended by NULL; a null array counts as empty. An
 * empty argv gets one empty string, as on Linux. room: bytes that strings and pointers may take, at
 * most EXEC_ARGS_MAX. */
MUST_CHECK int exec_args_copy(struct exec_args *args, struct uptr argv, struct uptr envp,
                              size_t room);
void exec_args_free(struct exec_args *args);
