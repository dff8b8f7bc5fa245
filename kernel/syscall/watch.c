/* SPDX-License-Identifier: MIT */
#include "kernel/syscall/watch.h"

#include "kernel/arch/x86_64/regs.h"
#include "kernel/core/cmdline.h"
#include "kernel/lib/cfg.h"
#include "kernel/lib/klog.h"
#include "kernel/lib/string.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/audit.h"
#include "kernel/syscall/call_text.h"
#include "kernel/syscall/dispatch.h"
#include "shared/linux/errno.h"

#define LINE_SIZE   320
#define RESULT_SIZE 32
#define NUMBERS     512 /* that trace=syscall,NAME can single out */

/* Calls from which nobody comes back with a result. */
enum { CALL_RT_SIGRETURN = 15, CALL_EXIT = 60, CALL_EXIT_GROUP = 231 };

/* Constant once watch_init has run. */
static struct {
    bool traces, traces_all, audits;
    uint8_t wanted[NUMBERS / 8]; /* bit a number */
} watch;

static bool is_traced(uint32_t number)
{
    if (!watch.traces || watch.traces_all)
        return watch.traces;
    return number < NUMBERS && (watch.wanted[number / 8] >> number % 8 & 1);
}

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
    call_print_result(result + (value == -EINTR ? 2 : 0), RESULT_SIZE - 2, value);
    line_print(record, call, result);
    return value;
}

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

int64_t watch_call(struct task *self, const struct trap_frame *frame)
{
    uint32_t number = (uint32_t)frame->error;
    struct call_record record = {
        .pid = self->tid,
        .number = number,
        .args = {frame->rdi, frame->rsi, frame->rdx, frame->r10, frame->r8, frame->r9},
    };

    if (has_no_result(number)) {
        if (watch.audits)
            audit_add(&record);
        if (is_traced(number))
            print_without_result(&record);
        return dispatch_make(self, frame, number);
    }
    if (is_traced(number))
        record.result = call_traced(self, frame, &record);
    else
        record.result = dispatch_make(self, frame, number);
    if (watch.audits)
        audit_add(&record);
    return record.result;
}

/* NAME,NAME...: what the kernel does not have is said, not passed over. */
static void names_read(const char *names)
{
    while (*names) {
        const char *comma = strchr(names, ',');
        size_t nbytes = comma ? (size_t)(comma - names) : strlen(names);
        int number = call_find(names, nbytes);

        if (number >= 0 && number < NUMBERS)
            watch.wanted[number / 8] |= (uint8_t)(1 << number % 8);
        else
            klog("trace: there is no system call '%.*s': it is not traced", (int)nbytes, names);
        names += nbytes + (comma != NULL);
    }
}

static void trace_init(const char *what)
{
    static const char syscall[] = "syscall";
    size_t nbytes = sizeof(syscall) - 1;

    if (strncmp(what, syscall, nbytes) != 0 || (what[nbytes] && what[nbytes] != ',')) {
        klog("command line: trace=%s is not understood: only syscall or syscall,NAME...", what);
        return;
    }
    watch.traces = true;
    watch.traces_all = !what[nbytes];
    if (!watch.traces_all)
        names_read(what + nbytes + 1);
}

void watch_init(void)
{
    char value[CFG_WORD_MAX + 1];

    if (cmdline_find("trace", value, sizeof(value)))
        trace_init(value);
    if (cmdline_find("audit", value, sizeof(value))) {
        if (strcmp(value, "syscall") != 0)
            klog("command line: audit=%s is not understood: only syscall", value);
        else
            watch.audits = audit_init() == 0;
    }
    if (watch.traces || watch.audits)
        dispatch_watch();
}
