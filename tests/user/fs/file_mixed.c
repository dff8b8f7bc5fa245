/* SPDX-License-Identifier: MIT */
/* Two programs write the same place, one of them from memory that is not there yet: the other comes
 * before it or after it, and they never mix. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define NBYTES (32 * 4096UL)
#define ROUNDS 150
#define PATH   "/tmp/file_mixed"

static char bytes[NBYTES];

/* A file full of that byte. */
static int file_of(const char *path, int byte)
{
    int fd = (int)CHECK_OK(open(path, O_RDWR | O_CREAT | O_TRUNC, 0600));

    memset(bytes, byte, sizeof(bytes));
    CHECK_EQ(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
    CHECK_OK(unlink(path));
    return fd;
}

/* One write a round: of pages that have never been touched, or soon after the other began. */
static void write_rounds(int to, int from, bool touched, uint32_t *begun)
{
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        void *map = mmap(NULL, NBYTES, PROT_READ, MAP_SHARED, from, 0);

        CHECK(map != MAP_FAILED);
        if (touched)
            CHECK(!bytes_are(map, 0, NBYTES) && bytes_are(map, *(char *)map, NBYTES));
        while (__atomic_load_n(&begun[0], __ATOMIC_SEQ_CST) < round)
            sched_yield();
        for (volatile uint32_t i = 0; touched && i < round * 100; i++)
            ;
        CHECK_EQ(pwrite(to, map, NBYTES, 0), NBYTES);
        CHECK_OK(munmap(map, NBYTES));
        __atomic_fetch_add(&begun[1], 1, __ATOMIC_SEQ_CST);
    }
    _exit(0);
}

int main(void)
{
    uint32_t *begun = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int to = file_of(PATH, 'x'), status;

    CHECK((void *)begun != MAP_FAILED);
    for (int i = 0; i < 2; i++) {
        int from = file_of(PATH, 'a' + i);

        if (CHECK_OK(fork()) == 0)
            write_rounds(to, from, i, begun);
    }
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        __atomic_store_n(&begun[0], round, __ATOMIC_SEQ_CST);
        while (__atomic_load_n(&begun[1], __ATOMIC_SEQ_CST) < 2 * round)
            sched_yield();
        CHECK_EQ(pread(to, bytes, NBYTES, 0), NBYTES);
        CHECK(bytes[0] == 'a' || bytes[0] == 'b');
        CHECK(bytes_are(bytes, bytes[0], NBYTES));
    }
    for (int i = 0; i < 2; i++) {
        CHECK(wait(&status) > 0);
        CHECK_EQ(status, 0);
    }
    return 0;
}
