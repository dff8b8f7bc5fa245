/* SPDX-License-Identifier: MIT */
/*
 * kernel/vdso/vdso.h - the functions that the kernel lends to every program
 *
 * Owns:    a shared object of one page with Linux's names and versions (vdso.ld). libc finds it by
 *          AT_SYSINFO_EHDR and calls it in place of the system calls of these names.
 * Context: ring 3, any thread, signal handlers too. No stack to speak of, no state of its own.
 * Fails:   as the calls, of which each function makes the real one where it cannot answer.
 * Tests:   tests/user/start/vdso.c, tests/system/test_trace.py
 */
#pragma once

#include "shared/linux/time.h"
#include "shared/vdso.h"

#define VDSO_PUBLIC __attribute__((visibility("default")))

/* Placed by vdso.ld: the page below the first of the object. Not const: the kernel writes it. */
extern struct vdso_data vdso_data __attribute__((visibility("hidden")));

VDSO_PUBLIC int __vdso_clock_gettime(int clock, struct lx_timespec *time);
VDSO_PUBLIC int __vdso_clock_getres(int clock, struct lx_timespec *resolution);
VDSO_PUBLIC int __vdso_gettimeofday(struct lx_timeval *time, struct lx_timezone *zone);
VDSO_PUBLIC int64_t __vdso_time(int64_t *result);
VDSO_PUBLIC long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused);

/* The same under their plain names, weak, as Linux has them. */
VDSO_PUBLIC int clock_gettime(int clock, struct lx_timespec *time);
VDSO_PUBLIC int clock_getres(int clock, struct lx_timespec *resolution);
VDSO_PUBLIC int gettimeofday(struct lx_timeval *time, struct lx_timezone *zone);
VDSO_PUBLIC int64_t time(int64_t *result);
VDSO_PUBLIC long getcpu(unsigned *cpu, unsigned *node, void *unused);
