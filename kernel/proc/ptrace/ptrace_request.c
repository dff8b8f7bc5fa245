/* SPDX-License-Identifier: MIT */
/*
 * ptrace: requests on a stopped tracee.
 *
 * A request freezes the tracee, waits until it is off its processor, so that its registers are in
 * memory, works on it without a lock, and lets it sleep on or go. Two requests at once for one
 * tracee, from two tasks of the tracer, find it frozen: the second gets -ESRCH.
 */
#include "kernel/arch/x86_64/features.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/ptrace/ptrace_internal.h"
#include "kernel/proc/seccomp/seccomp.h"
#include "kernel/proc/signal/sigframe_fpu.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_map.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/capability.h"
#include "shared/linux/errno.h"
#include "shared/linux/uio.h"

#define FXSAVE_NBYTES 512

/* ---- the tracee is kept still ---- */

/* Tasks of any tracer but the caller's own process are none of its. */
static COLD struct tracee *tracee_of_locked(const struct task *self, int tid)
{
    const struct task *task = task_find_locked(tid);
    struct tracee *tracee = task ? task->ptrace : NULL;

    ASSERT(process_tree_is_held());
    return tracee && tracee->tracer == self->process ? tracee : NULL;
}

/* It was killed, and stops no longer; but for its last stop, at its exit. */
static COLD bool must_go(const struct tracee *tracee)
{
    const uint32_t work = __atomic_load_n(&tracee->task->thread.arch.work, __ATOMIC_ACQUIRE);

    return (work & TIF_KILL) && !tracee->at_exit;
}

/* One that was killed meanwhile has slept on for the request's sake. */
static COLD void thaw(struct tracee *tracee)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);

    tracee->frozen = false;
    if (tracee->listening && tracee->task->trap_pending) {
        tracee->listening = false;
        tracee->state = TRACEE_RUNS;
    }
    if (tracee->state != TRACEE_STOPPED || must_go(tracee))
        sched_wake(&tracee->task->thread);
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

/* From here to thaw the caller alone has its registers, signals and this structure. */
static COLD int freeze(struct task *self, int tid, struct tracee **out_tracee)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct tracee *tracee = tracee_of_locked(self, tid);
    bool still = tracee && tracee->state == TRACEE_STOPPED && !tracee->listening &&
                 !tracee->frozen && !must_go(tracee);

    if (still)
        tracee->frozen = true;
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (!still)
        return -ESRCH;
    /* It has said that it stops, and is on its way to sleep. */
    while (!sched_is_off(&tracee->task->thread)) {
        /* It was woken to die, and sleeps on only for this. */
        if (must_go(tracee)) {
            thaw(tracee);
            return -ESRCH;
        }
        sched_yield_cpu();
    }
    *out_tracee = tracee;
    return 0;
}

/* ---- memory and registers ---- */

/* A program may have closed itself to others since (PR_SET_DUMPABLE). */
static COLD bool memory_is_open(const struct ptrace_request *r)
{
    return r->tracee->capable ||
           !__atomic_load_n(&r->task->thread.space->undumpable, __ATOMIC_RELAXED);
}

/* The system call has no other way to return a word: `data` is where it goes. */
static COLD int64_t memory_word_read(struct ptrace_request *r)
{
    uint64_t word;

    if (!memory_is_open(r) || vm_debug_read(r->task->thread.space, r->address, &word, sizeof(word)))
        return -EIO;
    return vm_user_write((struct uptr){r->data}, &word, sizeof(word));
}

/* Also to text, which the tracee itself may not write: breakpoints. */
static COLD int64_t memory_word_write(struct ptrace_request *r)
{
    if (!memory_is_open(r) ||
        vm_debug_write(r->task->thread.space, r->address, &r->data, sizeof(r->data)))
        return -EIO;
    return 0;
}

/* Debuggers address its words by their offsets. */
static COLD bool user_offset_is_valid(uint64_t offset)
{
    return IS_ALIGNED(offset, 8) && offset < LX_USER_NBYTES;
}

/* Of struct user there are the registers; the rest reads as 0. */
static COLD int64_t user_word_read(struct ptrace_request *r)
{
    struct lx_user_regs regs;
    uint64_t word = 0;

    if (!user_offset_is_valid(r->address))
        return -EIO;
    ptrace_regs_get(r->task, &regs);
    if (r->address < sizeof(regs))
        memcpy(&word, (char *)&regs + r->address, sizeof(word));
    return vm_user_write((struct uptr){r->data}, &word, sizeof(word));
}

/* Of the debug registers, which are not kept, only what switches them off is taken: debuggers write
 * that for every new thread. */
static COLD int64_t user_word_write(struct ptrace_request *r)
{
    struct lx_user_regs regs;

    if (!user_offset_is_valid(r->address))
        return -EIO;
    if (r->address >= LX_USER_DEBUG_OFFSET)
        return r->data ? -EIO : 0;
    if (r->address >= sizeof(regs))
        return -EIO;
    ptrace_regs_get(r->task, &regs);
    memcpy((char *)&regs + r->address, &r->data, sizeof(r->data));
    return ptrace_regs_set(r->task, &regs);
}

/* All of them, in one piece. */
static COLD int64_t regs_read(struct ptrace_request *r)
{
    struct lx_user_regs regs;

    ptrace_regs_get(r->task, &regs);
    return vm_user_write((struct uptr){r->data}, &regs, sizeof(regs));
}

/* Checked as a whole, then set. */
static COLD int64_t regs_write(struct ptrace_request *r)
{
    struct lx_user_regs regs;

    if (vm_user_read(&regs, (struct uptr){r->data}, sizeof(regs)))
        return -EFAULT;
    return ptrace_regs_set(r->task, &regs);
}

/* The area as a debugger expects it: with the components that there are where it looks for them. */
static COLD int64_t fpu_read(const struct task *task, struct uptr to, size_t nbytes)
{
    char *area = kmalloc(features.fpu_nbytes);
    int64_t err;

    if (!area)
        return -ENOMEM;
    if (nbytes > FXSAVE_NBYTES)
        ptrace_fpu_get(task, area);
    else
        memcpy(area, task->thread.arch.fpu, nbytes);
    err = vm_user_write(to, area, nbytes);
    kfree(area);
    return err;
}

/* Read whole before it is looked at: the program could change it in between. */
static COLD int64_t fpu_write(struct task *task, struct uptr from, size_t nbytes)
{
    char *area = kmalloc(nbytes);
    int64_t err;

    if (!area)
        return -ENOMEM;
    err = vm_user_read(area, from, nbytes);
    if (!err)
        err = sigframe_fpu_set(task, area, nbytes);
    kfree(area);
    return err;
}

/* NT_PRSTATUS may be shorter than all; an FPU area is taken whole or not at all. */
static COLD int64_t regset_copy(struct ptrace_request *r, bool write, struct lx_iovec *part)
{
    struct lx_user_regs regs;
    const struct uptr at = {part->iov_base};

    switch (r->address) {
    case LX_NT_PRSTATUS:
        part->iov_len = MIN(part->iov_len, sizeof(regs));
        ptrace_regs_get(r->task, &regs);
        if (!write)
            return vm_user_write(at, &regs, part->iov_len);
        return vm_user_read(&regs, at, part->iov_len) ? -EFAULT : ptrace_regs_set(r->task, &regs);
    case LX_NT_PRFPREG:
    case LX_NT_X86_XSTATE: {
        size_t all = r->address == LX_NT_PRFPREG ? FXSAVE_NBYTES : features.fpu_nbytes;

        if (r->address == LX_NT_X86_XSTATE && !features.xsave)
            return -EINVAL;
        if (write)
            return part->iov_len < all ? -EFAULT : fpu_write(r->task, at, part->iov_len = all);
        part->iov_len = MIN(part->iov_len, all);
        return fpu_read(r->task, at, part->iov_len);
    }
    default:
        return -EINVAL;
    }
}

/* The length that was copied is given back. */
static COLD int64_t regset(struct ptrace_request *r, bool write)
{
    struct lx_iovec part;
    int64_t err;

    if (vm_user_read(&part, (struct uptr){r->data}, sizeof(part)))
        return -EFAULT;
    err = !IS_ALIGNED(part.iov_len, 8) ? -EINVAL : regset_copy(r, write, &part);
    if (err)
        return err;
    return vm_user_write((struct uptr){r->data + offsetof(struct lx_iovec, iov_len)}, &part.iov_len,
                         sizeof(part.iov_len));
}

/* ---- calls ---- */

/* Returns the bytes that there are, whatever room there is for them: ptrace(2). */
static COLD int64_t call_info_read(struct ptrace_request *r)
{
    struct lx_user_regs regs;
    struct lx_syscall_info info = {.op = r->tracee->call_op, .arch = LX_AUDIT_ARCH_X86_64};
    size_t nbytes = offsetof(struct lx_syscall_info, entry);

    ptrace_regs_get(r->task, &regs);
    info.rip = regs.rip;
    info.rsp = regs.rsp;
    if (info.op == LX_SYSCALL_INFO_ENTRY || info.op == LX_SYSCALL_INFO_SECCOMP) {
        const uint64_t args[] = {regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8, regs.r9};

        info.entry.number = regs.orig_rax;
        memcpy(info.entry.args, args, sizeof(args));
        nbytes += sizeof(info.entry);
        if (info.op == LX_SYSCALL_INFO_SECCOMP) {
            info.seccomp.data = (uint32_t)r->tracee->message;
            nbytes += sizeof(info.seccomp.data);
        }
    } else if (info.op == LX_SYSCALL_INFO_EXIT) {
        info.exit.value = (int64_t)regs.rax;
        info.exit.is_error = regs.rax >= (uint64_t)-4095;
        nbytes = offsetof(struct lx_syscall_info, exit.is_error) + 1;
    }
    if (vm_user_write((struct uptr){r->data}, &info, MIN(nbytes, r->address)))
        return -EFAULT;
    return (int64_t)nbytes;
}

/* PTRACE_SECCOMP_GET_FILTER: the instructions of the filter number `address`, and how many there
 * are. GET_METADATA: its flags; the number is in the structure, `address` the size of that. For
 * CAP_SYS_ADMIN without filters of its own. The filter stays: its task is frozen. */
static COLD int64_t filter_read(struct ptrace_request *r, bool flags)
{
    struct lx_seccomp_metadata data = {.filter_off = r->address};
    const struct uptr to = {r->data};
    const size_t nbytes = MIN(r->address, sizeof(data));
    const struct seccomp_filter *filter;
    int err;

    if (!credentials_capable(&r->self->fs->cred, LX_CAP_SYS_ADMIN) || r->self->seccomp_mode)
        return -EACCES;
    if (flags && nbytes < sizeof(data.filter_off))
        return -EINVAL;
    if (flags && vm_user_read(&data.filter_off, to, sizeof(data.filter_off)))
        return -EFAULT;
    err = seccomp_find(r->task, data.filter_off, &filter);
    if (err)
        return err;
    if (flags) {
        data.flags = filter->log ? LX_SECCOMP_FILTER_FLAG_LOG : 0;
        return vm_user_write(to, &data, nbytes) ? -EFAULT : (int64_t)nbytes;
    }
    if (to.va && vm_user_write(to, filter->insns, filter->count * sizeof(filter->insns[0])))
        return -EFAULT;
    return filter->count;
}

/* ---- going on ---- */

/* 0 is none. */
static COLD bool signal_is_right(uint64_t signal)
{
    return signal <= LX_NSIG;
}

/* What the tracee does next is decided here, and seen by it when thaw has woken it. */
static COLD int64_t resume(struct ptrace_request *r, enum tracee_resume how)
{
    uint64_t flags;

    if (!signal_is_right(r->data))
        return -EIO;
    flags = spin_lock_irqsave(&process_tree_lock);
    r->task->ptrace_signal = (int)r->data;
    r->tracee->watches_calls = how == RESUME_CALLS;
    r->tracee->steps = how == RESUME_STEP;
    list_remove(&r->tracee->news_link);
    list_init(&r->tracee->news_link);
    ptrace_watch_locked(r->task);
    r->tracee->state = TRACEE_RUNS; /* thaw wakes it */
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return 0;
}

/* The tracee stays stopped, and the tracer hears when its group goes on. */
static COLD int64_t listen(struct ptrace_request *r)
{
    uint64_t flags;

    if (!r->tracee->seized || r->tracee->status >> 8 != LX_PTRACE_EVENT_STOP)
        return -EIO;
    flags = spin_lock_irqsave(&process_tree_lock);
    if (r->task->trap_pending)
        r->tracee->state = TRACEE_RUNS;
    else
        r->tracee->listening = true;
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return 0;
}

/* For the next event on; of a stop that is there nothing changes. */
static COLD int64_t options_set(struct ptrace_request *r)
{
    uint64_t flags;

    if (r->data & ~(uint64_t)LX_PTRACE_O_ALLOWED)
        return -EINVAL;
    if (ptrace_options_check(r->self, r->data))
        return -EPERM;
    flags = spin_lock_irqsave(&process_tree_lock);
    r->tracee->options = (uint32_t)r->data;
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return 0;
}

/* All but those that end the tracing, and those for which it need not be stopped. The numbers are
 * those of ptrace(2); what is not there is EIO, as on Linux. */
static COLD int64_t stopped_request(struct ptrace_request *r, int request)
{
    switch (request) {
    case LX_PTRACE_PEEKTEXT:
    case LX_PTRACE_PEEKDATA:
        return memory_word_read(r);
    case LX_PTRACE_POKETEXT:
    case LX_PTRACE_POKEDATA:
        return memory_word_write(r);
    case LX_PTRACE_PEEKUSER:
        return user_word_read(r);
    case LX_PTRACE_POKEUSER:
        return user_word_write(r);
    case LX_PTRACE_GETREGS:
        return regs_read(r);
    case LX_PTRACE_SETREGS:
        return regs_write(r);
    case LX_PTRACE_GETFPREGS:
        return fpu_read(r->task, (struct uptr){r->data}, FXSAVE_NBYTES);
    case LX_PTRACE_SETFPREGS:
        return fpu_write(r->task, (struct uptr){r->data}, FXSAVE_NBYTES);
    case LX_PTRACE_GETREGSET:
    case LX_PTRACE_SETREGSET:
        return regset(r, request == LX_PTRACE_SETREGSET);
    case LX_PTRACE_GETSIGINFO:
        return ptrace_signal_info_read(r);
    case LX_PTRACE_SETSIGINFO:
        return ptrace_signal_info_write(r);
    case LX_PTRACE_PEEKSIGINFO:
        return ptrace_signals_peek(r);
    case LX_PTRACE_GETSIGMASK:
        return ptrace_mask_read(r);
    case LX_PTRACE_SETSIGMASK:
        return ptrace_mask_write(r);
    case LX_PTRACE_GETEVENTMSG:
        return vm_user_write((struct uptr){r->data}, &r->tracee->message,
                             sizeof(r->tracee->message));
    case LX_PTRACE_GET_SYSCALL_INFO:
        return call_info_read(r);
    case LX_PTRACE_SECCOMP_GET_FILTER:
    case LX_PTRACE_SECCOMP_GET_METADATA:
        return filter_read(r, request == LX_PTRACE_SECCOMP_GET_METADATA);
    case LX_PTRACE_SETOPTIONS:
        return options_set(r);
    case LX_PTRACE_LISTEN:
        return listen(r);
    case LX_PTRACE_CONT:
        return resume(r, RESUME_CONT);
    case LX_PTRACE_SYSCALL:
        return resume(r, RESUME_CALLS);
    case LX_PTRACE_SINGLESTEP:
        return resume(r, RESUME_STEP);
    default:
        return -EIO;
    }
}

/* The tracee is gone for the caller once the lock is dropped. */
/* With a signal from the stop of one, as resume; its group may stay stopped. */
static COLD int64_t detach(struct ptrace_request *r)
{
    uint64_t flags;

    if (!signal_is_right(r->data)) {
        thaw(r->tracee);
        return -EIO;
    }
    flags = spin_lock_irqsave(&process_tree_lock);
    r->tracee->frozen = false;
    ptrace_let_go_locked(r->tracee, (int)r->data);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return 0;
}

/* INTERRUPT and KILL. A tracee that only listens for its group's end of a stop is made to stop
 * anew. */
static COLD int64_t request_any_time(struct task *self, int request, int tid)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct tracee *tracee = tracee_of_locked(self, tid);
    int64_t err = tracee ? 0 : -ESRCH;

    if (tracee && request == LX_PTRACE_INTERRUPT && !tracee->seized)
        err = -EIO;
    if (!err) {
        struct task *task = tracee->task;

        spin_lock(&task->process->lock);
        if (request == LX_PTRACE_INTERRUPT)
            task->trap_pending = true;
        else
            process_kill_locked(task->process);
        spin_unlock(&task->process->lock);
        arch_thread_add_work(&task->thread.arch, TIF_SIGNAL);
        if (tracee->state == TRACEE_STOPPED && tracee->listening && !tracee->frozen) {
            tracee->listening = false;
            tracee->state = TRACEE_RUNS;
            sched_wake(&task->thread);
        } else {
            sched_notify(&task->thread);
        }
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return err;
}

COLD int64_t ptrace_request(struct task *self, int request, int tid, uint64_t address,
                            uint64_t data)
{
    struct ptrace_request r = {.self = self, .address = address, .data = data};
    int64_t result;

    if (request == LX_PTRACE_INTERRUPT || request == LX_PTRACE_KILL)
        return request_any_time(self, request, tid);
    result = freeze(self, tid, &r.tracee);
    if (result)
        return result;
    r.task = r.tracee->task;
    if (request == LX_PTRACE_DETACH)
        return detach(&r);
    result = stopped_request(&r, request);
    thaw(r.tracee);
    return result;
}
