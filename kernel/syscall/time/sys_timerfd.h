/* SPDX-License-Identifier: MIT */
/*
 * syscall/time/sys_timerfd.h - timers as files, and the clock that is set
 *
 * Owns:    the list of timers that are cancelled when real time is set.
 * Used by: sys_time.c.
 * Locks:   the list's mutex, rank INODE.
 * Context: thread, no lock held.
 * Tests:   tests/user/event/timerfd.c
 */
#pragma once

/* Real time has been set: timers with TFD_TIMER_CANCEL_ON_SET end. */
void timerfd_clock_was_set(void);
