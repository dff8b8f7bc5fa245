/* SPDX-License-Identifier: MIT */
/*
 * JSON (RFC 8259) by skipping over values.
 *
 * json_skip is the grammar: it returns what follows a value, or NULL where there is none. The other
 * functions walk with it over text that json_check has been over, and so need no second opinion.
 */
#include "rootfs/usr/src/check/json.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH 16

static const char *blanks(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

static const char *skip_string(const char *at)
{
    if (*at++ != '"')
        return NULL;
    for (; *at != '"'; at++) {
        if ((unsigned char)*at < 0x20)
            return NULL; /* the end of the text, too */
        if (*at != '\\')
            continue;
        at++;
        if (*at == 'u' && strspn(at + 1, "0123456789abcdefABCDEF") >= 4)
            at += 4;
        else if (!*at || !strchr("\"\\/bfnrt", *at))
            return NULL;
    }
    return at + 1;
}

static const char *skip_digits(const char *at)
{
    size_t n = strspn(at, "0123456789");

    return n ? at + n : NULL;
}

static const char *skip_number(const char *at)
{
    at += *at == '-';
    at = *at == '0' ? at + 1 : skip_digits(at);
    if (at && *at == '.')
        at = skip_digits(at + 1);
    if (at && (*at == 'e' || *at == 'E')) {
        at++;
        at = skip_digits(at + (*at == '+' || *at == '-'));
    }
    return at;
}

static const char *skip_word(const char *at)
{
    static const char *const words[] = {"true", "false", "null"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strncmp(at, words[i], strlen(words[i])) == 0)
            return at + strlen(words[i]);
    return skip_number(at);
}

static const char *json_skip(const char *at, unsigned depth);

/* The key, the colon and the blanks around it. */
static const char *skip_key(const char *at)
{
    at = skip_string(at);
    if (!at)
        return NULL;
    at = blanks(at);
    return *at == ':' ? blanks(at + 1) : NULL;
}

static const char *skip_list(const char *at, char end, unsigned depth)
{
    at = blanks(at + 1);
    if (*at == end)
        return at + 1;
    for (;;) {
        if (end == '}')
            at = skip_key(at);
        at = at ? json_skip(at, depth) : NULL;
        if (!at)
            return NULL;
        at = blanks(at);
        if (*at == end)
            return at + 1;
        if (*at != ',')
            return NULL;
        at = blanks(at + 1);
    }
}

static const char *json_skip(const char *at, unsigned depth)
{
    if (depth == 0)
        return NULL;
    switch (*at) {
    case '{':
        return skip_list(at, '}', depth - 1);
    case '[':
        return skip_list(at, ']', depth - 1);
    case '"':
        return skip_string(at);
    default:
        return skip_word(at);
    }
}

bool json_check(const char *text)
{
    const char *end = json_skip(blanks(text), DEPTH);

    return end && !*blanks(end);
}

const char *json_first(const char *array)
{
    if (!array || *array != '[')
        return NULL;
    array = blanks(array + 1);
    return *array == ']' ? NULL : array;
}

const char *json_next(const char *element)
{
    const char *at = blanks(json_skip(element, DEPTH));

    return *at == ',' ? blanks(at + 1) : NULL;
}

const char *json_member(const char *object, const char *key)
{
    size_t length = strlen(key);
    const char *at;

    if (!object || *(object = blanks(object)) != '{')
        return NULL;
    at = blanks(object + 1);
    while (*at == '"') {
        bool same = strncmp(at + 1, key, length) == 0 && at[length + 1] == '"';

        at = skip_key(at);
        if (same)
            return at;
        at = json_next(at);
        if (!at)
            return NULL;
    }
    return NULL;
}

uint64_t json_number(const char *value, uint64_t without)
{
    return value && *value >= '0' && *value <= '9' ? strtoull(value, NULL, 10) : without;
}

bool json_is(const char *value, const char *word)
{
    size_t length = strlen(word);

    if (!value)
        return false;
    if (*value == '"')
        return strncmp(value + 1, word, length) == 0 && value[length + 1] == '"';
    return strncmp(value, word, length) == 0;
}

const char *json_string(const char *value, char *to, size_t size)
{
    size_t n = 0;

    if (value && *value == '"') {
        const char *end = skip_string(value) - 1;

        for (value++; value < end && n < size - 1; value++) {
            char c = *value;

            if (c == '\\') {
                c = *++value;
                value += c == 'u' ? 4 : 0;
                c = strchr("\"\\/", c) ? c : '?';
            }
            to[n++] = c;
        }
    }
    to[n] = '\0';
    return to;
}
