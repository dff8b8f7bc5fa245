/* SPDX-License-Identifier: MIT */
/* ptrace_debug: debug registers by a tracer that means ill: traps that meet behind MOV SS, words
 * that exec must not leave behind, breakpoints that are switched off while their tracee is killed,
 * registers of odd values. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/user/lib/child.h"
#include "tests/user/lib/ptrace.h"

#define INT1      0xf1
#define KILLS     40
#define WRITES    1000
#define TIMES     20
#define STEPS_MAX 2000

static uint16_t stack_selector __attribute__((aligned(8)));
static volatile uint64_t cell __attribute__((aligned(64)));

/* A tracee that has stopped itself; in the child 0. */
static pid_t traced_child(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());
    int status;

    if (pid == 0) {
        CHECK_EQ(trace(PTRACE_TRACEME, 0, 0, 0), 0);
        CHECK_OK(raise(SIGSTOP));
        return 0;
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSTOPPED(status));
    return pid;
}

static int next_status(pid_t pid, long how, int signal)
{
    int status;

    CHECK_EQ(trace(how, pid, 0, (unsigned long)signal), 0);
    CHECK_EQ(waitpid(pid, &status, __WALL), pid);
    return status;
}

static void killed(pid_t pid)
{
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(waitpid(pid, NULL, __WALL), pid);
}

/* ---- traps that meet ---- */

/* Each of the second instructions enters the kernel with a trap of the first still to come. */
static void behind_stack_selector(int which)
{
    long result;

    switch (which) {
    case 0:
        __asm__ volatile("movw %0, %%ss\n\t.byte 0xf1" : : "m"(stack_selector) : "memory");
        break;
    case 1:
        __asm__ volatile("movw %0, %%ss\n\tint3" : : "m"(stack_selector) : "memory");
        break;
    case 2:
        __asm__ volatile("movw %1, %%ss\n\tsyscall"
                         : "=a"(result)
                         : "m"(stack_selector), "0"(SYS_getppid)
                         : "rcx", "r11", "memory");
        CHECK(result > 0);
        break;
    case 3: /* twice */
        __asm__ volatile("movw %0, %%ss\n\tmovw %0, %%ss\n\t.byte 0xf1"
                         :
                         : "m"(stack_selector)
                         : "memory");
        break;
    default:
        __asm__ volatile(".byte 0xf1" : : : "memory");
    }
}

/* Some hosts of virtual machines leave RIP at an INT1, and some do not know it (SIGILL). True: it
 * was skipped. */
static bool int1_skip(pid_t pid)
{
    struct user_regs_struct regs = regs_of(pid);
    unsigned long word = 0;

    CHECK_EQ(trace(PTRACE_PEEKTEXT, pid, regs.rip, (unsigned long)&word), 0);
    if ((word & 0xff) != INT1)
        return false;
    regs.rip++;
    CHECK_EQ(trace(PTRACE_SETREGS, pid, 0, (unsigned long)&regs), 0);
    return true;
}

/* How many traps are told differs between processors. The program goes on behind all of them. */
static void traps_meet(int which, long how)
{
    pid_t pid = traced_child();
    int status;

    if (pid == 0) {
        for (int i = 0; i < 3; i++)
            behind_stack_selector(which);
        _exit(7);
    }
    debug_watch(pid, 2, &stack_selector, DEBUG_ACCESS, 2);
    for (int i = 0; WIFSTOPPED(status = next_status(pid, how, 0)); i++) {
        const int signal = WSTOPSIG(status);
        const bool skipped = (how == PTRACE_CONT || signal == SIGILL) && int1_skip(pid);

        CHECK(signal == SIGTRAP || (signal == SIGILL && skipped));
        if (i > STEPS_MAX)
            how = PTRACE_CONT;
    }
    CHECK_EQ(status, 7 << 8);
}

/* One instruction that is a step and a hit. Some emulators, but where the kernel knows them, make
 * two traps of it, one on top of the other: then it is the program's end. */
static void step_hits(bool may_end)
{
    pid_t pid = traced_child();
    int status;

    while (pid == 0)
        cell++;
    debug_watch(pid, 1, &cell, DEBUG_WRITE, 8);
    for (int i = 0; i < 50; i++) {
        status = next_status(pid, PTRACE_SINGLESTEP, 0);
        if (may_end && status >> 8 == SIGSEGV)
            break;
        CHECK_EQ(status >> 8, SIGTRAP);
    }
    killed(pid);
}

/* ---- exec ---- */

/* Also what has not been switched on, and what the kernel has written. */
static void exec_leaves_nothing(const char *program)
{
    pid_t pid = traced_child();

    if (pid == 0) {
        execl(program, program, "again", NULL);
        _exit(1);
    }
    for (int i = 0; i < 3; i++) /* the first ends the call of raise */
        CHECK_EQ(next_status(pid, PTRACE_SINGLESTEP, 0) >> 8, SIGTRAP);
    CHECK_EQ(debug_peek(pid, 6), (long)(DEBUG_NO_HIT | DEBUG_STEP));
    CHECK_EQ(debug_poke(pid, 0, (unsigned long)&cell), 0);
    CHECK_EQ(debug_poke(pid, 7, 0x2000), 0);
    CHECK_EQ(next_status(pid, PTRACE_CONT, 0) >> 8, SIGTRAP);
    CHECK_EQ(debug_peek(pid, 0), 0);
    CHECK_EQ(debug_peek(pid, 6), (long)DEBUG_NO_HIT);
    CHECK_EQ(debug_peek(pid, 7), 0);
    CHECK_EQ(next_status(pid, PTRACE_CONT, 0), 0);
}

/* ---- a tracee that is killed while its breakpoints change ---- */

static atomic_int victim;

static void *kill_victim(void *unused)
{
    for (int i = 0; i < KILLS; i++) {
        int pid;

        while ((pid = atomic_exchange(&victim, 0)) == 0)
            sched_yield();
        for (int n = (i * 37) % 400; n; n--)
            __asm__ volatile("pause");
        kill(pid, SIGKILL);
    }
    return unused;
}

/* The shortest of several: what the machine does besides does not count. */
static long write_ns(void)
{
    long shortest = 1L << 60;

    for (int i = 0; i < TIMES; i++) {
        struct timespec begin, end;
        long ns;

        clock_gettime(CLOCK_MONOTONIC, &begin);
        for (int n = 0; n < WRITES; n++)
            cell++;
        clock_gettime(CLOCK_MONOTONIC, &end);
        ns = (end.tv_sec - begin.tv_sec) * 1000000000 + end.tv_nsec - begin.tv_nsec;
        shortest = ns < shortest ? ns : shortest;
    }
    return shortest;
}

static void pin(int which, const cpu_set_t *all)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, all) && which-- == 0)
            CPU_SET(i, &one);
    CHECK_OK(sched_setaffinity(0, sizeof(one), &one));
}

/* The processor of the tracee must not keep its breakpoints: what runs there next writes as fast as
 * before. Only with two processors is there something to see. */
static void killed_meanwhile(void)
{
    cpu_set_t before;
    pthread_t killer;
    long usual;

    CHECK_OK(sched_getaffinity(0, sizeof(before), &before));
    if (CPU_COUNT(&before) < 2)
        return;
    pin(0, &before);
    usual = write_ns();
    CHECK_EQ(pthread_create(&killer, NULL, kill_victim, NULL), 0);
    for (int i = 0; i < KILLS; i++) {
        pid_t pid = traced_child();

        if (pid == 0)
            for (;;)
                cell++;
        pin(1, &before);
        CHECK_EQ(debug_poke(pid, 0, (unsigned long)&cell), 0);
        CHECK_EQ(debug_poke(pid, 7, debug_control(0, DEBUG_WRITE, 8)), 0);
        atomic_store(&victim, pid);
        while (debug_poke(pid, 7, 0) == 0 &&
               debug_poke(pid, 7, debug_control(0, DEBUG_WRITE, 8)) == 0)
            ;
        CHECK_EQ(waitpid(pid, NULL, __WALL), pid);
        pin(0, &before);
        CHECK(write_ns() < usual * 30 + 100000);
    }
    CHECK_EQ(pthread_join(killer, NULL), 0);
    CHECK_OK(sched_setaffinity(0, sizeof(before), &before));
}

/* ---- odd registers ---- */

/* Refused, or the tracee meets them in ring 3. */
static void odd_registers(const struct user_regs_struct *odd, long how, bool in_call)
{
    pid_t pid = traced_child();
    int status = SIGTRAP << 8 | 0x7f; /* stopped */

    while (pid == 0)
        raw0(SYS_getppid);
    if (in_call)
        status = next_status(pid, PTRACE_SYSCALL, 0);
    if (trace(PTRACE_SETREGS, pid, 0, (unsigned long)odd) == 0)
        for (int i = 0; i < 10 && WIFSTOPPED(status); i++)
            status = next_status(pid, how, WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status));
    if (WIFSTOPPED(status))
        killed(pid);
}

static void all_odd_registers(void)
{
    static const unsigned long addresses[] = {0x7ffffffff000UL,     0x7fffffffffffUL,
                                              0x800000000000UL,     0xffff800000000000UL,
                                              0xffffffff80000000UL, ~0UL};
    static const unsigned long selectors[] = {0, 3, 8, 0x10, 0x1b, 0x23, 0x2b, 0x33, 0x43, 0xffff};
    pid_t pid = traced_child();
    struct user_regs_struct good, odd;

    if (pid == 0)
        _exit(0);
    good = regs_of(pid);
    killed(pid);
    for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
        for (int in_call = 0; in_call < 2; in_call++) {
            odd = good;
            odd.rip = addresses[i];
            odd_registers(&odd, PTRACE_CONT, in_call);
            odd_registers(&odd, PTRACE_SINGLESTEP, in_call);
            odd.rsp = addresses[i];
            odd_registers(&odd, PTRACE_SYSCALL, in_call);
            odd = good;
            odd.rip = (unsigned long)abort;
            odd.fs_base = odd.gs_base = addresses[i];
            odd_registers(&odd, PTRACE_SYSCALL, in_call);
        }
    for (unsigned i = 0; i < sizeof(selectors) / sizeof(selectors[0]); i++)
        for (unsigned n = 0; n < 6; n++) {
            unsigned long long *words[] = {(void *)&odd.cs, (void *)&odd.ss, (void *)&odd.ds,
                                           (void *)&odd.es, (void *)&odd.fs, (void *)&odd.gs};

            odd = good;
            odd.rip = 0;
            *words[n] = selectors[i];
            odd_registers(&odd, PTRACE_CONT, i % 2);
        }
    for (int bit = 0; bit < 64; bit++) {
        odd = good;
        odd.rip = 0;
        odd.eflags ^= 1UL << bit;
        odd_registers(&odd, bit % 2 ? PTRACE_CONT : PTRACE_SINGLESTEP, bit / 2 % 2);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        if (!strcmp(argv[1], "emulator"))
            step_hits(true);
        return 0;
    }
    __asm__ volatile("movw %%ss, %0" : "=m"(stack_selector));
    for (int which = 0; which < 5; which++) {
        traps_meet(which, PTRACE_CONT);
        traps_meet(which, PTRACE_SINGLESTEP);
    }
    step_hits(false);
    exec_leaves_nothing(argv[0]);
    all_odd_registers();
    killed_meanwhile();
    return 0;
}
