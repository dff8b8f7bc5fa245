/* SPDX-License-Identifier: MIT */
/* The devices every program expects: null, zero, full, random, urandom, tty, console. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

static char buf[10000];

static int device(const char *name, int flags)
{
    return (int)CHECK_OK(open(name, flags));
}

static void check_null(void)
{
    int fd = device("/dev/null", O_RDWR);

    CHECK_EQ(write(fd, "gone", 4), 4);
    CHECK_EQ(read(fd, buf, 10), 0);
    CHECK_EQ(lseek(fd, 100, SEEK_SET), 0);
    CHECK_ERR(ftruncate(fd, 0), EINVAL);
    CHECK_OK(close(device("/dev/null", O_WRONLY | O_CREAT | O_TRUNC)));
    CHECK_OK(close(fd));
}

static void check_zero(void)
{
    int fd = device("/dev/zero", O_RDWR);

    memset(buf, 1, sizeof(buf));
    CHECK_EQ(read(fd, buf, sizeof(buf)), (long)sizeof(buf));
    CHECK(bytes_are(buf, 0, sizeof(buf)));
    CHECK_EQ(write(fd, buf, 10), 10);
    CHECK_ERR(read(fd, (void *)8, 10), EFAULT);
    /* The old way to get memory. */
    char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(p != MAP_FAILED);
    CHECK(bytes_are(p, 0, 8192));
    p[0] = 1;
    CHECK_OK(munmap(p, 8192));
    CHECK_OK(close(fd));
}

static void check_full(void)
{
    int fd = device("/dev/full", O_RDWR);

    memset(buf, 1, 100);
    CHECK_EQ(read(fd, buf, 100), 100);
    CHECK(bytes_are(buf, 0, 100));
    CHECK_ERR(write(fd, "x", 1), ENOSPC);
    CHECK_OK(close(fd));
}

static void check_random(const char *name)
{
    unsigned char a[256], b[256];
    unsigned ones = 0;
    int fd = device(name, O_RDWR);

    CHECK_EQ(read(fd, a, sizeof(a)), (long)sizeof(a));
    CHECK_EQ(read(fd, b, sizeof(b)), (long)sizeof(b));
    CHECK(memcmp(a, b, sizeof(a)) != 0);
    for (size_t i = 0; i < sizeof(a); i++)
        ones += (unsigned)__builtin_popcount(a[i]);
    CHECK(ones > 800 && ones < 1248); /* of 2048 bits; 10 standard deviations */
    CHECK_EQ(write(fd, "stir", 4), 4);
    CHECK_OK(close(fd));
}

static void check_terminals(void)
{
    struct stat st;

    CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO); /* there is no controlling terminal */
    CHECK_OK(stat("/dev/tty", &st));
    CHECK(S_ISCHR(st.st_mode));
    CHECK_OK(stat("/dev/console", &st));
    CHECK(S_ISCHR(st.st_mode));
    CHECK_OK(stat("/dev", &st));
    CHECK_EQ(st.st_mode, S_IFDIR | 0755);
    CHECK_ERR(open("/dev/none", O_RDONLY), ENOENT);
    CHECK_EQ(isatty(0), 0);
    CHECK_EQ(isatty(1), 0);
}

int main(void)
{
    check_null();
    check_zero();
    check_full();
    check_random("/dev/random");
    check_random("/dev/urandom");
    check_terminals();
    return 0;
}
