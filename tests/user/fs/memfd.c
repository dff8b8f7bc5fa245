/* SPDX-License-Identifier: MIT */
/* memfd_create: names, flags, the link in /proc, permissions; seals, and what each forbids: writes,
 * sizes, mappings. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define PAGE        4096
#define TMPFS_MAGIC 0x01021994
#define NAME_MOST   249
#define HUGE_2MB    (21u << 26)

static int make(unsigned flags)
{
    return (int)CHECK_OK(syscall(SYS_memfd_create, "test", flags));
}

/* Two pages of data. */
static int make_full(void)
{
    char bytes[2 * PAGE];
    int fd = make(MFD_ALLOW_SEALING);

    memset(bytes, 'x', sizeof(bytes));
    CHECK_EQ(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
    return fd;
}

static const char *link_of(int fd, char *path, char *text, size_t size)
{
    ssize_t len;

    strcpy(path, "/proc/self/fd/");
    CHECK(fd < 100);
    path[14] = (char)('0' + fd / 10);
    path[15] = (char)('0' + fd % 10);
    path[16] = '\0';
    if (fd < 10)
        memmove(path + 14, path + 15, 2);
    len = CHECK_OK(readlink(path, text, size - 1));
    text[len] = '\0';
    return text;
}

static void check_names(void)
{
    char name[NAME_MOST + 2], path[32], text[512];
    int fd;

    memset(name, 'n', sizeof(name));
    name[NAME_MOST + 1] = '\0';
    CHECK_ERR(syscall(SYS_memfd_create, name, 0), EINVAL);
    name[NAME_MOST] = '\0';
    fd = (int)CHECK_OK(syscall(SYS_memfd_create, name, 0));
    CHECK_EQ(strlen(link_of(fd, path, text, sizeof(text))), 7 + NAME_MOST + 10);
    CHECK_OK(close(fd));
    fd = (int)CHECK_OK(syscall(SYS_memfd_create, "", 0));
    CHECK_EQ(strcmp(link_of(fd, path, text, sizeof(text)), "/memfd: (deleted)"), 0);
    CHECK_OK(close(fd));
    fd = (int)CHECK_OK(syscall(SYS_memfd_create, "a/b", 0)); /* any bytes */
    CHECK_EQ(strcmp(link_of(fd, path, text, sizeof(text)), "/memfd:a/b (deleted)"), 0);
    CHECK_OK(close(fd));
    CHECK_EQ(raw2(SYS_memfd_create, 8, 0), -EFAULT);
    CHECK_EQ(raw2(SYS_memfd_create, 8, 0x100), -EINVAL);
    CHECK_EQ(raw2(SYS_memfd_create, "x", 1u << 26), -EINVAL);
    CHECK_EQ(raw2(SYS_memfd_create, 8, MFD_HUGETLB | HUGE_2MB), -EFAULT);
}

static void check_file(void)
{
    int fd = make(MFD_CLOEXEC), other;
    char path[32], text[512], bytes[4] = "";
    struct statfs fs;
    struct stat st;

    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(fd, F_GETFL) & ~0100000, O_RDWR);
    CHECK_OK(fstat(fd, &st));
    CHECK_EQ(st.st_mode, S_IFREG | 0777);
    CHECK_EQ(st.st_nlink, 0);
    CHECK_EQ(st.st_size, 0);
    CHECK_EQ(st.st_uid, geteuid());
    CHECK_OK(fstatfs(fd, &fs));
    CHECK_EQ(fs.f_type, TMPFS_MAGIC);
    CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
    CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
    CHECK_ERR(fcntl(fd, F_ADD_SEALS, 0x4000), EINVAL);
    CHECK_EQ(pwrite(fd, "abc", 3, 0), 3);
    /* Another open file of the same inode, with rights of its own. */
    link_of(fd, path, text, sizeof(text));
    other = (int)CHECK_OK(open(path, O_RDONLY));
    CHECK_EQ(read(other, bytes, 4), 3);
    CHECK_EQ(memcmp(bytes, "abc", 3), 0);
    CHECK_ERR(write(other, "d", 1), EBADF);
    CHECK_ERR(fcntl(other, F_ADD_SEALS, 0), EPERM);
    CHECK_OK(close(other));
    CHECK_OK(fchmod(fd, 0400));
    CHECK_OK(fstat(fd, &st));
    CHECK_EQ(st.st_mode, S_IFREG | 0400);
    if (geteuid())
        CHECK_ERR(open(path, O_RDWR), EACCES);
    CHECK(linkat(AT_FDCWD, path, AT_FDCWD, "/tmp/memfd-link", AT_SYMLINK_FOLLOW) == -1);
    CHECK(errno == ENOENT || errno == EXDEV);
    CHECK_OK(close(fd));
}

static void check_size(void)
{
    int fd = make_full();
    char bytes[PAGE], path[32], text[64];

    memset(bytes, 'y', sizeof(bytes));
    CHECK_EQ(fcntl(fd, F_GET_SEALS), 0);
    CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_GROW);
    CHECK_ERR(ftruncate(fd, 2 * PAGE + 1), EPERM);
    CHECK_OK(ftruncate(fd, 2 * PAGE));
    CHECK_ERR(pwrite(fd, bytes, 1, 2 * PAGE), EPERM);
    CHECK_ERR(fallocate(fd, 0, 0, 2 * PAGE + 1), EPERM);
    CHECK_ERR(fallocate(fd, FALLOC_FL_KEEP_SIZE, 2 * PAGE, PAGE), EPERM);
    CHECK_OK(fallocate(fd, 0, 0, 2 * PAGE));
    CHECK_EQ(pwrite(fd, bytes, PAGE, PAGE), PAGE);
    CHECK_OK(ftruncate(fd, PAGE));
    CHECK_ERR(ftruncate(fd, 2 * PAGE), EPERM);
    CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
    CHECK_ERR(ftruncate(fd, 0), EPERM);
    link_of(fd, path, text, sizeof(text));
    CHECK_ERR(open(path, O_RDWR | O_TRUNC), EPERM);
    CHECK_OK(ftruncate(fd, PAGE));
    CHECK_OK(fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 100));
    CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
    CHECK_ERR(fcntl(fd, F_ADD_SEALS, 0), EPERM);
    CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL | F_SEAL_GROW | F_SEAL_SHRINK);
    CHECK_OK(close(fd));
}

static void check_write(void)
{
    int fd = make_full();
    struct iovec io = {(void *)"z", 1};
    char *shared = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0), *copy, *reads;

    /* It may become writable at any time. */
    CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW), EBUSY);
    CHECK_EQ(fcntl(fd, F_GET_SEALS), 0);
    CHECK_OK(mprotect(shared, PAGE, PROT_READ | PROT_WRITE));
    CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
    CHECK_OK(munmap(shared, PAGE));
    copy = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)); /* again */
    CHECK_ERR(pwrite(fd, "z", 1, 0), EPERM);
    CHECK_ERR(pwritev(fd, &io, 1, 2 * PAGE), EPERM);
    CHECK_EQ(write(fd, "", 0), 0);
    CHECK_ERR(fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, PAGE), EPERM);
    CHECK_OK(ftruncate(fd, 3 * PAGE)); /* sizes have seals of their own */
    copy[0] = 'c';
    CHECK_EQ(copy[1], 'x');
    CHECK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
    CHECK_EQ(errno, EPERM);
    CHECK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) != MAP_FAILED);
    reads = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    if (reads != MAP_FAILED) { /* Linux refused this before 6.7 */
        CHECK_EQ(reads[0], 'x');
        CHECK_ERR(mprotect(reads, PAGE, PROT_READ | PROT_WRITE), EACCES);
    } else {
        CHECK_EQ(errno, EPERM);
    }
    CHECK_OK(close(fd));
}

static void check_future_write(void)
{
    int fd = make_full();
    char *shared = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *reads;
    char byte = 0;

    CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
    shared[PAGE] = 'm'; /* what is mapped already goes on */
    CHECK_EQ(pread(fd, &byte, 1, PAGE), 1);
    CHECK_EQ(byte, 'm');
    CHECK_ERR(pwrite(fd, "z", 1, 0), EPERM);
    CHECK_ERR(madvise(shared, PAGE, MADV_REMOVE), EPERM);
    CHECK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
    CHECK_EQ(errno, EPERM);
    reads = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    CHECK(reads != MAP_FAILED);
    CHECK_ERR(mprotect(reads, PAGE, PROT_READ | PROT_WRITE), EACCES);
    /* The old mapping is still one that may write. */
    CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
    CHECK_OK(munmap(shared, 2 * PAGE));
    CHECK_OK(munmap(reads, PAGE));
    CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_FUTURE_WRITE | F_SEAL_WRITE);
    CHECK_OK(close(fd));
}

static void check_others(void)
{
    int ends[2], fd;

    CHECK_OK(pipe(ends));
    CHECK_ERR(fcntl(ends[0], F_GET_SEALS), EINVAL);
    CHECK_ERR(fcntl(ends[0], F_ADD_SEALS, F_SEAL_WRITE), EPERM);
    CHECK_ERR(fcntl(ends[1], F_ADD_SEALS, F_SEAL_WRITE), EINVAL);
    fd = (int)CHECK_OK(open("/proc/self/stat", O_RDONLY));
    CHECK_ERR(fcntl(fd, F_GET_SEALS), EINVAL);
    CHECK_OK(close(fd));
}

/* A child maps for writing and unmaps while the parent seals: once the seal is set, nothing is
 * mapped that can write. */
static void check_race(void)
{
    for (int round = 0; round < 30; round++) {
        int fd = make_full(), tries = 0;
        pid_t child = (pid_t)CHECK_OK(fork());

        if (child == 0) {
            for (;;) {
                char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

                if (page == MAP_FAILED)
                    _exit(errno == EPERM && fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE ? 0 : 1);
                if (fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE)
                    _exit(2);
                munmap(page, PAGE);
                ftruncate(fd, PAGE);
                ftruncate(fd, 2 * PAGE);
            }
        }
        while (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) != 0) {
            CHECK_EQ(errno, EBUSY);
            CHECK(++tries < 10000000);
        }
        CHECK_EQ(child_end(child), 0);
        CHECK_OK(close(fd));
    }
}

int main(void)
{
    check_names();
    check_file();
    check_size();
    check_write();
    check_future_write();
    check_others();
    check_race();
    return 0;
}
