/* SPDX-License-Identifier: MIT */
/* Two programs map a file by turns, page by page: to make it shorter takes no longer than that.
 * They share a processor: on two, each turn would last until the host lets the other one run. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/param.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE  4096UL
#define AREAS 4000
#define PATH  "/tmp/mem_by_turns.file"

static uint32_t *turn; /* whose it is; then 2: nobody's, 3: the end */

static uint64_t now_ns(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void await_turn(uint32_t wanted)
{
    while (__atomic_load_n(turn, __ATOMIC_SEQ_CST) != wanted)
        sched_yield();
}

/* With a hole between two, so that none become one. */
static void map_all(uint32_t self, int fd)
{
    char *base = mmap(NULL, 2 * AREAS * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(base != MAP_FAILED);
    for (uint64_t i = 0; i < AREAS; i++) {
        await_turn(self);
        CHECK(mmap(base + 2 * i * PAGE, PAGE, PROT_READ, MAP_FIXED | MAP_PRIVATE, fd, 0) !=
              MAP_FAILED);
        __atomic_store_n(turn, self && i == AREAS - 1 ? 2 : !self, __ATOMIC_SEQ_CST);
    }
    while (__atomic_load_n(turn, __ATOMIC_SEQ_CST) != 3)
        usleep(1000);
    _exit(0);
}

int main(void)
{
    int fd = (int)CHECK_OK(open(PATH, O_RDWR | O_CREAT | O_TRUNC, 0600)), status;
    uint64_t begun, mapped, fastest = UINT64_MAX;
    cpu_set_t here;

    CPU_ZERO(&here);
    CPU_SET((size_t)CHECK_OK(sched_getcpu()), &here);
    CHECK_OK(sched_setaffinity(0, sizeof(here), &here));
    turn = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK((void *)turn != MAP_FAILED);
    CHECK_OK(ftruncate(fd, 2 * PAGE));
    begun = now_ns();
    for (uint32_t i = 0; i < 2; i++)
        if (CHECK_OK(fork()) == 0)
            map_all(i, fd);
    while (__atomic_load_n(turn, __ATOMIC_SEQ_CST) != 2)
        usleep(1000);
    mapped = now_ns() - begun;
    for (int i = 0; i < 5; i++) { /* the host may hold one up, but not each */
        CHECK_OK(ftruncate(fd, 2 * PAGE));
        begun = now_ns();
        CHECK_OK(ftruncate(fd, 0));
        fastest = MIN(fastest, now_ns() - begun);
    }
    CHECK(fastest < mapped);
    __atomic_store_n(turn, 3, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 2; i++) {
        CHECK(wait(&status) > 0);
        CHECK_EQ(status, 0);
    }
    CHECK_OK(unlink(PATH));
    return 0;
}
