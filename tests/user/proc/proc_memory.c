/* SPDX-License-Identifier: MIT */
/* /proc/PID/smaps, smaps_rollup, auxv, oom_score and oom_score_adj, of the process itself. */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/user/lib/capability.h"
#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"
#include "tests/user/lib/procfs.h"

#define PAGE   4096UL
#define NPAGES 16UL

static char text[1 << 18];
static char *area;

/* The lines of the area that begins there. */
static const char *area_of(const void *start)
{
    char head[32];
    const char *at;

    text_of("/proc/self/smaps", text, sizeof(text));
    snprintf(head, sizeof(head), "%08lx-", (unsigned long)start);
    for (at = text; at && strncmp(at, head, strlen(head)) != 0;)
        at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL;
    CHECK(at != NULL);
    return at;
}

static void field_is(const char *at, const char *name, unsigned long kib)
{
    CHECK_EQ(line_number(at, name), kib);
}

static int has_flag(const char *at, const char *flag)
{
    const char *line = line_value(at, "VmFlags:"), *end = strchr(line, '\n'), *found;

    found = strstr(line, flag);
    return found && found < end;
}

static void check_fields(void)
{
    const char *at = area_of(area);

    field_is(at, "Size:", NPAGES * 4);
    field_is(at, "KernelPageSize:", 4);
    field_is(at, "MMUPageSize:", 4);
    field_is(at, "Rss:", 12);
    field_is(at, "Pss:", 12);
    field_is(at, "Private_Dirty:", 12);
    field_is(at, "Private_Clean:", 0);
    field_is(at, "Shared_Dirty:", 0);
    field_is(at, "Shared_Clean:", 0);
    field_is(at, "Anonymous:", 12);
    field_is(at, "Swap:", 0);
    field_is(at, "Locked:", 0);
    field_is(at, "LazyFree:", 0);
    field_is(at, "AnonHugePages:", 0);
    CHECK(has_flag(at, "rd "));
    CHECK(has_flag(at, "wr "));
    CHECK(!has_flag(at, "ex "));
    CHECK(!has_flag(at, "lo "));
    CHECK_OK(mlock(area, NPAGES * PAGE));
    at = area_of(area);
    field_is(at, "Rss:", NPAGES * 4);
    field_is(at, "Locked:", NPAGES * 4);
    CHECK(has_flag(at, "lo "));
    CHECK_OK(munlock(area, NPAGES * PAGE));
    CHECK_OK(madvise(area, NPAGES * PAGE, MADV_DONTNEED));
    area[0] = area[PAGE] = area[2 * PAGE] = 1;
}

/* While a child has them as well; it counts the same. */
static void check_shared(void)
{
    const char *at;
    int ends[2], status;
    pid_t pid;
    char byte;

    CHECK_OK(pipe(ends));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(close(ends[1]));
        at = area_of(area);
        field_is(at, "Shared_Dirty:", 12);
        field_is(at, "Pss:", 6);
        CHECK_EQ(read(ends[0], &byte, 1), 0);
        _exit(0);
    }
    at = area_of(area);
    field_is(at, "Rss:", 12);
    field_is(at, "Pss:", 6);
    field_is(at, "Shared_Dirty:", 12);
    field_is(at, "Private_Dirty:", 0);
    field_is(at, "Anonymous:", 12);
    CHECK_OK(close(ends[1]));
    CHECK_OK(close(ends[0]));
    status = child_end(pid);
    CHECK_EQ(status, 0);
    at = area_of(area);
    field_is(at, "Private_Dirty:", 12);
}

/* The sums of all areas, but for what the reading itself has touched. */
static void check_rollup(void)
{
    unsigned long resident = 0, anonymous = 0, now;
    const char *at;

    text_of("/proc/self/smaps", text, sizeof(text));
    for (at = text; (at = strstr(at, "\nRss:")) != NULL; at++)
        resident += strtoul(at + 5, NULL, 10);
    for (at = text; (at = strstr(at, "\nAnonymous:")) != NULL; at++)
        anonymous += strtoul(at + 11, NULL, 10);
    text_of("/proc/self/smaps_rollup", text, sizeof(text));
    CHECK(strstr(text, "[rollup]\n") != NULL);
    now = line_number(text, "Rss:");
    CHECK(now + 64 >= resident && now <= resident + 64);
    now = line_number(text, "Anonymous:");
    CHECK(now + 64 >= anonymous && now <= anonymous + 64);
    CHECK(line_number(text, "Pss:") <= resident + 64);
    CHECK(line_number(text, "Pss_Anon:") > 0);
    line_number(text, "Pss_File:");
    line_number(text, "Pss_Shmem:");
    CHECK_EQ(line_number(text, "Swap:"), 0);
}

static void check_auxv(void)
{
    Elf64_auxv_t vector[64];
    int fd = (int)CHECK_OK(open("/proc/self/auxv", O_RDONLY));
    long nbytes = CHECK_OK(read(fd, vector, sizeof(vector)));
    unsigned last = (unsigned)((size_t)nbytes / sizeof(vector[0])) - 1, types = 0;

    CHECK_OK(close(fd));
    CHECK_EQ(nbytes % (long)sizeof(vector[0]), 0);
    CHECK_EQ(vector[last].a_type, AT_NULL);
    for (unsigned i = 0; i < last; i++) {
        if (vector[i].a_type == AT_NULL)
            continue;
        CHECK_EQ(vector[i].a_un.a_val, getauxval(vector[i].a_type));
        types++;
    }
    CHECK(types > 15);
}

static long number_of(const char *path)
{
    char *end;
    long value;

    text_of(path, text, sizeof(text));
    value = strtol(text, &end, 10);
    CHECK(end > text && !strcmp(end, "\n"));
    return value;
}

static long adjust(const char *value)
{
    int fd = (int)CHECK_OK(open("/proc/self/oom_score_adj", O_WRONLY));
    long result = write(fd, value, strlen(value));

    result = result < 0 ? -errno : result;
    CHECK_OK(close(fd));
    return result;
}

static void child_has_it(void)
{
    CHECK_EQ(number_of("/proc/self/oom_score_adj"), 500);
}

static void check_adjust(void)
{
    struct sets sets;
    long score;

    CHECK_EQ(number_of("/proc/self/oom_score_adj"), 0);
    score = number_of("/proc/self/oom_score");
    CHECK(score > 600 && score < 1000);
    CHECK_EQ(adjust("1001"), -EINVAL);
    CHECK_EQ(adjust("-1001"), -EINVAL);
    CHECK_EQ(adjust("x"), -EINVAL);
    CHECK_EQ(adjust(""), -EINVAL);
    CHECK_EQ(adjust("500x"), -EINVAL);
    CHECK_EQ(adjust(" 500\n"), 5);
    CHECK_EQ(number_of("/proc/self/oom_score_adj"), 500);
    CHECK(number_of("/proc/self/oom_score") > score + 300);
    CHECK_EQ(child_status(child_has_it), 0);
    /* What is permitted to this one decides how far back it may go. */
    CHECK_EQ(sets_get(0, &sets), 0);
    if (sets.effective & BIT(LX_CAP_SYS_RESOURCE)) {
        CHECK_EQ(adjust("-1000"), 5);
        CHECK_EQ(number_of("/proc/self/oom_score"), 0);
        CHECK_EQ(adjust("100"), 3);
        CHECK_EQ(sets_set(0, 0, 0), 0);
        CHECK_EQ(adjust("99"), -EACCES);
    }
    CHECK_EQ(adjust("600"), 3);
    CHECK_EQ(adjust("-999"), -EACCES);
    CHECK_EQ(number_of("/proc/self/oom_score_adj"), 600);
}

int main(void)
{
    area = mmap(NULL, (NPAGES + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(area != MAP_FAILED);
    area += PAGE; /* alone between two that are different */
    CHECK_OK(mprotect(area, NPAGES * PAGE, PROT_READ | PROT_WRITE));
    area[0] = area[PAGE] = area[2 * PAGE] = 1;
    check_fields();
    check_shared();
    check_rollup();
    check_auxv();
    check_adjust();
    return 0;
}
