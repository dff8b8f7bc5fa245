/* SPDX-License-Identifier: MIT */
/*
 * Sockets: sending and receiving, one message or many.
 *
 * Headers, vectors and control messages are copied once and used as copied. What is written back of
 * a header is written after the message has moved: a bad address there is EFAULT although it has.
 *
 * Control messages: SCM_CREDENTIALS, and SCM_RIGHTS, whose files go with the message or are closed.
 * Others of SOL_SOCKET are EINVAL to send, those of other levels
 * are passed over. Their number and the length of all have a bound, since a program chooses them.
 *
 * sendmmsg and recvmmsg are the single calls one after the other. An error ends them, and shows
 * only if no message has moved before it; then it is lost, as on Linux before SO_ERROR is asked.
 */
#include "kernel/core/clock.h"
#include "kernel/lib/restart.h"
#include "kernel/lib/string.h"
#include "kernel/net/rights.h"
#include "kernel/proc/identity.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/fs/sys_write.h"
#include "kernel/syscall/fs/user_vector.h"
#include "kernel/syscall/handlers.h"
#include "kernel/syscall/net/user_rights.h"
#include "kernel/syscall/net/user_socket.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/time.h"

#define CONTROL_MAX      20480 /* optmem_max */
#define CONTROLS_MAX     64    /* that one message is looked through for */
#define NS_PER_S         1000000000ULL
#define CREDENTIALS_SIZE (sizeof(struct lx_cmsghdr) + sizeof(struct lx_ucred))

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

/* --- control messages --- */

/* A sender may name itself alone, unless it has the capability for each of the three. */
static int credentials_check(struct task *self, const struct lx_ucred *named)
{
    const struct credentials *cred = &self->fs->cred;

    if (named->pid != self->process->pid && !credentials_capable(cred, LX_CAP_SYS_ADMIN))
        return -EPERM;
    if (named->uid != cred->uid && named->uid != cred->euid && named->uid != cred->suid &&
        !credentials_capable(cred, LX_CAP_SETUID))
        return -EPERM;
    if (named->gid != cred->gid && named->gid != cred->egid && named->gid != cred->sgid &&
        !credentials_capable(cred, LX_CAP_SETGID))
        return -EPERM;
    return named->pid == self->process->pid || process_exists(named->pid) ? 0 : -ESRCH;
}

/* One control message, whose header has been checked to lie in the buffer. */
static int control_take(struct task *self, struct uptr at, const struct lx_cmsghdr *header,
                        struct socket_message *message)
{
    int err;

    if (header->level != LX_SOL_SOCKET)
        return 0;
    if (header->type == LX_SCM_RIGHTS)
        return user_rights_get(self, at, header, &message->rights);
    if (header->type != LX_SCM_CREDENTIALS || header->nbytes != CREDENTIALS_SIZE)
        return -EINVAL;
    err = vm_user_read(&message->credentials, (struct uptr){at.va + sizeof(*header)},
                       sizeof(message->credentials));
    if (!err)
        err = credentials_check(self, &message->credentials);
    message->has_credentials = !err;
    return err;
}

/* All of them. The step to the next one is rounded up, and may lead behind the end. */
static int control_get(struct task *self, const struct lx_msghdr *header,
                       struct socket_message *message)
{
    uint64_t offset = 0, nbytes = header->control_nbytes;

    if (!header->control || !nbytes)
        return 0;
    if (nbytes > CONTROL_MAX)
        return -ENOBUFS;
    for (unsigned i = 0; nbytes - offset >= sizeof(struct lx_cmsghdr); i++) {
        struct uptr at = {header->control + offset};
        struct lx_cmsghdr control;
        int err = i < CONTROLS_MAX ? vm_user_read(&control, at, sizeof(control)) : -EINVAL;

        if (!err && (control.nbytes < sizeof(control) || control.nbytes > nbytes - offset))
            err = -EINVAL;
        if (!err)
            err = control_take(self, at, &control, message);
        if (err)
            return err;
        if (LX_CMSG_ALIGN(control.nbytes) > nbytes - offset)
            break;
        offset += LX_CMSG_ALIGN(control.nbytes);
    }
    return 0;
}

/* What there is no room for is cut, and MSG_CTRUNC says so. */
static int credentials_put(struct lx_msghdr *header, struct socket_message *message)
{
    struct {
        struct lx_cmsghdr header;
        struct lx_ucred credentials;
    } control = {{CREDENTIALS_SIZE, LX_SOL_SOCKET, LX_SCM_CREDENTIALS}, message->credentials};
    uint64_t room = header->control ? header->control_nbytes : 0;

    header->control_nbytes = 0;
    if (!message->has_credentials)
        return 0;
    if (room < CREDENTIALS_SIZE)
        message->out_flags |= LX_MSG_CTRUNC;
    if (room < sizeof(control.header))
        return 0;
    control.header.nbytes = MIN(room, CREDENTIALS_SIZE);
    header->control_nbytes = MIN(room, LX_CMSG_ALIGN(CREDENTIALS_SIZE));
    return vm_user_write((struct uptr){header->control}, &control, control.header.nbytes);
}

/* Behind what is there already. Those that have no room, or get no number, are closed. */
static void rights_put(struct task *self, struct lx_msghdr *header, uint64_t room,
                       struct socket_message *message)
{
    struct uptr at = {header->control + header->control_nbytes};
    uint32_t count = 0;

    if (!message->rights)
        return;
    if (header->control)
        header->control_nbytes +=
            user_rights_put(self, message->rights, at, room - header->control_nbytes,
                            message->flags & LX_MSG_CMSG_CLOEXEC, &count);
    if (count < message->rights->count)
        message->out_flags |= LX_MSG_CTRUNC;
}

/* Of SOL_SOCKET: credentials, then files. What was given for control data is replaced by what was
 * put there. */
static int control_put(struct task *self, struct lx_msghdr *header, struct socket_message *message)
{
    uint64_t room = header->control_nbytes;
    int err = credentials_put(header, message);

    if (!err)
        rights_put(self, header, room, message);
    return err;
}

/* Those of the family, behind what is there. The first without room is cut, and ends them: its
 * header then has the length that is there. The room is what the program gave; control_nbytes is
 * by now what has been put there. */
static int family_controls_put(struct lx_msghdr *header, struct socket_message *message)
{
    struct socket_controls *controls = message->controls;

    for (uint32_t i = 0; i < controls->count; i++) {
        struct {
            struct lx_cmsghdr header;
            char bytes[sizeof(controls->list[i].bytes)];
        } control = {{sizeof(control.header) + controls->list[i].nbytes, controls->list[i].level,
                      controls->list[i].type},
                     {0}};
        uint64_t room = controls->room - MIN(controls->room, header->control_nbytes);
        uint64_t whole = control.header.nbytes;
        int err;

        if (room < whole)
            message->out_flags |= LX_MSG_CTRUNC;
        if (room < sizeof(control.header))
            return 0;
        memcpy(control.bytes, controls->list[i].bytes, controls->list[i].nbytes);
        control.header.nbytes = MIN(room, whole);
        err = vm_user_write((struct uptr){header->control + header->control_nbytes}, &control,
                            control.header.nbytes);
        if (err)
            return err;
        header->control_nbytes += MIN(room, LX_CMSG_ALIGN(whole));
        if (room < whole)
            return 0;
    }
    return 0;
}

/* --- headers --- */

/* The length of an address is cut to what there can be, as on Linux. */
/* Nothing is to be put when it fails. */
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
    struct socket_address address;
    struct user_vector vector;
    struct lx_msghdr header;
    struct user_iter io;
    struct socket_message message = {
        .io = &io, .flags = flags, .wait = waits(ref, flags), .context = self->fs};
    int64_t result = header_get(&header, from, &vector);

    if (result)
        return result;
    user_iter_init_user(&io, vector.segments, vector.nbytes);
    if (header.name && header.name_nbytes) {
        result = user_address_get(&address, (struct uptr){header.name}, header.name_nbytes);
        message.address = &address;
    }
    if (!result)
        result = control_get(self, &header, &message);
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
        err = control_put(self, header, message);
    header->flags = message->out_flags;
    if (unlikely(message->controls->count)) {
        if (!err)
            err = family_controls_put(header, message);
        header->flags = message->out_flags;
    }
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
    int err;

    if (result)
        return result;
    controls.room = header.control ? header.control_nbytes : 0;
    controls.count = 0;
    message.controls = &controls;
    user_iter_init_user(&io, vector.segments, vector.nbytes);
    result = socket->ops->receive(socket, &message);
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

/* The number of messages; an error shows only when there is none. */
/* Each header is copied when its turn comes. */
int64_t sys_sendmmsg(struct task *self, int fd, struct uptr headers, unsigned count, unsigned flags)
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

/* The time is looked at between messages alone, as on Linux. */
/* Only the first one is waited for with MSG_WAITFORONE. */
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

/* Honoured: as recvmsg, and WAITFORONE. */
int64_t sys_recvmmsg(struct task *self, int fd, struct uptr headers, unsigned count, unsigned flags,
                     struct uptr timeout)
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
    fd_ref_put(ref);
    return result;
}
