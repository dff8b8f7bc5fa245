/* SPDX-License-Identifier: MIT */
/*
 * mprotect and munmap: areas are split and joined, and what a page may do follows at once.
 *
 * Whether a page can be read or written is asked of the kernel without a signal: write() from it
 * gives EFAULT when it cannot be read, read() into it when it cannot be written.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE  4096UL
#define ANON  (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW    (PROT_READ | PROT_WRITE)
#define NPAGE 9

static int pipe_ends[2];
static int zero_fd;

static int can_read(const char *p)
{
    char byte;

    if (write(pipe_ends[1], p, 1) == 1) {
        CHECK_EQ(read(pipe_ends[0], &byte, 1), 1);
        CHECK_EQ(byte, *p);
        return 1;
    }
    CHECK_EQ(errno, EFAULT);
    return 0;
}

static int can_write(char *p)
{
    char old = can_read(p) ? *p : 0;

    if (read(zero_fd, p, 1) == 1) {
        *p = old;
        return 1;
    }
    CHECK_EQ(errno, EFAULT);
    return 0;
}

/* One letter a page: - nothing, r read, w read and write. */
static void check_pages(char *p, const char *want, int line)
{
    char got[NPAGE + 1] = {0};

    for (int i = 0; i < NPAGE; i++) {
        char *page = p + (size_t)i * PAGE;
        got[i] = !can_read(page) ? '-' : can_write(page) ? 'w' : 'r';
        if (got[i] != '-')
            CHECK_EQ(page[1], i + 1); /* contents go with the page */
    }
    if (strcmp(got, want) == 0)
        return;
    say(2, got);
    say(2, " instead of ");
    say(2, want);
    say(2, "\n");
    check_fail(__FILE__, line, "pages");
}
#define PAGES(p, want) check_pages((p), (want), __LINE__)

static char *fresh(void)
{
    char *p = mmap(NULL, NPAGE * PAGE, RW, ANON, -1, 0);

    CHECK(p != MAP_FAILED);
    for (int i = 0; i < NPAGE; i++)
        p[(size_t)i * PAGE + 1] = (char)(i + 1);
    return p;
}

static void check_split_and_join(void)
{
    char *p = fresh();

    PAGES(p, "wwwwwwwww");
    CHECK_OK(mprotect(p + 3 * PAGE, 3 * PAGE, PROT_READ));
    PAGES(p, "wwwrrrwww");
    CHECK_OK(mprotect(p + 4 * PAGE, PAGE, PROT_NONE));
    PAGES(p, "wwwr-rwww");
    CHECK_OK(mprotect(p, 4 * PAGE, PROT_READ)); /* ends inside another area */
    PAGES(p, "rrrr-rwww");
    CHECK_OK(mprotect(p + 2 * PAGE, 5 * PAGE, RW)); /* over four areas */
    PAGES(p, "rrwwwwwww");
    CHECK_OK(mprotect(p, NPAGE * PAGE, PROT_NONE));
    PAGES(p, "---------");
    CHECK_OK(mprotect(p + PAGE, PAGE, PROT_READ | PROT_EXEC));
    CHECK_OK(mprotect(p + 8 * PAGE, PAGE, RW));
    PAGES(p, "-r------w");
    CHECK_OK(mprotect(p, NPAGE * PAGE, RW));
    PAGES(p, "wwwwwwwww");
    CHECK_OK(munmap(p, NPAGE * PAGE));
}

static void check_unmapping(void)
{
    char *p = fresh();

    CHECK_OK(munmap(p + 2 * PAGE, PAGE));
    PAGES(p, "ww-wwwwww");
    CHECK_OK(munmap(p + 7 * PAGE, 2 * PAGE));
    PAGES(p, "ww-wwww--");
    CHECK_OK(munmap(p, PAGE));
    PAGES(p, "-w-wwww--");
    CHECK_OK(munmap(p, 5 * PAGE)); /* over holes */
    PAGES(p, "-----ww--");
    /* mprotect over a hole changes what lies before the hole, then says ENOMEM. */
    CHECK_ERR(mprotect(p + 5 * PAGE, 4 * PAGE, PROT_READ), ENOMEM);
    PAGES(p, "-----rr--");
    CHECK_ERR(mprotect(p + 4 * PAGE, 3 * PAGE, RW), ENOMEM);
    PAGES(p, "-----rr--");
    CHECK_OK(munmap(p, NPAGE * PAGE));
}

/* Which fault is found first: place, length, protection, then the areas. */
static void check_order(char *p)
{
    const long down = 0x1000000, up = 0x2000000, bad = 0x100, beyond = 1L << 47;

    CHECK_EQ(raw3(SYS_mprotect, p + 1, 0, RW), -EINVAL);
    CHECK_EQ(raw3(SYS_mprotect, p, 0, bad), 0);
    CHECK_EQ(raw3(SYS_mprotect, p, -PAGE, bad), -ENOMEM);
    CHECK_EQ(raw3(SYS_mprotect, p, PAGE, bad), -EINVAL);
    CHECK_EQ(raw3(SYS_mprotect, p, PAGE, 1L << 32 | RW), -EINVAL);
    CHECK_EQ(raw3(SYS_mprotect, p, PAGE, RW | 8), 0); /* PROT_SEM */
    CHECK_EQ(raw3(SYS_mprotect, p, 0, down | up), -EINVAL);
    CHECK_EQ(raw3(SYS_mprotect, p, 0, up | RW), 0);
    CHECK_EQ(raw3(SYS_mprotect, p, -PAGE, up | RW), -ENOMEM);
    CHECK_EQ(raw3(SYS_mprotect, PAGE, PAGE, up | RW), -ENOMEM); /* nothing is there */
    CHECK_EQ(raw3(SYS_mprotect, p, PAGE, up | RW), -EINVAL);
    CHECK_EQ(raw3(SYS_mprotect, PAGE, PAGE, down | RW), -ENOMEM);
    CHECK_EQ(raw3(SYS_mprotect, p, PAGE, down | RW), -EINVAL);
    CHECK_EQ(raw3(SYS_mprotect, p, beyond, down | RW), -EINVAL); /* beyond user space */
    /* What is mapped up to the first hole is changed, however far the range goes. */
    CHECK_OK(munmap(p + 6 * PAGE, PAGE));
    CHECK_EQ(raw3(SYS_mprotect, p + 4 * PAGE, beyond, PROT_READ), -ENOMEM);
    PAGES(p, "wwwwrr-ww");
}

static void check_refusals(void)
{
    char *p = fresh();

    /* Not through the libc, which rounds. */
    CHECK_EQ(raw3(SYS_mprotect, p + 1, PAGE, RW), -EINVAL);
    CHECK_EQ(raw3(SYS_mprotect, p, 0, PROT_NONE), 0); /* no page is asked for */
    PAGES(p, "wwwwwwwww");
    CHECK_EQ(raw3(SYS_mprotect, p, 1, PROT_READ), 0); /* a byte means its page */
    PAGES(p, "rwwwwwwww");
    CHECK_EQ(raw3(SYS_mprotect, p, PAGE, RW), 0);
    CHECK_ERR(mprotect(p, PAGE, 0x4000), EINVAL);
    CHECK_ERR(mprotect((void *)0xffff800000000000, PAGE, RW), ENOMEM);
    check_order(p);
    CHECK_OK(munmap(p, NPAGE * PAGE));
}

/* A page made read-only and writable again is still this process's own, not a zero page. */
static void check_zero_page(void)
{
    char *p = mmap(NULL, 2 * PAGE, PROT_READ, ANON, -1, 0);

    CHECK(p != MAP_FAILED);
    CHECK_EQ(p[0] | p[PAGE], 0); /* may be one shared page of zeros */
    CHECK_OK(mprotect(p, 2 * PAGE, RW));
    p[0] = 1;
    CHECK_EQ(p[PAGE], 0);
    char *q = mmap(NULL, PAGE, PROT_READ, ANON, -1, 0);
    CHECK(q != MAP_FAILED);
    CHECK(bytes_are(q, 0, PAGE));
    CHECK_OK(munmap(p, 2 * PAGE));
    CHECK_OK(munmap(q, PAGE));
}

int main(void)
{
    CHECK_OK(pipe(pipe_ends));
    zero_fd = (int)CHECK_OK(open("/dev/zero", O_RDONLY));
    check_split_and_join();
    check_unmapping();
    check_refusals();
    check_zero_page();
    return 0;
}
