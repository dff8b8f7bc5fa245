/* SPDX-License-Identifier: MIT */
/*
 * rootfs/usr/src/check/check.h - what the checks of a machine share
 *
 * Owns:    the processors that may be used, workers pinned to them, options, exit codes.
 * Used by: every check. A check is a function that prints what it found on stdout, a line at a
 *          time, and returns one of the exit codes below.
 * Rule:    each check can be made to fail by --fault=..., which changes what it reads: so its
 *          tests see it red (tests/user/checks.plan).
 * Tests:   tests/user/checks.plan, on Linux first; tests/system/test_checks.py
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/lib/util.h"

#define CHECK_PASSED 0
#define CHECK_FAILED 1
#define CHECK_USAGE  2
/* What it looks at is not here, or its time was up before all of it was looked at once: skipcode=4
 * of a plan. */
#define CHECK_SKIPPED 4

#define CPUS_MAX 1024
#define PAGE     4096u
#define MIB      (1u << 20)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- options: --NAME=VALUE or --NAME, in any order --- */

struct options {
    int argc;
    char *const *argv;
};

/* The value, "" where there is none; NULL: not given. */
const char *option_find(const struct options *options, const char *name);
/* Whether it is there with that value. */
bool option_is(const struct options *options, const char *name, const char *value);
/* A number; K, M and G behind it multiply. The default where it is not given; ends the program
 * with CHECK_USAGE where it is no number. */
uint64_t option_number(const struct options *options, const char *name, uint64_t without);

/* --- processors --- */

struct cpus {
    unsigned count;
    unsigned number[CPUS_MAX]; /* as the kernel counts */
};

void cpus_find(struct cpus *cpus); /* those that this program may run on */
/* The caller runs on that one alone from here on. False: the kernel does not let it. */
bool cpu_pin(unsigned number);
/* "processor 3 (APIC id 0x6, efficiency core)", of the one that the caller is pinned to. */
const char *cpu_text(unsigned number);

/* --- workers: processes, one pinned to each processor --- */

enum turns { IN_TURN, TOGETHER };

/* Runs work(index, argument) for each of the processors, in a child of its own. Its result is the
 * child's exit code. True if all passed; a child that died is reported here. */
bool workers_run(const struct cpus *cpus, enum turns turns, int (*work)(unsigned, void *),
                 void *argument);
/* For workers that wait for others: one of them has failed or died. */
bool workers_broken(void);
/* Memory that workers share, zeroed; ends the program where there is none. */
void *shared_alloc(size_t nbytes);

/* --- time and text --- */

uint64_t now_ns(void); /* CLOCK_MONOTONIC */
static inline uint64_t rate_mib(uint64_t nbytes, uint64_t ns)
{
    return ns ? (uint64_t)((double)nbytes * 1e9 / (double)ns / MIB) : 0;
}
/* True every ten seconds: the worker that speaks for all says how far it is. */
bool progress_due(void);
/* Prints a line in one write: workers' lines do not mix. */
PRINTF_LIKE(1, 2) void say(const char *format, ...);
uint64_t memory_available(void); /* bytes, as /proc/meminfo has it; 0: unknown */
/* Contents of a small file, NUL behind them; the number of bytes or -1. */
long file_read(const char *path, void *buffer, size_t size);

/* --- the checks --- */

int check_cpu(const struct options *options);
int check_traffic(const struct options *options);
int check_memory(const struct options *options);
int check_bandwidth(const struct options *options);
int check_clocks(const struct options *options);
int check_random(const struct options *options);
int check_thermal(const struct options *options);
int check_found(const struct options *options);
int check_disks(const struct options *options);
