/* SPDX-License-Identifier: MIT */
/*
 * The keyboard controller: detection, configuration, and its one byte at a time.
 *
 * Registers: Intel 8042 as in the IBM PC/AT technical reference, section 1.
 *
 * A machine may have no controller: FADT says so, or its ports read all ones. Firmware that draws
 * USB keyboards as this controller traps the ports, and may be slow to answer: up to WAIT_POLLS
 * reads of about a microsecond each. No self-test: on some laptops it switches translation off
 * behind firmware's back, and what does not work is found out by the configuration as well.
 */
#include "kernel/plat/i8042.h"

#include "kernel/arch/x86_64/io.h"
#include "kernel/lib/klog.h"
#include "kernel/plat/acpi.h"
#include "shared/linux/errno.h"

#define PORT_DATA    0x60
#define PORT_STATUS  0x64 /* read */
#define PORT_COMMAND 0x64 /* write */

#define STATUS_OUTPUT 0x01 /* a byte can be read */
#define STATUS_INPUT  0x02 /* the last byte written has not been taken yet */
#define STATUS_MOUSE  0x20 /* the byte that can be read is the second port's */

#define COMMAND_CONFIG_READ  0x20
#define COMMAND_CONFIG_WRITE 0x60
#define COMMAND_MOUSE_OFF    0xa7
#define COMMAND_KEYBOARD_OFF 0xad
#define COMMAND_KEYBOARD_ON  0xae

#define CONFIG_INTERRUPT       0x01
#define CONFIG_MOUSE_INTERRUPT 0x02
#define CONFIG_KEYBOARD_OFF    0x10
#define CONFIG_MOUSE_OFF       0x20
#define CONFIG_TRANSLATE       0x40

#define KEYBOARD_SCAN 0xf4
#define KEYBOARD_ACK  0xfa

#define WAIT_POLLS 50000u
#define BYTES_MAX  64u /* taken at once: more than any controller keeps */

static bool i8042_wait(uint8_t bit, bool set)
{
    for (unsigned i = 0; i < WAIT_POLLS; i++) {
        if (!(io_in8(PORT_STATUS) & bit) == !set)
            return true;
    }
    return false;
}

static int port_write(uint16_t port, uint8_t byte)
{
    if (!i8042_wait(STATUS_INPUT, false))
        return -ENODEV;
    io_out8(port, byte);
    return 0;
}

static int byte_read(uint8_t *out)
{
    if (!i8042_wait(STATUS_OUTPUT, true))
        return -ENODEV;
    *out = io_in8(PORT_DATA);
    return 0;
}

/* Keys that were pressed before: they would be taken for answers. */
static void output_drop(void)
{
    for (unsigned i = 0; i < BYTES_MAX && (io_in8(PORT_STATUS) & STATUS_OUTPUT); i++)
        io_in8(PORT_DATA);
}

/* Both ports are silent while the configuration is read, so that the next byte is it. */
static int config_change(uint8_t *config)
{
    int err = port_write(PORT_COMMAND, COMMAND_KEYBOARD_OFF);

    if (!err)
        err = port_write(PORT_COMMAND, COMMAND_MOUSE_OFF);
    output_drop();
    if (!err)
        err = port_write(PORT_COMMAND, COMMAND_CONFIG_READ);
    if (!err)
        err = byte_read(config);
    if (!err)
        err = port_write(PORT_COMMAND, COMMAND_CONFIG_WRITE);
    if (!err)
        err = port_write(PORT_DATA,
                         (*config | CONFIG_INTERRUPT | CONFIG_TRANSLATE | CONFIG_MOUSE_OFF) &
                             (uint8_t) ~(CONFIG_MOUSE_INTERRUPT | CONFIG_KEYBOARD_OFF));
    return err ? err : port_write(PORT_COMMAND, COMMAND_KEYBOARD_ON);
}

/* Firmware leaves some keyboards switched off. One that does not answer may be plugged in later,
 * and then sends by itself. */
static bool keyboard_start(void)
{
    uint8_t answer = 0;

    if (port_write(PORT_DATA, KEYBOARD_SCAN))
        return false;
    for (unsigned i = 0; i < BYTES_MAX && answer != KEYBOARD_ACK; i++) {
        if (byte_read(&answer))
            return false;
    }
    return answer == KEYBOARD_ACK;
}

COLD int i8042_init(const struct acpi_info *info)
{
    uint8_t config = 0;
    bool missing = (info->fadt && !info->has_8042) || io_in8(PORT_STATUS) == 0xff;

    if (missing || config_change(&config)) {
        klog("keyboard: %s", missing ? "this machine has no controller (i8042) for one"
                                     : "the controller (i8042) does not answer");
        return -ENODEV;
    }
    klog("keyboard: controller (i8042), translation %s, %s",
         config & CONFIG_TRANSLATE ? "kept" : "switched on",
         keyboard_start() ? "keyboard answers" : "no keyboard answers");
    return 0;
}

/* The line is edge-triggered: bytes are taken until there is none. */
void i8042_interrupt(void (*received)(uint8_t byte))
{
    for (unsigned i = 0; i < BYTES_MAX; i++) {
        uint8_t status = io_in8(PORT_STATUS), byte;

        if (!(status & STATUS_OUTPUT) || status == 0xff)
            return;
        byte = io_in8(PORT_DATA);
        if (!(status & STATUS_MOUSE))
            received(byte);
    }
}
