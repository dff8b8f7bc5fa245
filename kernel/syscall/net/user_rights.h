/* SPDX-License-Identifier: MIT */
/*
 * syscall/net/user_rights.h - descriptors in control messages (SCM_RIGHTS)
 *
 * Owns:    nothing.
 * Used by: sys_message.c.
 * Context: a system call; no lock held.
 * Fails:   -EBADF, -EINVAL, -EFAULT, -ENOMEM.
 * Tests:   tests/user/net/unix_rights.c
 */
#pragma once

#include "kernel/lib/util.h"
#include "shared/linux/socket.h"

struct socket_rights;
struct task;

/* The descriptors of one control message, whose header and length are checked, come behind those of
 * *rights, which may be NULL. On failure *rights is what it was. */
MUST_CHECK int user_rights_get(struct task *self, struct uptr control,
                               const struct lx_cmsghdr *header, struct socket_rights **rights);

/* As many as there is room for get numbers, which are written behind a header. The bytes used; the
 * caller compares `*count` with what there was: the rest stays with the rights. */
uint64_t user_rights_put(struct task *self, struct socket_rights *rights, struct uptr control,
                         uint64_t room, bool cloexec, uint32_t *count);
