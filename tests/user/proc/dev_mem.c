/* SPDX-License-Identifier: MIT */
/* /dev/mem: device registers can be read, the memory of programs cannot, though its place is known;
 * nothing can be written, and users have no part in it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE       4096UL
#define LAPIC      0xfee00000UL
#define LAPIC_VERS 0x30
#define FRAME      ((1ULL << 55) - 1)

/* The physical address of a page of this program. */
static uint64_t physical_of(const void *page)
{
    uint64_t entry;
    int fd = (int)CHECK_OK(open("/proc/self/pagemap", O_RDONLY));

    CHECK_EQ(pread(fd, &entry, 8, (off_t)((uintptr_t)page / PAGE * 8)), 8);
    CHECK_OK(close(fd));
    CHECK(entry & FRAME);
    return (entry & FRAME) * PAGE;
}

int main(void)
{
    static char page[2 * PAGE];
    char *own = (char *)(((uintptr_t)page + PAGE - 1) & ~(PAGE - 1));
    int fd = (int)CHECK_OK(open("/dev/mem", O_RDWR));
    uint32_t version = 0;
    uint64_t at;
    char bytes[PAGE];

    strcpy(own, "memory of a program");
    at = physical_of(own);
    CHECK_ERR(pread(fd, bytes, sizeof(bytes), (off_t)at), EPERM);
    CHECK_ERR(pwrite(fd, "x", 1, (off_t)at), EPERM);
    CHECK_ERR(pwrite(fd, "x", 1, (off_t)LAPIC), EPERM);
    CHECK(strcmp(own, "memory of a program") == 0);
    /* The version of a local APIC: integrated, and so at least 0x10. */
    CHECK_EQ(pread(fd, &version, 4, (off_t)(LAPIC + LAPIC_VERS)), 4);
    CHECK((version & 0xff) >= 0x10 && (version & 0xff) < 0x20);
    /* RAM of the first MiB reads as zeroes. */
    CHECK_EQ(pread(fd, bytes, sizeof(bytes), 0x2000), sizeof(bytes));
    /* Beyond what the processor can address. */
    CHECK_EQ(pread(fd, bytes, 1, (off_t)(1ULL << 52)), 0);
    CHECK_ERR(pread(fd, NULL, 4, (off_t)LAPIC), EFAULT);
    CHECK_OK(close(fd));
    CHECK_OK(mknod("/tmp/mem", S_IFCHR | 0666, makedev(1, 1)));
    CHECK_OK(chmod("/tmp/mem", 0666));
    CHECK_OK(setuid(1000));
    CHECK_ERR(open("/dev/mem", O_RDONLY), EACCES);
    CHECK_ERR(open("/tmp/mem", O_RDONLY), EPERM);
    return 0;
}
