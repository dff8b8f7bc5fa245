/* SPDX-License-Identifier: MIT */
/* Descriptors of sockets are closed, shut down and made anew by processes that share a table, while
 * others send, receive, accept, connect and poll by the same numbers, and send the numbers. Nothing
 * is left, nothing hangs: what each call answers is not looked at. */
#define _GNU_SOURCE
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"
#include "tests/user/lib/race.h"
#include "tests/user/lib/rights.h"

#define WORKERS 5
#define FIRST   20 /* descriptors FIRST to FIRST + COUNT - 1 are those in use */
#define COUNT   8

static char stacks[WORKERS][16384] __attribute__((aligned(16)));

/* New sockets under two of the numbers. */
static void renew(unsigned number, int type)
{
    int fds[2];

    if (socketpair(AF_UNIX, type, 0, fds))
        return;
    dup2(fds[0], FIRST + (int)(number % COUNT));
    dup2(fds[1], FIRST + (int)(number / COUNT % COUNT));
    close(fds[0]);
    close(fds[1]);
}

static void listen_anew(int fd, const struct sockaddr_un *address)
{
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);

    if (listener < 0)
        return;
    bind(listener, (const struct sockaddr *)address, sizeof(sa_family_t) + 10);
    listen(listener, 2);
    dup2(listener, fd);
    close(listener);
}

static int work(void *argument)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "\0unix-race"};
    unsigned state = 7u + (unsigned)(size_t)argument;
    char text[3000];
    struct rights_got got;
    int fd, other, passed[3];

    while (!race_is_over()) {
        unsigned number = race_number(&state);
        struct pollfd entry = {.events = POLLIN | POLLOUT};

        fd = FIRST + (int)(number / 16 % COUNT);
        entry.fd = fd;
        switch (number % 15) {
        case 0:
            renew(number / 16, types[race_number(&state) % 3]);
            break;
        case 1:
            close(fd);
            break;
        case 2:
            shutdown(fd, (int)(number / 1024 % 3));
            break;
        case 3:
            listen_anew(fd, &address);
            break;
        case 4:
            other = accept4(fd, NULL, NULL, SOCK_NONBLOCK);
            if (other >= 0)
                close(other);
            break;
        case 5:
            connect(fd, (const struct sockaddr *)&address, sizeof(sa_family_t) + 10);
            break;
        case 12:
        case 13:
            /* Others of these sockets, or itself. */
            for (int i = 0; i < 3; i++)
                passed[i] = FIRST + (int)(race_number(&state) % COUNT);
            rights_send(fd, text, race_number(&state) % sizeof(text), passed, 3);
            break;
        case 14:
            rights_receive(fd, sizeof(got.text), sizeof(union rights_buffer),
                           MSG_DONTWAIT | (race_number(&state) % 4 ? 0 : MSG_PEEK), &got);
            for (int i = 0; i < got.count; i++)
                close(got.fds[i]);
            break;
        case 6:
            poll(&entry, 1, 1);
            break;
        case 7:
        case 8:
        case 9:
            send(fd, text, race_number(&state) % sizeof(text),
                 MSG_NOSIGNAL | MSG_DONTWAIT | (number & 64 ? MSG_OOB : 0));
            break;
        default:
            recv(fd, text, race_number(&state) % sizeof(text),
                 MSG_DONTWAIT | (number & 64 && number & 128 ? MSG_OOB : 0));
        }
    }
    return 0;
}

/* Calls that wait: a signal ends each. */
static int work_waiting(void *argument)
{
    const struct timeval time = {0, 5000};
    unsigned state = 99u + (unsigned)(size_t)argument;
    char text[3000];

    while (!race_is_over()) {
        unsigned number = race_number(&state);
        int fd = FIRST + (int)(number / 16 % COUNT);

        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
        if (number % 2)
            send(fd, text, sizeof(text), MSG_NOSIGNAL);
        else
            recv(fd, text, sizeof(text), 0);
    }
    return 0;
}

int main(void)
{
    pid_t pids[WORKERS];

    clock_gettime(CLOCK_MONOTONIC, &race_begin);
    for (size_t i = 0; i < WORKERS; i++)
        pids[i] = (pid_t)CHECK_OK(clone(i == 0 ? work_waiting : work, stacks[i] + sizeof(stacks[i]),
                                        CLONE_FILES | CLONE_VM | SIGCHLD, (void *)i));
    usleep(450000);
    for (size_t i = 0; i < WORKERS; i++) {
        /* One may wait in a call whose socket another has renewed since: it has no timeout. */
        kill(pids[i], SIGKILL);
        child_end(pids[i]);
    }
    return 0;
}
