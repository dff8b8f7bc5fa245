/* SPDX-License-Identifier: MIT */
/*
 * tests/host/plat_pci_test.c - PCI: the MCFG, base address registers, windows; finding functions
 *
 * The made-up machine has a few functions behind the two ports of configuration mechanism 1. It
 * keeps what is written to base address registers as a real function does: the bits below the size
 * stay zero.
 */
#include "tests/host/plat_fake.h"

#include "kernel/plat/acpi.h"
#include "kernel/plat/pci.h"
#include "shared/linux/errno.h"

/* ---- Pure: tables and registers ---------------------------------------------------------- */

static void mcfg_make(uint8_t table[76])
{
    uint8_t sum = 0;

    memset(table, 0, 76);
    memcpy(table, "MCFG", 4);
    table[4] = 76;
    memcpy(table + 44, "\x00\x00\x00\xb0\x00\x00\x00\x00\x00\x00\x00\xff", 12);
    memcpy(table + 60, "\x00\x00\x00\x00\x10\x00\x00\x00\x01\x00\x20\x3f", 12);
    for (unsigned i = 0; i < 76; i++)
        sum = (uint8_t)(sum + table[i]);
    table[9] = (uint8_t)-sum;
}

static void test_mcfg(void **state)
{
    struct pci_ecam found[2];
    uint8_t *table = malloc(76);

    (void)state;
    mcfg_make(table);
    assert_int_equal(pci_parse_mcfg(table, 76, found, 2), 2);
    assert_int_equal(found[0].base, 0xb0000000);
    assert_int_equal(found[0].last_bus, 255);
    assert_int_equal(found[1].base, 0x1000000000);
    assert_int_equal(found[1].segment, 1);
    assert_int_equal(found[1].first_bus, 0x20);
    assert_int_equal(found[1].last_bus, 0x3f);
    assert_int_equal(pci_parse_mcfg(table, 76, found, 1), 1);
    table[50] ^= 1; /* the sum is wrong */
    assert_int_equal(pci_parse_mcfg(table, 76, found, 2), -EINVAL);
    /* A place that is no multiple of 1 MiB, buses from behind: left out. */
    mcfg_make(table);
    table[45] = 1;
    table[9]--;
    table[70] = 0x40;
    table[9] -= 0x20;
    assert_int_equal(pci_parse_mcfg(table, 76, found, 2), 0);
    free(table);
}

static void test_bars(void **state)
{
    /* Prefetchable 16 MiB; 4 KiB; 64 bits, 16 KiB; ports, 32, upper bits not there. */
    const uint32_t values[] = {0xc0000008, 0xc1011000, 0x80000004, 0x7f, 0x6041, 0};
    const uint32_t sizes[] = {0xff000008, 0xfffff000, 0xffffc004, ~0u, 0x0000ffe1, 0};
    struct pci_resource out[PCI_BARS], one[2];

    (void)state;
    pci_decode_bars(values, sizes, PCI_BARS, out);
    assert_int_equal(out[0].start, 0xc0000000);
    assert_int_equal(out[0].end, 0xc0ffffff);
    assert_int_equal(out[0].flags, 0x42208);
    assert_int_equal(out[1].end, 0xc1011fff);
    assert_int_equal(out[1].flags, 0x40200);
    assert_int_equal(out[2].start, 0x7f80000000);
    assert_int_equal(out[2].end, 0x7f80003fff);
    assert_int_equal(out[2].flags, 0x140204);
    assert_int_equal(out[3].flags, 0);
    assert_int_equal(out[4].start, 0x6040);
    assert_int_equal(out[4].end, 0x605f);
    assert_int_equal(out[4].flags, 0x40101);
    assert_int_equal(out[5].flags, 0);
    /* A 64-bit register with nothing behind it to hold the upper half. */
    pci_decode_bars(values + 1, sizes + 1, 2, one);
    assert_int_equal(one[1].start, 0x80000000);
}

static void test_rom(void **state)
{
    struct pci_resource out;

    (void)state;
    pci_decode_rom(0xfeb00001, 0xffff0001, &out);
    assert_int_equal(out.start, 0xfeb00000);
    assert_int_equal(out.end, 0xfeb0ffff);
    assert_int_equal(out.flags, 0x46201);
    pci_decode_rom(0, 0, &out);
    assert_int_equal(out.flags, 0);
    pci_decode_rom(~0u, ~0u, &out);
    assert_int_equal(out.flags, 0);
}

static void test_windows(void **state)
{
    uint32_t config[16] = {
        [7] = 0x3f3f2121, [8] = 0xc1f0c100, [9] = 0x0011fff1, [10] = 8, [11] = 9};
    struct pci_resource out[PCI_WINDOWS];

    (void)state;
    config[12] = 0x00010001;
    pci_decode_windows(config, out);
    assert_int_equal(out[PCI_WINDOW_IO].start, 0x12000);
    assert_int_equal(out[PCI_WINDOW_IO].end, 0x12fff);
    assert_int_equal(out[PCI_WINDOW_MEMORY].start, 0xc1000000);
    assert_int_equal(out[PCI_WINDOW_MEMORY].end, 0xc1ffffff);
    assert_int_equal(out[PCI_WINDOW_PREFETCH].start, 0x8fff00000);
    assert_int_equal(out[PCI_WINDOW_PREFETCH].end, 0x9001fffff);
    /* Closed: the limit lies below the base. */
    config[7] = 0x00f0;
    config[8] = 0x0000fff0;
    pci_decode_windows(config, out);
    assert_int_equal(out[PCI_WINDOW_IO].flags, 0);
    assert_int_equal(out[PCI_WINDOW_MEMORY].flags, 0);
}

/* ---- Finding functions ------------------------------------------------------------------- */

#define FUNCTIONS 5

static struct function {
    uint8_t bus, devfn;
    uint32_t config[64];
    uint32_t writable[6];  /* of the base address registers */
    uint32_t command_seen; /* OR of what the command register held while those were written */
} machine_functions[FUNCTIONS];
static uint32_t address;
static unsigned other_writes; /* to registers other than command and base addresses */

static struct function *addressed(void)
{
    for (unsigned i = 0; i < FUNCTIONS; i++)
        if (machine_functions[i].bus == (address >> 16 & 0xff) &&
            machine_functions[i].devfn == (address >> 8 & 0xff) && (address >> 31))
            return &machine_functions[i];
    return NULL;
}

static uint32_t port_in(uint16_t port, unsigned nbytes)
{
    struct function *at = addressed();

    assert_int_equal(nbytes, 4);
    if (port == 0xcf8)
        return address;
    return at ? at->config[(address & 0xfc) / 4] : ~0u;
}

static void port_out(uint16_t port, unsigned nbytes, uint32_t value)
{
    struct function *at = addressed();
    unsigned index = (address & 0xfc) / 4;

    assert_int_equal(nbytes, 4);
    if (port == 0xcf8) {
        address = value;
        return;
    }
    if (!at)
        return;
    if (index == 1) {
        /* Status bits are cleared by ones: none may be written. */
        assert_int_equal(value >> 16, 0);
        at->config[1] = (at->config[1] & 0xffff0000) | value;
    } else if (index >= 4 && index < 10 && (index < 6 || !(at->config[3] >> 16 & 1))) {
        at->command_seen |= at->config[1];
        at->config[index] =
            (value & at->writable[index - 4]) | (at->config[index] & 15 & ~at->writable[index - 4]);
    } else if (index != 12 && index != 14) {
        other_writes++;
    }
}

static void machine_make(void)
{
    static const struct function made[FUNCTIONS] = {
        /* A host bridge whose decoding has to stay on. */
        {0, 0, {0x29c08086, 0x7, 0x06000000, 0}, {0}, 0},
        /* A screen. */
        {0, 8, {0x11111234, 0x7, 0x03000002, 0, 0xc0000008}, {0xff000000}, 0},
        /* A bridge to bus 1. */
        {0, 16, {0x000c1b36, 0x100407, 0x06040000, 0x10000, 0, 0, 0x00010100}, {0}, 0},
        /* Behind it: a device of two functions, of which this is the second; and a bridge that
         * says it leads to the bus it is on. */
        {1, 0, {0x10d38086, 0x6, 0x02000000, 0x800000, 0xc1000000}, {0xfffe0000}, 0},
        {1, 1, {0x000c1b36, 0x6, 0x06040000, 0x810000, 0, 0, 0x00010100}, {0}, 0},
    };

    memcpy(machine_functions, made, sizeof(made));
    other_writes = 0;
    plat_fake.in = port_in;
    plat_fake.out = port_out;
}

static void test_scan(void **state)
{
    struct function before[FUNCTIONS];

    (void)state;
    machine_make();
    memcpy(before, machine_functions, sizeof(before));
    acpi_init(0);
    pci_init();
    assert_true(plat_fake_logged("5 functions"));
    assert_true(plat_fake_logged("by ports"));
    assert_null(pci_function(FUNCTIONS));
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        const struct pci_function *at = pci_function(i);

        assert_int_equal(at->bus, machine_functions[i].bus);
        assert_int_equal(at->devfn, machine_functions[i].devfn);
        assert_int_equal(at->config_nbytes, PCI_CONFIG_OLD);
        assert_int_equal(at->parent, i < 3 ? PCI_NO_PARENT : 2);
        /* All is as it was, and nothing else was touched. */
        assert_memory_equal(before[i].config, machine_functions[i].config,
                            sizeof(before[i].config));
        assert_int_equal(machine_functions[i].command_seen & 3, i ? 0 : 3);
    }
    assert_int_equal(other_writes, 0);
    assert_int_equal(pci_function(1)->resources[0].end, 0xc0ffffff);
    assert_int_equal(pci_function(1)->resources[PCI_ROM].start,
                     0xc0000); /* where the BIOS had it */
    assert_int_equal(pci_function(3)->resources[0].end, 0xc101ffff);
    assert_int_equal(pci_config_read(pci_function(3), 0), 0x10d38086);
    assert_int_equal(pci_config_read(pci_function(3), 256), ~0u);
}

static void test_nothing(void **state)
{
    (void)state;
    acpi_init(0);
    pci_init();
    assert_null(pci_function(0));
    assert_true(plat_fake_logged("by nothing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mcfg),
        cmocka_unit_test(test_bars),
        cmocka_unit_test(test_rom),
        cmocka_unit_test(test_windows),
        cmocka_unit_test_setup(test_scan, plat_fake_reset),
        cmocka_unit_test_setup(test_nothing, plat_fake_reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
