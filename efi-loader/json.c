/* SPDX-License-Identifier: MIT */
/* Strings of devices, which may contain anything and end nowhere. */
#include "efi-loader/json.h"

static bool is_padding(char c)
{
    return c == ' ' || c == '\0';
}

static void trim(const char **from, size_t *nbytes)
{
    while (*nbytes && is_padding((*from)[*nbytes - 1]))
        --*nbytes;
    for (; *nbytes && is_padding(**from); ++*from)
        --*nbytes;
}

void json_string(struct text *out, const void *bytes, size_t nbytes)
{
    const char *from = bytes;

    trim(&from, &nbytes);
    text_add_bytes(out, "\"", 1);
    for (size_t i = 0; i < nbytes; i++) {
        char c = from[i] >= 0x20 && from[i] <= 0x7e ? from[i] : '?';

        if (c == '"' || c == '\\')
            text_add_bytes(out, "\\", 1);
        text_add_bytes(out, &c, 1);
    }
    text_add_bytes(out, "\"", 1);
}

void json_member(struct text *out, const char *key, const void *bytes, size_t nbytes)
{
    const char *from = bytes;

    trim(&from, &nbytes);
    if (!nbytes)
        return;
    text_add(out, ",\"%s\":", key);
    json_string(out, from, nbytes);
}
