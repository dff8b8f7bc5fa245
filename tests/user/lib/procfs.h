/* SPDX-License-Identifier: MIT */
/*
 * tests/user/lib/procfs.h - reading /proc
 *
 * Owns:    whole files as text, lines and numbers in them, links.
 * Used by: proc_*.c, mount_*.c, asleep.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The whole file, with a NUL behind it: its length, or a negative errno. */
long text_read(const char *path, char *text, size_t size);
/* The same, and it must be there. */
size_t text_of(const char *path, char *text, size_t size);

/* /proc/PID/NAME, in one of a few buffers that are used in turn. */
const char *proc_path(int pid, const char *name);

/* What follows `name` at the start of a line; NULL: there is no such line. */
const char *line_value(const char *text, const char *name);
/* The number there, which must be there, and whether it is that word, up to blank or line end. */
unsigned long line_number(const char *text, const char *name);
bool line_is(const char *text, const char *name, const char *value);

/* The n-th word from 1 on behind the last ')': field n + 2 of /proc/PID/stat, as a number. */
long stat_field(const char *text, int n);
char stat_state(const char *text);

/* The link's text must be that. */
void link_is(const char *path, const char *text);
