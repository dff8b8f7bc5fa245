/* SPDX-License-Identifier: MIT */
/*
 * lib/ktap.h - the lines of the report
 *
 * Owns:    the three kinds of line: results, `# ` for what the kernel says, `#: ` for what a
 *          program prints. No byte that a program or a firmware controls can begin a line of
 *          the first two kinds, move the cursor or change a terminal.
 * Used by: selftest, and the doors by which a program prints (captured output, console, kmsg).
 * Context: any; the caller serialises uses of one filter.
 * Tests:   tests/host/ktap_test.c, tests/host/ktap_fuzz.c
 */
#pragma once

#include "kernel/lib/util.h"

#define KTAP_OUTPUT_MAX 65536 /* bytes that a test may print; what follows is counted and cut */
#define KTAP_LINE_SIZE  1024  /* a buffer for any one line formatted here */

/* ---- what a program prints ---- */

struct ktap_filter {
    void (*emit)(void *context, const char *bytes, size_t nbytes);
    void *context;
    uint64_t taken;   /* bytes of the program's that were let through */
    uint64_t dropped; /* bytes behind KTAP_OUTPUT_MAX */
    bool in_line;     /* a line has begun and not ended */
    uint8_t npending;
    char pending[4]; /* start of a UTF-8 character whose rest has not come yet */
};

/* Once a test. emit gets whole report text: prefixes, escapes and newlines included, in
 * pieces of any length. */
void ktap_filter_init(struct ktap_filter *filter,
                      void (*emit)(void *context, const char *bytes, size_t nbytes), void *context);

/* Each line becomes `#: ` and the line. Control characters but tab and newline come out as ^[ or
 * ^?, C1 controls and bytes that are not UTF-8 as \x9b. Lines are not broken, however long. A
 * character may be split over writes. */
void ktap_filter_write(struct ktap_filter *filter, const void *bytes, size_t nbytes);

/* Shows what is pending and ends an unfinished line. The filter goes on being usable; after the
 * last output of a test the caller looks at `dropped` and says so in a `# ` line if it is not 0. */
void ktap_filter_finish(struct ktap_filter *filter);

/* ---- what the harness says: whole lines with \n, NUL-terminated, cut to size if need be but
 * always ended by \n. Each returns the line's length. ---- */

size_t ktap_format_plan(char *buf, size_t size, unsigned total); /* version line and 1..total */
size_t ktap_format_ok(char *buf, size_t size, unsigned number, const char *name, uint64_t time_us);
/* ok NUMBER NAME # SKIP REASON */
size_t ktap_format_skip(char *buf, size_t size, unsigned number, const char *name,
                        const char *reason);
/* not ok NUMBER NAME # time=..us REASON */
size_t ktap_format_not_ok(char *buf, size_t size, unsigned number, const char *name,
                          uint64_t time_us, const char *reason);

/* Copies text of unknown origin so that it fits on a `# ` or result line: control characters and
 * bytes that are not UTF-8 as the filter shows them (tab too), # as +, double quotes as '. Cut to
 * size at a whole character; returns the length written. */
size_t ktap_clean(char *buf, size_t size, const char *text, size_t length);

struct ktap_verdict {
    unsigned total; /* as the plan line said */
    unsigned passed, failed, skipped;
    unsigned plan_passed; /* tests of the plan: with none there is nothing to say PASS of */
    const char *version;
    unsigned cpus, cpus_enabled; /* that run; of those that the machine says it has */
    uint64_t memory_bytes;
    const char *firmware;
    uint64_t time_us; /* kernel entry to verdict */
};

/* PASS means: nothing failed, a test of the plan passed, all accounted for. */
bool ktap_verdict_passed(const struct ktap_verdict *verdict);

/* # firstlight: verdict=PASS total=5 passed=5 failed=0 skipped=0 version=V cpus=N/M memory=NMiB
 * firmware="..." time=Nus (one line) */
size_t ktap_format_verdict(char *buf, size_t size, const struct ktap_verdict *verdict);
