/* SPDX-License-Identifier: MIT */
/*
 * proc/ipc/sem.h - System V semaphores
 *
 * Owns:    arrays of semaphores, the tasks that wait for them, what is to be undone at a task's
 * end. Used by: syscall/ipc/sys_sem.c; fork and exit, for undoing. Locks:   those of
 * proc/ipc/ipc.h; sem_undo_list.lock, a mutex, rank INODE, never with that of the table. Fails: as
 * semget(2), semop(2) and semctl(2) have it; -ENOMEM where messages and semaphores together pass
 * their part of memory. Tests:   tests/user/ipc/sem_*.c
 */
#pragma once

#include "kernel/proc/ipc/ipc.h"

struct lx_sembuf;
struct lx_seminfo;
struct task;

MUST_CHECK int sem_get(struct task *self, int key, int nsems, int flags);
/* All of the operations at once. deadline_ns: monotonic, 0 for none. */
MUST_CHECK int sem_operate(struct task *self, int id, const struct lx_sembuf *ops, unsigned nops,
                           uint64_t deadline_ns);

/* LX_GETVAL, GETPID, GETNCNT, GETZCNT. */
MUST_CHECK int sem_value(struct task *self, int id, int number, int command);
MUST_CHECK int sem_set_value(struct task *self, int id, int number, int value);
/* All values, of kmalloc, for the caller to free; and the other way round. */
MUST_CHECK int sem_values(struct task *self, int id, uint16_t **out_values, unsigned *count);
MUST_CHECK int sem_count(struct task *self, int id, unsigned *count);
MUST_CHECK int sem_set_values(struct task *self, int id, const uint16_t *values, unsigned count);
/* The highest index in use. */
int sem_info(const struct task *self, struct lx_seminfo *info);

/* A new task: what is to be undone is shared with the caller's (CLONE_SYSVSEM), or nothing yet. The
 * last step of fork that can fail: -ENOMEM. */
MUST_CHECK int sem_fork(struct task *self, struct task *child, bool share);
/* The task ends: undone by the last one that shares it. */
void sem_exit(struct task *self);
