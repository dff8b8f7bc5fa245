/* SPDX-License-Identifier: MIT */
/* /sys/firmware/efi/efivars: a file system of its own, with the firmware's variables, read-only. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define DIRECTORY      "/sys/firmware/efi/efivars"
#define EFIVARFS_MAGIC 0xde5e81e4
#define GUID_LEN       36
#define GLOBAL         "-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define NAMES_MAX      512

static char names[NAMES_MAX][256];
static unsigned count;

static unsigned names_read(void)
{
    DIR *dir = opendir(DIRECTORY);
    struct dirent *entry;

    CHECK(dir != NULL);
    count = 0;
    while ((entry = readdir(dir)) != NULL && count < NAMES_MAX)
        if (entry->d_name[0] != '.')
            strcpy(names[count++], entry->d_name);
    CHECK_OK(closedir(dir));
    return count;
}

/* Attributes, then contents; the size is known before. */
static void variable_check(int dir, const char *name)
{
    static unsigned char whole[70000], part[8];
    struct stat info;
    long nbytes;
    int fd = (int)CHECK_OK(openat(dir, name, O_RDONLY));

    CHECK(strlen(name) > GUID_LEN && name[strlen(name) - GUID_LEN - 1] == '-');
    CHECK_OK(fstat(fd, &info));
    CHECK_EQ(info.st_mode, S_IFREG | 0644);
    CHECK_EQ(info.st_uid, 0);
    nbytes = CHECK_OK(read(fd, whole, sizeof(whole)));
    CHECK_EQ(nbytes, info.st_size);
    CHECK(nbytes >= 4 && (whole[0] & 2)); /* of boot services at least, as all are */
    CHECK_EQ(read(fd, whole, 1), 0);
    CHECK_EQ(pread(fd, part, 4, 0), 4);
    CHECK(memcmp(part, whole, 4) == 0);
    CHECK_OK(close(fd));
    CHECK_ERR(openat(dir, name, O_WRONLY), EROFS);
    CHECK_ERR(unlinkat(dir, name, 0), EROFS);
    CHECK_ERR(fchmodat(dir, name, 0600, 0), EROFS);
}

/* A hundred calls of the firmware a second at most, as on Linux. */
static void rate_check(int dir)
{
    struct timespec begin, end;
    unsigned char byte;
    int fd = (int)CHECK_OK(openat(dir, names[0], O_RDONLY));

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &begin));
    for (unsigned i = 0; i < 250; i++)
        CHECK_EQ(pread(fd, &byte, 1, 0), 1);
    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &end));
    CHECK(end.tv_sec - begin.tv_sec >= 1 && end.tv_sec - begin.tv_sec < 8);
    CHECK_OK(close(fd));
}

int main(void)
{
    struct statfs fs;
    struct stat above, inside;
    unsigned before = names_read();
    int dir = (int)CHECK_OK(open(DIRECTORY, O_RDONLY | O_DIRECTORY));

    CHECK_OK(fstatfs(dir, &fs));
    CHECK_EQ(fs.f_type, EFIVARFS_MAGIC);
    CHECK(fs.f_flags & ST_RDONLY);
    CHECK_OK(fstat(dir, &inside));
    CHECK_OK(stat(DIRECTORY "/..", &above));
    CHECK(above.st_dev != inside.st_dev);
    CHECK(before > 5);
    for (unsigned i = 0; i < before; i++) {
        variable_check(dir, names[i]);
        for (unsigned k = 0; k < i; k++)
            CHECK(strcmp(names[i], names[k]) != 0);
    }
    CHECK_OK(faccessat(dir, "BootOrder" GLOBAL, R_OK, 0));
    CHECK_ERR(openat(dir, "bootorder" GLOBAL, O_RDONLY), ENOENT);
    CHECK_ERR(openat(dir, "BootOrder", O_RDONLY), ENOENT);
    CHECK_ERR(openat(dir, "Mine" GLOBAL, O_RDWR | O_CREAT, 0644), EROFS);
    rate_check(dir);
    /* For every user, as on Linux; and the list is as it was. */
    CHECK_OK(setuid(1000));
    CHECK_EQ(names_read(), before);
    CHECK_OK(close((int)CHECK_OK(openat(dir, names[0], O_RDONLY))));
    CHECK_ERR(open("/sys/firmware/efi/systab", O_RDONLY), EACCES);
    return 0;
}
