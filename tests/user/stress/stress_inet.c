/* SPDX-License-Identifier: MIT */
/* Many processes at one listening socket, and at one port of UDP: callers send numbered bytes and
 * shut down, servers that share the listener count what comes and answer with the sum. Some callers
 * leave without a word, some servers close at once: then the other side sees the end or a reset,
 * never wrong bytes and never a wait without an end. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>

#include "tests/user/lib/inet.h"
#include "tests/user/lib/stress.h"

#define SERVERS 4
#define CALLERS 6
#define WHOLE   100000

/* What all children share. */
struct board {
    int listener, port, datagrams, datagram_port;
    uint32_t ended; /* callers that are done */
    uint64_t answered, refused;
};

static struct board *board;

static unsigned char byte_at(uint32_t seed, long at)
{
    return (unsigned char)(seed + (uint32_t)at * 7u);
}

/* The seed, then bytes that follow from it, up to the end; the answer is their number. */
static void serve_one(int fd, uint64_t *state)
{
    static unsigned char block[5000];
    uint32_t seed;
    long total = 0, part;

    if (random_next(state) % 8 == 0)
        return; /* perhaps with bytes that are not read: a reset */
    if (recv(fd, &seed, sizeof(seed), MSG_WAITALL) != sizeof(seed))
        return;
    while ((part = recv(fd, block, random_next(state) % sizeof(block) + 1, 0)) > 0) {
        for (long i = 0; i < part; i++)
            CHECK_EQ(block[i], byte_at(seed, total + i));
        total += part;
    }
    if (part == 0)
        send(fd, &total, sizeof(total), MSG_NOSIGNAL);
}

static void serve(void *argument)
{
    uint64_t state = 100 + (uint64_t)(size_t)argument;
    char text[64];

    while (__atomic_load_n(&board->ended, __ATOMIC_RELAXED) < CALLERS) {
        struct pollfd entry = {.fd = board->listener, .events = POLLIN};
        int fd;

        poll(&entry, 1, 20);
        fd = accept(board->listener, NULL, NULL);
        if (fd >= 0) {
            serve_one(fd, &state);
            close(fd);
        } else {
            CHECK(errno == EAGAIN);
        }
        while (recv(board->datagrams, text, sizeof(text), 0) > 0)
            CHECK_EQ(text[0], 'd');
    }
}

/* False: the server has left before the end. */
static int send_all(int fd, uint32_t seed, long whole, uint64_t *state)
{
    static unsigned char block[5000];
    long done = 0;

    if (send(fd, &seed, sizeof(seed), MSG_NOSIGNAL) != sizeof(seed))
        return 0;
    while (done < whole) {
        long part = random_next(state) % sizeof(block) + 1;

        if (part > whole - done)
            part = whole - done;
        for (long i = 0; i < part; i++)
            block[i] = byte_at(seed, done + i);
        part = send(fd, block, (size_t)part, MSG_NOSIGNAL);
        if (part < 0) {
            CHECK(errno == EPIPE || errno == ECONNRESET);
            return 0;
        }
        done += part;
    }
    return 1;
}

static void call_once(uint64_t *state)
{
    int fd = (int)CHECK_OK(socket(AF_INET, SOCK_STREAM, 0));
    uint32_t seed = random_next(state);
    long whole = random_next(state) % WHOLE, total = 0, got;

    if (v4_connect(fd, INADDR_LOOPBACK, board->port) < 0) {
        CHECK(errno == ECONNREFUSED || errno == ECONNRESET || errno == EADDRNOTAVAIL);
        close(fd);
        return;
    }
    if (seed % 16 != 0 && send_all(fd, seed, whole, state) && shutdown(fd, SHUT_WR) == 0) {
        got = recv(fd, &total, sizeof(total), MSG_WAITALL);
        if (got == sizeof(total)) {
            CHECK_EQ(total, whole);
            __atomic_fetch_add(&board->answered, 1, __ATOMIC_RELAXED);
        } else {
            CHECK(got == 0 || (got < 0 && errno == ECONNRESET));
            __atomic_fetch_add(&board->refused, 1, __ATOMIC_RELAXED);
        }
    }
    close(fd);
}

static void call(void *argument)
{
    uint64_t state = 1 + (uint64_t)(size_t)argument;
    struct sockaddr_in name = v4_address(INADDR_LOOPBACK, board->datagram_port);
    int fd = (int)CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));

    do {
        call_once(&state);
        CHECK_EQ(sendto(fd, "datagram", 8, 0, (struct sockaddr *)&name, sizeof(name)), 8);
    } while (stress_goes_on());
    __atomic_fetch_add(&board->ended, 1, __ATOMIC_RELAXED);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    board = shared_new(sizeof(*board));
    board->listener = tcp_listener(3);
    board->port = own_port(board->listener);
    fcntl(board->listener, F_SETFL, O_NONBLOCK);
    board->datagrams = (int)CHECK_OK(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
    CHECK_OK(v4_bind(board->datagrams, INADDR_LOOPBACK, 0));
    board->datagram_port = own_port(board->datagrams);
    for (size_t i = 0; i < SERVERS; i++)
        child_start(serve, (void *)i);
    for (size_t i = 0; i < CALLERS; i++)
        child_start(call, (void *)i);
    children_await(SERVERS + CALLERS);
    CHECK(board->answered > 0);
    return 0;
}
