/* SPDX-License-Identifier: MIT */
/*
 * Sockets: sending and receiving, one message or many.
 *
 * Headers, vectors and control messages are copied once and used as copied. What is written back of
 * a header is written after the message has moved: a bad address there is EFAULT although it has.
 *
 * What the call's own flags, the file and the socket say about waiting meets here: families see one
 * `wait` of each message. Rights that are still the message's at the end of a call were not
 * taken, and are freed by it.
 *
 * sendmmsg and recvmmsg are the single calls one after the other. An error ends them, and shows
 * only if no message has moved before it; then it is lost, as on Linux before SO_ERROR is asked.
 */
#include "kernel/core/clock.h"
#include "kernel/lib/restart.h"
#include "kernel/lib/string.h"
#include "kernel/net/rights.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/fs/sys_write.h"
#include "kernel/syscall/fs/user_vector.h"
#include "kernel/syscall/handlers.h"
#include "kernel/syscall/net/user_control.h"
#include "kernel/syscall/net/user_socket.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/time.h"

#define NS_PER_S 1000000000ULL

/* The call's own word and the file's: either is enough. */
static bool waits(const struct fd_ref ref, uint32_t flags)
{
    return !(ref.file->flags & LX_O_NONBLOCK) && !(flags & LX_MSG_DONTWAIT);
}

/* EPIPE comes with the signal, unless the call or the kind of socket says no. */
static int64_t send_finish(struct task *self, struct fd_ref ref, uint32_t flags, int64_t result)
{
    return flags & LX_MSG_NOSIGNAL ? result : write_finish(self, ref.file, result);
}

/* --- one buffer --- */

/* Honoured: DONTWAIT, NOSIGNAL; OOB is refused, others have no meaning here. */
int64_t sys_sendto(struct task *self, int fd, struct uptr buffer, size_t nbytes, unsigned flags,
                   struct uptr to, int to_nbytes)
{
    struct socket_address address;
    struct socket *socket;
    struct user_iter io;
    struct fd_ref ref;
    int64_t result = user_socket_find(self, fd, &ref, &socket);

    if (result)
        return result;
    struct socket_message message = {
        .io = &io, .flags = flags, .wait = waits(ref, flags), .context = self->fs};
    if (!user_range_is_user(buffer, nbytes))
        result = -EFAULT;
    user_iter_init_buffer(&io, buffer, MIN(nbytes, LX_MAX_RW_COUNT));
    if (!result && to.va) {
        result = user_address_get(&address, to, to_nbytes);
        message.address = &address;
    }
    if (!result)
        result = send_finish(self, ref, flags, socket->ops->send(socket, &message));
    fd_ref_put(ref);
    return result;
}

/* Honoured: PEEK, TRUNC, WAITALL, DONTWAIT. */
int64_t sys_recvfrom(struct task *self, int fd, struct uptr buffer, size_t nbytes, unsigned flags,
                     struct uptr from, struct uptr from_nbytes)
{
    struct socket_address address = {.nbytes = 0};
    struct socket *socket;
    struct user_iter io;
    struct fd_ref ref;
    int64_t result = user_socket_find(self, fd, &ref, &socket);

    if (result)
        return result;
    struct socket_message message = {.io = &io, .flags = flags, .wait = waits(ref, flags)};
    if (!user_range_is_user(buffer, nbytes))
        result = -EFAULT;
    user_iter_init_buffer(&io, buffer, MIN(nbytes, LX_MAX_RW_COUNT));
    if (from.va)
        message.address = &address;
    if (!result)
        result = socket->ops->receive(socket, &message);
    if (result >= 0 && from.va) {
        int err = user_address_put(&address, from, from_nbytes);
        if (err)
            result = err;
    }
    fd_ref_put(ref);
    return result;
}

/* --- headers --- */

/* The length of an address is cut to what there can be, as on Linux. Nothing is to be put when it
 * fails. */
static int header_get(struct lx_msghdr *header, struct uptr from, struct user_vector *vector)
{
    int err = vm_user_read(header, from, sizeof(*header));

    if (err)
        return err;
    if (!header->name)
        header->name_nbytes = 0;
    if (header->name_nbytes < 0)
        return -EINVAL;
    header->name_nbytes = MIN(header->name_nbytes, SOCKET_ADDRESS_MAX);
    if (header->iov_count > LX_UIO_MAXIOV)
        return -EMSGSIZE;
    return user_vector_get(vector, (struct uptr){header->iov}, (uint32_t)header->iov_count);
}

/* With SIGPIPE where that is due. */
static int64_t send_one(struct task *self, struct fd_ref ref, struct socket *socket,
                        struct uptr from, uint32_t flags)
{
    struct socket_controls controls;
    struct socket_address address;
    struct user_vector vector;
    struct lx_msghdr header;
    struct user_iter io;
    struct socket_message message = {.io = &io,
                                     .controls = &controls,
                                     .flags = flags,
                                     .wait = waits(ref, flags),
                                     .context = self->fs};
    int64_t result = header_get(&header, from, &vector);

    if (result)
        return result;
    user_iter_init_user(&io, vector.segments, vector.nbytes);
    controls.count = 0;
    if (header.name && header.name_nbytes) {
        result = user_address_get(&address, (struct uptr){header.name}, header.name_nbytes);
        message.address = &address;
    }
    if (!result)
        result = user_control_get(self, socket, &header, &message);
    if (!result)
        result = send_finish(self, ref, flags, socket->ops->send(socket, &message));
    user_vector_put(&vector);
    socket_rights_free(message.rights);
    return result;
}

/* Only the fields that a receive changes: the program may have the rest in use. */
static int header_put(struct task *self, struct lx_msghdr *header, struct uptr to,
                      struct socket_message *message)
{
    const struct socket_address *address = message->address;
    int err = 0;

    if (header->name && address->nbytes)
        err = vm_user_write((struct uptr){header->name}, address->bytes,
                            MIN((uint32_t)header->name_nbytes, address->nbytes));
    header->name_nbytes = (int32_t)address->nbytes;
    if (!err)
        user_control_put(self, header, message);
    header->flags = message->out_flags;
    if (!err && header->name)
        err = vm_user_write((struct uptr){to.va + offsetof(struct lx_msghdr, name_nbytes)},
                            &header->name_nbytes, sizeof(header->name_nbytes));
    if (!err)
        err = vm_user_write((struct uptr){to.va + offsetof(struct lx_msghdr, control_nbytes)},
                            &header->control_nbytes, sizeof(header->control_nbytes));
    if (!err)
        err = vm_user_write((struct uptr){to.va + offsetof(struct lx_msghdr, flags)},
                            &header->flags, sizeof(header->flags));
    return err;
}

/* SO_TIMESTAMP and its like, of datagrams: when it is received, which is not measurably later than
 * when it came for a receiver that waits. */
static COLD void stamp_put(struct socket_control *stamp, int option)
{
    uint64_t now_ns = clock_realtime_ns();
    bool in_ns = option == LX_SO_TIMESTAMPNS || option == LX_SO_TIMESTAMPNS_NEW;
    struct lx_timespec time = {(int64_t)(now_ns / NS_PER_S), (int64_t)(now_ns % NS_PER_S)};

    if (!in_ns)
        time.nsec /= 1000;
    stamp->level = LX_SOL_SOCKET;
    stamp->type = option;
    stamp->nbytes = sizeof(time);
    memcpy(stamp->bytes, &time, sizeof(time));
}

/* A header that cannot be written is EFAULT, and the message is gone. */
static int64_t receive_one(struct task *self, struct fd_ref ref, struct socket *socket,
                           struct uptr to, uint32_t flags)
{
    struct socket_address address = {.nbytes = 0};
    struct socket_controls controls;
    struct user_vector vector;
    struct lx_msghdr header;
    struct user_iter io;
    struct socket_message message = {.io = &io,
                                     .flags = flags,
                                     .wait = waits(ref, flags),
                                     .address = &address,
                                     .takes_rights = true};
    int64_t result = header_get(&header, to, &vector);
    int err, stamp;

    if (result)
        return result;
    controls.room = header.control ? header.control_nbytes : 0;
    stamp = socket->type == LX_SOCK_DGRAM ? socket->timestamp : 0;
    controls.count = stamp != 0; /* before those of the family */
    message.controls = &controls;
    user_iter_init_user(&io, vector.segments, vector.nbytes);
    result = socket->ops->receive(socket, &message);
    if (unlikely(stamp))
        stamp_put(&controls.list[0], stamp);
    user_vector_put(&vector);
    message.out_flags |= flags & LX_MSG_CMSG_CLOEXEC;
    err = result < 0 ? 0 : header_put(self, &header, to, &message);
    socket_rights_free(message.rights);
    return err ? err : result;
}

/* Honoured: as sendto. */
int64_t sys_sendmsg(struct task *self, int fd, struct uptr header, unsigned flags)
{
    struct socket *socket;
    struct fd_ref ref;
    int64_t result;

    if (flags & LX_MSG_CMSG_COMPAT)
        return -EINVAL;
    result = user_socket_find(self, fd, &ref, &socket);
    if (result)
        return result;
    result = send_one(self, ref, socket, header, flags);
    fd_ref_put(ref);
    return result;
}

/* Honoured: as recvfrom; CMSG_CLOEXEC is shown again in the flags. */
int64_t sys_recvmsg(struct task *self, int fd, struct uptr header, unsigned flags)
{
    struct socket *socket;
    struct fd_ref ref;
    int64_t result;

    if (flags & LX_MSG_CMSG_COMPAT)
        return -EINVAL;
    result = user_socket_find(self, fd, &ref, &socket);
    if (result)
        return result;
    result = receive_one(self, ref, socket, header, flags);
    fd_ref_put(ref);
    return result;
}

/* --- many --- */

/* The length of each message stands behind its header. */
static int64_t nbytes_put(struct uptr header, int64_t result)
{
    uint32_t nbytes = (uint32_t)result;

    return vm_user_write((struct uptr){header.va + offsetof(struct lx_mmsghdr, nbytes)}, &nbytes,
                         sizeof(nbytes));
}

/* The number of messages; an error shows only when there is none. Each header is copied when its
 * turn comes. */
COLD int64_t sys_sendmmsg(struct task *self, int fd, struct uptr headers, unsigned count,
                          unsigned flags)
{
    struct socket *socket;
    struct fd_ref ref;
    int64_t result, done = 0;

    if (flags & LX_MSG_CMSG_COMPAT)
        return -EINVAL;
    result = user_socket_find(self, fd, &ref, &socket);
    if (result)
        return result;
    for (count = MIN(count, (unsigned)LX_UIO_MAXIOV); done < count && result >= 0;) {
        result = send_one(self, ref, socket, headers, flags);
        if (result >= 0)
            result = nbytes_put(headers, result);
        if (result >= 0)
            done++;
        headers.va += sizeof(struct lx_mmsghdr);
        sched_preempt_point();
    }
    fd_ref_put(ref);
    return done > 0 ? done : result;
}

/* The time is looked at between messages alone, as on Linux. Only the first one is waited for with
 * MSG_WAITFORONE. */
static int64_t receive_many(struct task *self, struct fd_ref ref, struct socket *socket,
                            struct uptr headers, unsigned count, unsigned flags,
                            uint64_t deadline_ns)
{
    int64_t result = 0, done = 0;

    for (count = MIN(count, (unsigned)LX_UIO_MAXIOV); done < count && result >= 0;) {
        result = receive_one(self, ref, socket, headers, flags & ~LX_MSG_WAITFORONE);
        if (result >= 0)
            result = nbytes_put(headers, result);
        if (result < 0)
            break;
        done++;
        if (flags & LX_MSG_WAITFORONE)
            flags |= LX_MSG_DONTWAIT;
        if (deadline_ns && clock_monotonic_ns() >= deadline_ns)
            break;
        headers.va += sizeof(struct lx_mmsghdr);
        sched_preempt_point();
    }
    return done > 0 ? done : result;
}

/* What is left of the time, for a call that has received something. */
static int time_left_put(struct uptr to, uint64_t deadline_ns)
{
    uint64_t now_ns = clock_monotonic_ns();
    uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    struct lx_timespec time = {(int64_t)(left_ns / NS_PER_S), (int64_t)(left_ns % NS_PER_S)};

    return vm_user_write(to, &time, sizeof(time));
}

/* Honoured: as recvmsg, and WAITFORONE. A time that is too long to count is none. */
COLD int64_t sys_recvmmsg(struct task *self, int fd, struct uptr headers, unsigned count,
                          unsigned flags, struct uptr timeout)
{
    uint64_t deadline_ns = 0;
    struct lx_timespec time;
    struct socket *socket;
    struct fd_ref ref;
    int64_t result;

    if (flags & LX_MSG_CMSG_COMPAT)
        return -EINVAL;
    if (timeout.va) {
        result = vm_user_read(&time, timeout, sizeof(time));
        if (result)
            return result;
        if (time.sec < 0 || time.nsec < 0 || (uint64_t)time.nsec >= NS_PER_S)
            return -EINVAL;
        if ((uint64_t)time.sec < INT64_MAX / NS_PER_S / 2)
            deadline_ns =
                clock_monotonic_ns() + (uint64_t)time.sec * NS_PER_S + (uint64_t)time.nsec;
    }
    result = user_socket_find(self, fd, &ref, &socket);
    if (result)
        return result;
    result = receive_many(self, ref, socket, headers, count, flags, deadline_ns);
    if (result > 0 && deadline_ns) {
        int err = time_left_put(timeout, deadline_ns);
        if (err)
            result = err;
    }
    fd_ref_put(ref);
    return result;
}
