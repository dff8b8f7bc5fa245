/* SPDX-License-Identifier: MIT */
/* Sockets that only messages lead to: those that no queue in use leads to are collected with all
 * that is in them, and the others keep what they have. */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <sys/un.h>
#include <time.h>

#include "tests/user/lib/child.h"
#include "tests/user/lib/rights.h"

#define ROOM    CMSG_SPACE(RIGHTS_MAX * sizeof(int))
#define DEPTH   700 /* within an ordinary user's limit of what is in flight */
#define WORKERS 4

static void pair(int type, int fds[2])
{
    CHECK_OK(socketpair(AF_UNIX, type, 0, fds));
}

static void send_all(int fd, const int *fds, int count)
{
    CHECK_EQ(rights_send(fd, "x", 1, fds, count), 1);
}

/* Some socket is closed: a reason to look for others. */
static void close_any(void)
{
    int fds[2];

    pair(SOCK_STREAM, fds);
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

/* The only writing end of the pipe was in what has to go. */
static void await_end(int reader)
{
    struct pollfd entry = {.fd = reader, .events = POLLIN};

    for (int i = 0; i < 6000; i++) {
        close_any();
        if (CHECK_OK(poll(&entry, 1, 10)) && entry.revents == POLLHUP) {
            CHECK_OK(close(reader));
            return;
        }
    }
    CHECK(!"collected");
}

static int receive_one(int fd, char want)
{
    struct rights_got got;

    rights_receive(fd, 1, ROOM, MSG_DONTWAIT, &got);
    CHECK_EQ(got.nbytes, 1);
    CHECK_EQ(got.text[0], want);
    CHECK_EQ(got.count, 1);
    return got.fds[0];
}

static void check_own_queue(int type)
{
    int fds[2], ends[2];

    pair(type, fds);
    CHECK_OK(pipe(ends));
    send_all(fds[0], (int[]){fds[1], ends[1]}, 2);
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    CHECK_OK(close(ends[1]));
    await_end(ends[0]);
}

static void check_both(int type)
{
    int fds[2], ends[2];

    pair(type, fds);
    CHECK_OK(pipe(ends));
    send_all(fds[0], (int[]){fds[0], ends[1]}, 2);
    send_all(fds[1], (int[]){fds[1], fds[0], fds[0]}, 3);
    send_all(fds[1], (int[]){ends[1]}, 1);
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    CHECK_OK(close(ends[1]));
    await_end(ends[0]);
}

/* The queue of a connection that was never accepted belongs to its listener. */
static void check_listener(void)
{
    const sa_family_t family = AF_UNIX;
    struct sockaddr_un name;
    socklen_t nbytes = sizeof(name);
    int listener = (int)CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0)), client[2], ends[2];

    CHECK_OK(bind(listener, (const struct sockaddr *)&family, sizeof(family)));
    CHECK_OK(getsockname(listener, (struct sockaddr *)&name, &nbytes));
    CHECK_OK(listen(listener, 3));
    CHECK_OK(pipe(ends));
    for (int i = 0; i < 2; i++) {
        client[i] = (int)CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));
        CHECK_OK(connect(client[i], (struct sockaddr *)&name, nbytes));
    }
    send_all(client[0], (int[]){client[1]}, 1);
    send_all(client[1], (int[]){listener, ends[1], client[0]}, 3);
    CHECK_OK(close(listener));
    CHECK_OK(close(client[0]));
    CHECK_OK(close(client[1]));
    CHECK_OK(close(ends[1]));
    await_end(ends[0]);
}

/* Each is in the queue of the next one; the last is closed. */
static void check_chain(int in_a_ring)
{
    int fds[2], ends[2], first, inner;

    CHECK_OK(pipe(ends));
    pair(SOCK_STREAM, fds);
    send_all(fds[0], &ends[1], 1);
    CHECK_OK(close(ends[1]));
    first = fds[0];
    inner = fds[1];
    for (int i = 0; i < DEPTH; i++) {
        pair(SOCK_STREAM, fds);
        send_all(fds[0], &inner, 1);
        CHECK_OK(close(inner));
        CHECK_OK(close(fds[0]));
        inner = fds[1];
    }
    if (in_a_ring)
        send_all(first, &inner, 1);
    CHECK_OK(close(first));
    CHECK_OK(close(inner));
    await_end(ends[0]);
}

/* In the queue of one that is in use, in the queue of that one, and so on, and in a ring. */
static void check_live(void)
{
    int held[2], one[2], two[2], ends[2], got, inner;
    char byte;

    CHECK_OK(pipe(ends));
    pair(SOCK_SEQPACKET, held);
    pair(SOCK_SEQPACKET, one);
    pair(SOCK_STREAM, two);
    CHECK_EQ(rights_send(two[0], "t", 1, &ends[1], 1), 1);
    CHECK_EQ(rights_send(two[0], "r", 1, &one[1], 1), 1);
    CHECK_EQ(rights_send(one[0], "o", 1, &two[1], 1), 1);
    CHECK_EQ(rights_send(held[0], "h", 1, &one[1], 1), 1);
    for (int i = 0; i < 2; i++) {
        CHECK_OK(close(one[i]));
        CHECK_OK(close(two[i]));
    }
    CHECK_OK(close(ends[1]));
    for (int i = 0; i < 5; i++)
        check_own_queue(SOCK_DGRAM); /* the collector has been here */
    got = receive_one(held[1], 'h');
    for (int i = 0; i < 5; i++)
        check_own_queue(SOCK_DGRAM);
    inner = receive_one(got, 'o');
    CHECK_OK(close(got)); /* `two` leads to it */
    for (int i = 0; i < 5; i++)
        check_own_queue(SOCK_DGRAM);
    got = receive_one(inner, 't');
    CHECK_EQ(write(got, "!", 1), 1);
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    CHECK_OK(close(got));
    CHECK_OK(close(receive_one(inner, 'r')));
    CHECK_OK(close(inner));
    await_end(ends[0]);
    CHECK_OK(close(held[0]));
    CHECK_OK(close(held[1]));
}

/* A socket with a byte in it goes through a queue while garbage is made and collected: the byte is
 * there when the socket comes out. */
static void work(void)
{
    struct timespec begin, now;
    int channel[2], fds[2], ring[2], got, copies;
    struct rights_got peek;
    char byte;

    pair(SOCK_STREAM, channel);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        pair(SOCK_SEQPACKET, fds);
        pair(SOCK_STREAM, ring);
        CHECK_EQ(rights_send(fds[0], "T", 1, &fds[0], 1), 1);
        CHECK_EQ(rights_send(ring[0], "R", 1, &fds[1], 1), 1);
        CHECK_EQ(rights_send(channel[0], "C", 1, &ring[1], 1), 1);
        CHECK_OK(close(ring[0]));
        CHECK_OK(close(ring[1]));
        CHECK_OK(close(fds[0]));
        CHECK_OK(close(fds[1]));
        /* A ring of which nothing is left. */
        pair(SOCK_DGRAM, ring);
        send_all(ring[0], ring, 2);
        CHECK_OK(close(ring[0]));
        CHECK_OK(close(ring[1]));
        rights_receive(channel[1], 1, ROOM, MSG_PEEK, &peek);
        copies = peek.count;
        got = receive_one(channel[1], 'C');
        fds[1] = receive_one(got, 'R');
        CHECK_OK(close(got));
        fds[0] = receive_one(fds[1], 'T');
        CHECK_EQ(write(fds[0], "W", 1), 1);
        CHECK_EQ(read(fds[1], &byte, 1), 1);
        CHECK_EQ(copies, 1);
        rights_close(&peek);
        CHECK_OK(close(fds[0]));
        CHECK_OK(close(fds[1]));
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 < 300);
}

int main(void)
{
    pid_t pids[WORKERS];

    alarm(120);
    check_own_queue(SOCK_STREAM);
    check_own_queue(SOCK_DGRAM);
    check_both(SOCK_STREAM);
    check_both(SOCK_SEQPACKET);
    check_listener();
    check_live();
    check_chain(0);
    check_chain(1);
    for (int i = 0; i < WORKERS; i++) {
        pids[i] = (pid_t)CHECK_OK(fork());
        if (pids[i] == 0) {
            work();
            _exit(0);
        }
    }
    for (int i = 0; i < WORKERS; i++)
        CHECK_EQ(child_end(pids[i]), 0);
    close_any();
    return 0;
}
