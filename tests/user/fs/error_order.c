/* SPDX-License-Identifier: MIT */
/* Calls with more than one thing wrong: which error is reported, and what is looked at first. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/memory_file.h"

#define NAME   "/tmp/error_order"
#define CLOSED 900 /* a number that no descriptor has */

static int fd, ends[2];

static void check_flock(void)
{
    CHECK_EQ(raw2(SYS_flock, CLOSED, 0), -EINVAL);
    CHECK_EQ(raw2(SYS_flock, CLOSED, LOCK_SH | LOCK_EX), -EINVAL);
    CHECK_EQ(raw2(SYS_flock, CLOSED, LOCK_NB), -EINVAL);
    CHECK_EQ(raw2(SYS_flock, CLOSED, LOCK_SH | LOCK_NB), -EBADF);
    CHECK_EQ(raw2(SYS_flock, fd, 0), -EINVAL);
    CHECK_EQ(raw2(SYS_flock, fd, LOCK_SH | LOCK_NB), 0);
    CHECK_EQ(raw2(SYS_flock, fd, LOCK_UN), 0);
}

/* Opened for neither reading nor writing: to be locked it is no file, to be unlocked it is. */
static void check_neither(void)
{
    int neither = (int)CHECK_OK(open(NAME, 3));

    CHECK_EQ(raw2(SYS_flock, neither, LOCK_SH | LOCK_NB), -EBADF);
    CHECK_EQ(raw2(SYS_flock, neither, LOCK_EX | LOCK_NB), -EBADF);
    CHECK_EQ(raw2(SYS_flock, neither, LOCK_UN), 0);
    CHECK_OK(close(neither));
}

/* Whether the mode makes sense comes before the file is looked at, what it supports behind. */
static void check_allocate(void)
{
    static const int kinds[] = {0, 1, 8, 0x10, 0x11, 0x20, 0x40, 0x41}; /* each by itself */
    int reads = (int)CHECK_OK(open(NAME, O_RDONLY));

    CHECK_EQ(raw4(SYS_fallocate, CLOSED, 7, 0, 1), -EBADF);
    CHECK_EQ(raw4(SYS_fallocate, reads, 7, -1, 1), -EINVAL);
    CHECK_EQ(raw4(SYS_fallocate, reads, 7, 0, 1), -EOPNOTSUPP);
    CHECK_EQ(raw4(SYS_fallocate, ends[1], 7, 0, 1), -EOPNOTSUPP);
    CHECK_EQ(raw4(SYS_fallocate, reads, 2, 0, 1), -EOPNOTSUPP);
    CHECK_EQ(raw4(SYS_fallocate, reads, 0x13, 0, 1), -EOPNOTSUPP);
    CHECK_EQ(raw4(SYS_fallocate, reads, 3, 0, 1), -EBADF);
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        CHECK_EQ(raw4(SYS_fallocate, reads, kinds[i], 0, 1), -EBADF);
    CHECK_EQ(raw4(SYS_fallocate, ends[1], 3, 0, 1), -ESPIPE);
    CHECK_OK(close(reads));
}

static void check_utimens(void)
{
    struct timespec wrong[2] = {{0, 1000000000}, {0, UTIME_OMIT}};
    struct timespec also[2] = {{0, UTIME_NOW}, {0, -1}};

    CHECK_EQ(raw4(SYS_utimensat, AT_FDCWD, NAME ".none", wrong, 0), -ENOENT);
    CHECK_EQ(raw4(SYS_utimensat, AT_FDCWD, NAME "/x", also, 0), -ENOTDIR);
    CHECK_EQ(raw4(SYS_utimensat, CLOSED, "x", wrong, 0), -EBADF);
    CHECK_EQ(raw4(SYS_utimensat, CLOSED, NULL, wrong, 0), -EBADF);
    CHECK_EQ(raw4(SYS_utimensat, AT_FDCWD, NAME ".none", wrong, 1), -EINVAL);
    CHECK_EQ(raw4(SYS_utimensat, AT_FDCWD, NAME, wrong, 0), -EINVAL);
    CHECK_EQ(raw4(SYS_utimensat, AT_FDCWD, NAME, also, 0), -EINVAL);
    CHECK_EQ(raw4(SYS_utimensat, fd, NULL, also, 0), -EINVAL);
}

static void check_copies(void)
{
    int directory = (int)CHECK_OK(open("/tmp", O_RDONLY | O_DIRECTORY));
    int other = (int)CHECK_OK(open("/proc/version", O_RDONLY));
    long zero = 0, negative = -1;

    /* Another file system, behind what the files are open for. */
    CHECK_EQ(raw6(SYS_copy_file_range, other, &zero, fd, &zero, 10, 0), -EXDEV);
    CHECK_EQ(raw6(SYS_copy_file_range, other, &zero, other, &zero, 10, 0), -EBADF);
    CHECK_OK(close(other));
    CHECK_EQ(raw6(SYS_copy_file_range, CLOSED, &zero, fd, &zero, 1, 1), -EBADF);
    CHECK_EQ(raw6(SYS_copy_file_range, fd, &zero, CLOSED, &zero, 1, 1), -EBADF);
    CHECK_EQ(raw6(SYS_copy_file_range, fd, 8, fd, &zero, 1, 1), -EFAULT);
    CHECK_EQ(raw6(SYS_copy_file_range, ends[0], &zero, fd, &zero, 1, 1), -EINVAL);
    CHECK_EQ(raw6(SYS_copy_file_range, fd, &zero, fd, &negative, 0, 1), -EINVAL);
    CHECK_EQ(raw4(SYS_sendfile, CLOSED, fd, &negative, 0), -EINVAL);
    CHECK_EQ(raw4(SYS_sendfile, CLOSED, ends[0], &zero, 0), -ESPIPE);
    CHECK_EQ(raw4(SYS_sendfile, CLOSED, fd, &zero, 1), -EBADF);
    CHECK_EQ(raw4(SYS_sendfile, CLOSED, CLOSED, 8, 1), -EFAULT);
    CHECK_EQ(raw4(SYS_sendfile, CLOSED, ends[0], NULL, 0), -EBADF);
    CHECK_EQ(raw4(SYS_sendfile, fd, ends[0], NULL, 0), -EINVAL);
    /* A directory cannot be read so, which shows when there is something to read. */
    CHECK_EQ(raw4(SYS_sendfile, fd, directory, NULL, 0), 0);
    CHECK_EQ(raw4(SYS_sendfile, fd, directory, NULL, 1), -EINVAL);
    CHECK_OK(close(directory));
}

/* What the file was opened for is looked at before the list, flags when there is something to move.
 */
static void check_vectors(void)
{
    struct iovec one = {(void *)(uintptr_t) "x", 1};
    int reads = (int)CHECK_OK(open(NAME, O_RDONLY)), writes = (int)CHECK_OK(open(NAME, O_WRONLY));

    CHECK_EQ(raw3(SYS_writev, reads, &one, 2000), -EBADF);
    CHECK_EQ(raw3(SYS_writev, reads, 8, 1), -EBADF);
    CHECK_EQ(raw3(SYS_readv, writes, 8, 1), -EBADF);
    CHECK_EQ(raw3(SYS_readv, reads, &one, 2000), -EINVAL);
    CHECK_EQ(raw6(SYS_preadv2, CLOSED, &one, 1, 0, 0, 0x40000000), -EBADF);
    CHECK_EQ(raw6(SYS_preadv2, reads, 8, 1, 0, 0, 0x40000000), -EFAULT);
    CHECK_EQ(raw6(SYS_preadv2, reads, &one, 0, 0, 0, 0x40000000), 0);
    CHECK_EQ(raw6(SYS_preadv2, reads, &one, 1, 0, 0, 0x40000000), -EOPNOTSUPP);
    CHECK_EQ(raw6(SYS_pwritev2, writes, &one, 1, 0, 0, 0x40000000), -EOPNOTSUPP);
    close(reads);
    close(writes);
}

static void check_link(void)
{
    char text[9];

    CHECK_EQ(raw6(SYS_linkat, CLOSED, "x", AT_FDCWD, NAME ".2", AT_EMPTY_PATH, 0), -EBADF);
    CHECK_EQ(raw6(SYS_linkat, CLOSED, "", AT_FDCWD, NAME ".2", 0, 0), -ENOENT);
    CHECK_EQ(raw6(SYS_linkat, CLOSED, 8, AT_FDCWD, NAME ".2", AT_EMPTY_PATH, 0), -EFAULT);
    CHECK_EQ(raw6(SYS_linkat, fd, "x", AT_FDCWD, NAME ".2", AT_EMPTY_PATH, 0), -ENOTDIR);
    /* A pipe has no place in a tree: the new name is looked at first. */
    CHECK_EQ(raw6(SYS_linkat, ends[0], "x", AT_FDCWD, NAME ".2", AT_EMPTY_PATH, 0), -ENOTDIR);
    CHECK_EQ(raw6(SYS_linkat, ends[0], "", AT_FDCWD, ".", AT_EMPTY_PATH, 0), -EEXIST);
    CHECK_EQ(raw6(SYS_linkat, ends[0], "", AT_FDCWD, "/tmp/none/x", AT_EMPTY_PATH, 0), -ENOENT);
    CHECK_EQ(raw6(SYS_linkat, ends[0], "", AT_FDCWD, 8, AT_EMPTY_PATH, 0), -EFAULT);
    CHECK_EQ(raw6(SYS_linkat, ends[0], "", ends[0], "x", AT_EMPTY_PATH, 0), -ENOTDIR);
    CHECK_EQ(raw6(SYS_linkat, ends[0], "", AT_FDCWD, NAME ".2", AT_EMPTY_PATH, 0), -EXDEV);
    CHECK_EQ(raw4(SYS_readlinkat, ends[0], "", text, 9), -ENOENT);
    CHECK_EQ(raw4(SYS_readlinkat, ends[0], "x", text, 9), -ENOTDIR);
}

static void check_record_locks(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_len = 10};

    CHECK_EQ(raw3(SYS_fcntl, ends[0], F_SETLK, &lock), -EBADF); /* not open for writing */
    lock.l_type = F_RDLCK;
    CHECK_EQ(raw3(SYS_fcntl, ends[1], F_SETLK, &lock), -EBADF);
    lock.l_type = 7;
    CHECK_EQ(raw3(SYS_fcntl, ends[1], F_SETLK, &lock), -EINVAL);
    lock = (struct flock){.l_type = F_RDLCK, .l_pid = 1};
    CHECK_EQ(raw3(SYS_fcntl, ends[1], F_OFD_SETLK, &lock), -EBADF);
}

/* Flags that F_SETFL does not change are ignored. O_DIRECT is left out: whether files in memory
 * take it depends on Linux's version. */
static void check_flags(int memory, int reads)
{
    CHECK_EQ(raw3(SYS_fcntl, memory, F_SETFL, ~O_DIRECT), 0);
    CHECK_EQ(raw3(SYS_fcntl, memory, F_GETFL, 0) &
                 (O_APPEND | O_NONBLOCK | O_DIRECT | O_ASYNC | O_TRUNC | O_CREAT | O_NOATIME),
             O_APPEND | O_NONBLOCK | O_NOATIME);
    CHECK_EQ(raw3(SYS_fcntl, memory, F_SETFL, 0), 0);
    CHECK_EQ(raw3(SYS_fcntl, memory, F_ADD_SEALS, 0), -EPERM);
    CHECK_EQ(raw3(SYS_fcntl, memory, F_ADD_SEALS, 0x4000), -EINVAL);
    CHECK_EQ(raw3(SYS_fcntl, memory, F_GET_SEALS, 0), F_SEAL_SEAL);
    CHECK_EQ(raw3(SYS_fcntl, reads, F_ADD_SEALS, 0x4000), -EPERM);
    CHECK_EQ(raw3(SYS_fcntl, ends[1], F_ADD_SEALS, 0), -EINVAL);
    CHECK_EQ(raw3(SYS_fcntl, ends[1], F_GET_SEALS, 0), -EINVAL);
    CHECK_EQ(raw3(SYS_fcntl, ends[0], F_ADD_SEALS, 0), -EPERM);
}

/* SIGXFSZ and SIGPIPE of a call's own look as if the program had sent them. */
static void check_own_signal(int number, int out, long at)
{
    struct timespec zero = {0, 0};
    sigset_t set;
    siginfo_t info;
    long got;

    sigemptyset(&set);
    sigaddset(&set, number);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    got = at < 0 ? raw3(SYS_write, out, "x", 1) : raw4(SYS_pwrite64, out, "x", 1, at);
    CHECK_EQ(got, number == SIGPIPE ? -EPIPE : -EFBIG);
    memset(&info, 0xff, sizeof(info));
    CHECK_EQ(sigtimedwait(&set, &info, &zero), number);
    CHECK_EQ(info.si_code, SI_USER);
    CHECK_EQ(info.si_pid, getpid());
    CHECK_EQ(info.si_uid, getuid());
}

int main(void)
{
    struct rlimit limit = {1 << 20, 1 << 20};
    int one, two;

    fd = (int)CHECK_OK(open(NAME, O_RDWR | O_CREAT | O_TRUNC, 0600));
    CHECK_EQ(write(fd, "something", 9), 9);
    CHECK_OK(pipe(ends));
    one = memory_file(&two);
    check_flock();
    check_neither();
    check_allocate();
    check_utimens();
    check_copies();
    check_vectors();
    check_link();
    check_record_locks();
    check_flags(one, two);
    CHECK_OK(setrlimit(RLIMIT_FSIZE, &limit));
    check_own_signal(SIGXFSZ, fd, 2 << 20);
    close(ends[0]);
    check_own_signal(SIGPIPE, ends[1], -1);
    CHECK_OK(unlink(NAME));
    return 0;
}
