/* SPDX-License-Identifier: MIT */
/* Calls on descriptors that others may close meanwhile: each holds its file, and lets it go again,
 * however it ends. One reference too many would keep a file for ever, one too few free it early. */
#include "tests/host/fs_fake.h"

#include "kernel/syscall/handlers.h"
#include "shared/linux/poll.h"
#include "shared/linux/uio.h"

#define OK(call) assert_int_equal((call), 0)

/* What is open: a file to be read and written, to be read, and without access; a directory; both
 * ends of a pipe. */
enum { FILE_BOTH, FILE_READ_ONLY, FILE_PATH_ONLY, A_DIRECTORY, PIPE_OUT, PIPE_IN, OPEN };
#define UNUSED 77

static struct task *task;
static struct file *files[OPEN];
static char bytes[4096];
static int64_t live;

static int setup(void **state)
{
    static const uint32_t flags[] = {LX_O_RDWR | LX_O_CREAT, LX_O_RDONLY, LX_O_PATH};
    int ends[2];

    (void)state;
    task = fake_task_create();
    for (int i = FILE_BOTH; i <= FILE_PATH_ONLY; i++)
        assert_int_equal(sys_open(task, user("/f"), (int)flags[i], 0644), i);
    assert_int_equal(sys_open(task, user("/"), LX_O_RDONLY, 0), A_DIRECTORY);
    OK(sys_pipe2(task, user(ends), LX_O_NONBLOCK));
    assert_true(ends[0] == PIPE_OUT && ends[1] == PIPE_IN);
    for (int i = 0; i < OPEN; i++)
        files[i] = fd_find_any(task->files, i).file;
    live = (int64_t)file_live_count();
    fd_table_get(task->files); /* another task */
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fd_table_put(task->files);
    fd_close_range(task->files, 0, 1000, false);
    OK(sys_unlink(task, user("/f")));
    assert_int_equal(file_live_count(), live - OPEN);
    fake_task_destroy(task);
    return 0;
}

/* After a call: what it has opened is closed, and nothing else has changed. */
static void check(const char *call, int fd)
{
    fd_close_range(task->files, OPEN, 1000, false);
    for (int i = 0; i < OPEN; i++)
        if (files[i]->refs != 1)
            fail_msg("%s: fd %d: file %d has %u references", call, fd, i, files[i]->refs);
    if ((int64_t)file_live_count() != live)
        fail_msg("%s: fd %d: %d files more", call, fd, (int)(file_live_count() - live));
}

/* Whether the call does anything is not asked here. */
#define CALL(call) ((void)(call), check(#call, fd))

/* at: the program's memory, which may be bad; vector: the same as one piece. */
static void bytes_move(int fd, struct uptr at, struct uptr vector)
{
    CALL(sys_read(task, fd, at, 16));
    CALL(sys_write(task, fd, at, 16));
    CALL(sys_pread64(task, fd, at, 16, 4));
    CALL(sys_pread64(task, fd, at, 16, INT64_MAX));
    CALL(sys_pwrite64(task, fd, at, 16, 4));
    CALL(sys_pwrite64(task, fd, at, 16, INT64_MAX));
    CALL(sys_readv(task, fd, vector, 1));
    CALL(sys_readv(task, fd, vector, 5000));
    CALL(sys_writev(task, fd, vector, 1));
    CALL(sys_preadv(task, fd, vector, 1, 4, 0));
    CALL(sys_pwritev(task, fd, vector, 1, 4, 0));
    CALL(sys_preadv2(task, fd, vector, 1, (uint64_t)-1, 0, 0));
    CALL(sys_preadv2(task, fd, vector, 1, 0, 0, 0x100));
    CALL(sys_pwritev2(task, fd, vector, 1, (uint64_t)-1, 0, 0));
    CALL(sys_pwritev2(task, fd, vector, 1, 0, 0, 0x100));
    CALL(sys_lseek(task, fd, 0, LX_SEEK_SET));
    CALL(sys_lseek(task, fd, -1, LX_SEEK_SET));
    CALL(sys_getdents(task, fd, at, sizeof(bytes)));
    CALL(sys_getdents64(task, fd, at, sizeof(bytes)));
    CALL(sys_getdents64(task, fd, at, 1));
}

static void file_changes(int fd)
{
    CALL(sys_ftruncate(task, fd, 5000));
    CALL(sys_ftruncate(task, fd, -1));
    CALL(sys_fallocate(task, fd, 0, 0, 5000));
    CALL(sys_fallocate(task, fd, 0, 0, 0));
    CALL(sys_fallocate(task, fd, 0, 0, 1ll << 60));
    CALL(sys_fallocate(task, fd, 0x4000, 0, 1));
    CALL(sys_fadvise64(task, fd, 0, 0, 0));
    CALL(sys_fadvise64(task, fd, 0, 0, 99));
    CALL(sys_fsync(task, fd));
    CALL(sys_fdatasync(task, fd));
    CALL(sys_syncfs(task, fd));
    CALL(sys_fchmod(task, fd, 0755));
    CALL(sys_fchown(task, fd, 0, 0));
    CALL(sys_fchdir(task, fd));
    OK(sys_chdir(task, user("/")));
    CALL(sys_flock(task, fd, LX_LOCK_EX | LX_LOCK_NB));
    CALL(sys_flock(task, fd, LX_LOCK_UN));
    CALL(sys_flock(task, fd, 77));
}

static void descriptors(int fd, struct uptr at)
{
    static const int commands[] = {
        LX_F_DUPFD, LX_F_DUPFD_CLOEXEC, LX_F_GETFD,      LX_F_GETFL,      LX_F_SETFL,
        LX_F_GETLK, LX_F_SETLK,         LX_F_GETPIPE_SZ, LX_F_SETPIPE_SZ, 9999};

    for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        memset(bytes, 0, sizeof(bytes));
        CALL(sys_fcntl(task, fd, commands[i], commands[i] == LX_F_SETFL ? LX_O_NONBLOCK : at.va));
        CALL(sys_fcntl(task, fd, commands[i], 4096));
    }
    CALL(sys_ioctl(task, fd, 0x5421 /* FIONBIO */, user(&(int){1})));
    CALL(sys_ioctl(task, fd, 0x5421, (struct uptr){8}));
    CALL(sys_ioctl(task, fd, 0x541b /* FIONREAD */, at));
    CALL(sys_ioctl(task, fd, 0x5401 /* TCGETS */, at));
    CALL(sys_dup(task, fd));
    CALL(sys_dup2(task, fd, 40));
    CALL(sys_dup2(task, fd, fd));
    CALL(sys_dup2(task, fd, 1 << 20));
    CALL(sys_dup3(task, fd, 40, LX_O_CLOEXEC));
    CALL(sys_dup3(task, fd, 40, 1));
    CALL(sys_poll(task, user(&(struct lx_pollfd){.fd = fd, .events = LX_POLLIN}), 1, 0));
}

static void attributes(int fd, struct uptr at, struct uptr path)
{
    CALL(sys_fstat(task, fd, at));
    CALL(sys_fstatfs(task, fd, at));
    CALL(sys_newfstatat(task, fd, path, at, 0));
    CALL(sys_newfstatat(task, fd, user(""), at, LX_AT_EMPTY_PATH));
    CALL(sys_statx(task, fd, path, 0, 0xfff, at));
    CALL(sys_statx(task, fd, user(""), LX_AT_EMPTY_PATH, 0xfff, at));
    CALL(sys_utimensat(task, fd, user(NULL), user(NULL), 0));
    CALL(sys_utimensat(task, fd, user(NULL), user(NULL), LX_AT_SYMLINK_NOFOLLOW));
    CALL(sys_utimensat(task, fd, path, user(NULL), 0));
    CALL(sys_futimesat(task, fd, user(NULL), user(NULL)));
    CALL(sys_faccessat2(task, fd, user(""), 0, LX_AT_EMPTY_PATH));
    CALL(sys_faccessat(task, fd, path, 0));
    CALL(sys_fchmodat2(task, fd, user(""), 0755, LX_AT_EMPTY_PATH));
    CALL(sys_fchmodat(task, fd, path, 0755));
    CALL(sys_fchownat(task, fd, user(""), 0, 0, LX_AT_EMPTY_PATH));
    CALL(sys_readlinkat(task, fd, path, at, 10));
    CALL(sys_readlinkat(task, fd, user(""), at, 10));
    CALL(sys_fsetxattr(task, fd, user("user.a"), at, 1, 0));
    CALL(sys_fgetxattr(task, fd, user("user.a"), at, 1));
    CALL(sys_flistxattr(task, fd, at, 1));
    CALL(sys_fremovexattr(task, fd, user("user.a")));
}

/* Each name that is made goes again. */
static void names(int fd, struct uptr path)
{
    CALL(sys_openat(task, fd, path, LX_O_RDONLY, 0));
    CALL(sys_openat(task, fd, path, LX_O_RDWR | LX_O_CREAT | LX_O_EXCL, 0644));
    CALL(sys_openat(task, fd, path, LX_O_RDWR | LX_O_CREAT | LX_O_EXCL, 0644));
    CALL(sys_linkat(task, fd, path, fd, user("other"), 0));
    CALL(sys_linkat(task, fd, user(""), fd, user("third"), LX_AT_EMPTY_PATH));
    CALL(sys_unlinkat(task, fd, user("third"), 0));
    CALL(sys_unlinkat(task, fd, user("third"), 0));
    CALL(sys_renameat2(task, fd, user("other"), fd, path, 0));
    CALL(sys_unlinkat(task, fd, user("other"), 0));
    CALL(sys_unlinkat(task, fd, path, 0));
    CALL(sys_mkdirat(task, fd, path, 0755));
    CALL(sys_mkdirat(task, fd, path, 0755));
    CALL(sys_unlinkat(task, fd, path, LX_AT_REMOVEDIR));
    CALL(sys_mknodat(task, fd, path, LX_S_IFIFO | 0644, 0));
    CALL(sys_unlinkat(task, fd, path, 0));
    CALL(sys_symlinkat(task, user("text"), fd, path));
    CALL(sys_unlinkat(task, fd, path, 0));
}

static void test_one(void **state)
{
    static const int fds[] = {0, 1, 2, 3, 4, 5, UNUSED, -1, LX_AT_FDCWD};
    const struct uptr bad = {0xffff888000000000ull};

    (void)state;
    for (unsigned i = 0; i < 2 * sizeof(fds) / sizeof(fds[0]); i++) {
        bool good = i % 2;
        struct lx_iovec piece = {(uint64_t)bytes, 16};
        int fd = fds[i / 2];

        bytes_move(fd, good ? user(bytes) : bad, good ? user(&piece) : bad);
        file_changes(fd);
        descriptors(fd, good ? user(bytes) : bad);
        attributes(fd, good ? user(bytes) : bad, good ? user("name") : bad);
        names(fd, good ? user("name") : bad);
    }
}

static void test_two(void **state)
{
    static const int fds[] = {0, 1, 2, 3, 4, 5, UNUSED};

    (void)state;
    for (unsigned i = 0; i < 7 * 7 * 2; i++) {
        int64_t in_offset = 0, out_offset = 100;
        int fd = fds[i / 14], to = fds[i / 2 % 7];
        struct uptr in_at = i % 2 ? user(&in_offset) : user(NULL);
        struct uptr out_at = i % 2 ? user(&out_offset) : user(NULL);

        CALL(sys_write(task, PIPE_IN, user("bytes"), 5));
        CALL(sys_sendfile(task, to, fd, in_at, 10));
        CALL(sys_sendfile(task, to, fd, (struct uptr){8}, 10));
        CALL(sys_copy_file_range(task, fd, in_at, to, out_at, 10, 0));
        CALL(sys_copy_file_range(task, fd, in_at, to, out_at, 10, 1));
        CALL(sys_copy_file_range(task, fd, (struct uptr){8}, to, out_at, 10, 0));
        CALL(sys_splice(task, fd, in_at, to, out_at, 10, 2 /* SPLICE_F_NONBLOCK */));
        CALL(sys_splice(task, fd, user(NULL), to, user(NULL), 10, 2));
        CALL(sys_splice(task, fd, user(NULL), to, user(NULL), 10, 0x100));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_one), TEST(test_two)};

    return cmocka_run_group_tests(tests, fake_start, NULL);
}
