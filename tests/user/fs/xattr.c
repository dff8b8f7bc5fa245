/* SPDX-License-Identifier: MIT */
/* Extended attributes where the file system has none: every call says so, after its own errors. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PLACE "/tmp/xattr"

/* A file system without attributes, which no other program sees where there are name spaces. */
static void make_place(void)
{
    CHECK_OK(mkdir(PLACE, 0755));
    (void)!unshare(CLONE_NEWNS);
    CHECK_OK(mount("none", PLACE, "ramfs", 0, NULL));
    CHECK_OK(chmod(PLACE, 0755));
    CHECK_OK(chdir(PLACE));
    CHECK_OK(close(CHECK_OK(open("file", O_CREAT | O_RDWR, 0644))));
    CHECK_OK(close(CHECK_OK(open("secret", O_CREAT | O_RDWR, 0600))));
    CHECK_OK(symlink("file", "link"));
    CHECK_OK(symlink("nothing", "dangling"));
    CHECK_OK(mkfifo("fifo", 0666));
    CHECK_OK(mkdir("sticky", 01777));
    CHECK_OK(chmod("sticky", 01777));
}

static void remove_place(void)
{
    CHECK_OK(unlink("file"));
    CHECK_OK(unlink("secret"));
    CHECK_OK(unlink("link"));
    CHECK_OK(unlink("dangling"));
    CHECK_OK(unlink("fifo"));
    CHECK_OK(rmdir("sticky"));
}

static void check_none(const char *name)
{
    int fd = CHECK_OK(open("file", O_RDONLY));
    char value[8];

    CHECK_ERR(setxattr("file", name, "v", 1, 0), EOPNOTSUPP);
    CHECK_ERR(setxattr("link", name, "v", 1, XATTR_CREATE), EOPNOTSUPP);
    CHECK_ERR(setxattr("sticky", name, NULL, 0, XATTR_REPLACE), EOPNOTSUPP);
    CHECK_ERR(lsetxattr("file", name, "v", 1, 0), EOPNOTSUPP);
    CHECK_ERR(fsetxattr(fd, name, "v", 1, 0), EOPNOTSUPP);
    CHECK_ERR(getxattr("file", name, value, sizeof(value)), EOPNOTSUPP);
    CHECK_ERR(getxattr("file", name, NULL, 0), EOPNOTSUPP);
    CHECK_ERR(lgetxattr("file", name, value, sizeof(value)), EOPNOTSUPP);
    CHECK_ERR(fgetxattr(fd, name, value, sizeof(value)), EOPNOTSUPP);
    CHECK_ERR(removexattr("file", name), EOPNOTSUPP);
    CHECK_ERR(lremovexattr("file", name), EOPNOTSUPP);
    CHECK_ERR(fremovexattr(fd, name), EOPNOTSUPP);
    CHECK_OK(close(fd));
}

static void check_list(void)
{
    int fd = CHECK_OK(open("file", O_RDONLY));
    char list[16];

    CHECK_EQ(listxattr("file", list, sizeof(list)), 0);
    CHECK_EQ(listxattr("file", NULL, 0), 0);
    CHECK_EQ(raw3(SYS_listxattr, "file", 8, 16), 0); /* nothing is written */
    CHECK_EQ(llistxattr("dangling", list, sizeof(list)), 0);
    CHECK_EQ(llistxattr("fifo", list, sizeof(list)), 0);
    CHECK_EQ(flistxattr(fd, list, sizeof(list)), 0);
    CHECK_OK(close(fd));
    CHECK_ERR(listxattr("nothing", list, sizeof(list)), ENOENT);
    CHECK_ERR(listxattr("dangling", list, sizeof(list)), ENOENT);
    CHECK_ERR(listxattr("", list, sizeof(list)), ENOENT);
    CHECK_ERR(flistxattr(99, list, sizeof(list)), EBADF);
    CHECK_EQ(raw3(SYS_listxattr, 8, list, 16), -EFAULT);
}

static void check_arguments(void)
{
    char name[300], value[8];
    int fd;

    memset(name, 'n', sizeof(name));
    memcpy(name, "user.", 5);
    name[256] = '\0';
    CHECK_ERR(getxattr("file", name, value, 1), ERANGE);
    CHECK_ERR(setxattr("file", name, "v", 1, 0), ERANGE);
    CHECK_ERR(removexattr("file", name), ERANGE);
    CHECK_ERR(getxattr("file", "", value, 1), ERANGE);
    name[255] = '\0';
    CHECK_ERR(getxattr("file", name, value, 1), EOPNOTSUPP);
    CHECK_EQ(raw4(SYS_getxattr, "file", 8, value, 1), -EFAULT);
    CHECK_EQ(raw4(SYS_getxattr, "file", "user.a", 8, 1), -EOPNOTSUPP);
    CHECK_EQ(raw6(SYS_setxattr, "file", "user.a", 8, 1, 0, 0), -EFAULT);
    CHECK_EQ(raw6(SYS_setxattr, "file", 8, "v", 1, 0, 0), -EFAULT);
    CHECK_ERR(setxattr("file", "user.a", "v", 1, 4), EINVAL);
    CHECK_ERR(setxattr("file", "user.a", "v", 65537, 0), E2BIG);
    CHECK_ERR(setxattr("nothing", "user.a", "v", 1, 0), ENOENT);
    CHECK_ERR(getxattr("nothing", "user.a", value, 1), ENOENT);
    CHECK_ERR(removexattr("file/x", "user.a"), ENOTDIR);
    CHECK_ERR(fgetxattr(-1, "user.a", value, 1), EBADF);
    CHECK_ERR(fsetxattr(99, "user.a", "v", 1, 0), EBADF);
    CHECK_ERR(fremovexattr(99, "user.a"), EBADF);
    fd = CHECK_OK(open("file", O_PATH));
    CHECK_ERR(fgetxattr(fd, "user.a", value, 1), EBADF);
    CHECK_OK(close(fd));
}

/* All of a value is read, before it is found that there is no place for it. */
static void check_long_value(void)
{
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(page != MAP_FAILED);
    CHECK_OK(munmap(page + 4096, 4096));
    CHECK_ERR(setxattr("file", "user.a", page, 4096, 0), EOPNOTSUPP);
    CHECK_ERR(setxattr("file", "user.a", page + 3096, 1000, 0), EOPNOTSUPP);
    CHECK_ERR(setxattr("file", "user.a", page + 3096, 1001, 0), EFAULT);
    CHECK_OK(munmap(page, 4096));
}

/* Only files and directories may have user attributes. */
static void check_types(void)
{
    char value[8];

    CHECK_ERR(lsetxattr("link", "user.a", "v", 1, 0), EPERM);
    CHECK_ERR(lgetxattr("dangling", "user.a", value, 1), ENODATA);
    CHECK_ERR(setxattr("fifo", "user.a", "v", 1, 0), EPERM);
    CHECK_ERR(getxattr("fifo", "user.a", value, 1), ENODATA);
    CHECK_ERR(removexattr("fifo", "user.a"), EPERM);
    CHECK_ERR(setxattr("fifo", "trusted.a", "v", 1, 0), EOPNOTSUPP);
}

/* Somebody else, without rights. */
static void check_rights(void)
{
    pid_t pid = CHECK_OK(fork());
    char value[8];
    int status;

    if (pid == 0) {
        CHECK_OK(setresuid(1000, 1000, 1000));
        CHECK_ERR(setxattr("file", "trusted.a", "v", 1, 0), EPERM);
        CHECK_ERR(getxattr("file", "trusted.a", value, 1), ENODATA);
        CHECK_ERR(removexattr("file", "trusted.a"), EPERM);
        CHECK_ERR(setxattr("file", "user.a", "v", 1, 0), EACCES);
        CHECK_ERR(getxattr("file", "user.a", value, 1), EOPNOTSUPP);
        CHECK_ERR(setxattr("sticky", "user.a", "v", 1, 0), EPERM);
        CHECK_ERR(getxattr("sticky", "user.a", value, 1), EOPNOTSUPP);
        CHECK_EQ(listxattr("file", value, 1), 0);
        /* What a module of its own checks needs no right to the file; what nobody knows, does. */
        CHECK_ERR(setxattr("file", "system.a", "v", 1, 0), EOPNOTSUPP);
        CHECK_ERR(removexattr("file", "system.a"), EOPNOTSUPP);
        CHECK_ERR(getxattr("secret", "system.a", value, 1), EOPNOTSUPP);
        CHECK_ERR(getxattr("secret", "security.a", value, 1), EOPNOTSUPP);
        CHECK_ERR(setxattr("file", "security.a", "v", 1, 0), EPERM);
        CHECK_ERR(removexattr("secret", "security.a"), EPERM);
        CHECK_ERR(setxattr("file", "banana", "v", 1, 0), EACCES);
        CHECK_ERR(getxattr("secret", "banana", value, 1), EACCES);
        CHECK_ERR(getxattr("secret", "user.a", value, 1), EACCES);
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

static void check_all(void)
{
    check_none("user.a");
    check_none("trusted.a");
    check_none("security.a");
    check_none("system.a");
    check_none("banana");
    check_list();
    check_arguments();
    check_long_value();
    check_types();
    check_rights();
}

/* What was mounted goes, whatever came of it. */
int main(void)
{
    pid_t pid;
    int status;

    make_place();
    pid = CHECK_OK(fork());
    if (pid == 0) {
        check_all();
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    remove_place();
    CHECK_OK(chdir("/"));
    umount(PLACE);
    CHECK_OK(rmdir(PLACE));
    CHECK_EQ(status, 0);
    return 0;
}
