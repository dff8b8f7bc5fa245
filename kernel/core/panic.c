/* SPDX-License-Identifier: MIT */
/*
 * Panic: stop the other processors, report, end.
 *
 * Runs with interrupts off, takes no lock and allocates nothing: what it prints goes through
 * output_panic, past the ring and its lock. The first processor that panics becomes the speaker; a
 * second one halts. A fault within the report, seen by in_panic, cuts it short but for the flight
 * recorders, and still ends the machine with the verdict.
 */
#include "kernel/core/panic.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/hooks.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/msr.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/arch/x86_64/vectors.h"
#include "kernel/core/backtrace.h"
#include "kernel/core/ipi.h"
#include "kernel/core/output.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "shared/addrmap.h"

#define SHOW_RECORDS 16 /* written with interrupts off: not all of them */

static void (*panic_end)(void);
/* Read by the NMI handler of the others. */
static volatile bool panicking;

static char reason[256]; /* the first line that is said in a panic */

/* Given by main.c: core knows neither screen nor emulator. */
void panic_set_end(void (*end)(void))
{
    panic_end = end;
}

/* Before a panic the same functions serve the watchdog: then the lines go through the ring. */
PRINTF_LIKE(1, 2) static void say(const char *format, ...)
{
    char line[256] = "# ";
    size_t length;
    va_list args;

    va_start(args, format);
    length = 2 + fmt_vprint(line + 2, sizeof(line) - 3, format, args);
    va_end(args);
    length = MIN(length, sizeof(line) - 2);
    if (panicking && !reason[0])
        str_copy(reason, MIN(sizeof(reason), length - 1), line + 2);
    line[length++] = '\n';
    (panicking ? output_panic : output_line)(line, length);
}

const char *panic_reason(void)
{
    return reason;
}

/* lookup is what the name is searched for: one byte before a return address. */
static void say_address(const char *what, uint64_t address, uint64_t lookup)
{
    uint64_t offset = 0;
    const char *name = backtrace_symbol(lookup, &offset);

    offset += address - lookup;
    if (name)
        say("  %s %016llx %s+0x%llx", what, (unsigned long long)address, name,
            (unsigned long long)offset);
    else
        say("  %s %016llx", what, (unsigned long long)address);
}

/* A broken frame pointer ends the trace: a fault here would cut the report short. */
static void say_backtrace(uint64_t rip, uint64_t rbp)
{
    struct backtrace trace = {0};

    say("backtrace:");
    if (rip)
        say_address("at  ", rip, rip);
    backtrace_follow(&trace, rbp, rbp, backtrace_stack_end(rbp));
    for (unsigned i = 0; i < trace.count; i++)
        say_address("from", trace.addresses[i], backtrace_lookup(&trace, i));
}

/* All of them, as they were when the exception was taken. */
static void say_registers(const struct trap_frame *f, uint64_t cr2)
{
    say("registers: vector %llu error %llx cpu %u", (unsigned long long)f->vector,
        (unsigned long long)f->error, cpu_self()->index);
    say("  rip %016llx cs  %04llx rflags %08llx", (unsigned long long)f->rip,
        (unsigned long long)f->cs, (unsigned long long)f->rflags);
    say("  rsp %016llx ss  %04llx cr2 %016llx", (unsigned long long)f->rsp,
        (unsigned long long)f->ss, (unsigned long long)cr2);
    say("  rax %016llx rbx %016llx rcx %016llx", (unsigned long long)f->rax,
        (unsigned long long)f->rbx, (unsigned long long)f->rcx);
    say("  rdx %016llx rsi %016llx rdi %016llx", (unsigned long long)f->rdx,
        (unsigned long long)f->rsi, (unsigned long long)f->rdi);
    say("  rbp %016llx r8  %016llx r9  %016llx", (unsigned long long)f->rbp,
        (unsigned long long)f->r8, (unsigned long long)f->r9);
    say("  r10 %016llx r11 %016llx r12 %016llx", (unsigned long long)f->r10,
        (unsigned long long)f->r11, (unsigned long long)f->r12);
    say("  r13 %016llx r14 %016llx r15 %016llx", (unsigned long long)f->r13,
        (unsigned long long)f->r14, (unsigned long long)f->r15);
}

/* CR2 comes from the entry code, since a later fault would have overwritten it. */
static void say_control(void)
{
    say("  cr0 %08llx cr3 %016llx cr4 %08llx efer %llx", (unsigned long long)cr0_read(),
        (unsigned long long)cr3_read(), (unsigned long long)cr4_read(),
        (unsigned long long)msr_read(MSR_EFER));
    say("  gs base %016llx user gs base %016llx fs base %016llx",
        (unsigned long long)msr_read(MSR_GS_BASE), (unsigned long long)msr_read(MSR_KERNEL_GS_BASE),
        (unsigned long long)msr_read(MSR_FS_BASE));
}

/* The slot that is written next is the oldest. flight_next counts in eighths of a record's size,
 * which FLIGHT_RECORD_STEP takes out. */
static void say_flight(const struct cpu *cpu, unsigned records)
{
    say("flight recorder of cpu %u, oldest first (tsc, direction, kind, call, rip, rsp, cr3):",
        cpu->index);
    unsigned first = cpu->flight_next / FLIGHT_RECORD_STEP;

    for (unsigned i = FLIGHT_RECORDS - records; i < FLIGHT_RECORDS; i++) {
        const struct flight_record *r = &cpu->flight[(first + i) % FLIGHT_RECORDS];
        unsigned kind = (unsigned)(r->where & FLIGHT_KIND_MASK);

        if (!r->tsc)
            continue;
        say("  %016llx %s %s%02x %3u %016llx %016llx %011llx", (unsigned long long)r->tsc,
            r->where & FLIGHT_EXIT ? "out" : "in ", kind == VECTOR_SYSCALL ? "syscall " : "vector ",
            kind & 0xff, (unsigned)(r->where >> FLIGHT_CALL_SHIFT), (unsigned long long)r->rip,
            (unsigned long long)r->rsp,
            (unsigned long long)(r->where & ((1ULL << FLIGHT_CALL_SHIFT) - PAGE_SIZE)));
    }
}

/* For the watchdog too. */
void panic_show_flight(const struct cpu *cpu)
{
    say_flight(cpu, SHOW_RECORDS);
}

/* Exactly one verdict line, the last: a harness takes it for the result. */
NORETURN static void end(void)
{
    say("firstlight: verdict=PANIC");
    if (panic_end)
        panic_end();
    for (;;)
        cpu_halt();
}

/* What each processor did last: with several, what the others did is often the cause. */
static void say_flights(void)
{
    for (unsigned i = 0; i < cpu_count; i++)
        if (cpu_all[i])
            say_flight(cpu_all[i], FLIGHT_RECORDS);
}

/* The first processor that panics speaks; the others stop, wherever they are. A fault while
 * panicking, most likely in a backtrace of a broken stack, costs what was to come of it alone; a
 * second one ends at once. */
static void begin(void)
{
    static uint32_t speaker; /* [a] index + 1 */
    uint32_t none = 0, self = cpu_self()->index + 1;

    irq_disable();
    if (!__atomic_compare_exchange_n(&speaker, &none, self, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST) &&
        none != self)
        for (;;)
            cpu_halt();
    /* Not for the speaker's second panic: the others have stopped already. */
    if (!panicking) {
        panicking = true;
        ipi_stop_others();
    }
    output_panic("\n", 1);
    if (cpu_self()->in_panic++ == 0)
        return;
    say("fault while panicking: report cut short");
    if (cpu_self()->in_panic == 2)
        say_flights();
    end();
}

/* Without a frame the trace begins at the caller of panic. */
NORETURN static void die(const struct trap_frame *frame, uint64_t cr2)
{
    if (frame) {
        say_registers(frame, cr2);
        say_control();
        say_backtrace(frame->rip, trap_frame_from_user(frame) ? 0 : frame->rbp);
    } else {
        say_control();
        say_backtrace(0, (uint64_t)__builtin_frame_address(0));
    }
    say_flights();
    end();
}

void panic(const char *format, ...)
{
    /* On the stack: a panic may come while memory is being allocated. */
    char text[200];
    va_list args;

    begin();
    va_start(args, format);
    fmt_vprint(text, sizeof(text), format, args);
    va_end(args);
    say("PANIC: %s", text);
    die(NULL, 0);
}

/* Never on what a user can cause: an assertion is about the kernel's own state. */
void assert_fail(const char *what)
{
    uint64_t offset = 0;
    const char *function = backtrace_symbol((uint64_t)__builtin_return_address(0), &offset);

    begin();
    say("PANIC: assertion failed in %s+0x%llx: %s", function ? function : "?",
        (unsigned long long)offset, what);
    die(NULL, 0);
}

/* An exception of the kernel that no fixup covers; from traps.c. */
void hook_fatal(const struct trap_frame *frame, uint64_t cr2)
{
    /* Intel SDM vol. 3, table 6-1. Short names: they are what a reader searches the log for. */
    static const char *const names[] = {
        "divide error",
        "debug",
        "NMI",
        "breakpoint",
        "overflow",
        "bound range",
        "invalid opcode",
        "no FPU",
        "double fault",
        "reserved",
        "invalid TSS",
        "segment not present",
        "stack fault",
        "general protection",
        "page fault",
        "reserved",
        "x87 fault",
        "alignment check",
        "machine check",
        "SIMD fault",
    };

    begin();
    say("PANIC: %s in the kernel",
        frame->vector < ARRAY_SIZE(names) ? names[frame->vector] : "exception");
    die(frame, cr2);
}

/* A panic stops the others by NMI; outside of one it asks for a backtrace. */
void hook_nmi(const struct trap_frame *frame)
{
    cpu_self()->nmi_count++;
    backtrace_nmi(frame);
    /* The speaker goes on: the NMI that stops the others may reach it as well. */
    while (panicking && !cpu_self()->in_panic)
        cpu_halt();
}
