/* SPDX-License-Identifier: MIT */
/*
 * AF_UNIX: a connected datagram socket is writable only while its peer's queue has room.
 *
 * poll takes no mutex, since epoll calls it under its own. So the peer of a socket changes under
 * both the socket's lock and one spinlock, under which poll follows it. A socket whose peer is full
 * becomes one of its watchers; whatever makes room in the queue, or changes whom the peer talks to,
 * takes the watchers out and notifies poll of each. A watcher counts no reference: it leaves before
 * its own goes, with unix_set_peer.
 *
 * The watcher enters before it looks at the queue, and the receiver changes the queue before it
 * looks for watchers: one of them sees the other.
 */
#include "kernel/lib/assert.h"
#include "kernel/net/unix/unix_internal.h"
#include "kernel/sched/sched.h"

static struct spinlock watch_lock = SPINLOCK_INIT(SPIN_SOCKNAME);

void unix_set_peer(struct unix_socket *sock, struct unix_socket *peer)
{
    if (unix_is_connection(sock)) {
        __atomic_store_n(&sock->peer, peer, __ATOMIC_RELEASE);
        return;
    }
    spin_lock(&watch_lock);
    list_remove(&sock->watch_link);
    __atomic_store_n(&sock->peer, peer, __ATOMIC_RELEASE);
    spin_unlock(&watch_lock);
}

static bool watch_locked(struct unix_socket *sock, struct unix_socket *peer)
{
    ASSERT(spin_is_held(&watch_lock));
    list_remove(&sock->watch_link);
    list_push_back(&peer->watchers, &sock->watch_link);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&peer->nmessages, __ATOMIC_RELAXED) > UNIX_DATAGRAMS_MAX)
        return true;
    list_remove(&sock->watch_link);
    return false;
}

bool unix_watch_peer(struct unix_socket *sock)
{
    struct unix_socket *peer = __atomic_load_n(&sock->peer, __ATOMIC_RELAXED);
    bool full = false;

    if (!peer || unix_is_connection(sock))
        return false;
    spin_lock(&watch_lock);
    peer = sock->peer;
    if (peer && peer->peer != sock &&
        __atomic_load_n(&peer->nmessages, __ATOMIC_RELAXED) > UNIX_DATAGRAMS_MAX)
        full = watch_locked(sock, peer);
    spin_unlock(&watch_lock);
    return full;
}

/* Referenced: it may be closed as soon as the lock is dropped. */
static struct unix_socket *watcher_take(struct list *watchers)
{
    struct unix_socket *watcher = NULL;
    struct list *node;

    spin_lock(&watch_lock);
    node = list_pop_front(watchers);
    if (node) {
        watcher = list_entry(node, struct unix_socket, watch_link);
        unix_get(watcher);
    }
    spin_unlock(&watch_lock);
    return watcher;
}

/* Those that watch again meanwhile are in another list: this one only gets shorter. */
void unix_wake_senders(struct unix_socket *sock)
{
    struct unix_socket *watcher;
    struct list watchers;

    unix_wake_writers(sock);
    if (likely(list_empty(&sock->watchers)))
        return;
    list_init(&watchers);
    spin_lock(&watch_lock);
    if (!list_empty(&sock->watchers))
        list_move_front(&sock->watchers, sock->watchers.prev, &watchers);
    spin_unlock(&watch_lock);
    while ((watcher = watcher_take(&watchers)) != NULL) {
        unix_wake_writers(watcher);
        unix_put(watcher);
        sched_preempt_point();
    }
}
