/* SPDX-License-Identifier: MIT */
/*
 * File handles: they lead to the file whatever it is called, to nothing when it is gone, and only
 * root opens them. readahead and sync_file_range: what they check.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PLACE "file_handles" /* in a directory whose file system has handles */

struct handle {
    unsigned nbytes;
    int type;
    char bytes[128];
};

static int mount_id;

static long handle_of(const char *path, struct handle *handle, int flags)
{
    handle->nbytes = 128;
    return raw6(SYS_name_to_handle_at, AT_FDCWD, path, handle, &mount_id, flags, 0);
}

static long open_handle(int fd, const struct handle *handle, int flags)
{
    return raw3(SYS_open_by_handle_at, fd, handle, flags);
}

static void check_same(long fd, const char *path)
{
    struct stat st, there;

    CHECK(fd >= 0);
    CHECK_OK(fstat((int)fd, &st));
    CHECK_OK(lstat(path, &there));
    CHECK_EQ(st.st_ino, there.st_ino);
    CHECK_OK(close((int)fd));
}

static void test_handles(int here)
{
    struct handle file, link, directory, handle;
    char text[8];
    long fd;
    int id, needed;

    CHECK_EQ(handle_of(PLACE "/file", &file, 0), 0);
    id = mount_id;
    needed = (int)file.nbytes;
    CHECK(needed > 0 && needed <= 128);
    CHECK_EQ(handle_of(PLACE, &directory, 0), 0);
    CHECK_EQ(mount_id, id);
    CHECK_EQ(handle_of(PLACE "/link", &link, 0), 0);
    CHECK_EQ(handle_of(PLACE "/link", &handle, AT_SYMLINK_FOLLOW), 0);
    CHECK_EQ(handle.nbytes, needed);
    CHECK_EQ(memcmp(handle.bytes, file.bytes, (size_t)needed), 0);
    CHECK(memcmp(link.bytes, file.bytes, (size_t)needed) != 0);
    handle.nbytes = 128;
    CHECK_EQ(raw6(SYS_name_to_handle_at, here, "", &handle, &mount_id, AT_EMPTY_PATH, 0), 0);
    CHECK_EQ(memcmp(handle.bytes, directory.bytes, (size_t)needed), 0);

    fd = open_handle(here, &file, O_RDONLY);
    CHECK(fd >= 0);
    CHECK_EQ(read((int)fd, text, 8), 4);
    CHECK_ERR(write((int)fd, text, 4), EBADF);
    CHECK_OK(close((int)fd));
    check_same(open_handle(here, &directory, O_RDONLY | O_DIRECTORY), PLACE);
    CHECK_EQ(open_handle(here, &link, O_RDONLY), -ELOOP);
    check_same(open_handle(here, &link, O_PATH | O_NOFOLLOW), PLACE "/link");
    CHECK_EQ(open_handle(here, &directory, O_WRONLY), -EISDIR);
    CHECK_OK(rename(PLACE "/file", PLACE "/dir/new"));
    check_same(open_handle(here, &file, O_RDWR | O_CLOEXEC), PLACE "/dir/new");
    CHECK_OK(unlink(PLACE "/dir/new"));
    CHECK_EQ(open_handle(here, &file, O_RDONLY), -ESTALE);

    handle.nbytes = 0;
    CHECK_EQ(raw6(SYS_name_to_handle_at, AT_FDCWD, PLACE, &handle, &mount_id, 0, 0), -EOVERFLOW);
    CHECK_EQ(handle.nbytes, needed);
    handle.nbytes = 129;
    CHECK_EQ(raw6(SYS_name_to_handle_at, AT_FDCWD, PLACE, &handle, &mount_id, 0, 0), -EINVAL);
    handle.nbytes = 128;
    CHECK_EQ(raw6(SYS_name_to_handle_at, AT_FDCWD, PLACE "/x", &handle, &mount_id, 0, 0), -ENOENT);
    CHECK_EQ(raw6(SYS_name_to_handle_at, AT_FDCWD, PLACE, 8, &mount_id, 0, 0), -EFAULT);
    CHECK_EQ(raw6(SYS_name_to_handle_at, AT_FDCWD, PLACE, &handle, 8, 0, 0), -EFAULT);
    CHECK_EQ(raw6(SYS_name_to_handle_at, AT_FDCWD, PLACE, &handle, &mount_id, 0x40000, 0), -EINVAL);
    CHECK_EQ(open_handle(here, (struct handle *)8, O_RDONLY), -EFAULT);
    CHECK_EQ(open_handle(99, &directory, O_RDONLY), -EBADF);
    handle = directory;
    handle.nbytes = 0;
    CHECK_EQ(open_handle(here, &handle, O_RDONLY), -EINVAL);
    handle.nbytes = 129;
    CHECK_EQ(open_handle(here, &handle, O_RDONLY), -EINVAL);
    handle = directory;
    memset(handle.bytes, 0x5a, sizeof(handle.bytes));
    CHECK_EQ(open_handle(here, &handle, O_RDONLY), -ESTALE);
}

static void test_stranger(int here)
{
    struct handle handle;
    int pid = (int)CHECK_OK(fork()), status;

    if (pid == 0) {
        CHECK_OK(setresuid(1000, 1000, 1000));
        CHECK_EQ(handle_of(PLACE, &handle, 0), 0);
        CHECK_EQ(open_handle(here, &handle, O_RDONLY), -EPERM);
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

static void test_readahead(void)
{
    int fd = (int)CHECK_OK(open(PLACE "/file", O_RDWR)), ends[2];
    int writable = (int)CHECK_OK(open(PLACE "/file", O_WRONLY));

    CHECK_OK(pipe(ends));
    CHECK_EQ(raw3(SYS_readahead, fd, 0, 4096), 0);
    CHECK_EQ(raw3(SYS_readahead, writable, 0, 4096), -EBADF);
    CHECK_EQ(raw3(SYS_readahead, 99, 0, 4096), -EBADF);
    CHECK_EQ(raw3(SYS_readahead, ends[0], 0, 4096), -EINVAL);
    CHECK_EQ(raw4(SYS_sync_file_range, fd, 0, 0, 7), 0);
    CHECK_EQ(raw4(SYS_sync_file_range, writable, 100, 100, 2), 0);
    CHECK_EQ(raw4(SYS_sync_file_range, 99, 0, 0, 8), -EBADF);
    CHECK_EQ(raw4(SYS_sync_file_range, fd, 0, 0, 8), -EINVAL);
    CHECK_EQ(raw4(SYS_sync_file_range, fd, -1, 0, 0), -EINVAL);
    CHECK_EQ(raw4(SYS_sync_file_range, fd, 1, INT64_MAX, 0), -EINVAL);
    CHECK_EQ(raw4(SYS_sync_file_range, ends[0], 0, 0, 0), -ESPIPE);
    CHECK_OK(close(fd));
    CHECK_OK(close(writable));
    CHECK_OK(close(ends[0]));
    CHECK_OK(close(ends[1]));
}

int main(void)
{
    struct handle handle;
    int fd, here;

    /* overlayfs, which containers have, has none. */
    CHECK_OK(chdir(handle_of("/tmp", &handle, 0) == -EOPNOTSUPP ? "/dev/shm" : "/tmp"));
    CHECK_OK(mkdir(PLACE, 0755));
    CHECK_OK(mkdir(PLACE "/dir", 0755));
    fd = (int)CHECK_OK(open(PLACE "/file", O_CREAT | O_RDWR, 0644));
    CHECK_EQ(write(fd, "text", 4), 4);
    CHECK_OK(close(fd));
    CHECK_OK(symlink("file", PLACE "/link"));
    here = (int)CHECK_OK(open(PLACE, O_RDONLY));
    test_readahead();
    test_stranger(here);
    test_handles(here);
    CHECK_OK(close(here));
    CHECK_OK(unlink(PLACE "/link"));
    CHECK_OK(rmdir(PLACE "/dir"));
    CHECK_OK(rmdir(PLACE));
    return 0;
}
