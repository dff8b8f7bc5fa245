/* SPDX-License-Identifier: MIT */
/* How many areas a program may have: as Linux's default vm.max_map_count, with what each call may
 * still do at the limit; and all of them end with the program. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/procfs.h"

#define PAGE 4096UL
#define MOST 65530
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW   (PROT_READ | PROT_WRITE)

static char text[65536];

/* Without [vsyscall], which is no area. */
static int areas_now(void)
{
    int count = 0;

    text_of("/proc/self/maps", text, sizeof(text));
    for (const char *at = text; *at; at++)
        count += *at == '\n';
    return count - (strstr(text, "[vsyscall]") != NULL);
}

static void *map(void *where, size_t npages, int prot)
{
    return mmap(where, npages * PAGE, prot, ANON | (where ? MAP_FIXED : 0), -1, 0);
}

/* Every second page of a reserve becomes an area, which makes two: itself and what is behind it. */
static void check_limit(void)
{
    size_t npages = 2 * MOST;
    char *reserve = map(NULL, npages, PROT_NONE), *four;
    int areas, made = 0;

    CHECK((void *)reserve != MAP_FAILED);
    four = map(NULL, 4, PROT_READ);
    CHECK((void *)four != MAP_FAILED);
    areas = areas_now();
    if ((MOST - areas) % 2) {
        CHECK_OK(mprotect(four, PAGE, RW));
        CHECK_EQ(areas_now(), ++areas);
    }
    while (mprotect(reserve + (2 * made + 1) * PAGE, PAGE, PROT_READ) == 0)
        made++;
    CHECK_EQ(errno, ENOMEM);
    CHECK_EQ(areas + 2 * made, MOST);
    CHECK_ERR(munmap(four + 2 * PAGE, PAGE), ENOMEM);
    CHECK_ERR(mprotect(reserve + (npages - 2) * PAGE, PAGE, RW), ENOMEM);
    CHECK_ERR(madvise(reserve + (npages - 2) * PAGE, PAGE, MADV_DONTFORK), EAGAIN);
    CHECK(mremap(reserve + PAGE, PAGE, 3 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == ENOMEM);
    /* What needs no area more goes on. */
    CHECK_OK(mprotect(reserve + PAGE, PAGE, RW));
    reserve[PAGE] = 1;
    CHECK_OK(mprotect(reserve + PAGE, PAGE, PROT_READ));
    CHECK_EQ(reserve[PAGE], 1);
    CHECK_OK(madvise(reserve, npages * PAGE, MADV_DONTNEED));
    CHECK_EQ(reserve[PAGE], 0);
    /* One mapping more than the limit, as Linux counts there; then none. */
    CHECK(map(NULL, 1, PROT_EXEC) != MAP_FAILED);
    CHECK(map(NULL, 1, PROT_READ | PROT_EXEC) == MAP_FAILED && errno == ENOMEM);
    /* And back. */
    CHECK_OK(munmap(reserve, npages * PAGE));
    CHECK(map(NULL, 1, RW) != MAP_FAILED);
}

/* A child has as many. */
static void check_fork(void)
{
    char *reserve = map(NULL, 2 * MOST, PROT_NONE);
    int status = -1;
    pid_t pid;

    CHECK((void *)reserve != MAP_FAILED);
    for (int i = 1; i < MOST / 2; i += 2)
        CHECK_OK(mprotect(reserve + i * PAGE, PAGE, PROT_READ));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        for (int i = 1; i < MOST / 2; i += 2)
            CHECK_EQ(reserve[i * PAGE], 0);
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

int main(void)
{
    check_limit();
    check_fork();
    return 0;
}
