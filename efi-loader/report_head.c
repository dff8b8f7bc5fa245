/* SPDX-License-Identifier: MIT */
/*
 * What a person who opens the report wants to know first: which machine was this, and when.
 *
 * All of it is known before ExitBootServices. The date is the firmware's clock, whose zone is
 * seldom right and therefore not shown.
 */
#include "efi-loader/report_head.h"

#include "efi-loader/cpu.h"
#include "efi-loader/firmware.h"
#include "efi-loader/memmap.h"
#include "efi-loader/text.h"
#include "kernel/lib/bootinfo.h"
#include "kernel/lib/smbios.h"
#include "kernel/lib/string.h"

#define STRING_SIZE 72
#define MIB_SHIFT   20

/* Bits of CPUID that programs look for; names as in Linux's /proc/cpuinfo. */
static const struct {
    uint32_t leaf;
    uint8_t reg; /* 0 to 3: EAX, EBX, ECX, EDX */
    uint8_t bit;
    const char *name;
} cpu_bits[] = {
    {1, 2, 5, "vmx"},
    {1, 2, 9, "ssse3"},
    {1, 2, 19, "sse4_1"},
    {1, 2, 20, "sse4_2"},
    {1, 2, 21, "x2apic"},
    {1, 2, 23, "popcnt"},
    {1, 2, 25, "aes"},
    {1, 2, 26, "xsave"},
    {1, 2, 28, "avx"},
    {1, 2, 30, "rdrand"},
    {1, 2, 31, "hypervisor"},
    {7, 1, 0, "fsgsbase"},
    {7, 1, 3, "bmi1"},
    {7, 1, 5, "avx2"},
    {7, 1, 7, "smep"},
    {7, 1, 8, "bmi2"},
    {7, 1, 16, "avx512f"},
    {7, 1, 18, "rdseed"},
    {7, 1, 20, "smap"},
    {7, 1, 29, "sha_ni"},
    {0x80000001, 2, 2, "svm"},
    {0x80000001, 3, 20, "nx"},
    {0x80000001, 3, 26, "pdpe1gb"},
    {0x80000001, 3, 27, "rdtscp"},
};

/* "key: one two three", of those that say anything. */
static void strings_write(struct text *out, const char *key, const struct smbios_structure *from,
                          const unsigned *offsets, size_t count)
{
    char string[STRING_SIZE];
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        text_clean(string, sizeof(string), smbios_text(from, offsets[i]));
        if (!string[0])
            continue;
        text_add(out, any ? " %s" : "%s: %s", any ? string : key, string);
        any = true;
    }
    if (any)
        text_add(out, "\n");
}

/* The next structure of a type; false: none is left. */
static bool structure_next(const struct smbios_entry *tables, uint8_t type,
                           struct smbios_structure *at)
{
    while (smbios_next((const void *)(uintptr_t)tables->table, tables->nbytes, at))
        if (at->type == type)
            return true;
    *at = (struct smbios_structure){0}; /* which has no fields */
    return false;
}

static void machine_write(struct text *out, const struct smbios_entry *tables)
{
    static const unsigned name[] = {4, 5, 6}, serial[] = {7}, firmware[] = {4, 5, 8};
    struct smbios_structure machine = {0}, board = {0}, release = {0};

    (void)structure_next(tables, SMBIOS_MACHINE, &machine);
    strings_write(out, "machine", &machine, name, ARRAY_SIZE(name));
    strings_write(out, "serial number", &machine, serial, ARRAY_SIZE(serial));
    (void)structure_next(tables, SMBIOS_BOARD, &board);
    strings_write(out, "board", &board, name, ARRAY_SIZE(name));
    strings_write(out, "board serial number", &board, serial, ARRAY_SIZE(serial));
    (void)structure_next(tables, SMBIOS_FIRMWARE, &release);
    strings_write(out, "firmware release", &release, firmware, ARRAY_SIZE(firmware));
}

static void modules_write(struct text *out, const struct smbios_entry *tables)
{
    static const unsigned details[] = {0x17, 0x1a, 0x18}; /* maker, part, serial number */
    struct smbios_structure module = {0};

    while (structure_next(tables, SMBIOS_MODULE, &module)) {
        unsigned mib = (unsigned)(smbios_module_size(&module) >> MIB_SHIFT);
        unsigned speed = (unsigned)smbios_number(&module, 0x15, 2);
        char string[STRING_SIZE];

        if (!mib)
            continue;
        text_clean(string, sizeof(string), smbios_text(&module, 0x10));
        text_add(out, "memory module: %s: %u MiB", string, mib);
        if (speed)
            text_add(out, ", %u MT/s", speed);
        for (unsigned i = 0; i < ARRAY_SIZE(details); i++) {
            text_clean(string, sizeof(string), smbios_text(&module, details[i]));
            if (string[0])
                text_add(out, ", %s", string);
        }
        text_add(out, "\n");
    }
}

/* The brand string is in three leaves, padded with blanks in front on some processors. */
static void processor_write(struct text *out)
{
    uint32_t regs[4], brand[13] = {0}, bits = 0, leaf = 0;
    const char *name = (const char *)brand;

    for (unsigned i = 0; i < 3; i++)
        cpu_id(0x80000002u + i, brand + 4 * i);
    while (*name == ' ')
        name++;
    cpu_id(1, regs);
    text_add(out, "processor: %s, signature %08x\nprocessor features:", *name ? name : "unknown",
             regs[0]);
    for (unsigned i = 0; i < ARRAY_SIZE(cpu_bits); i++) {
        if (leaf != cpu_bits[i].leaf)
            cpu_id(leaf = cpu_bits[i].leaf, regs);
        bits = regs[cpu_bits[i].reg];
        if (bits >> cpu_bits[i].bit & 1)
            text_add(out, " %s", cpu_bits[i].name);
    }
    text_add(out, "\n");
}

static void memory_write(struct text *out, const struct bootinfo *info)
{
    const struct bootinfo_range *ranges = bootinfo_ranges(info);

    text_add(out, "memory map: %u ranges", info->ranges_count);
    for (uint32_t type = 0; type < BOOTINFO_NTYPES; type++) {
        uint64_t nbytes = memmap_total(ranges, info->ranges_count, 1u << type);

        if (nbytes >> 10)
            text_add(out, ", %s %llu KiB", bootinfo_type_name(type),
                     (unsigned long long)nbytes >> 10);
    }
    text_add(out, "\n");
}

static void framebuffer_write(struct text *out, const struct bootinfo_framebuffer *fb)
{
    if (fb->format == BOOTINFO_PIXEL_NONE)
        text_add(out, "framebuffer: none\n");
    else
        text_add(out, "framebuffer: %ux%u, %u pixels a line, at 0x%llx, format %u\n", fb->width,
                 fb->height, fb->pixels_per_line, (unsigned long long)fb->base, fb->format);
}

static void date_write(struct text *out, const EFI_SYSTEM_TABLE *st)
{
    EFI_TIME time;

    if (EFI_ERROR(st->RuntimeServices->GetTime(&time, NULL)))
        text_add(out, "date: unknown\n");
    else
        text_add(out, "date: %04u-%02u-%02u %02u:%02u:%02u by the firmware's clock\n", time.Year,
                 time.Month, time.Day, time.Hour, time.Minute, time.Second);
}

void report_head_write(struct text *out, const EFI_SYSTEM_TABLE *st, const struct bootinfo *info,
                       const char *cmdline)
{
    struct smbios_entry tables = {0};
    char firmware[128];

    if (!info->smbios ||
        smbios_parse_entry((const void *)(uintptr_t)info->smbios, SMBIOS_ENTRY_MAX, &tables))
        tables.nbytes = 0;
    text_add(out, "Firstlight, report %04u\nid: %016llx\n", info->report.number,
             (unsigned long long)info->report.id);
    date_write(out, st);
    machine_write(out, &tables);
    firmware_describe(st->FirmwareVendor, st->FirmwareRevision, firmware, sizeof(firmware));
    text_add(out, "firmware: %s\n", firmware);
    processor_write(out);
    modules_write(out, &tables);
    memory_write(out, info);
    framebuffer_write(out, &info->framebuffer);
    text_add(out, "command line: %s\n\n", cmdline);
}
