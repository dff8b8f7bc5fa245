/* SPDX-License-Identifier: MIT */
/*
 * tests/host/plat_serial_test.c - the serial port, against a 16550 that checks what is done to it
 */
#include "tests/host/plat_fake.h"

#include "kernel/plat/serial.h"

static struct {
    unsigned depth; /* 16, or 1 for a port without FIFO */
    unsigned fill;  /* bytes in the transmitter */
    unsigned slow;  /* polls until it is empty again */
    unsigned waited;
    bool dead; /* never empties */
    uint8_t registers[8];
    uint8_t divisor;
    unsigned npolls;
    char sent[4096];
    size_t nsent;
} uart;

static uint32_t uart_in(uint16_t port, unsigned nbytes)
{
    assert_int_equal(nbytes, 1);
    assert_in_range(port, 0x3f8, 0x3ff);
    switch (port - 0x3f8) {
    case 2:
        return uart.registers[2] & 1 && uart.depth == 16 ? 0xc1 : 0x01;
    case 5:
        uart.npolls++;
        if (uart.fill && !uart.dead && ++uart.waited >= uart.slow)
            uart.fill = uart.waited = 0;
        return uart.fill ? 0 : 0x60;
    case 7:
        return uart.registers[7];
    default:
        fail_msg("read of port 0x%x", port);
        return 0;
    }
}

static void uart_out(uint16_t port, unsigned nbytes, uint32_t value)
{
    unsigned reg = port - 0x3f8u;

    assert_int_equal(nbytes, 1);
    assert_in_range(port, 0x3f8, 0x3ff);
    if (reg == 0 && uart.registers[3] & 0x80) {
        uart.divisor = (uint8_t)value;
        return;
    }
    if (reg == 0) {
        assert_true(uart.fill < uart.depth); /* or a byte would be lost */
        uart.fill++;
        assert_true(uart.nsent < sizeof(uart.sent));
        uart.sent[uart.nsent++] = (char)value;
        return;
    }
    if (reg == 2 && value & 4)
        uart.fill = 0;
    uart.registers[reg] = (uint8_t)value;
}

static int uart_make(void **state)
{
    plat_fake_reset(state);
    memset(&uart, 0, sizeof(uart));
    uart.depth = 16;
    uart.slow = 5;
    plat_fake.in = uart_in;
    plat_fake.out = uart_out;
    return 0;
}

static void assert_sent(const char *expected)
{
    assert_int_equal(uart.nsent, strlen(expected));
    assert_memory_equal(uart.sent, expected, uart.nsent);
}

/* Comes first: nothing has been set up yet. */
static void panic_before_init(void **state)
{
    (void)state;
    serial_write("lost", 4);
    assert_sent("");
    serial_write_panic("panic\n", 6);
    assert_sent("panic\r\n");
}

static void no_port(void **state)
{
    (void)state;
    plat_fake.in = NULL;
    plat_fake.out = NULL;
    assert_false(serial_init());
    assert_false(serial_present());
    serial_write("nothing", 7);
    serial_write_panic("nothing", 7);
}

static void line_settings(void **state)
{
    (void)state;
    assert_true(serial_init());
    assert_int_equal(uart.divisor, 1);
    assert_int_equal(uart.registers[3], 3); /* 8n1, divisor latch shut */
    assert_int_equal(uart.registers[1], 0); /* no interrupts */
    assert_int_equal(uart.registers[4] & 3, 3);
}

static void long_text(void **state)
{
    char text[1000];

    (void)state;
    memset(text, 'x', sizeof(text));
    assert_true(serial_init());
    uart.npolls = 0;
    serial_write(text, sizeof(text));
    assert_int_equal(uart.nsent, sizeof(text));
    assert_memory_equal(uart.sent, text, sizeof(text));
    /* One wait for each 16 bytes, not for each byte. */
    assert_true(uart.npolls <= sizeof(text) / 16 * uart.slow + uart.slow + 1);
}

static void newlines(void **state)
{
    (void)state;
    assert_true(serial_init());
    serial_write("a\nb\n\n", 5);
    serial_write("\xff\0\r", 3);
    assert_int_equal(uart.nsent, 11);
    assert_memory_equal(uart.sent, "a\r\nb\r\n\r\n\xff\0\r", 11);
}

static void without_fifo(void **state)
{
    (void)state;
    uart.depth = 1;
    assert_true(serial_init());
    serial_write("no queue here\n", 14);
    assert_sent("no queue here\r\n");
}

static void dead_port_is_given_up(void **state)
{
    (void)state;
    assert_true(serial_init());
    serial_write("0123456789abcdef", 16);
    uart.dead = true;
    serial_write("lost\n", 5);
    assert_int_equal(serial_lost_bytes(), 5);
    assert_true(uart.npolls < 3000000);

    uart.npolls = 0; /* from now on it costs one poll a call */
    serial_write("lost too", 8);
    assert_true(uart.npolls <= 1);
    assert_int_equal(serial_lost_bytes(), 13);
    assert_sent("0123456789abcdef");

    uart.dead = false;
    uart.waited = uart.slow;
    serial_write("back", 4);
    assert_sent("0123456789abcdefback");
    uart.slow = 1000; /* slow again is not dead again */
    serial_write("slow", 4);
    assert_sent("0123456789abcdefbackslow");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(panic_before_init, uart_make),
        cmocka_unit_test_setup(no_port, uart_make),
        cmocka_unit_test_setup(line_settings, uart_make),
        cmocka_unit_test_setup(long_text, uart_make),
        cmocka_unit_test_setup(newlines, uart_make),
        cmocka_unit_test_setup(without_fifo, uart_make),
        cmocka_unit_test_setup(dead_port_is_given_up, uart_make),
    };

    return cmocka_run_group_tests_name("serial", tests, NULL, NULL);
}
