/* SPDX-License-Identifier: MIT */
/*
 * allocate_touched: a call that makes pages of a file, and takes them back because it fails, leaves
 * those that a program has stored into meanwhile through a mapping.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define NAME   "/tmp/allocate_touched"
#define SIZE   (48ul << 20)
#define TOUCH  64 /* pages */
#define ROUNDS 12

static volatile int *begun;

static void sleep_us(long us)
{
    struct timespec time = {0, us * 1000};

    CHECK_OK(nanosleep(&time, NULL));
}

/* The call is ended after that time, which may be before its first page or behind its last one. */
static void round_of(long us)
{
    int fd = CHECK_OK(open(NAME, O_RDWR | O_CREAT | O_EXCL, 0600));
    volatile unsigned char *map;
    pid_t pid;

    CHECK_OK(ftruncate(fd, SIZE));
    map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(map != MAP_FAILED);
    map[SIZE - 1] = 1; /* it has been stored to, once */
    *begun = 0;
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        *begun = 1;
        CHECK_OK(fallocate(fd, 0, 0, SIZE));
        _exit(0);
    }
    while (!*begun)
        sched_yield();
    sleep_us(us);
    for (size_t i = 0; i < TOUCH; i++)
        map[i * 4096] = (unsigned char)(i + 1);
    CHECK_OK(kill(pid, SIGKILL));
    child_end(pid);
    for (size_t i = 0; i < TOUCH; i++) {
        unsigned char byte = 0;

        CHECK_EQ(pread(fd, &byte, 1, (off_t)(i * 4096)), 1);
        CHECK_EQ(byte, i + 1);
        CHECK_EQ(map[i * 4096], i + 1);
    }
    CHECK_OK(munmap((void *)map, SIZE));
    CHECK_OK(close(fd));
    CHECK_OK(unlink(NAME));
}

/* At least that much of the file is there. */
static void check_blocks(int fd, long nbytes)
{
    struct stat st;

    CHECK_OK(fstat(fd, &st));
    CHECK(st.st_blocks * 512 >= nbytes);
}

/* Room that has been made behind the end stays, in whatever way the file grows, also where a
 * program has stored behind the end: which has to be made zero (but is not on Linux's tmpfs). */
static void check_room_kept(void)
{
    int fd = CHECK_OK(open(NAME, O_RDWR | O_CREAT | O_EXCL, 0600));
    char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    const long room = TOUCH * 4096l;
    char bytes[4096];

    CHECK(map != MAP_FAILED);
    for (int way = 0; way < 4; way++) {
        CHECK_OK(ftruncate(fd, 0));
        CHECK_OK(ftruncate(fd, 100));
        map[99] = map[200] = 'x';
        CHECK_OK(fallocate(fd, way ? FALLOC_FL_KEEP_SIZE : 0, 0, room));
        if (way == 1)
            CHECK_EQ(pwrite(fd, "y", 1, 4096), 1);
        else if (way == 2)
            CHECK_OK(ftruncate(fd, 4097));
        else if (way == 3)
            CHECK_OK(fallocate(fd, 0, 4096, 4096));
        check_blocks(fd, room);
        CHECK_EQ(pread(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
        CHECK(bytes[99] == 'x' && bytes_are(bytes, 0, 99));
    }
    CHECK_OK(munmap(map, 4096));
    CHECK_OK(close(fd));
    CHECK_OK(unlink(NAME));
}

int main(void)
{
    begun = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(begun != MAP_FAILED);
    for (long round = 0, us = 100; round < ROUNDS; round++, us = us * 3 / 2)
        round_of(us);
    check_room_kept();
    return 0;
}
