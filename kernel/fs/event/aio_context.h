/* SPDX-License-Identifier: MIT */
/*
 * fs/event/aio_context.h - what io_setup makes: room for completed requests, until they are read
 *
 * Owns:    struct aio_context, and the page that stands for it in the program's memory.
 * Used by: syscall/fs/sys_aio.c.
 * Locks:   a mutex of its own, of the rank that comes first: events are copied to the program
 *          under it.
 * Context: a system call; no lock held.
 * Fails:   -EAGAIN, -ENOMEM, -EINVAL, -EFAULT, -EINTR.
 * Tests:   tests/user/fs/aio_memory.c
 */
#pragma once

#include "kernel/lib/util.h"
#include "shared/linux/aio.h"

struct aio_context;
struct vm_space;

#define AIO_MAX_NR 65536 /* aio-max-nr: requests of all contexts */

/* The address of its page is its number. */
MUST_CHECK int aio_context_create(struct vm_space *space, uint32_t nrequests, uint64_t *out_id);
/* One reference; NULL: there is none of that number. */
MUST_CHECK struct aio_context *aio_context_find(struct vm_space *space, uint64_t id);
void aio_context_put(struct aio_context *context);
/* What one io_submit looks at, at most: a place more than there are. */
uint32_t aio_context_places(const struct aio_context *context);
/* Tasks that wait in it are woken; its page goes, and with its last use the context. */
bool aio_context_kill(struct vm_space *space, struct aio_context *context, uint64_t id);

/* A place for one event, which is filled or given back. */
MUST_CHECK bool aio_event_reserve(struct aio_context *context);
void aio_event_unreserve(struct aio_context *context);
void aio_event_complete(struct aio_context *context, const struct lx_io_event *event);
/* At least `least` events if there is time, at most `most`. How many; an error if there are none.
 * deadline_ns: 0 for none. */
MUST_CHECK int64_t aio_events_read(struct aio_context *context, int64_t least, int64_t most,
                                   struct uptr user, bool no_wait, uint64_t deadline_ns);
uint64_t aio_requests(void); /* aio-nr */
