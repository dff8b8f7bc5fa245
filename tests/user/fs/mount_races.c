/* SPDX-License-Identifier: MIT */
/*
 * Mounts against what happens to them at the same moment: an unlink of the name that is mounted on,
 * opens for writing while a remount is refused, readers of the list of mounts during an unmount.
 * Each for some milliseconds, which may be given as the argument.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

static long run_ms = 300;

static long now_ms(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static pid_t begin(void (*body)(void))
{
    pid_t child = (pid_t)CHECK_OK(fork());

    if (child == 0) {
        CHECK_OK(prctl(PR_SET_PDEATHSIG, SIGKILL));
        for (;;)
            body();
    }
    return child;
}

static void end(pid_t child)
{
    int status;

    CHECK_OK(kill(child, SIGKILL));
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status)); /* and has not failed before */
}

static void make(const char *path)
{
    close((int)CHECK_OK(open(path, O_WRONLY | O_CREAT, 0600)));
}

static void do_unlink(void)
{
    if (unlink("name") != 0)
        CHECK(errno == ENOENT || errno == EBUSY);
    if (rmdir("dir") != 0)
        CHECK(errno == ENOENT || errno == EBUSY);
}

/* Either the name goes, and nothing is mounted on it, or it stays until that is unmounted. */
static void unlinked(void)
{
    pid_t other = begin(do_unlink);
    long until = now_ms() + run_ms, mounted = 0;

    make("what");
    for (int i = 0; now_ms() < until; i++) {
        make("name");
        if (mount("what", "name", NULL, MS_BIND, NULL) == 0) {
            mounted++;
            CHECK_OK(umount("name"));
        } else {
            CHECK_EQ(errno, ENOENT);
        }
        if (mkdir("dir", 0755) != 0)
            CHECK_EQ(errno, EEXIST);
        if (mount("x", "dir", "tmpfs", 0, NULL) == 0)
            CHECK_OK(umount2("dir", MNT_DETACH));
        else
            CHECK_EQ(errno, ENOENT);
        if (i % 64 == 0)
            sched_yield();
    }
    CHECK(mounted > 0);
    end(other);
    unlink("name");
    rmdir("dir");
}

static void do_remount(void)
{
    CHECK_ERR(mount(NULL, "b", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), EBUSY);
    CHECK_ERR(mount(NULL, "c", NULL, MS_REMOUNT | MS_RDONLY, NULL), EBUSY);
}

/* A remount that is refused makes nothing read-only, not even for a moment. Writers by way of one
 * mount are not those of another. */
static void refused(void)
{
    int bound, whole;
    pid_t other;

    make("a/file");
    CHECK_OK(mount("a", "b", NULL, MS_BIND, NULL));
    CHECK_OK(mount("c", "c", "tmpfs", 0, NULL));
    make("c/file");
    bound = (int)CHECK_OK(open("b/file", O_WRONLY));
    whole = (int)CHECK_OK(open("c/file", O_WRONLY));
    other = begin(do_remount);
    for (long until = now_ms() + run_ms; now_ms() < until;) {
        close((int)CHECK_OK(open("b/file", O_WRONLY)));
        close((int)CHECK_OK(open("c/file", O_WRONLY)));
    }
    end(other);
    close(bound);
    close(whole);
    CHECK_OK(umount("b"));
    CHECK_OK(umount("c"));
}

static void do_write(void)
{
    close((int)CHECK_OK(open("b/file", O_WRONLY)));
}

/* The first mount becomes read-only and writable whatever is written by way of another one; and not
 * while a file of its own is open for writing. */
static void counted(void)
{
    pid_t other;
    int fd;

    CHECK_OK(mount("c", "c", "tmpfs", 0, NULL));
    make("c/file");
    CHECK_OK(mount("c", "b", NULL, MS_BIND, NULL));
    other = begin(do_write);
    for (long until = now_ms() + run_ms; now_ms() < until;) {
        CHECK_OK(mount(NULL, "c", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
        CHECK_OK(mount(NULL, "c", NULL, MS_REMOUNT | MS_BIND, NULL));
        fd = (int)CHECK_OK(open("c/file", O_WRONLY));
        CHECK_ERR(mount(NULL, "c", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), EBUSY);
        close(fd);
    }
    end(other);
    CHECK_OK(umount("b"));
    CHECK_OK(umount("c"));
}

static void do_list(void)
{
    static char buffer[8192];
    int fd = (int)CHECK_OK(open("/proc/self/mountinfo", O_RDONLY));

    while (CHECK_OK(read(fd, buffer, sizeof(buffer))) > 0)
        ;
    close(fd);
}

/* To list a mount is no use of it. */
static void listed(void)
{
    pid_t other = begin(do_list);

    for (long until = now_ms() + run_ms; now_ms() < until;) {
        CHECK_OK(mount("a", "b", NULL, MS_BIND, NULL));
        CHECK_OK(mount("c", "c", "tmpfs", 0, NULL));
        CHECK_OK(umount("b"));
        CHECK_OK(umount("c"));
    }
    end(other);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        run_ms = atol(argv[1]);
    CHECK_OK(unshare(CLONE_NEWNS));
    CHECK_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    CHECK_OK(mount("m", "/tmp", "tmpfs", 0, NULL));
    CHECK_OK(chdir("/tmp"));
    CHECK_OK(mkdir("a", 0755));
    CHECK_OK(mkdir("b", 0755));
    CHECK_OK(mkdir("c", 0755));
    unlinked();
    refused();
    counted();
    listed();
    return 0;
}
