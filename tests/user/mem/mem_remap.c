/* SPDX-License-Identifier: MIT */
/* mremap: shorter, longer, elsewhere; what it refuses. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE 4096UL
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW   (PROT_READ | PROT_WRITE)
#define BOTH (MREMAP_MAYMOVE | MREMAP_FIXED)

static char *map(size_t npages, int flags)
{
    char *p = mmap(NULL, npages * PAGE, RW, flags, -1, 0);

    CHECK(p != MAP_FAILED);
    return p;
}

static void number(char *p, size_t npages)
{
    for (size_t i = 0; i < npages; i++)
        p[i * PAGE] = (char)(i + 1);
}

static void check_numbers(const char *p, size_t npages)
{
    for (size_t i = 0; i < npages; i++)
        CHECK_EQ(p[i * PAGE], i + 1);
}

static int is_mapped(const char *p)
{
    unsigned char state;

    return mincore((void *)(uintptr_t)p, PAGE, &state) == 0;
}

static void check_shrink(void)
{
    char *p = map(8, ANON);

    number(p, 8);
    CHECK(mremap(p, 8 * PAGE, 3 * PAGE, 0) == p);
    check_numbers(p, 3);
    CHECK(is_mapped(p + 2 * PAGE) && !is_mapped(p + 3 * PAGE) && !is_mapped(p + 7 * PAGE));
    CHECK(mremap(p, 3 * PAGE, 3 * PAGE, 0) == p);
    CHECK_OK(munmap(p, 3 * PAGE));
}

static void check_grow(void)
{
    char *p = map(8, ANON), *q;

    CHECK_OK(munmap(p + 2 * PAGE, 6 * PAGE));
    number(p, 2);
    CHECK(mremap(p, 2 * PAGE, 5 * PAGE, 0) == p); /* there is room behind it */
    check_numbers(p, 2);
    CHECK_EQ(p[4 * PAGE], 0);
    /* A wall behind it: only elsewhere. */
    CHECK(mmap(p + 5 * PAGE, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0) == p + 5 * PAGE);
    CHECK_ERR(mremap(p, 5 * PAGE, 6 * PAGE, 0), ENOMEM);
    number(p, 5);
    q = mremap(p, 5 * PAGE, 600 * PAGE, MREMAP_MAYMOVE);
    CHECK(q != MAP_FAILED && q != p);
    check_numbers(q, 5);
    CHECK(bytes_are(q + 5 * PAGE, 0, PAGE) && !is_mapped(p) && is_mapped(p + 5 * PAGE));
    q[599 * PAGE] = 1;
    CHECK_OK(munmap(q, 600 * PAGE));
    CHECK_OK(munmap(p + 5 * PAGE, PAGE));
}

static void check_middle(void)
{
    char *p = map(6, ANON), *q;

    number(p, 6);
    q = mremap(p + 2 * PAGE, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE);
    CHECK(q != MAP_FAILED);
    CHECK(q[0] == 3 && q[PAGE] == 4 && q[2 * PAGE] == 0);
    check_numbers(p, 2);
    CHECK(p[4 * PAGE] == 5 && p[5 * PAGE] == 6 && !is_mapped(p + 2 * PAGE));
    CHECK_OK(munmap(p, 6 * PAGE));
    CHECK_OK(munmap(q, 4 * PAGE));
}

static void check_fixed(void)
{
    char *p = map(4, ANON), *q = map(8, ANON);

    number(p, 4);
    memset(q, 99, 8 * PAGE);
    CHECK(mremap(p, 4 * PAGE, 4 * PAGE, BOTH, q + PAGE) == q + PAGE);
    check_numbers(q + PAGE, 4);
    CHECK(q[0] == 99 && q[5 * PAGE] == 99 && !is_mapped(p));
    /* Shorter on the way: the rest goes. */
    p = map(4, ANON);
    number(p, 4);
    CHECK(mremap(p, 4 * PAGE, 2 * PAGE, BOTH, q) == q);
    check_numbers(q, 2);
    CHECK(q[2 * PAGE] == 2 && !is_mapped(p) && !is_mapped(p + 3 * PAGE));
    CHECK_OK(munmap(q, 8 * PAGE));
}

static void check_keep_old(void)
{
    char *p = map(3, ANON), *q;

    number(p, 3);
    q = mremap(p, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
    CHECK(q != MAP_FAILED && q != p);
    check_numbers(q, 3);
    CHECK(bytes_are(p, 0, 3 * PAGE)); /* still mapped, empty */
    p[0] = 9;
    CHECK_EQ(q[0], 1);
    CHECK_OK(munmap(p, 3 * PAGE));
    CHECK_OK(munmap(q, 3 * PAGE));
}

/* A second view of what is shared. */
static void check_twice(void)
{
    char *p = map(2, MAP_SHARED | MAP_ANONYMOUS), *q;

    number(p, 2);
    q = mremap(p, 0, 2 * PAGE, MREMAP_MAYMOVE);
    CHECK(q != MAP_FAILED && q != p);
    check_numbers(q, 2);
    q[0] = 50;
    CHECK_EQ(p[0], 50);
    CHECK_OK(munmap(p, 2 * PAGE));
    CHECK_EQ(q[0], 50);
    CHECK_OK(munmap(q, 2 * PAGE));
    p = map(1, ANON);
    CHECK_ERR(mremap(p, 0, PAGE, MREMAP_MAYMOVE), EINVAL);
    CHECK_OK(munmap(p, PAGE));
}

/* Shared memory does not become longer with its mapping. */
static void check_behind_end(void)
{
    int status = -1;
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        char *p = map(1, MAP_SHARED | MAP_ANONYMOUS);
        p = mremap(p, PAGE, 3 * PAGE, MREMAP_MAYMOVE);
        CHECK(p != MAP_FAILED);
        p[0] = 1;
        p[2 * PAGE] = 1;
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

static void check_file(void)
{
    int fd = (int)CHECK_OK(open("/tmp/mem_remap.file", O_RDWR | O_CREAT | O_TRUNC, 0600));
    char *p, *q;

    for (int i = 0; i < 6; i++) {
        char c = (char)(i + 1);
        CHECK_EQ(pwrite(fd, &c, 1, i * (long)PAGE), 1);
    }
    p = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, fd, PAGE);
    CHECK(p != MAP_FAILED && p[0] == 2);
    q = mremap(p, 2 * PAGE, 5 * PAGE, MREMAP_MAYMOVE);
    CHECK(q != MAP_FAILED);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(q[i * PAGE], i + 2);
    p = mremap(q + 2 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
    CHECK(p != MAP_FAILED && p[0] == 4 && p[PAGE] == 5);
    CHECK_OK(munmap(p, 2 * PAGE));
    CHECK_OK(munmap(q, 5 * PAGE));
    CHECK_OK(close(fd));
    CHECK_OK(unlink("/tmp/mem_remap.file"));
}

static void check_refused(void)
{
    char *p = map(4, ANON), *hole = map(4, ANON);

    CHECK_OK(munmap(hole, 4 * PAGE));
    CHECK_ERR(mremap(p + 1, PAGE, PAGE, 0), EINVAL);
    CHECK_ERR(mremap(p, PAGE, 0, 0), EINVAL);
    CHECK_ERR(mremap(p, PAGE, PAGE, 8), EINVAL);
    CHECK_ERR(mremap(p, PAGE, PAGE, MREMAP_FIXED, hole), EINVAL);
    CHECK_ERR(mremap(p, PAGE, PAGE, MREMAP_DONTUNMAP), EINVAL);
    CHECK_ERR(mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP), EINVAL);
    CHECK_ERR(mremap(p, PAGE, PAGE, BOTH, hole + 1), EINVAL);
    CHECK_ERR(mremap(p, 2 * PAGE, 2 * PAGE, BOTH, p + PAGE), EINVAL);
    CHECK_ERR(mremap(p, PAGE, PAGE, BOTH, (void *)0x7ffffffff000), EINVAL);
    CHECK_ERR(mremap(hole, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT);
    CHECK_ERR(mremap(p + 3 * PAGE, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE), EFAULT);
    CHECK(mremap(p, PAGE, 1UL << 47, MREMAP_MAYMOVE) == MAP_FAILED);
    CHECK_OK(munmap(p, 4 * PAGE));
}

/* remap_file_pages: pages of a shared mapping come to show others of its object. */
static void check_file_pages(void)
{
    char *p = map(4, MAP_SHARED | MAP_ANONYMOUS), *q = map(2, ANON);

    number(p, 4);
    CHECK_EQ(raw6(SYS_remap_file_pages, p, PAGE, 0, 3, 0, 0), 0);
    CHECK_EQ(p[0], 4);
    CHECK_EQ(p[PAGE], 2);
    p[0] = 9;
    CHECK_EQ(p[3 * PAGE], 9);
    CHECK_EQ(raw6(SYS_remap_file_pages, p + PAGE + 5, 2 * PAGE, 0, 0, 0x10000, 0), 0);
    CHECK_EQ(p[PAGE], 1);
    CHECK_EQ(p[2 * PAGE], 2);
    CHECK_EQ(raw6(SYS_remap_file_pages, p, 4 * PAGE, 0, 0, 0, 0), 0);
    CHECK_EQ(p[0], 1);
    CHECK_EQ(p[3 * PAGE], 9);
    CHECK_EQ(raw6(SYS_remap_file_pages, p, PAGE, PROT_READ, 0, 0, 0), -EINVAL);
    CHECK_EQ(raw6(SYS_remap_file_pages, p, 0, 0, 0, 0, 0), -EINVAL);
    CHECK_EQ(raw6(SYS_remap_file_pages, p, -PAGE, 0, 0, 0, 0), -EINVAL);
    CHECK_EQ(raw6(SYS_remap_file_pages, p, PAGE, 0, -1, 0, 0), -EINVAL);
    CHECK_EQ(raw6(SYS_remap_file_pages, q, PAGE, 0, 0, 0, 0), -EINVAL);
    CHECK_OK(mprotect(p + PAGE, PAGE, PROT_READ));
    CHECK_EQ(raw6(SYS_remap_file_pages, p, 2 * PAGE, 0, 0, 0, 0), -EINVAL);
    CHECK_OK(munmap(p + 2 * PAGE, 2 * PAGE));
    CHECK_EQ(raw6(SYS_remap_file_pages, p + PAGE, 2 * PAGE, 0, 0, 0, 0), -EINVAL);
    CHECK_EQ(raw6(SYS_remap_file_pages, p + 2 * PAGE, PAGE, 0, 0, 0, 0), -EINVAL);
    CHECK_OK(munmap(p, 2 * PAGE));
    CHECK_OK(munmap(q, 2 * PAGE));
}

int main(void)
{
    check_shrink();
    check_grow();
    check_middle();
    check_fixed();
    check_keep_old();
    check_twice();
    check_behind_end();
    check_file();
    check_refused();
    check_file_pages();
    return 0;
}
