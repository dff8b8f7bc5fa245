/* SPDX-License-Identifier: MIT */
/*
 * Keys that the terminal ignores fill nothing, so a long write of them to the master never waits:
 * others on its processor have their turns all the same, and a signal ends it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/pty.h"

#define BLOCK  (1u << 20)
#define PIECES 1024
#define TURNS  6
#define LONG   3000000000L /* ns of processor time: many more turns, on a busy host as well */

static char *block;
static volatile uint64_t *turns; /* of the child, which shares the processor */
static struct iovec pieces[PIECES];

static void handler(int sig)
{
    (void)sig;
}

static long used_ns(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now));
    return now.tv_sec * 1000000000L + now.tv_nsec;
}

/* The other one has a turn when the call returns at the latest: what counts are more of them, in as
 * many calls as make a long time of the processor, if signals end some of them early. Linux may
 * wait for a reader in it, and uses no time meanwhile. */
static void check_long(int master)
{
    uint64_t seen = 0;
    long begin = used_ns();

    CHECK_OK(sigaction(SIGALRM, &(struct sigaction){.sa_handler = handler}, NULL));
    /* Again and again: one comes in the middle of the call. */
    CHECK_OK(setitimer(ITIMER_REAL, &(struct itimerval){{0, 300000}, {0, 300000}}, NULL));
    while (seen < TURNS && used_ns() - begin < LONG) {
        uint64_t before = *turns;

        CHECK(writev(master, pieces, PIECES) < (long)PIECES * BLOCK);
        seen += *turns - before > 1 ? *turns - before - 1 : 0;
    }
    CHECK(seen >= TURNS);
    CHECK_OK(setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL));
}

int main(void)
{
    char path[64];
    int master = pty_master(path, sizeof(path));
    int terminal = pty_terminal(path, O_NOCTTY), child;
    cpu_set_t here;

    CHECK(terminal >= 0);
    pty_local(terminal, ECHO, 0);
    pty_input(terminal, ICRNL, IGNCR);
    block = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    turns = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(block != MAP_FAILED && turns != MAP_FAILED);
    memset(block, '\r', BLOCK);
    for (int i = 0; i < PIECES; i++)
        pieces[i] = (struct iovec){.iov_base = block, .iov_len = BLOCK};
    CPU_ZERO(&here);
    CPU_SET((size_t)CHECK_OK(sched_getcpu()), &here);
    CHECK_OK(sched_setaffinity(0, sizeof(here), &here));
    child = (int)CHECK_OK(fork());
    while (!child) {
        ++*turns;
        sched_yield();
    }
    check_long(master);
    CHECK_OK(kill(child, SIGKILL));
    CHECK_EQ(waitpid(child, NULL, 0), child);
    CHECK_OK(close(terminal));
    CHECK_OK(close(master));
    return 0;
}
