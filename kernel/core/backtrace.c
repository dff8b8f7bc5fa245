/* SPDX-License-Identifier: MIT */
/*
 * Backtraces: names of addresses, frame pointers followed, and the stack of another processor.
 *
 * To ask another processor, the caller takes `asking`, stores CPU_FIRST + index in `asked` and
 * sends an NMI, which also reaches a processor that has interrupts off. The handler there moves
 * `asked` to ANSWERING by compare-and-exchange, fills in `answer`, and stores NOBODY. A caller
 * whose time is up takes the question back by the same exchange: either the handler has begun, and
 * then its answer comes soon, or it never will. So a late NMI cannot write into the next caller's
 * answer.
 */
#include "kernel/core/backtrace.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/entry.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/core/clock.h"
#include "kernel/core/ipi.h"
#include "kernel/lib/klog.h"
#include "kernel/lib/symtab.h"
#include "shared/addrmap.h"

#define STACK_MAX 16384 /* bytes: no kernel stack is larger */

static const void *symbols_file;
static size_t symbols_nbytes;

/* One question at a time. */
enum question { NOBODY = 0, ANSWERING = 1, CPU_FIRST = 2 };
static uint32_t asking; /* [a] a caller owns the two below */
static uint32_t asked;  /* [a] NOBODY, ANSWERING, or CPU_FIRST + index */
static struct backtrace_cpu answer;

void backtrace_set_symbols(const void *file, size_t nbytes)
{
    symbols_file = file;
    symbols_nbytes = nbytes;
}

const char *backtrace_symbol(uint64_t address, uint64_t *offset)
{
    if (!symbols_file || address < IMAGE_BASE)
        return NULL;
    return symtab_find(symbols_file, symbols_nbytes, address, offset);
}

/* Deeper frames are cut off: the innermost ones matter. */
static void backtrace_add(struct backtrace *trace, uint64_t address, bool interrupted)
{
    if (trace->count == BACKTRACE_MAX)
        return;
    trace->interrupted |= (uint32_t)interrupted << trace->count;
    trace->addresses[trace->count++] = address;
}

static bool stack_has(uint64_t end, uint64_t address)
{
    return address < end && end - address <= STACK_MAX;
}

/* That of the current thread, those of NMIs and other exceptions, the one of start-up. */
uint64_t backtrace_stack_end(uint64_t address)
{
    const struct cpu *cpu = cpu_self();
    uint64_t boot = (uint64_t)arch_boot_stack_top;

    if (cpu->thread && stack_has(cpu->thread->stack_top, address))
        return cpu->thread->stack_top;
    for (unsigned i = 1; i <= CPU_IST_COUNT; i++)
        if (stack_has(cpu->ist_top[i], address))
            return cpu->ist_top[i];
    return stack_has(boot, address) ? boot : 0;
}

/* Every frame must lie above the one before and within low..high: broken chains end the trace
 * instead of leading outside of the stack. Where the chain reaches the entry code, the trap frame
 * above it holds the interrupted instruction and frame pointer. */
void backtrace_follow(struct backtrace *trace, uint64_t rbp, uint64_t low, uint64_t high)
{
    /* rbp may be anything: the entry code still has ring 3's. */
    while (IS_ALIGNED(rbp, 8) && rbp >= low && rbp < high && high - rbp >= 16) {
        const uint64_t *frame = (const uint64_t *)rbp;
        const struct trap_frame *trapped = (const struct trap_frame *)(rbp + 16);
        uint64_t caller = frame[1];

        low = rbp + 16;
        rbp = frame[0];
        if (caller < IMAGE_BASE)
            return;
        backtrace_add(trace, caller, false);
        if (caller < (uint64_t)arch_entry_begin || caller >= (uint64_t)arch_entry_end)
            continue;
        if (low + sizeof(*trapped) > high) /* the entry code calls with a trap frame above */
            return;
        backtrace_add(trace, trapped->rip, true);
        trace->from_user = trap_frame_from_user(trapped);
        if (trace->from_user)
            return;
        rbp = trapped->rbp;
    }
}

void backtrace_print(const struct backtrace *trace)
{
    for (unsigned i = 0; i < trace->count; i++) {
        uint64_t address = trace->addresses[i], lookup = backtrace_lookup(trace, i), offset = 0;
        const char *name = backtrace_symbol(lookup, &offset);

        if (name)
            klog("    from %016llx %s+0x%llx", (unsigned long long)address, name,
                 (unsigned long long)(offset + address - lookup));
        else
            klog("    from %016llx %s", (unsigned long long)address,
                 address < USER_END ? "in ring 3" : "?");
    }
}

/* In the NMI handler: no lock may be taken, and the interrupted code may be half way through
 * anything. Only the stack of the processor's current thread is followed. */
void backtrace_nmi(const struct trap_frame *frame)
{
    const struct cpu *cpu = cpu_self();
    uint32_t self = CPU_FIRST + cpu->index;

    if (!__atomic_compare_exchange_n(&asked, &self, ANSWERING, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED))
        return;
    answer = (struct backtrace_cpu){.thread = cpu->thread};
    backtrace_add(&answer.trace, frame->rip, true);
    answer.trace.from_user = trap_frame_from_user(frame);
    if (!answer.trace.from_user && cpu->thread && stack_has(cpu->thread->stack_top, frame->rsp))
        backtrace_follow(&answer.trace, frame->rbp, frame->rsp, cpu->thread->stack_top);
    __atomic_store_n(&asked, NOBODY, __ATOMIC_RELEASE);
}

bool backtrace_of_cpu(unsigned cpu, struct backtrace_cpu *out)
{
    uint64_t end = clock_monotonic_ns() + BACKTRACE_WAIT_NS;
    uint32_t question = CPU_FIRST + cpu;
    bool answered = true;

    /* Not waited for: the other caller may be on the processor that this one asks about. */
    if (__atomic_exchange_n(&asking, 1, __ATOMIC_ACQUIRE))
        return false;
    __atomic_store_n(&asked, question, __ATOMIC_RELEASE);
    ipi_send_nmi(cpu);
    while (__atomic_load_n(&asked, __ATOMIC_ACQUIRE) != NOBODY) {
        uint32_t unheard = question;

        /* Once it has begun, the answer comes. */
        if (clock_monotonic_ns() > end &&
            __atomic_compare_exchange_n(&asked, &unheard, NOBODY, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED)) {
            answered = false;
            break;
        }
        cpu_pause();
    }
    if (answered)
        *out = answer;
    __atomic_store_n(&asking, 0, __ATOMIC_RELEASE);
    return answered;
}
