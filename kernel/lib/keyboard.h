/* SPDX-License-Identifier: MIT */
/*
 * lib/keyboard.h - from what a PC keyboard sends to what a terminal reads
 *
 * Steps:   scan code set 1 -> key, by Linux's key codes, pressed or released -> bytes of UTF-8, by
 *          the modifiers that are held and a layout.
 * Format:  a layout gives each key a character in four levels: plain, Shift, AltGr, both. It has
 *          0 where the key means nothing, and KEYMAP_LETTER where Caps Lock exchanges the level.
 *          Cursor and function keys send what Linux's console sends; Alt puts an escape in front.
 * Used by: dev/input.c.
 * Context: any; no allocation. One caller at a time for each struct.
 * Tests:   tests/host/keyboard_test.c
 */
#pragma once

#include "kernel/lib/util.h"

#define KEYMAP_KEYS   128
#define KEYMAP_LEVELS 4
#define KEYMAP_LETTER 0x8000u

struct keymap {
    uint16_t levels[KEYMAP_LEVELS][KEYMAP_KEYS];
};

/* That of the United States, which needs no file. */
void keymap_default(struct keymap *map);

/* A file of layouts (tools/mkkeymaps.py) is a row of these. */
struct keymap_record {
    char name[32]; /* ends with a NUL */
    struct keymap map;
};

/* All zero: no key has been seen yet. */
struct keyboard {
    uint8_t prefix; /* the bytes before this one: 0, 0xe0, or how many to skip */
    uint8_t held;   /* modifiers, a bit each */
    bool caps_held; /* the key itself: it repeats while it is held */
    bool caps;      /* what it has switched on */
};

struct key_event {
    uint8_t key; /* Linux's key code, below KEYMAP_KEYS */
    bool pressed;
};

/* Takes the next byte. False: it does not complete a key that there is a code for. */
bool keyboard_decode(struct keyboard *keyboard, uint8_t byte, struct key_event *event);

#define KEYBOARD_TEXT_MAX 8

/* The bytes that an event types; most releases and modifiers none: 0. */
size_t keyboard_text(struct keyboard *keyboard, const struct keymap *map,
                     const struct key_event *event, char text[KEYBOARD_TEXT_MAX]);

/* Whether it is one of the keys that only change what others do. */
bool keyboard_is_modifier(uint8_t key);
