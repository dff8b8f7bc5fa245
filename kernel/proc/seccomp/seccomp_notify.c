/* SPDX-License-Identifier: MIT */
/*
 * RET_USER_NOTIF: another process, the supervisor, is told of a call and answers it.
 *
 * A filter that was set with NEW_LISTENER has a struct seccomp_notify, and so has the file of the
 * descriptor that this gave; whichever goes last frees it. A call is on the stack of the task that
 * makes it, and in the list while that waits:
 *
 *     FRESH  --RECV-->  TOLD  --SEND, ADDFD with SEND-->  ANSWERED
 *
 * A signal ends the wait at any time: the call leaves the list, and starts anew if it may. What the
 * supervisor then says of its id is ENOENT. Without a file any more all calls are answered with
 * ENOSYS; without a filter (no task has it) the file says so by POLLHUP.
 *
 * RECV takes one of `tellings`, of which each call has brought one: one whose call has gone by then
 * is ENOENT, so that a supervisor that has seen POLLIN does not wait.
 *
 * The mutex covers it all. User memory is copied without it, so an id is looked up anew behind each
 * copy. Descriptors are put into the table of the waiting task by the supervisor, under the mutex,
 * without which no call ends: they come in the call, or not at all. What was there is released
 * without it, for it may be the file of this very descriptor.
 */
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/fs/vfs/poll.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/process.h"
#include "kernel/proc/seccomp/seccomp.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

enum state { FRESH, TOLD, ANSWERED, STATES };

/* I constant   m mutex */
struct waiting_call {
    struct list link;                   /* [m] */
    struct waitq answer;                /* woken when it is ANSWERED */
    struct task *task;                  /* [I] */
    enum state state;                   /* [m] */
    uint64_t id;                        /* [I] */
    struct lx_seccomp_notif_resp reply; /* [m] */
    const struct lx_seccomp_data *data; /* [I] */
};

/* a atomic   m mutex */
struct seccomp_notify {
    uint32_t refs; /* [a] */
    struct mutex lock;
    struct list calls;       /* [m] */
    uint64_t last_id;        /* [m] */
    uint32_t tellings;       /* [m] */
    uint32_t counts[STATES]; /* [m] calls in each state, read without it */
    bool closed;             /* [m] no supervisor any more, read without it */
    bool orphaned;           /* [m] no filter any more, read without it */
    struct waitq receivers;
    struct poll_head poll;
};
_Static_assert(sizeof(struct seccomp_notify) <= SECCOMP_NOTIFY_NBYTES, "what is charged for it");

/* There may be as many as there are tasks. NULL: the first. */
static COLD struct waiting_call *call_next_locked(const struct seccomp_notify *notify,
                                                  const struct waiting_call *call)
{
    const struct list *next = call ? call->link.next : notify->calls.next;

    ASSERT(mutex_is_held(&notify->lock));
    sched_preempt_point();
    return next != &notify->calls ? list_entry(next, struct waiting_call, link) : NULL;
}
#define calls_each(call, notify)                                                                   \
    for (struct waiting_call *call = call_next_locked(notify, NULL); call;                         \
         call = call_next_locked(notify, call))

COLD struct seccomp_notify *seccomp_notify_create(void)
{
    struct seccomp_notify *notify = kzalloc(sizeof(*notify));

    if (notify) {
        notify->refs = 1;
        mutex_init(&notify->lock, MUTEX_SECCOMP);
        list_init(&notify->calls);
        waitq_init(&notify->receivers);
        poll_head_init(&notify->poll);
    }
    return notify;
}

/* The filter's or the file's. */
static COLD void notify_put(struct seccomp_notify *notify)
{
    if (__atomic_sub_fetch(&notify->refs, 1, __ATOMIC_ACQ_REL) == 0)
        kfree(notify);
}

static COLD void call_set_state_locked(struct seccomp_notify *notify, struct waiting_call *call,
                                       enum state state)
{
    ASSERT(mutex_is_held(&notify->lock));
    notify->counts[call->state]--;
    notify->counts[state]++;
    call->state = state;
    if (state == ANSWERED) {
        waitq_wake_all(&call->answer);
        return;
    }
    notify->tellings += state == FRESH;
    if (state == FRESH)
        waitq_wake_all(&notify->receivers);
    poll_notify(&notify->poll);
}

/* The answer is as it stands when the wait ends: one that came together with a signal counts. */
COLD int seccomp_notify_ask(struct seccomp_notify *notify, const struct lx_seccomp_data *data,
                            struct lx_seccomp_notif_resp *reply)
{
    struct waiting_call call = {.task = task_current(), .data = data, .reply.error = -ENOSYS};
    int err = 0;

    waitq_init(&call.answer);
    mutex_lock(&notify->lock);
    if (!notify->closed) {
        call.id = ++notify->last_id;
        list_push_back(&notify->calls, &call.link);
        notify->counts[FRESH]++;
        call_set_state_locked(notify, &call, FRESH);
        while (call.state != ANSWERED && !err)
            err = waitq_wait(&call.answer, &notify->lock, 0);
        notify->counts[call.state]--;
        list_remove(&call.link);
        err = call.state == ANSWERED ? 0 : err;
    }
    mutex_unlock(&notify->lock);
    *reply = call.reply;
    return err;
}

/* ---- the ends of both ---- */

COLD bool seccomp_notify_is_closed(const struct seccomp_notify *notify)
{
    return __atomic_load_n(&notify->closed, __ATOMIC_RELAXED);
}

/* Gives the filter's reference back. */
COLD void seccomp_notify_orphan(struct seccomp_notify *notify)
{
    mutex_lock(&notify->lock);
    notify->orphaned = true;
    waitq_wake_all(&notify->receivers);
    mutex_unlock(&notify->lock);
    poll_notify(&notify->poll);
    notify_put(notify);
}

static COLD void notify_release(struct file *file)
{
    struct seccomp_notify *notify = file->private;

    mutex_lock(&notify->lock);
    notify->closed = true;
    calls_each(call, notify) call_set_state_locked(notify, call, ANSWERED);
    mutex_unlock(&notify->lock);
    notify_put(notify);
}

/* ---- what the supervisor asks for ---- */

/* The call with that id, in that state. -ENOENT; -EINPROGRESS: in another. */
static COLD int call_find_locked(struct seccomp_notify *notify, uint64_t id,
                                 struct waiting_call **out_call)
{
    ASSERT(mutex_is_held(&notify->lock));
    calls_each(call, notify) if (call->id == id)
    {
        *out_call = call;
        return call->state == TOLD ? 0 : -EINPROGRESS;
    }
    return -ENOENT;
}

static COLD int call_take_locked(struct seccomp_notify *notify, struct lx_seccomp_notif *out)
{
    int err = 0;

    ASSERT(mutex_is_held(&notify->lock));
    while (!notify->tellings && !notify->orphaned && !err)
        err = waitq_wait(&notify->receivers, &notify->lock, 0);
    if (err)
        return err;
    notify->tellings -= notify->tellings != 0;
    calls_each(call, notify) if (call->state == FRESH)
    {
        *out = (struct lx_seccomp_notif){call->id, (uint32_t)call->task->tid, 0, *call->data};
        call_set_state_locked(notify, call, TOLD);
        return 0;
    }
    return -ENOENT;
}

/* A call that could not be told is told to the next that asks. */
static COLD int64_t notify_receive(struct seccomp_notify *notify, struct uptr to)
{
    struct waiting_call *call;
    struct lx_seccomp_notif told;
    int err = vm_user_check_zero(to, sizeof(told));

    if (err)
        return err == -EFAULT ? -EFAULT : -EINVAL;
    mutex_lock(&notify->lock);
    err = call_take_locked(notify, &told);
    mutex_unlock(&notify->lock);
    if (err || !vm_user_write(to, &told, sizeof(told)))
        return err;
    mutex_lock(&notify->lock);
    if (!call_find_locked(notify, told.id, &call))
        call_set_state_locked(notify, call, FRESH);
    mutex_unlock(&notify->lock);
    return -EFAULT;
}

static COLD int64_t notify_answer(struct seccomp_notify *notify,
                                  const struct lx_seccomp_notif_resp *reply)
{
    struct waiting_call *call;
    int err;

    mutex_lock(&notify->lock);
    err = call_find_locked(notify, reply->id, &call);
    if (!err) {
        call->reply = *reply;
        call_set_state_locked(notify, call, ANSWERED);
    }
    mutex_unlock(&notify->lock);
    return err;
}

static COLD int64_t notify_send(struct seccomp_notify *notify, struct uptr from)
{
    struct lx_seccomp_notif_resp reply;

    if (vm_user_read(&reply, from, sizeof(reply)))
        return -EFAULT;
    if (reply.flags & ~LX_SECCOMP_USER_NOTIF_FLAG_CONTINUE ||
        (reply.flags && (reply.error || reply.val)))
        return -EINVAL;
    return notify_answer(notify, &reply);
}

/* Whether the other still waits, so that what was read of it since was its own. */
static COLD int64_t notify_id_valid(struct seccomp_notify *notify, struct uptr from)
{
    struct waiting_call *call;
    uint64_t id;
    int err;

    if (vm_user_read(&id, from, sizeof(id)))
        return -EFAULT;
    mutex_lock(&notify->lock);
    err = call_find_locked(notify, id, &call);
    mutex_unlock(&notify->lock);
    return err ? -ENOENT : 0;
}

/* The file is the supervisor's, the number the other's: `newfd`, or the lowest free one. */
static COLD int64_t file_pass(struct seccomp_notify *notify,
                              const struct lx_seccomp_notif_addfd *what, struct file *file)
{
    const bool cloexec = what->newfd_flags & LX_O_CLOEXEC;
    struct fd_table *files = NULL;
    struct waiting_call *call;
    struct file *old = NULL;
    int result;

    file_get(file);
    mutex_lock(&notify->lock);
    result = call_find_locked(notify, what->id, &call);
    if (!result) {
        files = call->task->files;
        result = what->flags & LX_SECCOMP_ADDFD_FLAG_SETFD
                     ? fd_exchange(files, (int)what->newfd, file, cloexec, &old)
                     : fd_install(files, file, 0, cloexec);
        if (result >= 0)
            result = MAX(result, (int)what->newfd); /* of the two one is 0 */
        if (result >= 0 && (what->flags & LX_SECCOMP_ADDFD_FLAG_SEND)) {
            call->reply = (struct lx_seccomp_notif_resp){.val = result};
            call_set_state_locked(notify, call, ANSWERED);
        }
        if (old)
            fd_table_get(files);
    }
    mutex_unlock(&notify->lock);
    if (result < 0)
        file_put(file);
    if (old) {
        fd_release(files, old);
        fd_table_put(files);
    }
    return result;
}

/* nbytes: what the program takes the structure for; more than is known must be zeroes. */
static COLD int64_t notify_add_file(struct seccomp_notify *notify, struct uptr from, size_t nbytes)
{
    struct lx_seccomp_notif_addfd what;
    struct file *file;
    int64_t result;

    if (nbytes < sizeof(what) || nbytes >= PAGE_SIZE)
        return -EINVAL;
    result = vm_user_check_zero((struct uptr){from.va + sizeof(what)}, nbytes - sizeof(what));
    if (result)
        return result;
    if (vm_user_read(&what, from, sizeof(what)))
        return -EFAULT;
    if (what.newfd_flags & ~LX_O_CLOEXEC ||
        what.flags & ~(LX_SECCOMP_ADDFD_FLAG_SETFD | LX_SECCOMP_ADDFD_FLAG_SEND) ||
        (what.newfd && !(what.flags & LX_SECCOMP_ADDFD_FLAG_SETFD)))
        return -EINVAL;
    file = fd_get(task_current()->files, (int)what.srcfd);
    if (!file)
        return -EBADF;
    result = file_pass(notify, &what, file);
    file_put(file);
    return result;
}

/* Commands have the size of their argument in them, and that of ADDFD may grow. */
static COLD int64_t notify_ioctl(struct file *file, uint32_t request, struct uptr arg)
{
    struct seccomp_notify *notify = file->private;

    switch (request) {
    case LX_SECCOMP_IOCTL_NOTIF_RECV:
        return notify_receive(notify, arg);
    case LX_SECCOMP_IOCTL_NOTIF_SEND:
        return notify_send(notify, arg);
    case LX_SECCOMP_IOCTL_NOTIF_ID_VALID:
    case LX_SECCOMP_IOCTL_NOTIF_ID_VALID_WRONG_DIR:
        return notify_id_valid(notify, arg);
    default:
        if ((request & ~LX_IOCSIZE_MASK) == (LX_SECCOMP_IOCTL_NOTIF_ADDFD & ~LX_IOCSIZE_MASK))
            return notify_add_file(notify, arg, (request & LX_IOCSIZE_MASK) >> 16);
        return -EINVAL;
    }
}

static COLD uint32_t notify_poll(struct file *file, struct poll_waiter *waiter)
{
    struct seccomp_notify *notify = file->private;

    poll_register(&notify->poll, waiter);
    return (__atomic_load_n(&notify->counts[FRESH], __ATOMIC_ACQUIRE) ? LX_POLLIN | LX_POLLRDNORM
                                                                      : 0) |
           (__atomic_load_n(&notify->counts[TOLD], __ATOMIC_ACQUIRE) ? LX_POLLOUT | LX_POLLWRNORM
                                                                     : 0) |
           (__atomic_load_n(&notify->orphaned, __ATOMIC_ACQUIRE) ? LX_POLLHUP : 0);
}

static const struct file_ops notify_ops = {
    .release = notify_release,
    .ioctl = notify_ioctl,
    .poll = notify_poll,
    .anon_name = "seccomp notify",
};

COLD int seccomp_notify_file(const struct task *self, struct seccomp_notify *notify,
                             struct file **out_file)
{
    int err = file_create_anon(&notify_ops, notify, 0600, LX_O_RDWR, &self->fs->cred, out_file);

    if (!err)
        __atomic_fetch_add(&notify->refs, 1, __ATOMIC_RELAXED);
    return err;
}
