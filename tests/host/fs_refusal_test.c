/* SPDX-License-Identifier: MIT */
/* Calls that are refused say why and leave nothing behind; and what of a context is shared. */
#include "tests/host/fs_fake.h"

#include "kernel/fs/pipe/pipe.h"
#include "kernel/syscall/handlers.h"

#define ERR(call, err) assert_int_equal((call), -(err))
#define OK(call)       assert_int_equal((call), 0)

#define PIPE_BYTES 5000
#define STRANGER   1000

static struct task *task;
static struct fake_balance before;

static int setup(void **state)
{
    (void)state;
    task = fake_task_create();
    /* The table is as large as it will become. */
    assert_int_equal(sys_open(task, user("/"), LX_O_RDONLY, 0), 0);
    assert_int_equal(sys_fcntl(task, 0, LX_F_DUPFD_CLOEXEC, 1000), 1000);
    fd_close_range(task->files, 0, 1000, false);
    before = fake_balance();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fd_close_range(task->files, 0, 1000, false);
    fake_assert_balance(before);
    fake_task_destroy(task);
    return 0;
}

static void become(uint32_t uid)
{
    task->fs->cred = credentials_of_user(uid);
}

static void test_descriptors(void **state)
{
    struct lx_stat st;

    (void)state;
    ERR(sys_fstat(task, 7, user(&st)), EBADF);
    ERR(sys_ftruncate(task, 7, 0), EBADF);
    ERR(sys_fchdir(task, 7), EBADF);
}

/* A directory that may not be entered is not the working directory, and not referred to. */
static void test_chdir(void **state)
{
    (void)state;
    OK(sys_mkdir(task, user("/shut"), 0700));
    OK(sys_chdir(task, user("/shut")));
    OK(sys_chdir(task, user("/")));
    become(STRANGER);
    for (unsigned i = 0; i < 3; i++)
        ERR(sys_chdir(task, user("/shut")), EACCES);
    become(0);
    OK(sys_rmdir(task, user("/shut")));
}

/* What fallocate may be asked for, of a file that may not be written to: each kind by itself. */
static void test_fallocate(void **state)
{
    static const int kinds[] = {0, 1, 3, 8, 0x10, 0x11, 0x20, 0x40, 0x41};
    static const int wrong[] = {2, 0x12, 0x13, 4, 0x100};

    (void)state;
    assert_int_equal(sys_open(task, user("/f"), LX_O_CREAT | LX_O_RDONLY, 0644), 0);
    assert_int_equal(sys_open(task, user("/f"), LX_O_RDWR, 0), 1);
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        ERR(sys_fallocate(task, 0, kinds[i], 0, 1), EBADF);
        assert_int_equal(sys_fallocate(task, 1, kinds[i], 0, 1),
                         kinds[i] < 8 ? 0 : -EOPNOTSUPP); /* what memory can do */
    }
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ERR(sys_fallocate(task, 0, wrong[i], 0, 1), EOPNOTSUPP);
    ERR(sys_fallocate(task, 0, 4, -1, 1), EINVAL);
    ERR(sys_fallocate(task, 0, 4, 0, 0), EINVAL);
    OK(sys_unlink(task, user("/f")));
}

/* What is answered to somebody without rights to the file, by the name's first part. */
static void test_attribute_names(void **state)
{
    static const struct {
        const char *name;
        int changing, getting;
        bool is_kept;
    } cases[] = {
        {"user.a", EACCES, EACCES, true},
        {"trusted.a", EPERM, ENODATA, true},
        {"system.a", EOPNOTSUPP, EOPNOTSUPP, false},
        {"security.a", EPERM, ENODATA, true},
        {"banana", EACCES, EACCES, false},
        {"user", EACCES, EACCES, false},
        {"systema", EACCES, EACCES, false},
    };
    char value[4];

    (void)state;
    assert_int_equal(sys_open(task, user("/f"), LX_O_CREAT | LX_O_RDWR, 0600), 0);
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct uptr path = user("/f"), name = user(cases[i].name);

        become(STRANGER);
        ERR(sys_getxattr(task, path, name, user(value), 4), cases[i].getting);
        if (cases[i].changing) {
            ERR(sys_setxattr(task, path, name, user(value), 1, 0), cases[i].changing);
            ERR(sys_removexattr(task, path, name), cases[i].changing);
        }
        become(0);
        if (cases[i].is_kept) {
            ERR(sys_getxattr(task, path, name, user(value), 4), ENODATA);
            OK(sys_setxattr(task, path, name, user(value), 1, 0));
            assert_int_equal(sys_getxattr(task, path, name, user(value), 4), 1);
            continue;
        }
        ERR(sys_getxattr(task, path, name, user(value), 4), EOPNOTSUPP);
        ERR(sys_setxattr(task, path, name, user(value), 1, 0), EOPNOTSUPP);
    }
    OK(sys_unlink(task, user("/f")));
}

/* Numbers of no device: the node can be made, and not be opened. */
static void test_no_device(void **state)
{
    (void)state;
    OK(sys_mknod(task, user("/node"), LX_S_IFCHR | 0666, 99 << 8 | 99));
    ERR(sys_open(task, user("/node"), LX_O_RDWR, 0), ENXIO);
    OK(sys_unlink(task, user("/node")));
}

static void test_pipe_sizes(void **state)
{
    static char out[PIPE_BYTES], in[PIPE_BYTES];
    int ends[2];

    (void)state;
    for (size_t i = 0; i < sizeof(out); i++)
        out[i] = (char)(i * 7 + i / 256);
    OK(sys_pipe2(task, user(ends), 0));
    assert_int_equal(sys_write(task, ends[1], user(out), sizeof(out)), sizeof(out));
    ERR(sys_fcntl(task, ends[0], LX_F_SETPIPE_SZ, PAGE_SIZE), EBUSY);
    assert_int_equal(sys_fcntl(task, ends[0], LX_F_SETPIPE_SZ, 2 * PAGE_SIZE), 2 * PAGE_SIZE);
    assert_int_equal(sys_fcntl(task, ends[0], LX_F_SETPIPE_SZ, 4 * PAGE_SIZE), 4 * PAGE_SIZE);
    assert_int_equal(sys_read(task, ends[0], user(in), sizeof(in)), sizeof(in));
    assert_memory_equal(in, out, sizeof(in));
}

/* Beyond what a user may have, pipes are made smaller, until there are none. */
static void test_pipes_of_one_user(void **state)
{
    int ends[2], sizes[2] = {0};
    int64_t err = 0;

    (void)state;
    become(STRANGER);
    for (unsigned i = 0; i < 400 && !err; i++) {
        err = sys_pipe2(task, user(ends), 0);
        if (!err)
            sizes[sys_fcntl(task, ends[0], LX_F_GETPIPE_SZ, 0) < PIPE_NBYTES]++;
    }
    become(0);
    assert_true(err == 0 || err == -ENFILE || err == -EMFILE);
    assert_true(sizes[0] > 0 && sizes[1] > 0);
}

/* Without memory there is no other place, no other groups, and the old ones are as they were. */
static void test_context_without_memory(void **state)
{
    struct group_set *groups = NULL;
    struct fs_context *child;

    (void)state;
    fake_fail_allocation(0);
    ERR(group_set_create(3, &groups), ENOMEM);
    assert_null(groups);
    for (unsigned n = 0; n < 2; n++) {
        fake_fail_allocation((int)n);
        ERR(fs_context_fork(task->fs, false, &child), ENOMEM);
        assert_int_equal(task->fs->place->refs, 1);
    }
    fake_fail_allocation(-1);
    OK(group_set_create(3, &groups));
    group_set_put(groups);
}

/* CLONE_FS: as many references as users of the place. */
static void test_shared_place(void **state)
{
    struct fs_context *child;

    (void)state;
    for (unsigned share = 0; share < 2; share++) {
        OK(fs_context_fork(task->fs, share, &child));
        assert_true((child->place == task->fs->place) == share);
        assert_int_equal(task->fs->place->refs, 1 + share);
        fs_context_destroy(child);
        assert_int_equal(task->fs->place->refs, 1);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_descriptors),
        TEST(test_chdir),
        TEST(test_no_device),
        TEST(test_pipe_sizes),
        TEST(test_fallocate),
        TEST(test_attribute_names),
        TEST(test_context_without_memory),
        TEST(test_pipes_of_one_user),
        TEST(test_shared_place),
    };

    return cmocka_run_group_tests(tests, fake_start, NULL);
}
