/* SPDX-License-Identifier: MIT */
/*
 * selftest/judge.h - run one program and say whether it did what was expected
 *
 * Owns:    the surroundings of a test (descriptors, environment, limit) and its judgement.
 * Context: the boot thread.
 */
#pragma once

#include "kernel/lib/plan.h"
#include "kernel/lib/util.h"

struct judge_test {
    const char *name;
    const char *const *argv; /* argv[0] is a path, or a name looked up in PATH */
    uint64_t limit_ns;
    enum plan_expect expect;
    int expect_value;
};

/* Runs it and prints its result line. */
void judge_run(const struct judge_test *test);
