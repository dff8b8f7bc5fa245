/* SPDX-License-Identifier: MIT */
/*
 * Keyboards: scan codes, modifiers, layouts.
 *
 * Scan code set 1 is what the keyboard controller makes of every keyboard while its translation is
 * on: a byte for each key, with bit 7 set on release. 0xe0 introduces keys that the first PC did
 * not have; some of them wrap a false Shift around themselves, which has no key code here and so
 * disappears. 0xe1 introduces Pause, whose two bytes are skipped.
 *
 * A lost release leaves a modifier held until its key is pressed again; nothing waits for it.
 */
#include "kernel/lib/keyboard.h"

#include "kernel/lib/string.h"

#define RELEASED    0x80
#define PREFIX_MORE 0xe0
#define PREFIX_SKIP 0xe1
#define SKIP_BYTES  2 /* behind 0xe1 */
#define OVERRUN     0xff

/* Linux's key codes, <linux/input-event-codes.h>. */
enum {
    KEY_CTRL = 29,
    KEY_SHIFT = 42,
    KEY_SHIFT_RIGHT = 54,
    KEY_ALT = 56,
    KEY_SPACE = 57,
    KEY_CAPS = 58,
    KEY_F1 = 59,
    KEY_F5 = 63,
    KEY_F10 = 68,
    KEY_PAD = 71,
    KEY_PAD_LAST = 83,
    KEY_LAST_PLAIN = 88,
    KEY_PAD_ENTER = 96,
    KEY_CTRL_RIGHT = 97,
    KEY_PAD_SLASH = 98,
    KEY_ALTGR = 100,
};

enum held {
    HELD_SHIFT = 1,
    HELD_SHIFT_RIGHT = 2,
    HELD_CTRL = 4,
    HELD_CTRL_RIGHT = 8,
    HELD_ALT = 16,
    HELD_ALTGR = 32,
};

/* A scan code and its key. */
struct pair {
    uint8_t code, key;
};

static uint8_t key_find(const struct pair *pairs, size_t npairs, uint8_t code)
{
    for (size_t i = 0; i < npairs; i++) {
        if (pairs[i].code == code)
            return pairs[i].key;
    }
    return 0;
}

/* Behind 0xe0: the second Enter, Ctrl and slash, AltGr, the block of cursor keys, the keys with
 * logos. */
static uint8_t key_extended(uint8_t code)
{
    static const struct pair pairs[] = {
        {0x1c, KEY_PAD_ENTER}, {0x1d, KEY_CTRL_RIGHT},
        {0x35, KEY_PAD_SLASH}, {0x38, KEY_ALTGR},
        {0x47, 102},           {0x48, 103},
        {0x49, 104},           {0x4b, 105},
        {0x4d, 106},           {0x4f, 107},
        {0x50, 108},           {0x51, 109},
        {0x52, 110},           {0x53, 111},
        {0x5b, 125},           {0x5c, 126},
        {0x5d, 127},
    };

    return key_find(pairs, ARRAY_SIZE(pairs), code);
}

/* Without a prefix code and key are the same number, but for three keys of Japanese and Brazilian
 * keyboards. */
static uint8_t key_plain(uint8_t code)
{
    static const struct pair pairs[] = {{0x73, 89}, {0x7d, 124}, {0x7e, 121}};

    return code <= KEY_LAST_PLAIN ? code : key_find(pairs, ARRAY_SIZE(pairs), code);
}

bool keyboard_decode(struct keyboard *keyboard, uint8_t byte, struct key_event *event)
{
    uint8_t prefix = keyboard->prefix;
    uint8_t code = byte & (uint8_t)~RELEASED;

    keyboard->prefix = 0;
    if (byte == PREFIX_MORE)
        keyboard->prefix = PREFIX_MORE;
    else if (byte == PREFIX_SKIP)
        keyboard->prefix = SKIP_BYTES;
    else if (prefix && prefix <= SKIP_BYTES)
        keyboard->prefix = prefix - 1;
    else if (byte != OVERRUN) {
        event->key = prefix == PREFIX_MORE ? key_extended(code) : key_plain(code);
        event->pressed = !(byte & RELEASED);
        return event->key != 0;
    }
    return false;
}

static uint8_t modifier_of(uint8_t key)
{
    static const struct pair pairs[] = {
        {KEY_SHIFT, HELD_SHIFT}, {KEY_SHIFT_RIGHT, HELD_SHIFT_RIGHT},
        {KEY_CTRL, HELD_CTRL},   {KEY_CTRL_RIGHT, HELD_CTRL_RIGHT},
        {KEY_ALT, HELD_ALT},     {KEY_ALTGR, HELD_ALTGR},
    };

    return key_find(pairs, ARRAY_SIZE(pairs), key);
}

bool keyboard_is_modifier(uint8_t key)
{
    return modifier_of(key) || key == KEY_CAPS;
}

/* The control characters are the columns @A-Z[\]^_ of ASCII; a key that has none types itself. */
static uint16_t control_of(uint16_t character)
{
    if (character == ' ')
        return 0;
    if (character == '?')
        return 0x7f;
    if ((character >= '@' && character <= '_') || (character >= 'a' && character <= 'z'))
        return character & 0x1f;
    return character;
}

/* What the layout says, or the keypad, which is the same in all of them. 0: nothing. */
static uint16_t character_of(const struct keyboard *keyboard, const struct keymap *map, uint8_t key)
{
    static const char pad[] = "789-456+1230.";
    unsigned level = (keyboard->held & (HELD_SHIFT | HELD_SHIFT_RIGHT) ? 1 : 0) +
                     (keyboard->held & HELD_ALTGR ? 2 : 0);
    uint16_t character = map->levels[level][key];

    if ((character & KEYMAP_LETTER) && keyboard->caps)
        character = map->levels[level ^ 1][key];
    if (character)
        return character & (uint16_t)~KEYMAP_LETTER;
    if (key >= KEY_PAD && key <= KEY_PAD_LAST)
        return (uint8_t)pad[key - KEY_PAD];
    return key == KEY_PAD_ENTER ? '\r' : key == KEY_PAD_SLASH ? '/' : 0;
}

/* Keys that type a sequence: of Linux's console, terminfo's "linux". */
static const char *sequence_of(uint8_t key)
{
    static const struct {
        uint8_t key;
        char text[6];
    } sequences[] = {
        {102, "\033[1~"}, {103, "\033[A"},  {104, "\033[5~"}, {105, "\033[D"},  {106, "\033[C"},
        {107, "\033[4~"}, {108, "\033[B"},  {109, "\033[6~"}, {110, "\033[2~"}, {111, "\033[3~"},
        {59, "\033[[A"},  {60, "\033[[B"},  {61, "\033[[C"},  {62, "\033[[D"},  {63, "\033[[E"},
        {64, "\033[17~"}, {65, "\033[18~"}, {66, "\033[19~"}, {67, "\033[20~"}, {68, "\033[21~"},
        {87, "\033[23~"}, {88, "\033[24~"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(sequences); i++) {
        if (sequences[i].key == key)
            return sequences[i].text;
    }
    return NULL;
}

/* Layouts have characters of 16 bits, without surrogates: three bytes at most. */
static size_t utf8_put(char *text, uint16_t character)
{
    if (character < 0x80) {
        text[0] = (char)character;
        return 1;
    }
    if (character < 0x800) {
        text[0] = (char)(0xc0 | character >> 6);
        text[1] = (char)(0x80 | (character & 0x3f));
        return 2;
    }
    text[0] = (char)(0xe0 | character >> 12);
    text[1] = (char)(0x80 | (character >> 6 & 0x3f));
    text[2] = (char)(0x80 | (character & 0x3f));
    return 3;
}

/* Caps Lock changes at the press, not at its repetitions. */
static void modifiers_note(struct keyboard *keyboard, const struct key_event *event)
{
    uint8_t modifier = modifier_of(event->key);

    if (event->pressed)
        keyboard->held |= modifier;
    else
        keyboard->held &= (uint8_t)~modifier;
    if (event->key != KEY_CAPS)
        return;
    keyboard->caps ^= event->pressed && !keyboard->caps_held;
    keyboard->caps_held = event->pressed;
}

size_t keyboard_text(struct keyboard *keyboard, const struct keymap *map,
                     const struct key_event *event, char text[KEYBOARD_TEXT_MAX])
{
    const char *sequence = sequence_of(event->key);
    bool control = keyboard->held & (HELD_CTRL | HELD_CTRL_RIGHT);
    uint16_t character;
    size_t nbytes = 0;

    modifiers_note(keyboard, event);
    if (!event->pressed || event->key >= KEYMAP_KEYS || keyboard_is_modifier(event->key))
        return 0;
    if (sequence) {
        nbytes = strlen(sequence);
        memcpy(text, sequence, nbytes);
        return nbytes;
    }
    character = character_of(keyboard, map, event->key);
    if (!character)
        return 0;
    if (keyboard->held & HELD_ALT)
        text[nbytes++] = '\033';
    return nbytes + utf8_put(text + nbytes, control ? control_of(character) : character);
}

/* The keys from Escape to the space bar, in two rows of strings; the modifiers among them are 0. */
void keymap_default(struct keymap *map)
{
    static const char plain[] =
        "\033"
        "1234567890-=\x7f\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
    static const char shifted[] =
        "\033"
        "!@#$%^&*()_+\x7f\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";
    _Static_assert(sizeof(plain) == KEY_SPACE + 1 && sizeof(shifted) == sizeof(plain), "a row");

    memset(map, 0, sizeof(*map));
    for (unsigned i = 0; i < KEY_SPACE; i++) {
        uint16_t letter = plain[i] >= 'a' && plain[i] <= 'z' ? KEYMAP_LETTER : 0;

        map->levels[0][i + 1] = letter | (uint8_t)plain[i];
        map->levels[1][i + 1] = letter | (uint8_t)shifted[i];
    }
    map->levels[0][86] = '<'; /* the key beside the left Shift, where there is one */
    map->levels[1][86] = '>';
}
