/* SPDX-License-Identifier: MIT */
/* /sys: it is there, it is whole for root, and a user who reads all of it gets no more than he may,
 * changes nothing and waits for nothing. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/procfs.h"

#define SYSFS_MAGIC 0x62656572
#define CONFIG_OPEN 64 /* bytes of configuration space that everyone may read */

static unsigned files, directories, refused;

/* Reads every file to its end, by odd pieces. */
static void file_read_all(const char *path, int is_config)
{
    char bytes[777];
    long total = 0, got;
    int fd = open(path, O_RDONLY);

    files++;
    if (fd < 0) {
        CHECK_EQ(errno, EACCES);
        CHECK(geteuid() != 0);
        refused++;
        return;
    }
    while ((got = CHECK_OK(read(fd, bytes, sizeof(bytes)))) > 0)
        total += got;
    if (is_config)
        CHECK(geteuid() == 0 ? total == 256 || total == 4096 : total == CONFIG_OPEN);
    CHECK_OK(close(fd));
}

static void walk(const char *path, unsigned depth)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    char below[512];
    struct stat info;

    CHECK(dir != NULL);
    CHECK(depth < 10);
    directories++;
    while ((entry = readdir(dir)) != NULL) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        CHECK((size_t)snprintf(below, sizeof(below), "%s/%s", path, entry->d_name) < sizeof(below));
        /* What readdir names, lookup finds, with the same number. */
        CHECK_OK(lstat(below, &info));
        CHECK_EQ(info.st_ino, entry->d_ino);
        CHECK_EQ(info.st_uid, 0);
        if (S_ISDIR(info.st_mode))
            walk(below, depth + 1);
        else if (S_ISREG(info.st_mode))
            file_read_all(below, !strcmp(entry->d_name, "config"));
    }
    CHECK_OK(closedir(dir));
}

static void check_refusals(void)
{
    struct statfs fs;
    int fd;

    CHECK_OK(statfs("/sys", &fs));
    CHECK_EQ(fs.f_type, SYSFS_MAGIC);
    CHECK_ERR(open("/sys/devices/system/cpu/cpu999", O_RDONLY), ENOENT);
    CHECK_ERR(open("/sys/devices/system/cpu/cpu", O_RDONLY), ENOENT);
    CHECK_ERR(open("/sys/devices/system/cpu/cpu00", O_RDONLY), ENOENT);
    CHECK_ERR(open("/sys/devices/system/cpu/0", O_RDONLY), ENOENT);
    fd = (int)CHECK_OK(open("/sys/bus/pci/devices/0000:00:00.0/config", O_RDWR));
    CHECK_ERR(pwrite(fd, "\0\0", 2, 4), EPERM);
    CHECK_OK(close(fd));
    CHECK_ERR(open("/sys/new", O_RDWR | O_CREAT, 0600), ENOENT);
}

/* Configuration space at any offset and length is the same bytes. */
static void check_config(void)
{
    unsigned char whole[256], part[256];
    int fd = (int)CHECK_OK(open("/sys/bus/pci/devices/0000:00:00.0/config", O_RDONLY));

    CHECK(pread(fd, whole, sizeof(whole), 0) == sizeof(whole));
    for (int start = 0; start < 70; start++)
        for (int nbytes = 1; nbytes < 9; nbytes++) {
            CHECK_EQ(pread(fd, part, (size_t)nbytes, start), nbytes);
            CHECK(memcmp(part, whole + start, (size_t)nbytes) == 0);
        }
    CHECK_ERR(pread(fd, NULL, 4, 0), EFAULT);
    CHECK_EQ(pread(fd, part, 4, 4096), 0);
    CHECK_OK(close(fd));
}

/* Programs may have another one; the first stays. */
static void check_mount(void)
{
    char text[64];

    CHECK_OK(mkdir("/tmp/sysfs", 0755));
    CHECK_OK(mount("none", "/tmp/sysfs", "sysfs", 0, NULL));
    text_of("/tmp/sysfs/devices/system/cpu/online", text, sizeof(text));
    CHECK_EQ(text[0], '0');
    CHECK_OK(umount("/tmp/sysfs"));
    CHECK_OK(rmdir("/tmp/sysfs"));
    CHECK_OK(access("/sys/devices", F_OK));
}

int main(void)
{
    unsigned all, all_directories;

    check_refusals();
    check_config();
    check_mount();
    walk("/sys", 0);
    CHECK(files > 40 && directories > 15 && refused == 0);
    all = files;
    all_directories = directories;
    files = directories = 0;
    CHECK_OK(setuid(1000));
    walk("/sys", 0);
    CHECK_EQ(files, all);
    CHECK_EQ(directories, all_directories);
    CHECK(refused > 0);
    return 0;
}
