/* SPDX-License-Identifier: MIT */
/*
 * Address spaces, segments and the owners of memory, as seen by the kernel on every boot.
 *
 * Page tables are read, not trusted: everything that the processor touches between ring 3 and the
 * kernel's first C instruction (GDT, TSS, IDT, entry code, stacks) must be mapped in every address
 * space, without the user bit, because nothing could map it then. Segments are asked of the
 * processor with LAR and VERR, which see the descriptors that are in force.
 */
#include "kernel/selftest/probe.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/entry.h"
#include "kernel/arch/x86_64/idt.h"
#include "kernel/arch/x86_64/paging.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/image.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/tables.h"
#include "kernel/mm/vmalloc.h"
#include "kernel/selftest/ktest.h"
#include "kernel/vm/vm_space.h"

#define SPACES 3

/* Every page of [first, end) is mapped below that root, with or without write permission. */
static bool mapped(uint64_t root, uint64_t first, uint64_t end, bool write, bool execute)
{
    /* By the page tables of that root, as the processor would walk them, large pages included. */
    for (uint64_t va = ALIGN_DOWN(first, PAGE_SIZE); va < end; va += PAGE_SIZE) {
        uint64_t entry;
        unsigned level;

        if (!vmalloc_lookup(root, va, &entry, &level) || (entry & PTE_USER))
            return false;
        if (write && !(entry & PTE_WRITE))
            return false;
        if (execute && (entry & PTE_NX))
            return false;
    }
    return true;
}

/* And nothing on either side of it: the guard pages. */
static bool stack_mapped(uint64_t root, uint64_t top)
{
    uint64_t bottom = top - KERNEL_STACK_SIZE;

    return mapped(root, bottom, top, true, false) &&
           !mapped(root, bottom - 1, bottom, false, false) &&
           !mapped(root, top, top + 1, false, false);
}

/* All that the processor touches before the kernel could map anything. */
static bool entry_mapped(uint64_t root, char reason[KTEST_REASON_SIZE])
{
    const struct cpu *cpu = cpu_self();

    KTEST_EXPECT(stack_mapped(root, cpu->kernel_rsp), "the kernel stack is not mapped");
    for (unsigned i = 1; i <= CPU_IST_COUNT; i++)
        KTEST_EXPECT(stack_mapped(root, cpu->ist_top[i]), "IST stack %u is not mapped", i);
    KTEST_EXPECT(mapped(root, (uint64_t)cpu, (uint64_t)(cpu + 1), true, false),
                 "GDT or TSS is not mapped");
    KTEST_EXPECT(mapped(root, idt_address(), idt_address() + 4096, false, false),
                 "the IDT is not mapped");
    KTEST_EXPECT(mapped(root, (uint64_t)arch_entry_begin, (uint64_t)arch_entry_end, false, true),
                 "entry code is not mapped");
    KTEST_EXPECT(mapped(root, (uint64_t)image_text_begin, (uint64_t)image_text_end, false, true),
                 "kernel text is not mapped");
    KTEST_EXPECT(mapped(root, (uint64_t)image_data_begin, (uint64_t)image_data_end, true, false),
                 "kernel data is not mapped");
    return true;
}

/* Design rule: the 256 upper slots are equal in every address space and never change after start-
 * up. */
static bool upper_half_equal(uint64_t root)
{
    const uint64_t *table = paging_table(root), *master = paging_table(tables_kernel_root());

    return !memcmp(table + KERNEL_HALF_FIRST_SLOT, master + KERNEL_HALF_FIRST_SLOT,
                   KERNEL_HALF_SLOTS * sizeof(*table));
}

static bool spaces_check(struct vm_space *const spaces[SPACES], char reason[KTEST_REASON_SIZE])
{
    void *late = NULL;
    bool good = true;

    /* A stack that is mapped when the spaces exist already; all cached ones are used up first. */
    void *others[8];
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        others[i] = kstack_create();
    late = kstack_create();
    for (unsigned i = 0; i < SPACES && good; i++) {
        good = entry_mapped(spaces[i]->root, reason);
        if (good && !upper_half_equal(spaces[i]->root)) {
            fmt_print(reason, KTEST_REASON_SIZE, "upper half of space %u is not the master's", i);
            good = false;
        }
        if (good && (!late || !stack_mapped(spaces[i]->root, (uint64_t)late))) {
            fmt_print(reason, KTEST_REASON_SIZE, "a later stack is missing in space %u", i);
            good = false;
        }
    }
    if (late)
        kstack_destroy(late);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (others[i])
            kstack_destroy(others[i]);
    return good;
}

/* What the loader mapped for its jump is gone: nothing of the lower half is the kernel's. */
static bool lower_half_empty(void)
{
    const uint64_t *master = paging_table(tables_kernel_root());

    for (unsigned i = 0; i < KERNEL_HALF_FIRST_SLOT; i++)
        if (master[i])
            return false;
    return true;
}

/* Several spaces at once, so that a difference between them would show. */
KTEST_BOOT(spaces, "boot-address-spaces")
{
    struct vm_space *spaces[SPACES] = {0};
    bool good = true;

    KTEST_EXPECT(lower_half_empty(), "the identity mapping of the loader is still there");
    for (unsigned i = 0; i < SPACES; i++)
        if (vm_space_create(&spaces[i]))
            good = false;
    if (good)
        good = spaces_check(spaces, reason);
    else
        fmt_print(reason, KTEST_REASON_SIZE, "not enough memory");
    for (unsigned i = 0; i < SPACES; i++)
        if (spaces[i])
            vm_space_put(spaces[i]);
    return good;
}

/* SYSRET loads fixed selectors without looking at the descriptors: a wrong one would show only when
 * an interrupt returns. */
KTEST_BOOT(segments, "boot-segments")
{
    uint32_t rights = 0;

    KTEST_EXPECT(probe_lar(SELECTOR_USER_CS, &rights), "LAR refuses the user code selector");
    /* Access byte: present, ring 3, code, readable; and 64-bit, not 32-bit. */
    KTEST_EXPECT((rights & 0xfe00) == 0xfa00 && (rights & 0x600000) == 0x200000,
                 "user code has rights %x", rights);
    KTEST_EXPECT(probe_lar(SELECTOR_USER_DS, &rights), "LAR refuses the user data selector");
    KTEST_EXPECT((rights & 0xfe00) == 0xf200, "user data has rights %x", rights);
    KTEST_EXPECT(probe_verr(SELECTOR_USER_CS) && !probe_verw(SELECTOR_USER_CS),
                 "user code: VERR or VERW is wrong");
    KTEST_EXPECT(probe_verr(SELECTOR_USER_DS) && probe_verw(SELECTOR_USER_DS),
                 "user data: VERR or VERW is wrong");
    KTEST_EXPECT(!probe_lar(SELECTOR_USER_BASE, &rights), "a 32-bit user code selector exists");
    return true;
}

/* Every free block lies in memory that the map calls free, and the free lists add up. */
KTEST_BOOT(owners, "boot-memory-owners")
{
    const char *fault = pmm_check_owners();

    KTEST_EXPECT(!fault, "%s", fault ? fault : "");
    return true;
}
