/* SPDX-License-Identifier: MIT */
/*
 * proc/exec.h - turning a file into a program about to run
 *
 * Owns:    nothing. Works on a new address space; the caller commits or drops it.
 * Context: threads only, no lock held.
 * Fails:   as execve(2): -ENOENT, -EACCES, -ENOEXEC, -ENOMEM, -E2BIG, ...; with a reason, static
 *          text for people, where the number says too little.
 * Tests:   tests/user/elf, tests/system
 */
#pragma once

#include "kernel/lib/util.h"

struct file;
struct fs_context;
struct trap_frame;
struct vm_space;

#define EXEC_ARGS_MAX (2u << 20) /* bytes of strings and pointers, a quarter of the stack */

struct exec_program {
    struct vm_space *space;
    uint64_t entry;     /* where ring 3 starts */
    uint64_t stack;     /* its RSP there: address of argc */
    const char *reason; /* on failure: more than the errno says, or NULL */
};

struct exec_strings {
    const char *path;        /* becomes AT_EXECFN */
    const char *const *argv; /* NULL-terminated */
    const char *const *envp;
};

/* A new space with the program's segments and its initial stack. On failure only reason is set. */
MUST_CHECK int exec_load(struct file *file, const struct fs_context *context,
                         const struct exec_strings *strings, struct exec_program *out);

/* What exec_load has learnt that the auxiliary vector tells (exec_stack.c). */
struct exec_auxv {
    uint64_t phdr, phnum, entry, base;
};

MUST_CHECK int exec_stack_build(struct vm_space *space, const struct exec_strings *strings,
                                const struct fs_context *context, const struct exec_auxv *auxv,
                                bool executable, uint64_t *out_stack);

/* The registers with which Linux starts a program: all zero but RIP, RSP and flags. */
void exec_frame_init(struct trap_frame *frame, const struct exec_program *program);
