/* SPDX-License-Identifier: MIT */
/* Where the loader's words go: each line once on the serial line, whoever drives it; no wait
 * without a bound. */
#include "tests/host/check.h"

#include <stdlib.h>
#include <string.h>

#include "efi-loader/cpu.h"
#include "efi-loader/log.h"
#include "efi-loader/screen.h"

#define COM1 0x3f8

/* ---- A serial port -----------------------------------------------------------------------------
 */

static bool the_port_exists, the_port_is_stuck;
static uint8_t the_scratch, the_line_control;
static unsigned the_divisor, the_reads;
static char the_wire[8192];
static size_t the_wire_length;

uint8_t cpu_inb(uint16_t port)
{
    the_reads++;
    if (!the_port_exists)
        return 0xff;
    if (port == COM1 + 7)
        return the_scratch;
    if (port == COM1 + 5)
        return the_port_is_stuck ? 0x00 : 0x60;
    return 0;
}

void cpu_outb(uint16_t port, uint8_t value)
{
    if (!the_port_exists)
        return;
    if (port == COM1 + 7)
        the_scratch = value;
    else if (port == COM1 + 3)
        the_line_control = value;
    else if (port == COM1 && (the_line_control & 0x80))
        the_divisor = value;
    else if (port == COM1)
        the_wire[the_wire_length++] = (char)value;
}

/* ---- A screen ----------------------------------------------------------------------------------
 */

static struct bootinfo_framebuffer the_framebuffer;
static char the_picture[1024];

void screen_init(const struct bootinfo_framebuffer *framebuffer)
{
    assert_ptr_equal(framebuffer, &the_framebuffer);
}

void screen_line(const char *text, size_t length)
{
    strncat(the_picture, text, length);
}

/* ---- A firmware --------------------------------------------------------------------------------
 */

static EFI_SYSTEM_TABLE the_st;
static EFI_BOOT_SERVICES the_bs;
static SIMPLE_TEXT_OUTPUT_INTERFACE the_console;
static char the_screen[8192];
static bool the_console_has_uart, the_serial_is_driven;

/* Two device paths: a display's, and that of a terminal on a serial line. */
static const unsigned char display_path[] = {2, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 0xff, 4, 0};
static const unsigned char serial_path[] = {2, 1,  12, 0, 0, 0, 0, 0,    0,    0, 0, 0,
                                            3, 14, 19, 0, 0, 0, 0, 0,    0,    0, 0, 0,
                                            0, 0,  0,  0, 0, 0, 0, 0x7f, 0xff, 4, 0};
static const unsigned char broken_path[] = {2, 1, 0, 0};

static EFI_STATUS EFIAPI output(SIMPLE_TEXT_OUTPUT_INTERFACE *self, CHAR16 *text)
{
    size_t n = strlen(the_screen);

    assert_ptr_equal(self, &the_console);
    for (; *text; text++)
        the_screen[n++] = (char)*text;
    the_screen[n] = '\0';
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI locate_handles(EFI_LOCATE_SEARCH_TYPE how, EFI_GUID *guid, void *key,
                                        UINTN *count, EFI_HANDLE **out)
{
    (void)how;
    (void)guid;
    (void)key;
    *count = 3;
    *out = calloc(3, sizeof(EFI_HANDLE));
    (*out)[0] = (void *)(uintptr_t)broken_path;
    (*out)[1] = (void *)(uintptr_t)display_path;
    (*out)[2] = (void *)(uintptr_t)(the_console_has_uart ? serial_path : display_path);
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI handle_protocol(EFI_HANDLE handle, EFI_GUID *guid, void **out)
{
    (void)guid;
    *out = handle;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI locate_protocol(EFI_GUID *guid, void *key, void **out)
{
    (void)guid;
    (void)key;
    *out = NULL;
    return the_serial_is_driven ? EFI_SUCCESS : EFI_NOT_FOUND;
}

static EFI_STATUS EFIAPI free_pool(void *memory)
{
    free(memory);
    return EFI_SUCCESS;
}

static int set_up(void **state)
{
    (void)state;
    the_bs = (EFI_BOOT_SERVICES){.LocateHandleBuffer = locate_handles,
                                 .HandleProtocol = handle_protocol,
                                 .LocateProtocol = locate_protocol,
                                 .FreePool = free_pool};
    the_console = (SIMPLE_TEXT_OUTPUT_INTERFACE){.OutputString = output};
    the_st = (EFI_SYSTEM_TABLE){.BootServices = &the_bs, .ConOut = &the_console};
    the_port_exists = true;
    the_port_is_stuck = the_console_has_uart = the_serial_is_driven = false;
    the_divisor = the_reads = 0;
    the_wire_length = 0;
    memset(the_wire, 0, sizeof(the_wire));
    memset(the_screen, 0, sizeof(the_screen));
    return 0;
}

static void expect(const char *screen, const char *wire)
{
    assert_string_equal(the_screen, screen);
    assert_string_equal(the_wire, wire);
}

static void by_the_firmware_alone(void **state)
{
    (void)state;
    the_console_has_uart = the_serial_is_driven = true;
    log_init(&the_st);
    log_line("one %d", 1);
    expect("firstlight: one 1\r\n", "");
}

static void by_hand(void **state)
{
    (void)state;
    log_init(&the_st);
    log_refuse(REFUSE_EMPTY, "two");
    expect("firstlight: refused: two [E10]\r\n", "firstlight: refused: two [E10]\r\n");
    assert_int_equal(the_divisor, 1);
    assert_int_equal(the_line_control, 3);
}

static void by_hand_at_the_speed_of_the_firmware(void **state)
{
    (void)state;
    the_serial_is_driven = true;
    log_init(&the_st);
    log_line("x");
    expect("firstlight: x\r\n", "firstlight: x\r\n");
    assert_int_equal(the_divisor, 0);
}

static void no_port(void **state)
{
    (void)state;
    the_port_exists = false;
    log_init(&the_st);
    log_line("x");
    expect("firstlight: x\r\n", "");
    assert_true(the_reads < 10);
}

static void stuck_port(void **state)
{
    (void)state;
    the_port_is_stuck = true;
    log_init(&the_st);
    log_line("x");
    log_line("y");
    expect("firstlight: x\r\nfirstlight: y\r\n", "");
    assert_true(the_reads < 1000000); /* waited for once, not for each character */
}

static void no_console(void **state)
{
    (void)state;
    the_st.ConOut = NULL;
    log_init(&the_st);
    log_line("x");
    expect("", "firstlight: x\r\n");
}

static void without_firmware(void **state)
{
    (void)state;
    the_console_has_uart = true;
    log_init(&the_st);
    log_line("x");
    log_leave_firmware(&the_framebuffer);
    log_line("y");
    expect("firstlight: x\r\n", "firstlight: y\r\n");
    assert_string_equal(the_picture, "firstlight: y");
}

/* A sentence that is too long loses its end, not its code. */
static void the_code_is_not_pushed_out(void **state)
{
    char word[400];

    (void)state;
    memset(word, 'x', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    log_init(&the_st);
    log_refuse(REFUSE_HANDOVER, "%s", word);
    assert_non_null(strstr(the_screen, "xxx [E25]\r\n"));
}

static void shown_as_it_is(void **state)
{
    (void)state;
    log_init(&the_st);
    log_show("\rone\ntwo");
    expect("\rone\r\ntwo", "\rone\r\ntwo");
}

static void remembered(void **state)
{
    size_t length;

    (void)state;
    log_init(&the_st);
    log_line("one");
    log_refuse(REFUSE_CHECKSUM, "two");
    const char *text = log_text(&length);
    assert_int_equal(length, 47);
    assert_memory_equal(text, "firstlight: one\nfirstlight: refused: two [E16]\n", 47);
}

/* Lines that are too long are cut, and a log that is full keeps its beginning. */
static void bounds(void **state)
{
    static char longer[1000];
    size_t length;

    (void)state;
    memset(longer, 'a', sizeof(longer) - 1);
    log_init(&the_st);
    log_line("first");
    for (unsigned i = 0; i < 20; i++)
        log_line("%s\xc3\xa4", longer);
    const char *text = log_text(&length);
    assert_true(length <= LOG_CAPACITY);
    assert_memory_equal(text, "firstlight: first\nfirstlight: aaa", 33);
    assert_int_equal(text[length - 1], '\n');
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(by_the_firmware_alone),
        TEST(by_hand),
        TEST(by_hand_at_the_speed_of_the_firmware),
        TEST(no_port),
        TEST(stuck_port),
        TEST(no_console),
        TEST(without_firmware),
        TEST(the_code_is_not_pushed_out),
        TEST(shown_as_it_is),
        TEST(remembered),
        TEST(bounds),
    };

    return cmocka_run_group_tests_name("loader_log", tests, NULL, NULL);
}
