/* SPDX-License-Identifier: MIT */
/*
 * tests/race/race.h - pairs of calls that share an object, run against each other
 *
 * Owns:    groups of operations, one group for each kind of shared object, and what a worker knows.
 * Used by: race.c (the stage on which a pair runs), probe.c (one operation beside a latency probe),
 *          group_*.c (the operations).
 * Rule:    an operation is a few calls on the group's object, in any state that another operation
 *          may have left it in. It never waits for longer than a few milliseconds, it ends and
 *          reaps the children it makes, and it uses raw_call alone: the workers of a group that
 *          shares memory share errno, too.
 * Why:     every worker sees every order of events sooner or later; what must hold in all of them
 *          is checked at once (race_wrong) or when the workers have ended (the group's `end`).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/user/lib/check.h"

#define RACE_WORKERS 4
#define RACE_PAGE    4096ul

struct race_worker {
    uint64_t random;
    unsigned index;
};

struct race_op {
    const char *name;
    void (*act)(struct race_worker *worker);
};

struct race_group {
    const char *name;
    unsigned long
        clone_flags; /* what the workers share, apart from open files and memory of fork */
    const char *(*begin)(void); /* makes the object; why it cannot be made, or NULL */
    void (*end)(void);          /* all workers have ended: checks, and removes the object */
    const struct race_op *ops;  /* up to a name that is NULL */
};

/* In memory that every worker shares, whatever the group shares. */
struct race_shared {
    volatile int stop;
    volatile int wrong; /* one sentence has been printed */
    volatile uint64_t done[RACE_WORKERS];
    volatile int pids[RACE_WORKERS];    /* the workers */
    volatile int victims[RACE_WORKERS]; /* children of the workers; 0: none now */
    volatile unsigned words[64];
};
extern struct race_shared *race_shared;

extern const struct race_group race_table, race_space, race_directory, race_terminal, race_process,
    race_pipe, race_timer, race_futex, race_mounts, race_lock, race_long;

/* Whether an operation of that name is one of the two that run now. */
bool race_runs(const char *name);

/* What must hold does not: says so once and stops the pair. Returns. */
void race_wrong(const char *what, long value);

uint32_t race_random(struct race_worker *worker, uint32_t below);

/* A child by clone with these flags (no CLONE_VM): 0 in it. Ends and reaps like a child of fork. */
long race_fork(unsigned long flags);
_Noreturn void race_exit(int code);
/* Waits for that child; its status. */
int race_wait(long pid);

void race_sleep_us(long us);
uint64_t race_now_ns(void);

/* Reads the file, or lists the directory, to its end. */
void race_read_all(const char *path);
/* "/proc/<pid>/<name>" into the buffer. */
void race_proc_path(char path[64], long pid, const char *name);

/* One operation after the other, each beside a latency probe; 0: no pause was too long. */
int race_probe(unsigned ms, uint64_t seed, int count, char **selectors);
/* Whether one of the selectors (GROUP, GROUP/OP, GROUP/OP+OP) fits; none at all fits everything. */
bool race_selected(int count, char **selectors, const char *group, const char *a, const char *b);
extern const struct race_group *const race_groups[];
