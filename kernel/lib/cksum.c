/* SPDX-License-Identifier: MIT */
/*
 * POSIX cksum, and the reader of a file of checksums.
 *
 * The state is kept with its bytes swapped: then the first byte of the data meets the lowest byte
 * of the state, and words can be used as they are loaded on a little-endian machine.
 */
#include "kernel/lib/cksum.h"

#include "kernel/lib/lines.h"
#include "kernel/lib/string.h"

#define POLYNOMIAL     0x04c11db7u
#define CKSUM_NAME_MAX 255

/* A word at any address. A structure rather than memcpy, which in freestanding code may be a call.
 */
struct word32 {
    uint32_t value;
} __attribute__((packed, may_alias));

/* slice[0][b]: the state after byte b. slice[k][b]: the same after k more zero bytes. By linearity
 * the state after 16 bytes is the sum (exclusive or) of what each of them adds. */
void cksum_init(struct cksum_tables *tables)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte << 24;

        for (int bit = 0; bit < 8; bit++)
            crc = crc << 1 ^ (crc >> 31 ? POLYNOMIAL : 0);
        tables->slice[0][byte] = __builtin_bswap32(crc);
    }
    for (unsigned k = 1; k < ARRAY_SIZE(tables->slice); k++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            uint32_t previous = tables->slice[k - 1][byte];

            tables->slice[k][byte] = previous >> 8 ^ tables->slice[0][previous & 0xff];
        }
    }
}

/* Sixteen bytes. The first four meet the state and so come from a register; each of the others
 * costs a load and an exclusive or from memory, and no shift. */
static inline uint32_t crc_step16(const struct cksum_tables *tables, uint32_t state,
                                  const uint8_t *bytes)
{
    uint32_t first = state ^ ((const struct word32 *)(const void *)bytes)->value;
    uint32_t sum = tables->slice[15][first & 0xff] ^ tables->slice[14][(first >> 8) & 0xff] ^
                   tables->slice[13][(first >> 16) & 0xff] ^ tables->slice[12][first >> 24];

#pragma GCC unroll 12
    for (unsigned i = 4; i < 16; i++)
        sum ^= tables->slice[15 - i][bytes[i]];
    return sum;
}

/* The tail of a piece, and the length at the end. */
static uint32_t update_bytes(const struct cksum_tables *tables, uint32_t state,
                             const uint8_t *bytes, size_t nbytes)
{
    for (; nbytes > 0; nbytes--, bytes++)
        state = state >> 8 ^ tables->slice[0][(state ^ *bytes) & 0xff];
    return state;
}

uint32_t cksum_update(const struct cksum_tables *tables, uint32_t state, const void *bytes,
                      size_t nbytes)
{
    const uint8_t *at = bytes;
    const uint8_t *end = at + nbytes - nbytes % 16;

    for (; at < end; at += 16)
        state = crc_step16(tables, state, at);
    return update_bytes(tables, state, at, nbytes % 16);
}

/* The length is appended, lowest byte first, without leading zeroes; then the complement. IEEE Std
 * 1003.1, utility cksum. */
uint32_t cksum_finish(const struct cksum_tables *tables, uint32_t state, uint64_t nbytes_total)
{
    for (; nbytes_total > 0; nbytes_total >>= 8) {
        uint8_t byte = (uint8_t)nbytes_total;

        state = update_bytes(tables, state, &byte, 1);
    }
    return ~__builtin_bswap32(state);
}

void cksum_reader_init(struct cksum_reader *reader, const char *text, size_t size)
{
    *reader = (struct cksum_reader){.text = text, .size = size};
}

/* Takes a decimal number of at most max and the blanks after it from the start of the line. */
static bool take_number(struct line *line, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    size_t n = 0;

    for (; n < line->length && line->text[n] >= '0' && line->text[n] <= '9'; n++) {
        uint64_t digit = (uint64_t)(line->text[n] - '0');

        if (value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (n == 0 || n == line->length || !is_blank(line->text[n]))
        return false;
    *out = value;
    *line = line_trim((struct line){line->text + n, line->length - n});
    return true;
}

/* NULL, or why the line is malformed. A name has no slash: checksums are of files in one directory,
 * and the reader opens them by name. */
static const char *cksum_parse_line(struct line text, struct cksum_line *line)
{
    const char *fault = line_fault(&text);
    uint64_t checksum;

    if (fault)
        return fault;
    if (!take_number(&text, UINT32_MAX, &checksum) ||
        !take_number(&text, INT64_MAX, &line->file_size))
        return "not of the form CHECKSUM SIZE NAME";
    if (text.length == 0 || text.length > CKSUM_NAME_MAX || memchr(text.text, '/', text.length))
        return "a name of a wrong length or with a slash";
    line->checksum = (uint32_t)checksum;
    line->name = text.text;
    line->name_length = text.length;
    return NULL;
}

enum cksum_kind cksum_next(struct cksum_reader *reader, struct cksum_line *line)
{
    struct line text;

    while (line_next(reader->text, reader->size, &reader->position, &text)) {
        reader->line_number++;
        text = line_trim(text);
        if (text.length == 0 || text.text[0] == '#')
            continue;
        *line = (struct cksum_line){.line_number = reader->line_number};
        line->reason = cksum_parse_line(text, line);
        return line->reason ? CKSUM_MALFORMED : CKSUM_LINE;
    }
    return CKSUM_END;
}
