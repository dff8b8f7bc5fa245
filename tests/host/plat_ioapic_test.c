/* SPDX-License-Identifier: MIT */
/*
 * tests/host/plat_ioapic_test.c - which pin an ISA interrupt is, and what is written there
 */
#include "tests/host/plat_fake.h"

#include "kernel/plat/ioapic.h"
#include "kernel/plat/lapic.h"
#include "shared/linux/errno.h"

#define PINS 24

/* The register window is plain memory: what the last access selected is what counts. */
static volatile uint32_t window[8];
static uint32_t id;

volatile uint32_t *lapic_registers;

uint32_t lapic_id(void)
{
    return id;
}

static volatile void *map_window(uint64_t physical, size_t nbytes)
{
    assert_int_equal(physical, 0xfec00000);
    assert_true(nbytes >= 0x14 && nbytes <= 4096);
    return window;
}

static struct acpi_info one_ioapic(void)
{
    return (struct acpi_info){.nioapics = 1, .ioapics = {{.address = 0xfec00000}}};
}

static void pin_for_pin(void **state)
{
    struct acpi_info info = one_ioapic();
    struct ioapic_route route;

    (void)state;
    assert_int_equal(ioapic_find_route(&info, 4, &route), 0);
    assert_int_equal(route.gsi, 4);
    assert_int_equal(route.index, 0);
    assert_false(route.active_low);
    assert_false(route.level);
    assert_int_equal(ioapic_entry(&route, 0x44, 0), 0x44);
}

static void overrides(void **state)
{
    static const struct {
        uint16_t flags;
        bool low, level;
    } cases[] = {{0, false, false},
                 {5, false, false},
                 {0xd, false, true},
                 {7, true, false},
                 {0xf, true, true}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct acpi_info info = one_ioapic();
        struct ioapic_route route;

        info.noverrides = 2;
        info.overrides[0] = (struct acpi_override){.irq = 0, .gsi = 2};
        info.overrides[1] = (struct acpi_override){.irq = 4, .gsi = 20, .flags = cases[i].flags};
        assert_int_equal(ioapic_find_route(&info, 4, &route), 0);
        assert_int_equal(route.gsi, 20);
        assert_int_equal(route.active_low, cases[i].low);
        assert_int_equal(route.level, cases[i].level);
        assert_int_equal(ioapic_entry(&route, 0x44, 3), 3ull << 56 | 0x44 |
                                                            (cases[i].low ? 0x2000 : 0) |
                                                            (cases[i].level ? 0x8000 : 0));
    }
}

static void several(void **state)
{
    struct acpi_info info = {.nioapics = 3};
    struct ioapic_route route;

    (void)state;
    info.ioapics[0].gsi_base = 24;
    info.ioapics[1].gsi_base = 0;
    info.ioapics[2].gsi_base = 48;
    assert_int_equal(ioapic_find_route(&info, 4, &route), 0);
    assert_int_equal(route.index, 1);
    info.noverrides = 1;
    info.overrides[0] = (struct acpi_override){.irq = 4, .gsi = 30};
    assert_int_equal(ioapic_find_route(&info, 4, &route), 0);
    assert_int_equal(route.index, 0);
    info.overrides[0].gsi = 48;
    assert_int_equal(ioapic_find_route(&info, 4, &route), 0);
    assert_int_equal(route.index, 2);
}

static void none(void **state)
{
    struct acpi_info info = {0};
    struct ioapic_route route;
    unsigned vector = 0;

    (void)state;
    assert_int_equal(ioapic_find_route(&info, 4, &route), -ENODEV);
    info.nioapics = 1;
    info.ioapics[0].gsi_base = 16;
    assert_int_equal(ioapic_find_route(&info, 4, &route), -ENODEV);
    ioapic_init(&info); /* cannot be mapped */
    info.ioapics[0].gsi_base = 0;
    assert_int_equal(ioapic_enable(4, &vector), -ENODEV);
    assert_int_equal(vector, 0);
}

static void enabling(void **state)
{
    struct acpi_info info = one_ioapic();
    unsigned vector = 0;

    (void)state;
    plat_fake.map_mmio = map_window;
    window[4] = (PINS - 1) << 16 | 0x20; /* the version, as long as nothing else is written */
    ioapic_init(&info);
    assert_int_equal(plat_fake.last_cache, WINDOW_UNCACHED);
    assert_int_equal(window[4], 1u << 16); /* masked, by the last write */
    assert_int_equal(ioapic_enable(4, &vector), 0);
    assert_in_range(vector, 32, 255);
    assert_int_equal(window[0], 0x10 + 2 * 4); /* the half with the mask comes last */
    assert_int_equal(window[4], vector);
    id = 255; /* cannot be told in eight bits */
    assert_int_equal(ioapic_enable(4, &vector), -ENODEV);
    id = 0;
}

static void pin_out_of_range(void **state)
{
    struct acpi_info info = one_ioapic();
    unsigned vector;

    (void)state;
    plat_fake.map_mmio = map_window;
    window[4] = (PINS - 1) << 16;
    info.noverrides = 1;
    info.overrides[0] = (struct acpi_override){.irq = 4, .gsi = PINS};
    ioapic_init(&info);
    assert_int_equal(ioapic_enable(4, &vector), -ENODEV);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(pin_for_pin, plat_fake_reset),
        cmocka_unit_test_setup(overrides, plat_fake_reset),
        cmocka_unit_test_setup(several, plat_fake_reset),
        cmocka_unit_test_setup(none, plat_fake_reset),
        cmocka_unit_test_setup(enabling, plat_fake_reset),
        cmocka_unit_test_setup(pin_out_of_range, plat_fake_reset),
    };

    return cmocka_run_group_tests_name("ioapic", tests, NULL, NULL);
}
