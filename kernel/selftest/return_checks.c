/* SPDX-License-Identifier: MIT */
/* Boot return: what the kernel had before ring 3 it has afterwards. */
#include "kernel/selftest/probe.h"

#include "kernel/arch/x86_64/idt.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/msr.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/selftest/ktest.h"
#include "kernel/selftest/snippet.h"
#include "shared/linux/signal.h"

#define RETURNS 1000

/* Ring 3 can set these, and the kernel never runs with them. */
#define FLAGS_OF_RING_3 (RFLAGS_TF | RFLAGS_DF | RFLAGS_NT | RFLAGS_AC)

SNIPPET_DECLARE(litter);
SNIPPET_DECLARE(gate80);
SNIPPET_DECLARE(divide);
SNIPPET_DECLARE(single_step);
SNIPPET_DECLARE(breakpoint);
SNIPPET_DECLARE(overflow);
SNIPPET_DECLARE(invalid);
SNIPPET_DECLARE(privileged);
SNIPPET_DECLARE(gate_shut);
SNIPPET_DECLARE(soft_page_fault);
SNIPPET_DECLARE(soft_nmi);
SNIPPET_DECLARE(soft_timer);
SNIPPET_DECLARE(noncanonical);
SNIPPET_DECLARE(stack_noncanonical);
SNIPPET_DECLARE(null_read);
SNIPPET_DECLARE(kernel_read);
SNIPPET_DECLARE(kernel_jump);
SNIPPET_DECLARE(text_write);
SNIPPET_DECLARE(stack_execute);
SNIPPET_DECLARE(alignment);
SNIPPET_DECLARE(sse_fault);
SNIPPET_DECLARE(x87_fault);
SNIPPET_DECLARE(user_segment);

/* Everything about the processor that boot return promises to keep. */
struct processor_state {
    uint64_t gs_base, kernel_gs_base, fs_base, cr0, cr3, cr4, rflags;
    uint64_t kernel_rsp;
    uint64_t spin_mask, irq_depth;
    struct probe_selectors selectors;
};

static void state_read(struct processor_state *state)
{
    memset(state, 0, sizeof(*state));
    state->gs_base = msr_read(MSR_GS_BASE);
    state->kernel_gs_base = msr_read(MSR_KERNEL_GS_BASE);
    state->fs_base = msr_read(MSR_FS_BASE);
    state->cr0 = cr0_read();
    state->cr3 = cr3_read();
    state->cr4 = cr4_read();
    /* The arithmetic flags and ID, which means nothing, change all the time. */
    state->rflags = irq_flags_read() & (FLAGS_OF_RING_3 | RFLAGS_IF | RFLAGS_IOPL);
    probe_selectors_read(&state->selectors);
    state->kernel_rsp = cpu_self()->kernel_rsp;
    state->spin_mask = cpu_self()->spin_mask;
    state->irq_depth = cpu_self()->irq_depth;
}

static bool state_equal(const struct processor_state *before, const struct processor_state *after,
                        char reason[KTEST_REASON_SIZE])
{
    static const char *const names[] = {
        "GS base", "kernel GS base", "FS base", "CR0",        "CR3",
        "CR4",     "RFLAGS",         "RSP0",    "locks held", "interrupt depth"};
    const uint64_t *one = (const uint64_t *)before, *other = (const uint64_t *)after;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        KTEST_EXPECT(one[i] == other[i], "%s was %llx, is %llx", names[i],
                     (unsigned long long)one[i], (unsigned long long)other[i]);
    KTEST_EXPECT(!memcmp(&before->selectors, &after->selectors, sizeof(before->selectors)),
                 "selectors are cs %x ds %x es %x fs %x gs %x ss %x", after->selectors.cs,
                 after->selectors.ds, after->selectors.es, after->selectors.fs, after->selectors.gs,
                 after->selectors.ss);
    return true;
}

static void run_once(void *argument)
{
    struct wait_status *status = argument;

    if (snippet_run_installed(status))
        status->end = PROCESS_RUNNING;
}

static bool returns_check(char reason[KTEST_REASON_SIZE])
{
    struct processor_state before, after;

    state_read(&before);
    for (unsigned i = 0; i < RETURNS; i++) {
        struct wait_status status = {0};
        uint64_t changed = probe_call(run_once, &status);

        state_read(&after);
        KTEST_EXPECT(status.end == PROCESS_EXITED && status.code == 7,
                     "return %u: the program ended with %d %d", i, (int)status.end, status.code);
        KTEST_EXPECT(changed == 0, "return %u: callee-saved registers changed (mask %llx)", i,
                     (unsigned long long)changed);
        if (!state_equal(&before, &after, reason))
            return false;
    }
    return true;
}

KTEST_BOOT(returns, "boot-return-1000")
{
    bool good;

    KTEST_EXPECT(snippet_install(SNIPPET(litter)) == 0, "the program could not be written");
    good = returns_check(reason);
    snippet_remove();
    return good;
}

KTEST_BOOT(gate, "boot-interrupt-gate")
{
    struct wait_status status = {0};
    int err;

    idt_gate80_set(true);
    err = snippet_run(SNIPPET(gate80), &status);
    idt_gate80_set(false);
    KTEST_EXPECT(!err, "could not start: error %d", -err);
    KTEST_EXPECT(status.end == PROCESS_EXITED && status.code == 8, "ended with %d %d",
                 (int)status.end, status.code);
    return true;
}

struct exception_case {
    const char *name;
    struct snippet code;
    int signal;
    int or_signal; /* 0: no other */
};

static bool exceptions_check(const struct exception_case *cases, size_t count,
                             char reason[KTEST_REASON_SIZE])
{
    for (size_t i = 0; i < count; i++) {
        struct wait_status status = {0};
        int err = snippet_run(cases[i].code, &status);

        KTEST_EXPECT(!err, "%s: could not start: error %d", cases[i].name, -err);
        KTEST_EXPECT(status.end == PROCESS_SIGNALED &&
                         (status.code == cases[i].signal || status.code == cases[i].or_signal),
                     "%s: ended with %d %d, expected signal %d", cases[i].name, (int)status.end,
                     status.code, cases[i].signal);
        KTEST_EXPECT(!(irq_flags_read() & FLAGS_OF_RING_3), "%s: its flags are left, %llx",
                     cases[i].name, (unsigned long long)irq_flags_read());
    }
    return true;
}

KTEST_BOOT(exceptions, "boot-exceptions")
{
    const struct exception_case cases[] = {
        {"divide", SNIPPET(divide), LX_SIGFPE, 0},
        {"single step", SNIPPET(single_step), LX_SIGTRAP, 0},
        {"breakpoint", SNIPPET(breakpoint), LX_SIGTRAP, 0},
        {"overflow", SNIPPET(overflow), LX_SIGSEGV, 0},
        {"invalid opcode", SNIPPET(invalid), LX_SIGILL, 0},
        {"privileged instruction", SNIPPET(privileged), LX_SIGSEGV, 0},
        {"int 0x80, gate shut", SNIPPET(gate_shut), LX_SIGSEGV, 0},
        {"int 14", SNIPPET(soft_page_fault), LX_SIGSEGV, 0},
        {"int 2", SNIPPET(soft_nmi), LX_SIGSEGV, 0},
        {"int 0xf0", SNIPPET(soft_timer), LX_SIGSEGV, 0},
        {"non-canonical address", SNIPPET(noncanonical), LX_SIGSEGV, 0},
        /* #SS on a processor; QEMU's emulation raises #GP instead. */
        {"non-canonical stack", SNIPPET(stack_noncanonical), LX_SIGBUS, LX_SIGSEGV},
        {"null pointer", SNIPPET(null_read), LX_SIGSEGV, 0},
        {"kernel memory read", SNIPPET(kernel_read), LX_SIGSEGV, 0},
        {"kernel memory executed", SNIPPET(kernel_jump), LX_SIGSEGV, 0},
        {"text written", SNIPPET(text_write), LX_SIGSEGV, 0},
        {"stack executed", SNIPPET(stack_execute), LX_SIGSEGV, 0},
        /* An emulator without alignment checks or SSE exceptions goes on to the next instruction,
         * UD2. */
        {"alignment", SNIPPET(alignment), LX_SIGBUS, LX_SIGILL},
        {"SSE exception", SNIPPET(sse_fault), LX_SIGFPE, LX_SIGILL},
        {"x87 exception", SNIPPET(x87_fault), LX_SIGFPE, 0},
        {"kernel segment loaded", SNIPPET(user_segment), LX_SIGSEGV, 0},
    };

    return exceptions_check(cases, ARRAY_SIZE(cases), reason);
}

/* The step that installs address space or stack fails: entry tries again, or gives up, and never
 * enters on the wrong ones. */
KTEST(entry_fault, "entry-not-installed")
{
    struct wait_status status = {0};
    int err;

    for (unsigned faults = 1; faults <= 2; faults++) {
        usermode_inject_entry_faults(faults);
        err = snippet_run(SNIPPET(litter), &status);
        KTEST_EXPECT(!err && status.end == PROCESS_EXITED && status.code == 7,
                     "%u failures: ended with %d %d", faults, (int)status.end, status.code);
    }
    usermode_inject_entry_faults(1000);
    err = snippet_run(SNIPPET(litter), &status);
    usermode_inject_entry_faults(0);
    KTEST_EXPECT(!err && status.end == PROCESS_SIGNALED && status.code == LX_SIGKILL,
                 "lasting failure: ended with %d %d", (int)status.end, status.code);
    return true;
}
