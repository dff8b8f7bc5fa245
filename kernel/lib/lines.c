/* SPDX-License-Identifier: MIT */
/*
 * Lines of a text file, with the endings that editors on other systems leave.
 */
#include "kernel/lib/lines.h"

#include "kernel/lib/string.h"
#include "kernel/lib/utf8.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* A byte order mark, CR LF, and a last line without a newline are accepted: boot files are written
 * on any system, often by hand. */
bool line_next(const char *text, size_t size, size_t *position, struct line *out)
{
    const char *start, *newline;
    /* Without the newline, and without the CR before it. */
    size_t length;

    if (*position == 0 && size >= 3 && memcmp(text, BYTE_ORDER_MARK, 3) == 0)
        *position = 3;
    if (*position >= size)
        return false;
    start = text + *position;
    newline = memchr(start, '\n', size - *position);
    length = newline ? (size_t)(newline - start) : size - *position;
    *position += length + (newline != NULL);
    if (length > 0 && start[length - 1] == '\r')
        length--;
    *out = (struct line){start, length};
    return true;
}

/* The reasons are for the person at the editor. */
const char *line_fault(const struct line *line)
{
    for (size_t i = 0; i < line->length; i++) {
        uint8_t byte = (uint8_t)line->text[i];

        if (byte == 0)
            return "a NUL byte (is the file UTF-16? save it as UTF-8)";
        if ((byte < ' ' && byte != '\t') || byte == 0x7f)
            return "a control character";
    }
    return utf8_is_text(line->text, line->length) ? NULL : "bytes that are not UTF-8";
}

/* Blanks are space and tab; nothing is copied, the line only becomes a part of itself. */
struct line line_trim(struct line line)
{
    while (line.length > 0 && is_blank(line.text[0])) {
        line.text++;
        line.length--;
    }
    while (line.length > 0 && is_blank(line.text[line.length - 1]))
        line.length--;
    return line;
}
