/* SPDX-License-Identifier: MIT */
/*
 * tests/user/lib/pty.h - a pair of terminals, and how to play the one who types
 *
 * Used by: pty_*.c.
 * Rule:    every wait is bounded: what does not come within seconds fails the check.
 */
#pragma once

#include "tests/user/lib/check.h"

#include <stddef.h>
#include <sys/types.h>

/* A new pair, unlocked; the terminal's path. Neither end becomes anybody's terminal. */
int pty_master(char *path, size_t size);
int pty_terminal(const char *path, int flags);

/* Keys, in one write. */
void pty_type(int master, const char *keys);

/* What appears at the master within the next moments must be exactly that. */
void pty_expect(int master, const char *text);
/* Nothing has appeared, and nothing does for a tenth of a second. */
void pty_expect_nothing(int master);
/* Exactly that comes out of one read of the terminal; "" is the end of the file. */
void pty_read_is(int terminal, const char *text);
/* There is nothing to read for a tenth of a second. */
void pty_nothing_to_read(int terminal);

/* Changes flags of the terminal: input, output and local flags that go, and come. */
void pty_local(int terminal, unsigned off, unsigned on);
void pty_input(int terminal, unsigned off, unsigned on);
void pty_output(int terminal, unsigned off, unsigned on);
void pty_min_time(int terminal, int min, int time);

/* A child that runs function(argument) and exits with 0; its end is checked by pty_child_ok. */
pid_t pty_child(void (*function)(void *argument), void *argument);
void pty_child_ok(pid_t pid);
void pty_sleep_ms(long ms);
