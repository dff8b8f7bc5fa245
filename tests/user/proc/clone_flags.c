/* SPDX-License-Identifier: MIT */
/* Combinations of clone's flags: actions shared by processes (SIGHAND without THREAD), threads that
 * are waited for (THREAD with VFORK), and what does not go together. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"
#include "tests/user/lib/thread_raw.h"

#define STACK  65536
#define CLONE3 435
#define CLEAR  0x100000000ull /* CLONE_CLEAR_SIGHAND */
#define SHARED (CLONE_VM | CLONE_SIGHAND)

static char stacks[2][STACK] __attribute__((aligned(16)));
static const char *program;
static volatile int step, handled;

static void handler(int number)
{
    handled = number;
}

static void other_handler(int number)
{
    handled = -number;
}

static void set(int number, void (*function)(int), int flags)
{
    struct sigaction action = {.sa_handler = function, .sa_flags = flags};

    CHECK_OK(sigaction(number, &action, NULL));
}

static void *get(int number)
{
    struct sigaction action;

    CHECK_OK(sigaction(number, NULL, &action));
    return (void *)action.sa_handler;
}

static void await_step(int wanted)
{
    while (step != wanted)
        sched_yield();
}

static pid_t begin(int which, int (*function)(void *), int flags)
{
    return (pid_t)CHECK_OK(clone(function, stacks[which] + STACK, flags | SIGCHLD, NULL));
}

/* Both change, and both see what the other has changed; a child of the child is in, too. */
static int third(void *argument)
{
    (void)argument;
    CHECK(get(SIGUSR1) == (void *)handler);
    set(SIGUSR2, SIG_IGN, 0);
    return 7;
}

static int sharer(void *argument)
{
    (void)argument;
    set(SIGUSR1, handler, 0);
    step = 1;
    await_step(2);
    CHECK(get(SIGUSR1) == (void *)other_handler);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(handled, -SIGUSR1);
    set(SIGUSR1, handler, 0);
    CHECK_EQ(child_end(begin(1, third, SHARED)), 7 << 8);
    set(SIGALRM, handler, SA_RESETHAND);
    step = 3;
    await_step(4);
    CHECK_OK(kill(getpid(), SIGALRM));
    step = 5;
    return 0;
}

static void actions_are_shared(void)
{
    pid_t pid;

    set(SIGUSR1, SIG_DFL, 0);
    set(SIGUSR2, SIG_DFL, 0);
    step = 0;
    pid = begin(0, sharer, SHARED);
    await_step(1);
    CHECK(get(SIGUSR1) == (void *)handler);
    set(SIGUSR1, other_handler, 0);
    step = 2;
    await_step(3);
    CHECK(get(SIGUSR2) == (void *)SIG_IGN);
    CHECK(get(SIGALRM) == (void *)handler);
    step = 4;
    await_step(5);
    CHECK(get(SIGALRM) == (void *)SIG_DFL); /* it was for one time, whichever process got it */
    CHECK_EQ(child_end(pid), 0);
    set(SIGUSR1, SIG_DFL, 0);
    set(SIGUSR2, SIG_DFL, 0);
}

/* A program of its own has actions of its own, and so has a process that was forked. */
static int executor(void *argument)
{
    static char end[] = "end";
    char *args[] = {(char *)program, end, NULL};

    (void)argument;
    set(SIGUSR1, handler, 0);
    execv(program, args);
    return 1;
}

static int forker(void *argument)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    (void)argument;
    if (pid == 0) {
        set(SIGUSR1, SIG_IGN, 0);
        _exit(get(SIGUSR1) == (void *)SIG_IGN ? 4 : 1);
    }
    CHECK_EQ(child_end(pid), 4 << 8);
    CHECK(get(SIGUSR1) == (void *)handler);
    return 5;
}

static int plain(void *argument)
{
    (void)argument;
    set(SIGUSR1, SIG_IGN, 0);
    return 6;
}

static void sharing_ends(void)
{
    CHECK_EQ(child_end(begin(0, executor, SHARED)), 3 << 8);
    CHECK(get(SIGUSR1) == (void *)handler);
    CHECK_EQ(child_end(begin(0, executor, SHARED | CLONE_VFORK)), 3 << 8);
    CHECK_EQ(child_end(begin(0, forker, SHARED)), 5 << 8);
    CHECK_EQ(child_end(begin(0, plain, CLONE_VM)), 6 << 8);
    CHECK(get(SIGUSR1) == (void *)handler);
    set(SIGUSR1, SIG_DFL, 0);
}

static long thread_begin(int (*function)(void *argument))
{
    return thread_raw_begin(function, stacks[0] + STACK, CLONE_VFORK);
}

static int slow_thread(void *argument)
{
    (void)argument;
    usleep(30000);
    step = 11;
    raw1(SYS_exit, 0);
    return 0;
}

static void thread_is_waited_for(void)
{
    step = 10;
    CHECK(thread_begin(slow_thread) > 0);
    CHECK_EQ(step, 11);
}

static int executing_thread(void *argument)
{
    return executor(argument);
}

static void thread_executes(void)
{
    thread_begin(executing_thread);
    _exit(9); /* not before the program that has taken the process over */
}

static int killing_thread(void *argument)
{
    (void)argument;
    for (;;)
        raw2(SYS_kill, getpid(), SIGKILL);
    return 0;
}

static void waiting_thread_is_killed(void)
{
    thread_begin(killing_thread);
    _exit(9);
}

static void what_does_not_go_together(void)
{
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } args = {.flags = SHARED | CLEAR, .exit_signal = SIGCHLD};

    CHECK_EQ(raw6(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0, 0), -EINVAL);
    CHECK_EQ(raw6(SYS_clone, CLONE_VM | CLONE_THREAD, 0, 0, 0, 0, 0), -EINVAL);
    CHECK_EQ(raw6(SYS_clone, CLONE_SIGHAND | CLONE_THREAD, 0, 0, 0, 0, 0), -EINVAL);
    CHECK_EQ(raw2(CLONE3, &args, sizeof(args)), -EINVAL);
    CHECK_ERR(waitpid(-1, NULL, 0), ECHILD);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return get(SIGUSR1) == (void *)SIG_DFL ? 3 : 1;
    program = argv[0];
    what_does_not_go_together();
    for (int i = 0; i < 20; i++)
        actions_are_shared();
    sharing_ends();
    thread_is_waited_for();
    CHECK_EQ(child_status(thread_executes), 3 << 8);
    CHECK_EQ(child_status(waiting_thread_is_killed), SIGKILL);
    return 0;
}
