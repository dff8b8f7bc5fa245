/* SPDX-License-Identifier: MIT */
/*
 * lib/cksum.h - the checksum of POSIX cksum(1), and the file `checksums` on the boot volume
 *
 * Owns:    CRC-32 with polynomial 0x04c11db7, most significant bit first, the length appended: what
 *          the command `cksum` prints, so that a boot stick can be checked by hand.
 * Format:  `checksums` is the output of `cksum kernel.elf rootfs.cpio`: CRC SIZE NAME a line, in
 *          decimal; blank lines and # comments are skipped; \n or \r\n.
 * Cost:    16 bytes a step, about 2.5 instructions a byte; the tables once, 16 KiB of the caller's.
 * Context: any; no allocation.
 * Tests:   tests/host/cksum_test.c (against cksum(1)), tests/host/cksum_fuzz.c
 */
#pragma once

#include "kernel/lib/util.h"

struct cksum_tables {
    uint32_t slice[16][256]; /* byte-swapped, so that data need not be */
};

void cksum_init(struct cksum_tables *tables);

/* state starts as 0 and goes from call to call; cksum_finish gives the checksum of all the bytes,
 * nbytes_total of them. */
uint32_t cksum_update(const struct cksum_tables *tables, uint32_t state, const void *bytes,
                      size_t nbytes);
uint32_t cksum_finish(const struct cksum_tables *tables, uint32_t state, uint64_t nbytes_total);

enum cksum_kind {
    CKSUM_END = 0,
    CKSUM_LINE,
    CKSUM_MALFORMED,
};

struct cksum_reader {
    const char *text;
    size_t size;
    size_t position;
    unsigned line_number;
};

struct cksum_line {
    uint32_t checksum;
    uint64_t file_size;
    const char *name; /* in the file, not NUL-terminated: without directories, 1..255 bytes */
    size_t name_length;
    unsigned line_number;
    const char *reason; /* malformed: static text */
};

void cksum_reader_init(struct cksum_reader *reader, const char *text, size_t size);
enum cksum_kind cksum_next(struct cksum_reader *reader, struct cksum_line *line);
