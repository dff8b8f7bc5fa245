/* SPDX-License-Identifier: MIT */
/* The stack grows by itself: for the program, for the kernel's copies, by pages and by megabytes.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE 4096UL
#define MIB  (1UL << 20)

/* The kernel is the first to touch this part of the stack: reading zeros, writing data. */
static __attribute__((noinline)) void check_kernel_grows(void)
{
    char far[64 * PAGE];
    int fd = (int)CHECK_OK(open("/dev/zero", O_RDWR));
    int p[2];

    CHECK_EQ(read(fd, far, 10), 10);
    CHECK(bytes_are(far, 0, 10));
    CHECK_OK(pipe(p));
    CHECK_EQ(write(p[1], far + 16 * PAGE, 100), 100);
    CHECK_EQ(read(p[0], far + 32 * PAGE - 50, 100), 100);
    CHECK(bytes_are(far + 32 * PAGE - 50, 0, 100));
    CHECK_OK(close(fd));
    CHECK_OK(close(p[0]));
    CHECK_OK(close(p[1]));
}

/* Down to almost the limit, touched from the far end: no page in between is needed first. */
static __attribute__((noinline)) void check_deep(void)
{
    volatile char deep[6 * MIB];

    deep[0] = 1;
    deep[3 * MIB] = 2;
    for (size_t at = 1; at < sizeof(deep); at += PAGE * 37)
        CHECK_EQ(deep[at], 0);
    CHECK(deep[0] == 1 && deep[3 * MIB] == 2);
}

static __attribute__((noinline)) int recurse(int depth)
{
    volatile char frame[1000];

    frame[depth % 1000] = (char)depth;
    if (depth == 0)
        return 0;
    int below = recurse(depth - 1);
    CHECK_EQ(frame[depth % 1000], (char)depth);
    return below + 1;
}

/* Room is kept for it: what mmap gives lies below the whole of what the stack may become. */
static void check_room(void)
{
    char local;
    uintptr_t here = (uintptr_t)&local;
    struct rlimit limit;

    CHECK_OK(getrlimit(RLIMIT_STACK, &limit));
    CHECK_EQ(limit.rlim_cur, 8 * MIB);
    for (int i = 0; i < 50; i++) {
        char *p = mmap(NULL, 16 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(p != MAP_FAILED);
        CHECK((uintptr_t)p > here || (uintptr_t)p + 16 * PAGE < here - 7 * MIB);
    }
}

int main(void)
{
    check_room();
    check_kernel_grows();
    CHECK_EQ(recurse(2000), 2000);
    check_deep();
    return 0;
}
