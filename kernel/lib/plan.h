/* SPDX-License-Identifier: MIT */
/*
 * lib/plan.h - reads the self-test plan
 *
 * Format:  a line a test, UTF-8 (a byte order mark at the start is skipped), ends of line \n or
 *          \r\n, at most PLAN_LINE_MAX bytes. A line that begins with # is a comment; lines of
 *          blanks are skipped. Words are split on blanks (space, tab); quotes group: in single
 *          ones everything stands for itself, in double ones \" and \\ do and any other
 *          backslash is malformed.
 *
 *          test NAME [limit=SECONDS] [expect=exit:N | expect=signal:SIGSEGV | expect=limit]
 *               [skip="REASON"] [skipcode=N] [user=UID] [env=NAME=VALUE]... COMMAND [ARG...]
 *
 *          The options come in any order, each but env= at most once, and no variable twice. A
 *          word of the form letters= before the command is an unknown option, and malformed; write
 *          a command of such a name with a slash in front.
 * Rule:    every line that is not blank or a comment comes out, as a test or as malformed: none is
 *          dropped. Nothing outside the text is read.
 * Context: any; no allocation. struct plan_line is large: not for a stack.
 * Tests:   tests/host/plan_test.c, tests/host/plan_fuzz.c
 */
#pragma once

#include "kernel/lib/util.h"

#define PLAN_LINE_MAX      4096 /* bytes without the end of line */
#define PLAN_ARGV_MAX      64   /* words of a command */
#define PLAN_ENV_MAX       16   /* variables of a test, PATH and HOME among them */
#define PLAN_LIMIT_DEFAULT 10   /* seconds */
#define PLAN_LIMIT_MAX     1000000

enum plan_expect {
    PLAN_EXPECT_EXIT = 0, /* expect_value is the exit code, 0..255 */
    PLAN_EXPECT_SIGNAL,   /* expect_value is the signal's number */
    PLAN_EXPECT_LIMIT,    /* the limit has to end the program */
};

enum plan_kind {
    PLAN_END = 0,
    PLAN_TEST,
    PLAN_MALFORMED,
};

struct plan_reader {
    const char *text;
    size_t size;
    size_t position;
    unsigned line_number; /* of the line read last, from 1 */
};

struct plan_line {
    /* The line as written, without its end, in the plan's text: not NUL-terminated, and any bytes
     * if malformed. Set for tests and malformed lines. */
    const char *line;
    size_t line_length;
    unsigned line_number;

    const char *reason; /* malformed: static text */

    /* A test. All strings lie in `words`. */
    const char *name; /* characters A-Z a-z 0-9 _ . + - */
    uint32_t limit_s;
    enum plan_expect expect;
    int expect_value;
    const char *skip;   /* the reason, or NULL: run it */
    uint32_t skip_code; /* exit code that means skipped; 0: none does */
    uint32_t uid;       /* of the user, and of the group of that number; 0: root */
    unsigned nenv;
    const char *env[PLAN_ENV_MAX + 1]; /* NAME=VALUE, NULL-terminated */
    unsigned argc;                     /* at least 1 */
    char *argv[PLAN_ARGV_MAX + 1];     /* NULL-terminated; argv[0] is not empty */

    char words[PLAN_LINE_MAX + 1];
};

void plan_init(struct plan_reader *reader, const char *text, size_t size);
enum plan_kind plan_next(struct plan_reader *reader, struct plan_line *line);

/* What each test gets unless its line says otherwise. */
#define PLAN_PATH         "/bin:/sbin:/usr/bin:/usr/sbin"
#define PLAN_ENV_NDEFAULT 2
extern const char *const plan_env_default[PLAN_ENV_NDEFAULT + 1];

/* "SIGSEGV" and 11; 0 and NULL where there is no such signal. Also for result lines. */
int plan_signal_number(const char *name);
const char *plan_signal_name(int number);
