/* SPDX-License-Identifier: MIT */
/* ACPI's and SMBIOS's entry points, whole and broken; the firmware's name. */
#include "tests/host/loader_fake.h"

#include <stdlib.h>
#include <string.h>

#include "efi-loader/firmware.h"

/* Longer than the tables, as the memory around them is: a wrong length leads into it. */
static unsigned char rsdp1[128], rsdp2[128], smbios2[128], smbios3[128];

static const EFI_GUID guid_acpi1 = ACPI_TABLE_GUID, guid_acpi2 = ACPI_20_TABLE_GUID;
static const EFI_GUID guid_smbios2 = SMBIOS_TABLE_GUID, guid_smbios3 = SMBIOS3_TABLE_GUID;

/* Makes the sum of the bytes 0 by changing the one at `at`. */
static void fix_sum(unsigned char *bytes, size_t nbytes, size_t at)
{
    unsigned char sum = 0;

    bytes[at] = 0;
    for (size_t i = 0; i < nbytes; i++)
        sum += bytes[i];
    bytes[at] = (unsigned char)-sum;
}

static int set_up(void **state)
{
    (void)state;
    memset(rsdp1, 0x11, 20);
    memcpy(rsdp1, "RSD PTR ", 8);
    rsdp1[15] = 0;
    fix_sum(rsdp1, 20, 8);

    memset(rsdp2, 0x22, 36);
    memcpy(rsdp2, "RSD PTR ", 8);
    rsdp2[15] = 2;
    memcpy(rsdp2 + 20, "\x24\0\0\0", 4);
    fix_sum(rsdp2, 20, 8);
    fix_sum(rsdp2, 36, 32);

    memset(smbios2, 0x33, 31);
    memcpy(smbios2, "_SM_", 4);
    smbios2[5] = 31;
    memcpy(smbios2 + 16, "_DMI_", 5);
    fix_sum(smbios2 + 16, 15, 5);
    fix_sum(smbios2, 31, 4);

    memset(smbios3, 0x44, 24);
    memcpy(smbios3, "_SM3_", 5);
    smbios3[6] = 24;
    fix_sum(smbios3, 24, 5);
    return 0;
}

static void whole_ones_are_found(void **state)
{
    const EFI_CONFIGURATION_TABLE all[] = {
        {guid_smbios2, smbios2}, {guid_acpi1, rsdp1}, {guid_acpi2, rsdp2}, {guid_smbios3, smbios3}};

    (void)state;
    assert_int_equal(firmware_find_rsdp(all, 4), (uintptr_t)rsdp2);
    assert_int_equal(firmware_find_smbios(all, 4), (uintptr_t)smbios3);
    assert_int_equal(firmware_find_rsdp(all, 2), (uintptr_t)rsdp1);
    assert_int_equal(firmware_find_smbios(all, 2), (uintptr_t)smbios2);
    assert_int_equal(firmware_find_rsdp(all, 0), 0);
    assert_int_equal(firmware_find_smbios(NULL, 0), 0);
}

static void broken_ones_fall_back(void **state)
{
    const EFI_CONFIGURATION_TABLE all[] = {{guid_acpi2, NULL},      {guid_acpi2, rsdp2},
                                           {guid_acpi1, rsdp1},     {guid_smbios3, NULL},
                                           {guid_smbios3, smbios3}, {guid_smbios2, smbios2}};

    (void)state;
    assert_int_equal(firmware_find_rsdp(all, 6), (uintptr_t)rsdp2);
    assert_int_equal(firmware_find_smbios(all, 6), (uintptr_t)smbios3);
    rsdp2[35] ^= 1;
    assert_int_equal(firmware_find_rsdp(all, 6), (uintptr_t)rsdp1);
    rsdp1[19] ^= 1;
    assert_int_equal(firmware_find_rsdp(all, 6), 0);
    smbios3[23] ^= 1;
    assert_int_equal(firmware_find_smbios(all, 6), (uintptr_t)smbios2);
    smbios2[30] ^= 1;
    assert_int_equal(firmware_find_smbios(all, 6), 0);
}

/* Any single bit flipped is found out, in each table. */
static void every_bit_counts(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < 8 * 36; bit++) {
        rsdp2[bit / 8] ^= 1 << bit % 8;
        assert_false(firmware_rsdp_valid(rsdp2, 2));
        rsdp2[bit / 8] ^= 1 << bit % 8;
        if (bit < 8 * 20) {
            rsdp1[bit / 8] ^= 1 << bit % 8;
            assert_false(firmware_rsdp_valid(rsdp1, 0));
            rsdp1[bit / 8] ^= 1 << bit % 8;
        }
        if (bit < 8 * 31) {
            smbios2[bit / 8] ^= 1 << bit % 8;
            assert_false(firmware_smbios_valid(smbios2));
            smbios2[bit / 8] ^= 1 << bit % 8;
        }
        if (bit < 8 * 24) {
            smbios3[bit / 8] ^= 1 << bit % 8;
            assert_false(firmware_smbios_valid(smbios3));
            smbios3[bit / 8] ^= 1 << bit % 8;
        }
    }
    assert_true(firmware_rsdp_valid(rsdp2, 2));
    assert_true(firmware_rsdp_valid(rsdp1, 0));
    assert_true(firmware_smbios_valid(smbios2));
    assert_true(firmware_smbios_valid(smbios3));
}

static void wrong_lengths(void **state)
{
    static const unsigned lengths[] = {0, 20, 35, 129, 0x7fffffff, 0xffffffff};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        memcpy(rsdp2 + 20, &lengths[i], 4);
        assert_false(firmware_rsdp_valid(rsdp2, 2));
    }
    smbios3[6] = 23;
    assert_false(firmware_smbios_valid(smbios3));
    smbios3[6] = 0;
    assert_false(firmware_smbios_valid(smbios3));
    smbios2[5] = 0;
    assert_false(firmware_smbios_valid(smbios2));
    /* An ACPI 1.0 pointer under the newer name is not one of 2.0. */
    assert_false(firmware_rsdp_valid(rsdp1, 2));
    assert_false(firmware_rsdp_valid(NULL, 0));
}

static void names(void **state)
{
    char text[40];
    CHAR16 longer[200];

    (void)state;
    firmware_describe(u"EDK II", 0x10000, text, sizeof(text));
    assert_string_equal(text, "EDK II 1.0");
    firmware_describe(u"F\u00fcr\u20ac\x07\xd800!", 0xffffffff, text, sizeof(text));
    assert_string_equal(text, "F\u00fcr\u20ac! 65535.65535");
    firmware_describe(NULL, 0x00020046, text, sizeof(text));
    assert_string_equal(text, "unknown 2.70");
    for (size_t i = 0; i < 199; i++)
        longer[i] = 0x20ac;
    longer[199] = 0;
    size_t length = firmware_describe(longer, 0xffffffff, text, sizeof(text));
    assert_true(length < sizeof(text));
    assert_int_equal(strlen(text), length);
    assert_string_equal(text + length - 12, " 65535.65535");
}

/* The table's header, and three descriptors of 56 bytes each. */
static void attributes_of_runtime_memory(void **state)
{
    struct {
        uint32_t version, entries, size, flags;
        struct {
            EFI_MEMORY_DESCRIPTOR descriptor;
            char more[16];
        } entry[3];
    } attributes = {.version = 1, .entries = 3, .size = 56};
    EFI_CONFIGURATION_TABLE table = {
        .VendorGuid = {0xdcfa911d,
                       0x26eb,
                       0x469f,
                       {0xa2, 0x20, 0x38, 0xb7, 0xdc, 0x46, 0x12, 0x20}},
        .VendorTable = &attributes};
    struct bootinfo_range out[3];

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        attributes.entry[i].descriptor = (EFI_MEMORY_DESCRIPTOR){
            .PhysicalStart = 0x1000 * (i + 1), .NumberOfPages = 1, .Attribute = EFI_MEMORY_RO << i};
    assert_int_equal(firmware_runtime_attributes(&table, 1, out, 3), 3);
    assert_int_equal(out[2].base, 0x3000);
    assert_int_equal(out[2].npages, 1);
    assert_int_equal(out[1].attributes, EFI_MEMORY_RO << 1);
    assert_int_equal(firmware_runtime_attributes(&table, 1, out, 2), 0);
    attributes.size = 39;
    assert_int_equal(firmware_runtime_attributes(&table, 1, out, 3), 0);
    attributes.size = 129;
    assert_int_equal(firmware_runtime_attributes(&table, 1, out, 3), 0);
    assert_int_equal(firmware_runtime_attributes(NULL, 0, out, 3), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whole_ones_are_found),
        TEST(broken_ones_fall_back),
        TEST(every_bit_counts),
        TEST(wrong_lengths),
        TEST(names),
        TEST(attributes_of_runtime_memory),
    };

    return cmocka_run_group_tests_name("loader_firmware", tests, NULL, NULL);
}
