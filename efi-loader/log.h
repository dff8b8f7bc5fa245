/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/log.h - what the loader says, on screen, on the serial line and to the kernel
 *
 * Owns:    the text of everything said, and the choice of where it goes: the firmware's console;
 *          the first serial port by hand only if no console of the firmware is a serial line.
 * Used by: every file of the loader that prints.
 * Fails:   never: a device that is missing or stuck is left out, after a bounded wait.
 */
#pragma once

#include "efi-loader/efi.h"
#include "kernel/lib/util.h"
#include "shared/bootinfo.h"

#define LOG_CAPACITY 4096

void log_init(EFI_SYSTEM_TABLE *st);

/* One line, without its end. "firstlight: " is put in front. */
PRINTF_LIKE(1, 2) void log_line(const char *format, ...);

/* Why nothing is started: a short code that people can ask about, [E01] and so on. Numbers keep
 * their meaning for good; the table of README.md explains them. */
enum refusal {
    REFUSE_SOURCE = 1,
    REFUSE_NX = 2,
    REFUSE_DIRECTORY = 4,
    REFUSE_MISSING = 5,
    REFUSE_IS_DIRECTORY = 6,
    REFUSE_TOO_LARGE = 7,
    REFUSE_FILE_MEMORY = 8,
    REFUSE_UNREADABLE = 9,
    REFUSE_EMPTY = 10,
    REFUSE_OPTIONS_SIZE = 11,
    REFUSE_CONFIG = 12,
    REFUSE_CONFIG_SIZE = 13,
    REFUSE_CHECKSUMS = 14,
    REFUSE_SIZE = 15,
    REFUSE_CHECKSUM = 16,
    REFUSE_KERNEL_MEMORY = 17,
    REFUSE_KERNEL = 18,
    REFUSE_TABLE_MEMORY = 19,
    REFUSE_MEMORY_MAP = 20,
    REFUSE_EXECUTION = 21,
    REFUSE_EXIT = 22, /* from here on the machine is reset */
    REFUSE_LAST_MAP = 23,
    REFUSE_LAST_TABLES = 24,
    REFUSE_HANDOVER = 25,
};

/* The one sentence that says why nothing is started: "refused: " is put in front, the code behind.
 */
PRINTF_LIKE(2, 3) void log_refuse(enum refusal code, const char *format, ...);

/* Text for the person before the screen, as it is: \n begins a line, \r goes back to the start of
 * one. It is not kept. */
void log_show(const char *text);

/* From the first attempt to leave boot services on: no firmware is called any more, lines go to
 * the first serial port if there is one, and to the screen if it is a framebuffer. */
void log_leave_firmware(const struct bootinfo_framebuffer *screen);

/* All lines so far, each ended by \n. */
const char *log_text(size_t *length);
