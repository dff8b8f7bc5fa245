/* SPDX-License-Identifier: MIT */
/* Pipes and FIFOs: wrapping, atomic writes, waiting, the other end gone, poll and select. */
#include "tests/host/fs_fake.h"

#include "kernel/fs/pipe/pipe.h"
#include "kernel/fs/vfs/poll.h"
#include "kernel/syscall/handlers.h"
#include "shared/linux/ioctl.h"
#include "shared/linux/poll.h"
#include "shared/linux/signal.h"
#include "shared/linux/time.h"

#define BIG (3 * PIPE_NBYTES)

static struct task *task;
static int fds[2];
static char out[BIG], in[BIG];

static int setup(void **state)
{
    (void)state;
    task = fake_task_create();
    for (size_t i = 0; i < BIG; i++)
        out[i] = (char)(i * 7 + i / 4096);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_task_destroy(task);
    return 0;
}

static void begin(int flags)
{
    assert_int_equal(sys_pipe2(task, user(fds), flags), 0);
    fake_on_wait = NULL;
    fake_last_signal = 0;
}

static void end(void)
{
    fd_close_range(task->files, 0, 1000, false);
    fake_on_wait = NULL;
}

static int64_t put(size_t from, size_t nbytes)
{
    return sys_write(task, fds[1], user(out + from), nbytes);
}

static int64_t get(size_t nbytes)
{
    return sys_read(task, fds[0], user(in), nbytes);
}

static void test_bytes_come_out_in_order(void **state)
{
    size_t written = 0, read = 0;
    uint64_t seed = 11;

    (void)state;
    begin(LX_O_NONBLOCK);
    fake_set_absent_pages(100);
    while (read < BIG - PIPE_NBYTES) {
        size_t nbytes = next_random(&seed) % 9000;
        int64_t moved = put(written, MIN(nbytes, BIG - written));

        if (moved > 0)
            written += (size_t)moved;
        else if (nbytes > 0 && written < BIG)
            assert_int_equal(moved, -EAGAIN);
        moved = get(next_random(&seed) % 12000);
        if (moved > 0) {
            assert_memory_equal(in, out + read, (size_t)moved);
            read += (size_t)moved;
        }
        assert_true(written - read <= PIPE_NBYTES);
    }
    fake_set_absent_pages(0);
    end();
}

static void test_full_and_empty(void **state)
{
    uint32_t ready = 0;

    (void)state;
    begin(LX_O_NONBLOCK);
    assert_int_equal(get(10), -EAGAIN);
    assert_int_equal(get(0), 0);
    assert_int_equal(put(0, 0), 0);
    assert_int_equal(put(0, BIG), PIPE_NBYTES); /* a large write is cut */
    assert_int_equal(put(0, 1), -EAGAIN);
    assert_int_equal(sys_ioctl(task, fds[0], LX_FIONREAD, user(&ready)), 0);
    assert_int_equal(ready, PIPE_NBYTES);
    assert_int_equal(sys_fcntl(task, fds[0], LX_F_GETPIPE_SZ, 0), PIPE_NBYTES);
    assert_int_equal(get(100), 100);
    assert_int_equal(put(0, 101), -EAGAIN); /* a small one is not */
    assert_int_equal(put(0, 100), 100);
    assert_int_equal(sys_lseek(task, fds[0], 0, LX_SEEK_CUR), -ESPIPE);
    assert_int_equal(sys_pread64(task, fds[0], user(in), 1, 0), -ESPIPE);
    assert_int_equal(sys_read(task, fds[1], user(in), 1), -EBADF);
    assert_int_equal(sys_write(task, fds[0], user(in), 1), -EBADF);
    end();
}

static void test_other_end_gone(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(put(0, 5), 5);
    assert_int_equal(sys_close(task, fds[1]), 0);
    assert_int_equal(get(3), 3);
    assert_int_equal(get(10), 2);
    assert_int_equal(get(10), 0);
    end();

    begin(0);
    assert_int_equal(sys_close(task, fds[0]), 0);
    assert_int_equal(put(0, 5), -EPIPE);
    assert_int_equal(fake_last_signal, LX_SIGPIPE);
    end();
}

static unsigned nwaits;

/* The other process writes when the reader sleeps, and then closes. */
static int writer_comes(struct waitq *queue)
{
    (void)queue;
    if (nwaits++ == 0)
        assert_int_equal(put(0, 10), 10);
    else
        assert_int_equal(sys_close(task, fds[1]), 0);
    return 0;
}

static int reader_comes(struct waitq *queue)
{
    (void)queue;
    nwaits++;
    assert_int_equal(get(5000), 5000);
    return 0;
}

#define ABSENT_PAGES (2 * PIPE_ATOMIC + 2)

static int reader_takes_all(struct waitq *queue)
{
    (void)queue;
    fake_set_absent_pages(0); /* for the writer only */
    assert_int_equal(get(PIPE_NBYTES), PIPE_NBYTES);
    fake_set_absent_pages(256);
    return 0;
}

/* How often one piece may meet a page that is not there has a bound; how many pieces do so has
 * none. */
static void test_absent_memory(void **state)
{
    const size_t nbytes = ABSENT_PAGES * 4096UL;
    char *bytes = aligned_alloc(4096, nbytes);
    int64_t done;

    (void)state;
    assert_non_null(bytes);
    memset(bytes, 5, nbytes);
    begin(0);
    fake_on_wait = reader_takes_all;
    fake_set_absent_pages(256);
    done = sys_write(task, fds[1], user(bytes), nbytes);
    fake_set_absent_pages(0);
    assert_int_equal(done, nbytes);
    end();
    free(bytes);
}

static int signal_comes(struct waitq *queue)
{
    (void)queue;
    return -EINTR;
}

static void test_waiting(void **state)
{
    (void)state;
    begin(0);
    nwaits = 0;
    fake_on_wait = writer_comes;
    assert_int_equal(get(100), 10);
    assert_int_equal(nwaits, 1);
    assert_int_equal(get(100), 0);
    end();

    begin(0);
    nwaits = 0;
    fake_on_wait = reader_comes;
    assert_int_equal(put(0, PIPE_NBYTES + 12000), PIPE_NBYTES + 12000);
    assert_int_equal(nwaits, 3);
    end();

    begin(0);
    fake_on_wait = signal_comes;
    assert_int_equal(get(1), -EINTR);
    assert_int_equal(put(0, BIG), PIPE_NBYTES); /* what went in is told */
    assert_int_equal(put(0, 1), -EINTR);
    end();
}

/* A buffer that ends before the data does: what cannot be copied is not consumed. */
static void test_bad_buffers(void **state)
{
    char *bytes = aligned_alloc(4096, 8192);

    (void)state;
    begin(LX_O_NONBLOCK);
    fake_set_bad_range(bytes + 4096, 4096, false);
    assert_int_equal(put(0, 100), 100);
    assert_int_equal(sys_read(task, fds[0], user(bytes + 4096 - 50), 100), -EFAULT);
    assert_int_equal(sys_read(task, fds[0], user(bytes + 4096 - 50), 50), 50);
    assert_memory_equal(bytes + 4096 - 50, out, 50);
    assert_int_equal(sys_write(task, fds[1], user(bytes + 4096 - 50), 100), -EFAULT);
    assert_int_equal(get(1000), 50);
    assert_memory_equal(in, out + 50, 50);
    assert_int_equal(sys_read(task, fds[0], user(bytes + 4096), 10), -EAGAIN);
    assert_int_equal(sys_pipe(task, user(bytes + 4094)), -EFAULT);
    assert_int_equal(fd_next_used(task->files, fds[1] + 1), -1);
    fake_set_bad_range(NULL, 0, false);
    end();
    free(bytes);
}

/* --- FIFOs --- */

static int fifo_writer_comes(struct waitq *queue)
{
    (void)queue;
    fds[1] = (int)sys_open(task, user("/fifo"), LX_O_WRONLY | LX_O_NONBLOCK, 0);
    assert_true(fds[1] >= 0);
    return 0;
}

static void test_fifo(void **state)
{
    struct fake_balance before = fake_balance();

    (void)state;
    fake_on_wait = NULL;
    assert_int_equal(sys_mknod(task, user("/fifo"), LX_S_IFIFO | 0644, 0), 0);
    assert_int_equal(sys_open(task, user("/fifo"), LX_O_WRONLY | LX_O_NONBLOCK, 0), -ENXIO);
    fds[0] = (int)sys_open(task, user("/fifo"), LX_O_RDONLY | LX_O_NONBLOCK, 0);
    assert_int_equal(get(10), 0); /* no writer */
    fds[1] = (int)sys_open(task, user("/fifo"), LX_O_WRONLY, 0);
    assert_int_equal(put(0, 10), 10);
    assert_int_equal(get(100), 10);
    assert_int_equal(get(100), -EAGAIN);
    end();

    /* Opening waits for the other end. */
    fake_on_wait = fifo_writer_comes;
    fds[0] = (int)sys_open(task, user("/fifo"), LX_O_RDONLY, 0);
    assert_true(fds[0] >= 0 && fds[1] >= 0);
    assert_int_equal(put(0, 10), 10);
    assert_int_equal(get(100), 10);
    end();

    fake_on_wait = signal_comes;
    assert_int_equal(sys_open(task, user("/fifo"), LX_O_WRONLY, 0), -EINTR);
    fake_on_wait = NULL;
    assert_int_equal(sys_open(task, user("/fifo"), LX_O_WRONLY | LX_O_NONBLOCK, 0), -ENXIO);
    assert_int_equal(sys_unlink(task, user("/fifo")), 0);
    fake_assert_balance(before);
}

/* --- poll and select --- */

static int poll_one(int fd, int events, int timeout_ms)
{
    struct lx_pollfd list = {.fd = fd, .events = (int16_t)events};
    int64_t ready = sys_poll(task, user(&list), 1, timeout_ms);

    return ready < 0 ? (int)ready : list.revents;
}

static void test_poll(void **state)
{
    struct fake_balance before = fake_balance();
    struct lx_pollfd many[40];
    uint64_t started;

    (void)state;
    begin(LX_O_NONBLOCK);
    assert_int_equal(poll_one(fds[0], LX_POLLIN, 0), 0);
    assert_int_equal(poll_one(fds[1], LX_POLLOUT | LX_POLLIN, 0), LX_POLLOUT);
    assert_int_equal(poll_one(99, LX_POLLIN, 0), LX_POLLNVAL);
    assert_int_equal(poll_one(-1, LX_POLLIN, 0), 0);
    started = fake_now_ns;
    assert_int_equal(poll_one(fds[0], LX_POLLIN, 50), 0); /* the time runs out */
    assert_true(fake_now_ns - started >= 50000000);
    put(0, 1);
    assert_int_equal(poll_one(fds[0], LX_POLLIN | LX_POLLPRI, -1), LX_POLLIN);
    put(0, BIG);
    assert_int_equal(poll_one(fds[1], LX_POLLOUT, 0), 0);
    get(1);
    assert_int_equal(poll_one(fds[1], LX_POLLOUT, 0), 0);
    get(4095);
    assert_int_equal(poll_one(fds[1], LX_POLLOUT, 0), LX_POLLOUT);

    /* Somebody writes while it sleeps, registered with more files than there is room for. */
    get(BIG);
    for (int i = 0; i < 40; i++)
        many[i] = (struct lx_pollfd){.fd = fds[0], .events = LX_POLLIN};
    nwaits = 0;
    fake_on_wait = writer_comes;
    assert_int_equal(sys_poll(task, user(many), 40, -1), 40);
    assert_int_equal(nwaits, 1);
    get(BIG);
    fake_on_wait = signal_comes;
    assert_int_equal(sys_poll(task, user(many), 40, -1), -EINTR);
    sys_close(task, fds[1]);
    assert_int_equal(poll_one(fds[0], LX_POLLIN, -1), LX_POLLHUP);
    assert_int_equal(sys_poll(task, user(many), 5000, 0), -EINVAL);
    end();
    begin(0);
    sys_close(task, fds[0]);
    assert_int_equal(poll_one(fds[1], LX_POLLOUT, -1), LX_POLLOUT | LX_POLLERR);
    end();
    fake_assert_balance(before);
}

static void test_select(void **state)
{
    uint64_t read_set[16] = {0}, write_set[16] = {0};
    struct lx_timeval time = {.sec = 1};
    struct lx_timespec spec = {.sec = 2};
    uint64_t mask = 0x55;
    struct {
        void *set;
        uint64_t nbytes;
    } pack = {&mask, 8};

    (void)state;
    begin(0);
    read_set[0] = 1u << fds[0];
    write_set[0] = 1u << fds[1];
    assert_int_equal(sys_select(task, 3, user(read_set), user(write_set), user(NULL), user(NULL)),
                     1);
    assert_int_equal(read_set[0], 0);
    assert_int_equal(write_set[0], 1u << fds[1]);
    read_set[0] = 1u << fds[0];
    assert_int_equal(sys_select(task, 3, user(read_set), user(NULL), user(NULL), user(&time)), 0);
    assert_int_equal(read_set[0], 0);
    assert_int_equal(time.sec, 0);
    put(0, 1);
    read_set[0] = 1u << fds[0];
    assert_int_equal(
        sys_pselect6(task, 3, user(read_set), user(NULL), user(NULL), user(&spec), user(&pack)), 1);
    assert_true(spec.sec == 1 || spec.sec == 2);
    assert_int_equal(task->sig_mask, 0);
    read_set[0] = 1u << 9;
    assert_int_equal(sys_select(task, 10, user(read_set), user(NULL), user(NULL), user(NULL)),
                     -EBADF);
    assert_int_equal(sys_select(task, -1, user(read_set), user(NULL), user(NULL), user(NULL)),
                     -EINVAL);
    spec.nsec = 1000000000;
    assert_int_equal(
        sys_pselect6(task, 3, user(read_set), user(NULL), user(NULL), user(&spec), user(NULL)),
        -EINVAL);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_come_out_in_order),
        cmocka_unit_test(test_full_and_empty),
        cmocka_unit_test(test_other_end_gone),
        cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_absent_memory),
        cmocka_unit_test(test_bad_buffers),
        cmocka_unit_test(test_fifo),
        cmocka_unit_test(test_poll),
        cmocka_unit_test(test_select),
    };

    return fake_start(NULL) || cmocka_run_group_tests(tests, setup, teardown);
}
