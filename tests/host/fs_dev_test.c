/* SPDX-License-Identifier: MIT */
#include "tests/host/fs_fake.h"

#include "kernel/dev/console.h"
#include "kernel/dev/mem.h"
#include "kernel/fs/devfs/devfs.h"
#include "kernel/fs/devfs/devpts.h"
#include "kernel/syscall/handlers.h"
#include "shared/linux/poll.h"

#define ERR(call, err) assert_int_equal((call), -(err))
#define OK(call)       assert_int_equal((call), 0)

static struct task *task;
static char bytes[1000];

static int setup(void **state)
{
    (void)state;
    task = fake_task_create();
    OK(sys_mkdir(task, user("/dev"), 0755));
    OK(devfs_mount());
    OK(mem_devices_init());
    OK(console_devices_init());
    ERR(mem_devices_init(), EEXIST);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_task_destroy(task);
    return 0;
}

static int open_(const char *path)
{
    return (int)sys_open(task, user(path), LX_O_RDWR, 0);
}

static int64_t put(int fd, const char *text)
{
    return sys_write(task, fd, user(text), strlen(text));
}

static void test_null(void **state)
{
    int fd = open_("/dev/null");

    (void)state;
    assert_int_equal(put(fd, "anything"), 8);
    assert_int_equal(sys_write(task, fd, (struct uptr){0x20000}, 1 << 20), 1 << 20);
    ERR(sys_write(task, fd, (struct uptr){0xffff800000000000ull}, 1), EFAULT);
    OK(sys_read(task, fd, user(bytes), 10));
    OK(sys_pread64(task, fd, user(bytes), 10, 1000));
    OK(sys_lseek(task, fd, 55, LX_SEEK_SET));
    OK(sys_lseek(task, fd, 55, LX_SEEK_END));
    ERR(sys_ioctl(task, fd, 0x5401, user(bytes)), ENOTTY);
    ERR(sys_ftruncate(task, fd, 0), EINVAL);
    ERR(sys_fsync(task, fd), EINVAL);
    OK(sys_close(task, fd));
}

static void test_zero_and_full(void **state)
{
    int zero = open_("/dev/zero"), full = open_("/dev/full");
    struct vm_pager *pager = file_pager(fd_find(task->files, zero).file);

    (void)state;
    memset(bytes, 1, sizeof(bytes));
    assert_int_equal(sys_read(task, zero, user(bytes), 500), 500);
    for (int i = 0; i < 500; i++)
        assert_int_equal(bytes[i], 0);
    assert_int_equal(bytes[500], 1);
    fake_set_bad_range(bytes + 100, 900, false);
    assert_int_equal(sys_read(task, zero, user(bytes), 500), 100);
    ERR(sys_read(task, zero, user(bytes + 100), 500), EFAULT);
    fake_set_bad_range(NULL, 0, false);
    assert_int_equal(put(zero, "x"), 1);
    ERR(put(full, "x"), ENOSPC);
    assert_int_equal(sys_read(task, full, user(bytes), 1000), 1000);
    assert_true(pager->ops->is_zero);
    OK(sys_close(task, zero));
    OK(sys_close(task, full));
}

static void test_random(void **state)
{
    int fd = open_("/dev/urandom");
    unsigned seen[256] = {0}, kinds = 0;

    (void)state;
    assert_int_equal(sys_read(task, fd, user(bytes), 1000), 1000);
    for (int i = 0; i < 1000; i++)
        seen[(uint8_t)bytes[i]]++;
    for (int i = 0; i < 256; i++)
        kinds += seen[i] != 0;
    assert_true(kinds > 200);
    assert_int_equal(put(fd, "seed"), 4);
    OK(sys_close(task, fd));
}

struct catcher {
    struct console_sink sink;
    char text[2000];
    size_t len;
};

static void catch_bytes(struct console_sink *sink, const char *text, size_t nbytes)
{
    struct catcher *catcher = container_of(sink, struct catcher, sink);

    assert_true(catcher->len + nbytes < sizeof(catcher->text));
    memcpy(catcher->text + catcher->len, text, nbytes);
    catcher->len += nbytes;
}

static void test_console(void **state)
{
    struct catcher catcher = {.sink = {catch_bytes}};
    int console = open_("/dev/console");
    int kmsg = (int)sys_open(task, user("/dev/kmsg"), LX_O_WRONLY, 0);

    (void)state;
    assert_int_equal(put(console, "nobody listens\n"), 15);
    assert_null(console_set_sink(&catcher.sink));
    memset(bytes, 'c', 999);
    bytes[999] = '\0';
    assert_int_equal(put(console, bytes), 999);
    assert_int_equal(catcher.len, 999);
    catcher.len = 0;
    assert_int_equal(put(kmsg, "<6>a line"), 9);
    assert_int_equal(put(kmsg, "whole\n"), 6);
    assert_int_equal(put(kmsg, "<x"), 2);
    assert_int_equal(catcher.len, 7 + 6 + 3);
    assert_memory_equal(catcher.text, "a line\nwhole\n<x\n", 16);
    bytes[0] = 'c';
    ERR(put(kmsg, bytes), EINVAL); /* 999 bytes are too long for a line */
    assert_ptr_equal(console_set_sink(NULL), &catcher.sink);
    OK(sys_read(task, console, user(bytes), 10));
    ERR(sys_open(task, user("/dev/tty"), LX_O_RDWR, 0), ENXIO);
    OK(sys_close(task, console));
    OK(sys_close(task, kmsg));
    assert_int_equal(file_live_count(), 0);
}

/* A node anywhere leads to the device; a number that nobody has leads nowhere. */
static void test_nodes(void **state)
{
    struct lx_stat st;
    int fd;

    (void)state;
    OK(sys_mknod(task, user("/other-null"), LX_S_IFCHR | 0666, 0x103));
    OK(sys_mknod(task, user("/nobody"), LX_S_IFCHR | 0666, DEVICE(200, 300)));
    OK(sys_mknod(task, user("/disk"), LX_S_IFBLK | 0666, DEVICE(8, 0)));
    OK(sys_mknod(task, user("/socket"), LX_S_IFSOCK | 0666, 0));
    fd = open_("/other-null");
    assert_int_equal(put(fd, "x"), 1);
    OK(sys_close(task, fd));
    ERR(sys_open(task, user("/nobody"), LX_O_RDONLY, 0), ENXIO);
    ERR(sys_open(task, user("/disk"), LX_O_RDONLY, 0), ENXIO);
    ERR(sys_open(task, user("/socket"), LX_O_RDONLY, 0), ENXIO);
    fd = (int)sys_open(task, user("/socket"), LX_O_PATH, 0);
    assert_true(fd >= 0);
    OK(sys_close(task, fd));
    OK(sys_stat(task, user("/nobody"), user(&st)));
    assert_int_equal(st.st_rdev, (300 & 0xff) | (200 << 8) | ((300ull & ~0xffull) << 12));
    OK(sys_stat(task, user("/dev/null"), user(&st)));
    assert_int_equal(st.st_rdev, 0x103);
    assert_int_equal(st.st_mode, LX_S_IFCHR | 0666);
}

/* The file system that nodes of terminals are in: nothing of it is there where it could not be
 * mounted, and no node where there is no memory for one. */
static void test_terminals(void **state)
{
    struct dentry *node = NULL, *directory;
    struct fake_balance before;

    (void)state;
    /* Its directory is made in devfs, which is mounted nowhere. */
    OK(sys_chdir(task, user("/dev")));
    directory = fs_context_cwd(task->fs);
    OK(sys_chdir(task, user("/")));
    OK(mount_remove(&mount_space_initial, directory, 2));
    dentry_put(directory);
    ERR(devpts_mount(), ENOENT);
    mount_reset();
    OK(sys_rmdir(task, user("/dev/pts")));

    OK(devpts_mount());
    before = fake_balance();
    for (int n = 0; !node; n++) {
        int err;

        fake_fail_allocation(n);
        err = devpts_add(3, DEVICE(136, 3), 1, 5, &node);
        assert_int_equal(err, fake_allocation_failed() ? -ENOMEM : 0);
        if (err)
            fake_assert_balance(before);
    }
    fake_fail_allocation(-1);
    OK(sys_access(task, user("/dev/pts/3"), 0));
    devpts_remove(node);
    dentry_put(node);
    ERR(sys_access(task, user("/dev/pts/3"), 0), ENOENT);
    fake_assert_balance(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_null),   cmocka_unit_test(test_zero_and_full),
        cmocka_unit_test(test_random), cmocka_unit_test(test_console),
        cmocka_unit_test(test_nodes),  cmocka_unit_test(test_terminals),
    };

    return fake_start(NULL) || cmocka_run_group_tests(tests, setup, teardown);
}
