/* SPDX-License-Identifier: MIT */
/*
 * syscall/audit.h - every system call written down
 *
 * Owns:    a ring of records for each processor, once the boot option audit=syscall is given; the
 *          file from which programs read and so remove them.
 * Rule:    writing never waits and takes no lock: where the ring is full the new record is dropped
 *          and counted. So records read, records left and records dropped add up to calls made.
 * Context: audit_add: a thread, no lock held; the processor's own, because the kernel is not
 *          preempted. Reading: a thread; any number of them.
 * Fails:   -ENOMEM.
 * Tests:   tests/user/start/audit.c, tests/system/test_trace.py
 */
#pragma once

#include "kernel/lib/util.h"

struct call_record;

/* Rings for all processors that run, and the file. */
MUST_CHECK int audit_init(void);

void audit_add(const struct call_record *record);
