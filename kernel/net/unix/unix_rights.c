/* SPDX-License-Identifier: MIT */
/*
 * AF_UNIX: open files in messages (SCM_RIGHTS).
 *
 * Files are in flight from the making of a message until a receiver has arrived with them or the
 * message is dropped. They count on the sending user's account, since no table does. Of sockets it
 * is also known which are in flight and how often: unix_gc.c finds those that nothing but messages
 * leads to. It looks at all of them with flight_lock held; no file comes out of a queue into a
 * program's hands meanwhile, because a receiver passes through flight_lock first
 * (unix_rights_land).
 *
 * To drop a file may close a socket, whose messages have files in turn, and so on for as many
 * sockets as a program makes: rights that are dropped on the way are put into a list of the thread,
 * and follow one after the other. All are closed when the first call returns.
 */
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_charge.h"
#include "kernel/net/rights.h"
#include "kernel/net/unix/unix_internal.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/thread.h"
#include "shared/linux/errno.h"

struct mutex unix_flight_lock = MUTEX_INIT(MUTEX_INODE);
struct list unix_flight = LIST_INIT(unix_flight);

int socket_rights_create(uint32_t count, struct socket_rights **out_rights)
{
    struct socket_rights *rights = kzalloc(sizeof(*rights) + count * sizeof(rights->files[0]));

    if (!rights)
        return -ENOMEM;
    rights->count = count;
    *out_rights = rights;
    return 0;
}

struct unix_socket *unix_of_file(const struct file *file)
{
    struct socket *socket = file ? socket_of(file) : NULL;

    return socket && socket->domain == LX_AF_UNIX ? unix_of(socket) : NULL;
}

static bool has_socket(const struct socket_rights *rights)
{
    for (uint32_t i = 0; i < rights->count; i++) {
        if (unix_of_file(rights->files[i]))
            return true;
    }
    return false;
}

/* Each file counts; of a socket it is noted. */
static void flight_change(struct socket_rights *rights, bool enters)
{
    if (!has_socket(rights))
        return;
    mutex_lock(&unix_flight_lock);
    for (uint32_t i = 0; i < rights->count; i++) {
        struct unix_socket *sock = unix_of_file(rights->files[i]);

        if (!sock)
            continue;
        if (enters && sock->in_flight++ == 0)
            list_push_back(&unix_flight, &sock->flight_link);
        else if (!enters && --sock->in_flight == 0)
            list_remove(&sock->flight_link);
    }
    mutex_unlock(&unix_flight_lock);
}

/* What a user has in flight without a way to get at it is found before it asks again. */
int unix_rights_depart(struct socket_rights *rights)
{
    struct user_charge *user = user_charge_get(socket_caller->uid());
    int64_t count = rights->count;

    if (!user)
        return -ENOMEM;
    if (user_charge_add(user, CHARGE_RIGHTS, count) - count > rights->limit) {
        user_charge_add(user, CHARGE_RIGHTS, -count);
        user_charge_put(user);
        unix_gc_later();
        return -ETOOMANYREFS;
    }
    rights->user = user;
    flight_change(rights, true);
    return 0;
}

/* Also those that a peek has copied, and that were never in flight themselves: the lock alone
 * counts for them. */
void unix_rights_land(struct socket_rights *rights)
{
    if (rights->user) {
        flight_change(rights, false);
        user_charge_add(rights->user, CHARGE_RIGHTS, -(int64_t)rights->count);
        user_charge_put(rights->user);
        rights->user = NULL;
    } else if (has_socket(rights)) {
        mutex_lock(&unix_flight_lock);
        mutex_unlock(&unix_flight_lock);
    }
}

/* For MSG_PEEK: the message keeps its own. Without memory NULL: the program is told that they are
 * cut. */
struct socket_rights *unix_rights_copy(const struct socket_rights *rights)
{
    struct socket_rights *copy;

    if (socket_rights_create(rights->count, &copy))
        return NULL;
    for (uint32_t i = 0; i < rights->count; i++) {
        file_get(rights->files[i]);
        copy->files[i] = rights->files[i];
    }
    return copy;
}

static void rights_drop(struct socket_rights *rights)
{
    if (rights->user)
        unix_rights_land(rights);
    for (uint32_t i = 0; i < rights->count; i++) {
        if (rights->files[i])
            file_put(rights->files[i]);
        sched_preempt_point();
    }
    kfree(rights);
}

void socket_rights_free(struct socket_rights *rights)
{
    struct thread *self = thread_current();
    struct list dropped, *node;

    if (!rights)
        return;
    if (self->dropped_rights) {
        list_push_back(self->dropped_rights, &rights->link);
        return;
    }
    list_init(&dropped);
    list_push_back(&dropped, &rights->link);
    self->dropped_rights = &dropped;
    while ((node = list_pop_front(&dropped)) != NULL)
        rights_drop(list_entry(node, struct socket_rights, link));
    self->dropped_rights = NULL;
    unix_gc_later();
}
