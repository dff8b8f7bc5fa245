/* SPDX-License-Identifier: MIT */
/* A call that moves very much gives others a turn on its processor, and ends when it is killed. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PATH   "/tmp/long_calls"
#define BLOCK  (2u << 20)
#define PIECES 1024
#define TURNS  6
#define LONG   1000000000L /* ns of processor time in one call, a part of which a host may take */

static char *block;
static volatile uint64_t *turns; /* of the child, which shares the processor */
static struct iovec pieces[PIECES];

static int special(const char *path)
{
    return (int)CHECK_OK(open(path, O_RDWR));
}

static long read_random(int count)
{
    int fd = special("/dev/urandom");
    long got = readv(fd, pieces, count);

    CHECK_OK(close(fd));
    return got;
}

static long read_zero(int count)
{
    int fd = special("/dev/zero");
    long got = readv(fd, pieces, count);

    CHECK_OK(close(fd));
    return got;
}

static int file_new(void)
{
    int fd = (int)CHECK_OK(open(PATH, O_RDWR | O_CREAT | O_TRUNC, 0600));

    CHECK_OK(unlink(PATH));
    return fd;
}

static long read_sparse(int count)
{
    int fd = file_new();
    long got;

    CHECK_OK(ftruncate(fd, (off_t)count * BLOCK));
    got = preadv(fd, pieces, count, 0);
    CHECK_OK(close(fd));
    return got;
}

static long send_null(int count)
{
    int from = file_new(), to = special("/dev/null");
    long got;

    CHECK_OK(ftruncate(from, (off_t)count * BLOCK));
    got = sendfile(to, from, NULL, (size_t)count * BLOCK);
    CHECK_OK(close(from));
    CHECK_OK(close(to));
    return got;
}

static const struct {
    const char *name;
    long (*call)(int count);
    int count; /* of blocks: for a tenth of a second on most machines */
} calls[] = {
    {"readv urandom", read_random, 16},
    {"readv zero", read_zero, 256},
    {"preadv sparse", read_sparse, 256},
    {"sendfile", send_null, 256},
};

static long used_ns(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now));
    return now.tv_sec * 1000000000L + now.tv_nsec;
}

/* The other one has a turn when the call returns at the latest: what counts are more of them. How
 * many blocks make a call that is long enough for them goes by the machine. */
static void check_turns(unsigned i)
{
    uint64_t seen = 0;
    long took = 0;

    for (int count = calls[i].count; count < PIECES && seen < TURNS && took < LONG; count *= 2) {
        uint64_t before = *turns;

        took = used_ns();
        CHECK_EQ(calls[i].call(count), (long)count * BLOCK);
        took = used_ns() - took;
        seen = *turns - before;
    }
    if (seen < TURNS)
        say(2, calls[i].name);
    CHECK(seen >= TURNS);
}

int main(void)
{
    cpu_set_t here;
    int child;

    CPU_ZERO(&here);
    CPU_SET((size_t)CHECK_OK(sched_getcpu()), &here);
    CHECK_OK(sched_setaffinity(0, sizeof(here), &here));
    block = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    turns = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(block != MAP_FAILED && turns != MAP_FAILED);
    for (int i = 0; i < PIECES; i++)
        pieces[i] = (struct iovec){.iov_base = block, .iov_len = BLOCK};
    child = (int)CHECK_OK(fork());
    while (!child) {
        ++*turns;
        sched_yield();
    }
    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        check_turns(i);
    CHECK_OK(kill(child, SIGKILL));
    CHECK_EQ(waitpid(child, NULL, 0), child);
    return 0;
}
