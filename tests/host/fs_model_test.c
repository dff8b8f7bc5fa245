/* SPDX-License-Identifier: MIT */
/*
 * The host's Linux is the oracle: the same random calls go to it, in a directory of its own on
 * tmpfs, and to Firstlight's system call handlers. Every result and errno must be the same, and at
 * the end so must the two trees.
 */
/* Long because each call is made twice, and the model is only as good as the number of calls. */
#define _GNU_SOURCE
#include "tests/host/fs_fake.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "kernel/syscall/handlers.h"
#include "shared/linux/dirent.h"

#define NFDS   8
#define CHUNK  9000
#define NOBODY 65534

static struct task *task;
static bool links_protected; /* a setting of the host: fs.protected_hardlinks */
static bool privileged;      /* whoever started this may be anybody */
static bool ordinary;        /* the calls are made by NOBODY, or by whoever may be nobody else */
static uint64_t seed;
static char trail[256][200]; /* the last calls, shown when a test fails */
static unsigned ntrail;

struct both_fd {
    int host, ours;
};
static struct both_fd fds[NFDS];

static uint32_t dice(uint32_t n)
{
    return next_random(&seed) % n;
}

static void show_trail(void)
{
    for (unsigned i = ntrail > 256 ? ntrail - 256 : 0; i < ntrail; i++)
        fprintf(stderr, "  %s\n", trail[i % 256]);
}

/* One call, made on both sides: the host's result as the kernel gives it. */
static void same(int64_t host, int64_t ours, const char *format, ...)
{
    char *line = trail[ntrail++ % 256];
    va_list args;
    int n;

    if (host == -1)
        host = -errno;
    va_start(args, format);
    n = vsnprintf(line, 160, format, args);
    va_end(args);
    snprintf(line + MIN(n, 159), 40, " = %lld, %lld", (long long)host, (long long)ours);
    if (host != ours) {
        show_trail();
        fail_msg("the host and Firstlight differ: %s", line);
    }
}

/* --- random arguments --- */

static const char *const names[] = {
    "a", "b", "c", "d", "a_name_of_more_than_thirty_two_bytes_so_that_it_is_kept_elsewhere", "e"};

static void random_path(char *path)
{
    unsigned depth = 1 + dice(3);

    path[0] = '\0';
    if (dice(60) == 0)
        return;
    for (unsigned i = 0; i < depth; i++) {
        if (i > 0)
            strcat(path, dice(10) ? "/" : "//");
        if (i > 0 && dice(12) == 0)
            strcat(path, dice(2) ? "." : "b/..");
        else
            strcat(path, names[dice(ARRAY_SIZE(names))]);
    }
    if (dice(12) == 0)
        strcat(path, dice(3) ? "/" : "/.");
    if (dice(200) == 0)
        memset(path, 'x', 256 + dice(2)), path[256 + dice(2)] = '\0';
}

static struct both_fd *random_fd(void)
{
    return &fds[dice(NFDS)];
}

/* --- calls --- */

static void forget(struct both_fd *fd)
{
    if (fd->host >= 0) {
        close(fd->host);
        assert_int_equal(sys_close(task, fd->ours), 0);
    }
    fd->host = fd->ours = -1;
}

static void do_open(void)
{
    static const int accesses[] = {O_RDONLY, O_WRONLY, O_RDWR, O_RDWR, O_RDWR, 3};
    static const int extras[] = {O_EXCL,     O_TRUNC, O_APPEND,   O_DIRECTORY,
                                 O_NOFOLLOW, O_PATH,  O_NONBLOCK, O_CLOEXEC};
    int flags = accesses[dice(ARRAY_SIZE(accesses))] | (dice(2) ? O_CREAT : 0) | O_NONBLOCK;
    struct both_fd *fd = random_fd();
    unsigned mode = dice(01000);
    char path[600];
    int host, ours;

    for (unsigned i = dice(3); i > 0; i--)
        flags |= extras[dice(ARRAY_SIZE(extras))];
    if (dice(40) == 0)
        flags |= O_TMPFILE;
    random_path(path);
    forget(fd);
    host = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    ours = (int)sys_openat(task, AT_FDCWD, user(path), flags, mode);
    same(host >= 0 ? 0 : -1, ours >= 0 ? 0 : ours, "open(%s, %#x, %#o)", path, flags, mode);
    fd->host = host;
    fd->ours = ours;
}

static void do_write(void)
{
    struct both_fd *fd = random_fd();
    size_t nbytes = dice(3) ? dice(100) : dice(CHUNK);
    int64_t offset = (int64_t)dice(3 * 4096);
    static char bytes[CHUNK];

    memset(bytes, 'A' + (int)dice(26), nbytes);
    if (dice(2))
        same(syscall(SYS_write, fd->host, bytes, nbytes),
             sys_write(task, fd->ours, user(bytes), nbytes), "write(%zu)", nbytes);
    else
        same(syscall(SYS_pwrite64, fd->host, bytes, nbytes, offset),
             sys_pwrite64(task, fd->ours, user(bytes), nbytes, offset), "pwrite(%zu, %lld)", nbytes,
             (long long)offset);
}

static void do_read(void)
{
    struct both_fd *fd = random_fd();
    static char host[CHUNK], ours[CHUNK];
    size_t nbytes = dice(CHUNK);
    int64_t offset = (int64_t)dice(3 * 4096);

    memset(host, 1, sizeof(host));
    memset(ours, 1, sizeof(ours));
    if (dice(2))
        same(syscall(SYS_read, fd->host, host, nbytes),
             sys_read(task, fd->ours, user(ours), nbytes), "read(%zu)", nbytes);
    else
        same(syscall(SYS_pread64, fd->host, host, nbytes, offset),
             sys_pread64(task, fd->ours, user(ours), nbytes, offset), "pread(%zu, %lld)", nbytes,
             (long long)offset);
    if (memcmp(host, ours, sizeof(host)) != 0) {
        show_trail();
        fail_msg("read other bytes");
    }
}

static void do_seek(void)
{
    struct both_fd *fd = random_fd();
    int64_t offset = (int64_t)dice(20000) - 4000;
    int whence = dice(20) ? (int)dice(3) : 5; /* holes are tested in fs_file_test.c */
    struct stat st;

    /* Where a directory ends, or data in a hole begins, is the file system's affair. */
    if (fd->host >= 0 && fstat(fd->host, &st) == 0 && S_ISDIR(st.st_mode))
        return;
    same(syscall(SYS_lseek, fd->host, offset, whence), sys_lseek(task, fd->ours, offset, whence),
         "lseek(%lld, %d)", (long long)offset, whence);
}

static void do_fd_call(void)
{
    struct both_fd *fd = random_fd();
    int64_t nbytes = (int64_t)dice(3 * 4096) - 100;
    int mode = (int)(dice(2) ? 0 : dice(4));
    int64_t offset = (int64_t)dice(3 * 4096);
    unsigned perm = dice(010000);
    unsigned append = dice(2) ? O_APPEND : 0;

    switch (dice(7)) {
    case 0:
        same(syscall(SYS_ftruncate, fd->host, nbytes), sys_ftruncate(task, fd->ours, nbytes),
             "ftruncate(%lld)", (long long)nbytes);
        break;
    case 1:
        same(syscall(SYS_fallocate, fd->host, mode, offset, nbytes),
             sys_fallocate(task, fd->ours, mode, offset, nbytes), "fallocate(%d, %lld, %lld)", mode,
             (long long)offset, (long long)nbytes);
        break;
    case 2:
        if ((perm & 01002) == 01002)
            perm &= 0777;
        same(syscall(SYS_fchmod, fd->host, perm), sys_fchmod(task, fd->ours, perm), "fchmod(%#o)",
             perm);
        break;
    case 3:
        same(syscall(SYS_fsync, fd->host), sys_fsync(task, fd->ours), "fsync");
        break;
    case 4:
        same(syscall(SYS_fcntl, fd->host, F_GETFL, 0), sys_fcntl(task, fd->ours, F_GETFL, 0),
             "fcntl(GETFL)");
        break;
    case 5: /* O_NONBLOCK stays on: nobody is there to end a wait */
        same(syscall(SYS_fcntl, fd->host, F_SETFL, O_NONBLOCK | append),
             sys_fcntl(task, fd->ours, F_SETFL, O_NONBLOCK | append), "fcntl(SETFL, %#x)", append);
        break;
    default:
        same(syscall(SYS_fcntl, fd->host, F_GETFD, 0), sys_fcntl(task, fd->ours, F_GETFD, 0),
             "fcntl(GETFD)");
    }
}

static void do_make(void)
{
    static const unsigned types[] = {S_IFREG, 0, S_IFIFO, S_IFSOCK, S_IFDIR, S_IFLNK, 0030000};
    unsigned type = types[dice(ARRAY_SIZE(types))];
    unsigned mode = dice(01000) | (dice(8) ? 0 : S_ISVTX | S_ISGID);
    char path[600];

    random_path(path);
    if (dice(3))
        same(syscall(SYS_mkdir, path, mode), sys_mkdir(task, user(path), mode), "mkdir(%s, %#o)",
             path, mode);
    else
        same(syscall(SYS_mknod, path, type | mode, 0), sys_mknod(task, user(path), type | mode, 0),
             "mknod(%s, %#o)", path, type | mode);
}

static void do_remove(void)
{
    char path[600];

    random_path(path);
    if (dice(2))
        same(syscall(SYS_unlink, path), sys_unlink(task, user(path)), "unlink(%s)", path);
    else
        same(syscall(SYS_rmdir, path), sys_rmdir(task, user(path)), "rmdir(%s)", path);
}

static void do_two_paths(void)
{
    static const unsigned rename_flags[] = {0, 0, 0, 1, 2, 3, 8};
    unsigned flags = rename_flags[dice(ARRAY_SIZE(rename_flags))];
    int link_flags = dice(3) ? 0 : dice(2) ? AT_SYMLINK_FOLLOW : 1;
    char from[600], to[600];

    random_path(from);
    random_path(to);
    switch (dice(4)) {
    case 0:
        if (ordinary && !links_protected)
            break;
        same(syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, link_flags),
             sys_linkat(task, AT_FDCWD, user(from), AT_FDCWD, user(to), link_flags),
             "link(%s, %s, %#x)", from, to, link_flags);
        break;
    case 1:
        if (strstr(from, "..")) /* might lead out of the host's directory */
            break;
        same(syscall(SYS_symlink, from, to), sys_symlink(task, user(from), user(to)),
             "symlink(%s, %s)", from, to);
        break;
    default:
        same(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags),
             sys_renameat2(task, AT_FDCWD, user(from), AT_FDCWD, user(to), flags),
             "rename(%s, %s, %u)", from, to, flags);
    }
}

static void do_attributes(void)
{
    char path[600];
    int mode = (int)dice(9);
    unsigned perm = dice(010000);
    int64_t nbytes = (int64_t)dice(3 * 4096) - 100;
    uid_t uid = dice(3) ? (uid_t)-1 : dice(3);

    random_path(path);
    switch (dice(4)) {
    case 0:
        same(syscall(SYS_faccessat, AT_FDCWD, path, mode),
             sys_faccessat(task, AT_FDCWD, user(path), mode), "access(%s, %d)", path, mode);
        break;
    case 1:
        if ((perm & 01002) == 01002)
            perm &= 0777; /* whether links in /tmp are followed is a setting of the host */
        same(syscall(SYS_chmod, path, perm), sys_chmod(task, user(path), perm), "chmod(%s, %#o)",
             path, perm);
        break;
    case 2:
        same(syscall(SYS_lchown, path, uid, -1), sys_lchown(task, user(path), uid, UINT32_MAX),
             "lchown(%s, %d)", path, (int)uid);
        break;
    default:
        same(syscall(SYS_truncate, path, nbytes), sys_truncate(task, user(path), nbytes),
             "truncate(%s, %lld)", path, (long long)nbytes);
    }
}

static void same_stat(const char *path, const struct stat *host, const struct lx_stat *ours)
{
    bool differs = host->st_mode != ours->st_mode || host->st_nlink != ours->st_nlink ||
                   host->st_uid != ours->st_uid || host->st_gid != ours->st_gid ||
                   host->st_size != ours->st_size || host->st_rdev != ours->st_rdev ||
                   host->st_blksize != ours->st_blksize;

    if (differs) {
        show_trail();
        fail_msg("stat of %s: mode %o %o, links %u %u, size %lld %lld, owner %u %u", path,
                 host->st_mode, ours->st_mode, (unsigned)host->st_nlink, (unsigned)ours->st_nlink,
                 (long long)host->st_size, (long long)ours->st_size, host->st_uid, ours->st_uid);
    }
}

static void do_stat(void)
{
    struct lx_stat ours;
    struct stat host;
    char path[600], text[2][300] = {{0}, {0}};
    int flags = dice(2) ? AT_SYMLINK_NOFOLLOW : 0;
    int64_t result;

    random_path(path);
    result = sys_newfstatat(task, AT_FDCWD, user(path), user(&ours), flags);
    same(syscall(SYS_newfstatat, AT_FDCWD, path, &host, flags), result, "stat(%s, %#x)", path,
         flags);
    if (result == 0)
        same_stat(path, &host, &ours);
    same(syscall(SYS_readlink, path, text[0], 299),
         sys_readlink(task, user(path), user(text[1]), 299), "readlink(%s)", path);
    assert_string_equal(text[0], text[1]);
}

static void do_one(void)
{
    static void (*const calls[])(void) = {
        do_open, do_open,   do_write,     do_write,     do_read,       do_seek, do_fd_call,
        do_make, do_remove, do_two_paths, do_two_paths, do_attributes, do_stat};

    calls[dice(ARRAY_SIZE(calls))]();
}

/* --- comparing the trees --- */

#define NAMES_MAX 64

struct name_list {
    char names[NAMES_MAX][300];
    unsigned count;
};

static int by_text(const void *one, const void *other)
{
    return strcmp(one, other);
}

static void list_add(struct name_list *list, const char *name)
{
    assert_true(list->count < NAMES_MAX);
    snprintf(list->names[list->count++], 300, "%s", name);
}

static void list_host(const char *path, struct name_list *list)
{
    DIR *dir = opendir(path);
    struct dirent *entry;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL)
        list_add(list, entry->d_name);
    closedir(dir);
    qsort(list->names, list->count, 300, by_text);
}

/* With a small buffer, so that positions between two calls matter. */
static void list_ours(const char *path, struct name_list *list)
{
    int fd = (int)sys_openat(task, AT_FDCWD, user(path), O_RDONLY | O_DIRECTORY, 0);
    char buffer[400];
    int64_t got;

    assert_true(fd >= 0);
    while ((got = sys_getdents64(task, fd, user(buffer), sizeof(buffer))) > 0)
        for (int64_t at = 0; at < got;) {
            struct lx_dirent64 *entry = (struct lx_dirent64 *)(buffer + at);
            list_add(list, entry->d_name);
            at += entry->d_reclen;
        }
    assert_int_equal(got, 0);
    sys_close(task, fd);
    qsort(list->names, list->count, 300, by_text);
}

static void compare_contents(const char *path, int64_t size)
{
    int host = open(path, O_RDONLY | O_NONBLOCK);
    int ours = (int)sys_openat(task, AT_FDCWD, user(path), O_RDONLY, 0);
    char *bytes[2] = {calloc(1, (size_t)size + 1), calloc(1, (size_t)size + 1)};

    assert_true(host >= 0 && ours >= 0 && bytes[0] && bytes[1]);
    assert_int_equal(read(host, bytes[0], (size_t)size + 1), size);
    assert_int_equal(sys_read(task, ours, user(bytes[1]), (size_t)size + 1), size);
    assert_memory_equal(bytes[0], bytes[1], (size_t)size);
    close(host);
    sys_close(task, ours);
    free(bytes[0]);
    free(bytes[1]);
}

static void compare_tree(const char *path, unsigned depth)
{
    static struct name_list lists[12][2];
    struct name_list *host = &lists[depth][0], *ours = &lists[depth][1];

    assert_true(depth < 12);
    host->count = ours->count = 0;
    list_host(path, host);
    list_ours(path, ours);
    assert_int_equal(host->count, ours->count);
    for (unsigned i = 0; i < host->count; i++) {
        char below[4000];
        struct lx_stat st;
        struct stat wanted;

        assert_string_equal(host->names[i], ours->names[i]);
        if (strcmp(host->names[i], ".") == 0 || strcmp(host->names[i], "..") == 0)
            continue;
        snprintf(below, sizeof(below), "%s/%s", path, host->names[i]);
        assert_int_equal(lstat(below, &wanted), 0);
        assert_int_equal(sys_lstat(task, user(below), user(&st)), 0);
        same_stat(below, &wanted, &st);
        if (!privileged && !S_ISLNK(wanted.st_mode)) { /* to look into it, and to remove it */
            assert_int_equal(chmod(below, 0700), 0);
            assert_int_equal(sys_chmod(task, user(below), 0700), 0);
        }
        if (S_ISDIR(wanted.st_mode))
            compare_tree(below, depth + 1);
        else if (S_ISREG(wanted.st_mode))
            compare_contents(below, wanted.st_size);
    }
}

/* --- the runs --- */

static void remove_ours(const char *path)
{
    static struct name_list lists[12];
    static unsigned depth;
    struct name_list *list = &lists[depth];

    list->count = 0;
    list_ours(path, list);
    for (unsigned i = 0; i < list->count; i++) {
        char below[4000];
        if (list->names[i][0] == '.')
            continue;
        snprintf(below, sizeof(below), "%s/%s", path, list->names[i]);
        if (sys_unlink(task, user(below)) == 0)
            continue;
        depth++;
        remove_ours(below);
        depth--;
        assert_int_equal(sys_rmdir(task, user(below)), 0);
    }
}

static void become(uid_t id)
{
    struct credentials *cred;

    if (!privileged)
        return;
    cred = &task->fs->cred;
    /* Only the effective and real ones: the saved one leads back. */
    assert_int_equal(syscall(SYS_setresuid, id == 0 ? 0 : -1, 0, 0), 0);
    assert_int_equal(syscall(SYS_setresgid, id, id, 0), 0);
    assert_int_equal(syscall(SYS_setgroups, 0, NULL), 0);
    assert_int_equal(syscall(SYS_setresuid, id, id, 0), 0);
    *cred = credentials_of_user(id);
}

static char host_dir[] = "/dev/shm/firstlight-XXXXXX";

static int begin(void **state)
{
    struct statfs fs;
    char command[100];
    FILE *setting;

    (void)state;
    if (!mkdtemp(host_dir) || chdir(host_dir) || statfs(".", &fs) || fs.f_type != 0x01021994) {
        snprintf(command, sizeof(command), "%s is not a tmpfs", host_dir);
        fprintf(stderr, "%s\n", command);
        return -1;
    }
    setting = fopen("/proc/sys/fs/protected_hardlinks", "r");
    if (setting) {
        links_protected = fgetc(setting) == '1';
        fclose(setting);
    }
    signal(SIGPIPE, SIG_IGN); /* a FIFO without readers: the errno is what counts */
    privileged = geteuid() == 0;
    ordinary = !privileged;
    if (fake_start(state))
        return -1;
    mount_root()->inode->uid = geteuid();
    mount_root()->inode->gid = getegid();
    return 0;
}

static int end(void **state)
{
    char command[100];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", host_dir);
    if (ordinary) /* a test failed half-way */
        become(0);
    return chdir("/") || system(command);
}

/* Every run has a directory of its own on both sides. */
static void run(uint64_t start, unsigned ncalls, unsigned absent_chance)
{
    struct fake_balance before;
    uint64_t frames;

    task = fake_task_create();
    task->fs->cred = credentials_of_user(geteuid());
    task->fs->cred.gid = task->fs->cred.fsgid = task->fs->cred.egid = getegid();
    umask(022);
    for (unsigned i = 0; i < NFDS; i++)
        fds[i].host = fds[i].ours = -1;
    seed = start;
    ntrail = 0;
    frames = fake_frames_in_use() - fs_frames_held();
    before = fake_balance();
    fake_set_absent_pages(absent_chance);
    if (ordinary)
        become(NOBODY);
    for (unsigned i = 0; i < ncalls; i++)
        do_one();
    if (ordinary)
        become(0);
    fake_set_absent_pages(0);
    for (unsigned i = 0; i < NFDS; i++)
        forget(&fds[i]);
    compare_tree(".", 0);
    assert_int_equal(fake_frames_in_use() - fs_frames_held(), frames);
    assert_int_equal(fs_orphans(), 0);
    remove_ours("/");
    assert_int_equal(system("rm -rf ./*"), 0);
    fake_assert_balance(before);
    fake_task_destroy(task);
}

static void test_as_privileged_user(void **state)
{
    (void)state;
    if (!privileged)
        skip();
    for (uint64_t i = 0; i < 300; i++)
        run(i * 7919 + 1, 250, 0);
}

/* As somebody else, so that permissions count. The privileged user looks and cleans up again. */
static void test_as_ordinary_user(void **state)
{
    struct inode *root = mount_root()->inode;

    (void)state;
    if (privileged) {
        assert_int_equal(chown(".", NOBODY, NOBODY) | chmod(".", 0755), 0);
        root->uid = root->gid = NOBODY;
    }
    ordinary = true;
    for (uint64_t i = 0; i < 200; i++)
        run(i * 6700417 + 5, 250, 0);
    ordinary = !privileged;
    root->uid = geteuid();
    root->gid = getegid();
}

static void test_with_pages_not_there(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 100; i++)
        run(i * 104729 + 3, 250, 160);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_privileged_user),
        cmocka_unit_test(test_as_ordinary_user),
        cmocka_unit_test(test_with_pages_not_there),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
