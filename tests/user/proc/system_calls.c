/* SPDX-License-Identifier: MIT */
/* Small calls about the system as a whole: types of file systems, what a file system has free, the
 * clock's errors, the kernel's log, terminals, the machine's end. With the word "change": those
 * that need rights or change something. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define BAD ((void *)-1L)

struct ustat_result {
    int tfree;
    unsigned long tinode;
    char fname[6], fpack[6];
};

static void check_sysfs(void)
{
    long count = raw1(SYS_sysfs, 3);
    int found = 0;
    char name[64];

    CHECK(count > 0);
    for (long i = 0; i < count; i++) {
        CHECK_EQ(raw3(SYS_sysfs, 2, i, name), 0);
        CHECK_EQ(raw2(SYS_sysfs, 1, name), i);
        found += !strcmp(name, "proc");
    }
    CHECK_EQ(found, 1);
    CHECK_EQ(raw3(SYS_sysfs, 2, count, name), -EINVAL);
    CHECK_EQ(raw3(SYS_sysfs, 2, 0, BAD), -EFAULT);
    CHECK_EQ(raw2(SYS_sysfs, 1, "no-such-type"), -EINVAL);
    CHECK_EQ(raw2(SYS_sysfs, 1, BAD), -EFAULT);
    CHECK_EQ(raw1(SYS_sysfs, 4), -EINVAL);
    CHECK_EQ(raw1(SYS_sysfs, 0), -EINVAL);
}

static void check_ustat(void)
{
    struct ustat_result result;
    struct stat st;

    memset(&result, 0xff, sizeof(result));
    CHECK_OK(stat("/proc", &st));
    CHECK_EQ(raw2(SYS_ustat, st.st_dev, &result), 0);
    CHECK(bytes_are(result.fname, 0, sizeof(result.fname)));
    CHECK_EQ(raw2(SYS_ustat, st.st_dev, BAD), -EFAULT);
    CHECK_EQ(raw2(SYS_ustat, 0xffffffff, &result), -EINVAL);
}

/* What the kernel has in place of struct timex is as large. */
static void check_adjust(void)
{
    struct timex now;
    long state;

    memset(&now, 0, sizeof(now));
    state = raw1(SYS_adjtimex, &now);
    CHECK(state >= 0 && state <= 5);
    CHECK(now.tick >= 9000 && now.tick <= 11000);
    CHECK_EQ(now.tolerance, 500 << 16);
    CHECK(now.time.tv_sec > 0 && now.time.tv_sec - time(NULL) <= 1);
    CHECK_EQ(raw2(SYS_clock_adjtime, CLOCK_REALTIME, &now), state);
    memset(&now, 0, sizeof(now));
    now.modes = 0x8000; /* adjtime(3) without its offset */
    CHECK_EQ(raw1(SYS_adjtimex, &now), -EINVAL);
    CHECK_EQ(now.tai, 0);
    now.modes = ADJ_OFFSET_SS_READ;
    CHECK(raw1(SYS_adjtimex, &now) >= 0);
    CHECK_EQ(raw1(SYS_adjtimex, BAD), -EFAULT);
    CHECK_EQ(raw2(SYS_clock_adjtime, CLOCK_REALTIME, BAD), -EFAULT);
    now.modes = 0;
    CHECK_EQ(raw2(SYS_clock_adjtime, CLOCK_MONOTONIC, &now), -EOPNOTSUPP);
    CHECK_EQ(raw2(SYS_clock_adjtime, CLOCK_THREAD_CPUTIME_ID, &now), -EOPNOTSUPP);
    CHECK_EQ(raw2(SYS_clock_adjtime, 10, &now), -EINVAL);
    CHECK_EQ(raw2(SYS_clock_adjtime, 16, &now), -EINVAL);
}

/* --- what changes something --- */

static struct timex timex_set(unsigned modes, struct timex given)
{
    struct timex now;

    given.modes = modes;
    CHECK(raw1(SYS_adjtimex, &given) >= 0);
    memset(&now, 0, sizeof(now));
    CHECK(raw2(SYS_clock_adjtime, CLOCK_REALTIME, &now) >= 0);
    return now;
}

static void check_adjust_set(void)
{
    struct timex first, now, wrong;
    struct timespec before, after;

    memset(&first, 0, sizeof(first));
    CHECK_EQ(raw1(SYS_adjtimex, &first), TIME_ERROR);
    now = first;
    now.maxerror = 4321;
    now.esterror = 1234;
    now.freq = 1000 << 16;
    now.tick = 10500;
    now.constant = 3;
    now.status = STA_PLL | STA_NANO; /* the second is not for programs */
    now = timex_set(
        ADJ_MAXERROR | ADJ_ESTERROR | ADJ_FREQUENCY | ADJ_TICK | ADJ_TIMECONST | ADJ_STATUS, now);
    CHECK(now.maxerror >= 4321 && now.maxerror < 100000);
    CHECK_EQ(now.esterror, 1234);
    CHECK_EQ(now.freq, 500 << 16);
    CHECK_EQ(now.tick, 10500);
    CHECK_EQ(now.constant, 7);
    CHECK_EQ(now.status, STA_PLL);
    CHECK_EQ(raw1(SYS_adjtimex, &now), TIME_OK);
    now = timex_set(ADJ_NANO, now);
    CHECK_EQ(now.status, STA_PLL | STA_NANO);
    CHECK(now.time.tv_usec >= 0 && now.time.tv_usec < 1000000000);
    wrong = now;
    wrong.modes = ADJ_TICK;
    wrong.tick = 8999;
    CHECK_EQ(raw1(SYS_adjtimex, &wrong), -EINVAL);
    wrong.tick = 11001;
    CHECK_EQ(raw1(SYS_adjtimex, &wrong), -EINVAL);
    wrong.modes = ADJ_SETOFFSET;
    wrong.time.tv_sec = 0;
    wrong.time.tv_usec = 1000000;
    CHECK_EQ(raw1(SYS_adjtimex, &wrong), -EINVAL);
    wrong.time.tv_usec = -1;
    CHECK_EQ(raw1(SYS_adjtimex, &wrong), -EINVAL);
    wrong.time.tv_usec = 0;
    wrong.time.tv_sec = -(1L << 62);
    CHECK_EQ(raw1(SYS_adjtimex, &wrong), -EINVAL);

    CHECK_OK(clock_gettime(CLOCK_REALTIME, &before));
    now.time.tv_sec = 1000;
    now.time.tv_usec = 0;
    timex_set(ADJ_SETOFFSET, now);
    CHECK_OK(clock_gettime(CLOCK_REALTIME, &after));
    CHECK(after.tv_sec - before.tv_sec >= 1000 && after.tv_sec - before.tv_sec < 1010);
    now.time.tv_sec = -1000;
    timex_set(ADJ_SETOFFSET, now);
    CHECK_OK(clock_gettime(CLOCK_REALTIME, &after));
    CHECK(after.tv_sec - before.tv_sec >= 0 && after.tv_sec - before.tv_sec < 20);
    timex_set(ADJ_MICRO, now);
    timex_set(ADJ_MAXERROR | ADJ_ESTERROR | ADJ_FREQUENCY | ADJ_TICK | ADJ_STATUS, first);
}

static void check_log(void)
{
    static char text[65536];
    long size = raw3(SYS_syslog, 10, NULL, 0), nbytes;

    CHECK(size > 0);
    CHECK_EQ(raw3(SYS_syslog, 0, NULL, 0), 0);
    CHECK_EQ(raw3(SYS_syslog, 1, NULL, 0), 0);
    CHECK_EQ(raw3(SYS_syslog, 2, text, 0), 0);
    CHECK_EQ(raw3(SYS_syslog, 2, NULL, 0), -EINVAL);
    CHECK_EQ(raw3(SYS_syslog, 3, text, -1), -EINVAL);
    CHECK_EQ(raw3(SYS_syslog, 3, BAD, 100), -EFAULT);
    CHECK_EQ(raw3(SYS_syslog, 100, text, 0), -EINVAL);
    CHECK_EQ(raw3(SYS_syslog, 8, NULL, 0), -EINVAL);
    CHECK_EQ(raw3(SYS_syslog, 8, NULL, 9), -EINVAL);
    CHECK_EQ(raw3(SYS_syslog, 8, NULL, 7), 0);
    /* Whole lines, as far as there are any: another run may have cleared them. */
    for (size_t room = 200; room <= sizeof(text); room = room * 100) {
        nbytes = raw3(SYS_syslog, 3, text, room);
        CHECK(nbytes >= 0 && nbytes <= size);
        CHECK(nbytes == 0 || (text[0] == '<' && text[nbytes - 1] == '\n'));
    }
    size = raw3(SYS_syslog, 9, NULL, 0);
    if (size >= 100) {
        CHECK_EQ(raw3(SYS_syslog, 2, text, 100), 100);
        CHECK(raw3(SYS_syslog, 9, NULL, 0) >= size - 100);
    }
    CHECK_EQ(raw3(SYS_syslog, 5, NULL, 0), 0);
    nbytes = raw3(SYS_syslog, 3, text, sizeof(text));
    CHECK(nbytes >= 0 && nbytes < 1000); /* what has come since */
}

#define REBOOT_1 0xfee1deadL
#define REBOOT_2 672274793L

static void check_rights(void)
{
    struct timeval tv = {100, 100};
    struct timex now;
    char text[64];
    pid_t pid;

    CHECK_EQ(raw4(SYS_reboot, REBOOT_1, REBOOT_2, 0, NULL), 0);
    CHECK_EQ(raw4(SYS_reboot, REBOOT_1, REBOOT_2, 0x89abcdef, NULL), 0);
    CHECK_EQ(raw4(SYS_reboot, REBOOT_1, REBOOT_2, 100, NULL), -EINVAL);
    CHECK_EQ(raw4(SYS_reboot, REBOOT_1 + 1, REBOOT_2, 0, NULL), -EINVAL);
    CHECK_EQ(raw4(SYS_reboot, REBOOT_1, REBOOT_2 + 1, 0, NULL), -EINVAL);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(setsid());
        CHECK_EQ(raw0(SYS_vhangup), 0);
        CHECK_OK(setuid(1000));
        CHECK_EQ(raw0(SYS_vhangup), -EPERM);
        CHECK_EQ(raw4(SYS_reboot, REBOOT_1, REBOOT_2, 0, NULL), -EPERM);
        CHECK_EQ(raw3(SYS_syslog, 2, text, 0), -EPERM);
        CHECK_EQ(raw3(SYS_syslog, 3, text, 0), 0);
        CHECK_EQ(raw2(SYS_settimeofday, NULL, NULL), -EPERM);
        CHECK_EQ(raw2(SYS_settimeofday, &tv, NULL), -EPERM);
        memset(&now, 0, sizeof(now));
        CHECK(raw1(SYS_adjtimex, &now) >= 0);
        now.modes = ADJ_TICK;
        CHECK_EQ(raw1(SYS_adjtimex, &now), -EPERM);
        now.modes = ADJ_OFFSET_SINGLESHOT;
        CHECK_EQ(raw1(SYS_adjtimex, &now), -EPERM);
        now.modes = ADJ_OFFSET_SS_READ;
        CHECK(raw1(SYS_adjtimex, &now) >= 0);
        _exit(0);
    }
    CHECK_EQ(child_end(pid), 0);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "change")) {
        check_rights();
        check_adjust_set();
        check_log();
        return 0;
    }
    check_sysfs();
    check_ustat();
    check_adjust();
    return 0;
}
