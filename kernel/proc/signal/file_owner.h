/* SPDX-License-Identifier: MIT */
/*
 * proc/signal/file_owner.h - signals about files: F_SETOWN, F_SETSIG, O_ASYNC
 *
 * Owns:    the record of an open file that says which process or group gets its signals, and its
 *          hook with what becomes ready. The protocol is in file_owner.c.
 * Used by: fcntl, ioctl; the return to ring 3; by way of file->owner what reports events of files
 *          (leases, dnotify) and the end of a file.
 * Locks:   owner_lock, a mutex, rank FILE_OWNER, inside.
 * Context: thread, no lock of that rank or later held.
 * Fails:   -ENOMEM, -ESRCH.
 * Tests:   tests/user/signal/sigio.c
 */
#pragma once

#include "kernel/lib/util.h"

struct file;
struct task;

/* Of F_SETOWN_EX, in its numbers. */
enum file_owner_kind { FILE_OWNER_TASK, FILE_OWNER_PROCESS, FILE_OWNER_GROUP };

/* number 0: none. force: in place of one that there is. */
MUST_CHECK int file_owner_set(struct file *file, enum file_owner_kind kind, int number, bool force);
/* The number, 0 if there is none or it is gone. */
int file_owner_get(struct file *file, enum file_owner_kind *out_kind);
/* Real and effective user of the task that set it. */
void file_owner_users(struct file *file, uint32_t out_users[2]);
/* The signal instead of SIGIO; 0: SIGIO itself. */
MUST_CHECK int file_owner_set_signal(struct file *file, int number);
int file_owner_signal(struct file *file);
/* As F_SETOWN with 0 and F_SETSIG with 0 would leave it. Cannot fail. */
void file_owner_clear(struct file *file);

/* O_ASYNC on or off; fd is what the signals say. A file without it stays as it is. */
MUST_CHECK int file_owner_async(struct file *file, int fd, bool on);
/* F_NOTIFY or F_SETLEASE: events that are reported from now on are told as that descriptor's; the
 * caller's process is the owner unless there is one. */
MUST_CHECK int file_owner_watch(struct file *file, int fd);

/* What the caller's call has made happen is sent: on its way to ring 3. */
void file_owner_flush(void);
