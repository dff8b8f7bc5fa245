/* SPDX-License-Identifier: MIT */
/*
 * A file is cut, or loses pages, while many mappings show it: what comes into it from then on, by
 * whatever way, is what every one of them shows, however long it takes to reach them all.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define NAME   "/tmp/truncate_coherent"
#define PAGE   4096
#define MAPS   2000 /* each with its page: they take a while */
#define ROUNDS 24

enum way { CUT_STORE, CUT_WRITE, PUNCH_WRITE, WAYS };

static int fd;
static volatile char *late; /* mapped last */
static volatile int *turn;

static volatile char *map_page(void)
{
    char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    CHECK(page != MAP_FAILED);
    return page;
}

/* Begun: the first byte has gone, which is seen without a mapping. */
static void await_begun(enum way way)
{
    struct stat st;
    char byte = 'o';

    do {
        CHECK_OK(fstat(fd, &st));
        if (way == PUNCH_WRITE)
            CHECK_EQ(pread(fd, &byte, 1, 0), 1);
    } while (way == PUNCH_WRITE ? byte == 'o' : st.st_size != 0);
}

static void round_of(enum way way)
{
    volatile char *maps[MAPS];
    char byte = 'n';
    pid_t pid;

    CHECK_EQ(pwrite(fd, "o", 1, 0), 1);
    CHECK_OK(ftruncate(fd, PAGE));
    for (int i = 0; i < MAPS; i++) {
        maps[i] = map_page();
        CHECK_EQ(*maps[i], 'o');
    }
    late = map_page();
    CHECK_EQ(*late, 'o');
    *turn = 0;
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        *turn = 1;
        if (way == PUNCH_WRITE)
            CHECK_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
        else
            CHECK_OK(ftruncate(fd, 0));
        _exit(0);
    }
    while (!*turn)
        sched_yield();
    await_begun(way);
    if (way == CUT_STORE) {
        CHECK_OK(ftruncate(fd, PAGE));
        *late = byte;
    } else {
        CHECK_EQ(pwrite(fd, &byte, 1, 0), 1);
    }
    for (int i = 0; i < 1000; i++)
        CHECK_EQ(*late, 'n');
    CHECK_EQ(child_end(pid), 0);
    CHECK_EQ(*late, 'n');
    CHECK_EQ(pread(fd, &byte, 1, 0), 1);
    CHECK_EQ(byte, 'n');
    for (int i = 0; i < MAPS; i++)
        CHECK_OK(munmap((void *)maps[i], PAGE));
    CHECK_OK(munmap((void *)late, PAGE));
}

int main(void)
{
    turn = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(turn != MAP_FAILED);
    fd = (int)CHECK_OK(open(NAME, O_RDWR | O_CREAT | O_TRUNC, 0600));
    CHECK_OK(unlink(NAME));
    for (int i = 0; i < ROUNDS; i++)
        round_of((enum way)(i % WAYS));
    CHECK_OK(close(fd));
    return 0;
}
