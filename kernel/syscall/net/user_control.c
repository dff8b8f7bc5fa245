/* SPDX-License-Identifier: MIT */
/*
 * Control messages between a program and a socket.
 *
 * Taken: SCM_CREDENTIALS, and SCM_RIGHTS, whose files go with the message or are closed; by AF_INET
 * those of its own levels. Others of SOL_SOCKET are EINVAL to send, those of other levels are
 * passed over. Their number and the length of all have a bound, since a program chooses them.
 *
 * Given: credentials, then files, then those that the family makes. What has no room is cut, and
 * MSG_CTRUNC says so; memory that is not there loses the control message alone.
 */
#include "kernel/syscall/net/user_control.h"
#include "kernel/lib/string.h"
#include "kernel/net/rights.h"
#include "kernel/net/socket.h"
#include "kernel/proc/identity.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/net/user_rights.h"
#include "shared/linux/errno.h"

#define CONTROL_MAX      20480 /* optmem_max */
#define CONTROLS_MAX     64    /* that one message is looked through for */
#define CREDENTIALS_SIZE (sizeof(struct lx_cmsghdr) + sizeof(struct lx_ucred))

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

/* For the family to look at. Only datagrams of AF_INET and AF_INET6 have any. */
static COLD int control_keep(struct uptr at, const struct lx_cmsghdr *header,
                             struct socket_controls *controls)
{
    struct socket_control *kept = &controls->list[controls->count];

    if (controls->count == SOCKET_CONTROLS_MAX)
        return -EINVAL;
    controls->count++;
    kept->level = header->level;
    kept->type = header->type;
    kept->nbytes = (uint32_t)(header->nbytes - sizeof(*header));
    memset(kept->bytes, 0, sizeof(kept->bytes));
    return vm_user_read(kept->bytes, (struct uptr){at.va + sizeof(*header)},
                        MIN(kept->nbytes, sizeof(kept->bytes)));
}

/* One control message, whose header has been checked to lie in the buffer. */
static int control_take(struct task *self, const struct socket *socket, struct uptr at,
                        const struct lx_cmsghdr *header, struct socket_message *message)
{
    bool inet = socket->domain == LX_AF_INET || socket->domain == LX_AF_INET6;
    int err;

    if (header->level != LX_SOL_SOCKET)
        return inet && socket->type == LX_SOCK_DGRAM ? control_keep(at, header, message->controls)
                                                     : 0;
    if (inet) /* those of AF_UNIX mean nothing there */
        return header->type == LX_SCM_RIGHTS || header->type == LX_SCM_CREDENTIALS ? 0 : -EINVAL;
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
int user_control_get(struct task *self, const struct socket *socket, const struct lx_msghdr *header,
                     struct socket_message *message)
{
    uint64_t offset = 0, nbytes = header->control_nbytes;

    if (!nbytes)
        return 0;
    if (nbytes > CONTROL_MAX)
        return -ENOBUFS;
    if (!header->control)
        return -EFAULT;
    for (unsigned i = 0; nbytes - offset >= sizeof(struct lx_cmsghdr); i++) {
        struct uptr at = {header->control + offset};
        struct lx_cmsghdr control;
        int err = i < CONTROLS_MAX ? vm_user_read(&control, at, sizeof(control)) : -EINVAL;

        if (!err && (control.nbytes < sizeof(control) || control.nbytes > nbytes - offset))
            err = -EINVAL;
        if (!err)
            err = control_take(self, socket, at, &control, message);
        if (err)
            return err;
        if (LX_CMSG_ALIGN(control.nbytes) > nbytes - offset)
            break;
        offset += LX_CMSG_ALIGN(control.nbytes);
    }
    return 0;
}

/* Behind the control messages that are there; false where the program's memory is not, which loses
 * the message alone. */
static bool control_append(struct lx_msghdr *header, const struct lx_cmsghdr *control,
                           uint64_t room)
{
    struct uptr at = {header->control + header->control_nbytes};

    if (vm_user_write(at, control, control->nbytes) != 0)
        return false;
    header->control_nbytes += MIN(room, LX_CMSG_ALIGN(control->nbytes));
    return true;
}

/* What there is no room for is cut, and MSG_CTRUNC says so. */
static void credentials_put(struct lx_msghdr *header, struct socket_message *message)
{
    struct {
        struct lx_cmsghdr header;
        struct lx_ucred credentials;
    } control = {{CREDENTIALS_SIZE, LX_SOL_SOCKET, LX_SCM_CREDENTIALS}, message->credentials};
    uint64_t room = header->control ? header->control_nbytes : 0;

    header->control_nbytes = 0;
    if (!message->has_credentials)
        return;
    if (room < CREDENTIALS_SIZE)
        message->out_flags |= LX_MSG_CTRUNC;
    if (room < sizeof(control.header))
        return;
    control.header.nbytes = MIN(room, CREDENTIALS_SIZE);
    (void)control_append(header, &control.header, room);
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

/* Those of the family, behind what is there. The first without room is cut, and ends them: its
 * header then has the length that is there. The room is what the program gave; control_nbytes is
 * by now what has been put there. */
static void family_controls_put(struct lx_msghdr *header, struct socket_message *message)
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

        if (room < whole)
            message->out_flags |= LX_MSG_CTRUNC;
        if (room < sizeof(control.header))
            return;
        memcpy(control.bytes, controls->list[i].bytes, controls->list[i].nbytes);
        control.header.nbytes = MIN(room, whole);
        if (!control_append(header, &control.header, room) || room < whole)
            return;
    }
}

void user_control_put(struct task *self, struct lx_msghdr *header, struct socket_message *message)
{
    uint64_t room = header->control_nbytes;

    credentials_put(header, message);
    rights_put(self, header, room, message);
    if (unlikely(message->controls->count))
        family_controls_put(header, message);
}
