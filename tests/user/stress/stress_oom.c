/* SPDX-License-Identifier: MIT */
/*
 * Several processes that take all the memory there is, at once, with modest ones among them: the
 * largest are killed, in turn, the modest go on, whoever waits is told of SIGKILL, and afterwards
 * there is as much memory as before.
 *
 * Only on machines with at most 1 GiB, which this can fill; on others it says so and ends.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define PAGE   4096UL
#define MIB    (1UL << 20)
#define MS     1000000UL
#define EATERS 5
#define MODEST 3
#define CROWD  40
#define SMALL  MIB /* what a modest one has */

static struct {
    unsigned here, end;     /* those that have what they need; they may end */
    unsigned eaten[EATERS]; /* MiB */
} * all;

static int gate[2]; /* nobody writes: its end is the sign for all */

static unsigned get(unsigned *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static uint64_t free_bytes(void)
{
    struct sysinfo info;

    CHECK_OK(sysinfo(&info));
    return (uint64_t)info.freeram * info.mem_unit;
}

static char *memory_new(size_t nbytes, int flags)
{
    void *memory = mmap(NULL, nbytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

/* Until so many have what they need. */
static void await_all(unsigned count)
{
    while (get(&all->here) < count)
        raw0(SYS_sched_yield);
}

/* Has its memory, works with it, forks and allocates a little while nothing is left. */
static void be_modest(void *argument)
{
    int id = (int)(intptr_t)argument;
    char *memory = memory_new(SMALL, MAP_PRIVATE);
    unsigned end;

    CHECK(memory);
    memset(memory, id + 1, SMALL);
    __atomic_fetch_add(&all->here, 1, __ATOMIC_SEQ_CST);
    do {
        char *more = memory_new(4 * PAGE, MAP_PRIVATE);
        pid_t pid;

        end = get(&all->end);
        CHECK(bytes_are(memory, id + 1, SMALL));
        CHECK(more);
        memset(more, 1, 4 * PAGE);
        CHECK_OK(munmap(more, 4 * PAGE));
        pid = fork(); /* there may be no memory for that; then it says so */
        if (pid == 0) {
            memory[PAGE] = 1;
            _exit(0);
        }
        if (pid > 0)
            child_await(pid, 0);
        else
            CHECK(errno == ENOMEM || errno == EAGAIN);
        sleep_ns(2000000);
    } while (!end);
}

/* Takes memory until it is killed: by writing itself, or by calls that write. The pipe gets its
 * page before anybody eats: with nothing left, a pipe that has none yet refuses the first byte. */
static void eat(void *argument)
{
    unsigned id = (unsigned)(uintptr_t)argument;
    int ends[2];
    char byte;

    CHECK_OK(pipe(ends));
    CHECK_EQ(write(ends[1], "x", 1), 1);
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    __atomic_fetch_add(&all->here, 1, __ATOMIC_SEQ_CST);
    await_all(MODEST + EATERS);
    for (;;) {
        char *memory = memory_new(MIB, MAP_PRIVATE | MAP_NORESERVE);

        if (!memory) {
            raw0(SYS_sched_yield);
            continue;
        }
        for (size_t at = 0; at < MIB; at += PAGE) {
            if (id & 1) {
                CHECK_EQ(write(ends[1], "x", 1), 1);
                CHECK_EQ(read(ends[0], memory + at, 1), 1);
            } else {
                memory[at] = 1;
            }
        }
        all->eaten[id]++;
    }
}

static void check_eaten(void)
{
    pid_t modest[MODEST];

    memset(all, 0, sizeof(*all));
    for (intptr_t i = 0; i < MODEST; i++)
        modest[i] = child_start(be_modest, (void *)i);
    await_all(MODEST);
    for (uintptr_t i = 0; i < EATERS; i++)
        child_start(eat, (void *)i);
    for (unsigned left = EATERS; left; left--) {
        int status = -1;
        pid_t pid = (pid_t)CHECK_OK(wait(&status));

        for (unsigned i = 0; i < MODEST; i++)
            CHECK(modest[i] != pid); /* nobody modest ends while an eater lives */
        CHECK_EQ(status, SIGKILL);
        CHECK_ERR(kill(pid, 0), ESRCH);
    }
    for (unsigned i = 0; i < EATERS; i++)
        CHECK(all->eaten[i] > 0);
    all->end = 1;
    for (unsigned i = 0; i < MODEST; i++)
        child_await(modest[i], 0);
}

/* --- sizes that are known: the largest goes, and nobody else --- */

static size_t sizes[CROWD];

static void fill(void *argument)
{
    unsigned id = (unsigned)(uintptr_t)argument;
    char *memory = memory_new(sizes[id], MAP_PRIVATE);
    char byte;

    CHECK(memory);
    for (size_t at = 0; at < sizes[id]; at += PAGE)
        memory[at] = (char)(id + 1);
    __atomic_fetch_add(&all->here, 1, __ATOMIC_SEQ_CST);
    CHECK_OK(close(gate[1]));
    CHECK_EQ(read(gate[0], &byte, 1), 0);
    for (size_t at = 0; at < sizes[id]; at += PAGE)
        CHECK_EQ(memory[at], (char)(id + 1));
}

/* One after the other, until one is gone; the largest is the second of them. */
static void check_largest(void)
{
    uint64_t free = free_bytes();
    pid_t pids[CROWD];
    unsigned count = 0;
    int status = -1;

    memset(all, 0, sizeof(*all));
    CHECK_OK(pipe(gate));
    do {
        CHECK(count < CROWD);
        sizes[count] = count == 1 ? free / 3 : count == 0 ? free / 6 : free / 30;
        pids[count] = child_start(fill, (void *)(uintptr_t)count);
        count++;
        while (get(&all->here) < count && !waitpid(pids[1], &status, WNOHANG))
            sleep_ns(MS);
    } while (status == -1);
    CHECK_EQ(status, SIGKILL);
    CHECK(count > 5); /* not before there was need */
    CHECK_OK(close(gate[1]));
    for (unsigned i = 0; i < count; i++)
        if (i != 1)
            child_await(pids[i], 0);
    CHECK_OK(close(gate[0]));
}

int main(int argc, char **argv)
{
    char *mine;

    stress_begin(argc, argv);
    if (stress_mib() > 1024) {
        say(1, "too much memory here to run out of it\n");
        return 0;
    }
    all = shared_new(sizeof(*all));
    mine = memory_new(SMALL, MAP_PRIVATE);
    CHECK(mine);
    memset(mine, 9, SMALL);
    do {
        check_eaten();
        check_largest();
    } while (stress_goes_on());
    CHECK(bytes_are(mine, 9, SMALL));
    return 0;
}
