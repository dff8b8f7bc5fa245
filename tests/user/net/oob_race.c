/* SPDX-License-Identifier: MIT */
/* Urgent bytes against the readers of the stream and of MSG_OOB, at once, and against the close of
 * the sender: what is not urgent arrives whole and in order, and nothing hangs. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>

#include "tests/user/lib/child.h"
#include "tests/user/lib/inet.h"
#include "tests/user/lib/race.h"

#define ROUNDS 3000
#define VALUES 251  /* the bytes of the stream count up to it */
#define URGENT 0xff /* none of them */

/* Some bytes, and an urgent one behind every second send. */
static void sender(int fd, unsigned state)
{
    unsigned char bytes[40];
    unsigned value = 0;

    for (int i = 0; i < ROUNDS; i++) {
        unsigned nbytes = 1 + race_number(&state) % 32;

        for (unsigned k = 0; k < nbytes; k++)
            bytes[k] = (unsigned char)(value++ % VALUES);
        if (i % 2)
            bytes[nbytes++] = URGENT;
        CHECK_EQ(send(fd, bytes, nbytes, i % 2 ? MSG_OOB : 0), nbytes);
    }
    bytes[0] = (unsigned char)(value % VALUES); /* the last one may be urgent, and never read */
    CHECK_EQ(send(fd, bytes, 1, 0), 1);
    _exit(0);
}

/* Takes urgent bytes away from the other reader, until it is ended. */
static void taker(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLPRI};
    char byte;
    int mark;

    for (unsigned i = 0;; i++) {
        poll(&entry, 1, 1);
        ioctl(fd, SIOCATMARK, &mark);
        if (recv(fd, &byte, 1, MSG_OOB | (i % 3 ? 0 : MSG_PEEK)) == 1)
            CHECK_EQ((unsigned char)byte, URGENT);
    }
}

static void reader(int fd, unsigned state)
{
    unsigned char bytes[300];
    unsigned value = 0;
    long got;

    for (unsigned i = 0;; i++) {
        size_t nbytes = 1 + race_number(&state) % sizeof(bytes);

        if (i % 5 == 0)
            CHECK(recv(fd, bytes, nbytes, MSG_PEEK | MSG_DONTWAIT) != 0 || nbytes);
        got = recv(fd, bytes, nbytes, 0);
        CHECK(got >= 0);
        if (got == 0)
            break;
        for (long k = 0; k < got; k++)
            if (bytes[k] != URGENT)
                CHECK_EQ(bytes[k], value++ % VALUES);
    }
    CHECK(value > ROUNDS);
}

static void race(bool tcp, bool inline_too)
{
    pid_t children[2];
    int fds[2];

    if (tcp)
        tcp_pair(fds);
    else
        CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    CHECK_OK(set_number(fds[1], SOL_SOCKET, SO_OOBINLINE, inline_too));
    CHECK_OK(fcntl(fds[1], F_SETOWN, getpid()));
    children[0] = (pid_t)CHECK_OK(fork());
    if (children[0] == 0) {
        close(fds[1]);
        sender(fds[0], 5);
    }
    close(fds[0]);
    children[1] = (pid_t)CHECK_OK(fork());
    if (children[1] == 0)
        taker(fds[1]);
    reader(fds[1], 7);
    CHECK_EQ(child_end(children[0]), 0);
    CHECK_OK(kill(children[1], SIGKILL));
    CHECK_EQ(child_end(children[1]), SIGKILL);
    close(fds[1]);
}

int main(void)
{
    for (int i = 0; i < 4; i++)
        race(i & 1, i & 2);
    return 0;
}
