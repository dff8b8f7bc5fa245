/* SPDX-License-Identifier: MIT */
/* stat, chmod, chown, umask, access, times, statx, statfs: what a file tells about itself. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define NAME "/tmp/file_status"

/* Linux's struct statx: not every libc has one. */
#define STATUS_BASIC 0x7ff
struct status_time {
    int64_t tv_sec;
    uint32_t tv_nsec;
    int32_t reserved;
};
struct status {
    uint32_t stx_mask, stx_blksize;
    uint64_t stx_attributes;
    uint32_t stx_nlink, stx_uid, stx_gid;
    uint16_t stx_mode, spare0;
    uint64_t stx_ino, stx_size, stx_blocks, stx_attributes_mask;
    struct status_time stx_atime, stx_btime, stx_ctime, stx_mtime;
    uint32_t stx_rdev_major, stx_rdev_minor, stx_dev_major, stx_dev_minor;
    uint64_t spare1[14];
};
_Static_assert(sizeof(struct status) == 256, "as the kernel writes it");

static void make(int mode)
{
    unlink(NAME);
    CHECK_OK(close((int)CHECK_OK(open(NAME, O_RDWR | O_CREAT | O_EXCL, mode))));
}

static unsigned mode_of(const char *name)
{
    struct stat st;

    CHECK_OK(stat(name, &st));
    return st.st_mode;
}

static void check_modes(void)
{
    CHECK_EQ(umask(022), 022); /* as the harness sets it */
    make(0666);
    CHECK_EQ(mode_of(NAME), S_IFREG | 0644);
    CHECK_EQ(umask(077), 022);
    make(07777);
    CHECK_EQ(mode_of(NAME), S_IFREG | 07700);
    CHECK_EQ(umask(07777), 077);
    CHECK_EQ(umask(022), 0777);
    CHECK_OK(chmod(NAME, 0751));
    CHECK_EQ(mode_of(NAME), S_IFREG | 0751);
    int fd = (int)CHECK_OK(open(NAME, O_RDONLY));
    CHECK_OK(fchmod(fd, 0600));
    CHECK_EQ(mode_of(NAME), S_IFREG | 0600);
    CHECK_OK(close(fd));
    CHECK_OK(fchmodat(AT_FDCWD, NAME, 0644, 0));
    CHECK_EQ(mode_of(NAME), S_IFREG | 0644);
    CHECK_ERR(chmod("/tmp/none", 0644), ENOENT);
    CHECK_EQ(mode_of("/tmp") & S_IFMT, S_IFDIR);
    CHECK_EQ(mode_of("/dev/null") & S_IFMT, S_IFCHR);
}

static void check_fields(void)
{
    struct stat st;

    make(0644);
    int fd = (int)CHECK_OK(open(NAME, O_WRONLY));
    CHECK_EQ(write(fd, "12345", 5), 5);
    CHECK_OK(fstat(fd, &st));
    CHECK_EQ(st.st_size, 5);
    CHECK_EQ(st.st_nlink, 1);
    CHECK_EQ(st.st_uid, getuid());
    CHECK_EQ(st.st_gid, getgid());
    CHECK(st.st_ino != 0 && st.st_dev != 0);
    CHECK(st.st_blksize >= 512);
    CHECK_OK(close(fd));
    CHECK_OK(stat("/dev/null", &st));
    CHECK_EQ(st.st_rdev, makedev(1, 3));
    CHECK_OK(stat("/dev/urandom", &st));
    CHECK_EQ(st.st_rdev, makedev(1, 9));
    struct stat parent;
    CHECK_OK(stat("/", &st));
    CHECK_OK(stat("/..", &parent));
    CHECK_EQ(st.st_ino, parent.st_ino);
    CHECK(st.st_nlink >= 1);
    CHECK_ERR(stat("/tmp/none", &st), ENOENT);
    CHECK_ERR(stat(NAME "/x", &st), ENOTDIR);
    CHECK_ERR(fstat(99, &st), EBADF);
    CHECK_OK(fstatat(0, "", &st, AT_EMPTY_PATH));
    CHECK(S_ISCHR(st.st_mode)); /* stdin is /dev/null */
    CHECK_OK(fstat(1, &st));
    CHECK(S_ISFIFO(st.st_mode)); /* output is captured: it behaves as a pipe */
}

static void check_access(void)
{
    make(0444);
    CHECK_OK(access(NAME, F_OK));
    CHECK_OK(access(NAME, R_OK));
    CHECK_ERR(access(NAME, 8), EINVAL);
    CHECK_ERR(access("/tmp/none", F_OK), ENOENT);
    /* Root may read and write anything, but runs only what somebody may run. */
    CHECK_OK(access(NAME, W_OK));
    CHECK_ERR(access(NAME, X_OK), EACCES);
    CHECK_OK(chmod(NAME, 0555));
    CHECK_OK(access(NAME, X_OK));
    CHECK_OK(faccessat(AT_FDCWD, NAME, R_OK, 0));
}

/* Of a descriptor alone, which may be of something that has no name. */
static void check_access_of_descriptor(void)
{
    int ends[2];

    CHECK_OK(pipe(ends));
    CHECK_EQ(raw4(SYS_faccessat2, ends[0], "", F_OK, AT_EMPTY_PATH), 0);
    CHECK_EQ(raw4(SYS_faccessat2, ends[0], "", R_OK | W_OK, AT_EMPTY_PATH), 0);
    CHECK_EQ(raw4(SYS_faccessat2, ends[0], "", X_OK, AT_EMPTY_PATH), -EACCES);
    CHECK_EQ(raw4(SYS_faccessat2, ends[0], "", X_OK, 0), -ENOENT);
    CHECK_EQ(raw4(SYS_faccessat2, ends[0], "x", F_OK, AT_EMPTY_PATH), -ENOTDIR);
    CHECK_OK(close(ends[0]));
    CHECK_OK(close(ends[1]));
    CHECK_EQ(raw4(SYS_faccessat2, ends[0], "", F_OK, AT_EMPTY_PATH), -EBADF);
}

static void check_times(void)
{
    struct stat before, st;
    struct timespec times[2] = {{.tv_sec = 1000000000, .tv_nsec = 123456789},
                                {.tv_sec = 2000000000}};

    make(0644);
    CHECK_OK(utimensat(AT_FDCWD, NAME, times, 0));
    CHECK_OK(stat(NAME, &before));
    CHECK_EQ(before.st_atim.tv_sec, 1000000000);
    CHECK_EQ(before.st_mtim.tv_sec, 2000000000);
    CHECK_EQ(before.st_atim.tv_nsec, 123456789);
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_nsec = UTIME_NOW;
    CHECK_OK(utimensat(AT_FDCWD, NAME, times, 0));
    CHECK_OK(stat(NAME, &st));
    CHECK_EQ(st.st_atim.tv_sec, 1000000000);
    CHECK(st.st_mtim.tv_sec != 2000000000);
    times[1].tv_nsec = 1000000000;
    CHECK_ERR(utimensat(AT_FDCWD, NAME, times, 0), EINVAL);
    CHECK_ERR(utimensat(AT_FDCWD, "/tmp/none", NULL, 0), ENOENT);
    /* A write moves the time of the last change. */
    times[0].tv_nsec = times[1].tv_nsec = 0;
    CHECK_OK(utimensat(AT_FDCWD, NAME, times, 0));
    int fd = (int)CHECK_OK(open(NAME, O_WRONLY));
    CHECK_EQ(write(fd, "x", 1), 1);
    CHECK_OK(fstat(fd, &st));
    CHECK(st.st_mtim.tv_sec != 2000000000);
    CHECK_OK(futimens(fd, NULL));
    CHECK_OK(close(fd));
}

static void check_statx(void)
{
    struct status sx;
    struct stat st;

    make(0640);
    CHECK_EQ(raw6(SYS_statx, AT_FDCWD, NAME, 0, STATUS_BASIC, &sx, 0), 0);
    CHECK_OK(stat(NAME, &st));
    CHECK_EQ(sx.stx_mask & STATUS_BASIC, STATUS_BASIC);
    CHECK_EQ(sx.stx_mode, st.st_mode);
    CHECK_EQ(sx.stx_ino, st.st_ino);
    CHECK_EQ(sx.stx_size, st.st_size);
    CHECK_EQ(sx.stx_nlink, st.st_nlink);
    CHECK_EQ(sx.stx_mtime.tv_sec, st.st_mtim.tv_sec);
    CHECK_EQ(makedev(sx.stx_dev_major, sx.stx_dev_minor), st.st_dev);
    CHECK_EQ(raw6(SYS_statx, 0, "", AT_EMPTY_PATH, STATUS_BASIC, &sx, 0), 0);
    CHECK_EQ(sx.stx_rdev_major, 1);
    CHECK_EQ(sx.stx_rdev_minor, 3);
    CHECK_EQ(raw6(SYS_statx, AT_FDCWD, NAME, 0x40000000, 0, &sx, 0), -EINVAL);
    CHECK_EQ(raw6(SYS_statx, AT_FDCWD, NAME, 0, 0x80000000, &sx, 0), -EINVAL);
    CHECK_EQ(raw6(SYS_statx, AT_FDCWD, "/tmp/none", 0, 0, &sx, 0), -ENOENT);
}

static void check_owner_and_filesystem(void)
{
    struct stat st;
    struct statfs fs;

    CHECK_OK(chown(NAME, (uid_t)-1, (gid_t)-1)); /* no change */
    CHECK_OK(chown(NAME, 0, 0));
    CHECK_OK(stat(NAME, &st));
    CHECK_EQ(st.st_uid, 0);
    CHECK_OK(statfs("/tmp", &fs));
    CHECK(fs.f_bsize > 0 && fs.f_namelen >= 255);
}

int main(void)
{
    check_modes();
    check_fields();
    check_access();
    check_access_of_descriptor();
    check_times();
    check_statx();
    check_owner_and_filesystem();
    CHECK_OK(unlink(NAME));
    return 0;
}
