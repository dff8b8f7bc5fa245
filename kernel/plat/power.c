/* SPDX-License-Identifier: MIT */
/*
 * Switching off and reset, one method after the other.
 *
 * Each method is given time and then taken for failed. Everything here must work after a panic: no
 * lock, no memory, no clock; registers in memory are mapped at start-up.
 */
#include "kernel/plat/power.h"

#include "kernel/arch/x86_64/cpuid.h"
#include "kernel/arch/x86_64/io.h"
#include "kernel/core/output.h"
#include "kernel/lib/klog.h"
#include "kernel/mm/vmalloc.h"
#include "kernel/plat/acpi.h"
#include "kernel/plat/power_end.h"
#include "shared/exitcode.h"

/* POST code port: present on every PC. */
#define PORT_DELAY 0x80 /* a write takes about a microsecond and does nothing */

#define KEYBOARD_STATUS 0x64
#define KEYBOARD_BUSY   0x02
#define KEYBOARD_RESET  0xfe

#define RESET_CONTROL      0xcf9
#define RESET_CONTROL_PREP 0x02 /* hard reset, not yet */
#define RESET_CONTROL_GO   0x06

#define PM1_SCI_ENABLED  0x0001u
#define PM1_TYPE_SHIFT   10
#define PM1_TYPE_MASK    0x1c00u
#define PM1_SLEEP        0x2000u
#define SLEEP_TYPE_SHIFT 2 /* in the sleep control register of hardware-reduced machines */
#define SLEEP_ENABLE     0x20u

#define CPUID_HYPERVISOR (1u << 31)

#define MICROSECONDS_AFTER_RESET 50000u  /* for a reset to come about */
#define MICROSECONDS_AFTER_OFF   500000u /* some firmware does much in its SMI handler */
#define KEYBOARD_POLLS           50000u

/* What is left of acpi_info once no memory can be had: registers, mapped where they are memory. */
struct power_register {
    uint8_t space; /* enum acpi_space */
    uint16_t port;
    volatile uint8_t *memory;
};

static struct power_register reset_register, sleep_register;

static void (*firmware_reset)(bool off); /* [I] NULL: no runtime services */

void power_set_firmware(void (*reset_system)(bool off))
{
    firmware_reset = reset_system;
}

static void end_by_firmware(bool off)
{
    if (firmware_reset)
        firmware_reset(off);
}

/* Without a clock: this runs after a panic as well. */
static void delay(unsigned microseconds)
{
    while (microseconds--)
        io_out8(PORT_DELAY, 0);
}

/* Mapped at start-up: at the end of the machine nothing may be allocated. */
static struct power_register register_prepare(const struct acpi_register *where)
{
    struct power_register result = {.space = where->space};

    if (where->space == ACPI_SPACE_IO && where->address <= 0xffff)
        result.port = (uint16_t)where->address;
    if (where->space == ACPI_SPACE_MEMORY && where->address)
        result.memory = ioremap(where->address, 1, WINDOW_UNCACHED);
    return result;
}

void power_init(void)
{
    const struct acpi_info *info = acpi_info();

    reset_register = register_prepare(&info->reset);
    sleep_register = register_prepare(&info->sleep_control);
}

/* False: the machine has no such register. */
static bool register_write(const struct power_register *where, uint8_t value)
{
    if (where->memory)
        *where->memory = value;
    else if (where->port)
        io_out8(where->port, value);
    else
        return false;
    return true;
}

static void reset_by_fadt(void)
{
    if (register_write(&reset_register, acpi_info()->reset_value))
        delay(MICROSECONDS_AFTER_RESET);
}

/* The keyboard controller's line to the processor's reset pin. An absent one reads 0xff. */
static void reset_by_keyboard(void)
{
    const struct acpi_info *info = acpi_info();

    if ((info->fadt && !info->has_8042) || io_in8(KEYBOARD_STATUS) == 0xff)
        return;
    /* A controller that stays busy gets the command all the same. */
    for (unsigned i = 0; i < KEYBOARD_POLLS; i++) {
        if (!(io_in8(KEYBOARD_STATUS) & KEYBOARD_BUSY))
            break;
    }
    io_out8(KEYBOARD_STATUS, KEYBOARD_RESET);
    delay(MICROSECONDS_AFTER_RESET);
}

/* Port CF9h of Intel and AMD chipsets: the type first, then the pulse. */
static void reset_by_chipset(void)
{
    uint8_t keep = io_in8(RESET_CONTROL) & (uint8_t)~RESET_CONTROL_GO;

    io_out8(RESET_CONTROL, keep | RESET_CONTROL_PREP);
    delay(50);
    io_out8(RESET_CONTROL, keep | RESET_CONTROL_GO);
    delay(MICROSECONDS_AFTER_RESET);
}

/* From the way the firmware names to those that work everywhere; the triple fault cannot fail. */
void power_reboot(void)
{
    /* Some machines need the first two twice before they listen. */
    for (unsigned i = 0; i < 2; i++) {
        reset_by_fadt();
        reset_by_keyboard();
    }
    end_by_firmware(false);
    reset_by_chipset();
    power_end_triple_fault();
}

void power_halt(void)
{
    power_end_stop();
}

/* The registers of a machine still in legacy mode belong to its firmware: ask for them. */
static void acpi_mode_enter(const struct acpi_info *info, uint16_t control)
{
    if (!info->smi_command || info->smi_command > 0xffff || !info->acpi_enable)
        return;
    if (io_in16(control) & PM1_SCI_ENABLED)
        return;
    io_out8((uint16_t)info->smi_command, info->acpi_enable);
    /* 300 ms; the firmware's handler switches over behind the kernel's back. */
    for (unsigned i = 0; i < 300; i++) {
        if (io_in16(control) & PM1_SCI_ENABLED)
            return;
        delay(1000);
    }
}

static uint16_t port_of(const struct acpi_register *where)
{
    return where->space == ACPI_SPACE_IO && where->address <= 0xffff ? (uint16_t)where->address : 0;
}

/* The other bits of PM1 control belong to the firmware and are kept. */
static uint16_t sleep_value(uint16_t control, uint8_t type)
{
    return (uint16_t)((io_in16(control) & ~(PM1_TYPE_MASK | PM1_SLEEP)) | type << PM1_TYPE_SHIFT);
}

/* Both registers get the type first, and only then the word to go. */
static void off_by_pm1(const struct acpi_info *info)
{
    uint16_t a = port_of(&info->pm1a_control), b = port_of(&info->pm1b_control);

    if (!a)
        return;
    acpi_mode_enter(info, a);
    io_out16(a, sleep_value(a, info->s5_type_a));
    if (b)
        io_out16(b, sleep_value(b, info->s5_type_b));
    io_out16(a, sleep_value(a, info->s5_type_a) | PM1_SLEEP);
    if (b)
        io_out16(b, sleep_value(b, info->s5_type_b) | PM1_SLEEP);
    delay(MICROSECONDS_AFTER_OFF);
}

/* ACPI specification 6.5, section 16.1. */
static void off_by_acpi(void)
{
    const struct acpi_info *info = acpi_info();

    if (!info->s5)
        return;
    if (!info->hardware_reduced)
        off_by_pm1(info);
    else if (register_write(&sleep_register,
                            (uint8_t)(info->s5_type_a << SLEEP_TYPE_SHIFT | SLEEP_ENABLE)))
        delay(MICROSECONDS_AFTER_OFF);
}

/* If the machine is still running it says so: the verdict stays on the screen. */
void power_off(void)
{
    end_by_firmware(true);
    off_by_acpi();
    klog("power: this machine does not switch itself off; you may switch off now");
    output_flush(); /* the thread that prints may be on this processor */
    power_end_stop();
}

/* Under a hypervisor only, and only where the port reads 0, as QEMU's device does: on hardware the
 * port may belong to something else. */
bool power_debug_exit_present(void)
{
    return (cpuid_query(1, 0).ecx & CPUID_HYPERVISOR) && io_in32(DEBUG_EXIT_PORT) == 0;
}

void power_debug_exit(uint32_t code)
{
    if (power_debug_exit_present())
        io_out32(DEBUG_EXIT_PORT, code);
}
