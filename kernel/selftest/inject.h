/* SPDX-License-Identifier: MIT */
/*
 * selftest/inject.h - faults on purpose, so that tests can see them noticed
 *
 * Words of the command line, for the system tests; nothing here runs without them:
 *   panic=test|assert|fault|stack|rank|user|nested|frame|wx   the kernel panics after the baseline
 *   panic=first|memory|files   during start-up: as soon as the command line is known, behind the
 *                  start of memory, before the root file system (main.c)
 *   inject=leak    each program of the plan costs a frame
 *   inject=lose    the last test of the plan is not run and not reported
 *   inject=hang    interrupts off, for ever, after the baseline
 *   inject=deaf    another processor has its interrupts off for 18 s after the baseline
 *   inject=reset   a triple fault after the baseline
 *   inject=dma     64 bytes of memory without an owner are written to, as by a device
 *   skew=pm-timer|hpet|rtc|apic-timer   that clock is read as if it ran faster than the others
 *   mute=APIC_ID|all   that processor, or all others, are never told to begin: they do not answer
 *   late=APIC_ID   with mute=APIC_ID: that processor begins when the next one is told to, and
 *                  finds that it may not
 *   storm=US       a timer interrupt every US microseconds (20 to 1,000,000) while programs run
 * Context: the boot thread.
 */
#pragma once

#include "kernel/lib/util.h"

/* After the baseline; may not return. An unknown word panics, too, and says so. */
void inject_start(void);

/* Before the processors are started. */
bool inject_is_mute(uint32_t apic_id);

bool inject_is(const char *word); /* whether inject=word was given */
