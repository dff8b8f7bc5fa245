/* SPDX-License-Identifier: MIT */
/* Areas that grow down: how far, and what stops them. */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define PAGE 4096UL
#define MIB  (1UL << 20)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW   (PROT_READ | PROT_WRITE)
#define GAP  (256 * PAGE)

static int signal_of(void (*function)(void))
{
    int status = child_status(function);

    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static uintptr_t here(void)
{
    char local;

    return (uintptr_t)&local;
}

static volatile char *below(size_t nbytes)
{
    return (volatile char *)(here() - nbytes);
}

static void touch_7_mib(void)
{
    *below(7 * MIB) = 1; /* far below RSP, no page in between touched */
    CHECK_EQ(*below(3 * MIB), 0);
}

static void touch_9_mib(void)
{
    *below(9 * MIB) = 1;
}

static void limit_stack(rlim_t nbytes)
{
    struct rlimit limit;

    CHECK_OK(getrlimit(RLIMIT_STACK, &limit));
    limit.rlim_cur = nbytes;
    CHECK_OK(setrlimit(RLIMIT_STACK, &limit));
}

static void touch_beyond_small_limit(void)
{
    limit_stack(MIB);
    *below(900 * 1024) = 1;
    *below(1100 * 1024) = 1;
}

static void touch_within_small_limit(void)
{
    limit_stack(MIB);
    *below(900 * 1024) = 1;
}

static void touch_with_large_limit(void)
{
    limit_stack(32 * MIB);
    *below(20 * MIB) = 1;
}

/* The limit counts for children, too. */
static void touch_in_child(void)
{
    int status = -1;

    limit_stack(MIB);
    pid_t pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        *below(1100 * 1024) = 1;
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

/* A mapping of our own that grows: room below it, then another one. */
static char *grower(char **low)
{
    char *room = mmap(NULL, 16 * MIB, PROT_NONE, ANON, -1, 0), *p;

    CHECK(room != MAP_FAILED);
    CHECK_OK(munmap(room, 16 * MIB));
    *low = room;
    p = mmap(room + 8 * MIB, PAGE, RW, ANON | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
    CHECK(p == room + 8 * MIB);
    return p;
}

static void grow_own(void)
{
    char *low, *p = grower(&low);

    p[0] = 1;
    p[-1] = 2;
    p[-(long)MIB] = 3;
    CHECK(p[0] == 1 && p[-1] == 2 && p[-(long)MIB] == 3 && p[-4096] == 0);
}

/* A mapping that can be accessed keeps the gap: the last page that may be had is 256 above it. */
static void grow_to_gap(void)
{
    char *low, *p = grower(&low);
    char *wall = mmap(p - GAP - PAGE - 2 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0);

    CHECK(wall != MAP_FAILED);
    p[-(long)PAGE] = 1;
    p[-2 * (long)PAGE] = 1;
}

static void grow_into_gap(void)
{
    char *low, *p = grower(&low);
    char *wall = mmap(p - GAP - PAGE - 2 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0);

    CHECK(wall != MAP_FAILED);
    p[-3 * (long)PAGE] = 1;
}

/* One that nobody can access is guard enough by itself. */
static void grow_to_guard(void)
{
    char *low, *p = grower(&low);
    char *wall = mmap(p - 3 * PAGE, PAGE, PROT_NONE, ANON | MAP_FIXED, -1, 0);

    CHECK(wall != MAP_FAILED);
    p[-2 * (long)PAGE] = 1;
}

static void check_protect_down(void)
{
    char *low, *p = grower(&low), *q = mmap(NULL, 2 * PAGE, RW, ANON, -1, 0);

    p[-3 * (long)PAGE] = 5;
    CHECK_OK(mprotect(p, PAGE, PROT_READ | PROT_GROWSDOWN));
    CHECK_ERR(mprotect(q, PAGE, PROT_READ | PROT_GROWSDOWN), EINVAL);
    CHECK_ERR(mprotect(q, PAGE, PROT_READ | PROT_GROWSUP), EINVAL);
    CHECK_ERR(mprotect(q, PAGE, PROT_READ | PROT_GROWSDOWN | PROT_GROWSUP), EINVAL);
    CHECK_EQ(p[-3 * (long)PAGE], 5);
    CHECK_OK(mprotect(p, PAGE, RW | PROT_GROWSDOWN));
    p[-3 * (long)PAGE] = 6;
    p[-8 * (long)PAGE] = 7; /* and it still grows */
    CHECK_OK(munmap(p - 8 * PAGE, 9 * PAGE));
    CHECK_OK(munmap(q, 2 * PAGE));
}

static void write_after_protect_down(void)
{
    char *low, *p = grower(&low);

    p[-3 * (long)PAGE] = 5;
    CHECK_OK(mprotect(p, PAGE, PROT_READ | PROT_GROWSDOWN));
    p[-3 * (long)PAGE] = 6;
}

/* New mappings without an address keep clear of it. */
static void check_room_kept(void)
{
    char *low, *p = grower(&low);

    for (int i = 0; i < 100; i++) {
        char *q = mmap(p - 64 * PAGE, PAGE, PROT_READ, ANON, -1, 0);
        CHECK(q != MAP_FAILED && (q >= p || q + PAGE <= p - GAP));
    }
}

int main(void)
{
    CHECK_EQ(signal_of(touch_7_mib), 0);
    CHECK_EQ(signal_of(touch_9_mib), SIGSEGV);
    CHECK_EQ(signal_of(touch_beyond_small_limit), SIGSEGV);
    CHECK_EQ(signal_of(touch_within_small_limit), 0);
    CHECK_EQ(signal_of(touch_with_large_limit), 0);
    CHECK_EQ(child_status(touch_in_child), 0);
    CHECK_EQ(child_status(grow_own), 0);
    CHECK_EQ(child_status(grow_to_gap), 0);
    CHECK_EQ(signal_of(grow_into_gap), SIGSEGV);
    CHECK_EQ(child_status(grow_to_guard), 0);
    CHECK_EQ(signal_of(write_after_protect_down), SIGSEGV);
    check_protect_down();
    check_room_kept();
    CHECK_ERR(mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0), EINVAL);
    return 0;
}
