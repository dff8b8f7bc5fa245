/* SPDX-License-Identifier: MIT */
/* Text in buffers, and the few ways of taking lines of it apart. */
#include "efi-loader/text.h"

#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/lib/utf8.h"

void text_init(struct text *text, char *bytes, size_t size)
{
    *text = (struct text){.bytes = bytes, .size = size};
    bytes[0] = '\0';
}

void text_add_bytes(struct text *text, const char *bytes, size_t nbytes)
{
    if (nbytes >= text->size - text->used) {
        text->cut = true;
        return;
    }
    memcpy(text->bytes + text->used, bytes, nbytes);
    text->used += nbytes;
    text->bytes[text->used] = '\0';
}

void text_add(struct text *text, const char *format, ...)
{
    size_t room = text->size - text->used, length;
    va_list args;

    va_start(args, format);
    length = fmt_vprint(text->bytes + text->used, room, format, args);
    va_end(args);
    if (length < room) {
        text->used += length;
        return;
    }
    text->bytes[text->used] = '\0';
    text->cut = true;
}

bool text_next_line(const char **position, const char *end, const char **line, size_t *length)
{
    const char *at = *position;

    if (at >= end)
        return false;
    *line = at;
    while (at < end && *at != '\n')
        at++;
    *length = (size_t)(at - *line);
    *position = at < end ? at + 1 : at;
    return true;
}

bool text_begins(const char *line, size_t length, const char *prefix)
{
    size_t n = strlen(prefix);

    return length >= n && memcmp(line, prefix, n) == 0;
}

/* The key is a word of its own: " total=" is not found in "subtotal=". */
unsigned text_number(const char *line, size_t length, const char *key)
{
    size_t n = strlen(key);
    unsigned value = 0;

    for (size_t i = 1; i + n < length; i++) {
        if (line[i - 1] != ' ' || line[i + n] != '=' || memcmp(line + i, key, n) != 0)
            continue;
        for (i += n + 1; i < length && line[i] >= '0' && line[i] <= '9' && value < 100000000; i++)
            value = value * 10 + (unsigned)(line[i] - '0');
        return value;
    }
    return 0;
}

/* Some vendors leave a field as it came from the fab. */
static size_t character_copy(char *out, size_t room, const char *from, size_t nbytes)
{
    int length = utf8_length(from, nbytes);

    if (length < 1 || (size_t)length > room || (unsigned char)*from < 0x20 || *from == 0x7f) {
        *out = '?';
        return 1;
    }
    memcpy(out, from, (size_t)length);
    return (size_t)length;
}

void text_clean(char *out, size_t size, const char *from)
{
    const char *end = from + strlen(from);
    size_t used = 0;

    while (from < end && used + 1 < size) {
        size_t n = character_copy(out + used, size - 1 - used, from, (size_t)(end - from));

        used += n;
        from += n;
    }
    while (used > 0 && out[used - 1] == ' ')
        used--;
    out[used] = '\0';
}
