/* SPDX-License-Identifier: MIT */
/*
 * SMBIOS: entry point, structures, strings.
 *
 * A structure is a header of four bytes (type, length, handle), fields up to its length, and then
 * strings, each ended by a NUL, the last of them followed by another one; two NULs where there are
 * no strings. So where a structure ends is known only by walking its strings.
 */
#include "kernel/lib/smbios.h"

#include "kernel/lib/string.h"
#include "shared/linux/errno.h"

#define HEADER_SIZE 4u

/* Offsets in a memory module, 7.18. */
#define MODULE_SIZE          0x0cu
#define MODULE_SIZE_EXTENDED 0x1cu /* in MiB; the highest bit is reserved */
#define SIZE_UNKNOWN         0xffffu
#define SIZE_IS_EXTENDED     0x7fffu
#define SIZE_KIB             0x8000u

/* Offsets in the entry points, tables 1 and 2 of the specification. */
#define V2_LENGTH     5u
#define V2_MAJOR      6u
#define V2_MIN        30u /* version 2.1 is sometimes said to be 30 bytes long */
#define V2_SIZE       31u
#define V2_INNER      16u
#define V2_INNER_SIZE 15u
#define V2_TABLE_LEN  22u
#define V2_TABLE      24u
#define V3_LENGTH     6u
#define V3_MAJOR      7u
#define V3_SIZE       24u
#define V3_TABLE_LEN  12u
#define V3_TABLE      16u

static bool entry_sum_is_zero(const uint8_t *bytes, size_t nbytes)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < nbytes; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum == 0;
}

/* Little-endian, at any alignment. Not inline: size counts here. */
static NOINLINE uint64_t number_at(const uint8_t *bytes, unsigned nbytes)
{
    uint64_t value = 0;

    for (unsigned i = nbytes; i > 0; i--)
        value = value << 8 | bytes[i - 1];
    return value;
}

/* The anchor has been seen; `length` bytes can be read, at least the size of that version. */
static COLD int entry_parse(const uint8_t *bytes, uint8_t length, struct smbios_entry *out)
{
    bool v3 = bytes[3] == '3';
    struct smbios_entry found = {
        .table = number_at(bytes + (v3 ? V3_TABLE : V2_TABLE), v3 ? 8 : 4),
        .nbytes = (uint32_t)number_at(bytes + (v3 ? V3_TABLE_LEN : V2_TABLE_LEN), v3 ? 4 : 2),
        .version = (uint16_t)(bytes[v3 ? V3_MAJOR : V2_MAJOR] << 8 |
                              bytes[(v3 ? V3_MAJOR : V2_MAJOR) + 1]),
        .own_bytes = v3 ? length : MAX(length, (uint8_t)V2_SIZE),
    };

    if (!entry_sum_is_zero(bytes, length) || !found.table || !found.nbytes)
        return -EINVAL;
    found.nbytes = MIN(found.nbytes, SMBIOS_TABLE_MAX);
    *out = found;
    return 0;
}

COLD int smbios_parse_entry(const void *entry, size_t nbytes, struct smbios_entry *out)
{
    const uint8_t *bytes = entry;

    if (nbytes >= V3_SIZE && !memcmp(bytes, "_SM3_", 5) && bytes[V3_LENGTH] >= V3_SIZE &&
        bytes[V3_LENGTH] <= nbytes)
        return entry_parse(bytes, bytes[V3_LENGTH], out);
    /* Two sums: of all, and of the inner part that programs look for which know no other. */
    if (nbytes >= V2_SIZE && !memcmp(bytes, "_SM_", 4) && !memcmp(bytes + V2_INNER, "_DMI_", 5) &&
        entry_sum_is_zero(bytes + V2_INNER, V2_INNER_SIZE) && bytes[V2_LENGTH] >= V2_MIN &&
        bytes[V2_LENGTH] <= nbytes)
        return entry_parse(bytes, bytes[V2_LENGTH], out);
    return -EINVAL;
}

bool smbios_next(const void *table, size_t nbytes, struct smbios_structure *at)
{
    const uint8_t *bytes = table;
    size_t offset = at->bytes ? (size_t)at->offset + at->nbytes : 0, end;

    if (at->bytes && at->type == SMBIOS_END)
        return false;
    if (offset > nbytes || nbytes - offset < HEADER_SIZE || bytes[offset + 1] < HEADER_SIZE)
        return false;
    /* To the two NULs behind the strings, both of which have to lie in the table. */
    for (end = offset + bytes[offset + 1]; end + 1 < nbytes; end++)
        if (!bytes[end] && !bytes[end + 1])
            break;
    if (end + 1 >= nbytes)
        return false;
    *at = (struct smbios_structure){
        .bytes = bytes + offset,
        .offset = (uint32_t)offset,
        .nbytes = (uint32_t)(end + 2 - offset),
        .handle = (uint16_t)number_at(bytes + offset + 2, 2),
        .type = bytes[offset],
        .length = bytes[offset + 1],
    };
    return true;
}

const char *smbios_string(const struct smbios_structure *structure, unsigned n)
{
    const char *text = (const char *)structure->bytes + structure->length;
    const char *end = (const char *)structure->bytes + structure->nbytes - 1;

    /* The two NULs at the end, which smbios_next has seen, stop both loops. */
    while (n > 1 && text < end && *text) {
        text += strlen(text) + 1;
        n--;
    }
    return n == 1 && text < end ? text : "";
}

uint64_t smbios_number(const struct smbios_structure *structure, unsigned offset, unsigned nbytes)
{
    return offset + nbytes > structure->length ? 0 : number_at(structure->bytes + offset, nbytes);
}

const char *smbios_text(const struct smbios_structure *structure, unsigned offset)
{
    unsigned n = (unsigned)smbios_number(structure, offset, 1);

    return n ? smbios_string(structure, n) : "";
}

uint64_t smbios_module_size(const struct smbios_structure *module)
{
    uint64_t size = smbios_number(module, MODULE_SIZE, 2);

    if (size == SIZE_UNKNOWN)
        return 0;
    if (size == SIZE_IS_EXTENDED)
        return (smbios_number(module, MODULE_SIZE_EXTENDED, 4) & 0x7fffffff) << 20;
    return size & SIZE_KIB ? (size & ~(uint64_t)SIZE_KIB) << 10 : size << 20;
}
