/* SPDX-License-Identifier: MIT */
/*
 * Entry points of ACPI and SMBIOS, and the firmware's name.
 *
 * The configuration table may hold a GUID several times, and pointers to tables that are damaged:
 * each candidate is checked, and the first sound one is taken, newer formats before older ones.
 * Tables are read byte by byte, as nothing promises their alignment.
 *
 * Layouts: ACPI 6.5 section 5.2.5.3, SMBIOS 3.6 section 5.2.
 */
#include "efi-loader/firmware.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/smbios.h"
#include "kernel/lib/string.h"

#define RSDP_V1_SIZE     20
#define RSDP_REVISION    15
#define RSDP_LENGTH      20
#define RSDP_V2_SIZE     36
#define PLAUSIBLE_LENGTH 128

#define ATTRIBUTES_TABLE_GUID                                                                      \
    {                                                                                              \
        0xdcfa911d, 0x26eb, 0x469f,                                                                \
        {                                                                                          \
            0xa2, 0x20, 0x38, 0xb7, 0xdc, 0x46, 0x12, 0x20                                         \
        }                                                                                          \
    }

static bool sums_to_zero(const unsigned char *bytes, size_t nbytes)
{
    unsigned char sum = 0;

    for (size_t i = 0; i < nbytes; i++)
        sum += bytes[i];
    return sum == 0;
}

/* Revision 0 (ACPI 1.0) has 20 bytes and one checksum; from revision 2 on a second one covers the
 * whole length. The length is bounded before it is used. */
bool firmware_rsdp_valid(const void *rsdp, unsigned min_revision)
{
    const unsigned char *bytes = rsdp;
    uint32_t length;

    if (!bytes || memcmp(bytes, "RSD PTR ", 8) != 0)
        return false;
    if (!sums_to_zero(bytes, RSDP_V1_SIZE) || bytes[RSDP_REVISION] < min_revision)
        return false;
    if (bytes[RSDP_REVISION] < 2)
        return true;
    memcpy(&length, bytes + RSDP_LENGTH, sizeof(length));
    return length >= RSDP_V2_SIZE && length <= PLAUSIBLE_LENGTH && sums_to_zero(bytes, length);
}

bool firmware_smbios_valid(const void *entry)
{
    struct smbios_entry found;

    return entry && smbios_parse_entry(entry, SMBIOS_ENTRY_MAX, &found) == 0;
}

/* From *index on, which is left behind the table found. */
static const void *next_table(const EFI_CONFIGURATION_TABLE *tables, size_t count, size_t *index,
                              const EFI_GUID *guid)
{
    for (; *index < count; ++*index) {
        const EFI_CONFIGURATION_TABLE *table = &tables[*index];

        if (table->VendorTable && memcmp(&table->VendorGuid, guid, sizeof(*guid)) == 0) {
            ++*index;
            return table->VendorTable;
        }
    }
    return NULL;
}

uint64_t firmware_find_rsdp(const EFI_CONFIGURATION_TABLE *tables, size_t count)
{
    static const EFI_GUID acpi2 = ACPI_20_TABLE_GUID, acpi1 = ACPI_TABLE_GUID;
    const void *table;

    for (size_t i = 0; (table = next_table(tables, count, &i, &acpi2));) {
        if (firmware_rsdp_valid(table, 2))
            return (uintptr_t)table;
    }
    for (size_t i = 0; (table = next_table(tables, count, &i, &acpi1));) {
        if (firmware_rsdp_valid(table, 0))
            return (uintptr_t)table;
    }
    return 0;
}

uint64_t firmware_find_smbios(const EFI_CONFIGURATION_TABLE *tables, size_t count)
{
    static const EFI_GUID smbios3 = SMBIOS3_TABLE_GUID, smbios2 = SMBIOS_TABLE_GUID;
    const void *table;

    for (size_t i = 0; (table = next_table(tables, count, &i, &smbios3));) {
        if (firmware_smbios_valid(table))
            return (uintptr_t)table;
    }
    for (size_t i = 0; (table = next_table(tables, count, &i, &smbios2));) {
        if (firmware_smbios_valid(table))
            return (uintptr_t)table;
    }
    return 0;
}

/* As with the memory map, descriptors may be longer than the structure. */
uint32_t firmware_runtime_attributes(const EFI_CONFIGURATION_TABLE *tables, size_t count,
                                     struct bootinfo_range *out, uint32_t capacity)
{
    static const EFI_GUID guid = ATTRIBUTES_TABLE_GUID;
    size_t index = 0;
    const unsigned char *table = next_table(tables, count, &index, &guid);
    uint32_t header[4], entries, size; /* version, entries, size of one, flags */

    if (!table)
        return 0;
    memcpy(header, table, sizeof(header));
    entries = header[1];
    size = header[2];
    if (entries > capacity || size < sizeof(EFI_MEMORY_DESCRIPTOR) || size > PLAUSIBLE_LENGTH)
        return 0;
    for (uint32_t i = 0; i < entries; i++) {
        EFI_MEMORY_DESCRIPTOR desc;

        memcpy(&desc, table + sizeof(header) + (size_t)i * size, sizeof(desc));
        out[i] = (struct bootinfo_range){.base = desc.PhysicalStart,
                                         .npages = desc.NumberOfPages,
                                         .type = BOOTINFO_RUNTIME_CODE,
                                         .attributes = desc.Attribute};
    }
    return entries;
}

/* One character of the basic plane as UTF-8; 0 bytes for control characters and surrogates. */
static size_t put_utf8(unsigned c, char *out)
{
    if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0xd800 && c < 0xe000) || c >= 0xfffe)
        return 0;
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    out[0] = (char)(0xe0 | c >> 12);
    out[1] = (char)(0x80 | (c >> 6 & 0x3f));
    out[2] = (char)(0x80 | (c & 0x3f));
    return 3;
}

/* The vendor's name is UCS-2 (UEFI 2.10 section 2.3.1): characters of the basic plane only. Cut
 * where it does not fit, so the revision always does. */
size_t firmware_describe(const CHAR16 *vendor, uint32_t revision, char *text, size_t capacity)
{
    enum { ROOM = 16 }; /* for a blank, two 16-bit numbers, a point, the NUL, one character */
    size_t length = 0;

    for (size_t i = 0; vendor && vendor[i] && length + ROOM < capacity; i++)
        length += put_utf8(vendor[i], text + length);
    return length + fmt_print(text + length, capacity - length, "%s %u.%u", length ? "" : "unknown",
                              revision >> 16, revision & 0xffff);
}
