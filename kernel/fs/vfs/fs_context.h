/* SPDX-License-Identifier: MIT */
/*
 * fs/vfs/fs_context.h - the caller: credentials, root and working directory, umask
 *
 * Owns:    struct credentials, struct fs_struct, and struct fs_context that joins the two.
 * Used by: every operation on a path; proc (one context a task; CLONE_FS shares the place).
 * Locks:   fs_struct.lock, a spinlock, rank FDTABLE, guards the two directories. The credentials
 * are the owning task's: another thread reads them only under a lock of proc. Context: thread.
 * Fails:   -ENOMEM.
 * Tests:   tests/host/fs_walk_test.c
 */
#pragma once

#include "kernel/core/spinlock.h"
#include "kernel/lib/util.h"
#include "shared/linux/capability.h"

struct dentry;

/* Supplementary groups: constant once made, shared by every context that has them. */
struct group_set {
    uint32_t refs; /* [a] */
    uint32_t ngroups;
    uint32_t gids[];
};

struct credentials {
    uint32_t uid, euid, suid, fsuid;
    uint32_t gid, egid, sgid, fsgid;
    struct group_set *groups; /* counted; NULL: none */
    /* Sets of capabilities, bit N for number N: capabilities(7). Ambient ones are permitted and
     * inheritable, effective ones permitted. */
    uint64_t effective, permitted, inheritable, bounding, ambient;
    uint64_t securebits; /* LX_SECBIT_* */
};
#define CAPABILITIES_ALL ((1ULL << (LX_CAP_LAST_CAP + 1)) - 1)

/* What CLONE_FS shares. a atomic   l lock */
struct fs_struct {
    struct spinlock lock;
    uint32_t refs;       /* [a] */
    uint32_t claims;     /* [l] tasks that execute and rely on it that none comes to share it */
    uint32_t umask;      /* [a] */
    struct dentry *root; /* [l] counted */
    struct dentry *cwd;  /* [l] counted */
};

struct fs_context {
    struct fs_struct *place; /* counted */
    struct credentials cred;
};

/* Root user, root and working directory at the root of the file system, umask 022. */
MUST_CHECK int fs_context_create(struct fs_context **out_context);
/* The context of a new task: credentials copied, the place shared or copied. -EAGAIN: it is
 * claimed. */
MUST_CHECK int fs_context_fork(const struct fs_context *parent, bool share_place,
                               struct fs_context **out_context);
void fs_context_destroy(struct fs_context *context);
/* From here to fs_context_release no task comes to share the place. False: more references than
 * those. */
MUST_CHECK bool fs_context_claim(struct fs_context *context, uint32_t refs);
void fs_context_release(struct fs_context *context);

/* CLONE_FS: another context has the same place. */
static inline bool fs_context_is_shared(const struct fs_context *context)
{
    return __atomic_load_n(&context->place->refs, __ATOMIC_ACQUIRE) > 1;
}
/* A copy of the place: one reference. */
MUST_CHECK int fs_context_copy_place(const struct fs_context *context, struct fs_struct **out_copy);
void fs_struct_put(struct fs_struct *place);

/* Each returns a counted reference. */
struct dentry *fs_context_root(struct fs_context *context);
struct dentry *fs_context_cwd(struct fs_context *context);

/* Both take over one reference to the directory. */
void fs_context_set_root(struct fs_context *context, struct dentry *directory);
void fs_context_set_cwd(struct fs_context *context, struct dentry *directory);

/* The directories that are that place become the other one, of which each takes a reference; the
 * former ones become the caller's to put, as many as this says. Under spinlocks. */
struct vfs_path;
unsigned fs_struct_replace(struct fs_struct *place, struct vfs_path old, struct dentry *directory,
                           struct dentry *dropped[2]);

static inline uint32_t fs_context_umask(const struct fs_context *context)
{
    return __atomic_load_n(&context->place->umask, __ATOMIC_RELAXED);
}

/* Whether gid is the context's file-system group or one of its supplementary groups. */
struct inode;
/* The permissions of a new file in that directory: without what the umask takes, and without a
 * set-group-ID bit that would make programs of a group its maker is not in. The mode as it was
 * asked for decides on that, before the umask. */
uint32_t fs_context_new_mode(const struct fs_context *context, const struct inode *dir,
                             uint32_t mode);
bool credentials_in_group(const struct credentials *cred, uint32_t gid);

/* The one way to ask for a right: LX_CAP_*. */
static inline bool credentials_capable(const struct credentials *cred, unsigned capability)
{
    return cred->effective >> capability & 1;
}
/* Reserves kept for those that mend a machine, and limits of users that do not hold for them. */
static inline bool credentials_unlimited(const struct credentials *cred)
{
    return cred->effective & (1ULL << LX_CAP_SYS_RESOURCE | 1ULL << LX_CAP_SYS_ADMIN);
}

/* Nothing but that user, and group of the same number. Root has all capabilities, others none. */
struct credentials credentials_of_user(uint32_t uid);

MUST_CHECK int group_set_create(uint32_t ngroups, struct group_set **out_set); /* gids unset */
void group_set_get(struct group_set *set);                                     /* NULL is fine */
void group_set_put(struct group_set *set);                                     /* NULL is fine */
