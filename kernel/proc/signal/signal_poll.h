/* SPDX-License-Identifier: MIT */
/*
 * proc/signal/signal_poll.h - epolls that wait for the signals of a process
 *
 * Owns:    struct signal_poll: the poll head of a process, made when a file of signalfd gets into
 *          an epoll for the first time.
 * Used by: signalfd, the senders of signals, the end of a process.
 * Rule:    an item of an epoll watches the signals of the process that added it, and may outlive
 *          that: each of its hooks holds a reference to the head, as the process does.
 * Locks:   none of its own; told with process.lock held.
 * Context: threads.
 * Fails:   NULL without memory.
 * Tests:   tests/user/signal/signal_epoll.c
 */
#pragma once

struct poll_head;
struct signal_poll;
struct task;

/* Of the caller's process, kept by that. */
struct poll_head *signal_poll_head(struct task *self);
/* A signal has been queued; process.lock may be held. */
void signal_poll_wake(struct signal_poll *poll);
void signal_poll_put(struct signal_poll *poll);
