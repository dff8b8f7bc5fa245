/* SPDX-License-Identifier: MIT */
/* The alternate stack of handlers. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define AUTODISARM (1U << 31)
#define NBYTES     65536

static char *area;
static volatile int calls, was_inside, flags_inside, set_inside, leave_alone;

static int inside(const void *address)
{
    return (const char *)address >= area && (const char *)address < area + NBYTES;
}

static void handler(int sig)
{
    stack_t now, same = {.ss_sp = area, .ss_size = NBYTES};
    char here;

    (void)sig;
    calls++;
    was_inside = inside(&here);
    CHECK_OK(sigaltstack(NULL, &now));
    flags_inside = now.ss_flags;
    if (!leave_alone)
        set_inside = sigaltstack(&same, NULL) ? errno : 0;
    if (calls == 1)
        CHECK_OK(raise(SIGUSR2)); /* a second one on the same stack */
}

static void install(int sig, int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

    CHECK_OK(sigaction(sig, &action, NULL));
}

static void set(void *start, size_t nbytes, unsigned flags)
{
    /* The system call itself: libc refuses some of these before. */
    stack_t stack = {.ss_sp = start, .ss_size = nbytes, .ss_flags = (int)flags};

    CHECK_EQ(raw2(SYS_sigaltstack, &stack, NULL), 0);
}

static stack_t now(void)
{
    stack_t stack;

    CHECK_EQ(raw2(SYS_sigaltstack, NULL, &stack), 0);
    return stack;
}

static void check_calls(void)
{
    stack_t bad = {.ss_sp = area, .ss_size = 2047};

    CHECK_EQ(now().ss_flags, SS_DISABLE);
    CHECK_EQ(raw2(SYS_sigaltstack, &bad, NULL), -ENOMEM);
    bad.ss_flags = 4;
    CHECK_EQ(raw2(SYS_sigaltstack, &bad, NULL), -EINVAL);
    bad.ss_flags = SS_DISABLE | SS_ONSTACK;
    CHECK_EQ(raw2(SYS_sigaltstack, &bad, NULL), -EINVAL);
    set(area, NBYTES, SS_ONSTACK); /* odd, but taken */
    set(area, NBYTES, 0);
    CHECK(now().ss_sp == area);
    CHECK_EQ(now().ss_size, NBYTES);
    CHECK_EQ(now().ss_flags, 0);
    set(area, 1, SS_DISABLE);
    CHECK_EQ(now().ss_flags, SS_DISABLE);
    CHECK_EQ(now().ss_size, 0);
}

static void check_handlers(void)
{
    set(area, NBYTES, 0);
    install(SIGUSR1, 0);
    install(SIGUSR2, SA_ONSTACK);
    calls = 10;
    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ(was_inside, 0);
    CHECK_EQ(flags_inside, 0);
    CHECK_EQ(set_inside, 0);
    CHECK_OK(raise(SIGUSR2));
    CHECK_EQ(was_inside, 1);
    CHECK_EQ(flags_inside, SS_ONSTACK);
    CHECK_EQ(set_inside, EPERM);
    CHECK_EQ(now().ss_flags, 0);
    install(SIGUSR1, SA_ONSTACK);
    calls = 0;
    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ(calls, 2);
    CHECK_EQ(was_inside, 1);
}

static void check_autodisarm(void)
{
    set(area, NBYTES, AUTODISARM);
    CHECK_EQ((unsigned)now().ss_flags, AUTODISARM);
    calls = 10;
    leave_alone = 1;
    CHECK_OK(raise(SIGUSR2));
    CHECK_EQ(was_inside, 1);
    CHECK_EQ(flags_inside, SS_DISABLE);
    CHECK_EQ((unsigned)now().ss_flags, AUTODISARM);
    CHECK(now().ss_sp == area);
}

static void on_segv(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)context;
    _exit(info->si_code == SEGV_MAPERR || info->si_code == SEGV_ACCERR ? 42 : 43);
}

static volatile int endless = 1 << 30;

/* A stack that has run over is the reason why there is another. */
static __attribute__((noinline)) int overflow(int depth)
{
    volatile char block[4096];

    block[0] = (char)depth;
    return depth < endless ? overflow(depth + 1) + block[0] : 0;
}

static void check_overflow(void)
{
    struct sigaction action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    int status, pid;

    set(area, NBYTES, 0);
    pid = (int)CHECK_OK(fork());
    if (!pid) {
        CHECK_OK(sigaction(SIGSEGV, &action, NULL));
        _exit(overflow(0) & 1);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 42 << 8);
}

static int flags_of_child(void *unused)
{
    (void)unused;
    return now().ss_flags;
}

static void check_child(int pid, int flags)
{
    int status;

    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, flags << 8);
    CHECK(now().ss_sp == area && now().ss_flags == 0);
}

/* A child has its parent's alternate stack, but not where both would run on it at once. */
static void check_children(void)
{
    static char stack[16384] __attribute__((aligned(16)));
    char *top = stack + sizeof(stack);
    int pid;

    set(area, NBYTES, 0);
    pid = (int)CHECK_OK(fork());
    if (!pid)
        _exit(now().ss_sp == area ? now().ss_flags : 99);
    check_child(pid, 0);
    check_child((int)CHECK_OK(clone(flags_of_child, top, CLONE_VM | SIGCHLD, NULL)), SS_DISABLE);
    check_child((int)CHECK_OK(clone(flags_of_child, top, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL)),
                0);
}

/* A frame that would run off the alternate stack kills. */
static void check_too_small(void)
{
    int status, pid = (int)CHECK_OK(fork());

    if (!pid) {
        install(SIGUSR2, SA_ONSTACK);
        set(area + NBYTES / 2, 2048, 0);
        /* On that stack already, with 600 bytes left. */
        __asm__ volatile("movq %0, %%rsp; syscall"
                         :
                         : "r"(area + NBYTES / 2 + 600), "a"(SYS_kill), "D"(getpid()), "S"(SIGUSR2)
                         : "rcx", "r11", "memory");
        for (;;)
            ;
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGSEGV);
}

int main(void)
{
    area = mmap(NULL, NBYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(area != MAP_FAILED);
    check_calls();
    check_handlers();
    check_autodisarm();
    check_children();
    check_overflow();
    check_too_small();
    return 0;
}
