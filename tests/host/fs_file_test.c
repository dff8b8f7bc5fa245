/* SPDX-License-Identifier: MIT */
/* Long because all of it is about one kind of object.
 * Open files: positions, holes, mappings, copies, locks, times, bad arguments. */
#include "tests/host/fs_fake.h"

#include "kernel/syscall/handlers.h"
#include "shared/linux/time.h"
#include "shared/linux/uio.h"

#define ERR(call, err) assert_int_equal((call), -(err))
#define OK(call)       assert_int_equal((call), 0)

static struct task *task;
static struct fake_balance before;
static char bytes[65536], other[65536];

static int setup(void **state)
{
    (void)state;
    task = fake_task_create();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_task_destroy(task);
    return 0;
}

/* Descriptor 0 is an empty file /f. */
static void begin(int flags)
{
    before = fake_balance();
    assert_int_equal(sys_open(task, user("/f"), flags | LX_O_CREAT | LX_O_RDWR, 0644), 0);
}

static void end(void)
{
    fd_close_range(task->files, 0, 1000, false);
    OK(sys_unlink(task, user("/f")));
    fake_assert_balance(before);
}

static int64_t put(int64_t offset, const char *text)
{
    return sys_pwrite64(task, 0, user(text), strlen(text), offset);
}

static int64_t size_of(int fd)
{
    struct lx_stat st;

    OK(sys_fstat(task, fd, user(&st)));
    return st.st_size;
}

static void test_positions(void **state)
{
    int copy, again;

    (void)state;
    begin(0);
    assert_int_equal(sys_write(task, 0, user("hello world"), 11), 11);
    copy = (int)sys_dup(task, 0);
    again = (int)sys_open(task, user("/f"), LX_O_RDONLY, 0);
    assert_int_equal(sys_lseek(task, copy, 6, LX_SEEK_SET), 6);
    assert_int_equal(sys_read(task, 0, user(bytes), 3), 3); /* dup shares, open does not */
    assert_memory_equal(bytes, "wor", 3);
    assert_int_equal(sys_read(task, again, user(bytes), 100), 11);
    assert_int_equal(sys_lseek(task, 0, 0, LX_SEEK_CUR), 9);
    assert_int_equal(sys_lseek(task, 0, -2, LX_SEEK_END), 9);
    ERR(sys_lseek(task, 0, -1, LX_SEEK_SET), EINVAL);
    ERR(sys_lseek(task, 0, INT64_MAX, LX_SEEK_CUR), EINVAL);
    ERR(sys_lseek(task, 0, 0, 9), EINVAL);
    ERR(sys_lseek(task, 50, 0, LX_SEEK_SET), EBADF);
    assert_int_equal(sys_lseek(task, 0, 100, LX_SEEK_SET), 100);
    assert_int_equal(sys_read(task, 0, user(bytes), 10), 0);
    ERR(sys_pread64(task, 0, user(bytes), 1, -1), EINVAL);
    ERR(sys_write(task, again, user(bytes), 1), EBADF);
    end();
}

static void test_append(void **state)
{
    int second;

    (void)state;
    begin(LX_O_APPEND);
    second = (int)sys_open(task, user("/f"), LX_O_WRONLY, 0);
    assert_int_equal(sys_write(task, 0, user("one"), 3), 3);
    assert_int_equal(sys_write(task, second, user("TWOxxx"), 6), 6);
    OK(sys_lseek(task, 0, 0, LX_SEEK_SET));
    assert_int_equal(sys_write(task, 0, user("end"), 3), 3);
    assert_int_equal(put(0, "!"), 1); /* as on Linux: the offset does not count */
    assert_int_equal(sys_pread64(task, 0, user(bytes), 100, 0), 10);
    assert_memory_equal(bytes, "TWOxxxend!", 10);
    OK(sys_fcntl(task, 0, LX_F_SETFL, 0));
    assert_int_equal(put(0, "one"), 3);
    assert_int_equal(size_of(0), 10);
    end();
}

static void test_holes(void **state)
{
    struct lx_stat st;

    (void)state;
    begin(0);
    assert_int_equal(put(40960, "tail"), 4);
    assert_int_equal(put(8192, "middle"), 6);
    OK(sys_fstat(task, 0, user(&st)));
    assert_int_equal(st.st_size, 40964);
    assert_int_equal(st.st_blocks, 16);
    memset(bytes, 1, sizeof(bytes));
    assert_int_equal(sys_pread64(task, 0, user(bytes), sizeof(bytes), 0), 40964);
    for (size_t i = 0; i < 8192; i++)
        assert_int_equal(bytes[i], 0);
    assert_memory_equal(bytes + 8192, "middle", 6);
    assert_int_equal(sys_lseek(task, 0, 0, LX_SEEK_DATA), 8192);
    assert_int_equal(sys_lseek(task, 0, 8192, LX_SEEK_HOLE), 12288);
    assert_int_equal(sys_lseek(task, 0, 12288, LX_SEEK_DATA), 40960);
    assert_int_equal(sys_lseek(task, 0, 40961, LX_SEEK_HOLE), 40964);
    ERR(sys_lseek(task, 0, 40964, LX_SEEK_DATA), ENXIO);
    ERR(sys_lseek(task, 0, -1, LX_SEEK_HOLE), ENXIO);

    /* Far away: a file of the largest size, and one byte too many. */
    assert_int_equal(sys_pwrite64(task, 0, user("z"), 1, INT64_MAX - 1), 1);
    ERR(sys_pwrite64(task, 0, user("z"), 1, INT64_MAX), EINVAL);
    ERR(sys_pwrite64(task, 0, user("zz"), 2, INT64_MAX - 1), EINVAL);
    assert_int_equal(sys_pwrite64(task, 0, user("z"), 1, INT64_MAX - 1), 1);
    OK(sys_ftruncate(task, 0, 0));
    OK(sys_fstat(task, 0, user(&st)));
    assert_int_equal(st.st_blocks, 0);
    end();
}

static void test_allocating(void **state)
{
    uint64_t frames;
    struct lx_stat st;

    (void)state;
    begin(0);
    OK(sys_fallocate(task, 0, LX_FALLOC_KEEP_SIZE, 0, 8192));
    assert_int_equal(size_of(0), 0);
    OK(sys_fallocate(task, 0, 0, 5000, 5000));
    OK(sys_fstat(task, 0, user(&st)));
    assert_int_equal(st.st_size, 10000);
    assert_int_equal(st.st_blocks, 24);
    frames = fake_frames_in_use();
    ERR(sys_fallocate(task, 0, 0, 0, 1ll << 60), ENOSPC); /* at once, and nothing is taken */
    assert_int_equal(fake_frames_in_use(), frames);
    put(0, "data");
    OK(sys_fallocate(task, 0, LX_FALLOC_PUNCH_HOLE | LX_FALLOC_KEEP_SIZE, 1, 9000));
    assert_int_equal(sys_pread64(task, 0, user(bytes), 100, 0), 100);
    assert_memory_equal(bytes, "d\0\0\0\0", 5);
    assert_int_equal(size_of(0), 10000);
    ERR(sys_fallocate(task, 0, 0, -1, 10), EINVAL);
    ERR(sys_fallocate(task, 0, 0, 0, 0), EINVAL);
    ERR(sys_fallocate(task, 0, 0, INT64_MAX, 10), EFBIG);
    ERR(sys_fallocate(task, 0, LX_FALLOC_ZERO_RANGE, 0, 10), EOPNOTSUPP);
    ERR(sys_fallocate(task, 0, LX_FALLOC_PUNCH_HOLE, 0, 10), EOPNOTSUPP);
    end();
}

/* What was cut off does not come back when the file grows again. */
static void test_truncation_zeroes(void **state)
{
    (void)state;
    begin(0);
    memset(bytes, 'x', 10000);
    assert_int_equal(sys_write(task, 0, user(bytes), 10000), 10000);
    OK(sys_ftruncate(task, 0, 5000));
    OK(sys_ftruncate(task, 0, 10000));
    assert_int_equal(sys_pread64(task, 0, user(bytes), 20000, 0), 10000);
    for (size_t i = 0; i < 10000; i++)
        assert_int_equal(bytes[i], i < 5000 ? 'x' : 0);
    ERR(sys_ftruncate(task, 0, -1), EINVAL);
    ERR(sys_truncate(task, user("/"), 0), EISDIR);
    ERR(sys_truncate(task, user("/nothing"), 0), ENOENT);
    end();
}

/* One page for a program's access; 0 or the error. */
static int page_map(struct vm_pager *pager, uint64_t index, bool write, struct frame **out_frame)
{
    struct vm_page_range range = {.index = index, .count = 1, .write = write};
    int err = pager->ops->map_range(pager, &range);

    *out_frame = range.frames[0];
    return err;
}

/* The needed page comes, its neighbours only if they are there. */
static void test_mapping_range(void **state)
{
    struct vm_page_range range = {.index = 2, .count = 5, .needed = 1};
    struct vm_pager *pager;

    (void)state;
    begin(0);
    pager = file_pager(fd_find(task->files, 0).file);
    put(5 * PAGE_SIZE, "x"); /* the sixth page, the last */
    OK(pager->ops->map_range(pager, &range));
    assert_null(range.frames[0]);
    assert_non_null(range.frames[1]);
    assert_null(range.frames[2]);
    assert_int_equal(*(char *)frame_address(range.frames[3]), 'x');
    assert_null(range.frames[4]);
    frame_put(range.frames[1]);
    frame_put(range.frames[3]);
    range.needed = 4;
    ERR(pager->ops->map_range(pager, &range), ENXIO);
    end();
}

static void test_mapping(void **state)
{
    struct file *file;
    struct vm_pager *pager;
    struct frame *frame;

    (void)state;
    begin(0);
    file = fd_find(task->files, 0).file;
    pager = file_pager(file);
    assert_non_null(pager);
    ERR(page_map(pager, 0, false, &frame), ENXIO);
    put(5000, "x");
    OK(page_map(pager, 0, false, &frame)); /* a hole is filled */
    assert_int_equal(*(char *)frame_address(frame), 0);
    frame_put(frame);
    OK(page_map(pager, 1, true, &frame));
    assert_int_equal(((char *)frame_address(frame))[5000 - 4096], 'x');
    /* The program writes through its mapping, also behind the end of the file. */
    memset((char *)frame_address(frame) + 5001 - 4096, 'y', 100);
    OK(sys_ftruncate(task, 0, 6000));
    assert_int_equal(sys_pread64(task, 0, user(bytes), 10, 5000), 10);
    assert_memory_equal(bytes, "x\0\0\0\0\0\0\0\0\0", 10);
    ((char *)frame_address(frame))[0] = 'm';
    assert_int_equal(sys_pread64(task, 0, user(bytes), 1, 4096), 1);
    assert_int_equal(bytes[0], 'm');
    frame_put(frame);

    /* The mapping holds the file. */
    pager->ops->get(pager, NULL);
    OK(sys_close(task, 0));
    OK(sys_unlink(task, user("/f")));
    assert_int_equal(fs_orphans(), 1);
    OK(page_map(pager, 1, false, &frame));
    frame_put(frame);
    pager->ops->put(pager, NULL);
    fake_assert_balance(before);
}

static struct vm_pager *stored_pager;

/* A program stores at the end of the file's first page. */
static void store_once(void)
{
    struct frame *frame;

    fake_on_copy = NULL;
    OK(page_map(stored_pager, 0, true, &frame));
    ((char *)frame_address(frame))[4000] = 's';
    frame_put(frame);
}

/* A write that was to cover a page, a hole, gets only so many of its bytes. What a program has
 * stored behind them while they were copied stays. */
static void test_stored_beside_a_write(void **state)
{
    char *buffer = aligned_alloc(4096, 8192);
    struct frame *frame;

    (void)state;
    for (size_t got = 0; got <= 100; got += 50) {
        begin(0);
        OK(sys_ftruncate(task, 0, 8192));
        stored_pager = file_pager(fd_find(task->files, 0).file);
        OK(page_map(stored_pager, 1, true, &frame)); /* it has been stored to, once */
        frame_put(frame);
        memset(buffer, 'w', 8192);
        fake_set_bad_range(buffer + 4096, 4096, false);
        fake_on_copy = store_once;
        assert_int_equal(sys_pwrite64(task, 0, user(buffer + 4096 - got), 4096, 0),
                         got ? (int64_t)got : -EFAULT);
        fake_on_copy = NULL;
        fake_set_bad_range(NULL, 0, false);
        assert_int_equal(sys_pread64(task, 0, user(bytes), 4096, 0), 4096);
        for (size_t i = 0; i < 4096; i++)
            assert_int_equal(bytes[i], i < got ? 'w' : i == 4000 ? 's' : 0);
        end();
    }
    free(buffer);
}

static void test_bad_buffers(void **state)
{
    char *buffer = aligned_alloc(4096, 8192);
    struct uptr kernel = {0xffff888000000000ull};

    (void)state;
    begin(0);
    fake_set_bad_range(buffer + 4096, 4096, false);
    memset(buffer, 'b', 4096);
    assert_int_equal(sys_write(task, 0, user(buffer + 4000), 200), 96);
    assert_int_equal(size_of(0), 96);
    ERR(sys_write(task, 0, user(buffer + 4096), 1), EFAULT);
    assert_int_equal(size_of(0), 96);
    ERR(sys_pwrite64(task, 0, user(buffer + 4096), 8192, 100000), EFAULT);
    assert_int_equal(size_of(0), 96);
    assert_int_equal(sys_pread64(task, 0, user(buffer + 4090), 50, 0), 6);
    ERR(sys_pread64(task, 0, user(buffer + 4096), 50, 0), EFAULT);
    assert_int_equal(sys_pread64(task, 0, user(buffer + 4096), 50, 96), 0); /* nothing to copy */
    assert_int_equal(sys_read(task, 0, user(buffer + 4096), 0), 0);
    ERR(sys_read(task, 0, kernel, 0), EFAULT);
    ERR(sys_read(task, 0, user(buffer), UINT64_MAX), EFAULT);
    ERR(sys_read(task, 77, kernel, 0), EBADF);
    ERR(sys_fstat(task, 0, user(buffer + 4095)), EFAULT);
    fake_set_bad_range(NULL, 0, false);
    free(buffer);
    end();
}

static void test_vectors(void **state)
{
    struct lx_iovec v[12] = {{(uint64_t) "ab", 2}, {0, 0}, {(uint64_t) "cdefg", 5}};
    struct lx_iovec r[2] = {{(uint64_t)bytes, 3}, {(uint64_t)(bytes + 10), 100}};

    (void)state;
    begin(0);
    assert_int_equal(sys_writev(task, 0, user(v), 3), 7);
    assert_int_equal(sys_preadv(task, 0, user(r), 2, 0, 0), 7);
    assert_memory_equal(bytes, "abc", 3);
    assert_memory_equal(bytes + 10, "defg", 4);
    for (int i = 0; i < 12; i++)
        v[i] = (struct lx_iovec){(uint64_t) "0123456789ab" + (uint64_t)i, 1};
    assert_int_equal(sys_pwritev(task, 0, user(v), 12, 2, 0), 12);
    assert_int_equal(sys_pread64(task, 0, user(bytes), 100, 0), 14);
    assert_memory_equal(bytes, "ab0123456789ab", 14);
    ERR(sys_readv(task, 0, user(v), 1025), EINVAL);
    ERR(sys_readv(task, 0, user(v), (uint64_t)-1), EINVAL);
    OK(sys_readv(task, 0, user(v), 0));
    v[0].iov_len = (uint64_t)-5;
    ERR(sys_writev(task, 0, user(v), 1), EINVAL);
    v[0] = (struct lx_iovec){0xffff888000000000ull, 1};
    ERR(sys_writev(task, 0, user(v), 1), EFAULT);
    ERR(sys_writev(task, 0, (struct uptr){8}, 1), EFAULT);
    ERR(sys_preadv(task, 0, user(r), 2, (uint64_t)-1, 0), EINVAL);
    assert_int_equal(sys_preadv2(task, 0, user(r), 2, (uint64_t)-1, 0, 0), 7); /* position 7 */
    ERR(sys_preadv2(task, 0, user(r), 2, 0, 0, 0x100), EOPNOTSUPP);
    end();
}

static void test_copies(void **state)
{
    int64_t offset = 100;
    int to;

    (void)state;
    begin(0);
    for (size_t i = 0; i < 50000; i++)
        bytes[i] = (char)(i * 3);
    assert_int_equal(sys_write(task, 0, user(bytes), 50000), 50000);
    to = (int)sys_openat(task, LX_AT_FDCWD, user("/"), LX_O_TMPFILE | LX_O_RDWR, 0600);
    assert_int_equal(sys_sendfile(task, to, 0, user(&offset), 1000), 1000);
    assert_int_equal(offset, 1100);
    OK(sys_lseek(task, 0, 0, LX_SEEK_SET));
    assert_int_equal(sys_sendfile(task, to, 0, user(NULL), 1 << 20), 50000);
    assert_int_equal(sys_lseek(task, to, 0, LX_SEEK_CUR), 51000);
    assert_int_equal(sys_pread64(task, to, user(other), 65536, 1000), 50000);
    assert_memory_equal(bytes, other, 50000);
    OK(sys_sendfile(task, to, 0, user(NULL), 10)); /* at the end */
    offset = 0;
    assert_int_equal(sys_copy_file_range(task, 0, user(&offset), to, user(NULL), 70000, 0), 50000);
    assert_int_equal(size_of(to), 101000);
    offset = 10;
    ERR(sys_copy_file_range(task, 0, user(&offset), 0, user(&offset), 10, 0), EINVAL);
    ERR(sys_copy_file_range(task, 0, user(&offset), to, user(NULL), 10, 1), EINVAL);
    ERR(sys_copy_file_range(task, 0, user(&offset), 99, user(NULL), 10, 0), EBADF);
    OK(sys_close(task, to)); /* a file without a name is gone with its descriptor */
    end();
}

static void test_file_without_a_name_gets_one(void **state)
{
    int fd;

    (void)state;
    before = fake_balance();
    fd = (int)sys_open(task, user("/"), LX_O_TMPFILE | LX_O_RDWR, 0600);
    assert_int_equal(fd, 0);
    assert_int_equal(fs_orphans(), 1);
    assert_int_equal(sys_write(task, fd, user("here"), 4), 4);
    OK(sys_linkat(task, fd, user(""), LX_AT_FDCWD, user("/f"), LX_AT_EMPTY_PATH));
    assert_int_equal(fs_orphans(), 0);
    ERR(sys_linkat(task, fd, user(""), LX_AT_FDCWD, user("/f"), LX_AT_EMPTY_PATH), EEXIST);
    ERR(sys_open(task, user("/"), LX_O_TMPFILE, 0600), EINVAL);
    end();
    fd = (int)sys_open(task, user("/"), LX_O_TMPFILE | LX_O_EXCL | LX_O_RDWR, 0600);
    ERR(sys_linkat(task, fd, user(""), LX_AT_FDCWD, user("/f"), LX_AT_EMPTY_PATH), ENOENT);
    OK(sys_close(task, fd));
    fake_assert_balance(before);
}

/* Sleeping for a lock: its holder lets go. */
static int holder_unlocks(struct waitq *queue)
{
    (void)queue;
    OK(sys_flock(task, 0, LX_LOCK_UN));
    return 0;
}

static void test_flock(void **state)
{
    int second, same;

    (void)state;
    begin(0);
    second = (int)sys_open(task, user("/f"), LX_O_RDONLY, 0);
    same = (int)sys_dup(task, 0);
    OK(sys_flock(task, 0, LX_LOCK_SH));
    OK(sys_flock(task, second, LX_LOCK_SH));
    ERR(sys_flock(task, same, LX_LOCK_EX | LX_LOCK_NB), EAGAIN); /* and loses its own */
    OK(sys_flock(task, second, LX_LOCK_EX | LX_LOCK_NB));
    OK(sys_flock(task, second, LX_LOCK_UN));
    OK(sys_flock(task, same, LX_LOCK_EX));
    OK(sys_close(task, same));
    ERR(sys_flock(task, second, LX_LOCK_SH | LX_LOCK_NB), EAGAIN); /* 0 has it still */
    OK(sys_flock(task, second, LX_LOCK_MAND | LX_LOCK_EX));        /* nothing is done */
    ERR(sys_flock(task, second, LX_LOCK_SH | LX_LOCK_NB), EAGAIN);
    fake_on_wait = holder_unlocks;
    OK(sys_flock(task, second, LX_LOCK_EX));
    fake_on_wait = NULL;
    OK(sys_close(task, second)); /* the lock goes with the file */
    OK(sys_flock(task, 0, LX_LOCK_EX | LX_LOCK_NB));
    ERR(sys_flock(task, 0, 77), EINVAL);
    ERR(sys_flock(task, 9, LX_LOCK_EX), EBADF);
    end();
}

static void test_fcntl(void **state)
{
    int on = 1;
    uint32_t left = 0;

    (void)state;
    begin(0);
    assert_int_equal(sys_fcntl(task, 0, LX_F_GETFL, 0), LX_O_RDWR | LX_O_LARGEFILE);
    OK(sys_fcntl(task, 0, LX_F_SETFL, LX_O_APPEND | LX_O_NONBLOCK | LX_O_CREAT));
    assert_int_equal(sys_fcntl(task, 0, LX_F_GETFL, 0),
                     LX_O_RDWR | LX_O_LARGEFILE | LX_O_APPEND | LX_O_NONBLOCK);
    assert_int_equal(sys_fcntl(task, 0, LX_F_DUPFD_CLOEXEC, 20), 20);
    assert_int_equal(sys_fcntl(task, 20, LX_F_GETFD, 0), 1);
    OK(sys_ioctl(task, 20, 0x5450 /* FIONCLEX */, user(NULL)));
    assert_int_equal(sys_fcntl(task, 20, LX_F_GETFD, 0), 0);
    OK(sys_ioctl(task, 0, 0x5421 /* FIONBIO */, user(&on)));
    put(0, "12345");
    OK(sys_ioctl(task, 0, 0x541b /* FIONREAD */, user(&left)));
    assert_int_equal(left, 5);
    ERR(sys_ioctl(task, 0, 0x5401 /* TCGETS */, user(NULL)), ENOTTY);
    ERR(sys_fcntl(task, 0, LX_F_DUPFD, 5000), EINVAL);
    ERR(sys_fcntl(task, 0, 9999, 0), EINVAL);
    ERR(sys_fcntl(task, 55, LX_F_GETFL, 0), EBADF);
    ERR(sys_fcntl(task, 0, LX_F_GETPIPE_SZ, 0), EBADF);
    assert_int_equal(sys_dup2(task, 0, 30), 30);
    assert_int_equal(sys_dup2(task, 30, 30), 30);
    ERR(sys_dup2(task, 31, 31), EBADF);
    ERR(sys_dup2(task, 0, 5000), EBADF);
    ERR(sys_dup3(task, 0, 0, 0), EINVAL);
    OK(sys_close_range(task, 20, ~0u, 0));
    ERR(sys_close(task, 30), EBADF);
    ERR(sys_close_range(task, 5, 4, 0), EINVAL);
    end();
}

/* Only what may become ready by itself announces it: O_ASYNC stays with a pipe alone. */
static void test_async(void **state)
{
    int pipe[2], directory;

    (void)state;
    begin(0);
    directory = (int)sys_open(task, user("/"), LX_O_RDONLY, 0);
    OK(sys_pipe2(task, user(pipe), 0));
    OK(sys_fcntl(task, 0, LX_F_SETFL, LX_O_ASYNC));
    OK(sys_fcntl(task, directory, LX_F_SETFL, LX_O_ASYNC));
    OK(sys_fcntl(task, pipe[0], LX_F_SETFL, LX_O_ASYNC));
    assert_false(sys_fcntl(task, 0, LX_F_GETFL, 0) & LX_O_ASYNC);
    assert_false(sys_fcntl(task, directory, LX_F_GETFL, 0) & LX_O_ASYNC);
    assert_true(sys_fcntl(task, pipe[0], LX_F_GETFL, 0) & LX_O_ASYNC);
    OK(sys_fcntl(task, pipe[0], LX_F_SETFL, 0));
    assert_false(sys_fcntl(task, pipe[0], LX_F_GETFL, 0) & LX_O_ASYNC);
    end();
}

static int fifo;

/* Another program writes by the same open file while this one sleeps in read. */
static int reader_is_answered(struct waitq *queue)
{
    (void)queue;
    assert_int_equal(sys_write(task, fifo, user("answer"), 6), 6);
    return 0;
}

/* A program that waits in a stream keeps no other one from using it. */
static void test_streams_are_not_serial(void **state)
{
    int other_fd;

    (void)state;
    begin(0);
    OK(sys_mknod(task, user("/fifo"), LX_S_IFIFO | 0600, 0));
    fifo = (int)sys_open(task, user("/fifo"), LX_O_RDWR, 0);
    other_fd = (int)sys_dup(task, fifo); /* two holders: its position would be locked */
    fake_on_wait = reader_is_answered;
    assert_int_equal(sys_read(task, other_fd, user(bytes), 100), 6);
    fake_on_wait = NULL;
    assert_memory_equal(bytes, "answer", 6);
    OK(sys_unlink(task, user("/fifo")));
    end();
}

static void test_times(void **state)
{
    struct lx_timespec spec[2] = {{100, 5}, {-3, 999999999}};
    struct lx_timeval tv[2] = {{7, 8}, {9, 10}};
    const int64_t seconds[2] = {11, -12};
    const struct uptr bad = {0xffff888000000000ull};
    struct lx_stat st;

    (void)state;
    begin(0);
    OK(sys_utimensat(task, LX_AT_FDCWD, user("/f"), user(spec), 0));
    OK(sys_fstat(task, 0, user(&st)));
    assert_true(st.st_atime_sec == 100 && st.st_atime_nsec == 5);
    assert_true(st.st_mtime_sec == -3 && st.st_mtime_nsec == 999999999);
    spec[0].nsec = LX_UTIME_OMIT;
    spec[1].nsec = LX_UTIME_NOW;
    OK(sys_utimensat(task, 0, user(NULL), user(spec), 0));
    OK(sys_fstat(task, 0, user(&st)));
    assert_true(st.st_atime_sec == 100 && st.st_mtime_sec > 1000000);
    spec[1].nsec = LX_UTIME_OMIT;
    OK(sys_utimensat(task, LX_AT_FDCWD, user("/nothing"), user(spec), 0)); /* not even looked at */
    spec[1].nsec = 1000000000;
    ERR(sys_utimensat(task, LX_AT_FDCWD, user("/f"), user(spec), 0), EINVAL);
    OK(sys_utimes(task, user("/f"), user(tv)));
    OK(sys_fstat(task, 0, user(&st)));
    assert_true(st.st_atime_sec == 7 && st.st_atime_nsec == 8000);
    assert_true(st.st_mtime_sec == 9 && st.st_mtime_nsec == 10000);
    OK(sys_utime(task, user("/f"), user(seconds)));
    OK(sys_fstat(task, 0, user(&st)));
    assert_true(st.st_atime_sec == 11 && st.st_atime_nsec == 0);
    assert_true(st.st_mtime_sec == -12 && st.st_mtime_nsec == 0);
    OK(sys_utime(task, user("/f"), user(NULL)));
    OK(sys_fstat(task, 0, user(&st)));
    assert_true(st.st_atime_sec > 1000000 && st.st_mtime_sec > 1000000);
    OK(sys_futimesat(task, 0, user(NULL), user(tv)));
    OK(sys_fstat(task, 0, user(&st)));
    assert_true(st.st_atime_sec == 7 && st.st_mtime_sec == 9);
    tv[1].usec = 1000000;
    ERR(sys_utimes(task, user("/f"), user(tv)), EINVAL);
    tv[1].usec = -1;
    ERR(sys_utimes(task, user("/f"), user(tv)), EINVAL);
    ERR(sys_utime(task, user("/f"), bad), EFAULT);
    ERR(sys_utimes(task, user("/f"), bad), EFAULT);
    ERR(sys_utimensat(task, LX_AT_FDCWD, user("/f"), bad, 0), EFAULT);
    ERR(sys_utimensat(task, 0, user(NULL), user(NULL), LX_AT_SYMLINK_NOFOLLOW), EINVAL);
    ERR(sys_utimensat(task, 0, user(NULL), user(NULL), 1), EINVAL);
    ERR(sys_utimensat(task, 50, user(NULL), user(NULL), 0), EBADF);
    OK(sys_fstat(task, 0, user(&st)));
    assert_true(st.st_atime_sec == 7 && st.st_mtime_sec == 9);
    /* Reading sets the access time only when that is news. */
    OK(sys_utimes(task, user("/f"), user(NULL)));
    sys_read(task, 0, user(bytes), 1);
    OK(sys_fstat(task, 0, user(&st)));
    end();
}

/* The kernel's own way in. */
static void test_kernel_calls(void **state)
{
    const struct open_how any = {.flags = LX_O_RDONLY};
    struct file *file;
    char text[20];

    (void)state;
    begin(0);
    put(0, "#!/bin/sh\n");
    OK(fs_open_path(task->fs, "/f", LX_O_RDONLY, 0, &file));
    assert_int_equal(file_read_kernel(file, text, sizeof(text), 2), 8);
    assert_memory_equal(text, "/bin/sh\n", 8);
    assert_int_equal(file_size(file), 10);
    ERR(file_begin_exec(file, task->fs), EACCES);
    OK(sys_fchmod(task, 0, 0100));
    ERR(file_begin_exec(file, task->fs), ETXTBSY);
    OK(sys_close(task, 0));
    OK(file_begin_exec(file, task->fs));
    ERR(sys_open(task, user("/f"), LX_O_RDWR, 0), ETXTBSY);
    ERR(file_write_kernel(file, "x", 1, 0), EBADF);
    file_put(file);
    assert_int_equal(sys_open(task, user("/f"), LX_O_RDWR, 0), 0);
    ERR(fs_open_path(task->fs, "/", LX_O_RDONLY, 0, &file), EACCES); /* no regular file */
    ERR(fs_open_exec(task->fs, "/", &file), EACCES);
    OK(fs_open(task->fs, NULL, "/", &any, &file));
    ERR(file_begin_exec(file, task->fs), EACCES);
    ERR(file_read_kernel(file, text, 1, 0), EISDIR);
    file_put(file);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_positions),
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_holes),
        cmocka_unit_test(test_truncation_zeroes),
        cmocka_unit_test(test_allocating),
        cmocka_unit_test(test_mapping),
        cmocka_unit_test(test_mapping_range),
        cmocka_unit_test(test_stored_beside_a_write),
        cmocka_unit_test(test_bad_buffers),
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_flock),
        cmocka_unit_test(test_file_without_a_name_gets_one),
        cmocka_unit_test(test_fcntl),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_kernel_calls),
        cmocka_unit_test(test_async),
        cmocka_unit_test(test_streams_are_not_serial),
    };

    return fake_start(NULL) || cmocka_run_group_tests(tests, setup, teardown);
}
