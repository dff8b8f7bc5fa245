/* SPDX-License-Identifier: MIT */
/*
 * tests/host/ktap_fuzz.c - any bytes as a program's output, in any pieces, and as a reason
 */
#include "tests/host/fuzz.h"

#include "kernel/lib/ktap.h"
#include "kernel/lib/utf8.h"

struct collected {
    size_t size;
    char text[200000];
};

static void collect(void *context, const char *bytes, size_t nbytes)
{
    struct collected *out = context;

    REQUIRE(nbytes <= sizeof(out->text) - out->size);
    memcpy(out->text + out->size, bytes, nbytes);
    out->size += nbytes;
}

/* Text without control characters (also C1) but tab and newline. */
static void check_clean(const char *text, size_t size)
{
    REQUIRE(utf8_is_text(text, size));
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)text[i];

        REQUIRE((byte >= ' ' && byte != 0x7f) || byte == '\t' || byte == '\n');
        REQUIRE(byte != 0xc2 || (uint8_t)text[i + 1] >= 0xa0);
    }
}

static void check_lines(const struct collected *out)
{
    size_t at = 0;

    while (at < out->size) {
        const char *newline = memchr(out->text + at, '\n', out->size - at);

        REQUIRE(newline);
        REQUIRE(memcmp(out->text + at, "#: ", 3) == 0);
        at = (size_t)(newline - out->text) + 1;
    }
}

static void filter_in_pieces(struct collected *out, const uint8_t *bytes, size_t nbytes,
                             size_t step)
{
    struct ktap_filter filter;

    out->size = 0;
    ktap_filter_init(&filter, collect, out);
    for (size_t at = 0; at < nbytes; at += step)
        ktap_filter_write(&filter, bytes + at, MIN(step, nbytes - at));
    ktap_filter_finish(&filter);
    REQUIRE(filter.taken == nbytes && filter.dropped == 0);
    check_clean(out->text, out->size);
    check_lines(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
    static struct collected whole, pieces;
    char line[200], *text = malloc(nbytes + 1);
    size_t length;

    filter_in_pieces(&whole, bytes, nbytes, nbytes + 1);
    filter_in_pieces(&pieces, bytes, nbytes, nbytes ? 1 + bytes[0] % 7 : 1);
    REQUIRE(whole.size == pieces.size && memcmp(whole.text, pieces.text, whole.size) == 0);

    memcpy(text, bytes, nbytes);
    text[nbytes] = '\0';
    length = ktap_format_not_ok(line, sizeof(line), 1, "name", 1, text);
    free(text);
    REQUIRE(length < sizeof(line) && line[length] == '\0' && line[length - 1] == '\n');
    check_clean(line, length);
    REQUIRE(!memchr(line, '\n', length - 1));
    REQUIRE(strchr(line, '#') == strrchr(line, '#'));
    return 0;
}
