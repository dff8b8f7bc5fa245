/* SPDX-License-Identifier: MIT */
/* io_setup and its relatives on files in memory: results, events, errors, and what ends a context.
 */
#define _GNU_SOURCE
#include <fcntl.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/linux/aio.h"
#include "tests/user/lib/check.h"

#define FILE_NAME "/tmp/aio_memory"
#define LIST_MAX  32768

static const struct timespec at_once = {0, 0};
static struct lx_io_event events[64];

static long setup(unsigned count, uint64_t *context)
{
    return raw2(SYS_io_setup, count, context);
}

static long submit(uint64_t context, struct lx_iocb *one)
{
    struct lx_iocb *list[1] = {one};

    return raw3(SYS_io_submit, context, 1, list);
}

static long get(uint64_t context, long least, long most, const struct timespec *time)
{
    return raw_call(SYS_io_getevents, (long)context, least, most, (long)events, (long)time, 0);
}

static struct lx_iocb request(int opcode, int fd, void *buffer, size_t nbytes, long offset)
{
    return (struct lx_iocb){.aio_data = 77,
                            .aio_lio_opcode = (unsigned short)opcode,
                            .aio_fildes = (unsigned)fd,
                            .aio_buf = (uintptr_t)buffer,
                            .aio_nbytes = nbytes,
                            .aio_offset = offset};
}

/* The result of one request that is begun and completed. */
static long result_of(uint64_t context, struct lx_iocb *one)
{
    long result = submit(context, one);

    if (result != 1)
        return result;
    CHECK_EQ(get(context, 1, 1, NULL), 1);
    CHECK_EQ(events[0].data, 77);
    CHECK_EQ(events[0].obj, (uintptr_t)one);
    CHECK_EQ(events[0].res2, 0);
    return (long)events[0].res;
}

static void test_requests(uint64_t context, int fd)
{
    char text[16] = "", more[16] = "";
    struct iovec vector[2] = {{text, 3}, {more, 4}};
    struct lx_iocb one = request(LX_IOCB_CMD_PWRITE, fd, (void *)(uintptr_t) "0123456789", 10, 0);

    CHECK_EQ(result_of(context, &one), 10);
    one = request(LX_IOCB_CMD_PREAD, fd, text, 4, 3);
    CHECK_EQ(result_of(context, &one), 4);
    CHECK_EQ(memcmp(text, "3456", 4), 0);
    one = request(LX_IOCB_CMD_PREADV, fd, vector, 2, 2);
    CHECK_EQ(result_of(context, &one), 7);
    CHECK_EQ(memcmp(text, "234", 3), 0);
    CHECK_EQ(memcmp(more, "5678", 4), 0);
    one = request(LX_IOCB_CMD_PWRITEV, fd, vector, 2, 10);
    CHECK_EQ(result_of(context, &one), 7);
    one = request(LX_IOCB_CMD_PREAD, fd, text, 16, 100);
    CHECK_EQ(result_of(context, &one), 0);
    one = request(LX_IOCB_CMD_FSYNC, fd, NULL, 0, 0);
    CHECK_EQ(result_of(context, &one), 0);
    one = request(LX_IOCB_CMD_FDSYNC, fd, NULL, 0, 0);
    CHECK_EQ(result_of(context, &one), 0);
    one = request(LX_IOCB_CMD_PWRITE, fd, (void *)(uintptr_t) "end", 3, 0);
    one.aio_rw_flags = 16; /* RWF_APPEND */
    CHECK_EQ(result_of(context, &one), 3);
    CHECK_EQ(pread(fd, text, 16, 17), 3);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
}

static void test_errors(uint64_t context, int fd)
{
    char text[16];
    struct lx_iocb one = request(LX_IOCB_CMD_PREAD, 99, text, 4, 0);
    int readable = (int)CHECK_OK(open(FILE_NAME, O_RDONLY));
    int directory = (int)CHECK_OK(open("/tmp", O_RDONLY));

    CHECK_EQ(submit(context, &one), -EBADF);
    one = request(LX_IOCB_CMD_PWRITE, readable, text, 4, 0);
    CHECK_EQ(submit(context, &one), -EBADF);
    one = request(LX_IOCB_CMD_PREAD, directory, text, 4, 0);
    CHECK_EQ(submit(context, &one), -EINVAL);
    one = request(LX_IOCB_CMD_PWRITE, directory, text, 4, 0);
    CHECK_EQ(submit(context, &one), -EBADF);
    CHECK_OK(close(directory));
    one = request(LX_IOCB_CMD_PREAD, fd, text, 4, -1);
    CHECK_EQ(submit(context, &one), -EINVAL);
    one = request(LX_IOCB_CMD_PREAD, fd, (void *)-4096, 4, 0);
    CHECK_EQ(submit(context, &one), -EFAULT);
    one = request(6, fd, text, 4, 0);
    CHECK_EQ(submit(context, &one), -EINVAL);
    one = request(LX_IOCB_CMD_PREAD, fd, text, 4, 0);
    one.aio_reserved2 = 1;
    CHECK_EQ(submit(context, &one), -EINVAL);
    one = request(LX_IOCB_CMD_PREAD, fd, text, 4, 0);
    one.aio_rw_flags = 0x10000;
    CHECK_EQ(submit(context, &one), -EOPNOTSUPP);
    one = request(LX_IOCB_CMD_FSYNC, fd, text, 0, 0);
    CHECK_EQ(submit(context, &one), -EINVAL);
    one = request(LX_IOCB_CMD_PREAD, fd, text, 4, 0);
    one.aio_flags = LX_IOCB_FLAG_RESFD;
    one.aio_resfd = 99;
    CHECK_EQ(submit(context, &one), -EBADF);
    one.aio_resfd = (unsigned)fd;
    CHECK_EQ(submit(context, &one), -EINVAL);
    CHECK_EQ(get(context, 0, 1, &at_once), 0); /* none of them has an event */
    one = request(LX_IOCB_CMD_PREAD, fd, (void *)8, 4, 0);
    CHECK_EQ(result_of(context, &one), -EFAULT); /* found out while bytes move */
    CHECK_EQ(submit(0, &one), -EINVAL);
    CHECK_EQ(submit(context + 4096, &one), -EINVAL);
    CHECK_EQ(raw3(SYS_io_submit, context, -1, NULL), -EINVAL);
    CHECK_EQ(raw3(SYS_io_submit, context, 0, NULL), 0);
    CHECK_EQ(raw3(SYS_io_submit, context, 1, 8), -EFAULT);
    CHECK_EQ(submit(context, (struct lx_iocb *)8), -EFAULT);
    CHECK_EQ(raw3(SYS_io_cancel, context, 8, events), -EFAULT);
    CHECK_EQ(raw3(SYS_io_cancel, context, &one, events), -EINVAL);
    CHECK_EQ(get(context, 2, 1, NULL), -EINVAL);
    CHECK_EQ(get(context, -1, 1, NULL), -EINVAL);
    CHECK_EQ(get(0, 0, 1, &at_once), -EINVAL);
    CHECK_EQ(raw_call(SYS_io_getevents, (long)context, 1, 1, (long)events, 8, 0), -EFAULT);
    CHECK_OK(close(readable));
}

static void test_many(uint64_t context, int fd)
{
    static char text[20][8];
    struct lx_iocb some[20], *list[20];
    struct timespec soon = {0, 20000000};
    int notified = (int)CHECK_OK(eventfd(0, 0));
    uint64_t count;

    for (int i = 0; i < 20; i++) {
        some[i] = request(LX_IOCB_CMD_PREAD, i == 15 ? 99 : fd, text[i], 1, i % 10);
        some[i].aio_data = (uint64_t)i;
        some[i].aio_flags = LX_IOCB_FLAG_RESFD;
        some[i].aio_resfd = (unsigned)notified;
        list[i] = &some[i];
    }
    /* The sixteenth is bad: the fifteen before it are done, and it is met by the next call. */
    CHECK_EQ(raw3(SYS_io_submit, context, 20, list), 15);
    CHECK_EQ(raw3(SYS_io_submit, context, 5, list + 15), -EBADF);
    CHECK_EQ(get(context, 10, 10, NULL), 10);
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(events[i].res, 1);
        CHECK_EQ(text[events[i].data][0], '0' + (char)(events[i].data % 10));
    }
    CHECK_EQ(raw_call(SYS_io_getevents, (long)context, 1, 1, 8, 0, 0), -EFAULT);
    CHECK_EQ(get(context, 6, 20, &soon), 5); /* no more come */
    CHECK_EQ(get(context, 1, 20, &soon), 0);
    CHECK_EQ(read(notified, &count, sizeof(count)), sizeof(count));
    CHECK_EQ(count, 15);
    CHECK_OK(close(notified));
}

/* Places for events are not without end, and come back. */
static void test_full(int fd)
{
    uint64_t context = 0;
    struct lx_iocb one = request(LX_IOCB_CMD_FSYNC, fd, NULL, 0, 0);
    char text[8];
    static struct lx_iocb *list[LIST_MAX];
    long count = 0, result;

    one = request(LX_IOCB_CMD_PREAD, fd, text, 1, 0);
    CHECK_EQ(setup(1, &context), 0);
    while ((result = submit(context, &one)) == 1)
        count++;
    CHECK_EQ(result, -EAGAIN);
    /* A page of them at least, less what Linux keeps for other processors. */
    CHECK(count >= 64);
    for (long left = count; left > 0;) {
        result = CHECK_OK(get(context, 1, 64, NULL));
        CHECK(result > 0);
        left -= result;
    }
    /* More than there are places for: what lies behind them is not looked at. */
    for (int i = 0; i < LIST_MAX; i++)
        list[i] = &one;
    result = raw3(SYS_io_submit, context, INT64_MAX, list);
    CHECK(result >= 32 && result < LIST_MAX);
    CHECK_EQ(raw1(SYS_io_destroy, context), 0); /* with an event that nobody has read */
    CHECK_EQ(raw1(SYS_io_destroy, context), -EINVAL);
    CHECK_EQ(submit(context, &one), -EINVAL);
    CHECK_EQ(get(context, 0, 1, &at_once), -EINVAL);
}

/* Of all contexts. Beyond four million there is another bound. */
static unsigned most_requests(void)
{
    char text[32] = "";
    int fd = (int)CHECK_OK(open("/proc/sys/fs/aio-max-nr", O_RDONLY));
    long most;

    CHECK(read(fd, text, sizeof(text) - 1) > 0);
    CHECK_OK(close(fd));
    most = atol(text);
    CHECK(most >= 1024);
    return most < 4000000 ? (unsigned)most : 4000000 - 1;
}

static void test_setup(void)
{
    uint64_t context = 0, other = 1;
    int pid, status;

    CHECK_EQ(setup(0, &context), -EINVAL);
    CHECK_EQ(setup(1, &other), -EINVAL);
    CHECK_EQ(setup(1, (uint64_t *)8), -EFAULT);
    CHECK_EQ(setup(0x7fffffff, &context), -EINVAL);
    CHECK_EQ(setup(most_requests() + 1, &context), -EAGAIN);
    CHECK_EQ(raw1(SYS_io_destroy, 0), -EINVAL);
    CHECK_EQ(raw1(SYS_io_destroy, &context), -EINVAL);
    CHECK_EQ(setup(10, &context), 0);
    CHECK(context != 0);
    pid = (int)CHECK_OK(fork()); /* a child has none of them */
    if (pid == 0) {
        CHECK_EQ(get(context, 0, 1, &at_once), -EINVAL);
        CHECK_EQ(setup(10, &other), -EINVAL);
        other = 0;
        CHECK_EQ(setup(10, &other), 0);
        _exit(0); /* and what it has goes with it */
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK_EQ(get(context, 0, 1, &at_once), 0);
    CHECK_EQ(raw1(SYS_io_destroy, context), 0);
}

static uint64_t shared;
static int shared_fd;
static volatile int has_four;

/* Waits for events that another thread makes; then for one that never comes, until the end. */
static void *waiter(void *result)
{
    struct lx_io_event some[4];

    CHECK_EQ(raw_call(SYS_io_getevents, (long)shared, 4, 4, (long)some, 0, 0), 4);
    has_four = 1;
    *(long *)result = raw_call(SYS_io_getevents, (long)shared, 1, 4, (long)some, 0, 0);
    return NULL;
}

static void test_threads(int fd)
{
    struct timespec pause = {0, 2000000};
    pthread_t thread;
    long result = 0;
    char text[8];
    struct lx_iocb one = request(LX_IOCB_CMD_PREAD, fd, text, 1, 0);

    shared = 0;
    shared_fd = fd;
    CHECK_EQ(setup(8, &shared), 0);
    CHECK_EQ(pthread_create(&thread, NULL, waiter, &result), 0);
    for (int i = 0; i < 4; i++) {
        nanosleep(&pause, NULL);
        CHECK_EQ(submit(shared, &one), 1);
    }
    while (!has_four)
        nanosleep(&pause, NULL);
    CHECK_EQ(raw1(SYS_io_destroy, shared), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(result, -EINVAL);
}

static void on_alarm(int number)
{
    (void)number;
}

/* A signal ends the wait; one that the mask of the call keeps out does not. */
static void test_signals(uint64_t context)
{
    struct sigaction action = {.sa_handler = on_alarm};
    uint64_t all = ~0ULL;
    struct {
        const uint64_t *mask;
        size_t nbytes;
    } mask = {&all, 8};
    struct timespec soon = {0, 50000000};
    int pid = getpid(), child, status;

    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
    CHECK_OK(kill(pid, 0));
    child = (int)CHECK_OK(fork());
    if (child == 0) {
        while (kill(pid, SIGUSR1) == 0) /* until it is killed itself */
            nanosleep(&(struct timespec){0, 1000000}, NULL);
        _exit(0);
    }
    CHECK_EQ(get(context, 1, 1, NULL), -EINTR);
    CHECK_EQ(raw6(SYS_io_pgetevents, context, 1, 1, events, &soon, &mask), 0);
    CHECK_EQ(raw6(SYS_io_pgetevents, context, 1, 1, events, NULL, NULL), -EINTR);
    mask.nbytes = 4;
    CHECK_EQ(raw6(SYS_io_pgetevents, context, 1, 1, events, &soon, &mask), -EINVAL);
    CHECK_EQ(raw6(SYS_io_pgetevents, context, 1, 1, events, &soon, 8), -EFAULT);
    CHECK_OK(kill(child, SIGKILL));
    CHECK_EQ(waitpid(child, &status, 0), child);
}

int main(int argc, char **argv)
{
    int fd = (int)CHECK_OK(open(FILE_NAME, O_CREAT | O_TRUNC | O_RDWR, 0600));
    uint64_t context = 0;

    CHECK_EQ(setup(40, &context), 0);
    test_requests(context, fd);
    test_errors(context, fd);
    test_many(context, fd);
    test_full(fd);
    test_setup();
    test_threads(fd);
    test_signals(context);
    CHECK_OK(close(fd));
    CHECK_OK(unlink(FILE_NAME));
    /* Once more as another program: of the first one's contexts nothing is left. */
    if (argc == 1)
        CHECK_OK(execl("/proc/self/exe", argv[0], "again", NULL));
    return 0;
}
