/* SPDX-License-Identifier: MIT */
/*
 * tests/host/plat_power_test.c - the chains of reset and power-off, step by step
 *
 * The machine survives every step, so each chain runs to its end; what it did to the ports is
 * compared with what it should have done.
 */
#include "tests/host/plat_fake.h"

#include "kernel/core/output.h"
#include "kernel/plat/acpi.h"
#include "kernel/plat/power.h"
#include "shared/exitcode.h"

static struct acpi_info the_info;
static char trace[1024]; /* "port=value " for each write but delays */
static uint64_t ndelays;
static uint32_t status_8042;
static uint16_t pm1a, pm1b;
static bool sci_follows; /* ACPI mode comes when asked for */
static uint32_t debug_port;
static uint32_t leaf1_ecx;

const struct acpi_info *acpi_info(void)
{
    return &the_info;
}

/* The last words are of use only where they are printed: nothing runs on this processor then. */
static bool told;

void output_flush(void)
{
    told = plat_fake_logged("you may switch off now");
}

static void out(uint16_t port, unsigned nbytes, uint32_t value)
{
    size_t used = strlen(trace);

    (void)nbytes;
    if (port == 0x80) {
        ndelays++;
        return;
    }
    snprintf(trace + used, sizeof(trace) - used, "%x=%x ", port, value);
    if (port == 0x604)
        pm1a = (uint16_t)value;
    if (port == 0x704)
        pm1b = (uint16_t)value;
    if (port == 0xb2 && sci_follows)
        pm1a |= 1;
}

static uint32_t in(uint16_t port, unsigned nbytes)
{
    switch (port) {
    case 0x64:
        return status_8042;
    case 0x604:
        assert_int_equal(nbytes, 2);
        return pm1a;
    case 0x704:
        return pm1b;
    case 0xcf9:
        return 0x90;
    case DEBUG_EXIT_PORT:
        assert_int_equal(nbytes, 4);
        return debug_port;
    default:
        fail_msg("read of port 0x%x", port);
        return 0;
    }
}

static struct cpuid_result cpu(uint32_t leaf)
{
    return (struct cpuid_result){.ecx = leaf == 1 ? leaf1_ecx : 0};
}

static int machine_make(void **state)
{
    plat_fake_reset(state);
    power_set_firmware(NULL);
    memset(&the_info, 0, sizeof(the_info));
    memset(trace, 0, sizeof(trace));
    ndelays = 0;
    status_8042 = 0x14;
    pm1a = 0x0001;
    pm1b = 0x1e02; /* with an old sleep type in it */
    sci_follows = false;
    debug_port = UINT32_MAX;
    leaf1_ecx = 0;
    plat_fake.in = in;
    plat_fake.out = out;
    plat_fake.cpuid = cpu;
    return 0;
}

static int run(void (*end)(void))
{
    int how = setjmp(plat_fake.end);

    if (how)
        return how;
    power_init();
    end();
    return PLAT_END_NONE;
}

static void reboot_with_everything(void **state)
{
    (void)state;
    the_info.reset = (struct acpi_register){.space = ACPI_SPACE_IO, .address = 0xb0};
    the_info.reset_value = 0x42;
    assert_int_equal(run(power_reboot), PLAT_END_TRIPLE_FAULT);
    assert_string_equal(trace, "b0=42 64=fe b0=42 64=fe cf9=92 cf9=96 ");
    assert_in_range(ndelays, 200000, 400000);
}

/* ResetSystem comes after what needs no firmware, and before what some machines do not survive. */
static void firmware_trace(bool off)
{
    strcat(trace, off ? "efi=off " : "efi=again ");
}

static void reboot_by_firmware(void **state)
{
    (void)state;
    power_set_firmware(firmware_trace);
    the_info.reset = (struct acpi_register){.space = ACPI_SPACE_IO, .address = 0xb0};
    the_info.reset_value = 0x42;
    assert_int_equal(run(power_reboot), PLAT_END_TRIPLE_FAULT);
    assert_string_equal(trace, "b0=42 64=fe b0=42 64=fe efi=again cf9=92 cf9=96 ");
}

static void off_by_firmware_first(void **state)
{
    (void)state;
    power_set_firmware(firmware_trace);
    the_info.s5 = true;
    the_info.s5_type_a = 5;
    the_info.pm1a_control = (struct acpi_register){.space = ACPI_SPACE_IO, .address = 0x604};
    assert_int_equal(run(power_off), PLAT_END_STOP);
    assert_int_equal(strncmp(trace, "efi=off 604=", 12), 0);
}

static void reboot_without_acpi(void **state)
{
    (void)state;
    assert_int_equal(run(power_reboot), PLAT_END_TRIPLE_FAULT);
    assert_string_equal(trace, "64=fe 64=fe cf9=92 cf9=96 ");
}

static void reboot_without_8042(void **state)
{
    (void)state;
    status_8042 = 0xff;
    assert_int_equal(run(power_reboot), PLAT_END_TRIPLE_FAULT);
    assert_string_equal(trace, "cf9=92 cf9=96 ");
    trace[0] = 0;
    status_8042 = 0x14;
    the_info.fadt = true; /* and it says so */
    assert_int_equal(run(power_reboot), PLAT_END_TRIPLE_FAULT);
    assert_string_equal(trace, "cf9=92 cf9=96 ");
}

/* A keyboard controller that stays busy is written to all the same, in the end. */
static void reboot_with_busy_8042(void **state)
{
    (void)state;
    status_8042 = 0x02;
    assert_int_equal(run(power_reboot), PLAT_END_TRIPLE_FAULT);
    assert_string_equal(trace, "64=fe 64=fe cf9=92 cf9=96 ");
}

static uint8_t reset_memory;

static volatile void *map(uint64_t physical, size_t nbytes)
{
    assert_true(physical == 0xfe001000 && nbytes == 1);
    return &reset_memory;
}

static void reboot_by_memory_register(void **state)
{
    (void)state;
    the_info.reset = (struct acpi_register){.space = ACPI_SPACE_MEMORY, .address = 0xfe001000};
    the_info.reset_value = 0x42;
    plat_fake.map_mmio = map;
    assert_int_equal(run(power_reboot), PLAT_END_TRIPLE_FAULT);
    assert_int_equal(reset_memory, 0x42);
    /* A register in a space that this kernel does not reach is left out. */
    trace[0] = 0;
    the_info.reset.space = ACPI_SPACE_PCI;
    assert_int_equal(run(power_reboot), PLAT_END_TRIPLE_FAULT);
    assert_string_equal(trace, "64=fe 64=fe cf9=92 cf9=96 ");
}

static void s5_set(void)
{
    the_info.s5 = true;
    the_info.s5_type_a = 5;
    the_info.s5_type_b = 6;
    the_info.pm1a_control = (struct acpi_register){.space = ACPI_SPACE_IO, .address = 0x604};
}

static void off_by_one_register(void **state)
{
    (void)state;
    s5_set();
    assert_int_equal(run(power_off), PLAT_END_STOP);
    assert_string_equal(trace, "604=1401 604=3401 ");
    assert_true(plat_fake_logged("you may switch off now"));
}

static void off_by_two_registers(void **state)
{
    (void)state;
    s5_set();
    the_info.pm1b_control = (struct acpi_register){.space = ACPI_SPACE_IO, .address = 0x704};
    assert_int_equal(run(power_off), PLAT_END_STOP);
    assert_string_equal(trace, "604=1401 704=1a02 604=3401 704=3a02 ");
}

static void off_asks_for_acpi_mode(void **state)
{
    (void)state;
    s5_set();
    pm1a = 0;
    sci_follows = true;
    the_info.smi_command = 0xb2;
    the_info.acpi_enable = 0xa0;
    assert_int_equal(run(power_off), PLAT_END_STOP);
    assert_string_equal(trace, "b2=a0 604=1401 604=3401 ");

    trace[0] = 0; /* firmware that does not answer is not waited for for ever */
    ndelays = 0;
    pm1a = 0;
    sci_follows = false;
    assert_int_equal(run(power_off), PLAT_END_STOP);
    assert_string_equal(trace, "b2=a0 604=1400 604=3400 ");
    assert_true(ndelays < 1000000);
}

static void off_hardware_reduced(void **state)
{
    (void)state;
    s5_set();
    the_info.hardware_reduced = true;
    the_info.sleep_control = (struct acpi_register){.space = ACPI_SPACE_IO, .address = 0x600};
    assert_int_equal(run(power_off), PLAT_END_STOP);
    assert_string_equal(trace, "600=34 ");
}

static void off_without_means(void **state)
{
    (void)state;
    told = false;
    assert_int_equal(run(power_off), PLAT_END_STOP);
    assert_string_equal(trace, "");
    assert_true(told);
}

static void halting(void **state)
{
    (void)state;
    assert_int_equal(run(power_halt), PLAT_END_STOP);
    assert_string_equal(trace, "");
}

/* Written only under a hypervisor and only where the port reads 0. */
static void debug_exit(void **state)
{
    (void)state;
    power_debug_exit(DEBUG_EXIT_PASS);
    debug_port = 0;
    power_debug_exit(DEBUG_EXIT_PASS);
    leaf1_ecx = 1u << 31;
    debug_port = 0xff;
    power_debug_exit(DEBUG_EXIT_PASS);
    assert_string_equal(trace, "");
    assert_false(power_debug_exit_present());
    debug_port = 0;
    assert_true(power_debug_exit_present());
    power_debug_exit(DEBUG_EXIT_PASS);
    assert_string_equal(trace, "f4=10 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(reboot_with_everything, machine_make),
        cmocka_unit_test_setup(reboot_by_firmware, machine_make),
        cmocka_unit_test_setup(off_by_firmware_first, machine_make),
        cmocka_unit_test_setup(reboot_without_acpi, machine_make),
        cmocka_unit_test_setup(reboot_without_8042, machine_make),
        cmocka_unit_test_setup(reboot_with_busy_8042, machine_make),
        cmocka_unit_test_setup(reboot_by_memory_register, machine_make),
        cmocka_unit_test_setup(off_by_one_register, machine_make),
        cmocka_unit_test_setup(off_by_two_registers, machine_make),
        cmocka_unit_test_setup(off_asks_for_acpi_mode, machine_make),
        cmocka_unit_test_setup(off_hardware_reduced, machine_make),
        cmocka_unit_test_setup(off_without_means, machine_make),
        cmocka_unit_test_setup(halting, machine_make),
        cmocka_unit_test_setup(debug_exit, machine_make),
    };

    return cmocka_run_group_tests_name("power", tests, NULL, NULL);
}
