/* SPDX-License-Identifier: MIT */
/* madvise, mincore, msync, mlock: what they do and what they refuse. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE           4096UL
#define ANON           (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW             (PROT_READ | PROT_WRITE)
#define POPULATE_READ  22
#define POPULATE_WRITE 23

static char *map(size_t npages, int prot, int flags)
{
    char *p = mmap(NULL, npages * PAGE, prot, flags, -1, 0);

    CHECK(p != MAP_FAILED);
    return p;
}

/* Bit i: page i is in memory. */
static unsigned resident(char *p, unsigned npages)
{
    unsigned char state[32];
    unsigned bits = 0;

    CHECK_OK(mincore(p, npages * PAGE, state));
    for (unsigned i = 0; i < npages; i++)
        bits |= (state[i] & 1u) << i;
    return bits;
}

static void check_dontneed(void)
{
    char *p = map(4, RW, ANON);

    memset(p, 1, 4 * PAGE);
    CHECK_OK(madvise(p + PAGE, 2 * PAGE, MADV_DONTNEED));
    CHECK_EQ(resident(p, 4), 9);
    CHECK(p[0] == 1 && p[3 * PAGE] == 1 && bytes_are(p + PAGE, 0, 2 * PAGE));
    CHECK_OK(madvise(p, 0, MADV_DONTNEED));
    CHECK_ERR(madvise(p + 1, PAGE, MADV_DONTNEED), EINVAL);
    CHECK_ERR(madvise(p, PAGE, 12345), EINVAL);
    CHECK_ERR(madvise(p, PAGE, -1), EINVAL);
    /* With a hole: what is there is done, and the hole reported. */
    memset(p, 1, 4 * PAGE);
    CHECK_OK(munmap(p + PAGE, PAGE));
    CHECK_ERR(madvise(p, 4 * PAGE, MADV_DONTNEED), ENOMEM);
    CHECK(p[0] == 0 && p[2 * PAGE] == 0);
    CHECK_ERR(madvise(p, 4 * PAGE, MADV_WILLNEED), ENOMEM);
    CHECK_OK(munmap(p, 4 * PAGE));
}

/* The clock's data in the vDSO are the kernel's: advice does not touch them. A range that ends
 * beyond user space is none the worse for that. */
static void check_kernel_pages(void)
{
    char *code = (char *)getauxval(AT_SYSINFO_EHDR), *data = code - PAGE, *p = map(2, RW, ANON);
    const size_t beyond = 0x800000000000;

    memset(p, 1, 2 * PAGE);
    CHECK_OK(munmap(p + PAGE, PAGE));
    CHECK_ERR(madvise(p, beyond, 12345), EINVAL);
    CHECK_ERR(madvise((char *)0x7ffffffff000, beyond, MADV_DONTNEED), ENOMEM);
    CHECK_ERR(madvise((char *)0x800000000000, PAGE, MADV_DONTNEED), ENOMEM);
    CHECK_ERR(madvise((char *)-PAGE, PAGE, MADV_DONTNEED), EINVAL);
    CHECK_ERR(madvise((char *)(-2 * PAGE), PAGE, MADV_DONTNEED), ENOMEM);
    CHECK_OK(munmap(p, PAGE));
    if (!code)
        return;
    CHECK_ERR(madvise(data, PAGE, MADV_DONTNEED), EINVAL);
    CHECK_ERR(madvise(data, PAGE, MADV_FREE), EINVAL);
    CHECK_ERR(madvise(data, PAGE, MADV_DOFORK), EINVAL);
    CHECK_ERR(madvise(data, PAGE, POPULATE_READ), EINVAL);
    CHECK_ERR(madvise(data, PAGE, POPULATE_WRITE), EINVAL);
    CHECK_OK(madvise(code, PAGE, MADV_DONTNEED));
    CHECK_EQ(code[0], 0x7f);
}

/* MADV_REMOVE: a hole for all that map the file, or the shared memory. */
static void check_remove(void)
{
    char *p = map(4, RW, MAP_SHARED | MAP_ANONYMOUS), *private = map(1, RW, ANON), *q, *r;
    int fd = (int)CHECK_OK(open("/tmp/mem_advise.remove", O_RDWR | O_CREAT | O_TRUNC, 0600)), pid;
    int status;

    memset(p, 1, 4 * PAGE);
    pid = (int)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(madvise(p + PAGE, 2 * PAGE, MADV_REMOVE));
        CHECK(p[0] == 1 && p[3 * PAGE] == 1 && bytes_are(p + PAGE, 0, 2 * PAGE));
        p[PAGE] = 5;
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK(p[0] == 1 && p[PAGE] == 5 && p[2 * PAGE] == 0 && p[3 * PAGE] == 1);
    CHECK_ERR(madvise(private, PAGE, MADV_REMOVE), EINVAL);
    CHECK_OK(munmap(p + PAGE, PAGE));
    CHECK_ERR(madvise(p, 4 * PAGE, MADV_REMOVE), ENOMEM);
    CHECK(p[0] == 0 && p[3 * PAGE] == 0);

    CHECK_EQ(write(fd, memset(private, 3, PAGE), PAGE), PAGE);
    CHECK_EQ(write(fd, private, PAGE), PAGE);
    q = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
    r = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, fd, 0);
    CHECK(q != MAP_FAILED && r != MAP_FAILED);
    r[PAGE] = 4; /* its own by now */
    CHECK_EQ(r[0] + q[0] + q[PAGE], 9);
    CHECK_ERR(madvise(r, PAGE, MADV_REMOVE), EACCES);
    CHECK_OK(madvise(q, 2 * PAGE, MADV_REMOVE));
    CHECK(bytes_are(q, 0, 2 * PAGE));
    CHECK_EQ(r[0], 0);
    CHECK_EQ(r[PAGE], 4);
    CHECK_EQ(lseek(fd, 0, SEEK_END), 2 * PAGE);
    CHECK_OK(munmap(q, 2 * PAGE) | munmap(r, 2 * PAGE) | munmap(private, PAGE));
    CHECK_OK(munmap(p, PAGE) | munmap(p + 2 * PAGE, 2 * PAGE));
    close(fd);
    CHECK_OK(unlink("/tmp/mem_advise.remove"));
}

static void check_free(void)
{
    char *p = map(2, RW, ANON), *q = map(2, RW, MAP_SHARED | MAP_ANONYMOUS);

    memset(p, 1, 2 * PAGE);
    CHECK_OK(madvise(p, 2 * PAGE, MADV_FREE));
    CHECK(p[0] == 0 || p[0] == 1); /* now or later */
    p[0] = 5;
    CHECK_EQ(p[0], 5);
    CHECK_ERR(madvise(q, PAGE, MADV_FREE), EINVAL);
    CHECK_OK(munmap(p, 2 * PAGE));
    CHECK_OK(munmap(q, 2 * PAGE));
}

static void check_hints(void)
{
    static const int hints[] = {MADV_NORMAL,   MADV_RANDOM,   MADV_SEQUENTIAL,
                                MADV_WILLNEED, MADV_DONTDUMP, MADV_DODUMP};
    char *p = map(2, RW, ANON);

    p[0] = 3;
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
        CHECK_OK(madvise(p, 2 * PAGE, hints[i]));
    CHECK_EQ(p[0], 3);
    CHECK_OK(munmap(p, 2 * PAGE));
}

static void check_populate(void)
{
    char *p = map(8, RW, ANON), *q = map(2, PROT_READ, ANON), *none = map(1, PROT_NONE, ANON);

    CHECK_EQ(resident(p, 8), 0);
    CHECK_OK(madvise(p + 2 * PAGE, 3 * PAGE, POPULATE_WRITE));
    CHECK_EQ(resident(p, 8), 0x1c);
    CHECK(bytes_are(p, 0, 8 * PAGE));
    CHECK_OK(madvise(q, 2 * PAGE, POPULATE_READ));
    CHECK_EQ(resident(q, 2), 3);
    CHECK_ERR(madvise(q, PAGE, POPULATE_WRITE), EINVAL);
    CHECK_ERR(madvise(none, PAGE, POPULATE_READ), EINVAL);
    /* What may only be written is not there to be read, whatever the processor says. */
    CHECK_OK(mprotect(none, PAGE, PROT_WRITE));
    CHECK_ERR(madvise(none, PAGE, POPULATE_READ), EINVAL);
    CHECK_OK(madvise(none, PAGE, POPULATE_WRITE));
    CHECK_OK(munmap(p + PAGE, PAGE));
    CHECK_ERR(madvise(p, 4 * PAGE, POPULATE_WRITE), ENOMEM);
    CHECK_OK(munmap(p, 8 * PAGE));
    CHECK_OK(munmap(q, 2 * PAGE));
    CHECK_OK(munmap(none, PAGE));
    p = map(4, RW, ANON | MAP_POPULATE);
    CHECK_EQ(resident(p, 4), 15);
    CHECK_OK(munmap(p, 4 * PAGE));
}

/* mmap does not fail for pages that are not to be had: beyond the end of the file, or without any
 * right. Those before them are there. */
static void check_populate_some(void)
{
    int fd = (int)CHECK_OK(open("/tmp/mem-advise", O_RDWR | O_CREAT | O_TRUNC, 0600));
    char *p;

    CHECK_OK(unlink("/tmp/mem-advise"));
    CHECK_OK(ftruncate(fd, 2 * PAGE));
    p = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    CHECK(p != MAP_FAILED && (uintptr_t)p % PAGE == 0);
    CHECK_EQ(resident(p, 2), 3);
    p[2 * PAGE - 1] = 1;
    CHECK_OK(munmap(p, 4 * PAGE));
    CHECK_OK(close(fd));
    p = map(4, PROT_NONE, ANON | MAP_POPULATE);
    CHECK_EQ((uintptr_t)p % PAGE, 0);
    CHECK_OK(mprotect(p, PAGE, RW));
    p[0] = 1;
    CHECK_OK(munmap(p, 4 * PAGE));
}

static void check_mincore(void)
{
    char *p = map(3, RW, ANON);
    unsigned char state[4];

    p[PAGE] = 1;
    CHECK_EQ(resident(p, 3), 2);
    CHECK_ERR(mincore(p + 1, PAGE, state), EINVAL);
    CHECK_ERR(mincore((void *)0x7fffffffe000, 4 * PAGE, state), ENOMEM);
    CHECK_ERR(mincore(p, PAGE, (unsigned char *)1), EFAULT);
    CHECK_OK(mincore(p, 1, state)); /* a byte is a page */
    CHECK_OK(munmap(p + 2 * PAGE, PAGE));
    CHECK_ERR(mincore(p, 3 * PAGE, state), ENOMEM);
    CHECK_OK(munmap(p, 2 * PAGE));
}

/* Two pages that are not to be dropped while they are locked: not by a fork's child, either. */
static void check_locked(char *p)
{
    int status, pid;

    p[0] = p[PAGE] = 5;
    CHECK_OK(mlock(p + PAGE, PAGE));
    CHECK_ERR(madvise(p, 2 * PAGE, MADV_DONTNEED), EINVAL);
    CHECK(p[0] == 0 && p[PAGE] == 5); /* what lies before is done */
    CHECK_ERR(madvise(p + PAGE, PAGE, MADV_FREE), EINVAL);
    CHECK_ERR(msync(p, 2 * PAGE, MS_INVALIDATE), EBUSY);
    CHECK_OK(msync(p, PAGE, MS_INVALIDATE));
    CHECK_OK(msync(p, 2 * PAGE, MS_SYNC));
    pid = (int)CHECK_OK(fork());
    if (pid == 0)
        _exit(madvise(p + PAGE, PAGE, MADV_DONTNEED) || p[PAGE] != 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK_EQ(p[PAGE], 5);
    CHECK_OK(munlock(p + PAGE, PAGE));
    CHECK_OK(madvise(p, 2 * PAGE, MADV_DONTNEED));
    CHECK_EQ(p[PAGE], 0);
    CHECK_OK(mlockall(MCL_CURRENT));
    CHECK_ERR(madvise(p, PAGE, MADV_DONTNEED), EINVAL);
    CHECK_OK(madvise(p, PAGE, 24)); /* MADV_DONTNEED_LOCKED */
    CHECK_OK(munlockall());
    CHECK_OK(madvise(p, PAGE, MADV_DONTNEED));
}

static void check_lock(void)
{
    char *p = map(4, RW, ANON);

    CHECK_OK(mlock(p + 100, PAGE));
    CHECK_EQ(resident(p, 4), 3); /* the pages that hold it */
    CHECK_OK(munlock(p + 100, PAGE));
    CHECK_OK(munlock(p, 4 * PAGE));
    CHECK_OK(munmap(p + PAGE, PAGE));
    CHECK_ERR(mlock(p, 4 * PAGE), ENOMEM);
    CHECK_ERR(munlock(p, 4 * PAGE), ENOMEM);
    CHECK_OK(munlockall());
    check_locked(p + 2 * PAGE);
    CHECK_ERR(mlockall(0), EINVAL);
    CHECK_ERR(mlockall(64), EINVAL);
    CHECK_ERR(mlockall(MCL_ONFAULT), EINVAL);
    CHECK_OK(munmap(p, 4 * PAGE));
}

static void check_msync(void)
{
    char *p = map(2, RW, ANON);

    CHECK_OK(msync(p, 2 * PAGE, MS_SYNC));
    CHECK_OK(msync(p, 2 * PAGE, MS_ASYNC));
    CHECK_OK(msync(p, 2 * PAGE, MS_INVALIDATE));
    CHECK_OK(msync(p, 2 * PAGE, 0));
    CHECK_ERR(msync(p, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
    CHECK_ERR(msync(p, PAGE, 8), EINVAL);
    CHECK_ERR(msync(p + 1, PAGE, MS_SYNC), EINVAL);
    /* A range that wraps around is not mapped, a length that does so is none. */
    CHECK_ERR(msync((char *)-PAGE, PAGE, MS_SYNC), ENOMEM);
    CHECK_ERR(msync((char *)-PAGE, 1, 0), ENOMEM);
    CHECK_ERR(msync(p, -PAGE, MS_SYNC), ENOMEM);
    CHECK_OK(msync(p, -1UL, MS_SYNC));
    CHECK_ERR(msync((char *)-PAGE, PAGE, 8), EINVAL);
    CHECK_OK(munmap(p + PAGE, PAGE));
    CHECK_ERR(msync(p, 2 * PAGE, MS_SYNC), ENOMEM);
    CHECK_OK(munmap(p, PAGE));
}

/* What a child does not get, or gets empty. */
static void check_fork_rules(void)
{
    char *p = map(4, RW, ANON);
    int status = -1;
    pid_t pid;

    memset(p, 7, 4 * PAGE);
    CHECK_OK(madvise(p + PAGE, PAGE, MADV_DONTFORK));
    CHECK_OK(madvise(p + 2 * PAGE, PAGE, MADV_WIPEONFORK));
    CHECK_ERR(madvise(map(1, RW, MAP_SHARED | MAP_ANONYMOUS), PAGE, MADV_WIPEONFORK), EINVAL);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        unsigned char state;
        CHECK(p[0] == 7 && p[3 * PAGE] == 7);
        CHECK_ERR(mincore(p + PAGE, PAGE, &state), ENOMEM);
        CHECK(bytes_are(p + 2 * PAGE, 0, PAGE));
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK(p[PAGE] == 7 && p[2 * PAGE] == 7);
    CHECK_OK(madvise(p + PAGE, PAGE, MADV_DOFORK));
    CHECK_OK(madvise(p + 2 * PAGE, PAGE, MADV_KEEPONFORK));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK(bytes_are(p, 7, 4 * PAGE));
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK_OK(munmap(p, 4 * PAGE));
}

int main(void)
{
    check_remove();
    check_dontneed();
    check_kernel_pages();
    check_free();
    check_hints();
    check_populate();
    check_populate_some();
    check_mincore();
    check_lock();
    check_msync();
    check_fork_rules();
    return 0;
}
