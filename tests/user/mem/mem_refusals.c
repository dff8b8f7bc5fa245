/* SPDX-License-Identifier: MIT */
/*
 * Memory at its edges: hints below the lowest place, structures longer than the kernel knows, words
 * whose page is not there, and memory that is writable and executable at once; growth that can
 * never fit, advice to drop what is locked.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE   4096UL
#define LOWEST 0x10000UL
#define CLONE3 435

/* futex(2) */
#define FUTEX_WAKE         1
#define FUTEX_REQUEUE      3
#define FUTEX_WAKE_BITSET  10
#define FUTEX_WAKE_PRIVATE 129

#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

/* The address is rounded to a page first: one in the lowest page is no hint at all. */
static void check_low_hint(void)
{
    uint8_t *p = mmap((void *)0xf000, PAGE, PROT_READ, ANON, -1, 0);

    CHECK_EQ(p, LOWEST);
    CHECK_EQ(mmap((void *)PAGE, PAGE, PROT_READ, ANON, -1, 0) != (void *)LOWEST, 1); /* taken */
    CHECK_OK(munmap(p, PAGE));
    CHECK_EQ(mmap((void *)PAGE, PAGE, PROT_READ, ANON, -1, 0), LOWEST);
    CHECK_OK(munmap(p, PAGE));
    CHECK_EQ(mmap((void *)(PAGE - 1), PAGE, PROT_READ, ANON, -1, 0) != (void *)LOWEST, 1);
}

/* Of a later clone3 the part that is not known must be zero, and be there. */
static void check_clone3_tail(void)
{
    uint8_t *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, ANON, -1, 0);
    uint64_t *args = (uint64_t *)pages;
    long child;
    int status;

    args[4] = SIGCHLD;
    args[15] = 1;
    CHECK_EQ(raw2(CLONE3, args, 16 * sizeof(*args)), -E2BIG);
    args[15] = 1ULL << 63;
    CHECK_EQ(raw2(CLONE3, args, 16 * sizeof(*args)), -E2BIG);
    args[15] = 0;
    child = raw2(CLONE3, args, PAGE);
    if (child == 0)
        raw1(SYS_exit_group, 7);
    CHECK(child > 0);
    CHECK_EQ(waitpid((int)child, &status, 0), child);
    CHECK_EQ(WEXITSTATUS(status), 7);
    CHECK_EQ(raw2(CLONE3, args, PAGE + 1), -E2BIG);
    CHECK_OK(mprotect(pages + PAGE, PAGE, PROT_NONE));
    memcpy(pages + PAGE - 88, pages, 88);
    CHECK_EQ(raw2(CLONE3, pages + PAGE - 88, 96), -EFAULT);
    CHECK_OK(munmap(pages, 2 * PAGE));
}

/* A futex that processes share is named by its page. */
static void check_wake_behind_end(void)
{
    int fd = CHECK_OK(open("/tmp/refusals", O_RDWR | O_CREAT | O_TRUNC, 0600));
    uint8_t *p;

    CHECK_OK(unlink("/tmp/refusals"));
    CHECK_OK(ftruncate(fd, 2 * PAGE));
    p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    p[PAGE] = 1;
    CHECK_EQ(raw6(SYS_futex, p + PAGE, FUTEX_WAKE, 1, 0, 0, 0), 0);
    CHECK_OK(ftruncate(fd, PAGE));
    CHECK_EQ(raw6(SYS_futex, p, FUTEX_WAKE, 1, 0, 0, 0), 0);
    CHECK_EQ(raw6(SYS_futex, p + PAGE, FUTEX_WAKE, 1, 0, 0, 0), -EFAULT);
    CHECK_EQ(raw6(SYS_futex, p + PAGE, FUTEX_WAKE_BITSET, 1, 0, 0, 1), -EFAULT);
    CHECK_EQ(raw6(SYS_futex, p + PAGE, FUTEX_REQUEUE, 1, 1, p, 0), -EFAULT);
    CHECK_EQ(raw6(SYS_futex, p + PAGE, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0), 0);
    CHECK_OK(munmap(p, 2 * PAGE));
    CHECK_OK(close(fd));
}

/* mov eax, 42; ret */
static const uint8_t code[] = {0xb8, 42, 0, 0, 0, 0xc3};

static void check_writable_and_executable(void)
{
    const int all = PROT_READ | PROT_WRITE | PROT_EXEC;
    int (*function)(void);
    uint8_t *p = mmap(NULL, PAGE, all, ANON, -1, 0);

    CHECK(p != MAP_FAILED);
    memcpy(p, code, sizeof(code));
    memcpy(&function, &p, sizeof(p));
    CHECK_EQ(function(), 42);
    p[1] = 43; /* while it may run */
    CHECK_EQ(function(), 43);
    CHECK_OK(mprotect(p, PAGE, PROT_READ | PROT_WRITE));
    p[1] = 44;
    CHECK_OK(mprotect(p, PAGE, all));
    CHECK_EQ(function(), 44);
    CHECK_OK(munmap(p, PAGE));
}

/* /bin/t/mem_refusals denied: where the machine was started with wx=deny. */
static void check_denied(void)
{
    uint8_t *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, ANON, -1, 0);

    CHECK_ERR(mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, ANON, -1, 0), EACCES);
    CHECK_ERR(mprotect(p, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC), EACCES);
    CHECK_OK(mprotect(p, PAGE, PROT_READ | PROT_EXEC));
    CHECK_OK(munmap(p, PAGE));
}

/* What mmap refuses is refused to mremap, too; a host may have been told to allow everything. */
static void check_never_fits(void)
{
    const size_t much = 1UL << 46;
    char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, ANON, -1, 0);
    void *large = mmap(NULL, much, PROT_READ | PROT_WRITE, ANON, -1, 0);

    CHECK(p != MAP_FAILED);
    if (large != MAP_FAILED) {
        CHECK_OK(munmap(large, much));
        return;
    }
    CHECK_EQ(errno, ENOMEM);
    CHECK(mremap(p, PAGE, much, MREMAP_MAYMOVE) == MAP_FAILED);
    CHECK_EQ(errno, ENOMEM);
    *p = 1;
    CHECK_OK(munmap(p, PAGE));
}

static void check_locked_advice(void)
{
    char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, ANON, -1, 0);

    CHECK(p != MAP_FAILED);
    CHECK_OK(madvise(p, 2 * PAGE, MADV_COLD));
    CHECK_OK(madvise(p, 2 * PAGE, MADV_PAGEOUT));
    CHECK_OK(mlock(p + PAGE, PAGE));
    CHECK_ERR(madvise(p, 2 * PAGE, MADV_COLD), EINVAL);
    CHECK_ERR(madvise(p, 2 * PAGE, MADV_PAGEOUT), EINVAL);
    CHECK_OK(madvise(p, PAGE, MADV_COLD));
    CHECK_OK(munmap(p, 2 * PAGE));
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        check_denied();
        return 0;
    }
    check_low_hint();
    check_clone3_tail();
    check_wake_behind_end();
    check_writable_and_executable();
    check_never_fits();
    check_locked_advice();
    return 0;
}
