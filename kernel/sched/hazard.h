/* SPDX-License-Identifier: MIT */
/*
 * sched/hazard.h - which object a processor reads just now without a lock
 *
 * Owns:    one pointer a processor.
 * Used by: the page cache, whose pages must be free at once when a file becomes shorter: what
 *          waits for a grace period (sched/rcu.h) would be missing until then.
 * Rule:    a reader enters, reads, and leaves; in between it does not block, and copies to user
 *          memory with faults disabled only. It reads one object at a time. A writer makes what it
 *          takes away unreachable (or has new readers turned away by a flag that they look at after
 *          entering), then drains: afterwards no reader has what it took away.
 * Order:   entering and draining have a full fence each between their store and their load, so at
 *          least one of the two sees the other.
 * Locks:   none. A writer that drains may hold mutexes, but no spinlock: readers take neither.
 * Context: threads.
 * Tests:   kernel/selftest/rcu_checks.c, tests/user/stress
 */
#pragma once

#include <stdbool.h>

void hazard_enter(const void *object);
void hazard_leave(void);
bool hazard_is_held(void); /* by this processor: for assertions */

/* Waits until no other processor is between enter and leave with that object: as long as one copy
 * of a reader takes. */
void hazard_drain(const void *object);
