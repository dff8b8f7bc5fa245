/* SPDX-License-Identifier: MIT */
/*
 * dev/input.h - keys, from whatever keyboards there are to whatever reads them
 *
 * Owns:    the keyboard of the PC's controller, the layout, the thread that turns keys into text,
 *          and the count of keys, for those that wait for any.
 * Rule:    the interrupt only stores bytes; the thread delivers text to one reader, the terminal of
 *          the screen. Without a reader keys are counted and go nowhere.
 * Context: threads.
 * Fails:   without a keyboard nothing is ever delivered; that is no error.
 * Tests:   tests/system/test_keys.py
 */
#pragma once

#include "kernel/lib/util.h"

/* After the scheduler runs. -ENOMEM. */
MUST_CHECK int input_init(void);

/* Whether there is a keyboard, or may be one when it is plugged in. */
bool input_present(void);

/* The layout of that name, from the root file system. -ENOENT: there is none. */
MUST_CHECK int input_set_layout(const char *name);

/* Text goes there from now on; it may be any bytes. */
void input_set_reader(void (*reader)(const char *text, size_t nbytes));

/* Called by a thread at every key from now on; NULL: no more. */
void input_set_hook(void (*hook)(void));

/* A key was pressed on something that is no keyboard of this room (the serial line). */
void input_key_note(void);

/* How many keys were pressed so far; it wraps. Taken before a key is asked for: one that comes
 * while the question is still being printed is an answer to it. */
uint32_t input_key_count(void);

/* Sleeps until some key is pressed that is not in the count: true; or until the time is over. */
bool input_key_wait(uint32_t count, uint64_t timeout_ns);
