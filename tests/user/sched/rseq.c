/* SPDX-License-Identifier: MIT */
/* Restartable sequences: the number of the processor, and what cuts a sequence off. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/sched/rseq_ops.h"

static struct rseq_area area;
static struct rseq_sequence sequence;
static volatile uint64_t count;
static volatile uint32_t stop;
static volatile uint64_t seen_ip, seen_cs, calls;

static long call(void *at, unsigned nbytes, int flags, unsigned signature)
{
    return raw4(SYS_rseq, at, nbytes, flags, signature);
}

static void check_registration(void)
{
    CHECK_EQ(call(&area, 32, 1, RSEQ_SIGNATURE), -EINVAL);
    CHECK_EQ(call(&area, 32, 2, RSEQ_SIGNATURE), -EINVAL);
    CHECK_EQ(call(&area, 16, 0, RSEQ_SIGNATURE), -EINVAL);
    CHECK_EQ(call((char *)&area + 8, 32, 0, RSEQ_SIGNATURE), -EINVAL);
    CHECK_EQ(call((void *)0xffffffff80000000UL, 32, 0, RSEQ_SIGNATURE), -EFAULT);
    area.cpu_id = UINT32_MAX;
    CHECK_EQ(call(&area, 32, 0, RSEQ_SIGNATURE), 0);
    CHECK(area.cpu_id < 1024);
    CHECK_EQ(call(&area, 32, 0, RSEQ_SIGNATURE), -EBUSY);
    CHECK_EQ(call(&area, 32, 0, 1), -EPERM);
    CHECK_EQ(call(&area + 1, 32, 0, RSEQ_SIGNATURE), -EINVAL);
    CHECK_EQ(call(&area, 32, 1, 1), -EPERM);
    CHECK_EQ(call(&area, 32, 1, RSEQ_SIGNATURE), 0);
    CHECK_EQ(area.cpu_id, UINT32_MAX);
    CHECK_EQ(area.cpu_id_start, 0);
    CHECK_EQ(call(&area, 32, 1, RSEQ_SIGNATURE), -EINVAL);
    CHECK_EQ(call(&area, 32, 0, RSEQ_SIGNATURE), 0);
}

/* On each processor in turn, and in a child. */
static void check_number(void)
{
    cpu_set_t all, one;

    CHECK_OK(sched_getaffinity(0, sizeof(all), &all));
    for (int round = 0; round < 3; round++)
        for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
            unsigned told = 9999;

            if (!CPU_ISSET(cpu, &all))
                continue;
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            CHECK_OK(sched_setaffinity(0, sizeof(one), &one));
            CHECK_EQ(area.cpu_id, cpu);
            CHECK_EQ(area.cpu_id_start, cpu);
            CHECK_EQ(raw3(SYS_getcpu, &told, NULL, NULL), 0);
            CHECK_EQ(told, cpu);
        }
    CHECK_OK(sched_setaffinity(0, sizeof(all), &all));
}

static void check_child(void)
{
    pid_t pid = CHECK_OK(fork());
    int status;

    if (pid == 0) {
        check_number();
        CHECK_EQ(call(&area, 32, 0, RSEQ_SIGNATURE), -EBUSY); /* it has the same */
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

static void make_sequence(const char *abort_ip)
{
    sequence = (struct rseq_sequence){
        .start_ip = (uint64_t)rseq_start,
        .post_commit_offset = (uint64_t)(rseq_end - rseq_start),
        .abort_ip = (uint64_t)abort_ip,
    };
}

static void note(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)info;
    calls++;
    seen_ip = (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    seen_cs = area.rseq_cs;
}

/* One that comes before the sequence cuts nothing off, and is followed by no other. */
static void note_cut(int sig, siginfo_t *info, void *context)
{
    uint64_t ip = (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];

    if (ip == (uint64_t)rseq_abort || ip - (uint64_t)rseq_start < sequence.post_commit_offset)
        note(sig, info, context);
    else
        stop = 1;
}

static void alarm_ms(long ms, long again_ms)
{
    struct itimerval set = {{0, again_ms * 1000}, {0, ms * 1000}};

    CHECK_OK(setitimer(ITIMER_REAL, &set, NULL));
}

static void check_signal(void)
{
    struct sigaction action = {.sa_sigaction = note_cut, .sa_flags = SA_SIGINFO};

    CHECK_OK(sigaction(SIGALRM, &action, NULL));
    make_sequence(rseq_abort);
    for (unsigned i = 0; i < 3;) {
        int cut;

        count = 0;
        calls = 0;
        stop = 0;
        alarm_ms(20, 0);
        cut = rseq_spin(&area, &sequence, &count, &stop);
        alarm_ms(0, 0);
        if (!calls) /* too early, or another program cut it off first */
            continue;
        CHECK_EQ(cut, 1);
        CHECK_EQ(calls, 1);
        CHECK(seen_ip == (uint64_t)rseq_abort);
        CHECK_EQ(seen_cs, 0);
        CHECK_EQ(area.rseq_cs, 0);
        i += count > 0; /* or so soon that it has not come to anything */
    }
    stop = 0;
    action.sa_sigaction = note;
    CHECK_OK(sigaction(SIGALRM, &action, NULL));
}

/* Somebody else wants the processor. */
static void check_preemption(void)
{
    cpu_set_t all, one;
    pid_t pid;

    CHECK_OK(sched_getaffinity(0, sizeof(all), &all));
    CPU_ZERO(&one);
    CPU_SET(area.cpu_id, &one);
    CHECK_OK(sched_setaffinity(0, sizeof(one), &one));
    pid = CHECK_OK(fork());
    if (pid == 0)
        for (;;)
            ;
    for (int i = 0; i < 3; i++)
        CHECK_EQ(rseq_spin(&area, &sequence, &count, &stop), 1);
    kill(pid, SIGKILL);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    CHECK_OK(sched_setaffinity(0, sizeof(all), &all));
}

/* Not aborted when it is past: then the address alone is taken away, sooner or later. In its few
 * instructions hardly one of a thousand meets another program's turn. */
static void check_past(void)
{
    int cut = 0;

    stop = 1;
    for (int i = 0; i < 1000; i++)
        cut += rseq_spin(&area, &sequence, &count, &stop);
    CHECK(cut < 10);
    area.rseq_cs = (uint64_t)&sequence;
    calls = 0;
    alarm_ms(1, 0);
    while (!calls)
        ;
    CHECK_EQ(seen_cs, 0);
    CHECK(seen_ip != (uint64_t)rseq_abort);
    stop = 0;
}

/* A sequence that is none is the end of the program, whether it has a handler or not. */
static void check_bad(void (*spoil)(void), const char *abort_ip, int handled)
{
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | SA_NODEFER};
    pid_t pid = CHECK_OK(fork());
    int status;

    if (pid == 0) {
        make_sequence(abort_ip);
        spoil();
        if (handled)
            CHECK_OK(sigaction(SIGSEGV, &action, NULL));
        alarm_ms(5, 5); /* one that comes too early is followed by others */
        _exit(rseq_spin(&area, &sequence, &count, &stop));
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void nothing(void)
{
}

static void spoil_version(void)
{
    sequence.version = 1;
}

static void spoil_abort(void)
{
    sequence.abort_ip = sequence.start_ip;
}

static void spoil_far(void)
{
    sequence.abort_ip = 0xffffffff80000000UL;
}

static void spoil_length(void)
{
    sequence.post_commit_offset = 1UL << 62;
}

static struct rseq_area other_area;
static volatile uint64_t other_count;

/* Ends when its sequence is aborted, by whatever. */
static void *spin_once(void *argument)
{
    CHECK_EQ(call(&other_area, 32, 0, RSEQ_SIGNATURE), 0);
    CHECK_EQ(rseq_spin(&other_area, &sequence, &other_count, &stop), 1);
    CHECK_EQ(call(&other_area, 32, 1, RSEQ_SIGNATURE), 0);
    return argument;
}

/* One that runs on another processor is cut off by membarrier, on all processors or on that one. */
static void check_membarrier(void)
{
    make_sequence(rseq_abort);
    stop = 0;
    CHECK_EQ(raw3(SYS_membarrier, 1 << 8, 0, 0), 0);
    for (int i = 0; i < 20; i++) {
        pthread_t thread;

        other_count = 0;
        CHECK_EQ(pthread_create(&thread, NULL, spin_once, NULL), 0);
        while (!other_count)
            sched_yield();
        CHECK_EQ(raw3(SYS_membarrier, 1 << 7, i % 2, other_area.cpu_id), 0);
        CHECK_EQ(pthread_join(thread, NULL), 0);
    }
}

int main(void)
{
    check_registration();
    check_number();
    check_child();
    check_signal();
    check_preemption();
    check_past();
    check_membarrier();
    check_bad(nothing, rseq_abort_unsigned, 0);
    check_bad(nothing, rseq_abort_unsigned, 1);
    check_bad(spoil_version, rseq_abort, 0);
    check_bad(spoil_abort, rseq_abort, 0);
    check_bad(spoil_far, rseq_abort, 0);
    check_bad(spoil_length, rseq_abort, 0);
    return 0;
}
