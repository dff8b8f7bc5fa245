/* SPDX-License-Identifier: MIT */
/*
 * Sockets behind open files: families, and what read, write, poll and ioctl mean for a socket.
 *
 * A socket belongs to its file, and goes with it; one that waits in a listener's queue has no file
 * yet. All that differs by family is behind struct socket_ops.
 */
#include "kernel/net/socket.h"
#include "kernel/core/clock.h"
#include "kernel/fs/vfs/poll.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/restart.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/user_charge.h"
#include "kernel/net/inet/inet.h"
#include "kernel/net/interface.h"
#include "kernel/net/netlink/netlink.h"
#include "kernel/net/unix/unix.h"
#include "shared/linux/capability.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/ioctl.h"
#include "shared/linux/poll.h"
#include "shared/linux/stat.h"

#define USER_BYTES_MAX (64LL << 20) /* of one user in all its sockets; root is not held to it */
#define RESERVE_SHIFT  5            /* a thirty-second of memory stays for programs */
#define FAULTS_MAX     8192         /* rounds of one receive */

const struct socket_caller_ops *socket_caller;

void socket_init(const struct socket_caller_ops *caller)
{
    socket_caller = caller;
    unix_init();
    inet_init();
    netlink_init();
}

/* --- creation --- */

/* socket(2): the type is looked at before the family. Which types and protocols a family has is its
 * own to say. */
static int check_kind(int domain, int type)
{
    if (domain < 0 || domain >= LX_AF_MAX)
        return -EAFNOSUPPORT;
    if (type < 0 || type >= LX_SOCK_TYPE_MAX)
        return -EINVAL;
    switch (domain) {
    case LX_AF_UNIX:
    case LX_AF_INET:
    case LX_AF_INET6:
    case LX_AF_NETLINK:
        return 0;
    default:
        return -EAFNOSUPPORT;
    }
}

int socket_create(int domain, int type, int protocol, struct socket **out_socket)
{
    int err = check_kind(domain, type);

    if (err)
        return err;
    if (domain == LX_AF_UNIX)
        return unix_create(type, protocol, out_socket);
    if (domain == LX_AF_NETLINK)
        return netlink_create(type, protocol, out_socket);
    return inet_create(domain, type, protocol, out_socket);
}

/* Both or none. Only AF_UNIX has pairs. */
COLD int socket_create_pair(int domain, int type, int protocol, struct socket *out_pair[2])
{
    int err = socket_create(domain, type, protocol, &out_pair[0]);

    if (err)
        return err;
    err = socket_create(domain, type, protocol, &out_pair[1]);
    if (err) {
        socket_release(out_pair[0]);
        return err;
    }
    if (domain == LX_AF_UNIX) {
        unix_pair(out_pair[0], out_pair[1]);
        return 0;
    }
    socket_release(out_pair[0]);
    socket_release(out_pair[1]);
    return -EOPNOTSUPP;
}

void socket_setup(struct socket *socket, const struct socket_ops *ops, int domain, int type)
{
    *socket = (struct socket){
        .ops = ops,
        .domain = (uint16_t)domain,
        .type = (uint16_t)type,
        .send_buffer = SOCKET_BUFFER,
        .receive_buffer = SOCKET_BUFFER,
        .receive_low_water = 1,
    };
}

/* From the file's release, or instead of it. */
void socket_release(struct socket *socket)
{
    socket->ops->release(socket);
}

/* --- memory --- */

/* Sockets are charged themselves: those in a backlog have no descriptor that would limit them. */
int socket_charge(struct user_charge *user, uint32_t nbytes)
{
    int64_t used = user_charge_add(user, CHARGE_SOCKET_BYTES, nbytes);

    if ((used <= USER_BYTES_MAX || user->uid == 0) &&
        pmm_has_more_than(pmm_total_count() >> RESERVE_SHIFT))
        return 0;
    socket_uncharge(user, nbytes);
    return -ENOBUFS;
}

void socket_uncharge(struct user_charge *user, uint32_t nbytes)
{
    user_charge_add(user, CHARGE_SOCKET_BYTES, -(int64_t)nbytes);
}

/* --- waiting --- */

uint64_t socket_deadline(uint64_t timeout_ns)
{
    return timeout_ns ? clock_monotonic_ns() + timeout_ns : 0;
}

/* What is in the queue may be another's when the lock is held again: the caller looks anew. */
int socket_fault_in_locked(struct mutex *lock, const struct user_iter *io, uint32_t *faults)
{
    int err;

    ASSERT(mutex_is_held(lock));
    if (++*faults > FAULTS_MAX)
        return -EFAULT;
    mutex_unlock(lock);
    err = user_iter_fault_in(io, true);
    mutex_lock(lock);
    return err;
}

/* The owner is looked at with the file referenced: it goes before the file is released. */
COLD struct file *socket_report_urgent(const struct socket *socket)
{
    struct file *file = __atomic_load_n(&socket->file, __ATOMIC_ACQUIRE);
    const struct file_owner *owner;

    if (!file || !file_get_live(file))
        return NULL;
    owner = __atomic_load_n(&file->owner, __ATOMIC_ACQUIRE);
    if (owner)
        owner->report(file, LX_POLLPRI);
    return file;
}

int socket_wait_error(int err, uint64_t timeout_ns)
{
    if (err == -ETIMEDOUT)
        return -EAGAIN;
    return err == -ERESTARTSYS && timeout_ns ? -EINTR : err;
}

/* --- the file --- */

static int64_t socket_read(struct file *file, struct user_iter *io, int64_t *offset)
{
    struct socket *socket = file->private;
    struct socket_message message = {.io = io, .wait = !(file->flags & LX_O_NONBLOCK)};

    (void)offset;
    if (io->left == 0) /* read(2) of nothing is nothing: a datagram stays */
        return 0;
    return socket->ops->receive(socket, &message);
}

/* Nothing to send, too: a datagram of no bytes. As send(2) without flags. The signal of EPIPE is
 * the system call's. */
static int64_t socket_write(struct file *file, struct user_iter *io, int64_t *offset)
{
    struct socket *socket = file->private;
    struct socket_message message = {.io = io, .wait = !(file->flags & LX_O_NONBLOCK)};

    (void)offset;
    return socket->ops->send(socket, &message);
}

/* What it registers with is the family's, and lives as long as the file. */
static uint32_t socket_poll(struct file *file, struct poll_waiter *waiter)
{
    struct socket *socket = file->private;

    return socket->ops->poll(socket, waiter);
}

/* Hang-ups and errors rather than that there is something to read. */
static uint32_t socket_async(struct file *file, uint32_t events)
{
    struct socket *socket = file->private;
    uint32_t mask = socket->ops->poll(socket, NULL), told = events & mask & LX_POLLIN;

    if ((events & LX_POLLIN) && (mask & (LX_POLLHUP | LX_POLLERR)))
        told = mask & LX_POLLERR ? LX_POLLERR : LX_POLLHUP;
    if ((events & mask & LX_POLLOUT) && __atomic_exchange_n(&socket->no_space, 0, __ATOMIC_SEQ_CST))
        told |= LX_POLLOUT;
    return told;
}

/* Every request of a family answers with a number; others are about the interface. */
static int64_t socket_ioctl(struct file *file, uint32_t request, struct uptr arg)
{
    struct socket *socket = file->private;
    int64_t result = socket->ops->ioctl(socket, request);
    uint32_t value = (uint32_t)result;

    if (result == -ENOTTY)
        return interface_ioctl(request, arg, socket->domain == LX_AF_INET,
                               socket_caller->is_capable(LX_CAP_NET_ADMIN));
    return result < 0 ? result : vm_user_write(arg, &value, sizeof(value));
}

static void socket_file_release(struct file *file)
{
    socket_release(file->private);
}

static const struct file_ops socket_file_ops = {
    .release = socket_file_release,
    .read = socket_read,
    .write = socket_write,
    .ioctl = socket_ioctl,
    .poll = socket_poll,
    .async = socket_async,
    .anon_name = "socket",
};

int socket_create_file(struct socket *socket, uint32_t flags, const struct credentials *cred,
                       struct file **out_file)
{
    int err = file_create_anon(&socket_file_ops, socket, LX_S_IFSOCK | 0777, LX_O_RDWR | flags,
                               cred, out_file);

    if (err)
        return err;
    if (socket->type != LX_SOCK_STREAM)
        (*out_file)->access |= FILE_NO_SIGPIPE;
    socket->ino = (*out_file)->inode->ino;
    __atomic_store_n(&socket->file, *out_file, __ATOMIC_RELEASE);
    return 0;
}

struct socket *socket_of(const struct file *file)
{
    return file->ops == &socket_file_ops ? file->private : NULL;
}
