/* SPDX-License-Identifier: MIT */
/*
 * selftest/test_run.h - run one program and say whether it did what was expected
 *
 * Owns:    the surroundings of a test (descriptors, environment, limit) and its check.
 * Context: the boot thread.
 */
#pragma once

#include "kernel/lib/plan.h"
#include "kernel/lib/util.h"

struct test_case {
    const char *name;
    const char *const *argv; /* argv[0] is a path, or a name looked up in PATH */
    uint64_t limit_ns;
    enum plan_expect expect;
    int expect_value;
    int skip_code; /* exit code that means skipped; 0: none does */
    uint32_t uid;
    const char *const *env; /* NULL-terminated */
};

/* Runs it and prints its result line. */
void test_run(const struct test_case *test);
