/* SPDX-License-Identifier: MIT */
/* Names: link, symlink, rename, unlink, mkdir, rmdir, paths with dots, loops, lengths. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

static void put(const char *name, const char *text)
{
    int fd = (int)CHECK_OK(open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644));

    CHECK_EQ(write(fd, text, strlen(text)), (long)strlen(text));
    CHECK_OK(close(fd));
}

static int holds(const char *name, const char *text)
{
    char buf[100] = {0};
    int fd = (int)CHECK_OK(open(name, O_RDONLY));

    CHECK_OK(read(fd, buf, sizeof(buf) - 1));
    CHECK_OK(close(fd));
    return strcmp(buf, text) == 0;
}

static int is_there(const char *name)
{
    struct stat st;

    if (lstat(name, &st) == 0)
        return 1;
    CHECK_EQ(errno, ENOENT);
    return 0;
}

static long links_of(const char *name)
{
    struct stat st;

    CHECK_OK(stat(name, &st));
    return (long)st.st_nlink;
}

static void check_links(void)
{
    struct stat a, b;

    put("a", "text");
    CHECK_OK(link("a", "b"));
    CHECK_OK(stat("a", &a));
    CHECK_OK(stat("b", &b));
    CHECK_EQ(a.st_ino, b.st_ino);
    CHECK_EQ(a.st_nlink, 2);
    put("b", "other");
    CHECK(holds("a", "other"));
    CHECK_ERR(link("a", "b"), EEXIST);
    CHECK_ERR(link("none", "c"), ENOENT);
    CHECK_ERR(link("dir", "c"), EPERM);
    CHECK_OK(unlink("a"));
    CHECK_EQ(links_of("b"), 1);
    CHECK(holds("b", "other"));
    CHECK_OK(unlink("b"));
    CHECK_ERR(unlink("b"), ENOENT);
    CHECK_ERR(unlink("dir"), EISDIR);
}

/* A file lives on while it is open. */
static void check_unlinked_file(void)
{
    char buf[10];
    int fd = (int)CHECK_OK(open("gone", O_RDWR | O_CREAT | O_EXCL, 0600));

    CHECK_OK(unlink("gone"));
    CHECK(!is_there("gone"));
    CHECK_EQ(write(fd, "alive", 5), 5);
    CHECK_EQ(pread(fd, buf, 10, 0), 5);
    CHECK(memcmp(buf, "alive", 5) == 0);
    struct stat st;
    CHECK_OK(fstat(fd, &st));
    CHECK_EQ(st.st_nlink, 0);
    CHECK_OK(close(fd));
}

static void check_symlinks(void)
{
    char buf[100];
    struct stat st;

    put("target", "pointed at");
    CHECK_OK(symlink("target", "sym"));
    CHECK(holds("sym", "pointed at"));
    CHECK_EQ(readlink("sym", buf, sizeof(buf)), 6);
    CHECK(memcmp(buf, "target", 6) == 0);
    CHECK_EQ(readlink("sym", buf, 3), 3); /* cut, and no NUL */
    CHECK_ERR(readlink("target", buf, sizeof(buf)), EINVAL);
    CHECK_EQ(raw3(SYS_readlink, "sym", buf, 0), -EINVAL);
    CHECK_OK(lstat("sym", &st));
    CHECK(S_ISLNK(st.st_mode));
    CHECK_EQ(st.st_size, 6);
    CHECK_ERR(symlink("x", "sym"), EEXIST);
    CHECK_ERR(symlink("", "empty"), ENOENT);
    CHECK_ERR(open("sym", O_RDONLY | O_NOFOLLOW), ELOOP);
    CHECK_OK(unlink("sym"));
    CHECK(is_there("target"));
    /* A dangling one is created through, a circle is an error. */
    CHECK_OK(symlink("made", "sym"));
    CHECK_ERR(open("sym", O_RDONLY), ENOENT);
    CHECK_ERR(open("sym", O_WRONLY | O_CREAT | O_EXCL, 0600), EEXIST);
    put("sym", "by name");
    CHECK(holds("made", "by name"));
    CHECK_OK(symlink("loop2", "loop1"));
    CHECK_OK(symlink("loop1", "loop2"));
    CHECK_ERR(open("loop1", O_RDONLY), ELOOP);
    CHECK_OK(symlink("dir", "dirlink"));
    put("dirlink/file", "below");
    CHECK(holds("dir/../dirlink/./file", "below"));
    CHECK_OK(unlink("dir/file"));
    static const char *const names[] = {"target", "sym", "made", "loop1", "loop2", "dirlink"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        CHECK_OK(unlink(names[i]));
}

static void check_rename(void)
{
    put("a", "A");
    put("b", "B");
    CHECK_OK(rename("a", "b")); /* replaces */
    CHECK(!is_there("a"));
    CHECK(holds("b", "A"));
    CHECK_OK(rename("b", "b"));
    CHECK_OK(rename("b", "dir/b"));
    CHECK(holds("dir/b", "A"));
    CHECK_ERR(rename("none", "x"), ENOENT);
    CHECK_ERR(rename("dir", "dir/inside"), EINVAL);
    CHECK_OK(mkdir("empty", 0755));
    CHECK_ERR(rename("empty", "dir"), ENOTEMPTY);
    CHECK_ERR(rename("dir/b", "empty"), EISDIR);
    CHECK_ERR(rename("empty", "dir/b"), ENOTDIR);
    CHECK_OK(rename("dir", "empty")); /* an empty directory may be replaced */
    CHECK(!is_there("dir"));
    CHECK(holds("empty/b", "A"));
    CHECK_OK(rename("empty", "dir"));
    /* Two names of one file: nothing happens. */
    CHECK_OK(link("dir/b", "c"));
    CHECK_OK(rename("dir/b", "c"));
    CHECK(is_there("dir/b") && is_there("c"));
    CHECK_OK(unlink("c"));
    put("d", "D");
    CHECK_EQ(raw6(SYS_renameat2, AT_FDCWD, "d", AT_FDCWD, "dir/b", 1, 0), -EEXIST); /* NOREPLACE */
    CHECK(holds("dir/b", "A"));
    CHECK_OK(unlink("d"));
    CHECK_OK(unlink("dir/b"));
}

static void check_directories(void)
{
    char buf[PATH_MAX];

    CHECK_ERR(mkdir("dir", 0755), EEXIST);
    CHECK_ERR(mkdir("none/dir", 0755), ENOENT);
    CHECK_OK(mkdir("dir/deep", 0755));
    CHECK_ERR(rmdir("dir"), ENOTEMPTY);
    CHECK_ERR(rmdir("none"), ENOENT);
    CHECK_ERR(rmdir("dir/deep/."), EINVAL);
    CHECK_ERR(rmdir("dir/deep/.."), ENOTEMPTY);
    CHECK_ERR(rmdir("/"), EBUSY);
    put("file", "");
    CHECK_ERR(rmdir("file"), ENOTDIR);
    CHECK_ERR(mkdir("file/x", 0755), ENOTDIR);
    CHECK_ERR(chdir("file"), ENOTDIR);
    CHECK_ERR(open("file/", O_RDONLY), ENOTDIR);
    CHECK_OK(unlink("file"));
    CHECK_OK(mkdir("dir/slash/", 0755));
    CHECK_OK(rmdir("dir/slash/"));
    CHECK_OK(chdir("dir/deep"));
    CHECK(getcwd(buf, sizeof(buf)) != NULL);
    CHECK(strcmp(buf, "/tmp/file_names/dir/deep") == 0);
    CHECK_ERR(getcwd(buf, 5) ? 0 : -1, ERANGE);
    CHECK_OK(chdir("../.././dir//.."));
    CHECK(getcwd(buf, sizeof(buf)) != NULL);
    CHECK(strcmp(buf, "/tmp/file_names") == 0);
    CHECK_OK(chdir("/../.."));
    CHECK(getcwd(buf, sizeof(buf)) != NULL && strcmp(buf, "/") == 0);
    int fd = (int)CHECK_OK(open("/tmp/file_names", O_RDONLY | O_DIRECTORY));
    CHECK_OK(fchdir(fd));
    CHECK_OK(mkdirat(fd, "at", 0700));
    CHECK_OK(unlinkat(fd, "at", AT_REMOVEDIR));
    CHECK_OK(close(fd));
    CHECK_OK(rmdir("dir/deep"));
}

static void check_lengths(void)
{
    char name[NAME_MAX + 2];
    static char path[PATH_MAX + 2];

    memset(name, 'n', sizeof(name));
    name[NAME_MAX] = '\0';
    put(name, "long");
    CHECK(holds(name, "long"));
    CHECK_OK(unlink(name));
    name[NAME_MAX] = 'n';
    name[NAME_MAX + 1] = '\0';
    CHECK_ERR(open(name, O_RDWR | O_CREAT, 0600), ENAMETOOLONG);
    memset(path, '/', sizeof(path));
    path[PATH_MAX - 1] = '\0';
    CHECK_OK(access(path, F_OK)); /* as many slashes as fit are still the root */
    path[PATH_MAX - 1] = '/';
    path[PATH_MAX] = '\0';
    CHECK_ERR(access(path, F_OK), ENAMETOOLONG);
}

int main(void)
{
    CHECK_OK(mkdir("/tmp/file_names", 0755));
    CHECK_OK(chdir("/tmp/file_names"));
    CHECK_OK(mkdir("dir", 0755));
    check_links();
    check_unlinked_file();
    check_symlinks();
    check_rename();
    check_directories();
    check_lengths();
    CHECK_OK(rmdir("dir"));
    CHECK_OK(chdir("/"));
    CHECK_OK(rmdir("/tmp/file_names"));
    return 0;
}
