/* SPDX-License-Identifier: MIT */
/*
 * membarrier: memory is ordered on other processors, so that threads there need no barriers.
 *
 * A processor that runs a thread of the caller's address space is interrupted, which orders its
 * memory; one that does not has passed through a switch, which does so, too, and sets its bit in
 * the set of the space before it runs a thread of it. So the set is read behind a barrier, and
 * whatever is not in it comes later. A core that goes on with instructions that it has fetched
 * before is serialized in the interrupt; one that switches spaces by its write to CR3.
 */
#include "kernel/arch/x86_64/cpuid.h"
#include "kernel/core/ipi.h"
#include "kernel/proc/task.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_space.h"
#include "shared/linux/errno.h"
#include "shared/linux/membarrier.h"

/* A registration is the bit of the command that it allows; it is inherited by fork. */
#define PRIVATE_COMMANDS                                                                           \
    (LX_MEMBARRIER_CMD_PRIVATE_EXPEDITED | LX_MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE |         \
     LX_MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ)
#define COMMANDS (LX_MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ * 2 - 1)

static void memory_order(void *argument)
{
    (void)argument;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void core_serialize(void *argument)
{
    (void)argument;
    cpuid_query(0, 0);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* A sequence that runs there is aborted on the way out of the interrupt. */
static void sequence_abort(void *argument)
{
    struct thread *thread = thread_current();

    if (thread->task && thread->space == argument)
        arch_thread_add_work(&thread->arch, TIF_RSEQ);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* cpu < 0: all that run the space. */
static int private_barrier(struct task *self, int command, int cpu)
{
    struct vm_space *space = self->thread.space;
    struct cpumask one, *cpus = &space->cpus;

    if (!(__atomic_load_n(&space->membarrier, __ATOMIC_ACQUIRE) & (uint32_t)command))
        return -EPERM;
    if (cpu >= 0) {
        if ((unsigned)cpu >= sched_cpus_online())
            return 0;
        one = cpumask_of((unsigned)cpu);
        cpus = &one;
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (command == LX_MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE) {
        core_serialize(NULL);
        ipi_call(cpus, core_serialize, NULL);
    } else if (command == LX_MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ) {
        ipi_call(cpus, sequence_abort, space);
    } else {
        ipi_call(cpus, memory_order, NULL);
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return 0;
}

/* Honoured: all commands of Linux 6.1. Flag: CPU, for sequences. */
int64_t sys_membarrier(struct task *self, int command, unsigned flags, int cpu)
{
    bool by_cpu =
        flags == LX_MEMBARRIER_CMD_FLAG_CPU && command == LX_MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ;

    if (flags && !by_cpu)
        return -EINVAL;
    switch (command) {
    case LX_MEMBARRIER_CMD_QUERY:
        return COMMANDS;
    case LX_MEMBARRIER_CMD_GLOBAL:
    case LX_MEMBARRIER_CMD_GLOBAL_EXPEDITED: /* also of those that have not registered */
        ipi_call_all(memory_order, NULL);
        return 0;
    case LX_MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
        return 0;
    case LX_MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
    case LX_MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
    case LX_MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ:
        __atomic_fetch_or(&self->thread.space->membarrier,
                          (uint32_t)(command / 2) & PRIVATE_COMMANDS, __ATOMIC_RELEASE);
        return 0;
    case LX_MEMBARRIER_CMD_PRIVATE_EXPEDITED:
    case LX_MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE:
    case LX_MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ:
        return private_barrier(self, command, by_cpu ? cpu : -1);
    default:
        return -EINVAL;
    }
}
