/* SPDX-License-Identifier: MIT */
/*
 * proc/ipc/shm.h - System V shared memory
 *
 * Owns:    segments: objects of shared memory (vm/vm_shared.h) that have an id, and live until they
 *          were removed and no area has them any more.
 * Used by: syscall/ipc/sys_shm.c.
 * Locks:   those of proc/ipc/ipc.h.
 * Fails:   as shmget(2), shmop(2) and shmctl(2) have it.
 * Tests:   tests/user/ipc/shm_*.c
 */
#pragma once

#include "kernel/proc/ipc/ipc.h"

struct lx_shm_info;
struct task;

/* Where it is, at any place or at that one; flags of shmat(2). */
MUST_CHECK int shm_attach(struct task *self, int id, uint64_t address, int flags, uint64_t *out);
MUST_CHECK int shm_detach(struct task *self, uint64_t address);

MUST_CHECK int shm_lock(struct task *self, int id, bool lock);
/* The highest index in use. */
int shm_info(const struct task *self, struct lx_shm_info *info);
