/* SPDX-License-Identifier: MIT */
/*
 * Messages: to the firmware's console, to the serial port, and into the hand-over block.
 *
 * After ExitBootServices was tried the console is gone: lines go to the port, and are drawn.
 *
 * The console may already be on the serial line. Then writing to the port as well would double
 * every line, so the device paths of the console's devices are searched for a UART, and the port is
 * written directly only if there is none.
 *
 * Every line is kept, up to LOG_CAPACITY, and is part of the hand-over block.
 */
#include "efi-loader/log.h"
#include "efi-loader/cpu.h"
#include "efi-loader/screen.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"

#define LINE_CAPACITY 256
#define CODE_LENGTH   6 /* " [E01]", which no sentence is long enough to push out */

/* 16550 registers of the first serial port. */
#define COM1         0x3f8
#define COM1_IER     (COM1 + 1)
#define COM1_FCR     (COM1 + 2)
#define COM1_LCR     (COM1 + 3)
#define COM1_MCR     (COM1 + 4)
#define COM1_LSR     (COM1 + 5)
#define COM1_SCRATCH (COM1 + 7)
#define LCR_8N1      0x03
#define LCR_DIVISOR  0x80
#define FCR_ON       0x07 /* enabled, both queues emptied */
#define MCR_DTR_RTS  0x03
#define LSR_EMPTY    0x20
#define MAX_POLLS    100000 /* far more than a byte takes at 9,600 baud */

/* Device path node of a serial line: UEFI 2.10 section 10.3.4.18. */
#define PATH_MESSAGING 3
#define PATH_UART      14
#define PATH_END       0x7f
#define MAX_PATH_NODES 32

static struct {
    SIMPLE_TEXT_OUTPUT_INTERFACE *console;
    bool port;  /* the serial port is written by hand */
    bool drawn; /* the firmware is gone */
    size_t length;
    char text[LOG_CAPACITY];
} the_log;

/* True if one of the nodes is a serial line. Bounded, and ended by a node shorter than its header:
 * a damaged path must not loop. */
static bool path_has_uart(const EFI_DEVICE_PATH *node)
{
    for (unsigned i = 0; i < MAX_PATH_NODES; i++) {
        unsigned length = node->Length[0] | (unsigned)node->Length[1] << 8;

        if (node->Type == PATH_MESSAGING && node->SubType == PATH_UART)
            return true;
        if ((node->Type & PATH_END) == PATH_END || length < sizeof(*node))
            return false;
        node = (const EFI_DEVICE_PATH *)((const char *)node + length);
    }
    return false;
}

/* EDK II tags the devices behind ConOut; other firmware may have no such tag, which counts as no
 * serial console. */
static bool console_has_uart(EFI_BOOT_SERVICES *bs)
{
    static EFI_GUID tag = EFI_CONSOLE_OUT_DEVICE_GUID, path_guid = EFI_DEVICE_PATH_PROTOCOL_GUID;
    EFI_HANDLE *handles;
    UINTN count;
    bool found = false;

    if (EFI_ERROR(bs->LocateHandleBuffer(ByProtocol, &tag, NULL, &count, &handles)))
        return false;
    for (UINTN i = 0; i < count && !found; i++) {
        EFI_DEVICE_PATH *path;

        if (!EFI_ERROR(bs->HandleProtocol(handles[i], &path_guid, (void **)&path)) && path)
            found = path_has_uart(path);
    }
    bs->FreePool(handles);
    return found;
}

/* A port that is not there reads all ones and keeps nothing. */
static bool port_exists(void)
{
    cpu_outb(COM1_SCRATCH, 0x5a);
    return cpu_inb(COM1_LSR) != 0xff && cpu_inb(COM1_SCRATCH) == 0x5a;
}

static void port_set_up(void)
{
    cpu_outb(COM1_IER, 0);
    cpu_outb(COM1_LCR, LCR_DIVISOR | LCR_8N1);
    cpu_outb(COM1, 1); /* 115,200 baud */
    cpu_outb(COM1_IER, 0);
    cpu_outb(COM1_LCR, LCR_8N1);
    cpu_outb(COM1_FCR, FCR_ON);
    cpu_outb(COM1_MCR, MCR_DTR_RTS);
}

void log_init(EFI_SYSTEM_TABLE *st)
{
    static EFI_GUID serial_guid = EFI_SERIAL_IO_PROTOCOL_GUID;
    void *serial;

    the_log.console = st->ConOut;
    the_log.length = 0;
    the_log.port = the_log.drawn = false;
    if (console_has_uart(st->BootServices) || !port_exists())
        return;
    /* Where firmware drives the port without showing its console there, its speed is kept. */
    if (EFI_ERROR(st->BootServices->LocateProtocol(&serial_guid, NULL, &serial)))
        port_set_up();
    the_log.port = true;
}

/* A port that does not take a byte for long is given up for good: no line may hang the loader. */
static void port_put(char c)
{
    unsigned polls = 0;

    while (!(cpu_inb(COM1_LSR) & LSR_EMPTY)) {
        if (++polls == MAX_POLLS) {
            the_log.port = false;
            return;
        }
    }
    cpu_outb(COM1, (uint8_t)c);
}

/* The console knows UCS-2; messages are ASCII but for names of the firmware. */
static void show(const char *line, size_t length)
{
    CHAR16 wide[LINE_CAPACITY + 3];
    size_t n = 0;

    if (the_log.port) {
        for (size_t i = 0; i < length && the_log.port; i++)
            port_put(line[i]);
        port_put('\r');
        port_put('\n');
    }
    if (the_log.drawn)
        screen_line(line, length);
    if (!the_log.console)
        return;
    for (; n < length; n++)
        wide[n] = (unsigned char)line[n] < 0x80 ? (CHAR16)line[n] : u'?';
    wide[n++] = u'\r';
    wide[n++] = u'\n';
    wide[n] = 0;
    the_log.console->OutputString(the_log.console, wide);
}

/* What does not fit is left out, whole lines at a time. */
static void remember(const char *line, size_t length)
{
    if (the_log.length + length + 1 >= sizeof(the_log.text))
        return;
    memcpy(the_log.text + the_log.length, line, length);
    the_log.length += length;
    the_log.text[the_log.length++] = '\n';
}

/* code 0: none. */
PRINTF_LIKE(3, 0)
static void say(const char *prefix, unsigned code, const char *format, va_list args)
{
    char line[LINE_CAPACITY];
    const size_t room = sizeof(line) - CODE_LENGTH;
    size_t length = fmt_print(line, room, "firstlight: %s", prefix);

    length += fmt_vprint(line + length, room - length, format, args);
    length = MIN(length, room - 1);
    if (code)
        length += fmt_print(line + length, CODE_LENGTH + 1, " [E%02u]", code);
    remember(line, length);
    show(line, length);
}

void log_line(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say("", 0, format, args);
    va_end(args);
}

void log_refuse(enum refusal code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say("refused: ", code, format, args);
    va_end(args);
}

/* A character at a time: nothing here is long. Both kinds of console want \r before \n. */
void log_show(const char *text)
{
    for (; *text; text++) {
        CHAR16 wide[] = {(CHAR16)(unsigned char)*text, 0};

        if (*text == '\n')
            log_show("\r");
        if (the_log.port)
            port_put(*text);
        if (the_log.console)
            the_log.console->OutputString(the_log.console, wide);
    }
}

/* From the first attempt to leave boot services on. */
void log_leave_firmware(const struct bootinfo_framebuffer *screen)
{
    the_log.console = NULL;
    screen_init(screen);
    the_log.drawn = true;
    the_log.port = port_exists();
}

const char *log_text(size_t *length)
{
    *length = the_log.length;
    return the_log.text;
}
