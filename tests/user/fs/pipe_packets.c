/* SPDX-License-Identifier: MIT */
/* Pipes that keep packets (O_DIRECT): a read gets one, and what it has no room for is gone. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define ROUNDS 2000

static char bytes[70000], got[70000];

static int held(int fd)
{
    int nbytes;

    CHECK_OK(ioctl(fd, FIONREAD, &nbytes));
    return nbytes;
}

static short events_of(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN | POLLOUT};

    CHECK_OK(poll(&entry, 1, 0));
    return entry.revents;
}

static void test_borders(const int *ends)
{
    CHECK_EQ(write(ends[1], "one", 3), 3);
    CHECK_EQ(write(ends[1], "second", 6), 6);
    CHECK_EQ(write(ends[1], "3rd", 3), 3);
    CHECK_EQ(held(ends[0]), 12);
    CHECK_EQ(read(ends[0], got, 100), 3);
    CHECK_EQ(memcmp(got, "one", 3), 0);
    CHECK_EQ(read(ends[0], got, 2), 2); /* the rest of it is gone */
    CHECK_EQ(memcmp(got, "se", 2), 0);
    CHECK_EQ(held(ends[0]), 3);
    CHECK_EQ(read(ends[0], got, 0), 0);
    CHECK_EQ(read(ends[0], got, 100), 3);
    CHECK_EQ(memcmp(got, "3rd", 3), 0);
    CHECK_EQ(events_of(ends[0]), 0);
    CHECK_EQ(write(ends[1], "", 0), 0);
    CHECK_EQ(held(ends[0]), 0);
}

/* A long write is several packets. */
static void test_long(const int *ends)
{
    CHECK_EQ(write(ends[1], bytes, 10000), 10000);
    CHECK_EQ(read(ends[0], got, sizeof(got)), 4096);
    CHECK_EQ(memcmp(got, bytes, 4096), 0);
    CHECK_EQ(read(ends[0], got, sizeof(got)), 4096);
    CHECK_EQ(read(ends[0], got, sizeof(got)), 10000 - 8192);
    CHECK_EQ(memcmp(got, bytes + 8192, 10000 - 8192), 0);
}

/* As many packets as it has pages, however small. */
static void test_full(const int *ends)
{
    int count = 0;

    CHECK_OK(fcntl(ends[1], F_SETFL, O_DIRECT | O_NONBLOCK));
    while (write(ends[1], bytes, 1) == 1)
        count++;
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(count, 16);
    CHECK_EQ(events_of(ends[1]), 0);
    CHECK_EQ(read(ends[0], got, 10), 1);
    CHECK_EQ(events_of(ends[1]), POLLOUT);
    CHECK_ERR(fcntl(ends[1], F_SETPIPE_SZ, 4096), EBUSY);
    CHECK_EQ(fcntl(ends[1], F_SETPIPE_SZ, 131072), 131072);
    for (; count < 33; count++)
        CHECK_EQ(write(ends[1], bytes + count, 2), 2);
    CHECK_ERR(write(ends[1], bytes, 1), EAGAIN);
    for (int i = 0; i < 15; i++)
        CHECK_EQ(read(ends[0], got, 10), 1);
    CHECK_EQ(fcntl(ends[1], F_SETPIPE_SZ, 65536 * 2), 65536 * 2);
    for (int i = 16; i < 33; i++) {
        CHECK_EQ(read(ends[0], got, 10), 2);
        CHECK_EQ(got[0], bytes[i]);
    }
    CHECK_EQ(held(ends[0]), 0);
    CHECK_OK(fcntl(ends[1], F_SETFL, O_DIRECT));
}

/* F_SETFL begins and ends it; bytes before and behind are as in any pipe. */
static void test_mixed(const int *ends)
{
    CHECK_EQ(fcntl(ends[1], F_GETFL), O_WRONLY | O_DIRECT);
    CHECK_OK(fcntl(ends[1], F_SETFL, 0));
    CHECK_EQ(write(ends[1], "ab", 2), 2);
    CHECK_EQ(write(ends[1], "cd", 2), 2);
    CHECK_EQ(read(ends[0], got, 3), 3);
    CHECK_EQ(read(ends[0], got, 3), 1);
    CHECK_OK(fcntl(ends[1], F_SETFL, O_DIRECT));
    CHECK_EQ(write(ends[1], "packet", 6), 6);
    CHECK_EQ(write(ends[1], "next", 4), 4);
    CHECK_OK(fcntl(ends[1], F_SETFL, 0));
    CHECK_EQ(write(ends[1], "plain", 5), 5);
    CHECK_EQ(read(ends[0], got, 5), 5);
    CHECK_EQ(memcmp(got, "packe", 5), 0);
    CHECK_EQ(read(ends[0], got, 100), 4);
    CHECK_EQ(read(ends[0], got, 2), 2);
    CHECK_EQ(memcmp(got, "pl", 2), 0);
    CHECK_EQ(read(ends[0], got, 100), 3);
    CHECK_EQ(memcmp(got, "ain", 3), 0);
    CHECK_EQ(write(ends[1], "plain", 5), 5);
    CHECK_OK(fcntl(ends[1], F_SETFL, O_DIRECT));
    CHECK_EQ(write(ends[1], bytes, 4096), 4096);
    CHECK_EQ(read(ends[0], got, 15), 15); /* what is without borders, and then one packet */
    CHECK_EQ(memcmp(got + 5, bytes, 10), 0);
    CHECK_EQ(held(ends[0]), 0);
    CHECK_OK(fcntl(ends[1], F_SETFL, O_DIRECT));
}

/* Into memory whose pages are not there yet: a packet comes whole, or not at all. */
static void test_faults(const int *ends)
{
    char *pages = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(pages != MAP_FAILED);
    CHECK_OK(munmap(pages + 8192, 4096));
    CHECK_EQ(write(ends[1], bytes, 4096), 4096);
    CHECK_EQ(write(ends[1], bytes + 1, 4096), 4096);
    CHECK_EQ(read(ends[0], pages + 2000, 6000), 4096);
    CHECK_EQ(memcmp(pages + 2000, bytes, 4096), 0);
    CHECK_EQ(read(ends[0], pages, 8192), 4096);
    CHECK_EQ(memcmp(pages, bytes + 1, 4096), 0);
    CHECK_OK(munmap(pages, 8192));
}

/* A reader and two writers at a time: every packet comes whole, each writer's in order. */
static void test_crowd(const int *ends)
{
    int pids[2], next[2] = {0, 0}, status;

    for (int i = 0; i < 2; i++) {
        pids[i] = (int)CHECK_OK(fork());
        if (pids[i])
            continue;
        for (int round = 0; round < ROUNDS; round++) {
            int packet[64] = {i, round};
            size_t nbytes = sizeof(int) * (size_t)(2 + round % 60);

            CHECK_EQ(write(ends[1], packet, nbytes), nbytes);
        }
        _exit(0);
    }
    for (int count = 0; count < 2 * ROUNDS; count++) {
        int packet[64];
        long nbytes = CHECK_OK(read(ends[0], packet, sizeof(packet)));

        CHECK(packet[0] == 0 || packet[0] == 1);
        CHECK_EQ(packet[1], next[packet[0]]);
        CHECK_EQ(nbytes, sizeof(int) * (size_t)(2 + packet[1] % 60));
        next[packet[0]]++;
    }
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        CHECK_EQ(status, 0);
    }
}

int main(void)
{
    int ends[2];

    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 7 + i / 253);
    CHECK_ERR(pipe2(ends, O_DIRECT | O_APPEND), EINVAL);
    CHECK_OK(pipe2(ends, O_DIRECT));
    test_borders(ends);
    test_long(ends);
    test_full(ends);
    test_mixed(ends);
    test_faults(ends);
    test_crowd(ends);
    return 0;
}
