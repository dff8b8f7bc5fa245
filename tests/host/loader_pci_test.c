/* SPDX-License-Identifier: MIT */
/* Bus mastering is taken from the right functions of a configuration space made for the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "efi-loader/cpu.h"
#include "efi-loader/pci.h"

#define MASTER 0x00100007u /* in a command register, with a bit of the status that ones clear */

static struct function {
    uint32_t address; /* as in the address register, without the enable bit */
    uint32_t words[4];
} the_functions[] = {
    {0x00000000, {0x29c08086, MASTER, 0x06000000, 0x00000000}}, /* host bridge: left alone */
    {0x00000800, {0x11111234, MASTER, 0x03000000, 0x00000000}}, /* display */
    {0x00001000, {0x000c1b36, MASTER, 0x06040000, 0x00810000}}, /* port: bridge, many functions */
    {0x00001300, {0x000c1b36, MASTER, 0x06040000, 0x00810000}}, /* another, function 3 */
    {0x00001800, {0x11e81234, MASTER, 0x00ff0000, 0x00000000}}, /* device on the root bus */
    {0x00001900, {0x11e81234, MASTER, 0x01000000, 0x00000000}}, /* no function of a single one */
    {0x0000fa00, {0x29228086, MASTER, 0x01060100, 0x00800000}}, /* function 0 is missing */
    {0x00010000, {0x10d38086, MASTER, 0x02000000, 0x00000000}}, /* network, behind the port */
    {0x00018000, {0x000d1b36, MASTER, 0x0c033000, 0x00000000}}, /* USB */
    {0x00fff800, {0x10011af4, MASTER, 0x01000000, 0x00800000}}, /* last device of the last bus */
    {0x00ffff00, {0x10011af4, MASTER, 0x01000000, 0x00800000}}, /* and its last function */
    {0x00020000, {0x10011af4, 0x00100003, 0x01000000, 0x00000000}}, /* was off already */
};

static uint32_t the_address;

static struct function *selected(void)
{
    assert_true(the_address & 1u << 31);
    for (size_t i = 0; i < ARRAY_SIZE(the_functions); i++) {
        if (the_functions[i].address == (the_address & 0x7fffff00))
            return &the_functions[i];
    }
    return NULL;
}

void cpu_outl(uint16_t port, uint32_t value)
{
    struct function *function;

    if (port == 0xcf8) {
        the_address = value;
        return;
    }
    assert_int_equal(port, 0xcfc);
    assert_int_equal(the_address & 0xff, 4);
    assert_int_equal(value >> 16, 0); /* else bits of the status are cleared */
    function = selected();
    assert_non_null(function);
    function->words[1] = value;
}

uint32_t cpu_inl(uint16_t port)
{
    struct function *function = selected();

    assert_int_equal(port, 0xcfc);
    assert_in_range(the_address & 0xff, 0, 12);
    return function ? function->words[(the_address & 0xff) / 4] : ~0u;
}

static void masters_are_stopped(void **state)
{
    static const bool stopped[] = {false, false, true,  true, true, false,
                                   false, true,  false, true, true, false};
    struct bootinfo_dma dma = {0};

    (void)state;
    pci_stop_masters(&dma);
    assert_int_equal(dma.bridges, 2);
    assert_int_equal(dma.devices, 4);
    for (size_t i = 0; i < ARRAY_SIZE(the_functions); i++) {
        uint32_t command = the_functions[i].words[1];

        assert_int_equal(command == 3, stopped[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(masters_are_stopped)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
