/* SPDX-License-Identifier: MIT */
/*
 * proc/capability.h - how the capabilities of a task change: capabilities(7)
 *
 * Owns:    the rules. The sets are part of struct credentials, and credentials_capable asks them.
 * Used by: setuid and its kin, capset, prctl, exec. Each works on a copy of the credentials that
 *          identity_set or exec commits as a whole.
 * Context: any; no lock.
 * Fails:   -EPERM as capset(2) and prctl(2).
 * Tests:   tests/user/proc/capability*.c
 */
#pragma once

#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/util.h"

/* What a change of the user ids takes along, by SECBIT_NO_SETUID_FIXUP; `new` has the new ids. */
void capability_follow_ids(const struct credentials *old, struct credentials *new);
/* The same after setfsuid. */
void capability_follow_fs_id(const struct credentials *old, struct credentials *new);

/* capset(2): the three sets become those of `wanted`. */
MUST_CHECK int capability_set(struct credentials *cred, const struct credentials *wanted);
MUST_CHECK int capability_set_securebits(struct credentials *cred, uint64_t bits);
MUST_CHECK int capability_raise_ambient(struct credentials *cred, uint64_t bit);

/* Of a file: what exec adds. */
struct capability_file {
    bool present;   /* it has the attribute */
    bool effective; /* the program need not know about capabilities */
    uint64_t permitted, inheritable;
};
struct capability_exec {
    bool ids_changed;   /* by set-ID bits of the file */
    bool no_new_rights; /* no_new_privs, or directories that another process may move about */
    bool no_new_privs;
    struct capability_file file;
};
/* `new` has the ids of the program; gets its sets, and its saved and file system ids. *secure: libc
 * is not to trust the caller's environment. -EPERM: the file asks for what is out of bounds. */
MUST_CHECK int capability_exec(const struct credentials *old, struct credentials *new,
                               const struct capability_exec *how, bool *secure);
