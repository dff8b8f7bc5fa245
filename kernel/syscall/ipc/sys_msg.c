/* SPDX-License-Identifier: MIT */
/*
 * System V messages: msgget, msgsnd, msgrcv, msgctl.
 *
 * The handlers copy messages and structures; everything else is in proc/ipc/msg.c. A message is a
 * word with its type, then the text. It is copied before the queue is looked up, and out of the
 * queue for good before it is copied to the program: one that does not arrive there is lost, as on
 * Linux.
 */
#include "kernel/proc/ipc/msg.h"

#include "kernel/proc/task.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/ipc.h"

#define TYPE_NBYTES sizeof(int64_t)

/* Honoured: IPC_CREAT, IPC_EXCL. */
int64_t sys_msgget(struct task *self, int key, int flags)
{
    return ipc_open(self, IPC_MSG, key, 0, flags);
}

/* Honoured: IPC_NOWAIT. */
int64_t sys_msgsnd(struct task *self, int id, struct uptr buffer, size_t nbytes, int flags)
{
    struct message *message;
    int64_t type;
    int err = vm_user_read(&type, buffer, sizeof(type));

    if (err)
        return err;
    if (nbytes > ipc_limits.msg_bytes || id < 0 || type < 1)
        return -EINVAL;
    err = message_create(nbytes, &message);
    if (err)
        return err;
    message->type = type;
    err = vm_user_read(message->text, (struct uptr){buffer.va + TYPE_NBYTES}, nbytes);
    if (!err)
        err = msg_send(self, id, message, flags);
    if (err)
        message_free(message);
    return err;
}

/* Honoured: IPC_NOWAIT, MSG_EXCEPT, MSG_NOERROR, MSG_COPY. */
int64_t sys_msgrcv(struct task *self, int id, struct uptr buffer, size_t nbytes, int64_t type,
                   int flags)
{
    struct message *message;
    int err;

    if (id < 0 || (int64_t)nbytes < 0)
        return -EINVAL;
    if ((flags & LX_MSG_COPY) && ((flags & LX_MSG_EXCEPT) || !(flags & LX_IPC_NOWAIT)))
        return -EINVAL;
    err = msg_receive(self, id, nbytes, type, flags, &message);
    if (err)
        return err;
    nbytes = MIN(nbytes, message->nbytes);
    err = vm_user_write(buffer, &message->type, TYPE_NBYTES);
    if (!err)
        err = vm_user_write((struct uptr){buffer.va + TYPE_NBYTES}, message->text, nbytes);
    message_free(message);
    return err ? err : (int64_t)nbytes;
}

/* What may be, or (usage) what is there in the same fields. */
static COLD int64_t msg_info_write(const struct task *self, struct uptr buffer, bool usage)
{
    struct lx_msginfo info;
    int highest = msg_info(self, &info), err;

    if (!usage) {
        info.msgpool = (int)(ipc_limits.msg_queues * (ipc_limits.msg_queue / 1024));
        info.msgmap = info.msgtql = (int)ipc_limits.msg_queue;
    }
    info.msgmax = (int)ipc_limits.msg_bytes;
    info.msgmnb = (int)ipc_limits.msg_queue;
    info.msgmni = (int)ipc_limits.msg_queues;
    info.msgssz = LX_MSGSSZ;
    info.msgseg = UINT16_MAX;
    err = vm_user_write(buffer, &info, sizeof(info));
    return err ? err : highest;
}

/* All commands of msgctl(2). */
COLD int64_t sys_msgctl(struct task *self, int id, int command, struct uptr buffer)
{
    struct lx_msqid_ds change;
    int err;

    if (command < 0 || id < 0)
        return -EINVAL;
    switch (command) {
    case LX_IPC_INFO:
    case LX_MSG_INFO:
        return msg_info_write(self, buffer, command == LX_MSG_INFO);
    case LX_IPC_STAT:
        return ipc_stat(self, IPC_MSG, id, IPC_BY_ID, buffer);
    case LX_MSG_STAT:
        return ipc_stat(self, IPC_MSG, id, IPC_BY_INDEX, buffer);
    case LX_MSG_STAT_ANY:
        return ipc_stat(self, IPC_MSG, id, IPC_BY_INDEX_ANY, buffer);
    case LX_IPC_SET:
        err = vm_user_read(&change, buffer, sizeof(change));
        return err ? err : msg_set(self, id, &change);
    case LX_IPC_RMID:
        return ipc_remove(self, IPC_MSG, id);
    default:
        return -EINVAL;
    }
}
