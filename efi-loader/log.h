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

#define LOG_CAPACITY 4096

void log_init(EFI_SYSTEM_TABLE *st);

/* One line, without its end. "firstlight: " is put in front. */
PRINTF_LIKE(1, 2) void log_line(const char *format, ...);

/* The one sentence that says why nothing is started: "refused: " is put in front. */
PRINTF_LIKE(1, 2) void log_refuse(const char *format, ...);

/* From the first attempt to leave boot services on: no firmware is called any more, lines go to
 * the first serial port if there is one. */
void log_leave_firmware(void);

/* All lines so far, each ended by \n. */
const char *log_text(size_t *length);
