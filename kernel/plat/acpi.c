/* SPDX-License-Identifier: MIT */
/*
 * ACPI tables: walked from the root pointer to the ones that matter.
 *
 * Runs once, early in start-up; acpi_info is constant from then on.
 */
#include "kernel/plat/acpi.h"

#include "kernel/lib/klog.h"
#include "kernel/mm/vmalloc.h"
#include "kernel/plat/acpi_bytes.h"
#include "shared/linux/errno.h"

/* A root table of more entries is cut: real ones have some thirty. */
#define ROOT_MAX_ENTRIES 256

/* Where the FADT has the addresses of two other tables: ACPI 6.5, table 5.9. */
#define FADT_FACS   36u
#define FADT_DSDT   40u
#define FADT_X_FACS 132u
#define FADT_X_DSDT 140u

/* So much is summed up and searched in all, at start-up: real tables are some hundred KiB. */
#define BUDGET (2 * ACPI_TABLE_MAX_SIZE)

/* As many tables are kept for programs to read. */
#define TABLES_MAX 64

static struct acpi_info the_info;
static struct {
    const uint8_t *bytes;
    uint32_t nbytes;
} tables[TABLES_MAX];
static unsigned tables_count;
static size_t budget; /* bytes that may still be looked at */

const struct acpi_info *acpi_info(void)
{
    return &the_info;
}

/* Signatures are compared as the four bytes they are. */
static uint32_t signature_of(const void *header)
{
    return acpi_get32(header);
}

/* The whole table at that address, or NULL; its length by its own header. Tables lie in memory
 * types that the direct map does not cover everywhere, so each is mapped by itself: the header
 * first, for the length, then the whole. */
static const void *table_map(uint64_t physical, size_t *nbytes)
{
    const void *header = physical ? memremap(physical, ACPI_HEADER_SIZE) : NULL;

    if (!header)
        return NULL;
    *nbytes = acpi_table_length(header);
    return *nbytes ? memremap(physical, *nbytes) : NULL;
}

/* The same, as long as there is some of the budget left. */
static COLD const void *table_map_cheap(uint64_t physical, size_t *nbytes)
{
    const void *table = table_map(physical, nbytes);

    if (!table || *nbytes > budget)
        return NULL;
    budget -= *nbytes;
    return table;
}

/* Where the DSDT has no sleep types: it is read last, and wins. */
static int ssdt_parse(const void *table, size_t nbytes, struct acpi_info *info)
{
    if (!acpi_table_valid(table, nbytes, "SSDT"))
        return -EINVAL;
    if (!info->s5 && acpi_parse_s5(table, nbytes, info) == 0)
        klog("acpi: an SSDT has the sleep types for switching off");
    return 0;
}

size_t acpi_table(unsigned index, const uint8_t **out_bytes)
{
    if (index >= tables_count)
        return 0;
    *out_bytes = tables[index].bytes;
    return tables[index].nbytes;
}

/* Whole, and mapped for good: most lie in the direct map anyway. Its length, or 0. */
static uint32_t table_keep(uint64_t physical)
{
    size_t nbytes = 0;
    const uint8_t *bytes = tables_count < TABLES_MAX ? table_map(physical, &nbytes) : NULL;

    if (!bytes)
        return 0;
    tables[tables_count].bytes = bytes;
    tables[tables_count++].nbytes = (uint32_t)nbytes;
    return (uint32_t)nbytes;
}

/* Each address is in the FADT twice, with 32 and with 64 bits: the long one counts if it is set. */
static void tables_of_fadt_keep(const uint8_t *fadt, uint32_t nbytes)
{
    uint64_t dsdt = acpi_field(fadt, nbytes, FADT_X_DSDT, 8);
    uint64_t facs = acpi_field(fadt, nbytes, FADT_X_FACS, 8);

    table_keep(dsdt ? dsdt : acpi_field(fadt, nbytes, FADT_DSDT, 4));
    table_keep(facs ? facs : acpi_field(fadt, nbytes, FADT_FACS, 4));
}

static void table_keep_all(uint64_t physical)
{
    uint32_t nbytes = table_keep(physical);
    const uint8_t *bytes = nbytes ? tables[tables_count - 1].bytes : NULL;

    if (bytes && signature_of(bytes) == signature_of("FACP"))
        tables_of_fadt_keep(bytes, nbytes);
}

/* Tables read from the root's list. The DSDT is not in that list: the FADT points to it. */
static const struct table_kind {
    char signature[5];
    int (*parse)(const void *table, size_t nbytes, struct acpi_info *info);
} table_kinds[] = {
    {"APIC", acpi_parse_madt},
    {"FACP", acpi_parse_fadt},
    {"HPET", acpi_parse_hpet},
    {"SSDT", ssdt_parse},
};

/* Mapped twice: for the signature alone first, so that a table that is not needed costs one page.
 */
static void table_parse(uint64_t physical)
{
    const void *header = physical ? memremap(physical, ACPI_HEADER_SIZE) : NULL;
    const void *table;
    size_t nbytes;

    if (!header)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(table_kinds); i++) {
        const struct table_kind *kind = &table_kinds[i];

        if (signature_of(header) != signature_of(kind->signature))
            continue;
        table = table_map_cheap(physical, &nbytes);
        if (!table || kind->parse(table, nbytes, &the_info))
            klog("acpi: table %s at 0x%lx is broken and left out", kind->signature, physical);
        return;
    }
}

/* A table that is listed twice says nothing new. */
static COLD bool root_has_before(const void *root, size_t index, unsigned entry_size)
{
    for (size_t i = 0; i < index; i++)
        if (acpi_root_entry(root, i, entry_size) == acpi_root_entry(root, index, entry_size))
            return true;
    return false;
}

/* Whether the root table was good; then everything it lists has been read. A table that is broken
 * is left out with a message; the others still count. Only a broken root makes the caller fall back
 * from the XSDT to the RSDT. */
static bool root_walk(uint64_t physical, const char *signature, unsigned entry_size)
{
    size_t nbytes, count;
    const void *root = table_map(physical, &nbytes);

    if (!root || !acpi_table_valid(root, nbytes, signature)) {
        if (physical)
            klog("acpi: root table %s at 0x%lx is broken", signature, physical);
        return false;
    }
    count = MIN(acpi_root_count(nbytes, entry_size), (size_t)ROOT_MAX_ENTRIES);
    for (size_t i = 0; i < count; i++) {
        if (root_has_before(root, i, entry_size))
            continue;
        table_parse(acpi_root_entry(root, i, entry_size));
        table_keep_all(acpi_root_entry(root, i, entry_size));
    }
    return true;
}

/* Without sleep types there is still the reset; power_off then asks for the switch. SSDTs have been
 * looked at. */
static void s5_find(void)
{
    size_t nbytes;
    const void *dsdt = table_map(the_info.dsdt, &nbytes);

    if ((!dsdt || acpi_parse_s5(dsdt, nbytes, &the_info)) && !the_info.s5)
        klog("acpi: no sleep types for switching off in the DSDT or an SSDT");
}

COLD void acpi_init(uint64_t rsdp)
{
    struct acpi_roots roots;
    const void *pointer = rsdp ? memremap(rsdp, ACPI_RSDP_SIZE) : NULL;

    the_info = (struct acpi_info){0};
    tables_count = 0;
    budget = BUDGET;
    if (!pointer || acpi_parse_rsdp(pointer, ACPI_RSDP_SIZE, &roots)) {
        klog("acpi: no root pointer; going on without the tables");
        return;
    }
    the_info.found = root_walk(roots.xsdt, "XSDT", 8) || root_walk(roots.rsdt, "RSDT", 4);
    if (the_info.fadt)
        s5_find();
    klog("acpi: %u processors, %u I/O APICs, PM timer %s, HPET %s", the_info.ncpus,
         the_info.nioapics, the_info.pm_timer_port ? "yes" : "no",
         the_info.hpet_address ? "yes" : "no");
}
