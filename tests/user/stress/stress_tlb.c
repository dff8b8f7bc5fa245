/* SPDX-License-Identifier: MIT */
/*
 * Memory whose mapping changes on one processor while others use it. What the others still know of
 * the old mapping must be forgotten before the call returns: a stale entry lets a store through
 * that is no longer allowed, or leads to a page that belongs to somebody else by now.
 *
 * The one that changes and the ones that use are processes with one address space (CLONE_VM).
 */
#define _GNU_SOURCE
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define PAGE   4096UL
#define STACK  (256UL << 10)
#define USERS  3
#define OTHERS 8

enum phase { REST, GO, STOP };

/* Between the one that changes (c) and the users (u). All in memory that every one of them sees at
 * the same address; the page under test comes and goes. */
static struct {
    volatile unsigned char *page; /* c */
    volatile unsigned phase;      /* c: enum phase */
    struct user {
        volatile uint64_t stores;  /* u: that succeeded */
        volatile uint64_t faults;  /* u */
        volatile unsigned resting; /* u */
        sigjmp_buf back;
    } users[USERS];
} shared;

static char *stacks[USERS];

/* By its stack: they share everything else. */
static struct user *current_user(void)
{
    volatile char here;

    for (unsigned i = 0; i < USERS; i++)
        if ((char *)&here >= stacks[i] && (char *)&here < stacks[i] + STACK)
            return &shared.users[i];
    return NULL;
}

static void on_fault(int sig)
{
    struct user *user = current_user();

    (void)sig;
    CHECK(user);
    user->faults++;
    siglongjmp(user->back, 1);
}

/* Stores as fast as it can while it is told to. */
static int use(void *argument)
{
    struct user *user = argument;

    while (shared.phase != STOP) {
        user->resting = 1;
        while (shared.phase == REST)
            ;
        user->resting = 0;
        if (sigsetjmp(user->back, 1))
            continue;
        while (shared.phase == GO) {
            shared.page[(uintptr_t)(user - shared.users) * 8] = 0x55;
            user->stores++;
        }
    }
    return 0;
}

static void users_go(void)
{
    uint64_t before = shared.users[0].stores + shared.users[0].faults;

    shared.phase = GO;
    while (shared.users[0].stores + shared.users[0].faults < before + 20)
        sched_yield();
}

static void users_rest(void)
{
    shared.phase = REST;
    for (unsigned i = 0; i < USERS; i++)
        while (!shared.users[i].resting)
            sched_yield();
}

static void *page_new(void)
{
    void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(page != MAP_FAILED);
    return page;
}

/* Once mprotect is through, nothing changes the page any more. */
static void check_protect(void)
{
    unsigned char seen[PAGE];

    shared.page = page_new();
    users_go();
    CHECK_OK(mprotect((void *)shared.page, PAGE, PROT_READ));
    memcpy(seen, (void *)shared.page, PAGE);
    for (unsigned i = 0; i < 20; i++)
        CHECK(!memcmp(seen, (void *)shared.page, PAGE));
    users_rest();
    CHECK_OK(munmap((void *)shared.page, PAGE));
}

/* Once munmap is through, the frame belongs to who gets it next: it stays as that one left it. */
static void check_unmap(void)
{
    volatile unsigned char *others[OTHERS];

    shared.page = page_new();
    users_go();
    CHECK_OK(munmap((void *)shared.page, PAGE));
    /* Nothing else comes to where they store. */
    CHECK(mmap((void *)shared.page, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
               0) == shared.page);
    for (unsigned i = 0; i < OTHERS; i++) {
        others[i] = page_new();
        memset((void *)others[i], 0xaa, PAGE);
    }
    for (unsigned round = 0; round < 20; round++)
        for (unsigned i = 0; i < OTHERS; i++)
            CHECK(bytes_are((const void *)others[i], 0xaa, PAGE));
    users_rest();
    for (unsigned i = 0; i < OTHERS; i++)
        CHECK_OK(munmap((void *)others[i], PAGE));
    CHECK_OK(munmap((void *)shared.page, PAGE));
}

/* Moved: what is stored at the old place must not arrive at the new one. */
static void check_move(void)
{
    volatile unsigned char *moved, *hole = page_new();

    shared.page = page_new();
    users_go();
    moved = mremap((void *)shared.page, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)hole);
    CHECK(moved == hole);
    memset((void *)moved, 0, PAGE);
    for (unsigned i = 0; i < 20; i++)
        CHECK(bytes_are((const void *)moved, 0, PAGE));
    users_rest();
    CHECK_OK(munmap((void *)moved, PAGE));
}

/* Dropped: the frame is gone, and a store makes a new page, which is clean but for the stores. */
static void check_discard(void)
{
    shared.page = page_new();
    memset((void *)shared.page, 0xcc, PAGE);
    users_go();
    for (unsigned i = 0; i < 10; i++) {
        CHECK_OK(madvise((void *)shared.page, PAGE, MADV_DONTNEED));
        for (unsigned at = USERS * 8; at < PAGE; at++)
            CHECK_EQ(shared.page[at], 0);
        memset((void *)(shared.page + USERS * 8), 0xcc, PAGE - USERS * 8);
    }
    users_rest();
    CHECK_OK(munmap((void *)shared.page, PAGE));
}

static void child_looks(const volatile unsigned char *page, int ready)
{
    unsigned char seen[PAGE];
    char byte;

    memcpy(seen, (const void *)page, PAGE);
    CHECK_EQ(read(ready, &byte, 1), 0); /* the parent's side has stored for a while */
    CHECK(!memcmp(seen, (const void *)page, PAGE));
    _exit(0);
}

/* Forked: the child's copy does not change, whatever the parent's other processes store. */
static void check_fork(void)
{
    volatile uint64_t *counter;
    int ends[2];
    pid_t pid;

    shared.page = page_new();
    counter = (volatile uint64_t *)(shared.page + PAGE - 8);
    users_go();
    *counter = 1;
    CHECK_OK(pipe(ends));
    pid = (pid_t)CHECK_OK(fork());
    if (!pid) {
        close(ends[1]);
        child_looks(shared.page, ends[0]);
    }
    for (unsigned i = 0; i < 100; i++) {
        memset((void *)shared.page, (int)i, PAGE);
        *counter = i;
    }
    CHECK_OK(close(ends[1]));
    child_await(pid, 0);
    CHECK_OK(close(ends[0]));
    users_rest();
    CHECK_OK(munmap((void *)shared.page, PAGE));
}

int main(int argc, char **argv)
{
    static void (*const checks[])(void) = {check_protect, check_unmap, check_move, check_discard,
                                           check_fork};
    struct sigaction action = {.sa_handler = on_fault};
    pid_t pids[USERS];

    stress_begin(argc, argv);
    CHECK_OK(sigaction(SIGSEGV, &action, NULL));
    for (unsigned i = 0; i < USERS; i++) {
        stacks[i] = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(stacks[i] != MAP_FAILED);
        pids[i] =
            (pid_t)CHECK_OK(clone(use, stacks[i] + STACK, CLONE_VM | SIGCHLD, &shared.users[i]));
    }
    do
        for (unsigned i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
            checks[i]();
    while (stress_goes_on());
    shared.phase = STOP;
    for (unsigned i = 0; i < USERS; i++)
        child_await(pids[i], 0);
    return 0;
}
