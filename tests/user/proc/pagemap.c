/* SPDX-License-Identifier: MIT */
/* /proc/PID/pagemap: which pages are there; where, for root alone. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE    4096UL
#define NPAGES  300 /* more than are copied at once */
#define PRESENT (1ULL << 63)
#define FRAME   ((1ULL << 55) - 1)

static unsigned char *area;

static off_t place(const void *address)
{
    return (off_t)((uintptr_t)address / PAGE * 8);
}

/* Every third page is touched. Frames are those of root, or zero. */
static void check_area(int fd, int frames)
{
    static uint64_t entries[NPAGES];

    CHECK_EQ(pread(fd, entries, sizeof(entries), place(area)), sizeof(entries));
    for (unsigned i = 0; i < NPAGES; i++) {
        CHECK_EQ(!!(entries[i] & PRESENT), i % 3 == 0);
        CHECK_EQ((entries[i] & FRAME) != 0, i % 3 == 0 && frames);
        /* No two pages that were written are in one frame. */
        if (i >= 3 && i % 3 == 0 && frames)
            CHECK((entries[i] & FRAME) != (entries[i - 3] & FRAME));
    }
}

static void check_refusals(int fd)
{
    uint64_t entry = 77;

    CHECK_ERR(pread(fd, &entry, 7, place(area)), EINVAL);
    CHECK_ERR(pread(fd, &entry, 8, place(area) + 4), EINVAL);
    CHECK_EQ(pread(fd, &entry, 0, place(area)), 0);
    /* Behind the last page that a program can have, and with nowhere to put it. */
    CHECK_EQ(pread(fd, &entry, 8, (off_t)(1ULL << 56)), 0);
    CHECK_ERR(pread(fd, NULL, 8, place(area)), EFAULT);
    CHECK_EQ(entry, 77);
    /* A hole is no error. */
    CHECK_EQ(pread(fd, &entry, 8, place((void *)0x7000)), 8);
    CHECK_EQ(entry, 0);
}

int main(void)
{
    int fd = (int)CHECK_OK(open("/proc/self/pagemap", O_RDONLY)), again;
    char path[64];

    area = mmap(NULL, NPAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(area != MAP_FAILED);
    CHECK_OK(madvise(area, NPAGES * PAGE, MADV_NOHUGEPAGE));
    for (unsigned i = 0; i < NPAGES; i += 3)
        area[i * PAGE] = 1;
    check_area(fd, 1);
    check_refusals(fd);
    snprintf(path, sizeof(path), "/proc/%d/pagemap", getppid());
    CHECK_OK(setuid(1000));
    /* What root has opened goes on telling; a user's own file does not, root's not at all. */
    check_area(fd, 1);
    CHECK_OK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
    again = (int)CHECK_OK(open("/proc/self/pagemap", O_RDONLY));
    check_area(again, 0);
    CHECK_ERR(open(path, O_RDONLY), EACCES);
    return 0;
}
