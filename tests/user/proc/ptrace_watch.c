/* SPDX-License-Identifier: MIT */
/* ptrace_watch: debug registers by PEEKUSER and POKEUSER: what is refused, watchpoints of every
 * length and kind, breakpoints, which tasks have them, and the kernel's own accesses to what is
 * watched. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/user/lib/child.h"
#include "tests/user/lib/ptrace.h"

#define HWBKPT             4
#define USER_TOP           0x7ffffffff000UL
#define ROUNDS             300
#define FLAG_RF            0x10000UL
#define STOPPED_BY(signal) ((signal) << 8 | 0x7f) /* as wait(2) has it */

static volatile union {
    uint64_t all;
    uint8_t bytes[8];
} cell __attribute__((aligned(64)));
static volatile uint64_t other;
static uint16_t stack_selector __attribute__((aligned(8)));
static char path[4096];

static int next_status(pid_t pid, int how)
{
    int status;

    CHECK_EQ(trace(how, pid, 0, 0), 0);
    CHECK_EQ(waitpid(pid, &status, __WALL), pid);
    return status;
}

/* It goes on until that signal stops it, or the end of its function does: SIGSTOP. */
static void expect(pid_t pid, int signal)
{
    int status;

    do
        status = next_status(pid, PTRACE_CONT);
    while (status == STOPPED_BY(SIGCHLD));
    CHECK(WIFSTOPPED(status));
    CHECK_EQ(WSTOPSIG(status), signal);
}

static void expect_hit(pid_t pid, unsigned n)
{
    siginfo_t info;

    expect(pid, SIGTRAP);
    CHECK_EQ(trace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info), 0);
    CHECK_EQ(info.si_code, HWBKPT);
    CHECK_EQ(debug_peek(pid, 6), (long)(DEBUG_NO_HIT | 1UL << n));
}

static pid_t start(void (*function)(void))
{
    pid_t pid = (pid_t)CHECK_OK(fork());
    int status;

    if (pid == 0) {
        CHECK_OK(ptrace(PTRACE_TRACEME, 0, 0, 0));
        for (;;) {
            CHECK_OK(raise(SIGSTOP));
            function();
        }
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, STOPPED_BY(SIGSTOP));
    return pid;
}

static void finish(pid_t pid)
{
    int status;

    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(waitpid(pid, &status, __WALL), pid);
    CHECK_EQ(status, SIGKILL);
}

static void nothing(void)
{
}

/* ---- what is refused ---- */

static void refused(void)
{
    pid_t pid = start(nothing);

    for (unsigned n = 0; n < 8; n++)
        CHECK_EQ(debug_peek(pid, n), n == 6 ? (long)DEBUG_NO_HIT : 0);
    CHECK_EQ(debug_poke(pid, 4, 0), -EIO);
    CHECK_EQ(debug_poke(pid, 5, 0), -EIO);
    CHECK_EQ(debug_poke(pid, 0, USER_TOP), -EINVAL);
    CHECK_EQ(debug_poke(pid, 0, 0xffffffff81000000UL), -EINVAL);
    CHECK_EQ(debug_poke(pid, 0, 0x800000000000UL), -EINVAL);
    CHECK_EQ(debug_peek(pid, 0), 0);
    CHECK_EQ(debug_poke(pid, 0, USER_TOP - 4), 0);
    CHECK_EQ(debug_poke(pid, 7, debug_control(0, DEBUG_WRITE, 8)), -EINVAL);
    CHECK_EQ(debug_peek(pid, 7), 0);
    CHECK_EQ(debug_poke(pid, 7, debug_control(0, DEBUG_WRITE, 4)), 0);
    CHECK_EQ(debug_poke(pid, 0, USER_TOP - 2), -EINVAL);
    CHECK_EQ(debug_peek(pid, 0), (long)(USER_TOP - 4));
    CHECK_EQ(debug_poke(pid, 7, debug_control(0, DEBUG_PORT, 1)), -EINVAL);
    CHECK_EQ(debug_poke(pid, 7, debug_control(0, DEBUG_EXECUTE, 4)), -EINVAL);
    CHECK_EQ(debug_poke(pid, 7, debug_control(2, DEBUG_PORT, 1)), -EINVAL);
    CHECK_EQ(debug_peek(pid, 7), (long)debug_control(0, DEBUG_WRITE, 4));
    /* What would catch the kernel's own use of the registers is kept, and has no effect. */
    CHECK_EQ(debug_poke(pid, 7, 0x2000), 0);
    CHECK_EQ(debug_peek(pid, 7), 0x2000);
    CHECK_EQ(debug_poke(pid, 6, 0), 0);
    CHECK_EQ(debug_peek(pid, 6), 0);
    CHECK_EQ(debug_poke(pid, 6, DEBUG_NO_HIT), 0);
    expect(pid, SIGSTOP);
    finish(pid);
}

/* ---- lengths and kinds ---- */

static void write_bytes(void)
{
    for (int i = 0; i < 8; i++)
        cell.bytes[i]++;
}

static void read_bytes(void)
{
    for (int i = 0; i < 8; i++)
        (void)cell.bytes[i];
}

/* Each access within it is a hit, and none beside it. Reading and writing one byte by one
 * instruction is one. */
static void lengths_and_kinds(void)
{
    pid_t writer = start(write_bytes), reader = start(read_bytes);

    for (unsigned nbytes = 1; nbytes <= 8; nbytes *= 2)
        for (unsigned n = 0; n < 4; n++) {
            const unsigned at = n * nbytes % 8;

            debug_watch(writer, n, &cell.bytes[at], DEBUG_WRITE, nbytes);
            debug_watch(reader, n, &cell.bytes[at], DEBUG_ACCESS, nbytes);
            for (unsigned i = 0; i < nbytes; i++) {
                expect_hit(writer, n);
                expect_hit(reader, n);
            }
            expect(writer, SIGSTOP);
            expect(reader, SIGSTOP);
            debug_watch(reader, n, &cell.bytes[at], DEBUG_WRITE, nbytes);
            expect(reader, SIGSTOP);
        }
    CHECK_EQ(debug_poke(writer, 7, 0), 0);
    expect(writer, SIGSTOP);
    finish(writer);
    finish(reader);
}

/* ---- breakpoints ---- */

__attribute__((noinline)) static void called(void)
{
    __asm__ volatile("" : : : "memory");
}

static void call_twice(void)
{
    called();
    called();
}

/* Before the instruction, which then runs without another trap, also after a call and a handler. */
static void breakpoints(void)
{
    pid_t pid = start(call_twice);

    debug_watch(pid, 3, (const void *)called, DEBUG_EXECUTE, 1);
    for (int i = 0; i < 6; i++) {
        expect_hit(pid, 3);
        CHECK_EQ(regs_of(pid).rip, (unsigned long)called);
        CHECK(regs_of(pid).eflags & FLAG_RF);
        if (i % 2)
            expect(pid, SIGSTOP);
    }
    finish(pid);
}

/* A step and a hit at once. */
static void steps(void)
{
    pid_t pid = start(write_bytes);
    siginfo_t info;

    debug_watch(pid, 1, &cell.bytes[7], DEBUG_WRITE, 1);
    for (int i = 0; i < 10000; i++) {
        CHECK_EQ(next_status(pid, PTRACE_SINGLESTEP), STOPPED_BY(SIGTRAP));
        if (debug_peek(pid, 6) == (long)(DEBUG_NO_HIT | DEBUG_STEP | 2))
            break;
        if (i > 1) /* the first ends the call of raise */
            CHECK_EQ(debug_peek(pid, 6) & ~DEBUG_STEP, (long)DEBUG_NO_HIT);
    }
    CHECK_EQ(debug_peek(pid, 6), (long)(DEBUG_NO_HIT | DEBUG_STEP | 2));
    CHECK_EQ(trace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info), 0);
    CHECK_EQ(info.si_code, TRAP_TRACE);
    finish(pid);
}

/* ---- the kernel's accesses ---- */

static void kernel_copies(void)
{
    int fds[2];

    CHECK_OK(pipe(fds));
    for (int i = 0; i < 100; i++) {
        CHECK_EQ(write(fds[1], (const void *)&cell, 8), 8);
        CHECK_EQ(read(fds[0], (void *)&cell, 8), 8);
        CHECK_EQ(write(fds[1], path, sizeof(path)), (long)sizeof(path));
        CHECK_EQ(read(fds[0], path, sizeof(path)), (long)sizeof(path));
        CHECK_EQ(raw2(SYS_access, path, 0), -ENOENT);
        CHECK_EQ(raw2(SYS_clock_gettime, 1, path + 2048), 0);
        path[2048] = 0;
    }
    close(fds[0]);
    close(fds[1]);
}

/* They are passed over, and the program's own are seen. */
static void kernel_accesses(void)
{
    pid_t pid;

    memset(path, 'x', 64);
    pid = start(kernel_copies);
    CHECK_EQ(debug_poke(pid, 0, (unsigned long)&cell), 0);
    CHECK_EQ(debug_poke(pid, 1, (unsigned long)&path[8]), 0);
    CHECK_EQ(debug_poke(pid, 2, (unsigned long)&path[1024]), 0);
    CHECK_EQ(debug_poke(pid, 3, (unsigned long)&path[2048]), 0);
    CHECK_EQ(debug_poke(pid, 7,
                        debug_control(0, DEBUG_ACCESS, 8) | debug_control(1, DEBUG_ACCESS, 8) |
                            debug_control(2, DEBUG_ACCESS, 8) | debug_control(3, DEBUG_WRITE, 1)),
             0);
    for (int i = 0; i < 100; i++)
        expect_hit(pid, 3);
    expect(pid, SIGSTOP);
    CHECK_EQ(debug_peek(pid, 6), (long)(DEBUG_NO_HIT | 1 << 3));
    finish(pid);
}

/* MOV SS puts off the trap until after the next instruction, which enters the kernel: there it must
 * do no harm (CVE-2018-8897). Whether the program is told of it differs between processors. */
static void stack_selectors(void)
{
    long result;

    __asm__ volatile("movw %1, %%ss\n\tsyscall"
                     : "=a"(result)
                     : "m"(stack_selector), "0"(SYS_getppid)
                     : "rcx", "r11", "memory");
    CHECK(result > 0);
    __asm__ volatile("movw %0, %%ss\n\tint3" : : "m"(stack_selector) : "memory");
    __asm__ volatile("movw %0, %%ss\n\tnop" : : "m"(stack_selector) : "memory");
}

static void delayed_traps(void)
{
    int status, traps = 0;
    pid_t pid;

    __asm__ volatile("movw %%ss, %0" : "=m"(stack_selector));
    pid = start(stack_selectors);
    debug_watch(pid, 0, &stack_selector, DEBUG_ACCESS, 2);
    for (int i = 0; i < 50; i++) {
        while ((status = next_status(pid, PTRACE_CONT)) == STOPPED_BY(SIGTRAP))
            traps++;
        CHECK_EQ(status, STOPPED_BY(SIGSTOP));
    }
    CHECK(traps >= 100);
    finish(pid);
}

/* ---- which tasks have them ---- */

static void *write_cell(void *argument)
{
    cell.all++;
    return argument;
}

static void start_others(void)
{
    pthread_t thread;
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        cell.all++;
        _exit(0);
    }
    CHECK_EQ(child_end(pid), 0);
    CHECK_EQ(pthread_create(&thread, NULL, write_cell, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    cell.all++;
}

static void inheritance(void)
{
    pid_t pid = start(start_others);

    debug_watch(pid, 0, &cell, DEBUG_WRITE, 8);
    expect_hit(pid, 0);
    expect(pid, SIGSTOP);
    finish(pid);
}

static void execute_true(void)
{
    CHECK_OK(execl("/proc/self/exe", "ptrace_watch", "again", (char *)NULL));
}

static void exec_ends_them(void)
{
    pid_t pid = start(execute_true);

    debug_watch(pid, 0, &cell, DEBUG_WRITE, 8);
    expect(pid, SIGTRAP);
    CHECK_EQ(debug_peek(pid, 0), 0);
    CHECK_EQ(debug_peek(pid, 7), 0);
    CHECK_EQ(next_status(pid, PTRACE_CONT), 0);
}

static void write_and_yield(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        cell.all++;
        other++;
        sched_yield();
    }
}

/* On one processor, at one address: each has its own or none, whichever ran before. */
static void switches(void)
{
    cpu_set_t before, one;
    pid_t first, second, free;

    CHECK_OK(sched_getaffinity(0, sizeof(before), &before));
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++)
        if (CPU_ISSET(i, &before))
            CPU_SET(i, &one);
    CHECK_OK(sched_setaffinity(0, sizeof(one), &one));
    first = start(write_and_yield);
    second = start(write_and_yield);
    free = (pid_t)CHECK_OK(fork());
    if (free == 0)
        for (;;)
            write_and_yield();
    debug_watch(first, 0, &cell, DEBUG_WRITE, 8);
    debug_watch(second, 0, &other, DEBUG_WRITE, 8);
    for (int i = 0; i < ROUNDS; i++) {
        expect_hit(first, 0);
        expect_hit(second, 0);
    }
    expect(first, SIGSTOP);
    expect(second, SIGSTOP);
    CHECK_EQ(waitpid(free, NULL, WNOHANG), 0);
    finish(first);
    finish(second);
    finish(free);
    CHECK_OK(sched_setaffinity(0, sizeof(before), &before));
}

/* They outlive the tracing. */
static void tracer_leaves(void)
{
    pid_t pid = start(write_bytes);
    int status;

    debug_watch(pid, 0, &cell, DEBUG_WRITE, 8);
    CHECK_EQ(trace(PTRACE_DETACH, pid, 0, 0), 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status & 0x7f, SIGTRAP);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        cell.all++;
        return 0;
    }
    refused();
    lengths_and_kinds();
    breakpoints();
    steps();
    kernel_accesses();
    delayed_traps();
    inheritance();
    exec_ends_them();
    switches();
    tracer_leaves();
    return 0;
}
