/* SPDX-License-Identifier: MIT */
/* RLIMIT_AS and RLIMIT_DATA bite, also in children and after exec. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define PAGE 4096UL
#define MIB  (1UL << 20)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW   (PROT_READ | PROT_WRITE)

static void limit(int resource, rlim_t nbytes)
{
    struct rlimit wanted = {nbytes, RLIM_INFINITY};

    CHECK_OK(setrlimit(resource, &wanted));
}

static void *map(size_t nbytes, int prot, int flags)
{
    return mmap(NULL, nbytes, prot, flags, -1, 0);
}

static void expect_64_mib(void)
{
    void *p = map(40 * MIB, PROT_NONE, ANON);

    CHECK(p != MAP_FAILED);
    CHECK(map(40 * MIB, PROT_NONE, ANON) == MAP_FAILED && errno == ENOMEM);
    CHECK_OK(munmap(p, 40 * MIB)); /* what is given back counts no more */
    p = map(40 * MIB, PROT_NONE, ANON);
    CHECK(p != MAP_FAILED);
    /* Over what is there already: nothing more. */
    CHECK(mmap(p, 40 * MIB, PROT_NONE, ANON | MAP_FIXED, -1, 0) == p);
    CHECK(mremap(p, 40 * MIB, 80 * MIB, MREMAP_MAYMOVE) == MAP_FAILED && errno == ENOMEM);
    CHECK(sbrk(40 * (intptr_t)MIB) == (void *)-1);
    CHECK_OK(munmap(p, 40 * MIB));
}

static void space(void)
{
    limit(RLIMIT_AS, 64 * MIB);
    expect_64_mib();
    CHECK_EQ(child_status(expect_64_mib), 0);
}

static void data(void)
{
    char *p, *q;

    limit(RLIMIT_DATA, 16 * MIB);
    p = map(10 * MIB, RW, ANON);
    CHECK((void *)p != MAP_FAILED);
    CHECK(map(10 * MIB, RW, ANON) == MAP_FAILED && errno == ENOMEM);
    /* Only private memory that can be written is data. */
    q = map(32 * MIB, PROT_READ, ANON);
    CHECK((void *)q != MAP_FAILED);
    CHECK_ERR(mprotect(q, 32 * MIB, RW), ENOMEM);
    CHECK(map(32 * MIB, RW, MAP_SHARED | MAP_ANONYMOUS) != MAP_FAILED);
    CHECK(raw1(SYS_brk, raw1(SYS_brk, 0) + 10 * (long)MIB) == raw1(SYS_brk, 0));
    CHECK_OK(munmap(p, 10 * MIB));
    CHECK(map(10 * MIB, RW, ANON) != MAP_FAILED);
}

/* A limit of 0 forbids the break alone; then the hard limit is that of the rest. */
static void data_none(void)
{
    struct rlimit none = {0, 16 * MIB};

    CHECK_OK(setrlimit(RLIMIT_DATA, &none));
    CHECK(raw1(SYS_brk, raw1(SYS_brk, 0) + (long)MIB) == raw1(SYS_brk, 0));
    CHECK(map(10 * MIB, RW, ANON) != MAP_FAILED);
    CHECK(map(10 * MIB, RW, ANON) == MAP_FAILED && errno == ENOMEM);
}

/* Over what is there: all its pages go off the account, of whatever kind they are. But who is over
 * the limit gets nothing, not even where no page would be added. */
static void data_over(void)
{
    char *p = map(4 * MIB, PROT_READ, ANON), *q = map(MIB, RW, ANON);
    const int flags = ANON | MAP_FIXED;

    CHECK(p != MAP_FAILED && q != MAP_FAILED);
    limit(RLIMIT_DATA, 3 * MIB);
    CHECK(mmap(p, 4 * MIB, RW, flags, -1, 0) == p);
    CHECK(mmap(p, 4 * MIB, RW, flags, -1, 0) == MAP_FAILED && errno == ENOMEM);
    CHECK(mmap(q, MIB, RW, flags, -1, 0) == MAP_FAILED && errno == ENOMEM);
    CHECK(mmap(q, MIB, PROT_READ, flags, -1, 0) == q);
}

int main(int argc, char **argv)
{
    if (argc > 1) { /* again, after exec: the limit came along */
        expect_64_mib();
        return 0;
    }
    CHECK_EQ(child_status(space), 0);
    CHECK_EQ(child_status(data), 0);
    CHECK_EQ(child_status(data_none), 0);
    CHECK_EQ(child_status(data_over), 0);
    limit(RLIMIT_AS, 64 * MIB);
    CHECK_OK(execl(argv[0], argv[0], "limited", (char *)NULL));
    return 1;
}
