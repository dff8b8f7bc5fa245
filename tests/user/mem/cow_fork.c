/* SPDX-License-Identifier: MIT */
/* Private memory after fork: whoever writes gets a copy, whoever reads sees what it was. */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define PAGE  4096UL
#define PAGES 20
#define RW    (PROT_READ | PROT_WRITE)

static char data[PAGES * PAGE] = {1}; /* of the program's file */
static char zeros[PAGES * PAGE];      /* of no file */

static void fill(char *p, int value)
{
    for (int i = 0; i < PAGES; i++)
        memset(p + i * PAGE, value + i, PAGE);
}

static void check_filled(const char *p, int value)
{
    for (int i = 0; i < PAGES; i++)
        CHECK(bytes_are(p + i * PAGE, (char)(value + i), PAGE));
}

/* The child writes first, then the parent, and the other way round; each keeps its own. */
static void check_both_ways(char *p)
{
    int go[2], done[2];
    char token;
    pid_t pid;

    fill(p, 10);
    CHECK_OK(pipe(go));
    CHECK_OK(pipe(done));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        check_filled(p, 10);
        fill(p, 50);
        CHECK_EQ(write(done[1], "x", 1), 1);
        CHECK_EQ(read(go[0], &token, 1), 1);
        check_filled(p, 50);
        _exit(0);
    }
    CHECK_EQ(read(done[0], &token, 1), 1);
    check_filled(p, 10);
    fill(p, 90);
    CHECK_EQ(write(go[1], "x", 1), 1);
    CHECK_EQ(child_end(pid), 0);
    check_filled(p, 90);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_EQ(read(go[0], &token, 1), 1);
        check_filled(p, 90);
        _exit(0);
    }
    fill(p, 20);
    CHECK_EQ(write(go[1], "x", 1), 1);
    CHECK_EQ(child_end(pid), 0);
    check_filled(p, 20);
    for (int i = 0; i < 2; i++) {
        CHECK_OK(close(go[i]));
        CHECK_OK(close(done[i]));
    }
}

/* Ten generations, each with the pages of all before it. */
static void generation(char *p, int depth)
{
    pid_t pid;

    for (int i = 0; i < depth; i++)
        CHECK_EQ(p[i * PAGE], 100 + i);
    if (depth == 10)
        return;
    p[depth * PAGE] = (char)(100 + depth);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        generation(p, depth + 1);
        _exit(0);
    }
    CHECK_EQ(child_end(pid), 0);
    CHECK_EQ(p[(depth + 1) * PAGE], 0);
}

/* The kernel writes to such pages, too. */
static void check_kernel_writes(char *p)
{
    int ends[2];
    pid_t pid;

    memset(p, 1, 4 * PAGE);
    CHECK_OK(pipe(ends));
    CHECK_EQ(write(ends[1], "abcdefgh", 8), 8);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_EQ(read(ends[0], p + PAGE - 4, 8), 8);
        CHECK(memcmp(p + PAGE - 4, "abcdefgh", 8) == 0);
        _exit(0);
    }
    CHECK_EQ(child_end(pid), 0);
    CHECK(bytes_are(p, 1, 4 * PAGE));
    CHECK_OK(close(ends[0]));
    CHECK_OK(close(ends[1]));
}

/* Rights are each one's own, and those of a copy are right. */
static void check_rights(void)
{
    char *p = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pid_t pid;

    CHECK(p != MAP_FAILED);
    memset(p, 1, 3 * PAGE);
    CHECK_OK(mprotect(p + PAGE, PAGE, PROT_READ));
    CHECK_OK(mprotect(p + 2 * PAGE, PAGE, PROT_NONE));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_EQ(p[PAGE], 1);
        CHECK_OK(mprotect(p + PAGE, 2 * PAGE, RW));
        p[PAGE] = p[2 * PAGE] = 2;
        _exit(0);
    }
    CHECK_EQ(child_end(pid), 0);
    CHECK_EQ(p[PAGE], 1);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        *(volatile char *)(p + PAGE) = 2;
        _exit(0);
    }
    CHECK_EQ(WTERMSIG(child_end(pid)), SIGSEGV);
    CHECK_OK(mprotect(p, 3 * PAGE, RW));
    CHECK(bytes_are(p, 1, 3 * PAGE));
    CHECK_OK(munmap(p, 3 * PAGE));
}

/* After the child has gone, its pages are the parent's alone again, many times over. */
static void check_many(char *p)
{
    fill(p, 1);
    for (int round = 0; round < 50; round++) {
        pid_t pid = (pid_t)CHECK_OK(fork());
        if (pid == 0) {
            p[(round % PAGES) * PAGE] = 99;
            _exit(0);
        }
        p[((round + 7) % PAGES) * PAGE + 1] = (char)round;
        CHECK_EQ(child_end(pid), 0);
        CHECK(p[(round % PAGES) * PAGE] == (char)(1 + round % PAGES));
    }
}

int main(void)
{
    char *p = mmap(NULL, PAGES * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(p != MAP_FAILED && data[0] == 1);
    generation(p, 0);
    check_both_ways(p);
    check_both_ways(data);
    check_both_ways(zeros);
    check_kernel_writes(p);
    check_kernel_writes(data);
    check_rights();
    check_many(p);
    check_many(zeros);
    return 0;
}
