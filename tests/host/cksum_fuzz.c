/* SPDX-License-Identifier: MIT */
/*
 * tests/host/cksum_fuzz.c - any bytes as the file `checksums`, and under the checksum
 */
#include "tests/host/fuzz.h"

#include "kernel/lib/cksum.h"

/* The definition, a bit at a time. */
static uint32_t slow_checksum(const uint8_t *bytes, size_t nbytes)
{
    uint32_t crc = 0;
    size_t length = nbytes;

    for (size_t i = 0; i < nbytes || length > 0; i++) {
        uint8_t byte = i < nbytes ? bytes[i] : (uint8_t)length;

        if (i >= nbytes)
            length >>= 8;
        crc ^= (uint32_t)byte << 24;
        for (int bit = 0; bit < 8; bit++)
            crc = crc << 1 ^ (crc >> 31 ? 0x04c11db7 : 0);
    }
    return ~crc;
}

static void check_file(const char *text, size_t size)
{
    struct cksum_reader reader;
    struct cksum_line line;
    enum cksum_kind kind;

    cksum_reader_init(&reader, text, size);
    while ((kind = cksum_next(&reader, &line)) != CKSUM_END) {
        if (kind == CKSUM_MALFORMED) {
            REQUIRE(line.reason);
            continue;
        }
        REQUIRE(lies_inside(line.name, line.name_length, text, size));
        REQUIRE(line.name_length > 0 && line.name_length <= 255);
        REQUIRE(!memchr(line.name, '/', line.name_length));
        REQUIRE(line.file_size <= INT64_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
    static struct cksum_tables tables;
    size_t piece = nbytes ? bytes[0] % (nbytes + 1) : 0;
    uint32_t crc;

    if (!tables.slice[0][1])
        cksum_init(&tables);
    crc = cksum_update(&tables, 0, bytes, piece);
    crc = cksum_update(&tables, crc, bytes + piece, nbytes - piece);
    REQUIRE(cksum_finish(&tables, crc, nbytes) == slow_checksum(bytes, nbytes));
    check_file((const char *)bytes, nbytes);
    return 0;
}
