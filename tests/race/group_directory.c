/* SPDX-License-Identifier: MIT */
/*
 * A directory: workers make, remove, rename, link, list and walk the same few names.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/race/race.h"

static const char *const directories[] = {"a", "b", "c"};
static const char *const files[] = {"a/f", "b/f", "c/f", "a/g", "b/g", "c/g", "f"};
#define DIRECTORIES 3
#define FILES       7

static const char *begin(void)
{
    for (int i = 0; i < DIRECTORIES; i++)
        CHECK_OK(mkdir(directories[i], 0755));
    return NULL;
}

/* What is in the directory comes out of it, under names that are new. */
static void empty(const char *path)
{
    static unsigned moved;
    struct dirent *entry;
    DIR *stream = opendir(path);

    CHECK(stream);
    while ((entry = readdir(stream)) != NULL) {
        char from[600], to[32];

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(from, sizeof(from), "%s/%s", path, entry->d_name);
        snprintf(to, sizeof(to), "moved%u", moved++);
        CHECK_OK(rename(from, to));
    }
    closedir(stream);
}

/* Removes what is there by name; how many directories had to be emptied for that. */
static unsigned remove_all(void)
{
    struct dirent *entry;
    unsigned count = 0;
    DIR *stream = opendir(".");

    CHECK(stream);
    while ((entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            remove(entry->d_name) == 0)
            continue;
        CHECK_EQ(errno, ENOTEMPTY);
        count++;
        empty(entry->d_name);
        CHECK_OK(rmdir(entry->d_name));
    }
    closedir(stream);
    return count;
}

/* Whatever is left can be removed, and then the count of links is that of an empty directory.
 * Files and directories end up within each other, deeper than any path reaches. */
static void end(void)
{
    struct stat info;

    while (remove_all() > 0)
        ;
    CHECK_OK(stat(".", &info));
    if (info.st_nlink != 2 && info.st_nlink != 1) /* 1: a file system that does not count */
        race_wrong("links of an empty directory", (long)info.st_nlink);
}

static const char *directory(struct race_worker *worker)
{
    return directories[race_random(worker, DIRECTORIES)];
}

static const char *file(struct race_worker *worker)
{
    return files[race_random(worker, FILES)];
}

static void make(const char *path)
{
    long fd = raw3(SYS_open, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    if (fd >= 0) {
        raw3(SYS_write, fd, "text", 4);
        raw1(SYS_close, fd);
    }
}

/* A file between directories that come and go. */
static void do_rename(struct race_worker *worker)
{
    const char *from = file(worker), *to = file(worker);

    if (raw2(SYS_rename, from, to) == -ENOENT && race_random(worker, 8) == 0)
        make("a/f");
    if (race_random(worker, 16) == 0)
        raw2(SYS_rename, directory(worker), directory(worker));
}

static void do_mkdir(struct race_worker *worker)
{
    raw2(SYS_mkdir, directory(worker), 0755);
    raw1(SYS_rmdir, directory(worker));
}

/* A file goes round: into a directory that was just made, and out of it before it is removed. What
 * was freed too early is looked at by the next walk. */
static void do_fill(struct race_worker *worker)
{
    struct stat info;

    raw2(SYS_stat, "b/f", &info);
    raw2(SYS_mkdir, "b", 0755);
    if (raw2(SYS_rename, "a/f", "b/f") != 0 && race_random(worker, 16) == 0) {
        raw2(SYS_mkdir, "a", 0755);
        raw2(SYS_mkdir, "c", 0755);
        make("a/f");
    }
}

static void do_drain(struct race_worker *worker)
{
    struct stat info;

    (void)worker;
    raw2(SYS_rename, "b/f", "c/f");
    raw1(SYS_rmdir, "b");
    raw2(SYS_rename, "c/f", "a/f");
    raw2(SYS_stat, "b/f", &info);
}

static void do_nest(struct race_worker *worker)
{
    char inner[8];

    strcpy(inner, directory(worker));
    strcat(inner, "/");
    strcat(inner, directory(worker));
    raw2(SYS_rename, directory(worker), inner);
    raw2(SYS_rename, inner, directory(worker));
    raw1(SYS_rmdir, inner);
}

static void do_stat(struct race_worker *worker)
{
    struct stat info;

    raw2(SYS_stat, file(worker), &info);
    raw2(SYS_stat, "b/f", &info);
    raw2(SYS_stat, directory(worker), &info);
}

static void do_create(struct race_worker *worker)
{
    make(file(worker));
    raw1(SYS_unlink, file(worker));
}

static void do_link(struct race_worker *worker)
{
    raw2(SYS_link, file(worker), file(worker));
    raw1(SYS_unlink, file(worker));
}

static void do_list(struct race_worker *worker)
{
    race_read_all(directory(worker));
    race_read_all(".");
}

static void do_symlink(struct race_worker *worker)
{
    struct stat info;
    char text[32];

    raw2(SYS_symlink, directory(worker), "s");
    raw2(SYS_stat, "s/f", &info);
    raw3(SYS_readlink, "s", text, sizeof(text));
    raw1(SYS_unlink, "s");
}

/* A working directory that may be gone. */
static void do_enter(struct race_worker *worker)
{
    char text[256];
    long pid = race_fork(0);

    if (pid == 0) {
        if (raw1(SYS_chdir, directory(worker)) == 0) {
            raw2(SYS_getcwd, text, sizeof(text));
            make("f");
            raw1(SYS_chdir, "..");
            raw2(SYS_getcwd, text, sizeof(text));
        }
        race_exit(0);
    }
    if (pid > 0)
        race_wait(pid);
}

static const struct race_op ops[] = {
    {"rename", do_rename}, {"mkdir", do_mkdir},     {"fill", do_fill},     {"drain", do_drain},
    {"nest", do_nest},     {"stat", do_stat},       {"create", do_create}, {"link", do_link},
    {"list", do_list},     {"symlink", do_symlink}, {"enter", do_enter},   {NULL, NULL}};

const struct race_group race_directory = {"directory", 0, begin, end, ops};
