/* SPDX-License-Identifier: MIT */
/* The path walk: symlinks, dots, mounts, roots, openat2's fences. Linux's errno for each. */
#include "tests/host/fs_fake.h"

#include "kernel/fs/devfs/devfs.h"
#include "kernel/fs/ramfs/ramfs.h"
#include "kernel/sched/deferred.h"
#include "kernel/syscall/handlers.h"

#define ERR(call, err) assert_int_equal((call), -(err))
#define OK(call)       assert_int_equal((call), 0)

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

static int64_t mkdir_(const char *path)
{
    return sys_mkdir(task, user(path), 0755);
}

static int64_t symlink_(const char *text, const char *path)
{
    return sys_symlink(task, user(text), user(path));
}

static int64_t stat_(const char *path)
{
    struct lx_stat st;

    return sys_stat(task, user(path), user(&st));
}

static int64_t lstat_(const char *path)
{
    struct lx_stat st;

    return sys_lstat(task, user(path), user(&st));
}

static int64_t open_(const char *path, int flags)
{
    return sys_open(task, user(path), flags, 0644);
}

static void create(const char *path)
{
    int64_t fd = open_(path, LX_O_CREAT | LX_O_WRONLY);

    assert_true(fd >= 0);
    OK(sys_close(task, (int)fd));
}

static void test_symlink_chains(void **state)
{
    char from[20], to[20];

    (void)state;
    OK(mkdir_("/l"));
    OK(sys_chdir(task, user("/l")));
    create("end");
    OK(symlink_("end", "s0"));
    for (int i = 1; i <= 40; i++) {
        snprintf(from, sizeof(from), "s%d", i - 1);
        snprintf(to, sizeof(to), "s%d", i);
        OK(symlink_(from, to));
    }
    OK(stat_("s39")); /* forty links */
    ERR(stat_("s40"), ELOOP);
    OK(lstat_("s40"));
    OK(symlink_("loop", "loop"));
    ERR(stat_("loop"), ELOOP);
    ERR(stat_("loop/x"), ELOOP);
    ERR(open_("loop", LX_O_CREAT | LX_O_RDWR), ELOOP);
    ERR(open_("s0", LX_O_NOFOLLOW | LX_O_RDONLY), ELOOP);
    ERR(open_("s0", LX_O_NOFOLLOW | LX_O_CREAT | LX_O_RDWR), ELOOP);
    ERR(open_("s0", LX_O_NOFOLLOW | LX_O_DIRECTORY), ENOTDIR);
    ERR(open_("s0", LX_O_CREAT | LX_O_EXCL | LX_O_RDWR), EEXIST);

    /* Links in the middle of paths, each followed by more path, nested. */
    OK(mkdir_("d1"));
    OK(mkdir_("d1/d2"));
    create("d1/d2/f");
    OK(symlink_("d1", "a"));
    OK(symlink_("a/d2", "b"));
    OK(symlink_("b/../d2/", "c"));
    OK(stat_("c/f"));
    OK(stat_("c/../d2/f"));
    OK(lstat_("c/"));
    ERR(stat_("c/f/"), ENOTDIR);
    ERR(lstat_("s0/"), ENOTDIR);

    /* A dangling link: created through, into another directory. */
    OK(symlink_("d1/made", "dangling"));
    ERR(stat_("dangling"), ENOENT);
    create("dangling");
    OK(stat_("d1/made"));
    OK(symlink_("d1/made2/", "dangling2"));
    ERR(open_("dangling2", LX_O_CREAT | LX_O_WRONLY), EISDIR);
    OK(symlink_("/l/d1", "absolute"));
    OK(stat_("absolute/made"));
    ERR(symlink_("", "empty"), ENOENT);
}

static void test_names(void **state)
{
    char name[300], path[5000];

    (void)state;
    memset(name, 'n', sizeof(name));
    name[255] = '\0';
    OK(sys_mkdir(task, user(name), 0755));
    OK(stat_(name));
    name[255] = 'n';
    name[256] = '\0';
    ERR(mkdir_(name), ENAMETOOLONG);
    ERR(stat_(name), ENAMETOOLONG);
    name[255] = '\0';
    OK(sys_rmdir(task, user(name)));

    memset(path, '/', sizeof(path));
    path[4095] = '\0';
    OK(stat_(path)); /* 4,095 slashes */
    path[4095] = '/';
    path[4096] = '\0';
    ERR(stat_(path), ENAMETOOLONG);
    ERR(stat_(""), ENOENT);
    ERR(mkdir_(""), ENOENT);
    OK(stat_("/"));
    OK(stat_("/.."));
    OK(stat_("/../../."));
    ERR(mkdir_("/"), EEXIST);
    ERR(mkdir_("."), EEXIST);
    ERR(mkdir_("d1/.."), EEXIST);
    OK(mkdir_("slashes//"));
    OK(sys_rmdir(task, user("slashes/")));
    ERR(sys_rmdir(task, user(".")), EINVAL);
    ERR(sys_rmdir(task, user("d1/..")), ENOTEMPTY);
    ERR(sys_rmdir(task, user("/")), EBUSY);
    ERR(sys_unlink(task, user("/")), EISDIR);
    ERR(sys_unlink(task, user("d1")), EISDIR);
    ERR(sys_unlink(task, user("end/")), ENOTDIR);
    ERR(sys_rmdir(task, user("end")), ENOTDIR);
    ERR(open_("new/", LX_O_CREAT | LX_O_WRONLY), EISDIR);
    ERR(open_("d1", LX_O_CREAT | LX_O_RDONLY), EISDIR);
    ERR(open_("d1", LX_O_WRONLY), EISDIR);
    ERR(open_("end", LX_O_DIRECTORY), ENOTDIR);
    ERR(open_("end/x", LX_O_CREAT | LX_O_WRONLY), ENOTDIR);
}

static void test_starting_points(void **state)
{
    struct lx_stat st;
    int dir, file, place;
    int fds[2];

    (void)state;
    dir = (int)open_("d1", LX_O_RDONLY | LX_O_DIRECTORY);
    file = (int)open_("end", LX_O_RDONLY);
    place = (int)open_("s0", LX_O_PATH | LX_O_NOFOLLOW);
    OK(sys_pipe(task, user(fds)));
    OK(sys_newfstatat(task, dir, user("d2/f"), user(&st), 0));
    ERR(sys_newfstatat(task, file, user("x"), user(&st), 0), ENOTDIR);
    ERR(sys_newfstatat(task, fds[0], user("x"), user(&st), 0), ENOTDIR);
    ERR(sys_newfstatat(task, 99, user("x"), user(&st), 0), EBADF);
    OK(sys_newfstatat(task, 99, user("/"), user(&st), 0));
    ERR(sys_newfstatat(task, dir, user(""), user(&st), 0), ENOENT);
    OK(sys_newfstatat(task, fds[0], user(""), user(&st), LX_AT_EMPTY_PATH));
    assert_int_equal(st.st_mode & LX_S_IFMT, LX_S_IFIFO);
    OK(sys_newfstatat(task, place, user(""), user(&st), LX_AT_EMPTY_PATH));
    assert_int_equal(st.st_mode & LX_S_IFMT, LX_S_IFLNK);
    OK(sys_newfstatat(task, LX_AT_FDCWD, user(""), user(&st), LX_AT_EMPTY_PATH));
    ERR(sys_newfstatat(task, dir, user("x"), user(&st), 0x800000), EINVAL);

    /* O_PATH names a place and gives no input or output. */
    ERR(sys_read(task, place, user(&st), 1), EBADF);
    ERR(sys_fchmod(task, place, 0), EBADF);
    ERR(sys_ioctl(task, place, 0x5401, user(&st)), EBADF);
    assert_int_equal(sys_readlinkat(task, place, user(""), user(&st), 10), 3);
    ERR(sys_readlinkat(task, dir, user(""), user(&st), 10), ENOENT);
    ERR(sys_readlink(task, user("end"), user(&st), 10), EINVAL);
    ERR(sys_readlink(task, user("s0"), user(&st), 0), EINVAL);
    ERR(sys_fchdir(task, file), ENOTDIR);
    OK(sys_fchdir(task, dir));
    OK(stat_("d2"));
    OK(sys_chdir(task, user("/l")));
    for (int fd = 0; fd < 5; fd++)
        OK(sys_close(task, fd));
}

static void test_mounts_and_roots(void **state)
{
    static const struct file_ops no_ops = {0};
    static struct char_device device = {
        .name = "node", .device = DEVICE(9, 9), .mode = 0600, .ops = &no_ops};
    struct lx_stat outside, inside;
    char path[30];

    (void)state;
    OK(mkdir_("/dev"));
    create("/dev/covered");
    OK(devfs_register(&device));
    OK(devfs_mount());
    OK(devfs_make_directory("sub"));
    ERR(stat_("/dev/covered"), ENOENT);
    OK(stat_("/dev/node"));
    OK(lstat_("/dev/stdin"));
    OK(sys_stat(task, user("/"), user(&outside)));
    OK(sys_stat(task, user("/dev"), user(&inside)));
    assert_int_not_equal(outside.st_dev, inside.st_dev);
    OK(sys_stat(task, user("/dev/sub/../.."), user(&inside)));
    assert_int_equal(outside.st_ino, inside.st_ino);
    assert_int_equal(outside.st_dev, inside.st_dev);
    OK(sys_chdir(task, user("/dev/sub")));
    assert_int_equal(sys_getcwd(task, user(path), sizeof(path)), 9);
    assert_string_equal(path, "/dev/sub");
    ERR(sys_getcwd(task, user(path), 8), ERANGE);
    ERR(sys_rmdir(task, user("/dev")), EBUSY);
    ERR(sys_rename(task, user("/dev"), user("/x")), EBUSY);
    ERR(sys_rename(task, user("/dev/node"), user("/x")), EXDEV);
    ERR(sys_link(task, user("/dev/node"), user("/x")), EXDEV);
    ERR(open_("/dev/sub/../../../..//l/nothing", LX_O_RDONLY), ENOENT);

    /* A root of its own: absolute paths, "..", and absolute links stay below it. */
    OK(sys_chdir(task, user("/l")));
    OK(sys_chroot(task, user("/l/d1")));
    OK(stat_("/d2/f"));
    OK(stat_("/../../d2/f"));
    ERR(stat_("/l"), ENOENT);
    assert_int_equal(sys_getcwd(task, user(path), sizeof(path)), 16);
    assert_string_equal(path, "(unreachable)/l");
    fs_context_set_root(task->fs, (dentry_get(mount_root()), mount_root()));
}

static int64_t open_fenced(int dir, const char *path, uint64_t flags, uint64_t resolve)
{
    struct lx_open_how how = {.flags = flags, .resolve = resolve};
    int64_t fd = sys_openat2(task, dir, user(path), user(&how), sizeof(how));

    if (fd >= 0)
        OK(sys_close(task, (int)fd));
    return fd < 0 ? fd : 0;
}

static void test_openat2(void **state)
{
    struct lx_open_how how = {.flags = LX_O_RDONLY, .mode = 0644};
    char large[40] = {0};
    int dir;

    (void)state;
    OK(sys_chdir(task, user("/l")));
    dir = (int)open_("/l/d1", LX_O_RDONLY);
    OK(symlink_("../end", "d1/out"));
    OK(symlink_("/d2/f", "d1/rooted"));
    OK(symlink_("d2/f", "d1/in"));
    OK(open_fenced(dir, "d2/f", 0, 0));
    OK(open_fenced(dir, "out", 0, 0));
    ERR(open_fenced(dir, "out", 0, LX_RESOLVE_BENEATH), EXDEV);
    ERR(open_fenced(dir, "..", 0, LX_RESOLVE_BENEATH), EXDEV);
    ERR(open_fenced(dir, "/l", 0, LX_RESOLVE_BENEATH), EXDEV);
    OK(open_fenced(dir, "d2/../in", 0, LX_RESOLVE_BENEATH));
    /* A directory has moved before the walk, which climbs behind its last component. */
    OK(sys_mkdir(task, user("/l/moves"), 0700));
    OK(sys_rename(task, user("/l/moves"), user("/l/moved")));
    OK(symlink_("d2/../d2/f", "d1/climbs"));
    OK(open_fenced(dir, "climbs", LX_O_RDWR | LX_O_CREAT, LX_RESOLVE_BENEATH));
    OK(open_fenced(dir, "climbs", LX_O_RDWR | LX_O_CREAT, LX_RESOLVE_IN_ROOT));
    ERR(open_fenced(dir, "rooted", 0, LX_RESOLVE_BENEATH), EXDEV);
    OK(open_fenced(dir, "rooted", 0, LX_RESOLVE_IN_ROOT));
    OK(open_fenced(dir, "/d2/../../d2/f", 0, LX_RESOLVE_IN_ROOT));
    ERR(open_fenced(dir, "out", 0, LX_RESOLVE_IN_ROOT), ENOENT);
    ERR(open_fenced(dir, "in", 0, LX_RESOLVE_NO_SYMLINKS), ELOOP);
    OK(open_fenced(dir, "in", LX_O_PATH | LX_O_NOFOLLOW, LX_RESOLVE_NO_SYMLINKS));
    ERR(open_fenced(LX_AT_FDCWD, "/dev/sub", 0, LX_RESOLVE_NO_XDEV), EXDEV);
    OK(open_fenced(LX_AT_FDCWD, "/l/d1", 0, LX_RESOLVE_NO_XDEV));
    ERR(open_fenced(dir, "in", 0, 0x8000), EINVAL);
    ERR(open_fenced(dir, "in", 1ull << 33, 0), EINVAL);
    ERR(open_fenced(dir, "in", 0, LX_RESOLVE_BENEATH | LX_RESOLVE_IN_ROOT), EINVAL);
    ERR(sys_openat2(task, dir, user("in"), user(&how), sizeof(how)), EINVAL); /* mode, no CREAT */
    ERR(sys_openat2(task, dir, user("in"), user(&how), 16), EINVAL);
    assert_true(sys_openat2(task, dir, user("in"), user(large), sizeof(large)) > 0);
    large[39] = 1;
    ERR(sys_openat2(task, dir, user("in"), user(large), sizeof(large)), E2BIG);
}

/* A tmpfs over /m, the working directory moved into it, and its root. */
static struct dentry *mount_and_enter(void)
{
    char options[] = "";
    struct dentry *directory;

    OK(sys_chdir(task, user("/m")));
    directory = fs_context_cwd(task->fs);
    OK(mount_new(&mount_space_initial, "tmpfs", "t", directory, 0, options));
    dentry_put(directory);
    OK(sys_chdir(task, user("/m")));
    return fs_context_cwd(task->fs);
}

/* What was detached goes with its last user, without a look by the latter: the close of a file, the
 * step out of a directory. */
static void test_detached_mount(void **state)
{
    struct dentry *root;
    char name[16];
    int fd;

    (void)state;
    OK(mkdir_("/m"));
    root = mount_and_enter();
    /* However many directories are in it, one sweep takes all. */
    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "directory%u", i);
        OK(mkdir_(name));
    }
    fd = (int)open_("file", LX_O_CREAT | LX_O_RDWR);
    assert_true(fd >= 0);
    OK(mount_remove(&mount_space_initial, root, 2));
    dentry_put(root);
    mount_sweep();
    OK(sys_chdir(task, user("/")));
    deferred_flush();
    assert_int_equal(mount_detached(), 1); /* the file is open */
    OK(sys_close(task, fd));
    assert_int_equal(mount_detached(), 1);
    deferred_flush();
    assert_int_equal(mount_detached(), 0);

    root = mount_and_enter();
    OK(mount_remove(&mount_space_initial, root, 2));
    dentry_put(root);
    deferred_flush();
    assert_int_equal(mount_detached(), 1); /* it is the working directory */
    OK(sys_chdir(task, user("/")));
    deferred_flush();
    assert_int_equal(mount_detached(), 0);
    OK(sys_rmdir(task, user("/m")));
}

/* However many are in use, and in whatever order they lose their users. */
static void test_many_detached_mounts(void **state)
{
    int fds[40];

    (void)state;
    OK(mkdir_("/m"));
    for (unsigned i = 0; i < ARRAY_SIZE(fds); i++) {
        struct dentry *root = mount_and_enter();

        fds[i] = (int)open_("file", LX_O_CREAT | LX_O_RDWR);
        assert_true(fds[i] >= 0);
        OK(mount_remove(&mount_space_initial, root, 2));
        dentry_put(root);
    }
    OK(sys_chdir(task, user("/")));
    for (unsigned i = 0; i < ARRAY_SIZE(fds); i++) {
        deferred_flush();
        assert_int_equal(mount_detached(), ARRAY_SIZE(fds) - i);
        OK(sys_close(task, fds[i * 3 % ARRAY_SIZE(fds)]));
    }
    deferred_flush();
    assert_int_equal(mount_detached(), 0);
    OK(sys_rmdir(task, user("/m")));
}

static void test_bad_pointers(void **state)
{
    char *bytes = aligned_alloc(4096, 8192);
    struct lx_stat st;

    (void)state;
    memset(bytes, 'x', 8192);
    fake_set_bad_range(bytes + 4096, 4096, false);
    memcpy(bytes + 4094, "/", 2);
    OK(stat_(bytes + 4094)); /* ends right before */
    memset(bytes, 'x', 4096);
    ERR(stat_(bytes + 4090), EFAULT); /* runs into it */
    ERR(stat_(bytes + 4096), EFAULT);
    ERR(stat_(NULL), EFAULT);
    ERR(sys_stat(task, (struct uptr){0xffff800000000000ull}, user(&st)), EFAULT);
    ERR(sys_stat(task, user("/"), user(bytes + 4090)), EFAULT);
    ERR(sys_stat(task, user("/nothing"), user(bytes + 4090)), ENOENT);
    ERR(sys_rename(task, user("/nothing"), user(bytes + 4096)), EFAULT);
    ERR(sys_rename(task, user("/nothing/x"), user(bytes + 4096)), ENOENT);
    ERR(sys_readlink(task, user("/l/s0"), user(bytes + 4095), 10), EFAULT);
    ERR(sys_getcwd(task, user(bytes + 4095), 100), EFAULT);
    ERR(sys_symlink(task, user(bytes + 4090), user("/l/bad")), EFAULT);
    fake_set_bad_range(NULL, 0, false);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_symlink_chains),  cmocka_unit_test(test_names),
        cmocka_unit_test(test_starting_points), cmocka_unit_test(test_mounts_and_roots),
        cmocka_unit_test(test_openat2),         cmocka_unit_test(test_bad_pointers),
        cmocka_unit_test(test_detached_mount),  cmocka_unit_test(test_many_detached_mounts),
    };

    return fake_start(NULL) || cmocka_run_group_tests(tests, setup, teardown);
}
