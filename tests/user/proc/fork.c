/* SPDX-License-Identifier: MIT */
/* A second process out of one: what is copied, what is shared, what each side sees. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE 4096

static void child_ends_well(pid_t pid)
{
    int status = -1;

    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
}

/* Deep in calls, with values that the compiler keeps in callee-saved registers: the child goes on
 * in the middle, not at main. */
static long deep(int depth, long a, long b, long c, long d, long e)
{
    if (depth) {
        long below = deep(depth - 1, a + 1, b + 2, c + 3, d + 4, e + 5);

        return below + a + b + c + d + e - (a + b + c + d + e);
    }
    pid_t pid = (pid_t)CHECK_OK(fork());
    if (pid == 0)
        _exit(a == 101 && b == 202 && c == 303 && d == 404 && e == 505 ? 0 : 9);
    child_ends_well(pid);
    return a + b + c + d + e;
}

/* Each side writes to its own copy. */
static void memory_is_copied(void)
{
    static int in_data = 1;
    int on_stack = 2;
    char *mapped =
        mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pid_t pid;

    CHECK(mapped != MAP_FAILED);
    memset(mapped, 'p', 64 * PAGE);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK(bytes_are(mapped, 'p', 64 * PAGE));
        CHECK(in_data == 1 && on_stack == 2);
        in_data = 10;
        on_stack = 20;
        memset(mapped, 'c', 64 * PAGE);
        CHECK(bytes_are(mapped, 'c', 64 * PAGE));
        _exit(0);
    }
    child_ends_well(pid);
    CHECK(in_data == 1 && on_stack == 2);
    CHECK(bytes_are(mapped, 'p', 64 * PAGE));
    memset(mapped, 'q', 64 * PAGE);
    CHECK(bytes_are(mapped, 'q', 64 * PAGE));
    CHECK_OK(munmap(mapped, 64 * PAGE));
}

/* Protections and holes come along. */
static void protections_are_copied(void)
{
    char *mapped = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int status;
    pid_t pid;

    CHECK(mapped != MAP_FAILED);
    mapped[0] = 1;
    CHECK_OK(mprotect(mapped, PAGE, PROT_READ));
    CHECK_OK(munmap(mapped + PAGE, PAGE));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        *(volatile char *)mapped = 2;
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        *(volatile char *)(mapped + PAGE) = 2;
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

/* The position of an open file is one for both; the descriptor table is not. */
static void files_are_shared(void)
{
    int fd = (int)CHECK_OK(open("/tmp/fork-file", O_RDWR | O_CREAT | O_TRUNC, 0600));
    char text[8] = "";
    pid_t pid;

    CHECK_EQ(write(fd, "abcdef", 6), 6);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_EQ(read(fd, text, 3), 3);
        CHECK_OK(close(fd));
        _exit(0);
    }
    child_ends_well(pid);
    CHECK_EQ(read(fd, text, 3), 3);
    CHECK(memcmp(text, "def", 3) == 0);
    CHECK_OK(close(fd));
    CHECK_OK(unlink("/tmp/fork-file"));
}

/* vfork: one memory, and the parent waits. */
static void vfork_shares(void)
{
    static volatile int flag;
    pid_t pid = vfork();

    CHECK(pid >= 0);
    if (pid == 0) {
        flag = 7;
        _exit(0);
    }
    CHECK_EQ(flag, 7);
    child_ends_well(pid);
}

static void numbers_are_right(void)
{
    pid_t me = getpid(), pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        CHECK_EQ(getppid(), me);
        CHECK(getpid() != me);
        CHECK_EQ(getpgrp(), getpgid(me));
        CHECK_EQ(getsid(0), getsid(me));
        _exit(0);
    }
    CHECK_EQ(getpgid(pid), getpgrp());
    child_ends_well(pid);
}

/* Bytes and the end of a pipe between two. */
static void pipe_between(void)
{
    static char sent[200000], got[200000];
    size_t done = 0;
    int ends[2];
    pid_t pid;

    for (size_t i = 0; i < sizeof(sent); i++)
        sent[i] = (char)(i * 7 + i / 251);
    CHECK_OK(pipe(ends));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(close(ends[0]));
        while (done < sizeof(sent))
            done += (size_t)CHECK_OK(write(ends[1], sent + done, sizeof(sent) - done));
        _exit(0);
    }
    CHECK_OK(close(ends[1]));
    for (;;) {
        ssize_t n = CHECK_OK(read(ends[0], got + done, sizeof(got) - done));

        if (n == 0)
            break;
        done += (size_t)n;
    }
    CHECK_EQ(done, sizeof(sent));
    CHECK(memcmp(sent, got, sizeof(sent)) == 0);
    child_ends_well(pid);
    CHECK_OK(close(ends[0]));
}

static void many_children(void)
{
    for (int round = 0; round < 20; round++) {
        int seen = 0;

        for (int i = 0; i < 10; i++)
            if (CHECK_OK(fork()) == 0)
                _exit(i);
        for (int i = 0; i < 10; i++) {
            int status;

            CHECK_OK(wait(&status));
            CHECK(WIFEXITED(status));
            seen |= 1 << WEXITSTATUS(status);
        }
        CHECK_EQ(seen, 0x3ff);
    }
    CHECK_ERR(wait(NULL), ECHILD);
}

int main(void)
{
    CHECK_EQ(deep(100, 1, 2, 3, 4, 5), 101 + 202 + 303 + 404 + 505);
    memory_is_copied();
    protections_are_copied();
    files_are_shared();
    vfork_shares();
    numbers_are_right();
    pipe_between();
    many_children();
    return 0;
}
