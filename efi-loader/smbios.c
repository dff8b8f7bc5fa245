/* SPDX-License-Identifier: MIT */
/*
 * Structures of SMBIOS, one after the other, each followed by its strings.
 *
 * Lengths come from the firmware and are checked against the end of the tables at every step. The
 * strings of a structure end with an empty one; a set without any is two zero bytes.
 */
#include "efi-loader/smbios.h"

#include "kernel/lib/string.h"
#include "kernel/lib/utf8.h"

#define HEADER_SIZE 4

/* Offsets in the entry points. */
#define V3_SIZE    12
#define V3_ADDRESS 16
#define V2_SIZE    22
#define V2_ADDRESS 24

/* Little-endian, unaligned. */
static uint64_t number_at(const unsigned char *bytes, unsigned width)
{
    uint64_t value = 0;

    memcpy(&value, bytes, width);
    return value;
}

struct smbios smbios_open(uint64_t entry)
{
    const unsigned char *bytes = (const unsigned char *)(uintptr_t)entry;
    bool v3 = entry && memcmp(bytes, "_SM3_", 5) == 0;
    struct smbios tables = {0};

    if (!entry)
        return tables;
    tables.at = (const unsigned char *)(uintptr_t)number_at(bytes + (v3 ? V3_ADDRESS : V2_ADDRESS),
                                                            v3 ? 8 : 4);
    tables.end = tables.at + number_at(bytes + (v3 ? V3_SIZE : V2_SIZE), v3 ? 4 : 2);
    return tables;
}

/* Behind the two zero bytes that end the strings; the end of the tables if they do not come. */
static const unsigned char *strings_end(const unsigned char *at, const unsigned char *end)
{
    for (; end - at >= 2; at++) {
        if (!at[0] && !at[1])
            return at + 2;
    }
    return end;
}

struct smbios_structure smbios_next(struct smbios *tables, enum smbios_type type)
{
    while (tables->end - tables->at >= HEADER_SIZE) {
        const unsigned char *bytes = tables->at;
        unsigned length = bytes[1];

        if (length < HEADER_SIZE || length > tables->end - bytes || bytes[0] == SMBIOS_END)
            break;
        tables->at = strings_end(bytes + length, tables->end);
        if (bytes[0] == type)
            return (struct smbios_structure){bytes, length, tables->at};
    }
    return (struct smbios_structure){0};
}

uint32_t smbios_field(const struct smbios_structure *structure, unsigned offset, unsigned width)
{
    if (!structure->bytes || offset + width > structure->length)
        return 0;
    return (uint32_t)number_at(structure->bytes + offset, width);
}

/* What is not text becomes a question mark: some vendors leave the field as it came from the fab.
 */
static size_t character_copy(char *out, size_t room, const char *from, size_t nbytes)
{
    int length = utf8_length(from, nbytes);

    if (length < 1 || (size_t)length > room || (unsigned char)*from < 0x20 || *from == 0x7f) {
        *out = '?';
        return 1;
    }
    memcpy(out, from, (size_t)length);
    return (size_t)length;
}

void smbios_string(const struct smbios_structure *structure, unsigned offset, char *out,
                   size_t size)
{
    unsigned number = smbios_field(structure, offset, 1);
    const unsigned char *at;
    size_t used = 0;

    out[0] = '\0';
    if (number == 0)
        return;
    at = structure->bytes + structure->length;
    while (--number && at < structure->end) {
        while (at < structure->end && *at)
            at++;
        at++;
    }
    while (at < structure->end && *at && used + 1 < size) {
        size_t n = character_copy(out + used, size - 1 - used, (const char *)at,
                                  (size_t)(structure->end - at));

        used += n;
        at += out[used - n] == '?' ? 1 : n;
    }
    while (used > 0 && out[used - 1] == ' ')
        used--;
    out[used] = '\0';
}
