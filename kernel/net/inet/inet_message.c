/* SPDX-License-Identifier: MIT */
/*
 * Messages of AF_INET and AF_INET6: bytes of a stream or a datagram on their way, and what the two
 * ways to receive them have in common.
 *
 * The sender copies its bytes into the kernel before it takes any lock, so its pages may be brought
 * in on the way. A message is charged to its sender's user until it is received; a stream's
 * counts in its sender's buffer as well, whose waiters are woken when it goes.
 *
 * Bytes are copied to a program under the socket's lock, with faults disabled: what is in the queue
 * is either taken or not, whatever the program does to its pages meanwhile. At a page that is not
 * there the lock is dropped, the page brought in, and the copy goes on from where the queue is by
 * then.
 */
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/net/inet/inet_internal.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

int inet_message_create(struct inet_socket *sender, struct user_iter *from, size_t nbytes,
                        size_t room, uint32_t overhead, struct inet_message **out_message)
{
    struct inet_message *message = kmalloc(sizeof(*message) + room);
    int err;

    if (!message)
        return -ENOBUFS;
    message->nbytes = (uint32_t)nbytes;
    message->offset = 0;
    message->room = (uint32_t)room;
    message->charged = (uint32_t)room + overhead;
    if (user_iter_get(from, message->data, nbytes) < nbytes)
        err = -EFAULT;
    else
        err = socket_charge(sender->user, message->charged);
    if (err) {
        kfree(message);
        return err;
    }
    if (inet_is_stream(sender))
        __atomic_fetch_add(&sender->sent_bytes, message->charged, __ATOMIC_RELAXED);
    inet_get(sender);
    message->sender = sender;
    *out_message = message;
    return 0;
}

void inet_message_free(struct inet_message *message)
{
    struct inet_socket *sender = message->sender;

    socket_uncharge(sender->user, message->charged);
    if (inet_is_stream(sender)) {
        __atomic_fetch_sub(&sender->sent_bytes, message->charged, __ATOMIC_SEQ_CST);
        inet_wake_writers(sender);
    }
    inet_put(sender);
    kfree(message);
}

void inet_messages_free(struct list *messages)
{
    struct list *node;

    while ((node = list_pop_front(messages)) != NULL) {
        inet_message_free(list_entry(node, struct inet_message, link));
        sched_preempt_point();
    }
}

/* --- receiving --- */

void inet_receive_init(struct inet_receive *receive, struct socket *socket,
                       struct socket_message *message)
{
    receive->sock = inet_of(socket);
    receive->to = message;
    list_init(&receive->used);
    receive->faults = 0;
    receive->hole = false;
    receive->timeout_ns = socket->receive_timeout_ns;
    receive->deadline_ns = message->wait ? socket_deadline(receive->timeout_ns) : 0;
    receive->total = 0;
}

int inet_receive_wait_locked(struct inet_receive *receive)
{
    int err;

    ASSERT(mutex_is_held(&receive->sock->lock));
    if (!receive->to->wait)
        return -EAGAIN;
    err = waitq_wait(&receive->sock->readable, &receive->sock->lock, receive->deadline_ns);
    return err ? socket_wait_error(err, receive->timeout_ns) : 0;
}

/* The number of messages is what poll looks at. */
void inet_receive_take_out_locked(struct inet_receive *receive, struct inet_message *message)
{
    struct inet_socket *sock = receive->sock;

    ASSERT(mutex_is_held(&sock->lock));
    list_unlink(&message->link);
    list_push_back(&receive->used, &message->link);
    inet_publish(&sock->nmessages, sock->nmessages - 1);
    sock->nbytes -= message->nbytes - message->offset;
}
