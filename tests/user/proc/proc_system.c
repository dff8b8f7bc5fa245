/* SPDX-License-Identifier: MIT */
/* /proc about the system: forms that programs parse, and what cannot be done there. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/procfs.h"

static char text[1 << 18];

static void memory(void)
{
    unsigned long total;

    text_of("/proc/meminfo", text, sizeof(text));
    total = line_number(text, "MemTotal:");
    CHECK(total > 16384);
    CHECK(line_number(text, "MemFree:") < total);
    CHECK(line_number(text, "MemAvailable:") <= total);
    CHECK(line_number(text, "Cached:") < total);
    line_number(text, "Buffers:");
    line_number(text, "SwapTotal:");
    line_number(text, "SwapFree:");
    line_number(text, "Shmem:");
    line_number(text, "SReclaimable:");
    CHECK(!strncmp(text, "MemTotal:       ", 16));
    CHECK(!strncmp(strchr(text, '\n') - 3, " kB\n", 4));

    text_of("/proc/vmstat", text, sizeof(text));
    CHECK(line_number(text, "nr_free_pages ") > 0);
    line_number(text, "pgpgin ");
    line_number(text, "pgpgout ");
    line_number(text, "pswpin ");
    line_number(text, "pswpout ");
}

static void processors(void)
{
    unsigned long values[10], sum = 0, cpus = 0, found = 0;
    struct timespec up;
    time_t before, after;
    long begin;
    char *at;

    text_of("/proc/stat", text, sizeof(text));
    CHECK(!strncmp(text, "cpu  ", 5));
    at = text + 5;
    for (int i = 0; i < 10; i++)
        sum += values[i] = strtoul(at, &at, 10);
    CHECK_EQ(*at, '\n');
    CHECK(sum > 0);
    for (; !strncmp(at, "\ncpu", 4); at = strchr(at + 1, '\n'))
        CHECK_EQ(strtoul(at + 4, NULL, 10), cpus++);
    CHECK(cpus >= (unsigned long)sysconf(_SC_NPROCESSORS_ONLN));
    before = time(NULL);
    clock_gettime(CLOCK_BOOTTIME, &up);
    after = time(NULL);
    begin = (long)line_number(text, "btime ");
    CHECK(begin >= before - up.tv_sec - 2 && begin <= after - up.tv_sec + 2);
    CHECK(line_number(text, "processes ") > 0);
    CHECK(line_number(text, "procs_running ") >= 1);
    line_number(text, "ctxt ");
    line_number(text, "procs_blocked ");
    text_of("/proc/cpuinfo", text, sizeof(text));
    for (at = text; (at = strstr(at, "processor\t: ")); at++)
        CHECK_EQ(strtoul(at + 12, NULL, 10), found++);
    CHECK_EQ(found, cpus);
    CHECK(strstr(text, "\nvendor_id\t: "));
    CHECK(strstr(text, "\nmodel name\t: "));
    CHECK(strstr(text, "\nflags\t\t: "));
    CHECK(strstr(text, " fpu "));
}

static void times(void)
{
    double up, idle, later;
    struct timespec before, after;
    float load[3];
    int running, all, last;

    clock_gettime(CLOCK_BOOTTIME, &before);
    text_of("/proc/uptime", text, sizeof(text));
    CHECK_EQ(sscanf(text, "%lf %lf\n", &up, &idle), 2);
    clock_gettime(CLOCK_BOOTTIME, &after);
    CHECK((double)before.tv_sec - up < 2 && up - (double)after.tv_sec < 2);
    usleep(30000);
    text_of("/proc/uptime", text, sizeof(text));
    CHECK_EQ(sscanf(text, "%lf %lf\n", &later, &idle), 2);
    CHECK(later > up);
    text_of("/proc/loadavg", text, sizeof(text));
    CHECK_EQ(
        sscanf(text, "%f %f %f %d/%d %d\n", &load[0], &load[1], &load[2], &running, &all, &last),
        6);
    CHECK(load[0] >= 0 && load[0] < 1000);
    CHECK(running >= 1 && running <= all);
    CHECK(last > 0);
}

static void names(void)
{
    struct utsname name;
    char expected[300], uuid[64];
    unsigned a, b, c, d;
    unsigned long long e;

    CHECK_OK(uname(&name));
    text_of("/proc/sys/kernel/ostype", text, sizeof(text));
    CHECK(line_is(text, "", name.sysname));
    text_of("/proc/sys/kernel/osrelease", text, sizeof(text));
    CHECK(line_is(text, "", name.release));
    text_of("/proc/sys/kernel/hostname", text, sizeof(text));
    CHECK(line_is(text, "", name.nodename));
    text_of("/proc/sys/kernel/pid_max", text, sizeof(text));
    CHECK(atoi(text) >= 32768);
    snprintf(expected, sizeof(expected), "Linux version %s ", name.release);
    text_of("/proc/version", text, sizeof(text));
    CHECK(!strncmp(text, expected, strlen(expected)));
    CHECK_EQ(text_of("/proc/sys/kernel/random/uuid", uuid, sizeof(uuid)), 37);
    CHECK_EQ(sscanf(uuid, "%8x-%4x-%4x-%4x-%12llx\n", &a, &b, &c, &d, &e), 5);
    CHECK_EQ(c >> 12, 4);
    CHECK_EQ(d >> 14, 2);
    text_of("/proc/sys/kernel/random/uuid", text, sizeof(text));
    CHECK(strcmp(text, uuid) != 0);
    text_of("/proc/filesystems", text, sizeof(text));
    CHECK(strstr(text, "nodev\ttmpfs\n"));
    CHECK(strstr(text, "nodev\tproc\n"));
    CHECK(text_of("/proc/cmdline", text, sizeof(text)) >= 1);
    link_is("/proc/mounts", "self/mounts");
}

static void limits_of_it(void)
{
    struct statfs fs;
    struct stat st;
    int fd;

    CHECK_ERR(open("/proc/nothing", O_RDONLY), ENOENT);
    CHECK_ERR(open("/proc/nothing", O_RDWR | O_CREAT, 0600), ENOENT);
    CHECK_ERR(mkdir("/proc/nothing", 0700), ENOENT);
    CHECK_ERR(symlink("x", "/proc/nothing"), ENOENT);
    CHECK_ERR(unlink("/proc/uptime"), EPERM);
    CHECK_ERR(rmdir("/proc/sys"), EPERM);
    CHECK_ERR(open("/proc/01", O_RDONLY), ENOENT);
    CHECK_ERR(open("/proc/99999999999", O_RDONLY), ENOENT);
    CHECK_ERR(open("/proc/uptime/x", O_RDONLY), ENOTDIR);
    CHECK_OK(statfs("/proc", &fs));
    CHECK_EQ(fs.f_type, 0x9fa0);
    CHECK_EQ(fs.f_blocks, 0);
    CHECK_OK(stat("/proc/uptime", &st));
    CHECK_EQ(st.st_mode, S_IFREG | 0444);
    CHECK_EQ(st.st_size, 0);
    CHECK_EQ(st.st_nlink, 1);
    CHECK_OK(stat("/proc", &st));
    CHECK_EQ(st.st_mode, S_IFDIR | 0555);
    CHECK_EQ(st.st_ino, 1);
    fd = (int)CHECK_OK(open("/proc", O_RDONLY | O_DIRECTORY));
    CHECK_ERR(read(fd, text, 10), EISDIR);
    close(fd);
    fd = (int)CHECK_OK(open("/proc/uptime", O_RDONLY));
    CHECK_ERR(read(fd, (void *)16, 10), EFAULT);
    close(fd);
}

int main(void)
{
    memory();
    processors();
    times();
    names();
    limits_of_it();
    return 0;
}
