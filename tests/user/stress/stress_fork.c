/* SPDX-License-Identifier: MIT */
/*
 * Many processes that come and go: each fork goes on where it was made, with the registers and the
 * memory of its parent, and each end is heard of once.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define DEPTH     12 /* calls on the stack when a child is made */
#define PER_ROUND 16
#define ORPHANS   200
#define BREEDERS  8
#define GROUPS    12

/* Both shared. */
static volatile uint64_t *made;
static volatile struct {
    unsigned breeders, dying, killed;
} * group;

/* Forks at the bottom of a recursion whose frames hold values in registers and on the stack; both
 * sides climb back through them. */
static unsigned fork_deep(unsigned depth, unsigned seed, pid_t *pid)
{
    volatile unsigned on_stack = seed * 2654435761u;
    unsigned in_register = seed ^ 0x5bd1e995u, sum;

    if (!depth) {
        *pid = (pid_t)CHECK_OK(fork());
        return 1;
    }
    sum = fork_deep(depth - 1, seed + 1, pid);
    CHECK_EQ(on_stack, seed * 2654435761u);
    CHECK_EQ(in_register, seed ^ 0x5bd1e995u);
    return sum + 1;
}

static void storm_worker(void *argument)
{
    unsigned id = *(unsigned *)argument;
    char own[3000];

    for (unsigned round = 0; stress_goes_on(); round++) {
        for (unsigned i = 0; i < PER_ROUND; i++) {
            unsigned seed = id * 1000 + i;
            pid_t pid, self = getpid();

            memset(own, (int)seed, sizeof(own));
            CHECK_EQ(fork_deep(DEPTH, seed, &pid), DEPTH + 1);
            if (!pid) {
                CHECK(bytes_are(own, (int)(seed & 0xff), sizeof(own)));
                CHECK(getpid() != self);
                CHECK_EQ(getppid(), self);
                memset(own, 0xee, sizeof(own)); /* the parent's stays */
                __atomic_fetch_add(made, 1, __ATOMIC_RELAXED);
                _exit((int)i);
            }
            CHECK(bytes_are(own, (int)(seed & 0xff), sizeof(own)));
            if (i & 1) /* at once, or all together */
                child_await(pid, (int)i << 8);
        }
        for (unsigned i = 0, sum = 0; i < PER_ROUND / 2; i++) {
            int status;

            CHECK_OK(wait(&status));
            CHECK(WIFEXITED(status));
            sum += (unsigned)WEXITSTATUS(status);
            if (i == PER_ROUND / 2 - 1)
                CHECK_EQ(sum, PER_ROUND / 2 * (PER_ROUND / 2 - 1));
        }
        CHECK_ERR(wait(NULL), ECHILD);
    }
}

static void check_storm(void)
{
    unsigned nworkers = 2 * stress_cpus();
    static unsigned ids[64];

    for (unsigned i = 0; i < nworkers; i++) {
        ids[i % 64] = i;
        child_start(storm_worker, &ids[i % 64]);
    }
    children_await(nworkers);
    CHECK(*made >= (uint64_t)nworkers * PER_ROUND);
}

/* Grandchildren whose parents end at once: somebody else waits for them. */
static void check_orphans(void)
{
    uint64_t before = *made, limit;

    for (unsigned i = 0; i < ORPHANS; i++) {
        pid_t pid = (pid_t)CHECK_OK(fork());

        if (!pid) {
            if (CHECK_OK(fork()) == 0)
                __atomic_fetch_add(made, 1, __ATOMIC_RELAXED);
            _exit(0);
        }
        child_await(pid, 0);
    }
    limit = now_ns() + 20000000000;
    while (*made != before + ORPHANS) {
        CHECK(now_ns() < limit);
        sleep_ns(1000000);
    }
}

/* Says that the signal has missed this process. */
static void survive(int end)
{
    sleep_ns(60000000);
    CHECK(!group->killed || write(end, "s", 1) == 1);
    _exit(0);
}

/* Forks as fast as it can: some of the children do the same, the others end at once. */
static void breed(int end)
{
    while (!group->killed) {
        long pid = raw0(SYS_fork); /* a libc blocks signals around it */

        if (pid < 0)
            CHECK(pid == -EAGAIN || pid == -ENOMEM);
        if (pid == 0 && group->dying)
            survive(end);
        if (pid == 0 && __atomic_fetch_add(&group->breeders, 1, __ATOMIC_RELAXED) >= BREEDERS)
            _exit(0);
        while (pid > 0 && waitpid(-1, NULL, WNOHANG) > 0)
            ;
    }
    survive(end);
}

/* One signal to a group reaches every member, also those that are being made: nobody is left to
 * say otherwise. */
static void check_group_kill(int sig)
{
    int ends[2], status;
    char byte;
    pid_t pid;

    group->breeders = group->dying = group->killed = 0;
    CHECK_OK(pipe(ends));
    pid = (pid_t)CHECK_OK(fork());
    if (!pid) {
        CHECK_OK(close(ends[0]));
        CHECK_OK(setpgid(0, 0));
        CHECK_EQ(write(ends[1], "x", 1), 1);
        breed(ends[1]);
    }
    CHECK_OK(close(ends[1]));
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    sleep_ns(5000000);
    group->dying = 1;
    CHECK_OK(kill(-pid, sig));
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, sig);
    sleep_ns(20000000);
    group->killed = 1;
    CHECK_EQ(read(ends[0], &byte, 1), 0);
    CHECK_OK(close(ends[0]));
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    made = shared_new(4096);
    group = shared_new(4096);
    check_storm();
    check_orphans();
    for (unsigned i = 0; i < GROUPS; i++)
        check_group_kill(i & 1 ? SIGTERM : SIGKILL);
    return 0;
}
