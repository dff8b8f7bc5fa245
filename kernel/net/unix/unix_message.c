/* SPDX-License-Identifier: MIT */
/*
 * Messages of AF_UNIX: made with the sender's bytes, charged until they are received.
 *
 * The sender copies its bytes into the kernel before it takes any lock, so its pages may be brought
 * in on the way. A message counts in the buffer of its sender (SO_SNDBUF) and in the account of the
 * sender's user until the receiver has taken it or is gone; that is why it holds its sender. So
 * what a socket keeps in memory is bounded by its own buffer, wherever the bytes wait.
 *
 * A sender that finds its buffer full enters `writable` before it looks; a message that is freed
 * takes back its charge before it looks for waiters. Both have a full barrier in between.
 */
#include "kernel/lib/restart.h"
#include "kernel/mm/slab.h"
#include "kernel/net/unix/unix_internal.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define OVERHEAD 256 /* beside the bytes: the message, the rest of its block */

/* The message counts in its sender's buffer, and holds the sender. */
static int message_charge(struct unix_message *message, struct unix_socket *sender)
{
    int err = unix_charge(sender->user, message->charged);

    if (err)
        return err;
    __atomic_fetch_add(&sender->sent_bytes, message->charged, __ATOMIC_RELAXED);
    unix_get(sender);
    message->sender = sender;
    return 0;
}

static void message_uncharge(struct unix_message *message)
{
    struct unix_socket *sender = message->sender;

    unix_uncharge(sender->user, message->charged);
    __atomic_fetch_sub(&sender->sent_bytes, message->charged, __ATOMIC_SEQ_CST);
    unix_wake_writers(sender);
    unix_put(sender);
}

int unix_message_create(struct unix_socket *sender, struct socket_message *from, size_t nbytes,
                        struct unix_message **out_message)
{
    struct unix_message *message = kmalloc(sizeof(*message) + nbytes);
    int err;

    if (!message)
        return -ENOBUFS;
    message->nbytes = (uint32_t)nbytes;
    message->offset = 0;
    message->charged = (uint32_t)nbytes + OVERHEAD;
    message->sender_name = NULL;
    message->has_credentials = from->has_credentials;
    message->credentials = from->credentials;
    if (user_iter_get(from->io, message->data, nbytes) < nbytes)
        err = -EFAULT;
    else
        err = message_charge(message, sender);
    if (err) {
        kfree(message);
        return err;
    }
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
    message_uncharge(message);
    unix_name_put(message->sender_name);
    kfree(message);
}

void unix_messages_free(struct list *messages)
{
    struct list *node;

    while ((node = list_pop_front(messages)) != NULL) {
        unix_message_free(list_entry(node, struct unix_message, link));
        sched_preempt_point();
    }
}

static bool has_room(const struct unix_socket *sender)
{
    return __atomic_load_n(&sender->sent_bytes, __ATOMIC_SEQ_CST) < sender->base.send_buffer ||
           __atomic_load_n(&sender->shut, __ATOMIC_RELAXED) & UNIX_SHUT_SEND;
}

/* One that may not send any more goes on, too: it is told so by its next step. */
int unix_await_room(struct unix_socket *sender, bool wait)
{
    uint64_t timeout_ns, deadline_ns;
    int err = 0;

    if (likely(has_room(sender)))
        return 0;
    if (!wait)
        return -EAGAIN;
    timeout_ns = sender->base.send_timeout_ns;
    deadline_ns = socket_deadline(timeout_ns);
    while (!err && !has_room(sender)) {
        struct waiter self;

        waitq_enter(&sender->writable, &self);
        if (!has_room(sender))
            err = waitq_sleep(&self, 1, deadline_ns);
        waitq_leave(&sender->writable, &self);
    }
    return err ? socket_wait_error(err, timeout_ns) : 0;
}
