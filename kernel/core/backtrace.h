/* SPDX-License-Identifier: MIT */
/*
 * core/backtrace.h - where the kernel is, here and on other processors
 *
 * Owns:    the kernel's symbols; the question by NMI that a processor answers even with interrupts
 *          off.
 * Rule:    a stack is followed by frame pointers, upwards, between two given ends: nothing else is
 *          read, so following cannot fault, whatever the stack holds.
 * Context: backtrace_follow and backtrace_nmi: any. backtrace_of_cpu: any but NMI; it waits at most
 *          BACKTRACE_WAIT_NS.
 * Tests:   tests/system/test_shell.py, test_inject.py
 */
#pragma once

#include "kernel/lib/util.h"

struct arch_thread;
struct trap_frame;

#define BACKTRACE_MAX     24 /* more do not fit on a screen together with a panic's registers */
#define BACKTRACE_WAIT_NS 100000000ULL

struct backtrace {
    unsigned count;
    bool from_user;       /* the last address is in ring 3: the way into the kernel is complete */
    uint32_t interrupted; /* bit n: address n was to be run next, and is no return address */
    uint64_t addresses[BACKTRACE_MAX]; /* innermost first */
};

/* The kernel's ELF file, for names. */
void backtrace_set_symbols(const void *file, size_t nbytes);
/* NULL: no symbol there. */
const char *backtrace_symbol(uint64_t address, uint64_t *offset);

/* One past the end of this processor's kernel stack that has the address. 0: none has. */
uint64_t backtrace_stack_end(uint64_t address);

/* Adds the callers of the function whose frame rbp points to. Through interrupts and exceptions it
 * goes on with what they interrupted. */
void backtrace_follow(struct backtrace *trace, uint64_t rbp, uint64_t low, uint64_t high);
/* What address n is searched for by: a return address may be the first one of the next function, if
 * the call was the last instruction, hence the byte before it. */
static inline uint64_t backtrace_lookup(const struct backtrace *trace, unsigned n)
{
    return trace->addresses[n] - !(trace->interrupted >> n & 1);
}

/* Into the log, a line an address. */
void backtrace_print(const struct backtrace *trace);

/* What another processor does at this moment. False: it does not answer. */
struct backtrace_cpu {
    const struct arch_thread *thread; /* for comparing: it may be gone */
    struct backtrace trace;
};
MUST_CHECK bool backtrace_of_cpu(unsigned cpu, struct backtrace_cpu *out);

/* In the NMI handler: answers if this processor is asked. */
void backtrace_nmi(const struct trap_frame *frame);
