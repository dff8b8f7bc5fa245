/* SPDX-License-Identifier: MIT */
/*
 * A thousand processes alive at once, each with memory of its own, a descriptor of its own and a
 * child of its own; where memory is less, two for each MiB. All of them meet, then all end.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define MOST 1000

static struct {
    unsigned here, woken;
    pid_t pids[MOST];
} * all;

static int gate[2]; /* nobody writes: it ends for all at once */

static void live(void *argument)
{
    unsigned id = (unsigned)(uintptr_t)argument;
    volatile unsigned char own[2000];
    char byte;

    CHECK_OK(close(gate[1]));
    memset((void *)own, (int)id, sizeof(own));
    all->pids[id] = getpid();
    __atomic_fetch_add(&all->here, 1, __ATOMIC_SEQ_CST);
    CHECK_EQ(read(gate[0], &byte, 1), 0);
    __atomic_fetch_add(&all->woken, 1, __ATOMIC_SEQ_CST);
    CHECK(bytes_are((const void *)own, (int)(id & 0xff), sizeof(own)));
    _exit((int)(id % 100));
}

static bool number_is_new(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (all->pids[i] == all->pids[n])
            return false;
    return true;
}

static void check_all(unsigned number)
{
    uint64_t limit = now_ns() + 60000000000;
    unsigned sum = 0;

    memset(all, 0, sizeof(*all));
    CHECK_OK(pipe(gate));
    for (uintptr_t i = 0; i < number; i++)
        child_start(live, (void *)i);
    while (__atomic_load_n(&all->here, __ATOMIC_SEQ_CST) != number) {
        CHECK(now_ns() < limit);
        sleep_ns(1000000);
    }
    for (unsigned i = 0; i < number; i++) {
        CHECK_OK(kill(all->pids[i], 0));
        CHECK(number_is_new(i));
    }
    CHECK_EQ(all->woken, 0);
    CHECK_OK(close(gate[1]));
    for (unsigned i = 0; i < number; i++) {
        int status = -1;

        CHECK_OK(wait(&status));
        CHECK(WIFEXITED(status));
        sum += (unsigned)WEXITSTATUS(status);
    }
    for (unsigned i = 0; i < number; i++)
        sum -= i % 100;
    CHECK_EQ(sum, 0);
    CHECK_EQ(all->woken, number);
    CHECK_ERR(wait(NULL), ECHILD);
    CHECK_OK(close(gate[0]));
}

int main(int argc, char **argv)
{
    unsigned number;

    stress_begin(argc, argv);
    number = 2 * stress_mib() < MOST ? 2 * stress_mib() : MOST;
    all = shared_new(sizeof(*all));
    do
        check_all(number);
    while (stress_goes_on());
    return 0;
}
