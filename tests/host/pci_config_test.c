/* SPDX-License-Identifier: MIT */
/* The way through a PCI bus, and addresses for the ports. */
#include "tests/host/check.h"

#include "kernel/lib/pci_config.h"

static void test_address(void **state)
{
    (void)state;
    assert_int_equal(pci_port_address(0, 0), 0x80000000u);
    /* Bus 1, device 2, function 3; the offset is cut to a multiple of four. */
    assert_int_equal(pci_port_address(0x113, 0x3e), 0x8001133cu);
    assert_int_equal(pci_port_address(0xffff, 0xff), 0x80fffffcu);
}

static void test_there(void **state)
{
    (void)state;
    assert_true(pci_is_there(0x29c08086));
    assert_false(pci_is_there(0xffffffff));
    assert_false(pci_is_there(0x1234ffff));
    assert_false(pci_is_there(0x12340000));
}

/* Function 0 is not there, is alone, or says that there are more; what another says is no matter.
 */
static void test_next(void **state)
{
    (void)state;
    assert_int_equal(pci_next_function(0x10, 0), 0x18);
    assert_int_equal(pci_next_function(0x10, 0x00010000), 0x18);
    assert_int_equal(pci_next_function(0x10, 0x00810000), 0x11);
    assert_int_equal(pci_next_function(0x11, 0), 0x12);
    assert_int_equal(pci_next_function(0x11, 0x00800000), 0x12);
    assert_int_equal(pci_next_function(0x17, 0), 0x18);
    assert_int_equal(pci_next_function(0xf8, 0), PCI_BUS_FUNCTIONS);
    assert_int_equal(pci_header_type(0x00810000), PCI_HEADER_BRIDGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address),
        cmocka_unit_test(test_there),
        cmocka_unit_test(test_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
