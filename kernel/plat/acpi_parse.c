/* SPDX-License-Identifier: MIT */
/*
 * Parsers of the ACPI root pointer, table headers, MADT and HPET.
 *
 * The FADT and \_S5_ are in acpi_fadt.c.
 */
#include "kernel/plat/acpi_parse.h"

#include "kernel/plat/acpi_bytes.h"
#include "shared/linux/errno.h"

/* Up to the RSDT's address; later fields have the second checksum. */
#define RSDP_V1_SIZE 20u

/* Signatures have no NUL in the tables. */
static bool bytes_equal(const uint8_t *bytes, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] != (uint8_t)text[i])
            return false;
    }
    return true;
}

/* Every ACPI table and the root pointer carry a byte that makes the sum of all of them zero. */
static bool sum_is_zero(const uint8_t *bytes, size_t nbytes)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < nbytes; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum == 0;
}

/* A length that no real table has is treated as none: what follows trusts it. */
uint32_t acpi_table_length(const void *header)
{
    uint32_t length = acpi_get32((const uint8_t *)header + 4);

    return length >= ACPI_HEADER_SIZE && length <= ACPI_TABLE_MAX_SIZE ? length : 0;
}

/* Length before checksum: the sum runs over that many bytes. */
bool acpi_table_valid(const void *table, size_t nbytes, const char signature[4])
{
    const uint8_t *bytes = table;
    uint32_t length;

    if (nbytes < ACPI_HEADER_SIZE || !bytes_equal(bytes, signature, 4))
        return false;
    length = acpi_table_length(table);
    return length && length <= nbytes && sum_is_zero(bytes, length);
}

/* ACPI specification 6.5, section 5.2.5.3. The XSDT wins where both are there. */
COLD int acpi_parse_rsdp(const void *rsdp, size_t nbytes, struct acpi_roots *roots)
{
    const uint8_t *bytes = rsdp;
    struct acpi_roots found = {0};
    uint32_t length;

    if (nbytes < RSDP_V1_SIZE || !bytes_equal(bytes, "RSD PTR ", 8) ||
        !sum_is_zero(bytes, RSDP_V1_SIZE))
        return -EINVAL;
    found.rsdt = acpi_get32(bytes + 16);

    /* The second half has a checksum of its own; if that is wrong, the first half still stands. */
    if (bytes[15] >= 2 && nbytes >= ACPI_RSDP_SIZE) {
        length = acpi_get32(bytes + 20);
        if (length >= ACPI_RSDP_SIZE && length <= nbytes && sum_is_zero(bytes, length))
            found.xsdt = acpi_get64(bytes + 24);
    }
    if (!found.xsdt && !found.rsdt)
        return -EINVAL;
    *roots = found;
    return 0;
}

/* entry_size: 4 in the RSDT, 8 in the XSDT. */
size_t acpi_root_count(size_t nbytes, unsigned entry_size)
{
    return nbytes < ACPI_HEADER_SIZE ? 0 : (nbytes - ACPI_HEADER_SIZE) / entry_size;
}

/* XSDT entries begin at offset 36 and so are not aligned: acpi_get64 reads bytes. */
uint64_t acpi_root_entry(const void *root, size_t index, unsigned entry_size)
{
    const uint8_t *entry = (const uint8_t *)root + ACPI_HEADER_SIZE + index * entry_size;

    /* The RSDT's addresses have 32 bits. */
    return entry_size == 8 ? acpi_get64(entry) : acpi_get32(entry);
}

/* Firmware may list one processor both in the old and in the x2APIC form. */
static void cpu_add(struct acpi_info *info, uint32_t apic_id, uint32_t uid, uint32_t flags)
{
    if (!(flags & 3))
        return; /* a socket without a processor */
    for (uint32_t i = 0; i < info->ncpus; i++) {
        if (info->cpus[i].apic_id == apic_id)
            return;
    }
    if (info->ncpus == ACPI_MAX_CPUS) {
        info->ndropped++;
        if ((flags & 1) && info->cpus_dropped++ == 0)
            info->dropped_apic_id = apic_id;
        return;
    }
    info->cpus[info->ncpus++] = (struct acpi_cpu){
        .apic_id = apic_id,
        .uid = uid,
        .enabled = flags & 1,
        .online_capable = flags & 2,
    };
}

/* Beyond the fixed number they are counted in ndropped, which the caller reports. */
static void ioapic_add(struct acpi_info *info, const uint8_t *entry)
{
    if (info->nioapics == ACPI_MAX_IOAPICS) {
        info->ndropped++;
        return;
    }
    info->ioapics[info->nioapics++] = (struct acpi_ioapic){
        .id = entry[2],
        .address = acpi_get32(entry + 4),
        .gsi_base = acpi_get32(entry + 8),
    };
}

/* An ISA interrupt that is wired to another pin or with another polarity than the bus has it. */
static void override_add(struct acpi_info *info, const uint8_t *entry)
{
    if (info->noverrides == ACPI_MAX_OVERRIDES) {
        info->ndropped++;
        return;
    }
    info->overrides[info->noverrides++] = (struct acpi_override){
        .irq = entry[3],
        .gsi = acpi_get32(entry + 4),
        .flags = acpi_get16(entry + 8),
    };
}

/* LINT has two pins; anything else is a broken entry. */
static void nmi_add(struct acpi_info *info, uint32_t uid, uint16_t flags, uint8_t lint)
{
    if (lint > 1)
        return;
    if (info->nnmis == ACPI_MAX_NMIS) {
        info->ndropped++;
        return;
    }
    info->nmis[info->nnmis++] = (struct acpi_nmi){.uid = uid, .flags = flags, .lint = lint};
}

enum madt_entry {
    MADT_LAPIC = 0,
    MADT_IOAPIC = 1,
    MADT_OVERRIDE = 2,
    MADT_LAPIC_NMI = 4,
    MADT_LAPIC_ADDRESS = 5,
    MADT_X2APIC = 9,
    MADT_X2APIC_NMI = 10,
    MADT_NTYPES
};

/* What an entry must have at least; 0 for the types that are passed over. */
static const uint8_t madt_sizes[MADT_NTYPES] = {
    [MADT_LAPIC] = 8,          [MADT_IOAPIC] = 12, [MADT_OVERRIDE] = 10,   [MADT_LAPIC_NMI] = 6,
    [MADT_LAPIC_ADDRESS] = 12, [MADT_X2APIC] = 16, [MADT_X2APIC_NMI] = 12,
};

/* The caller has checked the size against madt_sizes. */
static void madt_entry_parse(struct acpi_info *info, const uint8_t *entry)
{
    switch (entry[0]) {
    case MADT_LAPIC:
        if (entry[3] != 0xff) /* the broadcast identity is no processor's */
            cpu_add(info, entry[3], entry[2], acpi_get32(entry + 4));
        break;
    case MADT_IOAPIC:
        ioapic_add(info, entry);
        break;
    case MADT_OVERRIDE:
        override_add(info, entry);
        break;
    /* Here 0xff means all processors; the x2APIC entry has all ones for that already. */
    case MADT_LAPIC_NMI:
        nmi_add(info, entry[2] == 0xff ? ACPI_UID_ALL : entry[2], acpi_get16(entry + 3), entry[5]);
        break;
    /* Replaces the 32-bit address of the fixed part. */
    case MADT_LAPIC_ADDRESS:
        info->lapic_address = acpi_get64(entry + 4);
        break;
    /* Used for identities from 255 on; all ones is the broadcast. */
    case MADT_X2APIC:
        if (acpi_get32(entry + 4) != 0xffffffffu)
            cpu_add(info, acpi_get32(entry + 4), acpi_get32(entry + 12), acpi_get32(entry + 8));
        break;
    case MADT_X2APIC_NMI:
        nmi_add(info, acpi_get32(entry + 4), acpi_get16(entry + 2), entry[8]);
        break;
    }
}

/* ACPI specification 6.5, section 5.2.12: a fixed part of 44 bytes, then entries of type and
 * length. Every entry is checked against the size its type needs before a field is read. */
COLD int acpi_parse_madt(const void *table, size_t nbytes, struct acpi_info *info)
{
    const uint8_t *bytes = table;
    uint32_t length, at = 44;

    if (info->madt || !acpi_table_valid(table, nbytes, "APIC"))
        return -EINVAL;
    length = acpi_table_length(table);
    /* Shorter than its fixed part: broken, whatever the checksum says. */
    if (length < at)
        return -EINVAL;

    /* A second MADT is refused above: some firmware has two, and the first one counts. */
    info->madt = true;
    info->lapic_address = acpi_get32(bytes + 36);
    /* Offset 40, bit 0: the machine has the two 8259 controllers as well. */
    info->legacy_pic = acpi_get32(bytes + 40) & 1;
    while (length - at >= 2) {
        uint8_t type = bytes[at], size = bytes[at + 1];

        /* After a wrong size nothing that follows can be told apart. */
        if (size < 2 || size > length - at) {
            info->madt_cut = at;
            break;
        }
        if (type < MADT_NTYPES && madt_sizes[type] && size >= madt_sizes[type])
            madt_entry_parse(info, bytes + at);
        at += size;
    }
    return 0;
}

/* The address structure stands at offset 40; only memory-mapped timers are used. */
int acpi_parse_hpet(const void *table, size_t nbytes, struct acpi_info *info)
{
    struct acpi_register where;

    if (!acpi_table_valid(table, nbytes, "HPET"))
        return -EINVAL;
    where = acpi_get_register(table, acpi_table_length(table), 40);
    if (where.space != ACPI_SPACE_MEMORY || !where.address)
        return -EINVAL;
    info->hpet_address = where.address;
    return 0;
}
