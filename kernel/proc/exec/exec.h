/* SPDX-License-Identifier: MIT */
/*
 * proc/exec/exec.h - turning a file into a program about to run
 *
 * Owns:    nothing. Works on a new address space; the caller commits or drops it.
 * Context: threads only, no lock held.
 * Fails:   as execve(2): -ENOENT, -EACCES, -ENOEXEC, -ENOMEM, -E2BIG, ...; with a reason, static
 *          text for people, where the number says too little.
 * Tests:   tests/user/start/elf, tests/system
 */
#pragma once

#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/util.h"

struct file;
struct inode;
struct trap_frame;
struct vm_space;

/* Bytes of strings and pointers: a quarter of what the stack may be, but within these. */
#define EXEC_ARGS_MIN (128u << 10)
#define EXEC_ARGS_MAX (6u << 20)

/* Where things lie in a program's memory: what /proc shows of it. */
struct exec_layout {
    uint64_t code_start, code_end, data_start, data_end; /* of the program itself */
    uint64_t stack;                                      /* RSP at its start: address of argc */
    uint64_t args_start, args_end, env_end;              /* argv strings, then envp's */
    uint64_t auxv_start, auxv_end;                       /* the vector, AT_NULL included */
};

struct exec_program {
    struct vm_space *space;
    uint64_t entry; /* where ring 3 starts */
    struct exec_layout layout;
    struct file *file;       /* what runs: after #!, the interpreter */
    struct credentials cred; /* that it runs as; the groups are the caller's, borrowed */
    bool secure;             /* AT_SECURE: it has rights that its caller has not */
    const char *reason;      /* on failure: more than the errno says, or NULL */
};

struct exec_strings {
    const char *path;        /* becomes AT_EXECFN */
    const char *const *argv; /* NULL-terminated */
    const char *const *envp;
    bool hidden; /* the path will lead nowhere once this is the program: no script can be read */
    bool no_new_privs; /* set-ID bits and capabilities of the file do not count */
    bool shared_fs;    /* another process can move the directories about: they count for root */
};

/* A new space with the program's segments, its interpreter's (PT_INTERP), and its initial stack.
 * A script is run by the interpreter that its first line names. The file is the caller's reference;
 * on success program.file is a reference to what runs. On failure only reason is set. */
MUST_CHECK int exec_load(struct file *file, struct fs_context *context,
                         const struct exec_strings *strings, struct exec_program *out);

/* execve(2): replaces the caller's program. Returns only on failure, or 0 when the frame of the
 * task has become that of the new program. */
struct task;
MUST_CHECK int exec_replace(struct task *self, struct file *file,
                            const struct exec_strings *strings);

/* program.cred and .secure: what that file makes of a caller (exec_identity.c). -EPERM. */
MUST_CHECK int exec_identity_find(const struct file *file, const struct credentials *old,
                                  const struct exec_strings *strings, struct exec_program *program);

/* What exec_load has learnt that goes to the auxiliary vector (exec_stack.c). */
struct exec_auxv {
    uint64_t phdr, phnum, entry, base, vdso;
};

MUST_CHECK int exec_stack_build(struct vm_space *space, const struct exec_strings *strings,
                                const struct fs_context *context, const struct exec_auxv *auxv,
                                bool executable, struct exec_program *out);

/* The registers with which Linux starts a program: all zero but RIP, RSP and flags. */
void exec_frame_init(struct trap_frame *frame, const struct exec_program *program);
