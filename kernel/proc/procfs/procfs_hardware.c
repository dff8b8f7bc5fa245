/* SPDX-License-Identifier: MIT */
/*
 * /proc/iomem and /proc/interrupts: what lies where, and what has interrupted which processor.
 *
 * Ranges are collected and sorted once, at start-up: the firmware's memory map, the kernel's image,
 * memory of PCI functions, interrupt controllers and timers. One that lies in another is indented
 * below it. Addresses are root's alone, as on Linux: to others each range begins and ends at 0.
 */
#include "kernel/arch/x86_64/vectors.h"
#include "kernel/core/irq.h"
#include "kernel/lib/bootinfo.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/image.h"
#include "kernel/lib/pci_config.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/plat/acpi.h"
#include "kernel/plat/ioapic.h"
#include "kernel/plat/pci.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "kernel/proc/task.h"
#include "kernel/sched/sched.h"
#include "shared/addrmap.h"
#include "shared/linux/stat.h"

#define RANGES_MAX  2048
#define NESTED_MAX  8
#define PIECE_LINES 32 /* of iomem, in one buffer */

struct io_range {
    uint64_t start, end; /* inclusive */
    char name[24];
};

static struct io_range *io_ranges; /* sorted; constant after start-up */
static unsigned io_ranges_count;

/* --- collecting --- */

/* Into its place: by start, and the larger of two that start together first. */
static COLD void range_add(uint64_t start, uint64_t end, const char *name)
{
    unsigned at = io_ranges_count;

    if (end < start || at == RANGES_MAX)
        return;
    for (; at > 0; at--) {
        const struct io_range *before = &io_ranges[at - 1];

        if (before->start < start || (before->start == start && before->end >= end))
            break;
        io_ranges[at] = *before;
    }
    io_ranges[at] = (struct io_range){.start = start, .end = end};
    str_copy(io_ranges[at].name, sizeof(io_ranges[at].name), name);
    io_ranges_count++;
}

/* Linux's names; the types are those of the hand-over. */
static COLD const char *range_type_name(uint32_t type)
{
    if ((1u << type) & BOOTINFO_DIRECT_TYPES & ~(1u << BOOTINFO_ACPI | 1u << BOOTINFO_NVS))
        return "System RAM";
    return type == BOOTINFO_ACPI       ? "ACPI Tables"
           : type == BOOTINFO_NVS      ? "ACPI Non-volatile Storage"
           : type == BOOTINFO_UNUSABLE ? "Unusable memory"
                                       : "Reserved";
}

/* Neighbours of one name are one range: the loader's types are finer than is asked for. */
static COLD void memory_map_add(const struct bootinfo *info)
{
    const struct bootinfo_range *ranges = bootinfo_ranges(info);
    uint64_t start = 0, end = 0;
    const char *name = NULL;

    for (uint32_t i = 0; i < info->ranges_count; i++) {
        const char *next = range_type_name(ranges[i].type);

        if (name && (next != name || ranges[i].base != end)) {
            range_add(start, end - 1, name);
            name = NULL;
        }
        if (!name)
            start = ranges[i].base;
        name = next;
        end = ranges[i].base + ranges[i].npages * PAGE_SIZE;
    }
    if (name)
        range_add(start, end - 1, name);
}

/* The image is one piece of memory, from its lowest address on. */
static COLD void image_add(const struct bootinfo *info, const char *begin, const char *end,
                           const char *name)
{
    uint64_t base = info->kernel.base - IMAGE_BASE;

    range_add(base + (uint64_t)begin, base + (uint64_t)end - 1, name);
}

/* All memory that functions decode or pass on. */
static COLD void pci_add(void)
{
    const struct pci_function *at;
    char name[24];

    for (unsigned i = 0; (at = pci_function(i)) != NULL; i++) {
        for (unsigned n = 0; n < PCI_RESOURCES; n++) {
            const struct pci_resource *resource = &at->resources[n];

            /* A ROM's copy in low memory is not the function's to decode. */
            if (!(resource->flags & PCI_RES_MEMORY) ||
                (resource->flags & PCI_RES_SHADOW) == PCI_RES_SHADOW)
                continue;
            if (n > PCI_ROM) /* what a bridge passes on: to the bus behind it */
                fmt_print(name, sizeof(name), "PCI Bus %04x:%02x", at->segment,
                          pci_config_read(at, PCI_REG_BUSES) >> 8 & 0xff);
            else
                fmt_print(name, sizeof(name), "%04x:%02x:%02x.%u", at->segment, at->bus,
                          at->devfn >> 3u, at->devfn & 7u);
            range_add(resource->start, resource->end, name);
        }
    }
}

/* Sizes as Linux has them: the registers, not the pages. */
static COLD void controllers_add(const struct acpi_info *acpi)
{
    char name[24];

    for (unsigned i = 0; i < acpi->nioapics; i++) {
        fmt_print(name, sizeof(name), "IOAPIC %u", i);
        range_add(acpi->ioapics[i].address, acpi->ioapics[i].address + 0x3ff, name);
    }
    if (acpi->hpet_address)
        range_add(acpi->hpet_address, acpi->hpet_address + 0x3ff, "HPET 0");
    if (acpi->lapic_address)
        range_add(acpi->lapic_address, acpi->lapic_address + 0xfff, "Local APIC");
}

/* --- showing --- */

static COLD int show_iomem(const struct procfs_node *node, struct procfs_text *text)
{
    bool shown = credentials_capable(&task_current()->fs->cred, LX_CAP_SYS_ADMIN);
    uint64_t ends[NESTED_MAX];
    unsigned depth = 0;

    (void)node;
    for (unsigned i = 0; i < io_ranges_count && i < text->cursor + PIECE_LINES; i++) {
        const struct io_range *at = &io_ranges[i];

        while (depth > 0 && ends[depth - 1] < at->start)
            depth--;
        /* From the first on, for the depth alone. */
        if (i >= text->cursor)
            procfs_print(text, "%*s%08lx-%08lx : %s\n", (int)depth * 2, "", shown ? at->start : 0,
                         shown ? at->end : 0, at->name);
        if (depth < NESTED_MAX)
            ends[depth++] = at->end;
    }
    text->cursor += PIECE_LINES;
    text->more = text->cursor < io_ranges_count;
    return 0;
}

/* A row a source. Those of devices have the number of the interrupt, Linux's names the others. */
static const struct interrupt {
    uint8_t vector;
    const char *name, *text;
} interrupts[] = {
    {IOAPIC_VECTOR_BASE + 4, "  4", "IO-APIC   4-edge      ttyS0"},
    {ARCH_VECTOR_TIMER, "LOC", "Local timer interrupts"},
    {ARCH_VECTOR_SPURIOUS, "SPU", "Spurious interrupts"},
    {ARCH_VECTOR_KICK, "RES", "Rescheduling interrupts"},
    {ARCH_VECTOR_CALL, "CAL", "Function call interrupts"},
    {ARCH_VECTOR_DEFERRED, "IWI", "IRQ work interrupts"},
};

/* Linux's columns. */
static COLD int show_interrupts(const struct procfs_node *node, struct procfs_text *text)
{
    (void)node;
    procfs_print(text, "           ");
    for (unsigned cpu = 0; cpu < sched_cpus_online(); cpu++)
        procfs_print(text, "CPU%-8u", cpu);
    for (unsigned i = 0; i < ARRAY_SIZE(interrupts); i++) {
        procfs_print(text, "\n%s: ", interrupts[i].name);
        for (unsigned cpu = 0; cpu < sched_cpus_online(); cpu++)
            procfs_print(text, "%10lu ", irq_count(cpu, interrupts[i].vector));
        procfs_print(text, "  %s", interrupts[i].text);
    }
    procfs_print(text, "\nERR: %10lu\n", irq_unhandled());
    return 0;
}

static const struct procfs_entry hardware_files[] = {
    PROCFS_TEXT("interrupts", 0444, show_interrupts),
    PROCFS_TEXT("iomem", 0444, show_iomem),
};

COLD void procfs_hardware_init(const struct bootinfo *info)
{
    struct io_range *exact;

    /* The room for all of them is given back once they are counted. */
    procfs_register(hardware_files, ARRAY_SIZE(hardware_files));
    io_ranges = kmalloc(RANGES_MAX * sizeof(*io_ranges));
    if (!io_ranges)
        return;
    memory_map_add(info);
    image_add(info, image_text_begin, image_text_end, "Kernel code");
    image_add(info, image_rodata_begin, image_rodata_end, "Kernel rodata");
    image_add(info, image_data_begin, image_data_end, "Kernel data");
    pci_add();
    controllers_add(acpi_info());
    exact = kmalloc(io_ranges_count * sizeof(*io_ranges));
    if (!exact)
        return;
    memcpy(exact, io_ranges, io_ranges_count * sizeof(*io_ranges));
    kfree(io_ranges);
    io_ranges = exact;
}
