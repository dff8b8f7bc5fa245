/* SPDX-License-Identifier: MIT */
/*
 * check thermal - what Intel's processors say of their temperature
 *
 * By /dev/cpu/N/msr (Linux: msr(4)); where there is none, or the processor has no such registers,
 * the check is skipped. What counts is what the processor has kept since it was reset: that it was
 * too hot and throttled for it, or critically hot. The bits that say so are sticky and start at 0
 * with the reset (Intel SDM vol. 3, 15.8.2.3): what a system before this one did is not in them.
 * The bit of the very moment comes and goes within milliseconds: it is shown.
 *
 * --cpus=DIR instead of /dev/cpu, --any: whatever CPUID says. So its tests bring registers in
 * files.
 */
#include <cpuid.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "rootfs/usr/src/check/check.h"

/* Intel SDM vol. 4, table 2-2; the bits in vol. 3, 15.8.2.5. */
#define MSR_STATUS          0x19c
#define MSR_TARGET          0x1a2
#define MSR_PACKAGE_STATUS  0x1b1
#define STATUS_HOT          (1u << 0) /* and throttled */
#define STATUS_WAS_HOT      (1u << 1)
#define STATUS_CRITICAL     (1u << 4)
#define STATUS_WAS_CRITICAL (1u << 5)
#define STATUS_READING      (1u << 31)
#define LEAF_THERMAL        6
#define HAS_SENSOR          (1u << 0)
#define HAS_PACKAGE         (1u << 6)

static bool msr_read(const char *folder, unsigned cpu, unsigned msr, uint64_t *value)
{
    char path[200];
    bool good;
    int fd;

    snprintf(path, sizeof(path), "%s/%u/msr", folder, cpu);
    fd = open(path, O_RDONLY);
    if (fd < 0)
        return false;
    good = pread(fd, value, sizeof(*value), msr) == sizeof(*value);
    close(fd);
    return good;
}

static bool status_good(unsigned cpu, const char *what, uint64_t status, uint64_t target)
{
    unsigned below = status >> 16 & 0x7f, most = target >> 16 & 0xff;
    char reading[60] = "";

    if (status & STATUS_READING && most)
        snprintf(reading, sizeof(reading), " %u C, %u below the limit,", most - below, below);
    else if (status & STATUS_READING)
        snprintf(reading, sizeof(reading), " %u degrees below the limit,", below);
    say("processor %u,%s:%s %s", cpu, what, reading,
        status & STATUS_CRITICAL       ? "critically hot"
        : status & STATUS_WAS_CRITICAL ? "has been critically hot"
        : status & STATUS_WAS_HOT      ? "has been too hot, and slowed down for it"
        : status & STATUS_HOT          ? "at its limit in this moment"
                                       : "well");
    return !(status & (STATUS_CRITICAL | STATUS_WAS_CRITICAL | STATUS_WAS_HOT));
}

int check_thermal(const struct options *options)
{
    const char *folder = option_find(options, "cpus");
    bool any = option_find(options, "any") != NULL, passed = true;
    unsigned a, b, c, d, seen = 0, unread = 0;
    static struct cpus cpus;

    if (!__get_cpuid(LEAF_THERMAL, &a, &b, &c, &d))
        a = 0;
    if (!any && !(a & HAS_SENSOR)) {
        say("this processor has no thermal status registers");
        return CHECK_SKIPPED;
    }
    cpus_find(&cpus);
    folder = folder ? folder : "/dev/cpu";
    for (unsigned i = 0; i < cpus.count; i++) {
        unsigned cpu = cpus.number[i];
        uint64_t status, target = 0;

        if (!msr_read(folder, cpu, MSR_STATUS, &status)) {
            unread++;
            continue;
        }
        if (!msr_read(folder, cpu, MSR_TARGET, &target))
            target = 0;
        passed &= status_good(cpu, " core", status, target);
        if (seen++ == 0 && (any || a & HAS_PACKAGE) &&
            msr_read(folder, cpu, MSR_PACKAGE_STATUS, &status))
            passed &= status_good(cpu, " package", status, target);
    }
    if (!seen) {
        say("%s/N/msr cannot be read", folder);
        return CHECK_SKIPPED;
    }
    if (unread)
        say("%u processors do not answer", unread);
    return passed && !unread ? CHECK_PASSED : CHECK_FAILED;
}
