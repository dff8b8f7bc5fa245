/* SPDX-License-Identifier: MIT */
/* Extended attributes are kept with files, directories and links: names, values, rights, sizes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PLACE "/tmp/xattr_kept"
#define MANY  100

static char value[65536], list[65536], large[65537];

static void make_file(const char *name, mode_t mode)
{
    CHECK_OK(close((int)CHECK_OK(open(name, O_CREAT | O_RDWR, mode))));
    CHECK_OK(chmod(name, mode));
}

/* Whether the list is made of exactly these names, in any order. */
static void check_list(long nbytes, const char *const *names)
{
    long total = 0;

    for (; *names; names++) {
        long at = 0;

        while (at < nbytes && strcmp(list + at, *names))
            at += (long)strlen(list + at) + 1;
        CHECK(at < nbytes);
        total += (long)strlen(*names) + 1;
    }
    CHECK_EQ(nbytes, total);
}

static void test_basics(void)
{
    int fd = (int)CHECK_OK(open("file", O_RDONLY));

    CHECK_ERR(getxattr("file", "user.a", value, 10), ENODATA);
    CHECK_ERR(removexattr("file", "user.a"), ENODATA);
    CHECK_ERR(setxattr("file", "user.a", "v", 1, XATTR_REPLACE), ENODATA);
    CHECK_OK(setxattr("file", "user.a", "first", 5, XATTR_CREATE));
    CHECK_ERR(setxattr("file", "user.a", "v", 1, XATTR_CREATE), EEXIST);
    CHECK_EQ(getxattr("link", "user.a", value, 10), 5);
    CHECK_EQ(memcmp(value, "first", 5), 0);
    CHECK_EQ(fgetxattr(fd, "user.a", NULL, 0), 5);
    CHECK_EQ(getxattr("file", "user.a", value, 5), 5);
    CHECK_ERR(getxattr("file", "user.a", value, 4), ERANGE);
    CHECK_EQ(raw4(SYS_getxattr, "file", "user.a", 8, 5), -EFAULT);
    CHECK_EQ(raw4(SYS_getxattr, "file", "user.a", 8, 0), 5);
    CHECK_EQ(raw4(SYS_getxattr, "file", "user.a", 8, 4), -ERANGE);
    CHECK_OK(fsetxattr(fd, "user.a", "2nd", 3, XATTR_REPLACE));
    CHECK_OK(fsetxattr(fd, "user.empty", NULL, 0, 0));
    CHECK_EQ(lgetxattr("file", "user.a", value, 10), 3);
    CHECK_EQ(memcmp(value, "2nd", 3), 0);
    CHECK_EQ(getxattr("file", "user.empty", value, 10), 0);
    CHECK_EQ(listxattr("file", NULL, 0), 18);
    CHECK_ERR(listxattr("file", list, 17), ERANGE);
    CHECK_EQ(raw3(SYS_listxattr, "file", 8, 18), -EFAULT);
    check_list(flistxattr(fd, list, 18), (const char *[]){"user.a", "user.empty", NULL});
    check_list(listxattr("link", list, 100), (const char *[]){"user.a", "user.empty", NULL});
    CHECK_OK(fremovexattr(fd, "user.a"));
    check_list(llistxattr("file", list, 100), (const char *[]){"user.empty", NULL});
    CHECK_OK(lremovexattr("file", "user.empty"));
    CHECK_EQ(listxattr("file", list, 100), 0);
    CHECK_OK(close(fd));
}

static void test_names(void)
{
    char name[257];

    memset(name, 'n', sizeof(name));
    memcpy(name, "user.", 5);
    name[256] = '\0';
    CHECK_ERR(setxattr("file", name, "v", 1, 0), ERANGE);
    name[255] = '\0';
    CHECK_OK(setxattr("file", name, "v", 1, 0));
    CHECK_EQ(listxattr("file", list, 300), 256);
    CHECK_EQ(strcmp(list, name), 0);
    CHECK_OK(removexattr("file", name));
    CHECK_ERR(setxattr("file", "user.", "v", 1, 0), EINVAL);
    CHECK_ERR(getxattr("file", "user.", value, 1), EINVAL);
    CHECK_ERR(setxattr("file", "user", "v", 1, 0), EOPNOTSUPP);
    CHECK_ERR(setxattr("file", "banana.x", "v", 1, 0), EOPNOTSUPP);
    CHECK_ERR(setxattr("file", "system.banana", "v", 1, 0), EOPNOTSUPP);
    CHECK_ERR(setxattr("file", "user.a", "v", 1, 4), EINVAL);
}

/* Two names that begin alike, and a directory with its own. */
static void test_apart(void)
{
    CHECK_OK(setxattr("file", "user.ab", "1", 1, 0));
    CHECK_OK(setxattr("file", "user.a", "22", 2, 0));
    CHECK_OK(setxattr("dir", "user.a", "333", 3, 0));
    CHECK_EQ(getxattr("file", "user.ab", value, 10), 1);
    CHECK_EQ(getxattr("file", "user.a", value, 10), 2);
    CHECK_EQ(getxattr("dir", "user.a", value, 10), 3);
    CHECK_OK(removexattr("file", "user.ab"));
    CHECK_EQ(getxattr("file", "user.a", value, 10), 2);
    CHECK_OK(removexattr("file", "user.a"));
    CHECK_OK(rename("dir", "dir2"));
    CHECK_EQ(getxattr("dir2", "user.a", value, 10), 3);
    CHECK_OK(rename("dir2", "dir"));
    CHECK_OK(removexattr("dir", "user.a"));
}

/* Of a link itself trusted attributes alone; a file's own live as long as the file. */
static void test_types(void)
{
    int fd;

    CHECK_ERR(lsetxattr("link", "user.a", "v", 1, 0), EPERM);
    CHECK_ERR(lgetxattr("link", "user.a", value, 1), ENODATA);
    CHECK_ERR(setxattr("fifo", "user.a", "v", 1, 0), EPERM);
    CHECK_OK(lsetxattr("link", "trusted.l", "v", 1, 0));
    CHECK_OK(setxattr("fifo", "trusted.f", "vv", 2, 0));
    CHECK_EQ(lgetxattr("link", "trusted.l", value, 1), 1);
    CHECK_EQ(getxattr("fifo", "trusted.f", value, 2), 2);
    CHECK_EQ(listxattr("file", list, 100), 0);
    CHECK_OK(lremovexattr("link", "trusted.l"));
    CHECK_OK(removexattr("fifo", "trusted.f"));
    make_file("gone", 0644);
    fd = (int)CHECK_OK(open("gone", O_RDWR));
    CHECK_OK(setxattr("gone", "user.a", "v", 1, 0));
    CHECK_OK(link("gone", "other"));
    CHECK_EQ(getxattr("other", "user.a", value, 1), 1);
    CHECK_OK(unlink("gone"));
    CHECK_OK(unlink("other"));
    CHECK_EQ(fgetxattr(fd, "user.a", value, 1), 1);
    CHECK_OK(fsetxattr(fd, "user.b", "vv", 2, 0));
    CHECK_OK(close(fd));
}

/* What is refused leaves what there was; what fits comes back whole. */
static void test_sizes(void)
{
    const int sizes[] = {1, 200, 300, 2000, 3000};
    int result;

    for (unsigned i = 0; i < sizeof(large); i++)
        large[i] = (char)(i * 7 + i / 251);
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        CHECK_OK(setxattr("file", "user.size", large + i, (size_t)sizes[i], 0));
        CHECK_EQ(getxattr("file", "user.size", value, sizeof(value)), sizes[i]);
        CHECK_EQ(memcmp(value, large + i, (size_t)sizes[i]), 0);
    }
    CHECK_ERR(setxattr("file", "user.size", large, 65537, 0), E2BIG);
    CHECK_EQ(getxattr("file", "user.size", NULL, 0), 3000);
    result = setxattr("file", "user.size", large, 65536, 0);
    if (result == 0) {
        CHECK_EQ(getxattr("file", "user.size", value, sizeof(value)), 65536);
        CHECK_EQ(memcmp(value, large, 65536), 0);
    } else {
        CHECK_EQ(errno, ENOSPC);
        CHECK_EQ(getxattr("file", "user.size", value, sizeof(value)), 3000);
        CHECK_EQ(memcmp(value, large + 4, 3000), 0);
    }
    CHECK_OK(removexattr("file", "user.size"));
}

static void test_many(void)
{
    char name[32];
    int count = 0, left;

    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "user.number%d", i);
        if (setxattr("file", name, &i, sizeof(i), XATTR_CREATE) != 0)
            break;
        count++;
    }
    CHECK(count == MANY || errno == ENOSPC);
    left = count;
    for (int i = count - 1; i >= 0; i -= 2, left--) {
        int got;

        snprintf(name, sizeof(name), "user.number%d", i);
        CHECK_EQ(getxattr("file", name, &got, sizeof(got)), sizeof(got));
        CHECK_EQ(got, i);
        CHECK_OK(removexattr("file", name));
    }
    for (long at = 0, nbytes = CHECK_OK(listxattr("file", list, sizeof(list))); at < nbytes;) {
        CHECK_EQ(getxattr("file", list + at, value, 4), 4);
        CHECK_OK(removexattr("file", list + at));
        at += (long)strlen(list + at) + 1;
        left--;
    }
    CHECK_EQ(left, 0);
    CHECK_EQ(listxattr("file", list, sizeof(list)), 0);
}

/* A value of these words. */
static long set_caps(const char *name, uint32_t magic, uint32_t bits, uint32_t root, size_t nbytes)
{
    const uint32_t words[6] = {magic, bits, 0, 0, 0, root};

    return setxattr(name, "security.capability", words, nbytes, 0);
}

static void test_capability(void)
{
    uint32_t words[6];
    int fd = (int)CHECK_OK(open("file", O_RDWR));

    CHECK_ERR(set_caps("file", 0x02000000, 1, 0, 19), EINVAL);
    CHECK_ERR(set_caps("file", 0x02000000, 1, 0, 24), EINVAL);
    CHECK_ERR(set_caps("file", 0x03000000, 1, 0, 20), EINVAL);
    CHECK_ERR(set_caps("file", 0x04000000, 1, 0, 20), EINVAL);
    CHECK_OK(set_caps("file", 0x02000001, 8, 0, 20));
    CHECK_EQ(getxattr("file", "security.capability", words, sizeof(words)), 20);
    CHECK_EQ(words[0], 0x02000001);
    CHECK_EQ(words[1], 8);
    CHECK_ERR(getxattr("file", "security.capability", words, 19), ERANGE);
    CHECK_OK(set_caps("file", 0x03000001, 8, 77, 24));
    CHECK_EQ(getxattr("file", "security.capability", words, sizeof(words)), 24);
    CHECK_EQ(words[5], 77);
    /* Whoever writes, cuts or gives the file away takes the rights from it. */
    CHECK_EQ(write(fd, "x", 1), 1);
    CHECK_ERR(getxattr("file", "security.capability", words, sizeof(words)), ENODATA);
    CHECK_OK(set_caps("file", 0x02000001, 8, 0, 20));
    CHECK_OK(ftruncate(fd, 0));
    CHECK_ERR(getxattr("file", "security.capability", words, sizeof(words)), ENODATA);
    CHECK_OK(set_caps("file", 0x02000001, 8, 0, 20));
    CHECK_OK(setxattr("file", "user.stays", "v", 1, 0));
    CHECK_OK(chown("file", 0, 0));
    check_list(listxattr("file", list, 100), (const char *[]){"user.stays", NULL});
    CHECK_OK(removexattr("file", "user.stays"));
    CHECK_OK(close(fd));
}

static void test_ctime(void)
{
    struct stat before, after;

    CHECK_OK(stat("file", &before));
    do {
        CHECK_OK(setxattr("file", "user.time", &after, sizeof(after), 0));
        CHECK_OK(stat("file", &after));
    } while (before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
    CHECK_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    before = after;
    do {
        CHECK_OK(removexattr("file", "user.time"));
        CHECK_OK(stat("file", &after));
        CHECK_OK(setxattr("file", "user.time", "v", 1, 0));
    } while (before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
    CHECK_OK(removexattr("file", "user.time"));
}

/* A user without rights, to whom one file belongs. */
static void check_stranger(void)
{
    CHECK_OK(setresuid(1000, 1000, 1000));
    CHECK_EQ(getxattr("file", "user.a", value, 10), 1);
    CHECK_ERR(setxattr("file", "user.a", "v", 1, 0), EACCES);
    CHECK_ERR(removexattr("file", "user.a"), EACCES);
    CHECK_ERR(getxattr("secret", "user.a", value, 10), EACCES);
    CHECK_ERR(getxattr("secret", "user.b", value, 10), EACCES);
    CHECK_EQ(listxattr("secret", list, 100), 7);
    CHECK_OK(setxattr("own", "user.a", "v", 1, 0));
    CHECK_OK(removexattr("own", "user.a"));
    CHECK_ERR(getxattr("file", "trusted.a", value, 10), ENODATA);
    CHECK_ERR(setxattr("own", "trusted.a", "v", 1, 0), EPERM);
    CHECK_ERR(removexattr("file", "trusted.a"), EPERM);
    check_list(listxattr("file", list, 100), (const char *[]){"user.a", "security.s", NULL});
    CHECK_EQ(getxattr("file", "security.s", value, 10), 3);
    CHECK_ERR(setxattr("own", "security.s", "v", 1, 0), EPERM);
    CHECK_ERR(set_caps("own", 0x02000000, 1, 0, 20), EPERM);
    CHECK_ERR(set_caps("own", 0x02000000, 1, 0, 21), EINVAL);
    CHECK_ERR(setxattr("sticky", "user.a", "v", 1, 0), EPERM);
    CHECK_EQ(getxattr("sticky", "user.a", value, 10), 1);
}

static void test_rights(void)
{
    int pid, status;

    make_file("own", 0600);
    make_file("secret", 0600);
    CHECK_OK(chown("own", 1000, 1000));
    CHECK_OK(setxattr("file", "user.a", "v", 1, 0));
    CHECK_OK(setxattr("secret", "user.a", "v", 1, 0));
    CHECK_OK(setxattr("sticky", "user.a", "v", 1, 0));
    CHECK_OK(setxattr("file", "trusted.a", "vv", 2, 0));
    CHECK_OK(setxattr("file", "security.s", "vvv", 3, 0));
    pid = (int)CHECK_OK(fork());
    if (pid == 0) {
        check_stranger();
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    check_list(listxattr("file", list, 100),
               (const char *[]){"user.a", "trusted.a", "security.s", NULL});
}

/* Two that set a value and others meanwhile: a reader sees one of them, whole. */
static void test_race(void)
{
    int pids[2], status;

    CHECK_OK(setxattr("file", "user.race", "aaaa", 4, 0));
    for (int i = 0; i < 2; i++) {
        pids[i] = (int)CHECK_OK(fork());
        if (pids[i] == 0) {
            memset(large, 'a' + i, 1000);
            for (int round = 0; round < 200; round++) {
                CHECK_OK(setxattr("file", "user.race", large, (size_t)(1 + round * 5 % 900), 0));
                CHECK_OK(setxattr("file", i ? "user.x" : "user.yy", large, 300, 0));
                CHECK_OK(removexattr("file", i ? "user.x" : "user.yy"));
            }
            _exit(0);
        }
    }
    for (int round = 0; round < 200; round++) {
        long got = CHECK_OK(getxattr("file", "user.race", value, sizeof(value)));

        CHECK(got >= 1 && got <= 900);
        CHECK(bytes_are(value, value[0], (size_t)got));
    }
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        CHECK_EQ(status, 0);
    }
}

static void check_all(void)
{
    CHECK_OK(chdir(PLACE));
    make_file("file", 0644);
    CHECK_OK(symlink("file", "link"));
    CHECK_OK(mkfifo("fifo", 0666));
    CHECK_OK(mkdir("dir", 0755));
    CHECK_OK(mkdir("sticky", 0777));
    CHECK_OK(chmod("sticky", 01777));
    test_basics();
    test_names();
    test_apart();
    test_types();
    test_sizes();
    test_many();
    test_capability();
    test_ctime();
    test_rights();
    test_race();
}

int main(void)
{
    const char *const files[] = {"file", "link", "fifo", "own", "secret", "gone", "other"};
    int pid, status;

    CHECK_OK(mkdir(PLACE, 0755));
    pid = (int)CHECK_OK(fork());
    if (pid == 0) {
        check_all();
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_OK(chdir(PLACE));
    for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        unlink(files[i]);
    rmdir("dir");
    rmdir("dir2");
    rmdir("sticky");
    CHECK_OK(chdir("/"));
    CHECK_OK(rmdir(PLACE));
    CHECK_EQ(status, 0);
    return 0;
}
