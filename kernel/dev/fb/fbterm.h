/* SPDX-License-Identifier: MIT */
/*
 * dev/fb/fbterm.h - text on the linear framebuffer
 *
 * Owns:    the framebuffer; a grid of cells in normal memory, and what of it has been drawn.
 * Rule:    the framebuffer is only ever written. Writing text changes cells; pixels change in
 *          fbterm_flush, cell by cell where something differs. So text is cheap and drawing is paid
 *          by the flush: after a burst, or some ten times a second.
 * Format:  UTF-8; \n goes to the start of the next line, \r, \t, \b as usual; escape sequences as
 *          Linux's console has them (fbterm_escape.c). Other control characters, bad UTF-8 and
 *          characters without a glyph show as a replacement sign. The report has no escape
 *          sequences: its control characters are made visible before. So the first one shows that a
 *          program has the screen, which gets a cursor from then on.
 * Locks:   none: the printing thread makes the calls, or start-up before there is one; a panic
 *          takes over.
 * Context: any but NMI; fbterm_panic_write any.
 * Fails:   without a usable framebuffer fbterm_init says so and every other call does nothing.
 * Tests:   tests/host/plat_fbterm_test.c, tests/host/plat_escape_test.c
 */
#pragma once

#include "kernel/lib/util.h"
#include "shared/bootinfo.h"

/* The number of a colour in escape sequences, its lowest three bits inverted: text is 0. */
enum fbterm_colour {
    FBTERM_GREY, /* text, unless told otherwise */
    FBTERM_DARK_CYAN,
    FBTERM_DARK_MAGENTA,
    FBTERM_DARK_BLUE,
    FBTERM_BROWN,
    FBTERM_DARK_GREEN,
    FBTERM_DARK_RED,
    FBTERM_BLACK,
    FBTERM_WHITE,
    FBTERM_CYAN,
    FBTERM_MAGENTA,
    FBTERM_BLUE,
    FBTERM_YELLOW,
    FBTERM_GREEN,
    FBTERM_RED,
    FBTERM_DIM,
    FBTERM_NCOLOURS
};

/* The framebuffer is mapped at base. Needs nothing else of the kernel, and draws nothing: the first
 * flush clears the screen. -ENODEV: there is none; -EINVAL: the description is not plausible. */
MUST_CHECK COLD int fbterm_init(const struct bootinfo_framebuffer *framebuffer,
                                volatile void *base);
bool fbterm_present(void);

void fbterm_write(const char *bytes, size_t nbytes);

/* Of the text written from now on. */
void fbterm_set_colour(enum fbterm_colour colour);

/* Draws every cell that changed. Returns at once when none did. */
COLD void fbterm_flush(void);

/* A banner over the upper quarter of the screen: text in the largest letters that fit on a ground
 * of that colour. Drawn at once. Text goes on below it. A second banner replaces the first. */
COLD void fbterm_big(const char *text, enum fbterm_colour ground);

/* Write and flush in one. No lock, no allocation; entered again from a fault inside itself it
 * returns at once. */
COLD void fbterm_panic_write(const char *bytes, size_t nbytes);

/* Columns and lines for text; 0 and 0 without a framebuffer. */
void fbterm_size(unsigned *columns, unsigned *lines);
