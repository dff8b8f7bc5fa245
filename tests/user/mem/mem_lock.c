/* SPDX-License-Identifier: MIT */
/* What mlock has locked is counted, shown in /proc, and bounded for all but root; what goes away is
 * counted no more, and a child has nothing locked. mlockall for what is there, and for what comes.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/procfs.h"

#define PAGE  4096UL
#define LIMIT 8UL /* pages */
#define ANON  (MAP_PRIVATE | MAP_ANONYMOUS)

static char *area; /* 16 pages */

static unsigned long locked_pages(void)
{
    static char text[4096];

    text_of("/proc/self/status", text, sizeof(text));
    return line_number(text, "VmLck:") * 1024 / PAGE;
}

static void check_count(void)
{
    CHECK_EQ(locked_pages(), 0);
    CHECK_OK(mlock(area, 2 * PAGE));
    CHECK_EQ(locked_pages(), 2);
    /* The same pages again, and a piece that overlaps: none is counted twice. */
    CHECK_OK(mlock(area, 2 * PAGE));
    CHECK_OK(mlock(area + PAGE, 2 * PAGE));
    CHECK_EQ(locked_pages(), 3);
    CHECK_OK(munlock(area + PAGE, PAGE));
    CHECK_EQ(locked_pages(), 2);
    CHECK_OK(munlock(area, 16 * PAGE));
    CHECK_EQ(locked_pages(), 0);
}

/* Unmapped, moved and made smaller, split by a change of rights. */
static void check_changes(void)
{
    char *p = mmap(NULL, 6 * PAGE, PROT_READ | PROT_WRITE, ANON, -1, 0);

    CHECK(p != MAP_FAILED);
    CHECK_OK(mlock(p, 6 * PAGE));
    CHECK_OK(mprotect(p + PAGE, PAGE, PROT_READ));
    CHECK_EQ(locked_pages(), 6);
    CHECK_OK(munmap(p + 2 * PAGE, PAGE));
    CHECK_EQ(locked_pages(), 5);
    CHECK(mremap(p + 3 * PAGE, 3 * PAGE, 2 * PAGE, 0) == p + 3 * PAGE);
    CHECK_EQ(locked_pages(), 4);
    CHECK_OK(munmap(p, 6 * PAGE));
    CHECK_EQ(locked_pages(), 0);
}

static void check_limit(void)
{
    char *p;

    CHECK_OK(mlock(area, LIMIT * PAGE));
    CHECK_ERR(mlock(area + LIMIT * PAGE, PAGE), ENOMEM);
    /* Of nine pages eight are locked already: still one too many. */
    CHECK_ERR(mlock(area, (LIMIT + 1) * PAGE), ENOMEM);
    CHECK_OK(mlock(area, LIMIT * PAGE));
    CHECK_EQ(locked_pages(), LIMIT);
    p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, ANON | MAP_LOCKED, -1, 0);
    CHECK(p == MAP_FAILED);
    CHECK_ERR(-1, EAGAIN);
    CHECK_OK(munlock(area, PAGE));
    p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, ANON | MAP_LOCKED, -1, 0);
    CHECK(p != MAP_FAILED);
    CHECK_EQ(locked_pages(), LIMIT);
    CHECK_ERR(mlockall(MCL_CURRENT), ENOMEM);
}

static void check_none(void)
{
    struct rlimit none = {0, 0};

    CHECK_OK(munlock(area, 16 * PAGE));
    CHECK_OK(setrlimit(RLIMIT_MEMLOCK, &none));
    CHECK_ERR(mlock(area, PAGE), EPERM);
    CHECK_ERR(mlockall(MCL_CURRENT), EPERM);
    /* By itself: the C library makes another error of it. */
    CHECK_EQ(raw6(SYS_mmap, 0, PAGE, PROT_READ, ANON | MAP_LOCKED, -1, 0), -EPERM);
    CHECK_OK(munlock(area, PAGE));
}

static void check_child(void)
{
    int status;
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (!pid)
        _exit(locked_pages() != 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

static bool is_resident(void *page)
{
    unsigned char state = 0;

    CHECK_OK(mincore(page, PAGE, &state));
    return state & 1;
}

/* mlockall: what there is comes in, and so does what is mapped later, until it is taken back. */
static void check_all(void)
{
    unsigned long before;
    char *p, *heap;
    int status;
    pid_t pid;

    CHECK_OK(madvise(area, 16 * PAGE, MADV_DONTNEED));
    CHECK(!is_resident(area));
    CHECK_OK(mlockall(MCL_CURRENT));
    CHECK(is_resident(area) && is_resident(area + 15 * PAGE));
    CHECK(locked_pages() >= 16);
    CHECK_OK(munlockall());
    CHECK_EQ(locked_pages(), 0);
    CHECK_OK(mlockall(MCL_FUTURE));
    CHECK_EQ(locked_pages(), 0);
    p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, ANON, -1, 0);
    CHECK(p != MAP_FAILED);
    CHECK(is_resident(p) && is_resident(p + 3 * PAGE));
    CHECK_EQ(locked_pages(), 4);
    CHECK_ERR(madvise(p, PAGE, MADV_DONTNEED), EINVAL);
    CHECK_ERR(msync(p, PAGE, MS_INVALIDATE), EBUSY);
    p = mremap(p, 4 * PAGE, 6 * PAGE, MREMAP_MAYMOVE);
    CHECK(p != MAP_FAILED);
    CHECK(is_resident(p + 5 * PAGE));
    CHECK_EQ(locked_pages(), 6);
    heap = (char *)raw1(SYS_brk, 0);
    CHECK((char *)raw1(SYS_brk, heap + 3 * PAGE) == heap + 3 * PAGE);
    CHECK(is_resident((char *)(((unsigned long)heap + 2 * PAGE) & ~(PAGE - 1))));
    before = locked_pages();
    CHECK(before == 9 || before == 10);
    /* A child's memory is its own, and none of it locked. */
    pid = (pid_t)CHECK_OK(fork());
    if (!pid) {
        CHECK_EQ(locked_pages(), 0);
        CHECK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, ANON, -1, 0) != MAP_FAILED);
        CHECK_EQ(locked_pages(), 0);
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK_OK(mlockall(MCL_FUTURE | MCL_ONFAULT));
    heap = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, ANON, -1, 0);
    CHECK(heap != MAP_FAILED);
    CHECK(!is_resident(heap));
    CHECK_EQ(locked_pages(), before + 1);
    CHECK_OK(munlockall());
    CHECK_EQ(locked_pages(), 0);
    CHECK(mmap(NULL, PAGE, PROT_READ, ANON, -1, 0) != MAP_FAILED);
    CHECK_EQ(locked_pages(), 0);
    CHECK_ERR(mlockall(0), EINVAL);
    CHECK_ERR(mlockall(MCL_ONFAULT), EINVAL);
    CHECK_ERR(mlockall(8), EINVAL);
    CHECK_OK(munmap(p, 6 * PAGE));
}

/* The limit holds for them as well, and for what grows. */
static void check_future_limit(void)
{
    char *p;

    CHECK_OK(munlock(area, 16 * PAGE));
    p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, ANON, -1, 0);
    CHECK(p != MAP_FAILED);
    CHECK_OK(mlockall(MCL_FUTURE));
    CHECK_EQ(raw6(SYS_mmap, 0, (LIMIT + 1) * PAGE, PROT_READ, ANON, -1, 0), -EAGAIN);
    CHECK_OK(mlock(p, PAGE));
    CHECK_EQ(raw4(SYS_mremap, p, PAGE, (LIMIT + 1) * PAGE, MREMAP_MAYMOVE), -EAGAIN);
    CHECK_OK(munlockall());
}

int main(void)
{
    struct rlimit limit = {LIMIT * PAGE, LIMIT * PAGE};

    area = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, ANON, -1, 0);
    CHECK(area != MAP_FAILED);
    check_count();
    check_changes();
    check_all();
    /* Root has no limit. */
    CHECK_OK(setrlimit(RLIMIT_MEMLOCK, &limit));
    CHECK_OK(mlock(area, 16 * PAGE));
    check_child();
    CHECK_OK(munlock(area, 16 * PAGE));
    CHECK_OK(setuid(1000));
    CHECK_OK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)); /* its own files in /proc */
    check_limit();
    check_future_limit();
    check_none();
    return 0;
}
