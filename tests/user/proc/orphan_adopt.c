/* SPDX-License-Identifier: MIT */
/*
 * orphan_adopt: who asked for it (prctl: CHILD_SUBREAPER) becomes the parent of orphans among its
 * descendants, of those too that have ended already, and waits for them; and a child is told of
 * its parent's end by the signal that it asked for (PDEATHSIG).
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

static void tell(int fd, int value)
{
    CHECK_EQ(write(fd, &value, sizeof(value)), sizeof(value));
}

static int hear(int fd)
{
    int value = 0;

    CHECK_EQ(read(fd, &value, sizeof(value)), sizeof(value));
    return value;
}

static int ended_with(int pid)
{
    int status;

    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return status;
}

static void test_flag(void)
{
    int adopts = 7, pid;

    CHECK_OK(prctl(PR_GET_CHILD_SUBREAPER, &adopts));
    CHECK_EQ(adopts, 0);
    CHECK_OK(prctl(PR_SET_CHILD_SUBREAPER, 5));
    CHECK_OK(prctl(PR_GET_CHILD_SUBREAPER, &adopts));
    CHECK_EQ(adopts, 1);
    CHECK_ERR(prctl(PR_GET_CHILD_SUBREAPER, 8), EFAULT);
    pid = CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(prctl(PR_GET_CHILD_SUBREAPER, &adopts));
        _exit(adopts);
    }
    CHECK_EQ(ended_with(pid), 0); /* it is not inherited */
}

/* The middle one of three ends: the last becomes a child of the first that adopts, above the
 * middle one's own parent. */
static void test_living(void)
{
    int up[2], down[2], outer, last;

    CHECK_OK(pipe(up));
    CHECK_OK(pipe(down));
    outer = CHECK_OK(fork());
    if (outer == 0) {
        int middle = CHECK_OK(fork());

        if (middle == 0) {
            if (CHECK_OK(fork()) == 0) {
                tell(up[1], getpid());
                hear(down[0]);
                _exit(getppid() == hear(down[0]) ? 7 : 8);
            }
            _exit(3);
        }
        CHECK_EQ(ended_with(middle), 3 << 8);
        CHECK_ERR(wait(NULL), ECHILD); /* the orphan is not its own */
        _exit(4);
    }
    last = hear(up[0]);
    CHECK_EQ(ended_with(outer), 4 << 8);
    CHECK_EQ(waitpid(last, NULL, WNOHANG), 0);
    tell(down[1], 0);
    tell(down[1], getpid());
    CHECK_EQ(ended_with(last), 7 << 8);
    CHECK_ERR(wait(NULL), ECHILD);
    close(up[0]), close(up[1]), close(down[0]), close(down[1]);
}

/* A child whose own child has ended and is not waited for; both numbers. */
static int leave_ended(int *last)
{
    int up[2], pid;

    CHECK_OK(pipe(up));
    pid = CHECK_OK(fork());
    if (pid == 0) {
        siginfo_t info;
        int child;

        signal(SIGCHLD, SIG_DFL);
        child = CHECK_OK(fork());
        if (child == 0)
            _exit(9);
        CHECK_OK(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT));
        tell(up[1], child);
        _exit(0);
    }
    *last = hear(up[0]);
    close(up[0]), close(up[1]);
    return pid;
}

static void test_ended(void)
{
    int last, pid = leave_ended(&last);

    CHECK_EQ(ended_with(pid), 0);
    CHECK_EQ(ended_with(last), 9 << 8);

    signal(SIGCHLD, SIG_IGN); /* then it is nobody's, at once */
    pid = leave_ended(&last);
    CHECK_ERR(wait(NULL), ECHILD);
    signal(SIGCHLD, SIG_DFL);

    CHECK_OK(prctl(PR_SET_CHILD_SUBREAPER, 0));
    pid = leave_ended(&last);
    CHECK_EQ(ended_with(pid), 0);
    CHECK_ERR(waitpid(last, NULL, 0), ECHILD);
    CHECK_OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
}

/* The child of a parent that ends; `number` is what it asked for. Its exit status says what came.
 */
static int told_of_end(int number)
{
    int ready[2], up[2], pid, last;

    CHECK_OK(pipe(ready));
    CHECK_OK(pipe(up));
    pid = CHECK_OK(fork());
    if (pid == 0) {
        int parent = getpid();

        if (CHECK_OK(fork()) == 0) {
            siginfo_t info;
            sigset_t set;

            sigemptyset(&set);
            sigaddset(&set, SIGUSR1);
            CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
            CHECK_OK(prctl(PR_SET_PDEATHSIG, number));
            if (CHECK_OK(fork()) == 0) {
                int inherited = 1;

                CHECK_OK(prctl(PR_GET_PDEATHSIG, &inherited));
                _exit(inherited);
            }
            CHECK_OK(wait(&last));
            CHECK_EQ(last, 0);
            tell(up[1], getpid());
            tell(ready[1], 0);
            CHECK_EQ(sigwaitinfo(&set, &info), SIGUSR1);
            CHECK_EQ(info.si_code, SI_USER);
            CHECK_EQ(info.si_pid, parent);
            _exit(5);
        }
        hear(ready[0]);
        _exit(0);
    }
    last = hear(up[0]);
    CHECK_EQ(ended_with(pid), 0);
    close(ready[0]), close(ready[1]), close(up[0]), close(up[1]);
    return ended_with(last);
}

enum kind { PLAIN, OWN_GROUP, ENDED, KILLED, KINDS };

static _Noreturn void be_orphan(enum kind kind, int reaper, int up, const int down[2])
{
    char byte;

    close(down[1]);
    if (kind == OWN_GROUP)
        CHECK_OK(setpgid(0, 0));
    if (kind == KILLED)
        CHECK_OK(prctl(PR_SET_PDEATHSIG, SIGKILL));
    tell(up, 0);
    if (kind != ENDED) {
        CHECK_EQ(read(down[0], &byte, 1), 0);
        CHECK_EQ(getppid(), reaper);
    }
    _exit(kind == KILLED ? PLAIN : kind); /* a signal should have ended it */
}

/* Of each kind among the others, and more than can get another parent at once. */
static void test_many(void)
{
    enum { CHILDREN = 300 };
    int up[2], down[2], ended[KINDS] = {0}, parent, reaper = getpid();

    CHECK_OK(pipe(up));
    CHECK_OK(pipe(down));
    parent = CHECK_OK(fork());
    if (parent == 0) {
        for (int i = 0; i < CHILDREN; i++)
            if (CHECK_OK(fork()) == 0)
                be_orphan((enum kind)(i / 3 % KINDS), reaper, up[1], down);
        for (int i = 0; i < CHILDREN; i++)
            hear(up[0]);
        _exit(0);
    }
    CHECK_EQ(ended_with(parent), 0);
    close(down[1]);
    for (int i = 0; i < CHILDREN; i++) {
        int status;

        CHECK_OK(wait(&status));
        ended[status == SIGKILL ? KILLED : WEXITSTATUS(status)]++;
    }
    for (int i = 0; i < KINDS; i++)
        CHECK_EQ(ended[i], CHILDREN / KINDS);
    CHECK_ERR(wait(NULL), ECHILD);
    close(up[0]), close(up[1]), close(down[0]);
}

int main(void)
{
    test_flag();
    test_living();
    test_ended();
    test_many();
    CHECK_EQ(told_of_end(SIGUSR1), 5 << 8);
    CHECK_EQ(told_of_end(SIGKILL), SIGKILL);
    return 0;
}
