/* SPDX-License-Identifier: MIT */
/* readv, writev, preadv, pwritev and sendfile: the pieces in order, partial results, limits. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE 4096UL
#define BAD  ((void *)0xffff800000000000)

static int fd;

static struct iovec piece(const void *base, size_t nbytes)
{
    return (struct iovec){.iov_base = (void *)(uintptr_t)base, .iov_len = nbytes};
}

static void check_order(void)
{
    char a[4] = {0}, b[1] = {0}, c[10] = {0};
    struct iovec out[] = {piece("one", 3), piece("", 0), piece("two", 3), piece("three", 5)};
    struct iovec in[] = {piece(a, 4), piece(b, 1), piece(NULL, 0), piece(c, 10)};

    CHECK_EQ(writev(fd, out, 4), 11);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(readv(fd, in, 4), 11);
    CHECK(memcmp(a, "onet", 4) == 0 && b[0] == 'w' && memcmp(c, "othree", 7) == 0);
    CHECK_EQ(readv(fd, in, 4), 0);
    CHECK_EQ(pwritev(fd, out, 1, 2), 3);
    CHECK_EQ(preadv(fd, in, 1, 1), 4);
    CHECK(memcmp(a, "none", 4) == 0);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 11);
}

static void check_limits(void)
{
    static struct iovec many[IOV_MAX + 1];
    char byte = 'x';

    for (int i = 0; i <= IOV_MAX; i++)
        many[i] = piece(&byte, 1);
    CHECK_OK(ftruncate(fd, 0));
    CHECK_EQ(pwritev(fd, many, IOV_MAX, 0), IOV_MAX);
    CHECK_ERR(writev(fd, many, IOV_MAX + 1), EINVAL);
    CHECK_EQ(raw3(SYS_writev, fd, many, -1), -EINVAL);
    CHECK_EQ(writev(fd, many, 0), 0);
    many[1].iov_len = SIZE_MAX; /* negative as a ssize_t */
    CHECK_ERR(writev(fd, many, 2), EINVAL);
    many[0].iov_base = (void *)-1L; /* which counts only after that */
    CHECK_ERR(writev(fd, many, 2), EINVAL);
    CHECK_ERR(preadv(fd, many, 1, -1), EINVAL);
}

/* What was moved before a bad piece counts; with nothing moved it is an error. */
static void check_bad_pieces(void)
{
    char buf[10];
    struct iovec bad_second[] = {piece("good", 4), piece(BAD, 4)};
    struct iovec bad_first[] = {piece(BAD, 4), piece("good", 4)};
    struct iovec in[] = {piece(buf, 2), piece((void *)8, 4)};

    CHECK_OK(ftruncate(fd, 0));
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_ERR(writev(fd, bad_first, 2), EFAULT);
    CHECK_EQ(lseek(fd, 0, SEEK_END), 0);
    CHECK_ERR(writev(fd, bad_second, 2), EFAULT); /* a kernel address is seen before any copy */
    CHECK_EQ(pwrite(fd, "abcdef", 6, 0), 6);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(readv(fd, in, 2), 2); /* an unmapped one only when it is reached */
    CHECK(memcmp(buf, "ab", 2) == 0);
    CHECK_ERR(writev(fd, BAD, 1), EFAULT);
    CHECK_ERR(readv(fd, (void *)8, 1), EFAULT);
}

/* Pieces in pages that are not in memory yet: of a file that nothing has read through this mapping,
 * and of fresh memory. */
static void check_absent(void)
{
    int source = (int)CHECK_OK(open("/tmp/file_vectors2", O_RDWR | O_CREAT | O_TRUNC, 0600));
    int ends[2];

    CHECK_OK(unlink("/tmp/file_vectors2"));
    CHECK_OK(ftruncate(source, 4 * PAGE));
    CHECK_EQ(pwrite(source, "first", 5, PAGE - 5), 5);
    CHECK_EQ(pwrite(source, "second", 6, 2 * PAGE), 6);
    CHECK_EQ(pwrite(source, "!", 1, 4 * PAGE - 1), 1);
    CHECK_OK(pipe(ends));
    CHECK_OK(ftruncate(fd, 0));
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    for (int i = 0; i < 2; i++) { /* by way of a file, and of a pipe */
        char *from = mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE, source, 0);
        char *to = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        struct iovec out[] = {piece(from + PAGE - 5, 5), piece(from + 2 * PAGE, 6),
                              piece(from + 4 * PAGE - 1, 1)};
        struct iovec in[] = {piece(to, 3), piece(to + PAGE, 5), piece(to + 3 * PAGE, 9)};

        CHECK(from != MAP_FAILED && to != MAP_FAILED);
        CHECK_EQ(writev(i ? ends[1] : fd, out, 3), 12);
        CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
        CHECK_EQ(readv(i ? ends[0] : fd, in, 3), 12);
        CHECK(memcmp(to, "fir", 3) == 0 && memcmp(to + PAGE, "stsec", 5) == 0);
        CHECK(memcmp(to + 3 * PAGE, "ond!", 4) == 0);
        CHECK_OK(munmap(from, 4 * PAGE));
        CHECK_OK(munmap(to, 4 * PAGE));
    }
    CHECK_OK(close(ends[0]));
    CHECK_OK(close(ends[1]));
    CHECK_OK(close(source));
    CHECK_OK(ftruncate(fd, 0));
}

static void check_sendfile(void)
{
    int out = (int)CHECK_OK(open("/tmp/file_vectors2", O_RDWR | O_CREAT | O_TRUNC, 0600));
    off_t at = 2;
    char buf[20];

    CHECK_EQ(pwrite(fd, "0123456789", 10, 0), 10);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(sendfile(out, fd, NULL, 4), 4);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4);
    CHECK_EQ(sendfile(out, fd, &at, 100), 8);
    CHECK_EQ(at, 10);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4);
    CHECK_EQ(pread(out, buf, sizeof(buf), 0), 12);
    CHECK(memcmp(buf, "012323456789", 12) == 0);
    CHECK_ERR(sendfile(99, fd, NULL, 1), EBADF);
    CHECK_ERR(sendfile(out, 99, NULL, 1), EBADF);
    CHECK_OK(close(out));
    CHECK_OK(unlink("/tmp/file_vectors2"));
}

int main(void)
{
    fd = (int)CHECK_OK(open("/tmp/file_vectors", O_RDWR | O_CREAT | O_TRUNC, 0600));
    check_order();
    check_limits();
    check_bad_pieces();
    check_absent();
    check_sendfile();
    CHECK_OK(unlink("/tmp/file_vectors"));
    return 0;
}
