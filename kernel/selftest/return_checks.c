/* SPDX-License-Identifier: MIT */
/*
 * Boot return: the kernel's state after ring 3 is what it was before.
 *
 * The registers that ring 3 can change, or that entering it changes, are read before and after each
 * of a thousand programs; the program "litter" puts values into all that it can. Then one program
 * for each exception that ring 3 can raise, which must end it with the signal that Linux gives, and
 * leave no flag behind in the kernel.
 *
 * Registers that a compiler could keep are compared by assembly (probe.S). Memory is compared by
 * the leak check around every check.
 */
#include "kernel/selftest/probe.h"

#include "kernel/arch/x86_64/idt.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/msr.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/selftest/ktest.h"
#include "kernel/selftest/user_stub.h"
#include "shared/linux/signal.h"

#define RETURNS 1000

/* Ring 3 can set these, and the kernel never runs with them. */
#define FLAGS_OF_RING_3 (RFLAGS_TF | RFLAGS_DF | RFLAGS_NT | RFLAGS_AC)

USER_STUB_DECLARE(litter);
USER_STUB_DECLARE(gate80);
USER_STUB_DECLARE(divide);
USER_STUB_DECLARE(single_step);
USER_STUB_DECLARE(breakpoint);
USER_STUB_DECLARE(overflow);
USER_STUB_DECLARE(invalid);
USER_STUB_DECLARE(privileged);
USER_STUB_DECLARE(gate_shut);
USER_STUB_DECLARE(soft_page_fault);
USER_STUB_DECLARE(soft_nmi);
USER_STUB_DECLARE(soft_timer);
USER_STUB_DECLARE(noncanonical);
USER_STUB_DECLARE(stack_noncanonical);
USER_STUB_DECLARE(null_read);
USER_STUB_DECLARE(kernel_read);
USER_STUB_DECLARE(kernel_jump);
USER_STUB_DECLARE(text_write);
USER_STUB_DECLARE(stack_execute);
USER_STUB_DECLARE(alignment);
USER_STUB_DECLARE(sse_fault);
USER_STUB_DECLARE(x87_fault);
USER_STUB_DECLARE(user_segment);

/* Everything about the processor that boot return promises to keep. */
struct processor_state {
    uint64_t gs_base, kernel_gs_base, fs_base, cr0, cr3, cr4, rflags;
    uint64_t kernel_rsp;
    uint64_t spin_mask, irq_depth;
    struct probe_selectors selectors;
};

/* The fields are compared as an array of words: new ones go before the selectors, with a name in
 * state_equal. */
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

/* The names are in the order of struct processor_state. */
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

/* The status is preset: a program that could not run shows as running. */
static void run_once(void *argument)
{
    struct wait_status *status = argument;

    if (user_stub_run_installed(status))
        status->end = PROCESS_RUNNING;
}

/* A thousand times, so that a leak of a page, a reference or a register's bit adds up to be seen.
 */
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

    KTEST_EXPECT(user_stub_install(USER_STUB(litter)) == 0, "the program could not be written");
    good = returns_check(reason);
    user_stub_remove();
    return good;
}

KTEST_BOOT(gate, "boot-interrupt-gate")
{
    struct wait_status status = {0};
    int err;

    /* Open only for the length of this check: an interrupt gate from ring 3 is exercised on every
     * boot. */
    idt_gate80_set(true);
    err = user_stub_run(USER_STUB(gate80), &status);
    idt_gate80_set(false);
    KTEST_EXPECT(!err, "could not start: error %d", -err);
    KTEST_EXPECT(status.end == PROCESS_EXITED && status.code == 8, "ended with %d %d",
                 (int)status.end, status.code);
    return true;
}

struct exception_case {
    const char *name;
    struct user_stub code;
    int signal;
    int or_signal; /* 0: no other */
};

/* or_signal is for emulators that differ from a processor. */
static bool exceptions_check(const struct exception_case *cases, size_t count,
                             char reason[KTEST_REASON_SIZE])
{
    for (size_t i = 0; i < count; i++) {
        struct wait_status status = {0};
        int err = user_stub_run(cases[i].code, &status);

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
        {"divide", USER_STUB(divide), LX_SIGFPE, 0},
        {"single step", USER_STUB(single_step), LX_SIGTRAP, 0},
        {"breakpoint", USER_STUB(breakpoint), LX_SIGTRAP, 0},
        {"overflow", USER_STUB(overflow), LX_SIGSEGV, 0},
        {"invalid opcode", USER_STUB(invalid), LX_SIGILL, 0},
        {"privileged instruction", USER_STUB(privileged), LX_SIGSEGV, 0},
        {"int 0x80, gate shut", USER_STUB(gate_shut), LX_SIGSEGV, 0},
        {"int 14", USER_STUB(soft_page_fault), LX_SIGSEGV, 0},
        {"int 2", USER_STUB(soft_nmi), LX_SIGSEGV, 0},
        {"int 0xf0", USER_STUB(soft_timer), LX_SIGSEGV, 0},
        {"non-canonical address", USER_STUB(noncanonical), LX_SIGSEGV, 0},
        /* #SS on a processor; QEMU's emulation raises #GP instead. */
        {"non-canonical stack", USER_STUB(stack_noncanonical), LX_SIGBUS, LX_SIGSEGV},
        {"null pointer", USER_STUB(null_read), LX_SIGSEGV, 0},
        {"kernel memory read", USER_STUB(kernel_read), LX_SIGSEGV, 0},
        {"kernel memory executed", USER_STUB(kernel_jump), LX_SIGSEGV, 0},
        {"text written", USER_STUB(text_write), LX_SIGSEGV, 0},
        {"stack executed", USER_STUB(stack_execute), LX_SIGSEGV, 0},
        /* An emulator without alignment checks or SSE exceptions goes on to the next instruction,
         * UD2. */
        {"alignment", USER_STUB(alignment), LX_SIGBUS, LX_SIGILL},
        {"SSE exception", USER_STUB(sse_fault), LX_SIGFPE, LX_SIGILL},
        {"x87 exception", USER_STUB(x87_fault), LX_SIGFPE, 0},
        {"kernel segment loaded", USER_STUB(user_segment), LX_SIGSEGV, 0},
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
        err = user_stub_run(USER_STUB(litter), &status);
        KTEST_EXPECT(!err && status.end == PROCESS_EXITED && status.code == 7,
                     "%u failures: ended with %d %d", faults, (int)status.end, status.code);
    }
    usermode_inject_entry_faults(1000);
    err = user_stub_run(USER_STUB(litter), &status);
    usermode_inject_entry_faults(0);
    KTEST_EXPECT(!err && status.end == PROCESS_SIGNALED && status.code == LX_SIGKILL,
                 "lasting failure: ended with %d %d", (int)status.end, status.code);
    return true;
}
