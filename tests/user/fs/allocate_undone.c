/* SPDX-License-Identifier: MIT */
/* fallocate that finds no room for all of it leaves the file, and the room there is, as they were.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define DIR  "/tmp/allocate_undone"
#define PAGE 4096
#define ROOM 64 /* pages of the file system */

static long free_pages(void)
{
    struct statfs st;

    CHECK_OK(statfs(DIR, &st));
    return (long)st.f_bfree;
}

static void check_fails(int fd, int mode, off_t from, off_t nbytes)
{
    struct stat before, after;
    long room = free_pages();

    CHECK_OK(fstat(fd, &before));
    CHECK_ERR(fallocate(fd, mode, from, nbytes), ENOSPC);
    CHECK_OK(fstat(fd, &after));
    CHECK_EQ(after.st_size, before.st_size);
    CHECK_EQ(after.st_blocks, before.st_blocks);
    CHECK_EQ(free_pages(), room);
}

int main(void)
{
    char page[PAGE];
    int other, fd;

    CHECK_OK(mkdir(DIR, 0700));
    CHECK_OK(mount("small", DIR, "tmpfs", 0, "size=262144"));
    CHECK_EQ(free_pages(), ROOM);
    other = (int)CHECK_OK(open(DIR "/other", O_RDWR | O_CREAT | O_EXCL, 0600));
    CHECK_OK(fallocate(other, 0, 0, ROOM / 2 * PAGE));
    fd = (int)CHECK_OK(open(DIR "/file", O_RDWR | O_CREAT | O_EXCL, 0600));
    check_fails(fd, 0, 0, (ROOM / 2 + 1) * PAGE);
    check_fails(fd, FALLOC_FL_KEEP_SIZE, PAGE, (ROOM / 2 + 8) * PAGE);
    /* What was in the range before stays in it. */
    for (int i = 0; i < PAGE; i++)
        page[i] = 'x';
    for (int i = 3; i < 20; i += 2)
        CHECK_EQ(pwrite(fd, page, PAGE, i * PAGE), PAGE);
    check_fails(fd, 0, 0, (ROOM / 2 + 1) * PAGE);
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(pread(fd, page, PAGE, i * PAGE), PAGE);
        CHECK(bytes_are(page, i >= 3 && i % 2 ? 'x' : 0, PAGE));
    }
    CHECK_OK(fallocate(fd, 0, 0, ROOM / 2 * PAGE));
    CHECK_EQ(free_pages(), 0);
    CHECK_OK(close(fd));
    CHECK_OK(close(other));
    CHECK_OK(umount(DIR));
    CHECK_OK(rmdir(DIR));
    return 0;
}
