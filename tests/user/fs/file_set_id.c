/* SPDX-License-Identifier: MIT */
/* Set-user-ID and set-group-ID bits: what takes them away, and from whose hands. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PATH     "/tmp/file_set_id"
#define STRANGER 1000
#define SET_ID   (S_ISUID | S_ISGID)

static mode_t mode_of(void)
{
    struct stat st;

    CHECK_OK(stat(PATH, &st));
    return st.st_mode & 07777;
}

static int fresh(mode_t mode)
{
    int fd;

    unlink(PATH);
    fd = (int)CHECK_OK(open(PATH, O_RDWR | O_CREAT | O_EXCL, 0600));
    CHECK_EQ(write(fd, "0123456789", 10), 10);
    CHECK_OK(fchmod(fd, mode));
    return fd;
}

/* Runs the function as an ordinary user, and waits for it. */
static void as_stranger(void (*function)(int fd), int fd)
{
    int pid = (int)CHECK_OK(fork()), status;

    if (!pid) {
        CHECK_OK(setgroups(0, NULL));
        CHECK_OK(setresgid(STRANGER, STRANGER, STRANGER));
        CHECK_OK(setresuid(STRANGER, STRANGER, STRANGER));
        function(fd);
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

static void chown_nothing(int fd)
{
    CHECK_ERR(chown(PATH, (uid_t)-1, (gid_t)-1), EPERM);
    CHECK_ERR(fchown(fd, (uid_t)-1, (gid_t)-1), EPERM);
    CHECK_ERR(lchown(PATH, (uid_t)-1, (gid_t)-1), EPERM);
}

static void chown_plain(int fd)
{
    CHECK_OK(fchown(fd, (uid_t)-1, (gid_t)-1)); /* nothing to take away, nothing asked for */
    CHECK_ERR(fchown(fd, STRANGER, (gid_t)-1), EPERM);
    CHECK_ERR(fchown(fd, (uid_t)-1, STRANGER), EPERM);
}

static void check_chown(void)
{
    int fd = fresh(0755 | SET_ID);

    as_stranger(chown_nothing, fd);
    CHECK_EQ(mode_of(), 0755 | SET_ID);
    CHECK_OK(fchown(fd, (uid_t)-1, (gid_t)-1));
    CHECK_EQ(mode_of(), 0755);
    as_stranger(chown_plain, fd);
    CHECK_OK(fchmod(fd, 0745 | S_ISGID)); /* without the group's x */
    CHECK_OK(fchown(fd, (uid_t)-1, (gid_t)-1));
    CHECK_EQ(mode_of(), 0745 | S_ISGID);
    CHECK_OK(close(fd));
}

static void write_one(int fd)
{
    CHECK_EQ(write(fd, "x", 1), 1);
}

static void pwrite_one(int fd)
{
    CHECK_EQ(pwrite(fd, "x", 1, 3), 1);
}

static void writev_one(int fd)
{
    struct iovec piece = {.iov_base = (char[]){'x'}, .iov_len = 1};

    CHECK_EQ(writev(fd, &piece, 1), 1);
}

static void sendfile_one(int fd)
{
    int zero = (int)CHECK_OK(open("/bin/busybox", O_RDONLY));

    CHECK_EQ(sendfile(fd, zero, NULL, 1), 1);
}

static void allocate_one(int fd)
{
    CHECK_OK(fallocate(fd, 0, 0, 5000));
}

static void truncate_one(int fd)
{
    CHECK_OK(ftruncate(fd, 5));
}

/* Memory that is not there is noticed when the bits are gone. */
static void write_bad(int fd)
{
    CHECK_EQ(raw3(SYS_write, fd, 8, 10), -EFAULT);
}

static void write_nothing(int fd)
{
    CHECK_EQ(write(fd, "x", 0), 0);
}

static void map_one(int fd)
{
    CHECK_EQ(read(fd, (char[1]){0}, 1), 0);
}

/* The descriptor is root's, the writer is not: the writer's rights count. */
static void check_written(void (*function)(int fd), mode_t left)
{
    int fd = fresh(0755 | SET_ID);

    as_stranger(function, fd);
    CHECK_EQ(mode_of(), left);
    CHECK_OK(close(fd));
}

static void check_owner(void)
{
    int fd = fresh(0755 | SET_ID);

    write_one(fd);
    pwrite_one(fd);
    truncate_one(fd);
    CHECK_EQ(mode_of(), 0755 | SET_ID); /* root keeps them */
    CHECK_OK(close(fd));
}

/* And the other way round: a descriptor that a user opened, in root's hands. */
static void check_raised(void)
{
    int fd = fresh(0777), other;

    CHECK_OK(seteuid(STRANGER));
    other = (int)CHECK_OK(open(PATH, O_WRONLY));
    CHECK_OK(seteuid(0));
    CHECK_OK(fchmod(fd, 0777 | SET_ID));
    write_one(other);
    CHECK_EQ(mode_of(), 0777 | SET_ID);
    CHECK_OK(close(other));
    CHECK_OK(close(fd));
}

int main(void)
{
    umask(0);
    check_chown();
    check_written(write_one, 0755);
    check_written(pwrite_one, 0755);
    check_written(writev_one, 0755);
    check_written(sendfile_one, 0755);
    check_written(allocate_one, 0755);
    check_written(truncate_one, 0755);
    check_written(write_bad, 0755);
    check_written(write_nothing, 0755 | SET_ID);
    check_written(map_one, 0755 | SET_ID);
    check_owner();
    check_raised();
    CHECK_OK(unlink(PATH));
    return 0;
}
