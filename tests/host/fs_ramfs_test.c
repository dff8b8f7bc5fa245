/* SPDX-License-Identifier: MIT */
/* Directories while they change, what is held and given back, and running out of memory. */
#include "tests/host/fs_fake.h"

#include "kernel/syscall/handlers.h"
#include "shared/linux/dirent.h"

static struct task *task;

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

static int open_at(const char *path, int flags)
{
    return (int)sys_openat(task, LX_AT_FDCWD, user(path), flags, 0644);
}

static void make_file(const char *path)
{
    int fd = open_at(path, LX_O_CREAT | LX_O_WRONLY);

    assert_true(fd >= 0);
    assert_int_equal(sys_write(task, fd, user(path), strlen(path)), strlen(path));
    assert_int_equal(sys_close(task, fd), 0);
}

/* The next name in an open directory; false at its end. One record a call. */
static bool next_name(int fd, char *name)
{
    char buffer[48];
    int64_t got = sys_getdents64(task, fd, user(buffer), sizeof(buffer));

    assert_true(got >= 0);
    if (got == 0)
        return false;
    strcpy(name, ((struct lx_dirent64 *)buffer)->d_name);
    if (((struct lx_dirent64 *)buffer)->d_reclen < got) /* two fitted: go back to the second */
        sys_lseek(task, fd, ((struct lx_dirent64 *)buffer)->d_off, LX_SEEK_SET);
    return true;
}

/* What is there all the time is read exactly once, whatever else comes and goes. */
static void test_readdir_while_it_changes(void **state)
{
    unsigned seen[100] = {0};
    char path[40], name[40];
    unsigned extra = 0;
    int fd;

    (void)state;
    assert_int_equal(sys_mkdir(task, user("/d"), 0755), 0);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(path, sizeof(path), "/d/keep%u", i);
        make_file(path);
        snprintf(path, sizeof(path), "/d/go%u", i);
        make_file(path);
    }
    fd = open_at("/d", LX_O_RDONLY | LX_O_DIRECTORY);
    for (unsigned n = 0; next_name(fd, name); n++) {
        assert_true(n < 1000); /* it comes to an end although every step adds a name */
        if (sscanf(name, "keep%u", &extra) == 1)
            seen[extra]++;
        snprintf(path, sizeof(path), "/d/go%u", n);
        if (n < 100)
            assert_int_equal(sys_unlink(task, user(path)), 0);
        snprintf(path, sizeof(path), "/d/new%u", n);
        make_file(path);
    }
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
    sys_close(task, fd);
}

/* rm -r: remove each name as it is read. */
static void test_remove_while_reading(void **state)
{
    int fd = open_at("/d", LX_O_RDONLY | LX_O_DIRECTORY);
    char path[60], name[40];

    (void)state;
    while (next_name(fd, name)) {
        if (name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "/d/%s", name);
        assert_int_equal(sys_unlink(task, user(path)), 0);
    }
    sys_close(task, fd);
    assert_int_equal(sys_rmdir(task, user("/d")), 0);
}

static void test_newest_first_and_seeking(void **state)
{
    char name[40];
    int64_t at;
    int fd;

    (void)state;
    assert_int_equal(sys_mkdir(task, user("/s"), 0755), 0);
    make_file("/s/one");
    make_file("/s/two");
    make_file("/s/three");
    fd = open_at("/s", LX_O_RDONLY);
    assert_true(next_name(fd, name) && strcmp(name, ".") == 0);
    assert_true(next_name(fd, name) && strcmp(name, "..") == 0);
    assert_true(next_name(fd, name) && strcmp(name, "three") == 0);
    at = sys_lseek(task, fd, 0, LX_SEEK_CUR);
    assert_true(next_name(fd, name) && strcmp(name, "two") == 0);
    assert_int_equal(sys_unlink(task, user("/s/two")), 0);
    assert_int_equal(sys_lseek(task, fd, at, LX_SEEK_SET), at);
    assert_true(next_name(fd, name) && strcmp(name, "one") == 0);
    assert_false(next_name(fd, name));
    assert_false(next_name(fd, name));
    assert_int_equal(sys_lseek(task, fd, 0, LX_SEEK_SET), 0);
    assert_true(next_name(fd, name) && strcmp(name, ".") == 0);
    assert_int_equal(sys_lseek(task, fd, -1, LX_SEEK_SET), -EINVAL);
    assert_int_equal(sys_lseek(task, fd, 0, LX_SEEK_END), -EINVAL);
    /* No room for even one record. */
    assert_int_equal(sys_getdents64(task, fd, user(name), 20), -EINVAL);
    sys_close(task, fd);
    sys_unlink(task, user("/s/one"));
    sys_unlink(task, user("/s/three"));
    assert_int_equal(sys_rmdir(task, user("/s")), 0);
}

static void test_unlinked_files_live_on(void **state)
{
    struct fake_balance before = fake_balance();
    char bytes[10] = {0};
    int fd, dir;

    (void)state;
    make_file("/gone");
    fd = open_at("/gone", LX_O_RDWR);
    assert_int_equal(sys_unlink(task, user("/gone")), 0);
    assert_int_equal(fs_orphans(), 1);
    assert_int_equal(sys_read(task, fd, user(bytes), sizeof(bytes)), 5);
    assert_string_equal(bytes, "/gone");
    make_file("/gone"); /* another file of that name */
    assert_int_equal(sys_write(task, fd, user("more"), 4), 4);
    sys_close(task, fd);
    assert_int_equal(fs_orphans(), 0);
    sys_unlink(task, user("/gone"));

    /* A removed working directory: nothing can be made in it, nothing found. */
    assert_int_equal(sys_mkdir(task, user("/gone"), 0755), 0);
    assert_int_equal(sys_chdir(task, user("/gone")), 0);
    dir = open_at(".", LX_O_RDONLY);
    assert_int_equal(sys_rmdir(task, user("/gone")), 0);
    assert_int_equal(open_at("x", LX_O_CREAT | LX_O_WRONLY), -ENOENT);
    assert_int_equal(sys_mkdir(task, user("x"), 0755), -ENOENT);
    assert_int_equal(sys_getcwd(task, user(bytes), sizeof(bytes)), -ENOENT);
    assert_int_equal(sys_chdir(task, user("..")), 0);
    assert_int_equal(sys_getcwd(task, user(bytes), sizeof(bytes)), 2);
    sys_close(task, dir);
    fake_assert_balance(before);
}

/* Where a path would be longer than PATH_MAX there is none, and below it there is one. */
static void test_too_deep_for_a_path(void **state)
{
    struct fake_balance before = fake_balance();
    static char path[LX_PATH_MAX], name[256];
    struct dentry *root = fs_context_root(task->fs);

    (void)state;
    memset(name, 'n', 255);
    for (int64_t depth = 1; depth < 18; depth++) {
        assert_int_equal(sys_mkdir(task, user(name), 0755), 0);
        assert_int_equal(sys_chdir(task, user(name)), 0);
        path[0] = '?';
        assert_int_equal(sys_getcwd(task, user(path), sizeof(path)),
                         depth < 16 ? depth * 256 + 1 : -ENAMETOOLONG);
        assert_int_equal(path[0], depth < 16 ? '/' : '?');
    }
    for (unsigned up = 0; up < 2; up++) {
        assert_int_equal(sys_chdir(task, user("..")), 0);
        assert_int_equal(sys_rmdir(task, user(name)), 0);
    }
    /* 3840 bytes: with a name of 241 the mark of what cannot be reached fits, with 242 not. */
    assert_int_equal(sys_mkdir(task, user("/root"), 0755), 0);
    for (int64_t len = 241; len < 243; len++) {
        name[len] = '\0';
        assert_int_equal(sys_mkdir(task, user(name), 0755), 0);
        assert_int_equal(sys_chdir(task, user(name)), 0);
        assert_int_equal(sys_chroot(task, user("/root")), 0);
        assert_int_equal(sys_getcwd(task, user(path), sizeof(path)),
                         len == 241 ? LX_PATH_MAX : -ENAMETOOLONG);
        dentry_get(root);
        fs_context_set_root(task->fs, root);
        assert_int_equal(sys_chdir(task, user("..")), 0);
        assert_int_equal(sys_rmdir(task, user(name)), 0);
        name[len] = 'n';
    }
    assert_int_equal(sys_rmdir(task, user("/root")), 0);
    for (unsigned up = 0; up < 15; up++) {
        assert_int_equal(sys_chdir(task, user("..")), 0);
        assert_int_equal(sys_rmdir(task, user(name)), 0);
    }
    dentry_put(root);
    fake_assert_balance(before);
}

static void test_rename_keeps_the_tree_a_tree(void **state)
{
    struct fake_balance before = fake_balance();
    char path[100];
    int fd;

    (void)state;
    assert_int_equal(sys_mkdir(task, user("/a"), 0755), 0);
    assert_int_equal(sys_mkdir(task, user("/a/b"), 0755), 0);
    assert_int_equal(sys_mkdir(task, user("/c"), 0755), 0);
    assert_int_equal(sys_rename(task, user("/a"), user("/a/b/a")), -EINVAL);
    assert_int_equal(sys_rename(task, user("/a/b"), user("/a")), -ENOTEMPTY);
    assert_int_equal(sys_rename(task, user("/a/b"), user("/c")), 0);
    assert_int_equal(sys_chdir(task, user("/c")), 0);
    /* The working directory moves with its name, and ".." with it. */
    assert_int_equal(sys_rename(task, user("/c"), user("/a/a name longer than 32 bytes, so there")),
                     0);
    assert_int_equal(sys_getcwd(task, user(path), sizeof(path)),
                     sizeof("/a/a name longer than 32 bytes, so there"));
    assert_string_equal(path, "/a/a name longer than 32 bytes, so there");
    assert_int_equal(
        sys_rename(task, user("../a name longer than 32 bytes, so there"), user("/short")), 0);
    assert_int_equal(sys_getcwd(task, user(path), sizeof(path)), 7);
    assert_int_equal(sys_rename(task, user("/."), user("/x")), -EBUSY);

    /* Exchange a directory and a file with a long name between two directories. */
    make_file("/a/a file with a name longer than 32 bytes");
    assert_int_equal(sys_renameat2(task, LX_AT_FDCWD,
                                   user("/a/a file with a name longer than 32 "
                                        "bytes"),
                                   LX_AT_FDCWD, user("/short"), LX_RENAME_EXCHANGE),
                     0);
    assert_int_equal(sys_getcwd(task, user(path), sizeof(path)),
                     sizeof("/a/a file with a name longer than 32 bytes"));
    fd = open_at("/short", LX_O_RDONLY);
    assert_true(fd >= 0);
    sys_close(task, fd);
    sys_chdir(task, user("/"));
    assert_int_equal(sys_unlink(task, user("/short")), 0);
    assert_int_equal(sys_rmdir(task, user("/a/a file with a name longer than 32 bytes")), 0);
    assert_int_equal(sys_rmdir(task, user("/a")), 0);
    fake_assert_balance(before);
}

static void test_time_stamps(void **state)
{
    struct lx_stat one, other;

    (void)state;
    sys_mkdir(task, user("/t"), 0755);
    make_file("/t/x");
    sys_stat(task, user("/t/x"), user(&one));
    sys_chmod(task, user("/t/x"), 0600);
    sys_stat(task, user("/t/x"), user(&other));
    assert_true(other.st_ctime_nsec > one.st_ctime_nsec);
    assert_int_equal(other.st_mtime_nsec, one.st_mtime_nsec);
    sys_stat(task, user("/t"), user(&one));
    sys_rename(task, user("/t/x"), user("/t/y"));
    sys_stat(task, user("/t"), user(&other));
    assert_true(other.st_mtime_nsec > one.st_mtime_nsec);
    sys_unlink(task, user("/t/y"));
    sys_rmdir(task, user("/t"));
}

/* --- no memory --- */

struct step {
    const char *what;
    int64_t (*run)(void);
    void (*undo)(void);
};

static char long_path[] = "/m/a name that is much longer than thirty-two bytes";
static char long_text[300];

static int64_t step_create(void)
{
    int64_t fd = sys_openat(task, LX_AT_FDCWD, user(long_path), LX_O_CREAT | LX_O_RDWR, 0644);

    return fd < 0 ? fd : sys_close(task, (int)fd);
}

static int64_t step_symlink(void)
{
    return sys_symlink(task, user(long_text), user(long_path));
}

static int64_t step_mkdir(void)
{
    return sys_mkdir(task, user(long_path), 0755);
}

static int64_t step_rename(void)
{
    return sys_rename(task, user("/m/from"), user(long_path));
}

static int64_t step_link(void)
{
    return sys_link(task, user("/m/from"), user(long_path));
}

static int64_t step_pipe(void)
{
    int fds[2];
    int64_t err = sys_pipe2(task, user(fds), 0);

    if (!err) {
        err = sys_write(task, fds[1], user(long_text), 10) == 10 ? 0 : -ENOMEM;
        sys_close(task, fds[0]);
        sys_close(task, fds[1]);
    }
    return err;
}

static int64_t step_getcwd(void)
{
    char path[100];
    int64_t len = sys_getcwd(task, user(path), sizeof(path));

    return len < 0 ? len : 0;
}

static int64_t step_dup_high(void)
{
    int64_t fd = sys_fcntl(task, 0, LX_F_DUPFD, 700);

    return fd < 0 ? fd : sys_close(task, (int)fd);
}

static int64_t step_fork(void)
{
    struct fs_context *context;
    struct fd_table *files;
    int err = fs_context_fork(task->fs, false, &context);

    if (err)
        return err;
    err = fd_table_dup(task->files, &files);
    fs_context_destroy(context);
    if (!err)
        fd_table_put(files);
    return err;
}

static void undo_unlink(void)
{
    assert_int_equal(sys_unlink(task, user(long_path)), 0);
}

static void undo_rmdir(void)
{
    assert_int_equal(sys_rmdir(task, user(long_path)), 0);
}

static void undo_rename(void)
{
    assert_int_equal(sys_rename(task, user(long_path), user("/m/from")), 0);
}

static void test_every_allocation_may_fail(void **state)
{
    static const struct step steps[] = {
        {"create", step_create, undo_unlink},
        {"symlink", step_symlink, undo_unlink},
        {"mkdir", step_mkdir, undo_rmdir},
        {"rename", step_rename, undo_rename},
        {"link", step_link, undo_unlink},
        {"pipe", step_pipe, NULL},
        {"getcwd", step_getcwd, NULL},
        {"dup to a high number", step_dup_high, NULL},
        {"fork", step_fork, NULL},
    };
    struct fake_balance before;

    (void)state;
    memset(long_text, 'l', sizeof(long_text) - 1);
    sys_mkdir(task, user("/m"), 0755);
    make_file("/m/from");
    assert_int_equal(open_at("/m", LX_O_RDONLY), 0);
    assert_int_equal(step_dup_high(), 0); /* the table has grown: it stays so */
    before = fake_balance();
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        int64_t err = -ENOMEM;
        for (int n = 0; err; n++) {
            assert_true(n < 20);
            fake_fail_allocation(n);
            err = steps[i].run();
            if ((err != 0) != fake_allocation_failed())
                fail_msg("%s without memory: nothing is said", steps[i].what);
            fake_fail_allocation(-1);
            if (err && err != -ENOMEM)
                fail_msg("%s without memory: %d", steps[i].what, (int)err);
            if (err && fake_balance().objects != before.objects)
                fail_msg("%s without memory: something is left", steps[i].what);
        }
        if (steps[i].undo)
            steps[i].undo();
        fake_assert_balance(before);
    }
    sys_close(task, 0);
    sys_unlink(task, user("/m/from"));
    assert_int_equal(sys_rmdir(task, user("/m")), 0);
}

/* 2,000 names with the same beginning, found, listed and removed. */
static void test_large_directory(void **state)
{
    struct fake_balance before = fake_balance();
    unsigned count = 0;
    char path[40], name[40];
    int fd;

    (void)state;
    sys_mkdir(task, user("/big"), 0755);
    for (unsigned i = 0; i < 2000; i++) {
        snprintf(path, sizeof(path), "/big/n%u", i * 7);
        assert_int_equal(sys_mknod(task, user(path), LX_S_IFREG | 0644, 0), 0);
    }
    fd = open_at("/big", LX_O_RDONLY);
    while (next_name(fd, name))
        count++;
    assert_int_equal(count, 2002);
    sys_close(task, fd);
    for (unsigned i = 0; i < 2000; i++) {
        snprintf(path, sizeof(path), "/big/n%u", i * 7);
        assert_int_equal(sys_access(task, user(path), LX_F_OK), 0);
        assert_int_equal(sys_unlink(task, user(path)), 0);
    }
    assert_int_equal(sys_rmdir(task, user("/big")), 0);
    fake_assert_balance(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readdir_while_it_changes),
        cmocka_unit_test(test_remove_while_reading),
        cmocka_unit_test(test_newest_first_and_seeking),
        cmocka_unit_test(test_unlinked_files_live_on),
        cmocka_unit_test(test_too_deep_for_a_path),
        cmocka_unit_test(test_rename_keeps_the_tree_a_tree),
        cmocka_unit_test(test_time_stamps),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_large_directory),
    };

    return fake_start(NULL) || cmocka_run_group_tests(tests, setup, teardown);
}
