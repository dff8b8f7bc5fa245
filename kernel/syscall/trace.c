/* SPDX-License-Identifier: MIT */
/*
 * Tracing of system calls: trace=syscall and audit=syscall of the command line.
 *
 * trace_call takes the place of the fast path in dispatch.c when one of the two words was given. A
 * traced call is one line in the log, printed after the call, since only then its result is known;
 * its arguments are made into text before it. A call without a result (exit, rt_sigreturn) is
 * printed before it is made.
 *
 * audit=syscall records numbers and words only, in the rings of audit.c, which is fast enough for
 * every call of a test run. The configuration is constant after start-up and read without a lock.
 */
#include "kernel/syscall/trace.h"

#include "kernel/arch/x86_64/regs.h"
#include "kernel/core/cmdline.h"
#include "kernel/lib/cfg.h"
#include "kernel/lib/klog.h"
#include "kernel/lib/restart.h"
#include "kernel/lib/string.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/audit.h"
#include "kernel/syscall/call_text.h"
#include "kernel/syscall/dispatch.h"
#include "shared/linux/errno.h"

#define LINE_SIZE   320
#define RESULT_SIZE 32
#define NUMBERS     512 /* that trace=syscall,NAME can single out */

/* Calls that do not return a result to their caller. */
enum { CALL_RT_SIGRETURN = 15, CALL_EXIT = 60, CALL_EXIT_GROUP = 231 };

/* Constant once trace_init has run. */
static struct {
    bool traces, traces_all, audits;
    uint8_t wanted[NUMBERS / 8]; /* bit a number */
} tracing;

/* Without names every call is traced; with names those whose bits are set. */
static inline bool is_traced(uint32_t number)
{
    if (!tracing.traces || tracing.traces_all)
        return tracing.traces;
    return number < NUMBERS && (tracing.wanted[number / 8] >> number % 8 & 1);
}

/* One klog call for the whole line: lines of several processors do not mix. */
static void line_print(const struct call_record *record, const char *call, const char *result)
{
    klog("[pid %d] %s = %s", record->pid, call, result);
}

/* The arguments are written down before the call: execve takes the memory they are in away. */
static int64_t call_traced(struct task *self, const struct trap_frame *frame,
                           const struct call_record *record)
{
    char call[LINE_SIZE], result[RESULT_SIZE] = "? ";
    int64_t value;

    call_print(call, sizeof(call), record, true);
    value = dispatch_make(self, frame, record->number);
    /* Whether it starts anew is known only when the signal has been acted on. */
    call_print_result(result + (restart_is_code(value) ? 2 : 0), RESULT_SIZE - 2,
                      restart_is_code(value) ? -EINTR : value);
    line_print(record, call, result);
    return value;
}

/* The shape of strace(1) for a call that does not return. */
static void print_without_result(const struct call_record *record)
{
    char call[LINE_SIZE];

    call_print(call, sizeof(call), record, true);
    line_print(record, call, "?");
}

static bool has_no_result(uint32_t number)
{
    return number == CALL_EXIT || number == CALL_EXIT_GROUP || number == CALL_RT_SIGRETURN;
}

/* On the system call path, interrupts on, no lock held: klog may wait for the serial line. */
int64_t trace_call(struct task *self, const struct trap_frame *frame)
{
    uint32_t number = (uint32_t)frame->error;
    struct call_record record = {
        .pid = self->tid,
        .number = number,
        .args = {frame->rdi, frame->rsi, frame->rdx, frame->r10, frame->r8, frame->r9},
    };
    int64_t result;

    /* Recorded before the call: there is no after. */
    if (has_no_result(number)) {
        if (tracing.audits)
            audit_add(&record);
        if (is_traced(number))
            print_without_result(&record);
        return dispatch_make(self, frame, number);
    }
    result =
        is_traced(number) ? call_traced(self, frame, &record) : dispatch_make(self, frame, number);
    record.result = restart_is_code(result) ? -EINTR : result;
    if (tracing.audits)
        audit_add(&record);
    return result;
}

/* NAME,NAME...: what the kernel does not have is said, not passed over. */
static void names_read(const char *names)
{
    while (*names) {
        const char *comma = strchr(names, ',');
        size_t nbytes = comma ? (size_t)(comma - names) : strlen(names);
        int number = call_find(names, nbytes);

        if (number >= 0 && number < NUMBERS)
            tracing.wanted[number / 8] |= (uint8_t)(1 << number % 8);
        else
            klog("trace: there is no system call '%.*s': it is not traced", (int)nbytes, names);
        names += nbytes + (comma != NULL);
    }
}

/* An unknown word is reported in the log and traces nothing: a mistyped option is not silent. */
static void trace_parse(const char *what)
{
    static const char syscall[] = "syscall";
    size_t nbytes = sizeof(syscall) - 1;

    if (strncmp(what, syscall, nbytes) != 0 || (what[nbytes] && what[nbytes] != ',')) {
        klog("command line: trace=%s is not understood: only syscall or syscall,NAME...", what);
        return;
    }
    tracing.traces = true;
    tracing.traces_all = !what[nbytes];
    if (!tracing.traces_all)
        names_read(what + nbytes + 1);
}

/* Once, at start-up, before the first program. The order matters: calls are diverted only when the
 * rings of the audit exist. */
COLD void trace_init(void)
{
    char value[CFG_WORD_MAX + 1];

    if (cmdline_find("trace", value, sizeof(value)))
        trace_parse(value);
    if (cmdline_find("audit", value, sizeof(value))) {
        if (strcmp(value, "syscall") != 0)
            klog("command line: audit=%s is not understood: only syscall", value);
        else
            tracing.audits = audit_init() == 0;
    }
    if (tracing.traces || tracing.audits)
        dispatch_trace_calls();
}
