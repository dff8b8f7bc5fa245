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

/* Offsets in the entry points, tables 1 and 2 of the specification. */
#define V2_LENGTH    5u
#define V2_MAJOR     6u
#define V2_MIN       30u /* version 2.1 is sometimes said to be 30 bytes long */
#define V2_SIZE      31u
#define V2_TABLE_LEN 22u
#define V2_TABLE     24u
#define V3_LENGTH    6u
#define V3_MAJOR     7u
#define V3_SIZE      24u
#define V3_TABLE_LEN 12u
#define V3_TABLE     16u

static bool entry_sum_is_zero(const uint8_t *bytes, size_t nbytes)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < nbytes; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum == 0;
}

/* Little-endian, at any alignment. */
static uint64_t number_at(const uint8_t *bytes, unsigned nbytes)
{
    uint64_t value = 0;

    for (unsigned i = nbytes; i > 0; i--)
        value = value << 8 | bytes[i - 1];
    return value;
}

static int entry3_parse(const uint8_t *bytes, size_t nbytes, struct smbios_entry *out)
{
    uint8_t length = bytes[V3_LENGTH];

    if (length < V3_SIZE || length > nbytes || !entry_sum_is_zero(bytes, length))
        return -EINVAL;
    *out = (struct smbios_entry){
        .table = number_at(bytes + V3_TABLE, 8),
        .nbytes = (uint32_t)number_at(bytes + V3_TABLE_LEN, 4),
        .version = (uint16_t)(bytes[V3_MAJOR] << 8 | bytes[V3_MAJOR + 1]),
        .own_bytes = length,
    };
    return 0;
}

int smbios_parse_entry(const void *entry, size_t nbytes, struct smbios_entry *out)
{
    const uint8_t *bytes = entry;
    uint8_t length;

    if (nbytes >= V3_SIZE && !memcmp(bytes, "_SM3_", 5))
        return entry3_parse(bytes, nbytes, out);
    if (nbytes < V2_SIZE || memcmp(bytes, "_SM_", 4) != 0 || memcmp(bytes + 16, "_DMI_", 5) != 0)
        return -EINVAL;
    length = bytes[V2_LENGTH];
    if (length < V2_MIN || length > nbytes || !entry_sum_is_zero(bytes, length))
        return -EINVAL;
    *out = (struct smbios_entry){
        .table = number_at(bytes + V2_TABLE, 4),
        .nbytes = (uint32_t)number_at(bytes + V2_TABLE_LEN, 2),
        .version = (uint16_t)(bytes[V2_MAJOR] << 8 | bytes[V2_MAJOR + 1]),
        .own_bytes = MAX(length, (uint8_t)V2_SIZE),
    };
    return 0;
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
