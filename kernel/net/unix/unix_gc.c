/* SPDX-License-Identifier: MIT */
/*
 * AF_UNIX: sockets that only messages lead to, in queues that no program can read any more.
 *
 * A socket may be sent into its own queue, or two into each other's. When their descriptors are
 * closed the references in the messages remain, and no close comes any more. The collector looks at
 * every socket in flight, under flight_lock:
 *  1. One that has as many references as are in flight is a candidate: no table has it. This stays
 *     so during the scan: a new reference is made out of one that a table has, or comes out of a
 *     queue, and no receiver gets past flight_lock.
 *  2. For each candidate, the references to candidates in its queue are counted. A listener's queue
 *     are those of the connections that it has not accepted.
 *  3. A candidate with references that are not among these is reachable: from the queue of a socket
 *     that is in use, or from a message that is not queued yet or has just been taken out. So are
 *     all candidates in its queue, and in theirs.
 *  4. What is left can never be read again: messages with files are taken out of their queues and
 *     dropped, behind the lock.
 * Messages that come into a queue during the scan make a candidate reachable at most, because their
 * files were in flight, and not counted in any queue.
 *
 * It runs as deferred work, when a socket has been closed or rights were dropped while sockets are
 * in flight. A cycle whose last descriptor goes without either stays until the next time, as on
 * Linux.
 */
#include "kernel/lib/assert.h"
#include "kernel/net/rights.h"
#include "kernel/net/unix/unix.h"
#include "kernel/net/unix/unix_internal.h"
#include "kernel/sched/deferred.h"
#include "kernel/sched/sched.h"

enum gc_state { GC_NONE, GC_CANDIDATE, GC_LIVE };

static void gc_work(struct deferred *item);
static struct deferred gc_item = DEFERRED_INIT(gc_work);

/* --- what is in a queue --- */

/* The next connection that waits to be accepted. None is taken out of a candidate's queue: that
 * would be by its file. */
static COLD struct unix_socket *pending_next(struct unix_socket *sock, struct unix_socket *child)
{
    struct list *node;

    mutex_lock(&sock->lock);
    node = child ? child->pending_link.next : sock->pending.next;
    mutex_unlock(&sock->lock);
    return node == &sock->pending ? NULL : list_entry(node, struct unix_socket, pending_link);
}

static COLD void queue_visit(struct unix_socket *sock, struct list *live,
                             void (*visit)(struct unix_socket *found, struct list *live))
{
    mutex_lock(&sock->lock);
    list_for_each (node, &sock->queue) {
        const struct socket_rights *rights = list_entry(node, struct unix_message, link)->rights;

        for (uint32_t i = 0; rights && i < rights->count; i++) {
            struct unix_socket *found = unix_of_file(rights->files[i]);

            if (found && found->gc_state == GC_CANDIDATE)
                visit(found, live);
        }
        sched_preempt_point();
    }
    mutex_unlock(&sock->lock);
}

static COLD void candidate_visit(struct unix_socket *sock, struct list *live,
                                 void (*visit)(struct unix_socket *found, struct list *live))
{
    queue_visit(sock, live, visit);
    for (struct unix_socket *child = NULL; (child = pending_next(sock, child)) != NULL;)
        queue_visit(child, live, visit);
}

/* --- the steps --- */

static COLD void candidates_find_locked(struct list *candidates)
{
    ASSERT(mutex_is_held(&unix_flight_lock));
    list_for_each (node, &unix_flight) {
        struct unix_socket *sock = list_entry(node, struct unix_socket, flight_link);
        uint32_t refs = __atomic_load_n(&sock->base.file->refs, __ATOMIC_SEQ_CST);

        ASSERT(refs >= sock->in_flight);
        if (refs == sock->in_flight) {
            sock->gc_state = GC_CANDIDATE;
            sock->gc_refs = sock->in_flight;
            list_push_back(candidates, &sock->gc_link);
        }
        sched_preempt_point();
    }
}

static COLD void reference_count(struct unix_socket *found, struct list *live)
{
    (void)live;
    found->gc_refs--;
}

static COLD void mark_live(struct unix_socket *found, struct list *live)
{
    found->gc_state = GC_LIVE;
    list_remove(&found->gc_link);
    list_push_back(live, &found->gc_link);
}

/* Those that are reachable leave the candidates. */
static COLD void live_take_locked(struct list *candidates, struct list *live)
{
    ASSERT(mutex_is_held(&unix_flight_lock));
    list_for_each (node, candidates)
        candidate_visit(list_entry(node, struct unix_socket, gc_link), NULL, reference_count);
    list_for_each_safe (node, candidates) {
        struct unix_socket *sock = list_entry(node, struct unix_socket, gc_link);

        if (sock->gc_refs > 0)
            mark_live(sock, live);
    }
    /* The list grows at its end while it is gone through. */
    list_for_each (node, live)
        candidate_visit(list_entry(node, struct unix_socket, gc_link), live, mark_live);
}

static COLD void queue_purge(struct unix_socket *sock, struct list *messages)
{
    mutex_lock(&sock->lock);
    list_for_each_safe (node, &sock->queue) {
        struct unix_message *message = list_entry(node, struct unix_message, link);

        if (message->rights) {
            unix_unqueue_locked(sock, message);
            list_push_back(messages, &message->link);
        }
        sched_preempt_point();
    }
    mutex_unlock(&sock->lock);
}

static COLD void garbage_purge_locked(struct list *garbage, struct list *messages)
{
    ASSERT(mutex_is_held(&unix_flight_lock));
    list_for_each (node, garbage) {
        struct unix_socket *sock = list_entry(node, struct unix_socket, gc_link);

        queue_purge(sock, messages);
        for (struct unix_socket *child = NULL; (child = pending_next(sock, child)) != NULL;)
            queue_purge(child, messages);
    }
}

static COLD void marks_clear(struct list *marked)
{
    struct list *node;

    while ((node = list_pop_front(marked)) != NULL)
        list_entry(node, struct unix_socket, gc_link)->gc_state = GC_NONE;
}

COLD void unix_gc(void)
{
    struct list candidates, live, messages;

    if (list_empty(&unix_flight))
        return;
    list_init(&candidates);
    list_init(&live);
    list_init(&messages);
    mutex_lock(&unix_flight_lock);
    candidates_find_locked(&candidates);
    live_take_locked(&candidates, &live);
    garbage_purge_locked(&candidates, &messages);
    marks_clear(&candidates);
    marks_clear(&live);
    mutex_unlock(&unix_flight_lock);
    unix_messages_free(&messages);
}

static COLD void gc_work(struct deferred *item)
{
    (void)item;
    unix_gc();
}

void unix_gc_later(void)
{
    if (!list_empty(&unix_flight))
        deferred_queue(&gc_item);
}
