/* SPDX-License-Identifier: MIT */
/* /dev/cpu/N/cpuid and msr: what the instruction says, item by item; registers that are not there,
 * or not for reading, are errors; nothing is written; and none of it is for users. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define MSR_APIC_BASE 0x1b
#define MSR_EFER      0xc0000080
#define MSR_STAR      0xc0000081 /* not for reading */
#define MSR_NONE      0x47f      /* in a range for reading; no processor has so many banks */
#define EFER_LMA      (1u << 10)

static void check_cpuid(void)
{
    uint32_t here[4], got[8], max;
    int fd = (int)CHECK_OK(open("/dev/cpu/0/cpuid", O_RDONLY));

    CHECK_EQ(pread(fd, got, 16, 0), 16);
    max = got[0];
    /* Not leaf 1: it tells which processor this is. */
    __cpuid_count(0, 0, here[0], here[1], here[2], here[3]);
    CHECK(memcmp(here, got, 16) == 0);
    CHECK(max >= 1);
    /* The sub-leaf is in the upper half of the position. */
    if (max >= 4) {
        __cpuid_count(4, 1, here[0], here[1], here[2], here[3]);
        CHECK_EQ(pread(fd, got, 16, 1L << 32 | 4), 16);
        CHECK_EQ(got[2], here[2]);
    }
    /* Two items are two leaves. */
    CHECK_EQ(pread(fd, got, 32, 0x80000000), 32);
    __cpuid(0x80000000, here[0], here[1], here[2], here[3]);
    CHECK_EQ(got[0], here[0]);
    __cpuid(0x80000001, here[0], here[1], here[2], here[3]);
    CHECK_EQ(got[7], here[3]);
    CHECK_ERR(pread(fd, got, 15, 0), EINVAL);
    CHECK_ERR(pread(fd, NULL, 16, 0), EFAULT);
    CHECK_OK(close(fd));
}

static void check_msr(void)
{
    uint64_t value[2];
    int fd = (int)CHECK_OK(open("/dev/cpu/0/msr", O_RDWR));

    CHECK_EQ(pread(fd, value, 8, MSR_EFER), 8);
    CHECK(value[0] & EFER_LMA);
    /* Twice the same one. */
    CHECK_EQ(pread(fd, value, 16, MSR_EFER), 16);
    CHECK_EQ(value[0], value[1]);
    CHECK_EQ(pread(fd, value, 8, MSR_APIC_BASE), 8);
    CHECK_EQ(value[0] & 0x900, 0x900); /* the first processor; its local APIC is on */
    CHECK_ERR(pread(fd, value, 8, MSR_STAR), EIO);
    CHECK_ERR(pread(fd, value, 8, 0x12345), EIO);
    CHECK_ERR(pread(fd, value, 7, MSR_EFER), EINVAL);
    CHECK_ERR(pwrite(fd, value, 8, MSR_EFER), EPERM);
    /* An emulator may have it. */
    if (pread(fd, value, 8, MSR_NONE) < 0)
        CHECK_EQ(errno, EIO);
    CHECK_OK(close(fd));
}

/* What memory is to be cached, and how: PAT, default type, ranges, the first MiB. */
static void check_memory_types(int fd, int first)
{
    static const unsigned numbers[] = {0x277, 0x2ff, 0x200, 0x201, 0x202, 0x203, 0x250, 0x26f};

    for (unsigned i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        uint64_t here = 0, there = 0;

        CHECK_EQ(pread(fd, &here, 8, numbers[i]), pread(first, &there, 8, numbers[i]));
        CHECK_EQ(here, there);
    }
}

/* Each device asks its own processor. */
static void check_all(void)
{
    char path[] = "/dev/cpu/0/msr";
    cpu_set_t set;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    int first = (int)CHECK_OK(open(path, O_RDONLY));

    for (long cpu = 0; cpu < cpus && cpu < 10; cpu++) {
        uint64_t value;
        int fd;

        path[9] = (char)('0' + cpu);
        fd = (int)CHECK_OK(open(path, O_RDONLY));
        CHECK_EQ(pread(fd, &value, 8, MSR_APIC_BASE), 8);
        CHECK_EQ(value >> 8 & 1, cpu == 0);
        /* From the other side. */
        CPU_ZERO(&set);
        CPU_SET((size_t)cpu, &set);
        CHECK_OK(sched_setaffinity(0, sizeof(set), &set));
        CHECK_EQ(pread(fd, &value, 8, MSR_APIC_BASE), 8);
        CHECK_EQ(value >> 8 & 1, cpu == 0);
        check_memory_types(fd, first);
        CHECK_OK(close(fd));
    }
    CHECK_OK(close(first));
}

static void check_nodes(void)
{
    struct stat info;

    CHECK_OK(stat("/dev/cpu/0/msr", &info));
    CHECK_EQ(info.st_mode, S_IFCHR | 0600);
    CHECK_EQ(info.st_rdev, makedev(202, 0));
    CHECK_OK(stat("/dev/cpu/0/cpuid", &info));
    CHECK_EQ(info.st_rdev, makedev(203, 0));
    /* A number without a processor. */
    CHECK_OK(mknod("/tmp/msr63", S_IFCHR | 0666, makedev(202, 63)));
    CHECK_ERR(open("/tmp/msr63", O_RDONLY), ENXIO);
    CHECK_OK(unlink("/tmp/msr63"));
    /* The mode is not all that protects it. */
    CHECK_OK(mknod("/tmp/msr0", S_IFCHR | 0666, makedev(202, 0)));
    CHECK_OK(chmod("/tmp/msr0", 0666));
    CHECK_OK(setuid(1000));
    CHECK_ERR(open("/dev/cpu/0/cpuid", O_RDONLY), EACCES);
    CHECK_ERR(open("/tmp/msr0", O_RDONLY), EPERM);
}

int main(void)
{
    check_cpuid();
    check_msr();
    check_all();
    check_nodes();
    return 0;
}
