/* SPDX-License-Identifier: MIT */
/*
 * tests/host/cksum_test.c - lib/cksum.c against cksum(1)
 */
#include "tests/host/check.h"

#include <unistd.h>

#include "efi-loader/fold.h"
#include "kernel/lib/cksum.h"

static struct cksum_tables tables;

static int init_tables(void **state)
{
    (void)state;
    cksum_init(&tables);
    return 0;
}

static uint32_t checksum_of(const void *bytes, size_t nbytes)
{
    return cksum_finish(&tables, cksum_update(&tables, 0, bytes, nbytes), nbytes);
}

/* What the command says about a file with these bytes. */
static uint32_t tool_checksum(const void *bytes, size_t nbytes)
{
    char path[] = "/tmp/cksum-test-XXXXXX";
    char command[100];
    int fd = mkstemp(path);
    unsigned result;
    FILE *pipe;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, nbytes), nbytes);
    close(fd);
    snprintf(command, sizeof(command), "cksum <%s", path);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_int_equal(fscanf(pipe, "%u", &result), 1);
    assert_int_equal(pclose(pipe), 0);
    unlink(path);
    return result;
}

static void test_known_values(void **state)
{
    (void)state;
    assert_int_equal(checksum_of("", 0), 4294967295u);
    assert_int_equal(checksum_of("123456789", 9), 930766865u);
    assert_int_equal(checksum_of("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 17),
                     tool_checksum("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 17));
}

static void test_against_the_tool(void **state)
{
    static const size_t sizes[] = {1, 7, 15, 16, 17, 31, 32, 33, 255, 256, 4097, 70000};
    uint64_t seed = 11;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        uint8_t *bytes = malloc(sizes[i]);

        for (size_t k = 0; k < sizes[i]; k++)
            bytes[k] = (uint8_t)next_random(&seed);
        assert_int_equal(checksum_of(bytes, sizes[i]), tool_checksum(bytes, sizes[i]));
        free(bytes);
    }
}

/* As the loader does it, see payload.c. Whole files of each size, at odd addresses. */
static void test_folded(void **state)
{
    static uint8_t bytes[5000];
    uint64_t seed = 13;

    (void)state;
    if (!fold_possible())
        skip();
    for (size_t k = 0; k < sizeof(bytes); k++)
        bytes[k] = (uint8_t)next_random(&seed);
    for (size_t size = 0; size < sizeof(bytes) - 16; size += size < 600 ? 1 : 61) {
        const uint8_t *from = bytes + size % 16;
        unsigned char sixteen[FOLD_NBYTES];
        size_t done = fold(from, size, sixteen);
        uint32_t crc = done ? cksum_update(&tables, 0, sixteen, sizeof(sixteen)) : 0;

        assert_int_equal(done, size / 64 * 64);
        crc = cksum_update(&tables, crc, from + done, size - done);
        assert_int_equal(cksum_finish(&tables, crc, size), checksum_of(from, size));
    }
}

static void test_any_pieces(void **state)
{
    uint8_t bytes[300];
    uint64_t seed = 12;
    uint32_t whole;

    (void)state;
    for (size_t k = 0; k < sizeof(bytes); k++)
        bytes[k] = (uint8_t)next_random(&seed);
    whole = checksum_of(bytes, sizeof(bytes));
    for (size_t piece = 1; piece < 60; piece++) {
        uint32_t crc = 0;

        for (size_t at = 0; at < sizeof(bytes); at += piece) {
            size_t n = MIN(piece, sizeof(bytes) - at);

            crc = cksum_update(&tables, crc, bytes + at, n);
        }
        assert_int_equal(cksum_finish(&tables, crc, sizeof(bytes)), whole);
    }
}

static void test_every_flip_is_found(void **state)
{
    uint8_t bytes[100] = "a worn stick";
    uint32_t good = checksum_of(bytes, sizeof(bytes));

    (void)state;
    for (size_t bit = 0; bit < sizeof(bytes) * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(checksum_of(bytes, sizeof(bytes)), good);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void test_file(void **state)
{
    const char *text = "\xef\xbb\xbf# made by hand\r\n930766865 9 kernel.elf\r\n\n"
                       "4294967295 0\trootfs.cpio  \n0 18446744073709551616 x";
    struct cksum_reader reader;
    struct cksum_line line;

    (void)state;
    cksum_reader_init(&reader, text, strlen(text));
    assert_int_equal(cksum_next(&reader, &line), CKSUM_LINE);
    assert_int_equal(line.checksum, 930766865);
    assert_int_equal(line.file_size, 9);
    assert_int_equal(line.name_length, 10);
    assert_memory_equal(line.name, "kernel.elf", 10);
    assert_int_equal(line.line_number, 2);
    assert_int_equal(cksum_next(&reader, &line), CKSUM_LINE);
    assert_int_equal(line.checksum, 4294967295u);
    assert_int_equal(line.name_length, 11);
    assert_int_equal(line.line_number, 4);
    assert_int_equal(cksum_next(&reader, &line), CKSUM_MALFORMED); /* too large a size */
    assert_int_equal(line.line_number, 5);
    assert_int_equal(cksum_next(&reader, &line), CKSUM_END);
}

static void test_longest_name(void **state)
{
    char text[300] = "1 9 ";
    struct cksum_reader reader;
    struct cksum_line line;

    (void)state;
    memset(text + 4, 'n', 256);
    cksum_reader_init(&reader, text, 4 + 255);
    assert_int_equal(cksum_next(&reader, &line), CKSUM_LINE);
    assert_int_equal(line.name_length, 255);
    cksum_reader_init(&reader, text, 4 + 256);
    assert_int_equal(cksum_next(&reader, &line), CKSUM_MALFORMED);
}

static void test_malformed_lines(void **state)
{
    static const char *const lines[] = {
        "x 9 kernel.elf",
        "4294967296 9 kernel.elf",
        "1 kernel.elf",
        "1 9",
        "1 9 ",
        "-1 9 kernel.elf",
        "1 -9 kernel.elf",
        "0x10 9 kernel.elf",
        "1 9 dir/file",
        "1 9 a\x1b",
        "1 9 a\xff",
        "1",
        "1 99999999999999999999999999999999 a",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        char *copy = exact_copy(lines[i], strlen(lines[i]));
        struct cksum_reader reader;
        struct cksum_line line;

        cksum_reader_init(&reader, copy, strlen(lines[i]));
        if (cksum_next(&reader, &line) != CKSUM_MALFORMED || !line.reason)
            fail_msg("\"%s\" passed for sound", lines[i]);
        assert_int_equal(cksum_next(&reader, &line), CKSUM_END);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_against_the_tool),
        cmocka_unit_test(test_folded),
        cmocka_unit_test(test_any_pieces),
        cmocka_unit_test(test_every_flip_is_found),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_malformed_lines),
        cmocka_unit_test(test_longest_name),
    };

    return cmocka_run_group_tests(tests, init_tables, NULL);
}
