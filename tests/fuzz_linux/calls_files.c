/* SPDX-License-Identifier: MIT */
/* Calls on files, directories and descriptors. Long because each call is a function of its own. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/fuzz_linux/sequence.h"

static const char *const paths[] = {"a", "b", "d",      "d/a",  "d/b", "d/e", "d/e/f",
                                    "s", "x", "d/../a", "a/b",  ".",   "..",  "d/.",
                                    "l", "",  "d/",     "fifo", "s/",  "x/y"};
#define PATHS 20
#define FDS   14 /* numbers that calls are about: 0 to 13 */

static const char *path_of(struct sequence *s)
{
    const char *path = paths[draw(s, draw(s, 3) ? 10 : PATHS)];

    tell(s, " '%s'", path);
    return path;
}

static int fd_of(struct sequence *s)
{
    int fd = (int)draw(s, 10) == 0 ? (int)draw(s, 3) - 2 : (int)draw(s, FDS);

    tell(s, " %d", fd);
    return fd;
}

static int dir_of(struct sequence *s)
{
    if (draw(s, 3)) {
        tell(s, " AT_FDCWD");
        return AT_FDCWD;
    }
    return fd_of(s);
}

static long number(struct sequence *s, const long *values, uint32_t n)
{
    long value = values[draw(s, n)];

    tell(s, " %#lx", value);
    return value;
}
#define ONE_OF(s, ...)                                                                             \
    number((s), (const long[]){__VA_ARGS__}, sizeof((const long[]){__VA_ARGS__}) / sizeof(long))

static unsigned mode_of(struct sequence *s)
{
    return (unsigned)ONE_OF(s, 0644, 0600, 0755, 0, 0777, 04755, 02755, 01777, 0444, 0222, 06777);
}

static const char bytes[] = "The quick brown fox jumps over the lazy dog, again and again; "
                            "then it sleeps until somebody reads this sentence to its end.";

static void do_open(struct sequence *s)
{
    const char *path = path_of(s);
    long flags =
        ONE_OF(s, O_RDONLY, O_RDWR, O_WRONLY, O_RDWR | O_CREAT, O_WRONLY | O_CREAT | O_TRUNC,
               O_RDWR | O_CREAT | O_EXCL, O_RDONLY | O_DIRECTORY, O_PATH, O_RDWR | O_APPEND,
               O_RDONLY | O_NOFOLLOW, O_PATH | O_NOFOLLOW, O_RDWR | O_TRUNC, O_RDONLY | O_CREAT,
               O_DIRECTORY | O_CREAT, 3, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC);
    answer(s, raw3(SYS_open, path, flags | O_NONBLOCK, mode_of(s)));
}

static void do_openat(struct sequence *s)
{
    int dir = dir_of(s);
    const char *path = path_of(s);
    long flags =
        ONE_OF(s, O_RDONLY, O_RDWR | O_CREAT, O_PATH, O_DIRECTORY, O_WRONLY | O_CREAT | O_EXCL,
               O_RDWR | O_TMPFILE, O_WRONLY | O_TMPFILE | O_EXCL, O_RDONLY | O_TMPFILE);

    answer(s, raw4(SYS_openat, dir, path, flags | O_NONBLOCK, mode_of(s)));
}

static void do_close(struct sequence *s)
{
    answer(s, raw1(SYS_close, fd_of(s)));
}

static void do_dup(struct sequence *s)
{
    answer(s, raw1(SYS_dup, fd_of(s)));
}

static void do_dup2(struct sequence *s)
{
    int from = fd_of(s);

    answer(s, raw2(SYS_dup2, from, fd_of(s)));
}

static void do_dup3(struct sequence *s)
{
    int from = fd_of(s), to = fd_of(s);

    answer(s, raw3(SYS_dup3, from, to, ONE_OF(s, 0, O_CLOEXEC, 1, O_NONBLOCK)));
}

static void answer_bytes(struct sequence *s, long got, const char *buffer)
{
    answer(s, got);
    if (got > 0)
        tell(s, " #%lx", hash_of(buffer, (size_t)got, HASH_START));
}

static void do_read(struct sequence *s)
{
    char buffer[9000];
    int fd = fd_of(s);
    long n = ONE_OF(s, 1, 10, 100, 4096, 9000, 0);

    answer_bytes(s, raw3(SYS_read, fd, buffer, n), buffer);
}

static void do_pread(struct sequence *s)
{
    char buffer[9000];
    int fd = fd_of(s);
    long n = ONE_OF(s, 1, 10, 4096, 9000, 0),
         at = ONE_OF(s, 0, 5, 4095, 4096, 100000, -1, 1l << 62);

    answer_bytes(s, raw4(SYS_pread64, fd, buffer, n, at), buffer);
}

static void do_write(struct sequence *s)
{
    int fd = fd_of(s);

    answer(s, raw3(SYS_write, fd, bytes, ONE_OF(s, 0, 1, 10, 60, 120)));
}

static void do_pwrite(struct sequence *s)
{
    int fd = fd_of(s);
    long n = ONE_OF(s, 0, 1, 60, 120);

    answer(s, raw4(SYS_pwrite64, fd, bytes, n,
                   ONE_OF(s, 0, 3, 4090, 8192, 70000, -1, 1 << 20, 1l << 62)));
}

static void do_writev(struct sequence *s)
{
    int fd = fd_of(s);
    struct iovec parts[3] = {{(void *)(uintptr_t)bytes, (size_t)ONE_OF(s, 0, 5, 50)},
                             {(void *)(uintptr_t)(bytes + 7), (size_t)ONE_OF(s, 0, 5, 50)},
                             {(void *)ONE_OF(s, 0, 4096), (size_t)ONE_OF(s, 0, 5)}};
    long n = ONE_OF(s, 0, 1, 2, 3, -1, 2000), got;
    int broken = n == 3 && parts[2].iov_len > 0;

    if (broken && !begin_broken_write(s, fd, raw3(SYS_lseek, fd, 0, SEEK_CUR)))
        return;
    got = raw3(SYS_writev, fd, parts, n);
    answer(s, got);
    if (broken)
        end_broken_write(fd, got);
}

static void do_lseek(struct sequence *s)
{
    int fd = fd_of(s);
    long at = ONE_OF(s, 0, 1, -1, 100, 4096, 100000, 1l << 62);

    answer(s, raw3(SYS_lseek, fd, at, ONE_OF(s, 0, 1, 2, 3, 4, 5, -1)));
}

static void do_ftruncate(struct sequence *s)
{
    int fd = fd_of(s);

    answer(s, raw2(SYS_ftruncate, fd, ONE_OF(s, 0, 1, 100, 4096, 5000, 1 << 20, -1, 1l << 40)));
}

static void do_truncate(struct sequence *s)
{
    const char *path = path_of(s);

    answer(s, raw2(SYS_truncate, path, ONE_OF(s, 0, 1, 100, 4096, 5000, 1 << 20, -1, 1l << 40)));
}

static void do_fallocate(struct sequence *s)
{
    int fd = fd_of(s);
    long mode = ONE_OF(s, 0, 1, 3, 2, 8, 0x10, 0x20, 0x40, 7), at = ONE_OF(s, 0, 10, 4096, -1);

    answer(s, raw4(SYS_fallocate, fd, mode, at, ONE_OF(s, 1, 100, 4096, 9000, 0, -1, 1l << 40)));
}

static void tell_stat(struct sequence *s, long err, const struct stat *info)
{
    answer(s, err);
    if (err != 0)
        return;
    tell(s, " mode %o links %ld owner %u %u", info->st_mode, (long)info->st_nlink, info->st_uid,
         info->st_gid);
    if (!S_ISDIR(info->st_mode))
        tell(s, " size %ld", (long)info->st_size);
}

static void do_fstat(struct sequence *s)
{
    struct stat info;

    tell_stat(s, raw2(SYS_fstat, fd_of(s), &info), &info);
}

static void do_fstatat(struct sequence *s)
{
    struct stat info;
    int dir = dir_of(s);
    const char *path = path_of(s);

    if (strcmp(path, "..") == 0 || strcmp(path, ".") == 0)
        path = "a"; /* links of what is outside differ */
    tell_stat(s,
              raw4(SYS_newfstatat, dir, path, &info, ONE_OF(s, 0, 0x100, 0x1000, 0x1100, 0x800, 1)),
              &info);
}

static void do_mkdir(struct sequence *s)
{
    const char *path = path_of(s);

    answer(s, raw2(SYS_mkdir, path, mode_of(s)));
}

static void do_rmdir(struct sequence *s)
{
    answer(s, raw1(SYS_rmdir, path_of(s)));
}

static void do_unlink(struct sequence *s)
{
    answer(s, raw1(SYS_unlink, path_of(s)));
}

static void do_unlinkat(struct sequence *s)
{
    int dir = dir_of(s);
    const char *path = path_of(s);

    answer(s, raw3(SYS_unlinkat, dir, path, ONE_OF(s, 0, 0x200, 1)));
}

static void do_rename(struct sequence *s)
{
    const char *from = path_of(s);

    answer(s, raw2(SYS_rename, from, path_of(s)));
}

static void do_renameat2(struct sequence *s)
{
    int dir = dir_of(s);
    const char *from = path_of(s), *to = path_of(s);

    answer(s, raw6(SYS_renameat2, dir, from, AT_FDCWD, to, ONE_OF(s, 0, 1, 2, 3, 8), 0));
}

static void do_link(struct sequence *s)
{
    const char *from = path_of(s);

    answer(s, raw2(SYS_link, from, path_of(s)));
}

static void do_linkat(struct sequence *s)
{
    int dir = dir_of(s);
    const char *from = path_of(s), *to = path_of(s);
    long flags = ONE_OF(s, 0, 0x400, AT_EMPTY_PATH, 1);

    /* Linux up to 6.9 refuses this to all but root (which Firstlight does, too), later ones allow
     * it with a descriptor that the caller opened: the answer depends on the host. */
    if (flags == AT_EMPTY_PATH && raw1(SYS_setfsuid, -1) != 0) {
        tell(s, " not asked");
        return;
    }
    answer(s, raw6(SYS_linkat, dir, from, AT_FDCWD, to, flags, 0));
}

static void do_symlink(struct sequence *s)
{
    const char *text = path_of(s);

    answer(s, raw2(SYS_symlink, text, path_of(s)));
}

static void do_readlink(struct sequence *s)
{
    char buffer[100];
    const char *path = path_of(s);

    answer_bytes(s, raw3(SYS_readlink, path, buffer, ONE_OF(s, 100, 2, 0, -1)), buffer);
}

static void do_chmod(struct sequence *s)
{
    const char *path = path_of(s);

    if (strcmp(path, "..") == 0 || strcmp(path, ".") == 0)
        path = "a";
    answer(s, raw2(SYS_chmod, path, mode_of(s)));
}

static void do_fchmod(struct sequence *s)
{
    int fd = fd_of(s);

    answer(s, raw2(SYS_fchmod, fd, mode_of(s)));
}

static void do_chown(struct sequence *s)
{
    int dir = dir_of(s);
    const char *path = path_of(s);
    long owner = ONE_OF(s, -1, 0, 1000, 1001), group = ONE_OF(s, -1, 0, 1000, 1001);

    if (strcmp(path, "..") == 0)
        path = "a";
    answer(s, raw6(SYS_fchownat, dir, path, owner, group, ONE_OF(s, 0, 0x100, 0x1000), 0));
}

static void do_access(struct sequence *s)
{
    int dir = dir_of(s);
    const char *path = path_of(s);
    long mode = ONE_OF(s, 0, 1, 2, 4, 7, 8);

    answer(s, raw4(SYS_faccessat2, dir, path, mode, ONE_OF(s, 0, 0x200, 0x100, 0x1000, 1)));
}

static void do_umask(struct sequence *s)
{
    answer(s, raw1(SYS_umask, ONE_OF(s, 0, 022, 077, 0777, 07777)));
}

static void do_chdir(struct sequence *s)
{
    const char *path = path_of(s);

    if (strcmp(path, "..") == 0)
        path = "d"; /* the sequence stays in its directory */
    answer(s, raw1(SYS_chdir, path));
}

static void do_fchdir(struct sequence *s)
{
    answer(s, raw1(SYS_fchdir, fd_of(s)));
}

static void do_getcwd(struct sequence *s)
{
    char buffer[300];
    long size = ONE_OF(s, 300, 10, 0), got = raw2(SYS_getcwd, buffer, size);

    answer(s, got < 0 ? got : 0);
    if (got > 0)
        tell(s, " '%s'", buffer);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names, sorted: their order is each file system's own. */
static void do_getdents(struct sequence *s)
{
    char buffer[4096], *names[64];
    long got = raw3(SYS_getdents64, fd_of(s), buffer, ONE_OF(s, 4096, 4096, 10));
    int n = 0;

    answer(s, got < 0 ? got : 0);
    for (long at = 0; at < got && n < 64;) {
        char *entry = buffer + at; /* ino 8, offset 8, length 2, type 1, name */
        names[n++] = entry + 19;
        at += *(unsigned short *)(void *)(entry + 16);
    }
    qsort(names, (size_t)n, sizeof(names[0]), by_name);
    for (int i = 0; i < n; i++)
        tell(s, " %s", names[i]);
}

static void do_fcntl(struct sequence *s)
{
    int fd = fd_of(s);
    long command = ONE_OF(s, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD, F_DUPFD_CLOEXEC, F_GETOWN,
                          9999, 1033, 1034);
    long value = ONE_OF(s, 0, 1, 5, 0x400, 4096, -1), got;

    if (command == F_SETFL)
        value |= O_NONBLOCK;
    got = raw3(SYS_fcntl, fd, command, value);
    answer(s, got >= 0 && command == F_GETFL ? got & ~0x8000 : got);
}

static void do_lock(struct sequence *s)
{
    int fd = fd_of(s);
    struct flock lock;

    memset(&lock, 0, sizeof(lock));
    lock.l_type = (short)ONE_OF(s, F_RDLCK, F_WRLCK, F_UNLCK, 7);
    lock.l_whence = (short)ONE_OF(s, 0, 1, 2, 3);
    lock.l_start = ONE_OF(s, 0, 5, -1, 100);
    lock.l_len = ONE_OF(s, 0, 1, 10, -3);
    answer(s, raw3(SYS_fcntl, fd, draw(s, 3) ? F_SETLK : F_GETLK, &lock));
    tell(s, " type %d", lock.l_type);
}

static void do_flock(struct sequence *s)
{
    int fd = fd_of(s);

    answer(s, raw2(SYS_flock, fd, ONE_OF(s, LOCK_SH, LOCK_EX, LOCK_UN, 0, 7) | LOCK_NB));
}

static void do_pipe(struct sequence *s)
{
    int ends[2] = {-1, -1};
    long err = raw2(SYS_pipe2, ends, ONE_OF(s, 0, O_CLOEXEC, 1) | O_NONBLOCK);

    answer(s, err);
    tell(s, " %d %d", ends[0], ends[1]);
}

/* Whether Linux's answer to sendfile depends on its version: from a pipe, or nothing to a pipe; or
 * on its pages: what a file gets that is sent to itself while it is read. */
static int sendfile_varies(int out, int in, long n)
{
    struct stat to, from;

    if (raw2(SYS_fstat, out, &to) != 0 || raw2(SYS_fstat, in, &from) != 0)
        return 0;
    return S_ISFIFO(from.st_mode) || (S_ISFIFO(to.st_mode) && n == 0) ||
           (to.st_dev == from.st_dev && to.st_ino == from.st_ino);
}

static void do_sendfile(struct sequence *s)
{
    int out = fd_of(s), in = fd_of(s);
    long offset = ONE_OF(s, 0, 5, -1, 100000), n = ONE_OF(s, 0, 1, 50, 5000);

    if (sendfile_varies(out, in, n)) {
        tell(s, " not asked");
        return;
    }
    answer(s, raw4(SYS_sendfile, out, in, draw(s, 2) ? &offset : NULL, n));
    tell(s, " %ld", offset);
}

static void do_copy_range(struct sequence *s)
{
    int in = fd_of(s), out = fd_of(s);
    long from = ONE_OF(s, 0, 5, 100000), to = ONE_OF(s, 0, 50, 5000);

    answer(s, raw6(SYS_copy_file_range, in, &from, out, &to, ONE_OF(s, 0, 1, 50, 5000),
                   ONE_OF(s, 0, 1)));
    tell(s, " %ld %ld", from, to);
}

static void do_mknod(struct sequence *s)
{
    const char *path = path_of(s);

    answer(s, raw3(SYS_mknod, path, ONE_OF(s, S_IFIFO | 0644, S_IFREG | 0600, 0644, S_IFDIR | 0755),
                   0));
}

static void do_poll(struct sequence *s)
{
    struct pollfd list[3];

    for (int i = 0; i < 3; i++)
        list[i] = (struct pollfd){fd_of(s), (short)ONE_OF(s, 0, 1, 4, 5, 0x2000), 0};
    answer(s, raw3(SYS_poll, list, 3, 0));
    tell(s, " %x %x %x", list[0].revents, list[1].revents, list[2].revents);
}

static void do_utimens(struct sequence *s)
{
    struct timespec times[2] = {
        {ONE_OF(s, 0, 1000), ONE_OF(s, 0, 0x3fffffff, 0x3ffffffe, -1, 1000000000)},
        {1000, ONE_OF(s, 0, 0x3ffffffe)}};
    const char *path = path_of(s);

    answer(s,
           raw4(SYS_utimensat, AT_FDCWD, path, draw(s, 3) ? times : NULL, ONE_OF(s, 0, 0x100, 1)));
}

static void do_close_range(struct sequence *s)
{
    long first = ONE_OF(s, 3, 8, 20, 13), last = ONE_OF(s, 5, 13, 9);

    answer(s, raw3(SYS_close_range, first, last, ONE_OF(s, 0, 4, 8, 2)));
}

static void do_ioctl(struct sequence *s)
{
    int fd = fd_of(s), value = 0;
    long request = ONE_OF(s, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, 0x5401, 0x1234);

    if (request == FIONBIO)
        value = 1;
    answer(s, raw3(SYS_ioctl, fd, request, &value));
    if (request == FIONREAD)
        tell(s, " %d", value);
}

const struct call file_calls[] = {{"open", do_open},           {"open", do_open},
                                  {"open", do_open},           {"openat", do_openat},
                                  {"close", do_close},         {"dup", do_dup},
                                  {"dup2", do_dup2},           {"dup3", do_dup3},
                                  {"read", do_read},           {"pread", do_pread},
                                  {"write", do_write},         {"pwrite", do_pwrite},
                                  {"writev", do_writev},       {"lseek", do_lseek},
                                  {"ftruncate", do_ftruncate}, {"truncate", do_truncate},
                                  {"fallocate", do_fallocate}, {"fstat", do_fstat},
                                  {"fstatat", do_fstatat},     {"mkdir", do_mkdir},
                                  {"rmdir", do_rmdir},         {"unlink", do_unlink},
                                  {"unlinkat", do_unlinkat},   {"rename", do_rename},
                                  {"renameat2", do_renameat2}, {"link", do_link},
                                  {"linkat", do_linkat},       {"symlink", do_symlink},
                                  {"readlink", do_readlink},   {"chmod", do_chmod},
                                  {"fchmod", do_fchmod},       {"chown", do_chown},
                                  {"access", do_access},       {"umask", do_umask},
                                  {"chdir", do_chdir},         {"fchdir", do_fchdir},
                                  {"getcwd", do_getcwd},       {"getdents", do_getdents},
                                  {"fcntl", do_fcntl},         {"lock", do_lock},
                                  {"flock", do_flock},         {"pipe", do_pipe},
                                  {"sendfile", do_sendfile},   {"copy_file_range", do_copy_range},
                                  {"mknod", do_mknod},         {"poll", do_poll},
                                  {"utimensat", do_utimens},   {"close_range", do_close_range},
                                  {"ioctl", do_ioctl},         {NULL, NULL}};
