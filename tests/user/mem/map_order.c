/* SPDX-License-Identifier: MIT */
/* mmap with more than one thing wrong: descriptor, size and place come before the kind of mapping.
 * Lengths that wrap around when they are made whole pages. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE      4096l
#define ANON      (MAP_ANONYMOUS | MAP_PRIVATE)
#define NOREPLACE 0x100000
#define VALIDATE  3

static int fd, reads;
static char *there; /* a page that is mapped */

static long map(long at, long nbytes, long flags, int from, long offset)
{
    return raw6(SYS_mmap, at, nbytes, PROT_READ, flags, from, offset);
}

static void check_sizes(void)
{
    CHECK_EQ(map(0, 0, MAP_ANONYMOUS, -1, 0), -EINVAL);
    CHECK_EQ(map(0, -1, MAP_ANONYMOUS, -1, 0), -ENOMEM);
    CHECK_EQ(map(0, -1, MAP_PRIVATE, fd, PAGE), -ENOMEM);
    CHECK_EQ(map(0, -PAGE, MAP_SHARED, fd, PAGE), -ENOMEM);
    CHECK_EQ(map(0, -1, MAP_PRIVATE, 900, 0), -EBADF);
    CHECK_EQ(map(0, -1, MAP_PRIVATE, 900, 1), -EINVAL);
    CHECK_EQ(map(0, PAGE, MAP_PRIVATE, fd, 0x7ffffffffffff000), -EOVERFLOW);
    CHECK_EQ(map(0, PAGE, 0, fd, 0x7ffffffffffff000), -EOVERFLOW);
}

static void check_places(void)
{
    long at = (long)there;

    CHECK_EQ(map(at, PAGE, MAP_ANONYMOUS | NOREPLACE, -1, 0), -EEXIST);
    CHECK_EQ(map(at, PAGE, MAP_ANONYMOUS | NOREPLACE | VALIDATE, -1, 0), -EEXIST);
    CHECK_EQ(map(at, PAGE, NOREPLACE, fd, 0), -EEXIST);
    CHECK_EQ(map(at, PAGE, NOREPLACE | MAP_PRIVATE, reads, 0x7ffffffffffff000), -EEXIST);
    CHECK_EQ(map(at + 1, PAGE, MAP_ANONYMOUS | MAP_FIXED, -1, 0), -EINVAL);
    CHECK_EQ(map(-2 * PAGE + 1, PAGE, ANON | MAP_FIXED, -1, 0), -ENOMEM);
    CHECK_EQ(map(at + 1, PAGE, MAP_FIXED | MAP_PRIVATE, fd, 0x7ffffffffffff000), -EINVAL);
}

static void check_kinds(void)
{
    CHECK_EQ(map(0, PAGE, MAP_ANONYMOUS, -1, 0), -EINVAL);
    CHECK_EQ(map(0, PAGE, MAP_ANONYMOUS | VALIDATE, -1, 0), -EINVAL);
    CHECK_EQ(map((long)there, PAGE, MAP_ANONYMOUS | MAP_FIXED | VALIDATE, -1, 0), -EINVAL);
    CHECK_EQ(map((long)there + PAGE, PAGE, VALIDATE | NOREPLACE, fd, 0), -EOPNOTSUPP);
    CHECK_EQ(map(0, PAGE, VALIDATE | 0x80000, fd, 0), -EOPNOTSUPP); /* MAP_SYNC */
    CHECK_EQ(map(0, PAGE, VALIDATE | 0x2000000, fd, 0), -EOPNOTSUPP);
    CHECK_EQ(raw6(SYS_mmap, there + PAGE, PAGE, PROT_WRITE, VALIDATE | NOREPLACE, reads, 0),
             -EOPNOTSUPP);
    CHECK_EQ(raw6(SYS_mmap, 0, PAGE, PROT_WRITE, VALIDATE, reads, 0), -EACCES);
    CHECK_EQ(map(0, PAGE, MAP_HUGETLB | MAP_PRIVATE, fd, 0), -EINVAL);
    CHECK_EQ(there[0], 7); /* none of this has taken the page away */
}

static void check_good(void)
{
    long at = map(0, PAGE, VALIDATE | MAP_NORESERVE | MAP_POPULATE | MAP_STACK, fd, 0);

    CHECK(at > 0);
    CHECK_EQ(*(volatile char *)at, 's');
    CHECK_EQ(raw2(SYS_munmap, at, PAGE), 0);
    at = map(0, PAGE, ANON, -1, -PAGE); /* the offset is none's */
    CHECK(at > 0);
    CHECK_EQ(raw2(SYS_munmap, at, PAGE), 0);
}

/* With DONTUNMAP the address is a hint, which is checked all the same. */
static void check_move(void)
{
    char *p = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, ANON, -1, 0);
    char *q = p + 4 * PAGE;

    CHECK(p != MAP_FAILED);
    p[0] = 9;
    CHECK_EQ(raw6(SYS_mremap, there + PAGE, PAGE, PAGE, 5, there + PAGE, 0), -EINVAL);
    CHECK_EQ(raw6(SYS_mremap, there + PAGE, PAGE, PAGE, 5, p + 1, 0), -EINVAL);
    CHECK_EQ(raw6(SYS_mremap, there + PAGE, PAGE, 2 * PAGE, 5, p, 0), -EINVAL);
    CHECK_EQ(raw6(SYS_mremap, there + PAGE, PAGE, PAGE, 5, p, 0), -EFAULT);
    CHECK_OK(munmap(q, 4 * PAGE));
    CHECK_EQ(raw6(SYS_mremap, p, PAGE - 1, PAGE, 5, q, 0), (long)q); /* the same in pages */
    CHECK_EQ(q[0], 9);
    CHECK_EQ(p[0], 0);
    CHECK_OK(munmap(p, 5 * PAGE));
}

/* The sum of length and what the address lacks to a page wraps to 0: nothing is locked. */
static void check_lock(void)
{
    struct rlimit limit = {PAGE, PAGE};

    CHECK_OK(setrlimit(RLIMIT_MEMLOCK, &limit));
    if (geteuid() == 0)
        CHECK_OK(setuid(1000));
    CHECK_EQ(raw2(SYS_mlock, there, -1), 0);
    CHECK_EQ(raw2(SYS_mlock, there + 1, -1), 0);
    CHECK_EQ(raw2(SYS_munlock, there, -1), 0);
    CHECK_EQ(raw2(SYS_mlock, there, PAGE), 0);
    CHECK_EQ(raw2(SYS_mlock, there + 1, PAGE), -ENOMEM);
    CHECK_EQ(raw3(SYS_mlock2, there, 2 * PAGE, 8), -EINVAL);
}

int main(void)
{
    fd = (int)CHECK_OK(open("/tmp/map_order", O_RDWR | O_CREAT | O_TRUNC, 0600));
    CHECK_EQ(write(fd, "something", 9), 9);
    reads = (int)CHECK_OK(open("/tmp/map_order", O_RDONLY));
    CHECK_OK(unlink("/tmp/map_order"));
    there = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, ANON, -1, 0);
    CHECK(there != MAP_FAILED);
    CHECK_OK(munmap(there + PAGE, PAGE)); /* a place where nothing is */
    there[0] = 7;
    check_sizes();
    check_places();
    check_kinds();
    check_good();
    check_move();
    check_lock();
    return 0;
}
