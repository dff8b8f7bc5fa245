/* SPDX-License-Identifier: MIT */
/* Any bytes as load options: text comes out, printable, squeezed and within bounds, or nothing. */
#include <stdlib.h>
#include <string.h>

#include "efi-loader/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t capacity = size ? 1 + data[0] : 1;
    char *text = malloc(capacity);
    int length = options_to_text(data, size, text, capacity);

    require(strnlen(text, capacity) < capacity);
    require(strlen(text) == (size_t)(length < 0 ? 0 : length));
    for (size_t i = 0; text[i]; i++) {
        require(text[i] >= 0x20 && text[i] < 0x7f);
        require(text[i] != ' ' || (i > 0 && text[i - 1] != ' ' && text[i + 1] != '\0'));
    }
    free(text);
    return 0;
}
