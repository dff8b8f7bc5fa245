/* SPDX-License-Identifier: MIT */
/*
 * Restartable sequences: sections that a context switch or a signal aborts.
 *
 * A program registers an area (struct rseq). The kernel keeps the number of the processor in it,
 * and the program puts the address of the running sequence there. A thread that was off its
 * processor gets TIF_RSEQ (switch_account_locked); on its way to ring 3, if the interrupted address
 * lies within the sequence, RIP becomes its abort address and the field is cleared, then the number
 * of the processor is written. A signal handler aborts the sequence likewise before its frame is
 * pushed.
 *
 * A bad area or sequence is SIGSEGV, as on Linux: the program relies on atomicity that it would not
 * have. See rseq(2) and Linux's include/uapi/linux/rseq.h.
 */
#include "kernel/proc/futex/rseq.h"

#include "kernel/arch/x86_64/regs.h"
#include "kernel/arch/x86_64/vectors.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/proc/task.h"
#include "kernel/vm/vm_space.h"
#include "kernel/vm/vm_user.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"
#include "shared/linux/futex.h"

#define NO_CPU UINT32_MAX

/* The two pairs of words that the kernel writes; the sequence's address lies between them. */
static int area_write(struct task *self, uint32_t cpu, uint32_t cpu_id, uint32_t mm_cid)
{
    uint32_t cpus[2] = {cpu, cpu_id}, others[2] = {0, mm_cid};
    struct uptr area = self->rseq;
    /* cpu_id_start and cpu_id are neighbours and are written together, mm_cid has node_id beside
     * it. */
    int err = vm_user_write(area, cpus, sizeof(cpus));

    if (!err)
        err = vm_user_write((struct uptr){area.va + offsetof(struct lx_rseq, node_id)}, others,
                            sizeof(others));
    self->rseq_cpu = cpu_id;
    return err;
}

/* A number that no other task of the same memory has at the same time: the processor's, but 0 for
 * one that is alone. */
static int cpu_tell(struct task *self)
{
    uint32_t cpu = cpu_self()->index;

    return area_write(self, cpu, cpu, self->thread.space->refs > 1 ? cpu : 0);
}

static int sequence_clear(const struct task *self)
{
    uint64_t none = 0;

    return vm_user_write((struct uptr){self->rseq.va + offsetof(struct lx_rseq, rseq_cs)}, &none,
                         sizeof(none));
}

/* One comparison: an address below the start wraps and is greater. */
static bool is_within(const struct lx_rseq_cs *sequence, uint64_t rip)
{
    return rip - sequence->start_ip < sequence->post_commit_offset;
}

/* Where the sequence ends badly is marked, so that no task can be made to jump elsewhere. */
static int sequence_check(const struct task *self, const struct lx_rseq_cs *sequence)
{
    uint32_t signature;

    /* The abort address must lie outside the sequence, or the abort would be aborted again. */
    if (sequence->version || sequence->flags || sequence->start_ip >= USER_END ||
        sequence->post_commit_offset >= USER_END - sequence->start_ip ||
        sequence->abort_ip >= USER_END || is_within(sequence, sequence->abort_ip))
        return -EINVAL;
    /* The four bytes before the abort address hold the signature that was registered. */
    if (vm_user_read(&signature, (struct uptr){sequence->abort_ip - sizeof(signature)},
                     sizeof(signature)))
        return -EFAULT;
    return signature == self->rseq_signature ? 0 : -EINVAL;
}

static int abort_sequence(struct task *self, struct trap_frame *frame)
{
    struct lx_rseq_cs sequence;
    uint64_t at;
    int err;

    err = vm_user_read(&at, (struct uptr){self->rseq.va + offsetof(struct lx_rseq, rseq_cs)},
                       sizeof(at));
    if (err || !at)
        return err;
    err = vm_user_read(&sequence, (struct uptr){at}, sizeof(sequence));
    if (!err)
        err = sequence_check(self, &sequence);
    /* Cleared whether RIP is within or not: the program clears it lazily, Linux does the
     * same. */
    if (!err)
        err = sequence_clear(self);
    if (!err && is_within(&sequence, frame->rip)) {
        trap_frame_set_full(frame);
        frame->rip = sequence.abort_ip;
    }
    return err;
}

/* A sequence holds no system call: after one on the same processor there is nothing to see. */
void rseq_resume(struct task *self, struct trap_frame *frame)
{
    /* Most returns are to the same processor: then the area need not be written. */
    bool moved = self->rseq_cpu != cpu_self()->index;
    int err = 0;

    arch_thread_clear_work(&self->thread.arch, TIF_RSEQ);
    if (!self->rseq.va)
        return;
    if (!trap_frame_is_call(frame))
        err = abort_sequence(self, frame);
    if (!err && moved)
        err = cpu_tell(self);
    if (err)
        signal_force(self, LX_SIGSEGV);
}

int rseq_signal(struct task *self, struct trap_frame *frame)
{
    return self->rseq.va ? abort_sequence(self, frame) : 0;
}

void rseq_drop(struct task *task)
{
    task->rseq.va = 0;
    task->thread.rseq_registered = false;
}

/* The child's copy of the area is told when it first runs. */
void rseq_inherit(struct task *child, const struct task *parent)
{
    child->rseq = parent->rseq;
    child->rseq_nbytes = parent->rseq_nbytes;
    child->rseq_signature = parent->rseq_signature;
    child->rseq_cpu = NO_CPU;
    child->thread.rseq_registered = parent->thread.rseq_registered;
    if (child->rseq.va)
        arch_thread_add_work(&child->thread.arch, TIF_RSEQ);
}

static int64_t rseq_unregister(struct task *self, struct uptr area, unsigned nbytes,
                               unsigned signature)
{
    if (!area.va || area.va != self->rseq.va || nbytes != self->rseq_nbytes)
        return -EINVAL;
    if (signature != self->rseq_signature)
        return -EPERM;
    if (area_write(self, 0, NO_CPU, 0))
        return -EFAULT;
    rseq_drop(self);
    return 0;
}

int64_t rseq_register(struct task *self, struct uptr area, unsigned nbytes, int flags,
                      unsigned signature)
{
    if (flags == LX_RSEQ_FLAG_UNREGISTER)
        return rseq_unregister(self, area, nbytes, signature);
    if (flags)
        return -EINVAL;
    /* Registered already: EBUSY if it is the same once more, errors in Linux's order otherwise. */
    if (self->rseq.va) {
        if (self->rseq.va != area.va || self->rseq_nbytes != nbytes)
            return -EINVAL;
        return self->rseq_signature != signature ? -EPERM : -EBUSY;
    }
    if (nbytes < sizeof(struct lx_rseq) || !IS_ALIGNED(area.va, sizeof(struct lx_rseq)))
        return -EINVAL;
    if (area.va >= USER_END || nbytes > USER_END - area.va)
        return -EFAULT;
    self->rseq = area;
    self->rseq_nbytes = nbytes;
    self->rseq_signature = signature;
    self->thread.rseq_registered = true; /* before the number is read: a switch is not missed */
    if (cpu_tell(self)) {
        rseq_drop(self);
        return -EFAULT;
    }
    return 0;
}
