/* SPDX-License-Identifier: MIT */
/*
 * A file that is only appended to never becomes shorter, not even for a moment: also where a page
 * of the writer's buffer has to be brought in, in the middle of its call.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PATH   "/tmp/append_grows"
#define PAGE   4096
#define NPAGES 16
#define ROUNDS 100

static void append(int fd)
{
    char *buffer =
        mmap(NULL, NPAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(buffer != MAP_FAILED);
    for (int i = 0; i < ROUNDS; i++) {
        for (int at = 0; at < (NPAGES - 1) * PAGE; at += PAGE)
            buffer[at] = 'x';
        CHECK_OK(madvise(buffer + (NPAGES - 1) * PAGE, PAGE, MADV_DONTNEED));
        CHECK_EQ(write(fd, buffer, NPAGES * PAGE), NPAGES * PAGE);
    }
    _exit(0);
}

/* Room that fallocate has made behind the end is still there after such a write, and zero. */
static void check_room_kept(void)
{
    int fd = (int)CHECK_OK(open(PATH, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600));
    char *buffer = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct stat st;

    CHECK(buffer != MAP_FAILED);
    CHECK_OK(unlink(PATH));
    CHECK_OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, NPAGES * PAGE));
    buffer[0] = buffer[PAGE] = 'x'; /* but not the third page */
    CHECK_EQ(write(fd, buffer, 3 * PAGE), 3 * PAGE);
    CHECK_OK(fstat(fd, &st));
    CHECK(st.st_blocks >= NPAGES * PAGE / 512);
    /* Nothing of a write that fails is in the file, nor comes into it when it grows. */
    CHECK_OK(munmap(buffer + PAGE, 2 * PAGE));
    CHECK_OK(madvise(buffer, PAGE, MADV_DONTNEED));
    buffer[0] = 'y';
    CHECK_EQ(write(fd, buffer, 2 * PAGE), PAGE);
    CHECK_OK(fstat(fd, &st));
    CHECK_EQ(st.st_size, 4 * PAGE);
    CHECK(st.st_blocks >= NPAGES * PAGE / 512);
    CHECK_OK(ftruncate(fd, 5 * PAGE));
    CHECK_EQ(pread(fd, buffer, PAGE, 4 * PAGE), PAGE);
    CHECK(bytes_are(buffer, 0, PAGE));
    CHECK_OK(close(fd));
}

int main(void)
{
    int fd = (int)CHECK_OK(open(PATH, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600));
    int child, status, ended = 0;
    off_t seen = 0;

    CHECK_OK(unlink(PATH));
    child = (int)CHECK_OK(fork());
    if (!child)
        append(fd);
    while (!ended) {
        struct stat st;

        ended = (int)CHECK_OK(waitpid(child, &status, WNOHANG));
        for (int i = 0; i < 100; i++) {
            CHECK_OK(fstat(fd, &st));
            CHECK(st.st_size >= seen);
            seen = st.st_size;
        }
    }
    CHECK_EQ(status, 0);
    CHECK_EQ(seen, (off_t)ROUNDS * NPAGES * PAGE);
    check_room_kept();
    return 0;
}
