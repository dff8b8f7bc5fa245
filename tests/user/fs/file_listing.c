/* SPDX-License-Identifier: MIT */
/* getdents64 and getdents: every entry once, types right, small buffers, directories that change
 * meanwhile. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define DIRECTORY "/tmp/file_listing"
#define NFILES    100

struct record { /* struct linux_dirent64 */
    uint64_t ino;
    int64_t off;
    uint16_t reclen;
    uint8_t type;
    char name[];
};

struct old_record { /* struct linux_dirent; the type is its last byte */
    uint64_t ino;
    uint64_t off;
    uint16_t reclen;
    char name[];
};

static int seen[NFILES];
static int dots;

static void file_name(char *name, int i)
{
    memcpy(name, "file-00", 8);
    name[5] = (char)('0' + i / 10);
    name[6] = (char)('0' + i % 10);
}

static void note(const struct record *r)
{
    struct stat st;

    CHECK(r->reclen % 8 == 0);
    CHECK(memchr(r->name, 0, r->reclen - offsetof(struct record, name)) != NULL);
    if (strcmp(r->name, ".") == 0 || strcmp(r->name, "..") == 0) {
        CHECK_EQ(r->type, DT_DIR);
        dots++;
        return;
    }
    CHECK(strncmp(r->name, "file-", 5) == 0);
    int i = (r->name[5] - '0') * 10 + (r->name[6] - '0');
    CHECK(i >= 0 && i < NFILES);
    seen[i]++;
    CHECK_EQ(r->type, i % 10 == 1 ? DT_DIR : i % 10 == 2 ? DT_LNK : DT_REG);
    CHECK_OK(fstatat(AT_FDCWD, r->name, &st, AT_SYMLINK_NOFOLLOW));
    CHECK_EQ(st.st_ino, r->ino);
}

static void list(int fd, size_t size)
{
    static char buf[65536] __attribute__((aligned(8)));
    long n;

    memset(seen, 0, sizeof(seen));
    dots = 0;
    while ((n = raw3(SYS_getdents64, fd, buf, size)) > 0) {
        CHECK(n <= (long)size);
        for (long at = 0; at < n;) {
            const struct record *r = (const void *)(buf + at);
            CHECK(r->reclen > 0 && at + r->reclen <= n);
            note(r);
            at += r->reclen;
        }
    }
    CHECK_EQ(n, 0);
    CHECK_EQ(dots, 2);
}

static void check_all_seen(void)
{
    for (int i = 0; i < NFILES; i++)
        CHECK_EQ(seen[i], 1);
}

/* The old call lists the same, in its own layout. */
static void check_old(int fd)
{
    static char now[32768] __attribute__((aligned(8))), old[32768] __attribute__((aligned(8)));
    long at = 0, nbytes, old_nbytes;

    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    nbytes = raw3(SYS_getdents64, fd, now, sizeof(now));
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    old_nbytes = raw3(SYS_getdents, fd, old, sizeof(old));
    CHECK(nbytes > 0 && old_nbytes > 0);
    for (long old_at = 0; old_at < old_nbytes;) {
        const struct record *r = (const void *)(now + at);
        const struct old_record *o = (const void *)(old + old_at);

        CHECK(at < nbytes && o->reclen % 8 == 0);
        CHECK_EQ(o->ino, r->ino);
        CHECK_EQ(o->off, r->off);
        CHECK_EQ(strcmp(o->name, r->name), 0);
        CHECK_EQ(old[old_at + o->reclen - 1], r->type);
        at += r->reclen;
        old_at += o->reclen;
    }
    CHECK_EQ(at, nbytes);
}

int main(void)
{
    char name[8];

    CHECK_OK(mkdir(DIRECTORY, 0755));
    CHECK_OK(chdir(DIRECTORY));
    int fd = (int)CHECK_OK(open(".", O_RDONLY | O_DIRECTORY));
    list(fd, 4096);
    for (int i = 0; i < NFILES; i++) {
        file_name(name, i);
        if (i % 10 == 1)
            CHECK_OK(mkdir(name, 0755));
        else if (i % 10 == 2)
            CHECK_OK(symlink("nowhere", name));
        else
            CHECK_OK(close((int)CHECK_OK(open(name, O_CREAT | O_WRONLY, 0644))));
    }
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    list(fd, 65536);
    check_all_seen();
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    list(fd, 32); /* one entry at a time */
    check_all_seen();
    check_old(fd);
    CHECK_EQ(raw3(SYS_getdents64, fd, name, 0), 0); /* at the end: no error */
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    char one[64] __attribute__((aligned(8)));
    CHECK_EQ(raw3(SYS_getdents64, fd, one, 8), -EINVAL); /* too small for any */
    CHECK_ERR(read(fd, one, 8), EISDIR);
    CHECK_EQ(raw3(SYS_getdents64, 0, one, 64), -ENOTDIR);
    for (int i = 0; i < NFILES; i++) {
        file_name(name, i);
        CHECK_OK(unlinkat(AT_FDCWD, name, i % 10 == 1 ? AT_REMOVEDIR : 0));
    }
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    list(fd, 4096);
    CHECK_EQ(seen[0], 0);
    CHECK_OK(chdir("/"));
    CHECK_OK(rmdir(DIRECTORY));
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(raw3(SYS_getdents64, fd, one, 64), -ENOENT); /* not even the dots */
    return 0;
}
