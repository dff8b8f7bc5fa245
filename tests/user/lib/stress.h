/* SPDX-License-Identifier: MIT */
/*
 * tests/user/lib/stress.h - what the programs of stress.plan share
 *
 * Owns:    the time that a program may take, the size of the machine, children and their ends.
 * Used by: tests/user/stress/stress_*.c. Each takes the number of seconds as its first argument.
 * Rule:    work is done in rounds until the time is up, at least one; each round's result is
 *          checked, and nothing but the time depends on how fast the machine is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads the arguments, and looks at the machine. */
void stress_begin(int argc, char **argv);

/* True while there is time for another round. */
bool stress_goes_on(void);

/* What was found out: processors that this process may use; memory of the machine in MiB. */
unsigned stress_cpus(void);
unsigned stress_mib(void);

uint64_t now_ns(void);
void sleep_ns(uint64_t ns);

/* This process runs on the n-th of its processors only (modulo their number). */
void stress_pin(unsigned n);

/* Zeroed memory that children share; never fails. */
void *shared_new(size_t nbytes);

/* A child that runs function(argument) and ends with 0. */
pid_t child_start(void (*function)(void *argument), void *argument);
/* Waits for that child: it must have ended so, status as wait(2) gives it. */
void child_await(pid_t pid, int status);
/* Waits for n children of whatever kind, all of which must have ended with 0. */
void children_await(unsigned n);

/* Numbers that look random; the state is the caller's. */
static inline uint32_t random_next(uint64_t *state)
{
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(*state >> 33);
}
