/* SPDX-License-Identifier: MIT */
/*
 * tests/user/lib/asleep.h - another process waits in its system call
 *
 * Used by: tests that do something to a process that waits.
 * Why:     a machine that its host holds up may take seconds over what takes microseconds else: no
 *          time is long enough for a child to have come to its call.
 */
#pragma once

#include <sys/types.h>

/* Until the process sleeps, as /proc tells. It must not sleep before the call that is meant, nor
 * end without it. Linux without /proc gets half a second instead. */
void asleep_await(pid_t pid);
