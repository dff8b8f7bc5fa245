/* SPDX-License-Identifier: MIT */
/*
 * dev/printer.h - where the log, the report and programs' output go: serial line and screen
 *
 * Owns:    the thread that prints; from its start on, the only caller of screen_report and
 *          screen_flush.
 * Context: start-up.
 * Fails:   -ENOMEM.
 */
#pragma once

#include "kernel/lib/util.h"

void printer_init(void);            /* every call prints, until ... */
MUST_CHECK int printer_start(void); /* ... there is a thread for it */

/* The thread draws text of its own as well, of a terminal on the screen: take gives the next bytes,
 * 0 when there are none. printer_kick, from any context but NMI, says that there are some. */
void printer_set_screen(size_t (*take)(char *bytes, size_t nbytes));
void printer_kick(void);
