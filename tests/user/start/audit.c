/* SPDX-License-Identifier: MIT */
/*
 * audit CHILDREN CALLS WHAT - the records in /proc/audit and the drops add up to the calls made
 *
 * For a kernel started with audit=syscall, and nobody else running. Every call here is counted by
 * hand, so it is made without libc. WHAT: "all" if no record may be lost, "some" if some must be.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define CHILDREN_MAX 16

struct reading {
    long dropped, calls;    /* since the start of the machine */
    long lines;             /* records */
    long reads;             /* calls of read it took */
    long getppids, exits;   /* among the records */
    long first_us, last_us; /* times of the records */
    char rest[300];         /* a line that goes on in the next piece */
    size_t used;
};

static struct reading *results; /* shared: of readers side by side */

static void header_parse(struct reading *r, const char *line)
{
    char *end;

    CHECK(strncmp(line, "# dropped ", 10) == 0);
    r->dropped = strtol(line + 10, &end, 10);
    CHECK(strncmp(end, " of ", 4) == 0);
    r->calls = strtol(end + 4, &end, 10);
    CHECK(strcmp(end, " calls") == 0);
}

/* SECONDS.MICROSECONDS PROCESSOR THREAD NAME(...) = RESULT, in the order of time. */
static void record_parse(struct reading *r, const char *line, long parent)
{
    char *at;
    long us = strtol(line, &at, 10) * 1000000;

    CHECK_EQ(*at, '.');
    us += strtol(at + 1, &at, 10);
    CHECK(strtol(at, &at, 10) >= 0);
    CHECK(strtol(at, &at, 10) > 0);
    CHECK_EQ(*at, ' ');
    CHECK(strstr(at, " = ") != NULL);
    CHECK(us >= r->last_us);
    r->last_us = us;
    r->lines++;
    if (strncmp(at, " getppid() = ", 13) == 0) {
        CHECK(!parent || strtol(at + 13, NULL, 10) == parent);
        r->getppids++;
    }
    if (strncmp(at, " exit_group(0) = ", 17) == 0)
        r->exits++;
}

static void bytes_parse(struct reading *r, const char *bytes, long nbytes, long parent)
{
    for (long i = 0; i < nbytes; i++) {
        if (bytes[i] != '\n') {
            CHECK(r->used < sizeof(r->rest) - 1);
            r->rest[r->used++] = bytes[i];
            continue;
        }
        r->rest[r->used] = 0;
        if (r->calls < 0)
            header_parse(r, r->rest);
        else
            record_parse(r, r->rest, parent);
        r->used = 0;
    }
}

/* All there is, by one open, r->reads reads and one close. */
static void audit_read(struct reading *r, long parent)
{
    static char bytes[40000]; /* no whole number of lines */
    long got, fd;

    memset(r, 0, sizeof(*r));
    r->calls = -1;
    fd = raw3(SYS_open, "/proc/audit", O_RDONLY, 0);
    CHECK(fd >= 0);
    do {
        got = raw3(SYS_read, fd, bytes, sizeof(bytes));
        CHECK(got >= 0);
        r->reads++;
        bytes_parse(r, bytes, got, parent);
    } while (got > 0);
    CHECK_EQ(r->used, 0);
    CHECK_EQ(raw1(SYS_close, fd), 0);
}

static void child(long calls)
{
    for (long i = 0; i < calls; i++)
        raw0(SYS_getppid);
    raw1(SYS_exit_group, 0);
}

static void wait_all(int children)
{
    int status;

    for (int i = 0; i < children; i++) {
        CHECK(raw4(SYS_wait4, -1, &status, 0, NULL) > 0);
        CHECK_EQ(status, 0);
    }
}

/* The second reading shows what happened between the openings of both. */
static void check_sum(const struct reading *a, const struct reading *b, int children, long calls,
                      long others)
{
    long dropped = b->dropped - a->dropped;
    /* open, read, close; fork, getppid, exit, wait */
    long made = 1 + a->reads + 1 + children * (1 + calls + 1 + 1) + others;

    CHECK_EQ(b->calls - a->calls, made);
    CHECK_EQ(b->lines + dropped, made);
    if (dropped == 0) {
        CHECK_EQ(b->getppids, children * calls);
        CHECK_EQ(b->exits, children);
    }
}

static void readers_run(int children, long parent)
{
    for (int i = 0; i < children; i++) {
        if (raw0(SYS_fork) != 0)
            continue;
        audit_read(&results[i], parent);
        raw1(SYS_exit_group, 0);
    }
    wait_all(children);
}

int main(int argc, char **argv)
{
    static struct reading before, after, last;
    long self = raw0(SYS_getpid), calls, lines;
    int children;

    CHECK_EQ(argc, 4);
    children = atoi(argv[1]);
    calls = atol(argv[2]);
    CHECK(children > 0 && children <= CHILDREN_MAX);
    results = mmap(NULL, CHILDREN_MAX * sizeof(*results), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(results != MAP_FAILED);
    audit_read(&before, 0);

    for (int i = 0; i < children; i++)
        if (raw0(SYS_fork) == 0)
            child(calls);
    wait_all(children);
    audit_read(&after, self);
    check_sum(&before, &after, children, calls, 0);
    if (strcmp(argv[3], "all") == 0)
        CHECK_EQ(after.dropped, before.dropped);
    else
        CHECK(after.dropped > before.dropped && after.lines > 1000);

    /* Several that read at a time: each record goes to one of them. */
    for (int i = 0; i < children; i++)
        if (raw0(SYS_fork) == 0)
            child(1000);
    wait_all(children);
    readers_run(children, self);
    audit_read(&last, self);
    lines = last.lines;
    for (int i = 0; i < children; i++)
        lines += results[i].lines;
    CHECK_EQ(lines + last.dropped - after.dropped, last.calls - after.calls);
    say_number(1, after.lines);
    say(1, " records, ");
    say_number(1, after.dropped - before.dropped);
    say(1, " dropped\n");
    return 0;
}
