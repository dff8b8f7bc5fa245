/* SPDX-License-Identifier: MIT */
/*
 * /dev/pts is a file system of its own: nothing is put into it or taken out by hand, terminals come
 * and go in it whatever is done to the directory it lies on, and a node stays one terminal's when
 * its number is another's.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/user/lib/pty.h"

#define DEVPTS_MAGIC 0x1cd1

static char path[64], other[64], link_text[64];

static void check_own_filesystem(void)
{
    struct stat in, out, node;
    struct statfs fs;
    int master = pty_master(path, sizeof(path));

    CHECK_OK(stat("/dev/pts", &in));
    CHECK_OK(stat("/dev", &out));
    CHECK_OK(stat(path, &node));
    CHECK(in.st_dev != out.st_dev);
    CHECK_EQ(node.st_dev, in.st_dev);
    CHECK(S_ISCHR(node.st_mode));
    CHECK_EQ(major(node.st_rdev), 136);
    CHECK_OK(statfs(path, &fs));
    CHECK_EQ(fs.f_type, DEVPTS_MAGIC);
    /* Its owner may change what it is like. */
    CHECK_OK(chmod(path, 0600));
    CHECK_OK(stat(path, &node));
    CHECK_EQ(node.st_mode & 07777, 0600);
    CHECK_OK(close(master));
    CHECK_ERR(stat(path, &node), ENOENT);
}

/* Names in it are the kernel's. */
static void check_nothing_is_made(void)
{
    int master = pty_master(path, sizeof(path));

    CHECK_ERR(unlink(path), EPERM);
    CHECK_ERR(rename(path, "/dev/pts/77"), EPERM);
    CHECK_ERR(rename(path, "/dev/77"), EXDEV);
    CHECK_ERR(rename("/dev/null", path), EXDEV);
    CHECK_ERR(link(path, "/dev/pts/77"), EPERM);
    CHECK_ERR(mkdir("/dev/pts/77", 0700), EPERM);
    CHECK_ERR(symlink("/dev/null", "/dev/pts/77"), EPERM);
    CHECK_ERR(mknod("/dev/pts/77", S_IFCHR | 0600, makedev(1, 3)), EPERM);
    CHECK_ERR(open("/dev/pts/77", O_RDWR | O_CREAT, 0600), EACCES);
    CHECK_ERR(open("/dev/pts", O_RDWR | O_TMPFILE, 0600), EOPNOTSUPP);
    CHECK_ERR(rmdir("/dev/pts"), EBUSY);
    CHECK_ERR(rename("/dev/pts", "/dev/gone"), EBUSY);
    CHECK_OK(mkdir("/dev/gone", 0700));
    CHECK_ERR(rename("/dev/gone", "/dev/pts"), EBUSY);
    CHECK_ERR(syscall(SYS_renameat2, AT_FDCWD, "/dev/gone", AT_FDCWD, "/dev/pts", 2), EBUSY);
    CHECK_OK(rmdir("/dev/gone"));
    CHECK_OK(access(path, F_OK));
    CHECK_OK(close(master));
}

/* A pair made, used and closed; Linux finds no terminals where something else lies over them:
 * ENODEV by the device beside them, ENOENT where /dev/ptmx is a link to theirs. */
static void check_pair(bool covered)
{
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY), number;

    if (master < 0) {
        CHECK(covered && (errno == ENODEV || errno == ENOENT));
        return;
    }
    CHECK_OK(ioctl(master, TIOCGPTN, &number));
    CHECK_OK(close(master));
}

/* Something else lies over it: a directory of any kind, with what a program likes in it. */
static void check_covered(void)
{
    int master = pty_master(path, sizeof(path));
    int terminal = pty_terminal(path, O_NOCTTY);

    CHECK_OK(mount("over", "/dev/pts", "tmpfs", 0, NULL));
    CHECK_ERR(access(path, F_OK), ENOENT);
    CHECK_OK(mknod(path, S_IFREG | 0600, 0));
    CHECK_OK(mkfifo("/dev/pts/1", 0600));
    CHECK_OK(symlink("/dev/null", "/dev/pts/2"));
    CHECK_OK(mkdir("/dev/pts/3", 0700));
    for (int i = 0; i < 5; i++)
        check_pair(true);
    pty_type(master, "x\n");
    pty_read_is(terminal, "x\n");
    CHECK_OK(close(terminal));
    CHECK_OK(close(master)); /* and takes its own node away, not the file of that name */
    CHECK_OK(access(path, F_OK));
    CHECK_OK(umount("/dev/pts"));
    CHECK_ERR(access(path, F_OK), ENOENT);
    check_pair(false);
}

/* The node that an O_PATH descriptor names is the old terminal's, also when another has its number;
 * a node made by hand is no terminal's at all. */
static void check_number_again(void)
{
    int master = pty_master(path, sizeof(path));
    int node = (int)CHECK_OK(open(path, O_PATH)), again;

    snprintf(link_text, sizeof(link_text), "/proc/self/fd/%d", node);
    again = (int)CHECK_OK(open(link_text, O_RDWR | O_NOCTTY));
    CHECK_OK(close(again));
    CHECK_OK(close(master));
    CHECK_ERR(open(link_text, O_RDWR | O_NOCTTY), EIO);
    master = pty_master(other, sizeof(other));
    CHECK_EQ(bytes_are(other, 0, 1), 0);
    CHECK_ERR(open(link_text, O_RDWR | O_NOCTTY), EIO);
    CHECK_OK(mknod("/tmp/pts", S_IFCHR | 0600, makedev(136, 0)));
    CHECK_ERR(open("/tmp/pts", O_RDWR | O_NOCTTY), EIO);
    CHECK_OK(unlink("/tmp/pts"));
    CHECK_OK(close(master));
    CHECK_OK(close(node));
}

int main(void)
{
    check_own_filesystem();
    check_nothing_is_made();
    check_covered();
    check_number_again();
    return 0;
}
