/* SPDX-License-Identifier: MIT */
/*
 * Many writers and readers on one pipe: records of at most PIPE_BUF bytes arrive whole, each once,
 * those of one writer in order. And long streams between pairs, in pieces of all sizes.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define WRITERS 6
#define READERS 3
#define STREAMS 4
#define STREAM  (1u << 20)

struct record {
    uint16_t nbytes; /* all of it */
    uint16_t writer;
    uint32_t number;
    uint32_t sum;
    unsigned char bytes[1000];
};
#define HEAD offsetof(struct record, bytes)

/* Shared between all. */
static struct {
    uint64_t written[WRITERS], sent; /* records, bytes */
    uint64_t read[WRITERS], received;
    uint64_t numbers[WRITERS]; /* sum of the numbers read */
} * total;

static int ends[2];

static uint32_t sum_of(const unsigned char *bytes, size_t nbytes)
{
    uint32_t sum = 1;

    while (nbytes--)
        sum = sum * 31 + *bytes++;
    return sum;
}

static void writer(void *argument)
{
    unsigned id = (unsigned)(uintptr_t)argument;
    uint64_t random = id + 1;
    struct record record;
    uint32_t number = 0;

    CHECK_OK(close(ends[0]));
    do {
        for (unsigned i = 0; i < 200; i++) {
            unsigned nbytes = random_next(&random) % sizeof(record.bytes);

            record.nbytes = (uint16_t)(HEAD + nbytes);
            record.writer = (uint16_t)id;
            record.number = number++;
            memset(record.bytes, (int)random_next(&random), nbytes);
            record.sum = sum_of(record.bytes, nbytes);
            CHECK_EQ(write(ends[1], &record, record.nbytes), record.nbytes);
            __atomic_fetch_add(&total->sent, record.nbytes, __ATOMIC_RELAXED);
        }
    } while (stress_goes_on());
    total->written[id] = number;
}

static void read_all(void *to, size_t nbytes, bool may_end, bool *ended)
{
    char *at = to;

    while (nbytes) {
        ssize_t got = read(ends[0], at, nbytes);

        CHECK(got >= 0);
        if (!got) {
            CHECK(may_end);
            *ended = true;
            return;
        }
        may_end = false;
        at += got;
        nbytes -= (size_t)got;
    }
}

/* Readers take turns by a lock in shared memory (a pipe with one byte): a record is two reads. */
static int turn[2];

static void reader(void *argument)
{
    uint32_t last[WRITERS] = {0};
    bool seen[WRITERS] = {false}, ended = false;
    struct record record;
    char token;

    (void)argument;
    CHECK_OK(close(ends[1]));
    while (!ended) {
        CHECK_EQ(read(turn[0], &token, 1), 1);
        read_all(&record, HEAD, true, &ended);
        if (!ended) {
            CHECK(record.nbytes >= HEAD && record.nbytes <= sizeof(record));
            read_all(record.bytes, record.nbytes - HEAD, false, &ended);
        }
        CHECK_EQ(write(turn[1], &token, 1), 1);
        if (ended)
            break;
        CHECK(record.writer < WRITERS);
        CHECK_EQ(record.sum, sum_of(record.bytes, record.nbytes - HEAD));
        CHECK(!seen[record.writer] || record.number > last[record.writer]);
        seen[record.writer] = true;
        last[record.writer] = record.number;
        __atomic_fetch_add(&total->read[record.writer], 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&total->numbers[record.writer], record.number, __ATOMIC_RELAXED);
        __atomic_fetch_add(&total->received, record.nbytes, __ATOMIC_RELAXED);
    }
}

static void check_records(void)
{
    CHECK_OK(pipe(ends));
    CHECK_OK(pipe(turn));
    CHECK_EQ(write(turn[1], "t", 1), 1);
    for (uintptr_t i = 0; i < WRITERS; i++)
        child_start(writer, (void *)i);
    for (unsigned i = 0; i < READERS; i++)
        child_start(reader, NULL);
    CHECK_OK(close(ends[0]));
    CHECK_OK(close(ends[1]));
    children_await(WRITERS + READERS);
    for (unsigned i = 0; i < WRITERS; i++) {
        uint64_t n = total->written[i];

        CHECK(n > 0);
        CHECK_EQ(total->read[i], n);
        CHECK_EQ(total->numbers[i], n * (n - 1) / 2);
    }
    CHECK_EQ(total->received, total->sent);
}

static unsigned char stream_byte(uint32_t at)
{
    return (unsigned char)(at * 2654435761u >> 24);
}

/* Nonblocking with poll on one side, so that wake-ups matter in both directions. */
static void stream_write(void *argument)
{
    const int *pair = argument;
    static unsigned char piece[70000];
    uint64_t random = (uint64_t)getpid();
    uint32_t at = 0;

    CHECK_OK(close(pair[0]));
    CHECK_OK(fcntl(pair[1], F_SETFL, O_NONBLOCK));
    while (at < STREAM) {
        size_t nbytes = 1 + random_next(&random) % (sizeof(piece) - 1);
        struct pollfd wait = {.fd = pair[1], .events = POLLOUT};
        ssize_t put;

        if (nbytes > STREAM - at)
            nbytes = STREAM - at;
        for (size_t i = 0; i < nbytes; i++)
            piece[i] = stream_byte(at + (uint32_t)i);
        put = write(pair[1], piece, nbytes);
        if (put < 0) {
            CHECK_EQ(errno, EAGAIN);
            CHECK_EQ(poll(&wait, 1, 20000), 1);
        } else {
            CHECK(put > 0);
            at += (uint32_t)put;
        }
    }
}

static void stream_read(void *argument)
{
    const int *pair = argument;
    static unsigned char piece[9000];
    uint64_t random = (uint64_t)getpid();
    uint32_t at = 0;

    CHECK_OK(close(pair[1]));
    for (;;) {
        ssize_t got = read(pair[0], piece, 1 + random_next(&random) % (sizeof(piece) - 1));

        CHECK(got >= 0);
        if (!got)
            break;
        for (ssize_t i = 0; i < got; i++)
            CHECK_EQ(piece[i], stream_byte(at + (uint32_t)i));
        at += (uint32_t)got;
    }
    CHECK_EQ(at, STREAM);
}

static void check_streams(void)
{
    for (unsigned i = 0; i < STREAMS; i++) {
        int pair[2];

        CHECK_OK(pipe(pair));
        child_start(stream_write, pair);
        child_start(stream_read, pair);
        CHECK_OK(close(pair[0]));
        CHECK_OK(close(pair[1]));
    }
    children_await(2 * STREAMS);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    total = shared_new(sizeof(*total));
    check_records();
    check_streams();
    return 0;
}
