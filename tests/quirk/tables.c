/* SPDX-License-Identifier: MIT */
/* Firmware whose ACPI tables are old, broken, missing, or hold things in unusual places, and
 * firmware without the protocols that it may leave out. */
#include "tests/quirk/quirk.h"

#include "efi-loader/efi_devices.h"
#include "kernel/lib/string.h"
#include "kernel/lib/util.h"
#include "shared/addrmap.h"

#define MAX_TABLES 32

enum { RSDP_CHECKSUM = 8, RSDP_RSDT = 16, RSDP_XSDT = 24, RSDP_CHECKSUM_2 = 32, RSDP_SIZE = 36 };
enum { HEADER_LENGTH = 4, HEADER_CHECKSUM = 9, HEADER_SIZE = 36 };
enum { FADT_DSDT = 40, FADT_X_DSDT = 140 };

static EFI_GUID the_acpi_1 = ACPI_TABLE_GUID, the_acpi_2 = ACPI_20_TABLE_GUID;
static EFI_CONFIGURATION_TABLE the_tables[MAX_TABLES]; /* in place of the firmware's list */

static uint32_t get32(const unsigned char *bytes)
{
    uint32_t value;

    memcpy(&value, bytes, sizeof(value));
    return value;
}

static uint64_t get64(const unsigned char *bytes)
{
    uint64_t value;

    memcpy(&value, bytes, sizeof(value));
    return value;
}

static void seal(unsigned char *bytes, size_t nbytes, size_t checksum)
{
    unsigned char sum = 0;

    bytes[checksum] = 0;
    for (size_t i = 0; i < nbytes; i++)
        sum += bytes[i];
    bytes[checksum] = (unsigned char)-sum;
}

/* Memory that the kernel takes tables from, as every firmware does it. */
static unsigned char *table_memory(const void *from, size_t nbytes, size_t room)
{
    void *copy;

    if (EFI_ERROR(the_quirk.real.AllocatePool(EfiACPIReclaimMemory, room, &copy)))
        quirk_fault("no memory for a table");
    memcpy(copy, from, nbytes);
    return copy;
}

/* The list is a copy, without the GUID where that is not NULL. */
static void list_replace(const EFI_GUID *without)
{
    UINTN n = 0;

    for (UINTN i = 0; i < the_quirk.st->NumberOfTableEntries && n < MAX_TABLES; i++) {
        EFI_CONFIGURATION_TABLE *table = &the_quirk.st->ConfigurationTable[i];

        if (!without || memcmp(&table->VendorGuid, without, sizeof(*without)) != 0)
            the_tables[n++] = *table;
    }
    the_quirk.st->ConfigurationTable = the_tables;
    the_quirk.st->NumberOfTableEntries = n;
}

/* The entry of ACPI 2.0, which then leads to a copy of the root pointer. */
static unsigned char *rsdp_copy(void)
{
    list_replace(NULL);
    for (UINTN i = 0; i < the_quirk.st->NumberOfTableEntries; i++) {
        if (memcmp(&the_tables[i].VendorGuid, &the_acpi_2, sizeof(the_acpi_2)) == 0) {
            unsigned char *copy = table_memory(the_tables[i].VendorTable, RSDP_SIZE, RSDP_SIZE);

            the_tables[i].VendorTable = copy;
            return copy;
        }
    }
    quirk_fault("this firmware has no tables of ACPI 2.0");
    return NULL;
}

/* A copy of the XSDT, with room for one more entry, in a copy of the root pointer. */
static unsigned char *xsdt_copy(void)
{
    unsigned char *rsdp = rsdp_copy();
    const unsigned char *old = (const unsigned char *)get64(rsdp + RSDP_XSDT);
    unsigned char *xsdt = table_memory(old, get32(old + HEADER_LENGTH),
                                       get32(old + HEADER_LENGTH) + sizeof(uint64_t));
    uint64_t address = (uint64_t)xsdt;

    memcpy(rsdp + RSDP_XSDT, &address, sizeof(address));
    seal(rsdp, 20, RSDP_CHECKSUM);
    seal(rsdp, RSDP_SIZE, RSDP_CHECKSUM_2);
    return xsdt;
}

static void acpi_1(void)
{
    list_replace(&the_acpi_2);
}

static void no_acpi(void)
{
    list_replace(&the_acpi_2);
    list_replace(&the_acpi_1);
}

static void rsdp_broken(void)
{
    rsdp_copy()[RSDP_CHECKSUM_2]++;
}

static void xsdt_broken(void)
{
    xsdt_copy()[HEADER_CHECKSUM]++;
}

/* A table without any name of ours in it, the name and its package, and it is an SSDT. */
static void ssdt_add(unsigned char *xsdt)
{
    static const unsigned char body[] = "\x10\x05_SB_\x08_S5_\x12\x08\x04\x0a\x00\x0a\x00\x00\x00";
    unsigned char *ssdt = table_memory(xsdt, HEADER_SIZE, HEADER_SIZE + sizeof(body) - 1);
    uint32_t length = HEADER_SIZE + sizeof(body) - 1;
    uint64_t address = (uint64_t)ssdt;

    memcpy(ssdt, "SSDT", 4);
    memcpy(ssdt + HEADER_LENGTH, &length, sizeof(length));
    memcpy(ssdt + HEADER_SIZE, body, sizeof(body) - 1);
    seal(ssdt, length, HEADER_CHECKSUM);
    length = get32(xsdt + HEADER_LENGTH);
    memcpy(xsdt + length, &address, sizeof(address));
    length += sizeof(address);
    memcpy(xsdt + HEADER_LENGTH, &length, sizeof(length));
    seal(xsdt, length, HEADER_CHECKSUM);
}

static unsigned char *dsdt_of(const unsigned char *xsdt)
{
    for (size_t at = HEADER_SIZE; at < get32(xsdt + HEADER_LENGTH); at += sizeof(uint64_t)) {
        const unsigned char *table = (const unsigned char *)get64(xsdt + at);

        if (memcmp(table, "FACP", 4) != 0)
            continue;
        if (get32(table + HEADER_LENGTH) >= FADT_X_DSDT + 8 && get64(table + FADT_X_DSDT))
            return (unsigned char *)get64(table + FADT_X_DSDT);
        return (unsigned char *)(uintptr_t)get32(table + FADT_DSDT);
    }
    quirk_fault("there is no FADT");
    return NULL;
}

/* The sleep types of power-off stand in an SSDT, and in the DSDT no longer. */
static void s5_in_ssdt(void)
{
    unsigned char *xsdt = xsdt_copy(), *dsdt = dsdt_of(xsdt);
    uint32_t length = get32(dsdt + HEADER_LENGTH);

    for (uint32_t at = HEADER_SIZE; at + 4 <= length; at++) {
        if (memcmp(dsdt + at, "_S5_", 4) == 0)
            dsdt[at + 1] = 'X';
    }
    seal(dsdt, length, HEADER_CHECKSUM);
    ssdt_add(xsdt);
}

static EFI_STATUS EFIAPI locate_without(EFI_GUID *guid, void *registration, void **out)
{
    static EFI_GUID rng = EFI_RNG_PROTOCOL_GUID, tcg_2 = EFI_TCG2_GUID, tcg_1 = EFI_TCG_GUID;
    const EFI_GUID *left_out[] = {&rng, &tcg_2, &tcg_1};

    for (size_t i = 0; i < ARRAY_SIZE(left_out); i++) {
        if (quirk_is_loader(__builtin_return_address(0)) &&
            memcmp(guid, left_out[i], sizeof(*guid)) == 0) {
            *out = NULL;
            return EFI_NOT_FOUND;
        }
    }
    return the_quirk.real.LocateProtocol(guid, registration, out);
}

static void no_optional_protocols(void)
{
    the_quirk.bs->LocateProtocol = locate_without;
}

const struct quirk_entry quirk_table_entries[] = {
    {"acpi-1", acpi_1},
    {"no-acpi", no_acpi},
    {"rsdp-broken", rsdp_broken},
    {"xsdt-broken", xsdt_broken},
    {"s5-in-ssdt", s5_in_ssdt},
    {"no-optional-protocols", no_optional_protocols},
    {NULL, NULL},
};
