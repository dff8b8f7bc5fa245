/* SPDX-License-Identifier: MIT */
/*
 * Requests to files beside reading and writing: hints of fcntl, the block size, the random device,
 * and the set-group-ID bit of files that a stranger to the group makes.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define BLOCK_SIZE_REQUEST 2 /* FIGETBSZ */

/* linux/random.h, which not every C library brings */
#define RNDGETENTCNT   _IOR('R', 0, int)
#define RNDADDTOENTCNT _IOW('R', 1, int)
#define RNDADDENTROPY  _IOW('R', 3, int[2])
#define RNDZAPENTCNT   _IO('R', 4)
#define RNDCLEARPOOL   _IO('R', 6)

/* fcntl(2) */
#ifndef F_GET_RW_HINT
#define F_GET_RW_HINT 1035
#define F_SET_RW_HINT 1036
#endif

static void check_hints(void)
{
    int fd = CHECK_OK(open("/tmp/requests", O_RDWR | O_CREAT | O_TRUNC, 0600));
    int other = CHECK_OK(open("/tmp/requests", O_RDONLY));
    uint64_t hint = 9;
    int ends[2];

    CHECK_OK(fcntl(fd, F_GET_RW_HINT, &hint));
    CHECK_EQ(hint, 0);
    hint = 3;
    CHECK_OK(fcntl(fd, F_SET_RW_HINT, &hint));
    hint = 9;
    CHECK_OK(fcntl(other, F_GET_RW_HINT, &hint));
    CHECK_EQ(hint, 3); /* the file's, not the descriptor's */
    hint = 6;
    CHECK_ERR(fcntl(fd, F_SET_RW_HINT, &hint), EINVAL);
    hint = 1ULL << 32;
    CHECK_ERR(fcntl(fd, F_SET_RW_HINT, &hint), EINVAL);
    CHECK_ERR(fcntl(fd, F_SET_RW_HINT, NULL), EFAULT);
    CHECK_ERR(fcntl(fd, F_GET_RW_HINT, NULL), EFAULT);
    CHECK_OK(pipe(ends));
    CHECK_OK(fcntl(ends[0], F_GET_RW_HINT, &hint));
    CHECK_EQ(hint, 0);
    CHECK_OK(close(ends[0]));
    CHECK_OK(close(ends[1]));
    CHECK_OK(close(other));
    CHECK_OK(close(fd));
    CHECK_OK(unlink("/tmp/requests"));
}

static void check_block_size(void)
{
    struct stat status;
    int ends[2], size = -1, fd = CHECK_OK(open("/tmp", O_RDONLY));

    CHECK_OK(fstat(fd, &status));
    CHECK_OK(ioctl(fd, BLOCK_SIZE_REQUEST, &size));
    CHECK_EQ(size, status.st_blksize);
    CHECK_ERR(ioctl(fd, BLOCK_SIZE_REQUEST, NULL), EFAULT);
    CHECK_OK(pipe(ends));
    CHECK_OK(ioctl(ends[1], BLOCK_SIZE_REQUEST, &size));
    CHECK_EQ(size, 4096);
    CHECK_OK(close(ends[0]));
    CHECK_OK(close(ends[1]));
    CHECK_OK(close(fd));
}

/* What may be known is for all; what changes the state, for root. */
static void check_random(int privileged)
{
    struct {
        int bits, nbytes;
        char bytes[8];
    } add = {8, 8, "entropy"};
    int fd = CHECK_OK(open("/dev/urandom", O_RDWR)), bits = -1;

    CHECK_OK(ioctl(fd, RNDGETENTCNT, &bits));
    CHECK_EQ(bits, 256);
    CHECK_ERR(ioctl(fd, RNDGETENTCNT, NULL), EFAULT);
    CHECK_ERR(ioctl(fd, _IO('R', 0x99), NULL), EINVAL);
    if (privileged) {
        CHECK_OK(ioctl(fd, RNDADDENTROPY, &add));
        CHECK_ERR(ioctl(fd, RNDADDENTROPY, NULL), EFAULT);
        add.bits = -1;
        CHECK_ERR(ioctl(fd, RNDADDENTROPY, &add), EINVAL);
        CHECK_ERR(ioctl(fd, RNDADDTOENTCNT, NULL), EFAULT);
        CHECK_OK(ioctl(fd, RNDADDTOENTCNT, &bits));
        bits = -1;
        CHECK_ERR(ioctl(fd, RNDADDTOENTCNT, &bits), EINVAL);
        CHECK_OK(ioctl(fd, RNDZAPENTCNT, NULL));
        CHECK_OK(ioctl(fd, RNDCLEARPOOL, NULL));
    } else {
        CHECK_ERR(ioctl(fd, RNDADDENTROPY, NULL), EPERM);
        CHECK_ERR(ioctl(fd, RNDADDTOENTCNT, NULL), EPERM);
        CHECK_ERR(ioctl(fd, RNDZAPENTCNT, NULL), EPERM);
        CHECK_ERR(ioctl(fd, RNDCLEARPOOL, NULL), EPERM);
    }
    CHECK_OK(close(fd));
}

static int mode_of(const char *path)
{
    struct stat status;

    CHECK_OK(stat(path, &status));
    CHECK_OK(unlink(path));
    return status.st_mode & 07777;
}

/* The bit goes by the mode that was asked for: that the umask takes the group's right to execute
 * does not bring it back. */
static void check_set_group(void)
{
    pid_t child;
    int fd;

    CHECK_OK(mkdir("/tmp/requests.d", 0777));
    CHECK_OK(chown("/tmp/requests.d", 0, 50));
    CHECK_OK(chmod("/tmp/requests.d", 02777));
    child = (pid_t)CHECK_OK(fork());
    if (child == 0) {
        CHECK_OK(setgid(1000));
        CHECK_OK(setuid(1000));
        umask(010);
        fd = CHECK_OK(open("/tmp/requests.d/a", O_CREAT | O_RDWR, 02777));
        CHECK_OK(close(fd));
        CHECK_EQ(mode_of("/tmp/requests.d/a"), 0767);
        CHECK_OK(mknod("/tmp/requests.d/b", S_IFREG | 02777, 0));
        CHECK_EQ(mode_of("/tmp/requests.d/b"), 0767);
        CHECK_OK(mknod("/tmp/requests.d/c", S_IFREG | 02767, 0));
        CHECK_EQ(mode_of("/tmp/requests.d/c"), 02767);
        umask(0);
        fd = CHECK_OK(open("/tmp/requests.d/d", O_CREAT | O_RDWR, 02777));
        CHECK_OK(close(fd));
        CHECK_EQ(mode_of("/tmp/requests.d/d"), 0777);
        check_random(0);
        _exit(0);
    }
    CHECK_EQ(child_end(child), 0);
    umask(010);
    fd = CHECK_OK(open("/tmp/requests.d/e", O_CREAT | O_RDWR, 02777));
    CHECK_OK(close(fd));
    CHECK_EQ(mode_of("/tmp/requests.d/e"), 02767); /* root may */
    CHECK_OK(rmdir("/tmp/requests.d"));
}

int main(void)
{
    check_hints();
    check_block_size();
    if (getuid() == 0) {
        check_set_group();
        check_random(1);
    }
    return 0;
}
