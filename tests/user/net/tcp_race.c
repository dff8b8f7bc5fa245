/* SPDX-License-Identifier: MIT */
/* Descriptors of TCP and UDP are closed, shut down and made anew by processes that share a table,
 * while others send, receive, bind, listen, accept, connect, disconnect and poll by the same
 * numbers, at a few ports. Nothing is left, nothing hangs: what each call answers is not looked at.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

#include "tests/user/lib/child.h"
#include "tests/user/lib/inet.h"
#include "tests/user/lib/race.h"

#define WORKERS 5
#define FIRST   20 /* descriptors FIRST to FIRST + COUNT - 1 are those in use */
#define COUNT   8
#define PORT    47110 /* PORT to PORT + PORTS - 1 */
#define PORTS   3

static char stacks[WORKERS][16384] __attribute__((aligned(16)));

/* A new socket under one of the numbers, of either family. */
static void renew(unsigned number, int fd)
{
    int new = socket(number & 1 ? AF_INET : AF_INET6, number & 6 ? SOCK_STREAM : SOCK_DGRAM, 0);

    if (new < 0)
        return;
    set_number(new, SOL_SOCKET, number & 8 ? SO_REUSEADDR : SO_REUSEPORT, 1);
    if (number & 16) {
        v4_bind(new, INADDR_ANY, PORT + (int)(number / 64 % PORTS));
        if (number & 32)
            listen(new, 1);
    }
    dup2(new, fd);
    close(new);
}

static void call(unsigned number, int fd)
{
    struct sockaddr unspecified = {.sa_family = AF_UNSPEC};
    int port = PORT + (int)(number / 4 % PORTS);

    if (number % 4 == 0)
        connect(fd, &unspecified, sizeof(unspecified));
    else if (number % 4 == 1)
        v6_name(connect, fd, number & 256 ? "::ffff:127.0.0.1" : "::1", port);
    else
        v4_connect(fd, INADDR_LOOPBACK, port);
}

static void act(unsigned number, unsigned *state, int fd)
{
    struct sockaddr_in name = v4_address(INADDR_LOOPBACK, PORT + (int)(number / 32 % PORTS));
    struct pollfd entry = {.fd = fd, .events = POLLIN | POLLOUT};
    static char text[3000];
    int other;

    switch (number % 16) {
    case 0:
    case 1:
        renew(number / 16, fd);
        break;
    case 2:
        shutdown(fd, (int)(number / 1024 % 3));
        break;
    case 3:
        listen(fd, 2);
        break;
    case 4:
    case 5:
        other = accept4(fd, NULL, NULL, SOCK_NONBLOCK);
        if (other >= 0)
            dup2(other, FIRST + (int)(number / 64 % COUNT));
        close(other);
        break;
    case 6:
    case 7:
        call(number / 16, fd);
        break;
    case 8:
        poll(&entry, 1, 1);
        break;
    case 9:
        sendto(fd, text, 100, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&name, sizeof(name));
        break;
    case 10:
        close(fd);
        break;
    case 11:
    case 12:
        send(fd, text, race_number(state) % sizeof(text),
             MSG_NOSIGNAL | MSG_DONTWAIT | (number & 64 ? MSG_OOB : 0));
        break;
    default:
        recv(fd, text, race_number(state) % sizeof(text),
             MSG_DONTWAIT | (number & 64 && number & 128 ? MSG_OOB : 0));
    }
}

static int work(void *argument)
{
    const struct timeval time = {0, 5000};
    unsigned state = 7u + (unsigned)(size_t)argument;

    while (!race_is_over()) {
        unsigned number = race_number(&state);
        int fd = FIRST + (int)(race_number(&state) % COUNT);

        if (number % 64 == 0)
            fcntl(fd, F_SETFL, number & 64 ? 0 : O_NONBLOCK);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
        act(number, &state, fd);
    }
    return 0;
}

int main(void)
{
    pid_t pids[WORKERS];

    clock_gettime(CLOCK_MONOTONIC, &race_begin);
    for (size_t i = 0; i < WORKERS; i++)
        pids[i] = (pid_t)CHECK_OK(clone(work, stacks[i] + sizeof(stacks[i]),
                                        CLONE_FILES | CLONE_VM | SIGCHLD, (void *)i));
    usleep(450000);
    for (size_t i = 0; i < WORKERS; i++) {
        /* One may wait in a call whose socket another has renewed since: it has no timeout. */
        kill(pids[i], SIGKILL);
        child_end(pids[i]);
    }
    return 0;
}
