/* SPDX-License-Identifier: MIT */
/*
 * tests/host/smbios_test.c - SMBIOS entry points and tables, good and broken
 *
 * What is parsed lies in an allocation of exactly its size: the address sanitizer sees each byte
 * read too far.
 */
#include "tests/host/check.h"

#include "kernel/lib/smbios.h"
#include "shared/linux/errno.h"

/* A BIOS structure with two strings, a chassis without any, the end. */
static const uint8_t good_table[] = {
    0,   6, 0x34, 0x12, 1,   2, 'A', 'c', 'm', 'e', 0, '1', '.', '0', 0, 0, /* 16 bytes */
    3,   4, 0x35, 0x12, 0,   0,                                             /* 6 */
    127, 4, 0x36, 0x12, 0,   0,                                             /* 6 */
    1,   4, 0x37, 0x12, 'x', 0, 0,
};
#define GOOD_NBYTES (16 + 6 + 6)

static void sum_fix(uint8_t *bytes, size_t nbytes, size_t at)
{
    uint8_t sum = 0;

    bytes[at] = 0;
    for (size_t i = 0; i < nbytes; i++)
        sum = (uint8_t)(sum + bytes[i]);
    bytes[at] = (uint8_t)-sum;
}

static void entry2_make(uint8_t entry[31])
{
    memset(entry, 0, 31);
    memcpy(entry, "_SM_", 4);
    entry[5] = 31;
    entry[6] = 2;
    entry[7] = 8;
    memcpy(entry + 16, "_DMI_", 5);
    entry[22] = 0x34;
    entry[23] = 0x02;
    memcpy(entry + 24, "\x00\x10\xfe\x7f", 4);
    sum_fix(entry + 16, 15, 5);
    sum_fix(entry, 31, 4);
}

static void entry3_make(uint8_t entry[24])
{
    memset(entry, 0, 24);
    memcpy(entry, "_SM3_", 5);
    entry[6] = 24;
    entry[7] = 3;
    entry[8] = 6;
    memcpy(entry + 12, "\x00\x00\x01\x00", 4);
    memcpy(entry + 16, "\x00\x10\xfe\x7f\x01\x00\x00\x00", 8);
    sum_fix(entry, 24, 5);
}

static int parse(const uint8_t *bytes, size_t nbytes, struct smbios_entry *out)
{
    uint8_t *exact = malloc(nbytes ? nbytes : 1);
    int err;

    memcpy(exact, bytes, nbytes);
    err = smbios_parse_entry(exact, nbytes, out);
    free(exact);
    return err;
}

static void test_entries(void **state)
{
    struct smbios_entry found = {0};
    uint8_t two[31], three[24];

    (void)state;
    entry2_make(two);
    assert_int_equal(parse(two, sizeof(two), &found), 0);
    assert_int_equal(found.table, 0x7ffe1000);
    assert_int_equal(found.nbytes, 0x234);
    assert_int_equal(found.version, 0x208);
    assert_int_equal(found.own_bytes, 31);
    entry3_make(three);
    assert_int_equal(parse(three, sizeof(three), &found), 0);
    assert_int_equal(found.table, 0x17ffe1000);
    assert_int_equal(found.nbytes, 0x10000);
    assert_int_equal(found.version, 0x306);
    assert_int_equal(found.own_bytes, 24);
}

/* Every byte changed, every length cut short: refused, and the output is as it was. */
static void test_broken_entries(void **state)
{
    struct smbios_entry found = {.table = 77};
    uint8_t two[31], three[24];

    (void)state;
    for (size_t i = 0; i < sizeof(two); i++) {
        entry2_make(two);
        two[i] ^= 0x41;
        assert_int_equal(parse(two, sizeof(two), &found), -EINVAL);
        entry2_make(two);
        assert_int_equal(parse(two, i, &found), -EINVAL);
    }
    for (size_t i = 0; i < sizeof(three); i++) {
        entry3_make(three);
        three[i] ^= 0x41;
        assert_int_equal(parse(three, sizeof(three), &found), -EINVAL);
        entry3_make(three);
        assert_int_equal(parse(three, i, &found), -EINVAL);
    }
    /* A length beyond what can be read, with a good sum. */
    entry3_make(three);
    three[6] = 25;
    sum_fix(three, 24, 5);
    assert_int_equal(parse(three, sizeof(three), &found), -EINVAL);
    assert_int_equal(found.table, 77);
}

/* A table that cannot be, and a length that is no bound. */
static void test_entries_without_table(void **state)
{
    struct smbios_entry found = {.table = 77};
    uint8_t three[24];

    (void)state;
    entry3_make(three);
    memset(three + 12, 0, 4);
    sum_fix(three, 24, 5);
    assert_int_equal(parse(three, sizeof(three), &found), -EINVAL);
    entry3_make(three);
    memset(three + 16, 0, 8);
    sum_fix(three, 24, 5);
    assert_int_equal(parse(three, sizeof(three), &found), -EINVAL);
    assert_int_equal(found.table, 77);
    entry3_make(three);
    three[15] = 0xff;
    sum_fix(three, 24, 5);
    assert_int_equal(parse(three, sizeof(three), &found), 0);
    assert_int_equal(found.nbytes, SMBIOS_TABLE_MAX);
}

/* The sum of the inner part counts for itself. */
static void test_inner_sum(void **state)
{
    struct smbios_entry found;
    uint8_t two[31];

    (void)state;
    entry2_make(two);
    two[23] ^= 1;
    sum_fix(two, 31, 4);
    assert_int_equal(parse(two, sizeof(two), &found), -EINVAL);
}

static void test_walk(void **state)
{
    struct smbios_structure at = {0};

    (void)state;
    assert_true(smbios_next(good_table, sizeof(good_table), &at));
    assert_int_equal(at.type, 0);
    assert_int_equal(at.handle, 0x1234);
    assert_int_equal(at.length, 6);
    assert_int_equal(at.nbytes, 16);
    assert_string_equal(smbios_string(&at, 0), "");
    assert_string_equal(smbios_string(&at, 1), "Acme");
    assert_string_equal(smbios_string(&at, 2), "1.0");
    assert_string_equal(smbios_string(&at, 3), "");
    assert_string_equal(smbios_string(&at, 255), "");
    assert_true(smbios_next(good_table, sizeof(good_table), &at));
    assert_int_equal(at.type, 3);
    assert_int_equal(at.nbytes, 6);
    assert_int_equal(at.offset, 16);
    assert_string_equal(smbios_string(&at, 1), "");
    assert_true(smbios_next(good_table, sizeof(good_table), &at));
    assert_int_equal(at.type, SMBIOS_END);
    assert_int_equal(at.offset + at.nbytes, GOOD_NBYTES);
    /* What is behind the end is not looked at. */
    assert_false(smbios_next(good_table, sizeof(good_table), &at));
    assert_int_equal(at.type, SMBIOS_END);
}

/* Cut at every byte, and with every byte changed to every value: never beyond the table, and every
 * structure that is found lies in it, strings and all. */
static void test_broken_tables(void **state)
{
    (void)state;
    for (size_t nbytes = 0; nbytes <= GOOD_NBYTES; nbytes++) {
        for (unsigned change = 0; change < 256 * (nbytes ? nbytes : 1); change++) {
            uint8_t *table = malloc(nbytes ? nbytes : 1);
            struct smbios_structure at = {0};
            unsigned count = 0;

            memcpy(table, good_table, nbytes);
            if (nbytes)
                table[change / 256] = (uint8_t)change;
            while (smbios_next(table, nbytes, &at)) {
                assert_true((size_t)at.offset + at.nbytes <= nbytes);
                assert_true(at.length >= 4 && at.nbytes >= at.length + 2u);
                for (unsigned n = 0; n < 5; n++)
                    assert_true(strlen(smbios_string(&at, n)) < nbytes &&
                                strlen(smbios_text(&at, n)) < nbytes);
                (void)smbios_module_size(&at);
                assert_true(++count <= nbytes / 6);
            }
            free(table);
        }
    }
}

/* A machine with strings, a module without, the end. */
static const uint8_t machine_table[] = "\x01\x08\x01\x00\x01\x02\x00\x09"
                                       "Maker\0Model  \0\0"
                                       "\x11\x0e\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x34\x12"
                                       "\0\0"
                                       "\x7f\x04\x03\x00\0";

static void test_fields(void **state)
{
    struct smbios_structure at = {0};

    (void)state;
    assert_int_equal(smbios_number(&at, 4, 4), 0);
    assert_string_equal(smbios_text(&at, 4), "");
    assert_true(smbios_next(machine_table, sizeof(machine_table), &at));
    assert_int_equal(at.type, SMBIOS_MACHINE);
    assert_string_equal(smbios_text(&at, 4), "Maker");
    assert_string_equal(smbios_text(&at, 5), "Model  ");
    assert_string_equal(smbios_text(&at, 6), ""); /* number 0 */
    assert_string_equal(smbios_text(&at, 7), ""); /* there are only two */
    assert_string_equal(smbios_text(&at, 8), ""); /* behind its end */
    assert_true(smbios_next(machine_table, sizeof(machine_table), &at));
    assert_int_equal(at.type, SMBIOS_MODULE);
    assert_int_equal(smbios_number(&at, 0x0c, 2), 0x1234);
    assert_int_equal(smbios_number(&at, 0x0d, 2), 0); /* half of it is behind the end */
    assert_int_equal(smbios_module_size(&at), 0x1234ULL << 20);
}

/* Wherever the table ends, nothing behind it is read. */
static void test_ends_anywhere(void **state)
{
    (void)state;
    for (size_t nbytes = 0; nbytes <= sizeof(machine_table); nbytes++) {
        uint8_t *exact = malloc(nbytes ? nbytes : 1);
        struct smbios_structure at = {0};

        memcpy(exact, machine_table, nbytes);
        while (smbios_next(exact, nbytes, &at)) {
            for (unsigned offset = 0; offset < 16; offset++)
                assert_true(strlen(smbios_text(&at, offset)) < nbytes);
            (void)smbios_module_size(&at);
        }
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_broken_entries),
        cmocka_unit_test(test_entries_without_table),
        cmocka_unit_test(test_inner_sum),
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_ends_anywhere),
        cmocka_unit_test(test_broken_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
