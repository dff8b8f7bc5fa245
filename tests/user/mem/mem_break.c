/* SPDX-License-Identifier: MIT */
/* brk by processes that share their memory: what is mapped always ends at the break. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE    4096UL
#define SHARERS 2
#define ROUNDS  60
#define CALLS   60
#define MOST    16 /* pages of the heap */
#define STACK   16384

static char stacks[SHARERS][STACK] __attribute__((aligned(16)));
static unsigned ready, go;
static uintptr_t base;

static uintptr_t brk_set(uintptr_t to)
{
    return (uintptr_t)raw1(SYS_brk, to);
}

/* No libc in here but what needs no state: the sharers have one memory and no threads' blocks. */
static int move_break(void *argument)
{
    unsigned state = (unsigned)(uintptr_t)argument;

    __atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&go, __ATOMIC_SEQ_CST))
        raw0(SYS_sched_yield);
    for (int i = 0; i < CALLS; i++) {
        state = state * 1103515245 + 12345;
        brk_set(base + (state >> 16) % MOST * PAGE);
    }
    return 0;
}

static int is_mapped(uintptr_t va)
{
    unsigned char residency;

    return raw3(SYS_mincore, va, PAGE, &residency) == 0;
}

/* Mapped below the break, free above it, and it can still go all the way up. */
static void check_heap(void)
{
    uintptr_t now = brk_set(0);

    CHECK(now >= base && now < base + MOST * PAGE);
    for (uintptr_t va = base; va < base + MOST * PAGE; va += PAGE)
        CHECK_EQ(is_mapped(va), va < now);
    CHECK_EQ(brk_set(base + MOST * PAGE), base + MOST * PAGE);
    CHECK(bytes_are((void *)now, 0, base + MOST * PAGE - now));
    CHECK_EQ(brk_set(base), base);
}

int main(void)
{
    pid_t pids[SHARERS];
    int status;

    base = (brk_set(0) + PAGE - 1) & ~(PAGE - 1);
    CHECK_EQ(brk_set(base), base);
    for (uintptr_t round = 0; round < ROUNDS; round++) {
        ready = go = 0;
        for (unsigned i = 0; i < SHARERS; i++)
            pids[i] = (pid_t)CHECK_OK(clone(move_break, stacks[i] + STACK, CLONE_VM | SIGCHLD,
                                            (void *)(round * SHARERS + i)));
        while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) < SHARERS)
            raw0(SYS_sched_yield);
        __atomic_store_n(&go, 1, __ATOMIC_SEQ_CST);
        for (unsigned i = 0; i < SHARERS; i++) {
            CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
            CHECK_EQ(status, 0);
        }
        check_heap();
    }
    return 0;
}
