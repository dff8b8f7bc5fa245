/* SPDX-License-Identifier: MIT */
/*
 * tests/host/cfg_fuzz.c - any bytes as boot.cfg, and as a command line
 */
#include "tests/host/fuzz.h"

#include "kernel/lib/cfg.h"

static void check_file(const char *text, size_t size)
{
    char cmdline[1024] = "";
    struct cfg_reader reader;
    struct cfg_word word;
    enum cfg_kind kind;

    cfg_init(&reader, text, size);
    while ((kind = cfg_next(&reader, &word)) != CFG_END) {
        REQUIRE(lies_inside(word.text, word.length, text, size));
        if (kind == CFG_MALFORMED) {
            REQUIRE(word.reason);
            continue;
        }
        REQUIRE(word.length > 0 && word.length <= CFG_WORD_MAX);
        for (size_t i = 0; i < word.length; i++)
            REQUIRE((uint8_t)word.text[i] > ' ');
        if (cfg_append(cmdline, sizeof(cmdline), word.text, word.length) == 0) {
            size_t used = strlen(cmdline);

            REQUIRE(used < sizeof(cmdline) && used >= word.length);
            REQUIRE(memcmp(cmdline + used - word.length, word.text, word.length) == 0);
        }
    }
}

static void check_cmdline(const char *cmdline)
{
    static const char *const keys[] = {"after", "bench", "plan", ""};
    char *out = malloc(9);
    size_t position = 0;

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (cfg_find(cmdline, keys[i], out, 9))
            REQUIRE(strlen(out) < 9);
    }
    while (cfg_unknown(cmdline, &position, out, 9))
        REQUIRE(position <= strlen(cmdline) && out[0] && strlen(out) < 9);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
    char *text = malloc(nbytes + 1);

    memcpy(text, bytes, nbytes);
    text[nbytes] = '\0';
    check_file((const char *)bytes, nbytes);
    check_cmdline(text);
    free(text);
    return 0;
}
