/* SPDX-License-Identifier: MIT */
/*
 * tests/host/plat_smp_test.c - plat/smp.c: the start of processors that fail to come up, and what
 * they are given. The memory below 1 MiB is an arena; no processor is there to answer. Those that
 * do come up are every boot's matter.
 */
#include "tests/host/check.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/features.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/mtrr.h"
#include "kernel/arch/x86_64/paging.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/arch/x86_64/trampoline.h"
#include "kernel/core/clock.h"
#include "kernel/core/ipi.h"
#include "kernel/core/irq.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/tables.h"
#include "kernel/mm/vmalloc.h"
#include "kernel/plat/acpi.h"
#include "kernel/plat/lapic.h"
#include "kernel/plat/smp.h"
#include "tests/host/plat_fake.h"

#define FRAMES     300u
#define TRAMPOLINE (8 * PAGE_SIZE) /* and the page behind it */
#define ROOT       (10 * PAGE_SIZE)
#define FIRST_FREE 11u
#define STACKS_MAX 2048u
#define BOOT_ID    7u
#define MS         1000000ULL

enum sent { SENT_INIT = 1, SENT_STARTUP };

static _Alignas(PAGE_SIZE) char arena[FRAMES * PAGE_SIZE];
char *fake_arena = arena;
static struct frame descriptors[FRAMES];
struct frame *pmm_frames = descriptors;
struct features features;
struct cpu cpu_boot;
const char trampoline_begin[] = "the code of the trampoline";
__asm__(".globl trampoline_end\n.set trampoline_end, trampoline_begin + 16\n");

/* What percpu.h has for each processor: a page is enough. */
char percpu_begin[128];
__asm__(".globl percpu_end\n.set percpu_end, percpu_begin + 128\n");

static struct acpi_info machine;
static bool frame_used[FRAMES];
static char stacks[STACKS_MAX][16];
static bool stack_used[STACKS_MAX];
static unsigned stacks_left, frames_left; /* how many more can be had */
static uint64_t now_ns;
static struct {
    enum sent what;
    uint32_t apic_id;
    uint8_t page;
    uint64_t at_ns;
    struct trampoline_data data; /* as a processor would find it then */
    uint64_t entry;              /* of the trampoline's page in the tables of that data */
} sent[1300];
static unsigned sent_count;

/* --- what smp.c calls --- */

uint64_t clock_monotonic_ns(void)
{
    return now_ns += MS / 10;
}

void clock_distrust(void)
{
    fail_msg("one processor alone has no other TSC");
}

uint64_t tables_kernel_root(void)
{
    return ROOT;
}

struct frame *pmm_alloc(unsigned order, enum pmm_flags flags)
{
    assert_int_equal(order, 0);
    assert_int_equal(flags, PMM_ZERO);
    if (!frames_left)
        return NULL;
    frames_left--;
    for (unsigned i = FIRST_FREE; i < FRAMES; i++) {
        if (!frame_used[i]) {
            frame_used[i] = true;
            memset(arena + i * PAGE_SIZE, 0, PAGE_SIZE);
            return &descriptors[i];
        }
    }
    return NULL;
}

void pmm_free(struct frame *frame, unsigned order)
{
    assert_int_equal(order, 0);
    assert_true(frame_used[frame - descriptors]);
    frame_used[frame - descriptors] = false;
}

void *kstack_create(void)
{
    if (!stacks_left)
        return NULL;
    stacks_left--;
    for (unsigned i = 0; i < STACKS_MAX; i++) {
        if (!stack_used[i]) {
            stack_used[i] = true;
            return stacks[i];
        }
    }
    return NULL;
}

void kstack_destroy(void *top)
{
    size_t i = (size_t)((char(*)[16])top - stacks);

    assert_true(i < STACKS_MAX && stack_used[i]);
    stack_used[i] = false;
}

void cpu_set_ist(struct cpu *cpu, enum cpu_ist which, uint64_t top)
{
    cpu->ist_top[which] = top;
}

void cpu_set_kernel_stack(struct cpu *cpu, uint64_t top)
{
    cpu->kernel_rsp = top;
}

uint32_t lapic_id(void)
{
    return BOOT_ID;
}

static bool x2apic;

bool lapic_is_x2apic(void)
{
    return x2apic;
}

void cpu_expect(unsigned count)
{
    assert_true(count >= 1);
}

static unsigned added; /* processors whose variables may be looked at */

void cpu_add(const struct cpu *cpu)
{
    assert_true(cpu->percpu_offset && cpu->kernel_rsp);
    added++;
}

static uint64_t entry_of(uint32_t cr3, uint64_t va)
{
    uint64_t entry = cr3;

    for (unsigned level = 4; level > 0; level--)
        entry = paging_table(entry)[paging_index(va, level)];
    return entry;
}

static void note(enum sent what, uint32_t apic_id, uint8_t page)
{
    assert_true(sent_count < ARRAY_SIZE(sent));
    sent[sent_count].what = what;
    sent[sent_count].apic_id = apic_id;
    sent[sent_count].page = page;
    sent[sent_count].at_ns = now_ns;
    memcpy(&sent[sent_count].data, arena + TRAMPOLINE + TRAMPOLINE_DATA_OFFSET,
           sizeof(struct trampoline_data));
    if (what == SENT_STARTUP)
        sent[sent_count].entry = entry_of(sent[sent_count].data.cr3, TRAMPOLINE);
    sent_count++;
}

void lapic_send_init(uint32_t apic_id)
{
    note(SENT_INIT, apic_id, 0);
}

void lapic_send_startup(uint32_t apic_id, uint8_t page)
{
    note(SENT_STARTUP, apic_id, page);
}

/* Set once, and not called: what others send, and what a processor does that has come up. */

void irq_set_handler(unsigned vector, void (*handler)(void))
{
    (void)vector;
    assert_non_null(handler);
}

void ipi_set_ops(const struct ipi_ops *ops)
{
    assert_true(ops->send && ops->send_nmi);
}

struct cpu *cpu_all[CPU_MAX];

void cpu_init(struct cpu *cpu, unsigned index)
{
    (void)cpu, (void)index;
    abort();
}

void mtrr_save(void)
{
}

enum mtrr_fate mtrr_copy(void)
{
    return MTRR_SAME;
}

void features_enable(void)
{
    abort();
}

void ipi_service(void)
{
    abort();
}

int lapic_init_cpu(const struct acpi_info *info)
{
    (void)info;
    abort();
}

const struct acpi_info *acpi_info(void)
{
    abort();
}

void lapic_send(uint32_t apic_id, unsigned vector)
{
    (void)apic_id, (void)vector;
    abort();
}

void lapic_send_nmi(uint32_t apic_id)
{
    (void)apic_id;
    abort();
}

volatile uint32_t *lapic_registers;

static void run(void)
{
    abort();
}

static bool none_is_mute(uint32_t apic_id)
{
    (void)apic_id;
    return false;
}

static const struct cpu_census *start(uint64_t trampoline, unsigned max_cpus)
{
    const struct smp_options options = {.trampoline = trampoline,
                                        .max_cpus = max_cpus,
                                        .is_mute = none_is_mute,
                                        .late_apic_id = UINT64_MAX,
                                        .run = run};

    return smp_start(&machine, &options);
}

/* --- the tests --- */

/* A machine of four: the one that boots, two that can be started, one that cannot. */
static int machine_reset(void **state)
{
    memset(arena, 0xee, sizeof(arena));
    memset(frame_used, 0, sizeof(frame_used));
    memset(stack_used, 0, sizeof(stack_used));
    memset(sent, 0, sizeof(sent));
    sent_count = added = 0;
    x2apic = false;
    stacks_left = frames_left = UINT32_MAX;
    features = (struct features){.nx = true};
    machine.madt = true;
    machine.ncpus = 4;
    machine.cpus[0] = (struct acpi_cpu){.apic_id = BOOT_ID, .enabled = true};
    machine.cpus[1] = (struct acpi_cpu){.apic_id = 20, .enabled = true};
    machine.cpus[2] = (struct acpi_cpu){.apic_id = 30, .online_capable = true};
    machine.cpus[3] = (struct acpi_cpu){.apic_id = 40, .enabled = true};
    return plat_fake_reset(state);
}

static unsigned used(const bool *flags, unsigned count)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < count; i++)
        sum += flags[i];
    return sum;
}

/* Whatever the stack is that is not to be had: what the processor got before comes back. */
static void test_no_stack(void **state)
{
    for (unsigned n = 0; n <= CPU_IST_COUNT; n++) {
        machine_reset(state);
        stacks_left = n;
        machine.ncpus = 2;
        assert_int_equal(start(TRAMPOLINE, CPU_MAX)->running, 1);
        assert_int_equal(used(stack_used, STACKS_MAX), 0);
        assert_int_equal(plat_fake_blocks(), 0);
        assert_int_equal(used(frame_used, FRAMES), 0);
        assert_int_equal(added, 0);
        assert_int_equal(sent_count, 1); /* never told to begin */
        assert_int_equal(sent[0].what, SENT_INIT);
        assert_true(plat_fake_logged("processor 20 has no memory to start with: left out"));
        assert_true(plat_fake_logged("processors: 1 of 2 run"));
    }
}

static void test_no_tables(void **state)
{
    for (unsigned n = 0; n < 3; n++) {
        machine_reset(state);
        frames_left = n;
        assert_int_equal(start(TRAMPOLINE, CPU_MAX)->running, 1);
        assert_int_equal(used(frame_used, FRAMES), 0);
        assert_int_equal(used(stack_used, STACKS_MAX), 0);
        assert_int_equal(sent_count, 0);
    }
}

static void test_nothing_to_start(void **state)
{
    (void)state;
    assert_int_equal(start(0, CPU_MAX)->running, 1);
    assert_int_equal(start(TRAMPOLINE, 1)->running, 1);
    machine.ncpus = 1;
    assert_int_equal(start(TRAMPOLINE, CPU_MAX)->running, 1);
    assert_int_equal(sent_count, 0);
    assert_int_equal(used(frame_used, FRAMES), 0);
}

/* INIT for both; then the start-up interrupt twice, and INIT to end it, for each in its turn. And
 * again, with longer waits, until both together have had their time. */
static void test_no_answer(void **state)
{
    static const enum sent order[] = {SENT_INIT, SENT_INIT,    SENT_STARTUP, SENT_STARTUP,
                                      SENT_INIT, SENT_STARTUP, SENT_STARTUP, SENT_INIT};
    static const uint32_t ids[] = {20, 40, 20, 20, 20, 40, 40, 40};
    uint64_t began = now_ns, longest[2] = {0};

    (void)state;
    assert_int_equal(start(TRAMPOLINE, CPU_MAX)->running, 1);
    assert_in_range(sent_count, 8 * 3, 8 * 6);
    /* One more INIT each at the end, for one that was late. */
    sent_count -= 2;
    assert_int_equal(sent[sent_count].what + sent[sent_count + 1].what, 2 * SENT_INIT);
    for (unsigned i = 0; i < sent_count; i++) {
        assert_int_equal(sent[i].what, order[i % 8]);
        assert_int_equal(sent[i].apic_id, ids[i % 8]);
        if (sent[i].what == SENT_STARTUP)
            assert_int_equal(sent[i].page, TRAMPOLINE >> PAGE_SHIFT);
    }
    for (unsigned i = 0; i < sent_count; i++) { /* Intel SDM vol. 3, 9.4.4.1 */
        uint64_t waited = i ? sent[i].at_ns - sent[i - 1].at_ns : 0, *most = &longest[i % 8 / 5];

        if (i % 8 == 2)
            assert_true(waited >= 10 * MS);
        if (i % 8 == 3 || i % 8 == 6)
            assert_true(waited >= MS / 5);
        if (i % 8 == 4 || i % 8 == 7)
            *most = MAX(*most, waited);
    }
    assert_true(longest[0] >= 2000 * MS && longest[1] >= 2000 * MS); /* it may be emulated */
    assert_in_range(now_ns - began, 9500 * MS, 10500 * MS);
    assert_true(plat_fake_logged("processor 20 does not answer: left out"));
    assert_true(plat_fake_logged("processor 40 does not answer: left out"));
    assert_true(plat_fake_logged("processors: 1 of 3 run"));
    /* They may still be on their stacks and the tables and have variables, each its own through all
     * rounds. */
    assert_int_equal(used(stack_used, STACKS_MAX), 2 * (CPU_IST_COUNT + 1));
    assert_int_equal(used(frame_used, FRAMES), 2 + 3);
}

/* 247 dead processors: each is tried once, and then the time is used up. */
static void test_many_silent(void **state)
{
    uint64_t began = now_ns;

    (void)state;
    features.hypervisor = true; /* no wait of 10 ms after each INIT */
    machine.ncpus = 248;
    for (unsigned i = 1; i < machine.ncpus; i++)
        machine.cpus[i] = (struct acpi_cpu){.apic_id = BOOT_ID + i, .enabled = true};
    assert_int_equal(start(TRAMPOLINE, CPU_MAX)->running, 1);
    assert_int_equal(sent_count, 5 * 247);
    assert_in_range(now_ns - began, 10000 * MS, 15000 * MS);
}

/* An id of more than eight bits: no command is sent at all in xAPIC mode, since it would reach the
 * processor whose id is what is left of it. */
static void test_long_id(void **state)
{
    const struct cpu_census *census;

    (void)state;
    machine.cpus[1].apic_id = 256 + BOOT_ID;
    census = start(TRAMPOLINE, CPU_MAX);
    assert_int_equal(census->fates[1], CPU_FATE_APIC_ID);
    assert_int_equal(census->fates[3], CPU_FATE_SILENT);
    for (unsigned i = 0; i < sent_count; i++)
        assert_int_equal(sent[i].apic_id, 40);
    x2apic = true;
    sent_count = 0;
    census = start(TRAMPOLINE, CPU_MAX);
    assert_int_equal(census->fates[1], CPU_FATE_SILENT);
    assert_int_equal(sent[0].apic_id, 256 + BOOT_ID);
}

/* What a processor finds: tables below 4 GiB that map the trampoline and the kernel's half, a stack
 * and a block of its own. */
static void test_given(void **state)
{
    const uint64_t *root = (const uint64_t *)(void *)(arena + TRAMPOLINE + PAGE_SIZE);
    const struct cpu *first, *second;

    (void)state;
    for (unsigned i = 0; i < PAGING_ENTRIES; i++)
        ((uint64_t *)(void *)(arena + ROOT))[i] = i < 256 ? 0 : 0x100000 + i;
    start(TRAMPOLINE, CPU_MAX);
    assert_memory_equal(arena + TRAMPOLINE, trampoline_begin, 16);
    for (unsigned i = 256; i < PAGING_ENTRIES; i++)
        assert_int_equal(root[i], 0x100000 + i);
    for (unsigned i = 2; i + 2 < sent_count; i += 8) {
        assert_int_equal(sent[i].data.cr3, TRAMPOLINE + PAGE_SIZE);
        assert_int_equal(sent[i].data.efer, EFER_LME | EFER_NXE);
        assert_int_equal(sent[i].entry, TRAMPOLINE | PTE_PRESENT); /* neither NX nor writable */
    }
    first = (const struct cpu *)sent[2].data.argument;
    second = (const struct cpu *)sent[5].data.argument;
    assert_ptr_not_equal(first, second);
    assert_ptr_equal(first, (const struct cpu *)sent[10].data.argument); /* the second round */
    assert_int_equal(first->apic_id, 20);
    assert_int_equal(second->apic_id, 40);
    assert_int_equal(first->index, 1);
    assert_int_equal(second->index, 1); /* the first did not take it */
    assert_true(first->kernel_rsp && second->kernel_rsp);
    assert_int_not_equal(first->kernel_rsp, second->kernel_rsp);
    assert_int_equal(sent[2].data.apic_id, 0); /* x2APIC mode: no register in memory */
    for (unsigned i = 1; i <= CPU_IST_COUNT; i++)
        assert_true(first->ist_top[i] && first->ist_top[i] != first->kernel_rsp);
    features.nx = false;
    sent_count = 0;
    start(TRAMPOLINE, CPU_MAX);
    assert_int_equal(sent[2].data.efer, EFER_LME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_no_stack, machine_reset),
        cmocka_unit_test_setup(test_no_tables, machine_reset),
        cmocka_unit_test_setup(test_nothing_to_start, machine_reset),
        cmocka_unit_test_setup(test_no_answer, machine_reset),
        cmocka_unit_test_setup(test_many_silent, machine_reset),
        cmocka_unit_test_setup(test_long_id, machine_reset),
        cmocka_unit_test_setup(test_given, machine_reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
