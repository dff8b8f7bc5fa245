/* SPDX-License-Identifier: MIT */
/*
 * File system mqueue by several mounts: all of a name space show the same inodes. What a change by
 * one of them does to the others and to mq_open; read-only ones; and what is left when the name
 * space has ended.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/user/lib/child.h"
#include "tests/user/lib/mqueue.h"

#define DIR   "/tmp/mqueue_shared"
#define ONE   DIR "/one"
#define TWO   DIR "/two"
#define THREE DIR "/three"
#define QUEUE "/queue"

static void check_same(const char *one, const char *two)
{
    struct stat first, second;

    CHECK_OK(stat(one, &first));
    CHECK_OK(stat(two, &second));
    CHECK_EQ(first.st_dev, second.st_dev);
    CHECK_EQ(first.st_ino, second.st_ino);
    CHECK_EQ(first.st_mode, second.st_mode);
    CHECK_EQ(first.st_uid, second.st_uid);
    CHECK_EQ(first.st_size, second.st_size);
    CHECK_EQ(first.st_ctim.tv_nsec, second.st_ctim.tv_nsec);
}

/* Whether the line of the mount begins like that. */
static int is_listed(const char *start)
{
    static char text[16384];
    FILE *mounts = fopen("/proc/self/mounts", "r");
    size_t length;

    CHECK(mounts);
    length = fread(text, 1, sizeof(text) - 1, mounts);
    CHECK_OK(fclose(mounts));
    text[length] = '\0';
    return strstr(text, start) != NULL;
}

static void same(void)
{
    struct {
        struct file_handle head;
        char bytes[64];
    } handle = {.head.handle_bytes = 64};
    int queue = queue_new(QUEUE + 1, O_RDWR, 2, 16), number;

    check_same(ONE, TWO);
    check_same(ONE QUEUE, TWO QUEUE);
    CHECK_ERR(mount("again", TWO, "mqueue", 0, NULL), EBUSY); /* it is just what lies there */
    CHECK_ERR(mount("again", TWO QUEUE, "mqueue", 0, NULL), ENOTDIR);
    CHECK(is_listed("first " ONE " mqueue rw,"));
    CHECK(is_listed("second " TWO " mqueue rw,"));
    CHECK_OK(chmod(ONE QUEUE, 0640));
    CHECK_OK(chown(TWO QUEUE, 7, 8));
    check_same(ONE QUEUE, TWO QUEUE);
    CHECK_OK(chmod(TWO, 0700));
    check_same(ONE, TWO);
    CHECK_OK(chmod(ONE, 01777));
    check_same(ONE, TWO);
    CHECK_ERR(link(ONE QUEUE, TWO "/link"), EXDEV);
    CHECK_ERR(link(ONE QUEUE, ONE "/link"), EPERM);
    CHECK_ERR(rename(ONE QUEUE, TWO "/other"), EXDEV);
    CHECK_ERR(name_to_handle_at(AT_FDCWD, ONE QUEUE, &handle.head, &number, 0), EOPNOTSUPP);
    CHECK_ERR(open(ONE, O_TMPFILE | O_RDWR, 0600), EOPNOTSUPP);
    CHECK_OK(unlink(TWO QUEUE));
    CHECK_ERR(access(ONE QUEUE, F_OK), ENOENT);
    CHECK_ERR(queue_open(QUEUE + 1, O_RDWR, 0, NULL), ENOENT);
    CHECK_OK(queue_send(queue, "x", 1, 0, NULL));
    CHECK_OK(close(queue));
}

/* One goes, and the other and the calls have what they had. */
static void one_goes(void)
{
    int queue = queue_new(QUEUE + 1, O_RDWR, 2, 16), dir, fd;

    fd = (int)CHECK_OK(open(TWO QUEUE, O_RDONLY));
    CHECK_ERR(umount(TWO), EBUSY);
    CHECK_OK(close(fd));
    dir = (int)CHECK_OK(open(TWO, O_RDONLY | O_DIRECTORY));
    CHECK_OK(umount2(TWO, MNT_DETACH));
    CHECK_OK(faccessat(dir, QUEUE + 1, F_OK, 0));
    CHECK_OK(mknodat(dir, "made", S_IFREG | 0600, 0));
    CHECK_OK(close(dir));
    CHECK_OK(access(ONE "/made", F_OK));
    CHECK_OK(umount(ONE)); /* what mq_open has opened is not open there */
    CHECK_OK(queue_unlink("made"));
    CHECK_OK(queue_send(queue, "x", 1, 0, NULL));
    CHECK_OK(mount("first", ONE, "mqueue", 0, NULL));
    CHECK_OK(mount("second", TWO, "mqueue", 0, NULL));
    check_same(ONE QUEUE, TWO QUEUE);
    CHECK_OK(close(queue));
    CHECK_OK(queue_unlink(QUEUE + 1));
}

/* A mount alone: not mq_open's. */
static void readonly_mount(void)
{
    int queue = queue_new(QUEUE + 1, O_RDWR, 2, 16);

    CHECK_OK(mount("third", THREE, "mqueue", MS_RDONLY, NULL));
    CHECK(is_listed("third " THREE " mqueue ro,"));
    check_same(ONE QUEUE, THREE QUEUE);
    CHECK_ERR(open(THREE QUEUE, O_RDWR), EROFS);
    CHECK_OK(close((int)CHECK_OK(open(THREE QUEUE, O_RDONLY))));
    CHECK_ERR(open(THREE "/new", O_RDWR | O_CREAT, 0600), EROFS);
    CHECK_ERR(mknod(THREE "/new", S_IFREG | 0600, 0), EROFS);
    CHECK_ERR(chmod(THREE QUEUE, 0666), EROFS);
    CHECK_ERR(chmod(THREE, 0777), EROFS);
    CHECK_ERR(unlink(THREE QUEUE), EROFS);
    CHECK_OK(close((int)CHECK_OK(queue_open(QUEUE + 1, O_RDWR, 0, NULL))));
    CHECK_OK(close((int)CHECK_OK(open(ONE QUEUE, O_RDWR))));
    CHECK_OK(close((int)CHECK_OK(queue_open("new", O_RDWR | O_CREAT, 0600, NULL))));
    CHECK_OK(queue_unlink("new"));
    CHECK_OK(mount(NULL, THREE, NULL, MS_REMOUNT | MS_BIND, NULL));
    CHECK_OK(close((int)CHECK_OK(open(THREE QUEUE, O_RDWR))));
    CHECK_OK(umount(THREE));
    CHECK_OK(close(queue));
    CHECK_OK(queue_unlink(QUEUE + 1));
}

/* The file system, with all its mounts and mq_open: not while a queue is open for writing. */
static void readonly_all(void)
{
    int queue = queue_new(QUEUE + 1, O_RDWR, 2, 16);

    CHECK_ERR(mount(NULL, ONE, NULL, MS_REMOUNT | MS_RDONLY, NULL), EBUSY);
    CHECK_OK(close(queue));
    CHECK_OK(mount(NULL, ONE, NULL, MS_REMOUNT | MS_RDONLY, NULL));
    CHECK_ERR(queue_open(QUEUE + 1, O_RDWR, 0, NULL), EROFS);
    CHECK_OK(close((int)CHECK_OK(queue_open(QUEUE + 1, O_RDONLY, 0, NULL))));
    CHECK_ERR(queue_open("new", O_RDWR | O_CREAT, 0600, NULL), EROFS);
    CHECK_ERR(queue_unlink(QUEUE + 1), EROFS);
    CHECK_ERR(chmod(TWO QUEUE, 0666), EROFS);
    CHECK_OK(mount(NULL, ONE, NULL, MS_REMOUNT, NULL));
    CHECK_OK(queue_unlink(QUEUE + 1));
}

static void covered(void)
{
    CHECK_OK(close(queue_new(QUEUE + 1, O_RDWR, 2, 16)));
    CHECK_OK(mount("/proc/self/exe", ONE QUEUE, NULL, MS_BIND, NULL));
    CHECK_ERR(queue_unlink(QUEUE + 1), EBUSY);
    CHECK_ERR(unlink(TWO QUEUE), EBUSY);
    CHECK_OK(close((int)CHECK_OK(queue_open(QUEUE + 1, O_RDWR, 0, NULL))));
    CHECK_OK(umount(ONE QUEUE));
    CHECK_OK(queue_unlink(QUEUE + 1));
}

static void watched(void)
{
    int fd = (int)CHECK_OK(inotify_init1(IN_NONBLOCK));
    struct {
        struct inotify_event head;
        char name[16];
    } event;

    CHECK_OK(inotify_add_watch(fd, ONE, IN_CREATE | IN_DELETE));
    CHECK_OK(close(queue_new(QUEUE + 1, O_RDWR, 2, 16)));
    CHECK_EQ(read(fd, &event, sizeof(event)), sizeof(event));
    CHECK_EQ(event.head.mask, IN_CREATE);
    CHECK_EQ(strcmp(event.name, QUEUE + 1), 0);
    CHECK_OK(queue_unlink(QUEUE + 1));
    CHECK_EQ(read(fd, &event, sizeof(event)), sizeof(event));
    CHECK_EQ(event.head.mask, IN_DELETE);
    CHECK_OK(close(fd));
}

/* --- the end of a name space --- */

static int left; /* a queue of it, in a table that its maker shared */

static int make_and_end(void *argument)
{
    CHECK_OK(unshare(CLONE_NEWIPC));
    if (argument)
        CHECK_OK(mount("third", THREE, "mqueue", 0, NULL));
    left = queue_new("left", O_RDWR, 2, 16);
    CHECK_OK(close(queue_new("other", O_RDWR, 2, 16)));
    return 0;
}

static void space_end(int mounted)
{
    static char stack[65536];
    int pid = (int)CHECK_OK(clone(make_and_end, stack + sizeof(stack),
                                  CLONE_FILES | CLONE_VM | SIGCHLD, (void *)(long)mounted));

    CHECK_EQ(child_end(pid), 0);
}

static void after_the_end(void)
{
    char byte[16];

    space_end(0); /* the queue is all that there is of it */
    CHECK_OK(queue_send(left, "x", 1, 0, NULL));
    CHECK_EQ(queue_receive(left, byte, sizeof(byte), NULL, NULL), 1);
    CHECK_OK(close(left));
    space_end(1);
    CHECK_OK(queue_send(left, "x", 1, 0, NULL));
    CHECK_ERR(queue_open("left", O_RDWR, 0, NULL), ENOENT);
    CHECK_ERR(open(THREE "/new", O_RDWR | O_CREAT, 0600), EACCES);
    CHECK_ERR(mknod(THREE "/new", S_IFREG | 0600, 0), EACCES);
    CHECK_OK(chmod(THREE "/other", 0640));
    CHECK_OK(close((int)CHECK_OK(open(THREE "/other", O_RDWR | O_CREAT, 0600))));
    CHECK_OK(unlink(THREE "/other"));
    CHECK_OK(umount(THREE));
    CHECK_EQ(queue_receive(left, byte, sizeof(byte), NULL, NULL), 1);
    CHECK_OK(close(left));
}

/* The bytes of its queues come back to the user: at once, or soon. */
static void bytes_back(void)
{
    static const struct rlimit two = {500, 500};
    int fd;

    CHECK_OK(setresuid(1234, 0, 0)); /* who has no others */
    CHECK_OK(setrlimit(RLIMIT_MSGQUEUE, &two));
    for (int i = 0; i < 3; i++) {
        int tries = 0;

        space_end(i % 2);
        CHECK_OK(close(left));
        if (i % 2)
            CHECK_OK(umount(THREE));
        while ((fd = queue_open("tried", O_RDWR | O_CREAT, 0600,
                                &(struct mq_attr){.mq_maxmsg = 4, .mq_msgsize = 16})) < 0) {
            CHECK_EQ(errno, EMFILE);
            CHECK(tries++ < 500);
            usleep(10000);
        }
        CHECK_OK(close(fd));
        CHECK_OK(queue_unlink("tried"));
    }
}

int main(void)
{
    /* A name space of its own, for what is left in the first one counts for the user, too. */
    CHECK_OK(unshare(CLONE_NEWIPC));
    CHECK_OK(mkdir(DIR, 0700));
    CHECK_OK(mkdir(ONE, 0700));
    CHECK_OK(mkdir(TWO, 0700));
    CHECK_OK(mkdir(THREE, 0700));
    CHECK_OK(mount("first", ONE, "mqueue", 0, NULL));
    CHECK_OK(mount("second", TWO, "mqueue", 0, NULL));
    same();
    one_goes();
    readonly_mount();
    readonly_all();
    covered();
    watched();
    after_the_end();
    CHECK_EQ(child_status(bytes_back), 0);
    CHECK_OK(umount(TWO));
    CHECK_OK(umount(ONE));
    CHECK_OK(rmdir(THREE));
    CHECK_OK(rmdir(TWO));
    CHECK_OK(rmdir(ONE));
    CHECK_OK(rmdir(DIR));
    return 0;
}
