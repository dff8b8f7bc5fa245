/* SPDX-License-Identifier: MIT */
/*
 * lib/restart.h - results of calls that a signal has interrupted
 *
 * Rule:    a wait that a signal ends returns -ERESTARTSYS, and callers pass it on, or choose
 * another of these codes where signal(7) has another rule for their call. No program ever sees one:
 * on the way back to ring 3 each becomes -EINTR or the call starts anew
 *          (proc/signal/signal_deliver.c). -EINTR itself is final: such a call never starts anew.
 * Values:  Linux's (include/linux/errno.h), behind all numbers that programs know.
 * Context: any; no state.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ERESTARTSYS           512 /* anew without a handler, or after one with SA_RESTART */
#define ERESTARTNOINTR        513 /* always anew: nothing has happened yet */
#define ERESTARTNOHAND        514 /* anew only when no handler runs */
#define ERESTART_RESTARTBLOCK 516 /* likewise, by RESTART_CALL, until task.restart_deadline_ns */

#define RESTART_CALL 219 /* restart_syscall(2), which tracers see then */

static inline bool restart_is_code(int64_t result)
{
    return result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK;
}

/* For waits whose rule is another one than that of most. */
static inline int64_t restart_instead(int64_t result, int code)
{
    return result == -ERESTARTSYS ? -code : result;
}
