/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a call of a task with a mode of seccomp(2).
 *
 * Every filter of the task is run, the newest first, and the action that is the smallest as a
 * signed number counts; of equal ones that of the newest. A tracer has seen the call before
 * (PTRACE_SYSCALL) and may have changed it; one that is asked by RET_TRACE may change it as well,
 * so all filters are run once more, and then RET_TRACE allows.
 *
 * A call that must not be made ends here: with a result, with SIGSYS, or with the task or its
 * process. That end is nothing that a handler, a mask or a tracer could keep off.
 */
#include "kernel/arch/x86_64/regs.h"
#include "kernel/core/clock.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/bpf.h"
#include "kernel/lib/klog.h"
#include "kernel/lib/restart.h"
#include "kernel/lib/string.h"
#include "kernel/proc/core/core.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "kernel/proc/ptrace/ptrace.h"
#include "kernel/proc/seccomp/seccomp.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/capability.h"
#include "shared/linux/errno.h"
#include "shared/linux/stat.h"

#define ERRNO_MAX 4095
#define LINES_MAX 20 /* of the log, in LINES_NS */
#define LINES_NS  1000000000ULL

/* In Linux's order, which /proc/sys shows. */
enum { ACTION_KILL_THREAD = 1, ACTION_ALLOW = 7, ACTIONS };
static const struct {
    uint32_t action;
    char name[16];
} actions[ACTIONS] = {
    {LX_SECCOMP_RET_KILL_PROCESS, "kill_process"},
    {LX_SECCOMP_RET_KILL_THREAD, "kill_thread"},
    {LX_SECCOMP_RET_TRAP, "trap"},
    {LX_SECCOMP_RET_ERRNO, "errno"},
    {LX_SECCOMP_RET_USER_NOTIF, "user_notif"},
    {LX_SECCOMP_RET_TRACE, "trace"},
    {LX_SECCOMP_RET_LOG, "log"},
    {LX_SECCOMP_RET_ALLOW, "allow"},
};
#define LOGGABLE ((1u << ACTION_ALLOW) - 1)
static uint32_t silent; /* [a] bit n: actions[n] is not logged */

/* ACTIONS: there is none of that number. */
static COLD unsigned action_find(uint32_t action)
{
    unsigned i = 0;

    while (i < ACTIONS && actions[i].action != action)
        i++;
    return i;
}

COLD bool seccomp_action_is_known(uint32_t action)
{
    return action_find(action) < ACTIONS;
}

/* A program must not fill the log with its calls: so many lines a second, of all programs. */
static COLD void call_log(const struct task *self, const struct trap_frame *frame, uint32_t action,
                          int signal)
{
    static uint64_t second, lines; /* [a] */
    const uint64_t now = clock_monotonic_ns() / LINES_NS;
    const unsigned which = action_find(action) % ACTIONS; /* unknown ones kill */

    if (__atomic_load_n(&silent, __ATOMIC_RELAXED) >> which & 1)
        return;
    if (__atomic_exchange_n(&second, now, __ATOMIC_RELAXED) != now)
        __atomic_store_n(&lines, 0, __ATOMIC_RELAXED);
    if (__atomic_fetch_add(&lines, 1, __ATOMIC_RELAXED) < LINES_MAX)
        klog("seccomp: uid=%u pid=%d sig=%d arch=%x syscall=%d ip=0x%lx code=0x%x",
             self->fs->cred.uid, self->tid, signal, LX_AUDIT_ARCH_X86_64, (int)frame->error,
             frame->rip, action);
}

/* All see the same. Long chains let others run in between. */
static COLD uint32_t filters_run(const struct task *self, const struct lx_seccomp_data *data,
                                 const struct seccomp_filter **out_match)
{
    uint32_t result = LX_SECCOMP_RET_ALLOW;

    for (const struct seccomp_filter *at = __atomic_load_n(&self->seccomp, __ATOMIC_ACQUIRE); at;
         at = at->previous) {
        uint32_t one = bpf_run(at->insns, data);

        if ((int32_t)(one & LX_SECCOMP_RET_ACTION_FULL) <
            (int32_t)(result & LX_SECCOMP_RET_ACTION_FULL)) {
            result = one;
            *out_match = at;
        }
        sched_preempt_point();
    }
    return result;
}

/* As sigaction(2) has it for SIGSYS. */
static struct lx_siginfo trap_info(const struct trap_frame *frame, uint32_t result)
{
    struct lx_siginfo info = {
        .signo = LX_SIGSYS,
        .code = LX_SYS_SECCOMP,
        .error = (int32_t)(result & LX_SECCOMP_RET_DATA),
    };

    info.call.address = frame->rip;
    info.call.number = (int32_t)frame->error;
    info.call.arch = LX_AUDIT_ARCH_X86_64;
    return info;
}

/* The caller's thread alone, where it is not the last: there is no signal then. */
static COLD NORETURN void call_kill(struct task *self, struct trap_frame *frame, uint32_t result)
{
    struct process *process = self->process;
    const struct lx_siginfo info = trap_info(frame, result);
    bool alone;

    call_log(self, frame, result & LX_SECCOMP_RET_ACTION_FULL, LX_SIGSYS);
    spin_lock(&process->lock);
    alone = process->live == 1; /* two that die at once both see two: each goes alone */
    spin_unlock(&process->lock);
    if ((result & LX_SECCOMP_RET_ACTION_FULL) == LX_SECCOMP_RET_KILL_THREAD && !alone)
        task_exit(self, PROCESS_SIGNALED, LX_SIGSYS);
    frame->rax = frame->error; /* in the core file it is about to be made */
    core_dump(self, &info);
    process_exit(self, PROCESS_SIGNALED, LX_SIGSYS);
}

/* Read, write, exit, rt_sigreturn. */
static COLD void strict_check(struct task *self, struct trap_frame *frame)
{
    static const uint8_t allowed[] = {0, 1, 15, 60};

    const uint32_t number = (uint32_t)frame->error;

    if (number <= UINT8_MAX && memchr(allowed, (int)number, sizeof(allowed)))
        return;
    call_log(self, frame, LX_SECCOMP_RET_KILL_THREAD, LX_SIGKILL);
    task_exit(self, PROCESS_SIGNALED, LX_SIGKILL);
}

/* RET_TRACE. True: the tracer was told, and the call, which it may have changed, is still one. */
static COLD bool tracer_lets_go_on(struct task *self, const struct trap_frame *frame,
                                   uint32_t result)
{
    return ptrace_seccomp(self, result & LX_SECCOMP_RET_DATA) && (int32_t)frame->error >= 0;
}

/* A code by which the kernel starts calls anew is none of its own here. */
static COLD void result_set(struct trap_frame *frame, int64_t value)
{
    frame->rax = (uint64_t)value;
    if (restart_is_code(value))
        frame->vector = 0;
}

/* RET_USER_NOTIF. Without a supervisor RAX stays -ENOSYS. A signal that came before the answer has
 * the call start anew, if it may. */
static COLD bool supervisor_lets_go_on(struct trap_frame *frame, struct seccomp_notify *notify,
                                       const struct lx_seccomp_data *call)
{
    struct lx_seccomp_notif_resp reply;
    int err;

    if (!notify)
        return false;
    err = seccomp_notify_ask(notify, call, &reply);
    if (err)
        frame->rax = (uint64_t)(int64_t)err;
    else if (!reply.flags)
        result_set(frame, reply.error ? reply.error : reply.val);
    return !err && reply.flags;
}

/* What goes on after it can have been logged here; the others are logged as they kill. */
static COLD bool is_gentle(uint32_t action)
{
    const unsigned which = action_find(action);

    return which > ACTION_KILL_THREAD && which < ACTIONS;
}

/* True: the call is made. traced: the tracer was asked, and what it has made of the call is looked
 * at. */
static COLD bool filter_act(struct task *self, struct trap_frame *frame, bool traced)
{
    const struct lx_seccomp_data call = {
        .number = (int32_t)frame->error,
        .arch = LX_AUDIT_ARCH_X86_64,
        .rip = frame->rip,
        .args = {frame->rdi, frame->rsi, frame->rdx, frame->r10, frame->r8, frame->r9},
    };
    const struct seccomp_filter *match = NULL;
    const uint32_t result = filters_run(self, &call, &match);
    const uint32_t action = result & LX_SECCOMP_RET_ACTION_FULL;
    const uint32_t data = result & LX_SECCOMP_RET_DATA;

    if (action == LX_SECCOMP_RET_ALLOW || (traced && action == LX_SECCOMP_RET_TRACE))
        return true;
    if (action == LX_SECCOMP_RET_LOG || (match->log && is_gentle(action)))
        call_log(self, frame, action, 0);
    switch (action) {
    case LX_SECCOMP_RET_LOG:
        return true;
    case LX_SECCOMP_RET_ERRNO:
        result_set(frame, -(int64_t)MIN(data, ERRNO_MAX));
        return false;
    case LX_SECCOMP_RET_TRAP: {
        const struct lx_siginfo info = trap_info(frame, result);

        frame->rax = frame->error;
        signal_force_info(self, &info);
        return false;
    }
    case LX_SECCOMP_RET_TRACE:
        return tracer_lets_go_on(self, frame, result) && filter_act(self, frame, true);
    case LX_SECCOMP_RET_USER_NOTIF:
        return supervisor_lets_go_on(frame, match->notify, &call);
    default: /* also what no version knows */
        call_kill(self, frame, result);
    }
}

/* A tracer with the right to do so switches all of it off, to look at a program from within. */
COLD bool seccomp_call_enter(struct task *self, struct trap_frame *frame)
{
    if (unlikely(ptrace_suspends_seccomp(self)))
        return true;
    if (__atomic_load_n(&self->seccomp_mode, __ATOMIC_ACQUIRE) == LX_SECCOMP_MODE_FILTER)
        return filter_act(self, frame, false);
    strict_check(self, frame);
    return true;
}

/* ---- /proc/sys/kernel/seccomp ---- */

/* An entry has the actions that it shows in .arg; 0: those that are logged. */
static COLD int show_actions(const struct procfs_node *node, struct procfs_text *text)
{
    const uint32_t set = (uint32_t)node->entry->arg;
    uint32_t left = set ? set : ~__atomic_load_n(&silent, __ATOMIC_RELAXED) & LOGGABLE;

    for (unsigned i = 0; i < ACTIONS; i++)
        if (left >> i & 1) {
            left &= ~(1u << i);
            procfs_print(text, left ? "%s " : "%s", actions[i].name);
        }
    procfs_print(text, "\n");
    return 0;
}

/* The name up to a blank; ACTIONS: none has it. */
static COLD unsigned name_find(const char *name, size_t nbytes)
{
    unsigned i = 0;

    /* The longest has 12 bytes: all fit into their rows with an end. */
    while (i < ACTIONS &&
           (strlen(actions[i].name) != nbytes || memcmp(actions[i].name, name, nbytes) != 0))
        i++;
    return i;
}

/* Names with a blank between each two; what is allowed is never logged. */
static COLD int write_logged(const struct procfs_node *node, struct user_iter *io)
{
    char bytes[96];
    size_t nbytes = MIN(io->left, sizeof(bytes) - 1), used;
    uint32_t set = 0;

    (void)node;
    if (!credentials_capable(&task_current()->fs->cred, LX_CAP_SYS_ADMIN))
        return -EPERM;
    if (user_iter_get(io, bytes, nbytes) < nbytes)
        return -EFAULT;
    bytes[nbytes] = '\0';
    for (const char *at = bytes; *at && *at != '\n'; at += used + (at[used] == ' ')) {
        unsigned which;

        for (used = 0; at[used] && at[used] != ' ' && at[used] != '\n';)
            used++;
        which = name_find(at, used);
        if (which >= ACTION_ALLOW)
            return -EINVAL;
        set |= 1u << which;
    }
    __atomic_store_n(&silent, ~set & LOGGABLE, __ATOMIC_RELAXED);
    return 0;
}

static const struct procfs_entry sysctl_files[] = {
    {.name = "actions_avail",
     .mode = LX_S_IFREG | 0444,
     .arg = (1u << ACTIONS) - 1,
     .show = show_actions},
    PROCFS_WRITABLE("actions_logged", show_actions, write_logged),
};
const struct procfs_dir seccomp_sysctl_dir = {.entries = sysctl_files,
                                              .count = ARRAY_SIZE(sysctl_files)};
