/* SPDX-License-Identifier: MIT */
/*
 * tests/user/lib/race.h - what workers that race for a while have in common
 *
 * Used by: unix_race.c, tcp_race.c. The test sets race_begin before it starts them.
 */
#pragma once

#include <time.h>

static struct timespec race_begin;

static inline int race_is_over(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - race_begin.tv_sec) * 1000 + (now.tv_nsec - race_begin.tv_nsec) / 1000000 >
           400;
}

/* The state begins with another number in each worker, so that they differ. */
static inline unsigned race_number(unsigned *state)
{
    *state = *state * 1103515245u + 12345u;
    return *state >> 16;
}
