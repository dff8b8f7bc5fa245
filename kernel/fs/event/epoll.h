/* SPDX-License-Identifier: MIT */
/*
 * fs/event/epoll.h - epoll: files that are watched together
 *
 * Owns:    struct epoll, the private state of an epoll's file; an item for each (file, number) that
 *          it watches, and the list of a file's items.
 * Used by: the system calls; vfs/file.c, when a file goes.
 * Locks:   epoll.lock, a mutex, rank EPOLL, of an epoll before those that it watches; the lock of
 *          the graph, a mutex, rank EPOLL_GRAPH. Wake-ups take no lock of an epoll.
 * Context: thread, no lock of rank EPOLL or later held.
 * Fails:   -ENOMEM, -ENOSPC (too many items of the user), what epoll_ctl(2) says.
 * Tests:   tests/user/event/epoll_*.c
 */
#pragma once

#include "kernel/fs/vfs/file.h"
#include "shared/linux/event.h"

void epoll_init_cache(void);

/* One reference. cred: of the opener. */
MUST_CHECK int epoll_create(uint32_t flags, const struct credentials *cred, struct file **out_file);
bool file_is_epoll(const struct file *file);

/* epoll_ctl(2) but for what can be said without the files: both are held, and `epoll` is one. */
MUST_CHECK int epoll_control(struct file *epoll, int operation, struct file *file, int fd,
                             const struct lx_epoll_event *event);

/* kcmp(2): the file that it watches by that number, for its address only; of several the one that
 * comes after `skip` others. -EINVAL: no epoll; -ENOENT. */
MUST_CHECK int epoll_find_target(struct file *epoll, int fd, uint32_t skip, const void **out_file);

/* Up to `count` events, written to the program: how many; 0 when the time is up, -EINTR,
 * -EFAULT; -EINVAL: the file is no epoll.
 * deadline_ns: monotonic, 0 for none. */
MUST_CHECK int epoll_wait_for(struct file *epoll, struct uptr events, unsigned count, bool no_wait,
                              uint64_t deadline_ns);

/* The last reference to a watched file has gone: no epoll has it any more. */
void epoll_file_is_gone(struct file *file);

/* Files that the epolls of one user may watch. */
uint64_t epoll_watches_max(void);
