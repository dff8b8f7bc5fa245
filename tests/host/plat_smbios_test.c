/* SPDX-License-Identifier: MIT */
/*
 * tests/host/plat_smbios_test.c - memory modules from SMBIOS tables that are made here
 *
 * Tables are given to the parser in a block of exactly their size: the sanitizer sees each byte
 * that is read beyond them.
 */
#include "tests/host/plat_fake.h"

#include "kernel/lib/smbios.h"
#include "kernel/plat/smbios.h"

#include <time.h>

#define MIB       (1ULL << 20)
#define GIB       (1ULL << 30)
#define ENTRY_AT  0x1000u
#define TABLE_AT  0x2000u
#define DDR4      26
#define FLASH     9
#define HANDLE    0x1100
#define HANDLE_BY 0x1200 /* of an array that is no main memory */

static uint8_t table[4096];
static size_t length;

static void put(size_t at, uint64_t value, unsigned nbytes)
{
    for (unsigned i = 0; i < nbytes; i++)
        table[at + i] = (uint8_t)(value >> 8 * i);
}

/* A structure with two strings, or none. Its place. */
static size_t add(uint8_t type, uint8_t nbytes, uint16_t handle, bool strings)
{
    static const char two[] = "DIMM 0\0Bank 0\0";
    size_t at = length;

    memset(table + at, 0, nbytes);
    table[at] = type;
    table[at + 1] = nbytes;
    put(at + 2, handle, 2);
    length += nbytes;
    memcpy(table + length, strings ? two : "\0", strings ? sizeof(two) : 2);
    length += strings ? sizeof(two) : 2;
    return at;
}

static size_t add_module(uint16_t size, uint8_t nbytes)
{
    size_t at = add(17, nbytes, (uint16_t)(0x1500 + length), true);

    put(at + 4, HANDLE, 2);
    put(at + 12, size, 2);
    table[at + 18] = DDR4;
    return at;
}

static void add_array(uint16_t handle, uint8_t use)
{
    size_t at = add(16, 23, handle, false);

    table[at + 5] = use;
}

/* The table so far, and its end. */
static struct smbios_memory parsed(void)
{
    struct smbios_memory memory;
    uint8_t *exact;
    size_t before = length;

    add(127, 4, 0xfeff, false);
    exact = malloc(length);
    memcpy(exact, table, length);
    smbios_table_parse(exact, length, &memory);
    free(exact);
    length = before;
    return memory;
}

/* A BIOS and a system before the memory, as every table has. */
static int table_make(void **state)
{
    length = 0;
    add(0, 24, 0, true);
    add(1, 27, 0x100, true);
    add_array(HANDLE, 3);
    add_array(HANDLE_BY, 5);
    return plat_fake_reset(state);
}

static void test_modules(void **state)
{
    struct smbios_memory memory;
    size_t at;

    (void)state;
    add_module(4096, 34);
    add_module(0, 34); /* an empty socket */
    add_module(2048, 21);
    memory = parsed();
    assert_int_equal(memory.status, SMBIOS_KNOWN);
    assert_int_equal(memory.modules, 2);
    assert_int_equal(memory.installed, 6 * GIB);
    assert_int_equal(memory.smallest, 2 * GIB);
    add_module(0x8000 | 512, 34); /* KiB */
    at = add_module(0x7fff, 40);
    put(at + 0x1c, 0x80000000 | 32768, 4); /* MiB; the highest bit is reserved */
    memory = parsed();
    assert_int_equal(memory.modules, 4);
    assert_int_equal(memory.installed, 38 * GIB + 512 * 1024);
    assert_int_equal(memory.smallest, 512 * 1024);
}

static void test_unknown(void **state)
{
    (void)state;
    assert_int_equal(parsed().status, SMBIOS_SILENT);
    add_module(0, 34);
    assert_int_equal(parsed().status, SMBIOS_SILENT);
    add_module(1024, 34);
    assert_int_equal(parsed().status, SMBIOS_KNOWN);
    add_module(0xffff, 34);
    assert_int_equal(parsed().status, SMBIOS_UNKNOWN);
    table_make(state);
    add_module(0x7fff, 28); /* too short for the extended size */
    assert_int_equal(parsed().status, SMBIOS_UNKNOWN);
    table_make(state);
    add(17, 15, 0x1500, false); /* shorter than any version's */
    assert_int_equal(parsed().status, SMBIOS_SILENT);
}

/* Flash, video memory and non-volatile modules are no main memory. */
static void test_other_memory(void **state)
{
    size_t at;

    (void)state;
    add_module(8192, 40);
    at = add_module(16, 40);
    table[at + 18] = FLASH;
    at = add_module(512, 40);
    table[at + 18] = 5; /* VRAM */
    at = add_module(0x7fff, 84);
    put(at + 0x1c, 131072, 4);
    table[at + 0x28] = 7; /* Optane */
    at = add_module(32, 40);
    put(at + 4, HANDLE_BY, 2);
    assert_int_equal(parsed().modules, 1);
    assert_int_equal(parsed().installed, 8 * GIB);
    at = add_module(1024, 84);
    table[at + 0x28] = 3;   /* DRAM */
    put(at + 4, 0x7777, 2); /* an array that is not listed */
    assert_int_equal(parsed().installed, 9 * GIB);
}

static enum smbios_status status_of(size_t nbytes)
{
    struct smbios_memory memory;
    uint8_t *exact = malloc(nbytes + 1); /* malloc(0) may be NULL */

    memcpy(exact, table, nbytes);
    smbios_table_parse(exact, nbytes, &memory);
    free(exact);
    return memory.status;
}

/* Cut anywhere but between structures it is broken; and so it is with a length that is wrong. */
static void test_broken(void **state)
{
    size_t ends[16], nends = 0, broken = 0;

    (void)state;
    add_module(1024, 34);
    for (size_t at = 0; at < length; nends++) {
        at += table[at + 1];
        while (table[at] || table[at + 1])
            at++;
        ends[nends] = at += 2;
    }
    for (size_t cut = 1; cut < length; cut++) {
        bool between = false;

        for (size_t i = 0; i < nends; i++)
            between |= ends[i] == cut;
        assert_int_equal(status_of(cut), between ? SMBIOS_SILENT : SMBIOS_BROKEN);
        broken += !between;
    }
    assert_true(broken > 100);
    for (unsigned wrong = 0; wrong < 4; wrong++) {
        table[ends[0] + 1] = (uint8_t)wrong;
        assert_int_equal(status_of(length), SMBIOS_BROKEN);
    }
    table[ends[nends - 2] + 1] = 255; /* beyond the end */
    assert_int_equal(status_of(length), SMBIOS_BROKEN);
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The largest table, full of modules in arrays that are not there, or in two by turns: looking
 * through it for each module's took ten seconds. */
static void test_many_modules(void **state)
{
    static uint8_t many[SMBIOS_TABLE_MAX];
    struct smbios_memory memory;
    double begun = seconds();
    size_t at = 0;
    unsigned n;

    (void)state;
    for (n = 0; at + 23 <= sizeof(many) - 6; n++, at += 23) {
        static const uint8_t module[23] = {17, 21, [12] = 1, [18] = DDR4};

        memcpy(many + at, module, sizeof(module));
        many[at + 4] = (uint8_t)(n % 2);
        many[at + 5] = 0x77;
    }
    memcpy(many + at, "\x7f\x04\xff\xfe\0", 6);
    smbios_table_parse(many, at + 6, &memory);
    assert_int_equal(memory.status, SMBIOS_KNOWN);
    assert_int_equal(memory.modules, n);
    assert_true(seconds() - begun < 1);
}

/* More arrays than a machine can have. */
static void test_many_arrays(void **state)
{
    (void)state;
    add_module(1024, 34);
    for (unsigned i = 0; i < 62; i++)
        add_array((uint16_t)(0x3000 + i), 3);
    assert_int_equal(parsed().status, SMBIOS_KNOWN);
    add_array(0x4000, 3);
    assert_int_equal(parsed().status, SMBIOS_BROKEN);
}

/* --- start-up --- */

static uint8_t entry[32];

static const void *map_ram(uint64_t physical, size_t nbytes)
{
    if (physical == ENTRY_AT && nbytes <= sizeof(entry))
        return entry;
    return physical == TABLE_AT && nbytes <= sizeof(table) ? table : NULL;
}

static uint64_t covered; /* below it memory is in the direct map */

static bool is_direct(uint64_t physical, size_t nbytes)
{
    return physical + nbytes <= covered;
}

static void entry2_make(void)
{
    uint8_t inner = 0, whole = 0;

    memset(entry, 0, sizeof(entry));
    memcpy(entry, "_SM_", 4);
    entry[5] = 31;
    memcpy(entry + 16, "_DMI_", 5);
    entry[22] = (uint8_t)length;
    entry[23] = (uint8_t)(length >> 8);
    entry[25] = TABLE_AT >> 8;
    for (unsigned i = 16; i < 31; i++)
        inner = (uint8_t)(inner + entry[i]);
    entry[21] = (uint8_t)-inner;
    for (unsigned i = 0; i < 31; i++)
        whole = (uint8_t)(whole + entry[i]);
    entry[4] = (uint8_t)-whole;
}

/* In its order, since the answer stays: nothing without an entry, without memory that can be looked
 * at, and without an entry that is one. */
static void test_init(void **state)
{
    (void)state;
    plat_fake.map_ram = map_ram;
    add_module(1024, 34);
    entry2_make();
    smbios_init(0, NULL);
    smbios_init(0x9999, NULL);
    covered = ENTRY_AT;
    smbios_init(ENTRY_AT, is_direct);
    covered = TABLE_AT;
    smbios_init(ENTRY_AT, is_direct);
    entry[0] = 'x';
    smbios_init(ENTRY_AT, NULL);
    assert_int_equal(smbios_memory()->status, SMBIOS_NONE);
    entry[0] = '_';
    covered = TABLE_AT + sizeof(table);
    smbios_init(ENTRY_AT, is_direct);
    assert_int_equal(smbios_memory()->status, SMBIOS_KNOWN);
    assert_int_equal(smbios_memory()->installed, GIB);
    memset(table, 0xdb, sizeof(table)); /* given out since then: not looked at again */
    smbios_init(ENTRY_AT, NULL);
    assert_int_equal(smbios_memory()->installed, GIB);
}

/* Two modules of 4 GiB: 3 GiB may be missing in the map, and not a module; half a GiB too much. */
static void test_tolerance(void **state)
{
    const struct smbios_memory memory = {SMBIOS_KNOWN, 2, 8 * GIB, 4 * GIB};

    (void)state;
    assert_true(smbios_memory_fits(&memory, 8 * GIB));
    assert_true(smbios_memory_fits(&memory, 5 * GIB + MIB));
    assert_false(smbios_memory_fits(&memory, 5 * GIB));
    assert_false(smbios_memory_fits(&memory, 4 * GIB));
    assert_true(smbios_memory_fits(&memory, 8 * GIB + 512 * MIB));
    assert_false(smbios_memory_fits(&memory, 8 * GIB + 513 * MIB));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_modules, table_make),
        cmocka_unit_test_setup(test_unknown, table_make),
        cmocka_unit_test_setup(test_other_memory, table_make),
        cmocka_unit_test_setup(test_broken, table_make),
        cmocka_unit_test_setup(test_many_modules, table_make),
        cmocka_unit_test_setup(test_many_arrays, table_make),
        cmocka_unit_test_setup(test_init, table_make),
        cmocka_unit_test(test_tolerance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
