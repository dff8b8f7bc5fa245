/* SPDX-License-Identifier: MIT */
/* Large reservations of which little is used: what is done to them takes no longer for their size.
 * (Page by page, or table by table, any line here would take minutes.) */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE   4096UL
#define TIB    (1UL << 40)
#define NBYTES (16 * TIB)

static void touch(char *p)
{
    for (size_t at = 0; at < NBYTES; at += TIB)
        p[at + at / 1024] = 1;
}

static void check_touched(const char *p)
{
    for (size_t at = 0; at < NBYTES; at += TIB)
        CHECK_EQ(p[at + at / 1024], 1);
}

int main(void)
{
    char *p = mmap(NULL, NBYTES, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    char *q;

    CHECK(p != MAP_FAILED);
    touch(p);
    for (int i = 0; i < 10; i++) {
        int status = -1;
        pid_t pid = (pid_t)CHECK_OK(fork());
        if (pid == 0) {
            check_touched(p);
            _exit(0);
        }
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK_EQ(status, 0);
        CHECK_OK(mprotect(p, NBYTES, PROT_READ));
        CHECK_OK(mprotect(p, NBYTES, PROT_READ | PROT_WRITE));
        check_touched(p);
    }
    q = mremap(p, NBYTES, NBYTES + PAGE, MREMAP_MAYMOVE);
    CHECK(q != MAP_FAILED);
    check_touched(q);
    CHECK_OK(madvise(q, NBYTES, MADV_DONTNEED));
    CHECK_EQ(q[0], 0);
    touch(q);
    CHECK_OK(munmap(q, NBYTES + PAGE));
    return 0;
}
