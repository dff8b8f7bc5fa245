/* SPDX-License-Identifier: MIT */
/*
 * Mounts: file systems come and go on directories that are removed, renamed and walked.
 *
 * A worker of one operation shares a directory with one of the other: four on one directory would
 * find a file system on it nearly always, and it never bare.
 *
 * `held` has a file system with an open file for as long as the pair runs: to unmount it is EBUSY,
 * and a walk into it succeeds at every moment.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "tests/race/race.h"

#define DETACH 2 /* MNT_DETACH */

/* By the worker: its directory, what that is renamed to, and a name in it. */
static const char *const directories[] = {"d0", "d1"}, *const moved[] = {"e0", "e1"},
                         *const parents[] = {"d0/..", "d1/.."},
                         *const news[] = {"d0/new", "d1/new"};

static int held_file;
static long mounts_before;

static long count_mounts(void)
{
    char buffer[4096];
    long lines = 0, n, fd = open("/proc/self/mounts", O_RDONLY);

    CHECK(fd >= 0);
    while ((n = read((int)fd, buffer, sizeof(buffer))) > 0)
        for (long i = 0; i < n; i++)
            lines += buffer[i] == '\n';
    close((int)fd);
    return lines;
}

static const char *begin(void)
{
    mounts_before = count_mounts();
    CHECK_OK(mkdir("d0", 0755));
    CHECK_OK(mkdir("d1", 0755));
    CHECK_OK(mkdir("held", 0755));
    if (mount("tmpfs", "held", "tmpfs", 0, NULL) != 0) {
        rmdir("d0");
        rmdir("d1");
        rmdir("held");
        return "nothing can be mounted here";
    }
    held_file = (int)CHECK_OK(open("held/file", O_RDWR | O_CREAT, 0644));
    return NULL;
}

static void end(void)
{
    static const char *const names[] = {"d0", "d1", "e0", "e1", "held"};
    char path[32];

    close(held_file);
    for (int i = 0; i < 5; i++) {
        for (int k = 0; k < 1000 && umount2(names[i], DETACH) == 0; k++)
            ;
        snprintf(path, sizeof(path), "%s/new", names[i]); /* made while nothing was mounted */
        unlink(path);
        if (rmdir(names[i]) != 0 && errno != ENOENT)
            race_wrong("a directory cannot be removed, errno", errno);
    }
    if (count_mounts() != mounts_before)
        race_wrong("mounts that no path leads to", count_mounts() - mounts_before);
}

/* What was mounted on it is found there, unless it is renamed meanwhile. Two mount here, one on the
 * other; each takes one away, whosever it is. Not by MNT_DETACH: that would take what the other
 * mounts on it between the walk and the unmount, and leave nothing for it to find. */
static void do_mount(struct race_worker *worker)
{
    const char *directory = directories[worker->index & 1];
    long err;

    raw2(SYS_mkdir, directory, 0755);
    if (raw_call(SYS_mount, (long)"tmpfs", (long)directory, (long)"tmpfs", 0, 0, 0) != 0)
        return;
    err = raw2(SYS_umount2, directory, 0);
    for (int i = 0; i < 10000 && err == -EBUSY && !race_shared->stop; i++)
        err = raw2(SYS_umount2, directory, 0);
    if (err != 0 && err != -EBUSY && !race_runs("rename"))
        race_wrong("mounted and not there, umount2 says", err);
}

static void do_rmdir(struct race_worker *worker)
{
    raw1(SYS_rmdir, directories[worker->index & 1]);
    for (volatile uint32_t i = race_random(worker, 2000); i > 0; i--)
        ; /* long enough for a mount to begin */
    if (race_random(worker, 2))
        raw2(SYS_mkdir, directories[worker->index & 1], 0755);
}

static void do_rename(struct race_worker *worker)
{
    raw2(SYS_rename, directories[worker->index & 1], moved[worker->index & 1]);
    raw2(SYS_rename, moved[worker->index & 1], directories[worker->index & 1]);
}

static void do_busy(struct race_worker *worker)
{
    long err = raw2(SYS_umount2, "held", 0);

    (void)worker;
    if (err != -EBUSY)
        race_wrong("unmounted with a file open, umount2 says", err);
}

static void do_inside(struct race_worker *worker)
{
    struct stat info;
    long err = raw2(SYS_stat, "held/file", &info);

    (void)worker;
    if (err != 0)
        race_wrong("a mounted file is not found, stat says", err);
}

static void do_walk(struct race_worker *worker)
{
    struct statfs info;
    struct stat status;

    raw2(SYS_statfs, directories[worker->index & 1], &info);
    raw2(SYS_stat, parents[worker->index & 1], &status);
    raw1(SYS_close, raw3(SYS_open, news[worker->index & 1], O_WRONLY | O_CREAT, 0644));
    raw1(SYS_unlink, news[worker->index & 1]);
}

static void do_list(struct race_worker *worker)
{
    race_read_all(race_random(worker, 2) ? "/proc/self/mounts" : "/proc/self/mountinfo");
}

static void do_enter(struct race_worker *worker)
{
    char text[256];
    long pid = race_fork(0);

    if (pid == 0) {
        raw1(SYS_chdir, directories[worker->index & 1]);
        raw2(SYS_getcwd, text, sizeof(text));
        raw1(SYS_chdir, "..");
        race_exit(0);
    }
    if (pid > 0)
        race_wait(pid);
}

static const struct race_op ops[] = {
    {"mount", do_mount}, {"rmdir", do_rmdir},   {"rename", do_rename},
    {"busy", do_busy},   {"inside", do_inside}, {"walk", do_walk},
    {"list", do_list},   {"enter", do_enter},   {NULL, NULL}};

const struct race_group race_mounts = {"mounts", 0, begin, end, ops};
