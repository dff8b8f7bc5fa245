/* SPDX-License-Identifier: MIT */
/*
 * dev/fb/screen.h - what the screen shows besides text: how far the plan is, and its verdict
 *
 * Owns:    the lines above the text: test n of m with a bar while the plan runs; at its end PASS or
 *          FAIL in letters a hand high, the counts, the failed tests with their first reasons, and
 *          the place for a QR code. The colours of the report's lines.
 * Used by: selftest, which posts; the printing thread, which draws (screen_flush).
 * Locks:   screen.lock, a spinlock, rank SERIAL, interrupts off: what is posted. Until there is a
 *          printing thread drawing comes under the lock of the log.
 * Context: screen_report and screen_flush: those of fbterm_write; the others threads.
 * Fails:   without a framebuffer every call does nothing.
 * Tests:   tests/host/plat_screen_test.c, tests/system/test_screen.py
 */
#pragma once

#include "kernel/lib/util.h"
#include "shared/bootinfo.h"

/* fbterm_init, with room for the lines above the text. */
MUST_CHECK COLD int screen_init(const struct bootinfo_framebuffer *framebuffer,
                                volatile void *base);

/* So many results will come. */
COLD void screen_begin(unsigned total);
/* The next test runs from now on. */
COLD void screen_test(const char *name);
/* reason: why it failed, or NULL. */
COLD void screen_result(const char *name, const char *reason);
COLD void screen_verdict(bool passed, unsigned npassed, unsigned nfailed, unsigned nskipped);
/* The verdict goes, but for a line: a shell gets the screen, and its size is right from here on. */
COLD void screen_shrink(void);

/* A square in the banner of the verdict, in pixels, once that has been drawn. False: none. */
COLD bool screen_qr_place(unsigned *x, unsigned *y, unsigned *side);

/* Text of the report, each line coloured by its first character. */
COLD void screen_report(const char *bytes, size_t nbytes);
/* Draws what was posted, then the text. */
COLD void screen_flush(void);
