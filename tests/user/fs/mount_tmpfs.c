/* SPDX-License-Identifier: MIT */
/* Mounting tmpfs: what is seen, what the options and flags do, who keeps it busy. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/procfs.h"

#define DIR "/tmp/mnt"

static char text[16384], page[4096];

static void create(const char *path, const char *content)
{
    int fd = (int)CHECK_OK(open(path, O_WRONLY | O_CREAT | O_EXCL, 0755));

    CHECK_EQ(write(fd, content, strlen(content)), strlen(content));
    close(fd);
}

/* The line of the mount at that place, in text. */
static const char *mount_line(const char *place)
{
    char pattern[64];
    char *found, *last = NULL;

    snprintf(pattern, sizeof(pattern), " %s ", place);
    text_of("/proc/self/mounts", text, sizeof(text));
    for (found = text; (found = strstr(found, pattern)); found++)
        last = found;
    if (!last)
        return NULL;
    *strchr(last, '\n') = '\0';
    while (last > text && last[-1] != '\n')
        last--;
    return last;
}

static void covers(void)
{
    struct stat outside, inside;

    create(DIR "/below", "covered");
    CHECK_OK(stat(DIR, &outside));
    CHECK_OK(mount("a name", DIR, "tmpfs", 0, NULL));
    CHECK_OK(stat(DIR, &inside));
    CHECK(inside.st_dev != outside.st_dev);
    CHECK_EQ(inside.st_mode, S_IFDIR | 01777);
    CHECK_ERR(access(DIR "/below", F_OK), ENOENT);
    CHECK(!strncmp(mount_line(DIR), "a\\040name " DIR " tmpfs rw,relatime", 32));
    CHECK(!strstr(mount_line(DIR), "mode=") && !strstr(mount_line(DIR), "size=") &&
          !strstr(mount_line(DIR), "nr_inodes=")); /* nothing was asked for */
    create(DIR "/file", "x");
    CHECK_ERR(rename(DIR "/file", "/tmp/file"), EXDEV);
    CHECK_ERR(rmdir(DIR), EBUSY);
    CHECK_ERR(rename(DIR, "/tmp/elsewhere"), EBUSY);
    CHECK_OK(stat(DIR "/..", &inside));
    CHECK_EQ(inside.st_dev, outside.st_dev);
    /* Another one over it. */
    CHECK_OK(mount("second", DIR, "tmpfs", 0, NULL));
    CHECK_ERR(access(DIR "/file", F_OK), ENOENT);
    CHECK_OK(umount(DIR));
    CHECK_OK(access(DIR "/file", F_OK));
    CHECK_OK(umount(DIR));
    CHECK_OK(access(DIR "/below", F_OK));
    CHECK(!mount_line(DIR));
    CHECK_OK(unlink(DIR "/below"));
}

static void options(void)
{
    struct statfs fs;
    struct stat st;
    long written = 0;
    int fd;

    CHECK_OK(mount("t", DIR, "tmpfs", 0, "size=64k,mode=0711,uid=7,gid=8,nr_inodes=5"));
    CHECK_OK(stat(DIR, &st));
    CHECK_EQ(st.st_mode, S_IFDIR | 0711);
    CHECK_EQ(st.st_uid, 7);
    CHECK_EQ(st.st_gid, 8);
    CHECK(strstr(mount_line(DIR), ",size=64k,nr_inodes=5,mode=711,uid=7,gid=8"));
    CHECK_OK(statfs(DIR, &fs));
    CHECK_EQ(fs.f_type, 0x01021994);
    CHECK_EQ(fs.f_blocks, 16);
    fd = (int)CHECK_OK(open(DIR "/file", O_RDWR | O_CREAT, 0600));
    while (write(fd, page, sizeof(page)) == sizeof(page))
        written++;
    CHECK_EQ(errno, ENOSPC);
    CHECK(written >= 14 && written <= 16); /* the directory's page may count */
    CHECK_OK(ftruncate(fd, 4096));
    CHECK_EQ(pwrite(fd, page, sizeof(page), 4096), sizeof(page));
    close(fd);
    for (int i = 0; i < 3; i++) {
        snprintf(text, sizeof(text), DIR "/%d", i);
        create(text, "");
    }
    CHECK_ERR(open(DIR "/more", O_WRONLY | O_CREAT, 0600), ENOSPC);
    CHECK_ERR(mount("t", DIR, "tmpfs", MS_REMOUNT, "size=4k"), EINVAL); /* more is in use */
    CHECK_OK(mount("t", DIR, "tmpfs", MS_REMOUNT, "size=128k"));
    CHECK_OK(statfs(DIR, &fs));
    CHECK_EQ(fs.f_blocks, 32);
    CHECK_OK(umount(DIR));
    CHECK_ERR(mount("t", DIR, "tmpfs", 0, "size=12x"), EINVAL);
    CHECK_ERR(mount("t", DIR, "tmpfs", 0, "nonsense=1"), EINVAL);
}

/* A file that is larger than what is left: a store to a page that there is no room for is SIGBUS,
 * and a call that would store there finds a bad address. */
static void too_full(void)
{
    pid_t pid;
    char *map;
    int fd, end;

    CHECK_OK(mount("t", DIR, "tmpfs", 0, "size=64k"));
    fd = (int)CHECK_OK(open(DIR "/file", O_RDWR | O_CREAT, 0600));
    CHECK_OK(ftruncate(fd, 1 << 20));
    map = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(map != MAP_FAILED);
    memset(map, 1, 14 * sizeof(page));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0)
        for (int i = 14; i < 256; i++)
            map[(size_t)i * sizeof(page)] = 1;
    CHECK_EQ(waitpid(pid, &end, 0), pid);
    CHECK(WIFSIGNALED(end));
    CHECK_EQ(WTERMSIG(end), SIGBUS);
    CHECK_ERR(read((int)CHECK_OK(open("/dev/zero", O_RDONLY)), map + 200 * sizeof(page), 1),
              EFAULT);
    CHECK_EQ(map[0], 1);
    CHECK_OK(munmap(map, 1 << 20));
    close(fd);
    CHECK_OK(umount(DIR));
}

static int run(const char *path)
{
    pid_t pid = (pid_t)CHECK_OK(fork());
    int end;

    if (pid == 0) {
        execl(path, path, "run", NULL);
        _exit(errno);
    }
    CHECK_EQ(waitpid(pid, &end, 0), pid);
    return WEXITSTATUS(end);
}

static void copy_self(const char *to)
{
    int in = (int)CHECK_OK(open("/proc/self/exe", O_RDONLY));
    int out = (int)CHECK_OK(open(to, O_WRONLY | O_CREAT | O_EXCL, 0755));
    ssize_t got;

    while ((got = read(in, text, sizeof(text))) > 0)
        CHECK_EQ(write(out, text, (size_t)got), got);
    close(in);
    close(out);
}

static void flags(void)
{
    int fd;

    CHECK_OK(mount("t", DIR, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME, NULL));
    CHECK(strstr(mount_line(DIR), " rw,nosuid,nodev,noexec,noatime"));
    copy_self(DIR "/program");
    CHECK_EQ(run(DIR "/program"), EACCES);
    CHECK_ERR(access(DIR "/program", X_OK), EACCES);
    CHECK_OK(access(DIR, X_OK));
    fd = (int)CHECK_OK(open(DIR "/program", O_RDONLY));
    CHECK(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED);
    CHECK_EQ(errno, EPERM);
    close(fd);
    if (mknod(DIR "/null", S_IFCHR | 0666, makedev(1, 3)) == 0)
        CHECK_ERR(open(DIR "/null", O_RDWR), EACCES);
    CHECK_OK(mount(NULL, DIR, NULL, MS_REMOUNT, NULL));
    CHECK_EQ(run(DIR "/program"), 33);
    CHECK_OK(mount(NULL, DIR, NULL, MS_REMOUNT | MS_RDONLY, NULL));
    CHECK(strstr(mount_line(DIR), " ro,noatime")); /* that stays if nothing is said about it */
    CHECK_ERR(open(DIR "/new", O_WRONLY | O_CREAT, 0600), EROFS);
    CHECK_ERR(open(DIR "/program", O_WRONLY), EROFS);
    CHECK_ERR(unlink(DIR "/program"), EROFS);
    CHECK_ERR(chmod(DIR "/program", 0600), EROFS);
    CHECK_OK(umount(DIR));
}

static void busy(void)
{
    char *mapped;
    int fd;

    CHECK_OK(mount("t", DIR, "tmpfs", 0, NULL));
    CHECK_OK(mkdir(DIR "/dir", 0755));
    create(DIR "/dir/file", "content");
    CHECK_OK(link(DIR "/dir/file", DIR "/other"));
    fd = (int)CHECK_OK(open(DIR "/dir/file", O_RDONLY));
    CHECK_ERR(umount(DIR), EBUSY);
    mapped = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    CHECK(mapped != MAP_FAILED);
    close(fd);
    CHECK_ERR(umount(DIR), EBUSY);
    CHECK_OK(munmap(mapped, 4096));
    CHECK_OK(chdir(DIR "/dir"));
    CHECK_ERR(umount(DIR), EBUSY);
    CHECK_OK(chdir("/"));
    CHECK_OK(mount("t", DIR "/dir", "tmpfs", 0, NULL));
    CHECK_ERR(umount(DIR), EBUSY);
    CHECK_OK(umount(DIR "/dir"));
    fd = (int)CHECK_OK(open(DIR "/gone", O_RDWR | O_CREAT, 0600));
    CHECK_OK(unlink(DIR "/gone"));
    CHECK_ERR(umount(DIR), EBUSY);
    close(fd);
    CHECK_OK(umount(DIR));
}

/* Out of sight at once, with all that is mounted in it; gone when nobody uses it any more. */
static void detached(void)
{
    char buffer[8];
    int fd;

    CHECK_OK(mount("t", DIR, "tmpfs", 0, NULL));
    CHECK_OK(mkdir(DIR "/dir", 0755));
    CHECK_OK(mount("u", DIR "/dir", "tmpfs", 0, NULL));
    create(DIR "/file", "content");
    fd = (int)CHECK_OK(open(DIR "/file", O_RDWR));
    CHECK_OK(chdir(DIR "/dir"));
    CHECK_OK(umount2(DIR, MNT_DETACH));
    CHECK_ERR(access(DIR "/file", F_OK), ENOENT);
    CHECK(!mount_line(DIR));
    CHECK(!mount_line(DIR "/dir"));
    CHECK_EQ(read(fd, buffer, 7), 7);
    CHECK(!memcmp(buffer, "content", 7));
    create("still", "here");
    CHECK_OK(access("still", F_OK));
    close(fd);
    CHECK_OK(chdir("/"));
}

static void proc_too(void)
{
    CHECK_OK(mount("p", DIR, "proc", 0, NULL));
    CHECK_OK(access(DIR "/self/stat", R_OK));
    CHECK(strstr(mount_line(DIR), "p " DIR " proc rw,relatime"));
    CHECK_OK(umount(DIR));
    CHECK_ERR(access(DIR "/self", F_OK), ENOENT);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return 33;
    CHECK_OK(mkdir(DIR, 0755));
    covers();
    options();
    too_full();
    flags();
    busy();
    detached();
    proc_too();
    CHECK_OK(rmdir(DIR));
    return 0;
}
