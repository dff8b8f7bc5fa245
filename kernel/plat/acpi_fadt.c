/* SPDX-License-Identifier: MIT */
/*
 * The fixed ACPI description table, and the sleep types of \_S5_.
 *
 * The sleep types live in AML, the firmware's byte code. They are a constant package in practice,
 * so its encoding is looked for instead of running an interpreter.
 */
#include "kernel/plat/acpi_bytes.h"
#include "kernel/plat/acpi_parse.h"
#include "shared/linux/errno.h"

/* Offsets: ACPI specification 6.5, table 5.9. */
enum fadt_offset {
    FADT_REVISION = 8,
    FADT_DSDT = 40,
    FADT_SCI = 46,
    FADT_SMI_COMMAND = 48,
    FADT_ACPI_ENABLE = 52,
    FADT_PM1A_CONTROL = 64,
    FADT_PM1B_CONTROL = 68,
    FADT_PM_TIMER = 76,
    FADT_PM_TIMER_SIZE = 91,
    FADT_CENTURY = 108,
    FADT_BOOT_ARCH = 109,
    FADT_FLAGS = 112,
    FADT_V1_END = 116,
    FADT_RESET = 116,
    FADT_RESET_VALUE = 128,
    FADT_X_DSDT = 140,
    FADT_X_PM1A_CONTROL = 172,
    FADT_X_PM1B_CONTROL = 184,
    FADT_X_PM_TIMER = 208,
    FADT_SLEEP_CONTROL = 244,
};

#define FLAG_TIMER_32BIT      (1u << 8)
#define FLAG_RESET_REGISTER   (1u << 10)
#define FLAG_HARDWARE_REDUCED (1u << 20)

#define BOOT_ARCH_8042   (1u << 1)
#define BOOT_ARCH_NO_RTC (1u << 5)
#define BOOT_ARCH_SINCE  3 /* FADT revision */

/* Every field is read by fadt_get, which knows where the table ends. */
struct fadt {
    const void *table;
    uint32_t length;
};

/* Zero beyond the end of the table: older revisions are shorter. */
static uint64_t fadt_get(const struct fadt *fadt, uint32_t offset, unsigned nbytes)
{
    return acpi_field(fadt->table, fadt->length, offset, nbytes);
}

/* The extended address where there is one, else the old 32-bit port number. */
static struct acpi_register fadt_register(const struct fadt *fadt, uint32_t extended,
                                          uint32_t legacy)
{
    struct acpi_register where = acpi_get_register(fadt->table, fadt->length, extended);

    if (where.address && (where.space == ACPI_SPACE_IO || where.space == ACPI_SPACE_MEMORY))
        return where;
    return (struct acpi_register){
        .address = fadt_get(fadt, legacy, 4),
        .space = ACPI_SPACE_IO,
        .width = 16,
    };
}

/* A timer of another length than four bytes, or beyond the port space, counts as absent. */
static void pm_timer_parse(const struct fadt *fadt, uint32_t flags, struct acpi_info *info)
{
    struct acpi_register timer = fadt_register(fadt, FADT_X_PM_TIMER, FADT_PM_TIMER);

    if (timer.space != ACPI_SPACE_IO || !timer.address || timer.address > 0xfffc)
        return;
    if (fadt_get(fadt, FADT_PM_TIMER_SIZE, 1) != 4)
        return;
    info->pm_timer_port = (uint16_t)timer.address;
    info->pm_timer_32bit = flags & FLAG_TIMER_32BIT;
}

/* Hardware-reduced machines have the sleep control register instead of PM1 control blocks. */
static void power_parse(const struct fadt *fadt, uint32_t flags, struct acpi_info *info)
{
    info->smi_command = (uint32_t)fadt_get(fadt, FADT_SMI_COMMAND, 4);
    info->acpi_enable = (uint8_t)fadt_get(fadt, FADT_ACPI_ENABLE, 1);
    if (info->hardware_reduced) {
        info->sleep_control = acpi_get_register(fadt->table, fadt->length, FADT_SLEEP_CONTROL);
    } else {
        info->pm1a_control = fadt_register(fadt, FADT_X_PM1A_CONTROL, FADT_PM1A_CONTROL);
        info->pm1b_control = fadt_register(fadt, FADT_X_PM1B_CONTROL, FADT_PM1B_CONTROL);
    }
    if (flags & FLAG_RESET_REGISTER) {
        info->reset = acpi_get_register(fadt->table, fadt->length, FADT_RESET);
        info->reset_value = (uint8_t)fadt_get(fadt, FADT_RESET_VALUE, 1);
    }
}

/* Tables of ACPI 1.0 end at FADT_V1_END; fields beyond a table's length read as zero. */
COLD int acpi_parse_fadt(const void *table, size_t nbytes, struct acpi_info *info)
{
    struct fadt fadt = {.table = table};
    uint32_t flags, boot_arch;

    if (info->fadt || !acpi_table_valid(table, nbytes, "FACP"))
        return -EINVAL;
    fadt.length = acpi_table_length(table);
    if (fadt.length < FADT_V1_END)
        return -EINVAL;

    flags = (uint32_t)fadt_get(&fadt, FADT_FLAGS, 4);
    boot_arch = (uint32_t)fadt_get(&fadt, FADT_BOOT_ARCH, 2);
    info->fadt = true;
    info->hardware_reduced = flags & FLAG_HARDWARE_REDUCED;
    info->no_rtc = boot_arch & BOOT_ARCH_NO_RTC;
    /* Revisions before 3 have no such flag: all machines of that time had the controller. */
    info->has_8042 =
        fadt_get(&fadt, FADT_REVISION, 1) < BOOT_ARCH_SINCE || (boot_arch & BOOT_ARCH_8042);
    info->century = (uint8_t)fadt_get(&fadt, FADT_CENTURY, 1);
    info->sci = (uint16_t)fadt_get(&fadt, FADT_SCI, 2);
    /* The 64-bit address first; firmware may leave either one empty. */
    info->dsdt = fadt_get(&fadt, FADT_X_DSDT, 8);
    if (!info->dsdt)
        info->dsdt = fadt_get(&fadt, FADT_DSDT, 4);
    if (!info->hardware_reduced)
        pm_timer_parse(&fadt, flags, info);
    power_parse(&fadt, flags, info);
    return 0;
}

/* AML: ACPI specification 6.5, chapter 20. */
#define AML_ZERO    0x00
#define AML_ONE     0x01
#define AML_NAME    0x08
#define AML_BYTE    0x0a
#define AML_WORD    0x0b
#define AML_DWORD   0x0c
#define AML_PACKAGE 0x12
#define AML_ROOT    0x5c /* the backslash before a name */

struct aml {
    const uint8_t *bytes;
    uint32_t length;
    uint32_t at;
};

/* The only way to the bytes: the end of the table is checked here and nowhere else. */
static bool aml_byte(struct aml *aml, uint8_t *byte)
{
    if (aml->at >= aml->length)
        return false;
    *byte = aml->bytes[aml->at++];
    return true;
}

/* A constant that can be a sleep type: three bits. */
static bool aml_sleep_type(struct aml *aml, uint8_t *type)
{
    uint8_t op, byte, rest = 0;
    unsigned nmore;

    if (!aml_byte(aml, &op))
        return false;
    if (op == AML_ZERO || op == AML_ONE) {
        *type = op;
        return true;
    }
    /* Little-endian; the higher bytes of a word must be zero. */
    if (op != AML_BYTE && op != AML_WORD && op != AML_DWORD)
        return false;
    if (!aml_byte(aml, type))
        return false;
    nmore = op == AML_BYTE ? 0 : op == AML_WORD ? 1 : 3;
    while (nmore--) {
        if (!aml_byte(aml, &byte))
            return false;
        rest |= byte;
    }
    return rest == 0 && *type <= 7;
}

/* What follows the name: a package of at least two constants. */
static bool s5_package_parse(struct aml aml, struct acpi_info *info)
{
    uint8_t byte, type_a, type_b;

    if (!aml_byte(&aml, &byte) || byte != AML_PACKAGE)
        return false;
    if (!aml_byte(&aml, &byte))
        return false;
    /* ACPI specification 6.5, section 20.2.4: the top two bits count the length bytes that follow.
     */
    aml.at += byte >> 6; /* further bytes of the package's length */
    if (!aml_byte(&aml, &byte) || byte < 2)
        return false;
    if (!aml_sleep_type(&aml, &type_a) || !aml_sleep_type(&aml, &type_b))
        return false;
    info->s5 = true;
    info->s5_type_a = type_a;
    info->s5_type_b = type_b;
    return true;
}

/* NameOp before the name, with or without the root character: a use of the name elsewhere does not
 * match. */
static bool s5_name_at(const uint8_t *bytes, uint32_t at)
{
    /* Four bytes, padded with underscores: _S5_. */
    if (bytes[at] != '_' || bytes[at + 1] != 'S' || bytes[at + 2] != '5' || bytes[at + 3] != '_')
        return false;
    return bytes[at - 1] == AML_NAME || (bytes[at - 1] == AML_ROOT && bytes[at - 2] == AML_NAME);
}

/* A search instead of an interpreter: the first place that has the name and a package of constants
 * wins. */
COLD int acpi_parse_s5(const void *table, size_t nbytes, struct acpi_info *info)
{
    const uint8_t *bytes = table;
    uint32_t length;

    if (!acpi_table_valid(table, nbytes, "DSDT") && !acpi_table_valid(table, nbytes, "SSDT"))
        return -EINVAL;
    length = acpi_table_length(table);

    /* The header is longer than the two bytes looked at before a name. */
    for (uint32_t at = ACPI_HEADER_SIZE; at + 4 <= length; at++) {
        struct aml aml = {.bytes = bytes, .length = length, .at = at + 4};

        if (s5_name_at(bytes, at) && s5_package_parse(aml, info))
            return 0;
    }
    return -EINVAL;
}
