/* SPDX-License-Identifier: MIT */
/*
 * Messages of AF_UNIX: made with the sender's bytes, charged until they are received.
 *
 * The sender copies its bytes into the kernel before it takes any lock, so its pages may be brought
 * in on the way. A message counts in the buffer of its sender (SO_SNDBUF) and in the account of the
 * sender's user until the receiver has taken it or is gone; that is why it holds its sender. So
 * what a socket keeps in memory is bounded by its own buffer, wherever the bytes wait.
 *
 * Room in the buffer is reserved before the message is made: as long as less than the whole of it
 * is in use one more message goes in, whatever its size, and of several senders at once one.
 *
 * A sender that finds its buffer full enters `writable` before it looks; a message that is freed
 * takes back its charge before it looks for waiters. Both have a full barrier in between.
 */
#include "kernel/lib/assert.h"
#include "kernel/lib/restart.h"
#include "kernel/mm/slab.h"
#include "kernel/net/rights.h"
#include "kernel/net/unix/unix_internal.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define OVERHEAD 256 /* beside the bytes: the message, the rest of its block */

static uint32_t cost_of(size_t nbytes)
{
    return (uint32_t)nbytes + OVERHEAD;
}

void unix_unreserve(struct unix_socket *sender, size_t nbytes)
{
    __atomic_fetch_sub(&sender->sent_bytes, cost_of(nbytes), __ATOMIC_SEQ_CST);
    unix_wake_writers(sender);
}

static bool has_room(const struct unix_socket *sender)
{
    return __atomic_load_n(&sender->sent_bytes, __ATOMIC_SEQ_CST) < sender->base.send_buffer ||
           __atomic_load_n(&sender->shut, __ATOMIC_RELAXED) & UNIX_SHUT_SEND;
}

/* -EPIPE: it may not send any more; -EAGAIN: its buffer is full. */
static int try_reserve(struct unix_socket *sender, uint32_t cost)
{
    uint64_t used = __atomic_load_n(&sender->sent_bytes, __ATOMIC_RELAXED);

    do {
        if (__atomic_load_n(&sender->shut, __ATOMIC_RELAXED) & UNIX_SHUT_SEND)
            return -EPIPE;
        if (used >= sender->base.send_buffer)
            return -EAGAIN;
    } while (!__atomic_compare_exchange_n(&sender->sent_bytes, &used, used + cost, true,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return 0;
}

static int await_room(struct unix_socket *sender, uint64_t deadline_ns)
{
    struct waiter self;
    int err = 0;

    waitq_enter(&sender->writable, &self);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!has_room(sender))
        err = waitq_sleep(&self, 1, deadline_ns);
    waitq_leave(&sender->writable, &self);
    return err;
}

int unix_reserve(struct unix_socket *sender, size_t nbytes, bool wait)
{
    int err = try_reserve(sender, cost_of(nbytes));
    uint64_t timeout_ns, deadline_ns;

    if (likely(err != -EAGAIN))
        return err;
    socket_note_no_space(&sender->base);
    if (!wait)
        return try_reserve(sender, cost_of(nbytes));
    timeout_ns = sender->base.send_timeout_ns;
    deadline_ns = socket_deadline(timeout_ns);
    while (err == -EAGAIN) {
        err = await_room(sender, deadline_ns);
        if (err)
            return socket_wait_error(err, timeout_ns);
        err = try_reserve(sender, cost_of(nbytes));
    }
    return err;
}

/* With the sender's bytes in it, and charged to its user. */
static int message_alloc(struct unix_socket *sender, struct socket_message *from, size_t nbytes,
                         struct unix_message **out_message)
{
    struct unix_message *message = kmalloc(sizeof(*message) + nbytes);
    int err;

    if (!message)
        return -ENOBUFS;
    message->nbytes = (uint32_t)nbytes;
    message->offset = 0;
    message->sender_name = NULL;
    message->rights = NULL;
    message->urgent = false;
    message->has_credentials = from->has_credentials;
    message->credentials = from->credentials;
    if (user_iter_get(from->io, message->data, nbytes) < nbytes)
        err = -EFAULT;
    else
        err = socket_charge(sender->user, cost_of(nbytes));
    if (err)
        goto free_message;
    /* Files go with the first message that is made of a send. */
    err = from->rights ? unix_rights_depart(from->rights) : 0;
    if (err)
        goto uncharge;
    message->rights = from->rights;
    from->rights = NULL;
    *out_message = message;
    return 0;

uncharge:
    socket_uncharge(sender->user, cost_of(nbytes));
free_message:
    kfree(message);
    return err;
}

int unix_message_create(struct unix_socket *sender, struct socket_message *from, size_t nbytes,
                        struct unix_message **out_message)
{
    struct unix_message *message;
    int err = unix_reserve(sender, nbytes, from->wait);

    if (err)
        return err;
    err = message_alloc(sender, from, nbytes, &message);
    if (err) {
        unix_unreserve(sender, nbytes);
        return err;
    }
    unix_get(sender);
    message->sender = sender;
    /* A name is set once: seen, it stays as long as the socket. */
    struct unix_name *name = __atomic_load_n(&sender->name, __ATOMIC_ACQUIRE);
    if (name) {
        __atomic_fetch_add(&name->refs, 1, __ATOMIC_RELAXED);
        message->sender_name = name;
    }
    *out_message = message;
    return 0;
}

void unix_message_free(struct unix_message *message)
{
    struct unix_socket *sender = message->sender;
    struct socket_rights *rights = message->rights;

    socket_uncharge(sender->user, cost_of(message->nbytes));
    unix_unreserve(sender, message->nbytes);
    unix_put(sender);
    unix_name_put(message->sender_name);
    kfree(message);
    socket_rights_free(rights);
}

/* The lengths are those of what is left of it. */
void unix_unqueue_locked(struct unix_socket *receiver, struct unix_message *message)
{
    ASSERT(mutex_is_held(&receiver->lock));
    list_unlink(&message->link);
    __atomic_store_n(&receiver->nmessages, receiver->nmessages - 1, __ATOMIC_SEQ_CST);
    receiver->nbytes -= message->nbytes - message->offset;
}

void unix_messages_free(struct list *messages)
{
    struct list *node;

    while ((node = list_pop_front(messages)) != NULL) {
        unix_message_free(list_entry(node, struct unix_message, link));
        sched_preempt_point();
    }
}
