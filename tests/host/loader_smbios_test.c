/* SPDX-License-Identifier: MIT */
/* Structures of SMBIOS: strings, fields, and tables that end too early. */
#include "tests/host/check.h"

#include <sys/mman.h>

#include "efi-loader/smbios.h"

/* Three structures: type 1 with strings, one of type 17 without, the end. */
static const unsigned char tables[] = "\x01\x08\x01\x00\x01\x02\x00\x09"
                                      "Maker\0Mo\x01"
                                      "del  \0\0"
                                      "\x11\x0e\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x34\x12"
                                      "\0\0"
                                      "\x7f\x04\x03\x00\0";
#define TABLES_SIZE sizeof(tables)

/* An entry point holds an address of 32 or 64 bits: the tables are put where both can say so. The
 * page behind them is a guard. */
static unsigned char *place(size_t nbytes)
{
    static unsigned char *pages;

    if (!pages) {
        pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
                     -1, 0);
        assert_true(pages != MAP_FAILED);
        mprotect(pages + 4096, 4096, PROT_NONE);
    }
    memcpy(pages + 4096 - nbytes, tables, nbytes);
    return pages + 4096 - nbytes;
}

static struct smbios open_tables(bool v3, size_t nbytes)
{
    static unsigned char entry[32];
    uint64_t address = (uintptr_t)place(nbytes);

    memset(entry, 0, sizeof(entry));
    memcpy(entry, v3 ? "_SM3_" : "_SM_", v3 ? 5 : 4);
    memcpy(entry + (v3 ? 16 : 24), &address, v3 ? 8 : 4);
    memcpy(entry + (v3 ? 12 : 22), &nbytes, v3 ? 4 : 2);
    return smbios_open((uintptr_t)entry);
}

static void both_kinds(void **state)
{
    (void)state;
    for (int v3 = 0; v3 < 2; v3++) {
        struct smbios at = open_tables(v3, TABLES_SIZE);
        struct smbios_structure machine = smbios_next(&at, SMBIOS_MACHINE);
        struct smbios_structure module = smbios_next(&at, SMBIOS_MEMORY_MODULE);
        char text[32];

        assert_non_null(machine.bytes);
        smbios_string(&machine, 4, text, sizeof(text));
        assert_string_equal(text, "Maker");
        smbios_string(&machine, 5, text, sizeof(text));
        assert_string_equal(text, "Mo?del");
        smbios_string(&machine, 6, text, sizeof(text)); /* number 0 */
        assert_string_equal(text, "");
        smbios_string(&machine, 7, text, sizeof(text)); /* there are only two */
        assert_string_equal(text, "");
        smbios_string(&machine, 8, text, sizeof(text)); /* behind its end */
        assert_string_equal(text, "");
        assert_non_null(module.bytes);
        assert_int_equal(smbios_field(&module, 0x0c, 2), 0x1234);
        assert_int_equal(smbios_field(&module, 0x0d, 2), 0);
        assert_null(smbios_next(&at, SMBIOS_MEMORY_MODULE).bytes);
    }
}

static void cut_to_size(void **state)
{
    struct smbios at = open_tables(true, TABLES_SIZE);
    struct smbios_structure machine = smbios_next(&at, SMBIOS_MACHINE);
    char text[4];

    (void)state;
    smbios_string(&machine, 4, text, sizeof(text));
    assert_string_equal(text, "Mak");
}

/* Wherever the tables end, nothing behind them is read. */
static void ends_anywhere(void **state)
{
    (void)state;
    for (size_t n = 0; n <= TABLES_SIZE; n++) {
        struct smbios at = open_tables(true, n);
        struct smbios_structure found = smbios_next(&at, SMBIOS_MACHINE);
        char text[32];

        smbios_string(&found, 5, text, sizeof(text));
        at = open_tables(true, n);
        found = smbios_next(&at, SMBIOS_MEMORY_MODULE);
        (void)smbios_field(&found, 0x0c, 2);
    }
}

static void none(void **state)
{
    struct smbios at = smbios_open(0);
    struct smbios_structure found = smbios_next(&at, SMBIOS_MACHINE);
    char text[8] = "x";

    (void)state;
    assert_null(found.bytes);
    assert_int_equal(smbios_field(&found, 4, 4), 0);
    smbios_string(&found, 4, text, sizeof(text));
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests_of_smbios[] = {
        cmocka_unit_test(both_kinds),
        cmocka_unit_test(cut_to_size),
        cmocka_unit_test(ends_anywhere),
        cmocka_unit_test(none),
    };

    return cmocka_run_group_tests_name("loader_smbios", tests_of_smbios, NULL, NULL);
}
