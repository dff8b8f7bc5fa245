/* SPDX-License-Identifier: MIT */
/*
 * proc/core/core.h - core files: a program that a signal ends, as a file for debuggers
 *
 * Owns:    the pattern of their names.
 * Used by: signal_deliver.c, /proc/sys/kernel.
 * Context: the task that the signal ends, no lock held; the others wait meanwhile
 *          (process_dump_begin).
 * Fails:   by writing nothing, or less: the program ends in any case.
 * Tests:   tests/user/proc/core_file.c
 */
#pragma once

#include "kernel/lib/util.h"
#include "shared/linux/signal.h"

struct file;
struct task;

#define CORE_PATTERN_MAX 127

/* Bits of /proc/PID/coredump_filter, core(5): which memory is in a file. */
#define CORE_ANON_PRIVATE   0x01u
#define CORE_ANON_SHARED    0x02u
#define CORE_FILE_PRIVATE   0x04u
#define CORE_FILE_SHARED    0x08u
#define CORE_ELF_HEADERS    0x10u
#define CORE_FILTER_ALL     0x1ffu /* the others are kept */
#define CORE_FILTER_DEFAULT 0x33u

/* By that signal, where there is to be a file at all: process_exit comes next. */
void core_dump(struct task *self, const struct lx_siginfo *info);

/* ---- core_name.c ---- */

/* /proc/sys/kernel/core_pattern. Pipes ("|") are -EINVAL: no program is started. */
void core_pattern_get(char text[CORE_PATTERN_MAX + 1]);
MUST_CHECK int core_pattern_set(const char *text, size_t nbytes);
extern uint32_t core_uses_pid; /* [a] a name without %p gets the number appended */
/* The path; -ENAMETOOLONG. */
MUST_CHECK int core_name(const struct task *self, int signal, char *text, size_t size);

/* ---- core_elf.c ---- */

/* As far as the limit goes, as a killed process goes on, and as there is room. */
void core_write(struct task *self, const struct lx_siginfo *info, struct file *file,
                uint64_t limit);
