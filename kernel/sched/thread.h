/* SPDX-License-Identifier: MIT */
/*
 * sched/thread.h - kernel threads
 *
 * Owns:    struct thread: a guarded kernel stack and what the processor needs to run on it.
 * Used by: proc embeds it first in struct task; main for the boot thread.
 * Context: threads only, unless a line says otherwise.
 * Fails:   -ENOMEM.
 * Tests:   kernel/selftest
 */
#pragma once

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/thread.h"
#include "kernel/lib/util.h"
#include "kernel/sched/mutex.h"

struct task;
struct vm_space;

/* I constant after creation   o only the owning thread   a atomic */
struct thread {
    struct arch_thread arch;      /* first: the processor's block points here */
    struct task *task;            /* [I] the program's thread that this is; NULL: kernel's own */
    struct vm_space *space;       /* [o] the address space of ring 3; NULL: none */
    uint8_t mutexes[MUTEX_RANKS]; /* [o] mutexes held, by rank */
    struct thread *return_to;     /* [o] who gets the processor when this thread ends */
};

/* The thread in which start-up runs; it exists before memory does. */
void thread_init_boot(uint64_t kernel_cr3);
/* Gives the boot thread its guarded stack, once there are windows. */
void thread_set_boot_stack(uint64_t top);

/* A thread that will run function(argument) on a stack of its own. */
MUST_CHECK int thread_create(struct thread *thread, void (*function)(void *argument),
                             void *argument);
/* Frees the stack of a thread that has ended. */
void thread_destroy(struct thread *thread);

/* Runs `thread` until it ends; then the caller goes on. */
void thread_run(struct thread *thread);
/* Ends the calling thread; the one that ran it goes on. */
NORETURN void thread_exit(void);

static inline struct thread *thread_current(void)
{
    return container_of(cpu_self()->thread, struct thread, arch);
}
