/* SPDX-License-Identifier: MIT */
/*
 * File system mqueue: what a mount shows, what may be done to files there, name spaces of IPC, and
 * the limits in /proc/sys/fs/mqueue.
 */
#define _GNU_SOURCE
#include "tests/user/lib/mqueue.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "tests/user/lib/child.h"

#define PLACE "/tmp/mqueue_mount"
#define NAME  "queue"

static int entries(const char *path)
{
    DIR *dir = opendir(path);
    int count = 0;

    CHECK(dir);
    while (readdir(dir))
        count++;
    CHECK_OK(closedir(dir));
    return count;
}

static void look(void)
{
    struct statfs fs;
    struct stat root, st, other;
    char line[100];
    int fd, queue;

    CHECK_OK(statfs(PLACE, &fs));
    CHECK_EQ(fs.f_type, 0x19800202);
    CHECK_EQ(fs.f_blocks, 0);
    CHECK_EQ(fs.f_namelen, 255);
    CHECK_OK(stat(PLACE, &root));
    CHECK_EQ(root.st_mode, S_IFDIR | 01777);
    CHECK_EQ(root.st_size, 40);
    CHECK_EQ(root.st_nlink, 2);
    CHECK_EQ(entries(PLACE), 2);
    queue = queue_new(NAME, O_RDWR, 5, 20);
    CHECK_EQ(entries(PLACE), 3);
    CHECK_OK(stat(PLACE "/" NAME, &st));
    CHECK_OK(fstat(queue, &other));
    CHECK_EQ(st.st_ino, other.st_ino);
    CHECK_EQ(st.st_dev, other.st_dev);
    CHECK_EQ(st.st_dev, root.st_dev);
    CHECK_EQ(st.st_mode, S_IFREG | 0600);
    CHECK_EQ(st.st_size, 80);
    CHECK_OK(stat(PLACE, &root));
    CHECK_EQ(root.st_size, 60);
    CHECK_OK(queue_send(queue, "12345", 5, 0, NULL));
    fd = (int)CHECK_OK(open(PLACE "/" NAME, O_RDWR | O_NONBLOCK));
    CHECK_EQ(read(fd, line, sizeof(line)), 60);
    CHECK_EQ(memcmp(line, "QSIZE:5          NOTIFY:0 ", 26), 0);
    CHECK_EQ(read(fd, line, sizeof(line)), 0);
    CHECK_EQ(queue_receive(fd, line, 20, NULL, NULL), 5); /* the file is the queue */
    CHECK_EQ(lseek(fd, 6, SEEK_SET), 6);
    CHECK_EQ(read(fd, line, 1), 1);
    CHECK_EQ(line[0], '0');
    CHECK_OK(close(fd));
    CHECK_OK(chmod(PLACE "/" NAME, 0640));
    CHECK_OK(fstat(queue, &other));
    CHECK_EQ(other.st_mode, S_IFREG | 0640);
    CHECK_OK(unlink(PLACE "/" NAME));
    CHECK_ERR(queue_open(NAME, O_RDWR, 0, NULL), ENOENT);
    CHECK_OK(fstat(queue, &other));
    CHECK_EQ(other.st_nlink, 0);
    CHECK_OK(close(queue));
}

/* Nothing but queues. */
static void make(void)
{
    struct mq_attr attr;
    int fd = (int)CHECK_OK(open(PLACE "/" NAME, O_RDWR | O_CREAT | O_EXCL, 0600));

    CHECK_OK(queue_attr(fd, NULL, &attr));
    CHECK_EQ(attr.mq_maxmsg, 10);
    CHECK_OK(close(fd));
    CHECK_OK(close((int)CHECK_OK(creat(PLACE "/" NAME, 0600))));
    CHECK_OK(mknod(PLACE "/second", S_IFREG | 0600, 0));
    CHECK_OK(queue_unlink("second"));
    CHECK_ERR(mkdir(PLACE "/dir", 0700), EPERM);
    CHECK_ERR(mknod(PLACE "/fifo", S_IFIFO | 0600, 0), EPERM);
    CHECK_ERR(symlink("x", PLACE "/link"), EPERM);
    CHECK_ERR(link(PLACE "/" NAME, PLACE "/link"), EPERM);
    CHECK_ERR(rename(PLACE "/" NAME, PLACE "/other"), EPERM);
    CHECK_ERR(rmdir(PLACE "/" NAME), ENOTDIR);
    CHECK_ERR(unlink(PLACE "/none"), ENOENT);
    CHECK_OK(queue_unlink(NAME));
}

static void as_another(void)
{
    CHECK_OK(setresgid(1000, 1000, 1000));
    CHECK_OK(setresuid(1000, 1000, 1000));
    CHECK_ERR(unlink(PLACE "/" NAME), EPERM);
    CHECK_ERR(chmod(PLACE "/" NAME, 0666), EPERM);
    CHECK_ERR(open(PLACE "/" NAME, O_RDONLY), EACCES);
    CHECK_OK(close(queue_new("own", O_RDWR, 1, 1)));
    CHECK_OK(chmod(PLACE "/own", 0400));
    CHECK_OK(unlink(PLACE "/own"));
}

static void as_another_closed(void)
{
    CHECK_OK(setresgid(1000, 1000, 1000));
    CHECK_OK(setresuid(1000, 1000, 1000));
    CHECK_ERR(queue_open("own", O_RDWR | O_CREAT, 0600, NULL), EACCES);
    CHECK_ERR(queue_unlink(NAME), EACCES);
}

static void as_owner(void)
{
    CHECK_OK(setresgid(1000, 1000, 1000));
    CHECK_OK(setresuid(1000, 1000, 1000));
    CHECK_OK(close((int)CHECK_OK(queue_open(NAME, O_RDWR, 0, NULL))));
    CHECK_OK(queue_unlink(NAME));
}

static void permissions(void)
{
    int fd = queue_new(NAME, O_RDWR, 1, 1);

    CHECK_EQ(child_status(as_another), 0);
    CHECK_OK(chmod(PLACE, 0755));
    CHECK_EQ(child_status(as_another_closed), 0);
    CHECK_OK(chmod(PLACE, 01777));
    CHECK_OK(chown(PLACE "/" NAME, 1000, 1000));
    CHECK_OK(close(fd));
    CHECK_EQ(child_status(as_owner), 0);
}

/* Another name space has other queues, also where a mount shows these. */
static void outside(void)
{
    int fd = queue_new("outer", O_RDWR, 1, 1);

    CHECK_OK(unshare(CLONE_NEWIPC));
    CHECK_ERR(queue_open("outer", O_RDWR, 0, NULL), ENOENT);
    CHECK_OK(queue_new("inner", O_RDWR, 1, 1));
    CHECK_EQ(access(PLACE "/outer", F_OK), 0);
    CHECK_ERR(access(PLACE "/inner", F_OK), ENOENT);
    CHECK_OK(mount("none", PLACE "2", "mqueue", 0, NULL));
    CHECK_EQ(access(PLACE "2/inner", F_OK), 0);
    CHECK_ERR(access(PLACE "2/outer", F_OK), ENOENT);
    CHECK_OK(queue_send(fd, "x", 1, 0, NULL)); /* what is open stays so */
}

/* The name space of the child has gone: its mount shows what there was. */
static void after(void)
{
    CHECK_EQ(access(PLACE "2/inner", F_OK), 0);
    CHECK_ERR(open(PLACE "2/new", O_RDWR | O_CREAT, 0600), EACCES);
    CHECK_OK(unlink(PLACE "2/inner"));
    CHECK_EQ(entries(PLACE "2"), 2);
    CHECK_OK(umount(PLACE "2"));
    CHECK_OK(mount("none", PLACE "2", "mqueue", 0, NULL)); /* a second one of this */
    CHECK_EQ(access(PLACE "2/outer", F_OK), 0);
    CHECK_OK(unlink(PLACE "2/outer"));
    CHECK_ERR(access(PLACE "/outer", F_OK), ENOENT);
}

static void setting(const char *name, const char *value, int err)
{
    char path[64] = "/proc/sys/fs/mqueue/";
    int fd = (int)CHECK_OK(open(strcat(path, name), O_WRONLY));

    if (err)
        CHECK_ERR(write(fd, value, strlen(value)), err);
    else
        CHECK_EQ(write(fd, value, strlen(value)), (long)strlen(value));
    CHECK_OK(close(fd));
}

static void limited(void)
{
    int first;

    CHECK_OK(setresgid(1000, 1000, 1000));
    CHECK_OK(setresuid(1000, 1000, 1000));
    first = (int)CHECK_OK(queue_open("l1", O_RDWR | O_CREAT, 0600, NULL));
    CHECK_ERR(queue_open("l2", O_RDWR | O_CREAT, 0600, NULL), ENOSPC);
    CHECK_OK(queue_unlink("l1"));
    CHECK_ERR(queue_open("l2", O_RDWR | O_CREAT, 0600, NULL), ENOSPC);
    CHECK_OK(close(first));
    CHECK_OK(close((int)CHECK_OK(queue_open("l2", O_RDWR | O_CREAT, 0600, NULL))));
    CHECK_OK(queue_unlink("l2"));
}

static void settings(void)
{
    struct mq_attr attr;
    int fd;

    setting("msg_max", "0", EINVAL);
    setting("msg_max", "65537", EINVAL);
    setting("msgsize_max", "127", EINVAL);
    setting("msgsize_max", "16777217", EINVAL);
    setting("msg_default", "4", 0);
    setting("msgsize_default", "200", 0);
    fd = (int)CHECK_OK(queue_open(NAME, O_RDWR | O_CREAT | O_EXCL, 0600, NULL));
    CHECK_OK(queue_attr(fd, NULL, &attr));
    CHECK_EQ(attr.mq_maxmsg, 4);
    CHECK_EQ(attr.mq_msgsize, 200);
    CHECK_OK(close(fd));
    CHECK_OK(queue_unlink(NAME));
    setting("msg_default", "10", 0);
    setting("msgsize_default", "8192", 0);
    setting("queues_max", "1", 0);
    CHECK_EQ(child_status(limited), 0);
    setting("queues_max", "256", 0);
}

int main(void)
{
    CHECK_OK(mkdir(PLACE, 0700));
    CHECK_OK(mkdir(PLACE "2", 0700));
    CHECK_ERR(mount("none", PLACE, "mqueue", 0, "size=1"), EINVAL);
    CHECK_OK(mount("none", PLACE, "mqueue", 0, NULL));
    look();
    make();
    CHECK_OK(chmod("/tmp", 01777));
    permissions();
    CHECK_EQ(child_status(outside), 0);
    after();
    settings();
    CHECK_OK(umount(PLACE "2"));
    CHECK_OK(umount(PLACE));
    CHECK_OK(rmdir(PLACE));
    CHECK_OK(rmdir(PLACE "2"));
    return 0;
}
