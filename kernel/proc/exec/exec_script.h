/* SPDX-License-Identifier: MIT */
/*
 * proc/exec/exec_script.h - the first line of a script: #! interpreter [argument]
 *
 * Owns:    the new argument list: interpreter, argument, path of the script, the old arguments.
 * Used by: exec.c.
 * Context: threads.
 * Fails:   -ENOEXEC (no interpreter named, or the line is too long), -ENOMEM, and those of open.
 */
#pragma once

#include "kernel/proc/exec/exec.h"

/* The words of one first line; the text follows. */
struct exec_script_text {
    struct exec_script_text *next;
};

struct exec_script {
    struct exec_strings strings;    /* in force; starts as the caller's */
    struct exec_script_text *texts; /* owned */
    const char **argv, **next_argv; /* owned: strings.argv once a script was met */
};

/* head: the first bytes of the script. Opens the interpreter. */
MUST_CHECK int exec_script_step(struct exec_script *script, const char *head, size_t nbytes,
                                struct fs_context *context, struct file **out_file);
void exec_script_free(struct exec_script *script);
