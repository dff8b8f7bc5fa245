/* SPDX-License-Identifier: MIT */
/*
 * setuid, setreuid, setresuid, setfsuid and the same of groups: which of the three ids each of them
 * changes, and for which values a process without rights is refused.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define NONE 0xffffffffU /* -1: as it is */
#define A    1000U
#define B    2000U
#define C    3000U
#define D    4000U

enum call { ONE, TWO, THREE };

struct ids {
    unsigned real, effective, saved;
};

struct test {
    enum call call;
    unsigned args[3];
    int error; /* 0: the ids are `after` then; else they are as before */
    struct ids after;
};

/* From A, B and C, by a process without rights. */
static const struct test ordinary[] = {
    {ONE, {A}, 0, {A, A, C}},
    {ONE, {C}, 0, {A, C, C}},
    {ONE, {B}, EPERM, {0}}, /* neither real nor saved */
    {ONE, {D}, EPERM, {0}},
    {ONE, {NONE}, EINVAL, {0}},
    {TWO, {NONE, NONE}, 0, {A, B, C}},
    {TWO, {B, A}, 0, {B, A, A}}, /* exchanged; the saved one follows */
    {TWO, {A, NONE}, 0, {A, B, B}},
    {TWO, {B, NONE}, 0, {B, B, B}},
    {TWO, {NONE, A}, 0, {A, A, C}}, /* the real one: the saved one stays */
    {TWO, {NONE, B}, 0, {A, B, B}},
    {TWO, {NONE, C}, 0, {A, C, C}},
    {TWO, {C, NONE}, EPERM, {0}}, /* not the saved one */
    {TWO, {D, NONE}, EPERM, {0}},
    {TWO, {NONE, D}, EPERM, {0}},
    {TWO, {A, D}, EPERM, {0}},
    {THREE, {NONE, NONE, NONE}, 0, {A, B, C}},
    {THREE, {C, A, B}, 0, {C, A, B}},
    {THREE, {NONE, C, NONE}, 0, {A, C, C}},
    {THREE, {B, NONE, A}, 0, {B, B, A}},
    {THREE, {D, NONE, NONE}, EPERM, {0}},
    {THREE, {NONE, D, NONE}, EPERM, {0}},
    {THREE, {NONE, NONE, D}, EPERM, {0}},
};

/* From A, 0 and C, by a process with all rights. */
static const struct test privileged[] = {
    {ONE, {D}, 0, {D, D, D}},
    {ONE, {NONE}, EINVAL, {0}},
    {TWO, {D, NONE}, 0, {D, 0, 0}},
    {TWO, {NONE, D}, 0, {A, D, D}},
    {TWO, {NONE, A}, 0, {A, A, C}},
    {TWO, {NONE, NONE}, 0, {A, 0, C}},
    {TWO, {C, D}, 0, {C, D, D}},
    {THREE, {B, D, NONE}, 0, {B, D, C}},
    {THREE, {NONE, NONE, D}, 0, {A, 0, D}},
};

static const struct {
    long set[3], get_three, set_fs;
} kinds[2] = {
    {{SYS_setuid, SYS_setreuid, SYS_setresuid}, SYS_getresuid, SYS_setfsuid},
    {{SYS_setgid, SYS_setregid, SYS_setresgid}, SYS_getresgid, SYS_setfsgid},
};

static int kind; /* users, or groups */

static void start_with(struct ids start, bool rights)
{
    CHECK_EQ(raw3(kinds[kind].set[THREE], start.real, start.effective, start.saved), 0);
    if (kind && !rights) /* then the users are what rights come by */
        CHECK_EQ(raw3(SYS_setresuid, A, A, A), 0);
}

/* And the one for files, which follows the effective one. */
static void ids_are(struct ids want)
{
    struct ids now;

    CHECK_EQ(raw3(kinds[kind].get_three, &now.real, &now.effective, &now.saved), 0);
    CHECK_EQ(now.real, want.real);
    CHECK_EQ(now.effective, want.effective);
    CHECK_EQ(now.saved, want.saved);
    CHECK_EQ(raw1(kinds[kind].set_fs, NONE), want.effective);
}

static void run(const struct test *test, struct ids start, bool rights)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        start_with(start, rights);
        CHECK_EQ(raw3(kinds[kind].set[test->call], test->args[0], test->args[1], test->args[2]),
                 -test->error);
        ids_are(test->error ? start : test->after);
        _exit(0);
    }
    CHECK_EQ(child_end(pid), 0);
}

/* The id for files: the one before is given in any case, and one that is refused is no error. */
static void check_fs(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());
    long call = kinds[kind].set_fs;

    if (pid == 0) {
        start_with((struct ids){A, B, C}, false);
        CHECK_EQ(raw1(call, A), B);
        CHECK_EQ(raw1(call, D), A);
        CHECK_EQ(raw1(call, C), A);
        CHECK_EQ(raw1(call, B), C);
        CHECK_EQ(raw1(call, A), B);
        CHECK_EQ(raw1(call, NONE), A);
        CHECK_EQ(raw3(kinds[kind].set[THREE], NONE, C, NONE), 0);
        ids_are((struct ids){A, C, C});
        _exit(0);
    }
    CHECK_EQ(child_end(pid), 0);
}

int main(void)
{
    for (kind = 0; kind < 2; kind++) {
        for (size_t i = 0; i < sizeof(ordinary) / sizeof(ordinary[0]); i++)
            run(&ordinary[i], (struct ids){A, B, C}, false);
        for (size_t i = 0; i < sizeof(privileged) / sizeof(privileged[0]); i++)
            run(&privileged[i], (struct ids){A, 0, C}, true);
        check_fs();
    }
    return 0;
}
