/* SPDX-License-Identifier: MIT */
/*
 * tests/host/plan_fuzz.c - any bytes as a plan
 */
#include "tests/host/fuzz.h"

#include "kernel/lib/plan.h"

static void check_test(const struct plan_line *line)
{
    REQUIRE(line->limit_s >= 1 && line->limit_s <= PLAN_LIMIT_MAX);
    REQUIRE(line->argc >= 1 && line->argc <= PLAN_ARGV_MAX);
    REQUIRE(line->argv[line->argc] == NULL && line->argv[0][0]);
    REQUIRE(line->name[0] &&
            strspn(line->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                               "0123456789_.+-") == strlen(line->name));
    for (unsigned i = 0; i < line->argc; i++)
        REQUIRE(lies_inside(line->argv[i], strlen(line->argv[i]) + 1, line->words,
                            sizeof(line->words)));
    if (line->expect == PLAN_EXPECT_EXIT)
        REQUIRE(line->expect_value >= 0 && line->expect_value <= 255);
    if (line->expect == PLAN_EXPECT_SIGNAL)
        REQUIRE(plan_signal_name(line->expect_value));
    REQUIRE(!line->skip || line->skip[0]);
    REQUIRE(line->skip_code <= 255 && line->uid != UINT32_MAX && line->nenv <= PLAN_ENV_MAX);
    REQUIRE(!line->skip_code || line->expect != PLAN_EXPECT_EXIT ||
            line->skip_code != (uint32_t)line->expect_value);
    REQUIRE(line->nenv >= PLAN_ENV_NDEFAULT && !line->env[line->nenv]);
    for (unsigned i = 0; i < line->nenv; i++) {
        const char *word = line->env[i], *value = strchr(word, '=');

        REQUIRE((i < PLAN_ENV_NDEFAULT && word == plan_env_default[i]) ||
                lies_inside(word, strlen(word) + 1, line->words, sizeof(line->words)));
        REQUIRE(value && value > word);
        for (unsigned k = 0; k < i; k++)
            REQUIRE(strncmp(word, line->env[k], (size_t)(value - word) + 1) != 0);
    }
}

/* Lines that hold more than blanks, and do not begin with #: each must come out. */
static unsigned lines_that_count(const char *text, size_t size)
{
    size_t at = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    unsigned count = 0;

    while (at < size) {
        const char *newline = memchr(text + at, '\n', size - at);
        size_t end = newline ? (size_t)(newline - text) : size;
        size_t last = end > at && text[end - 1] == '\r' ? end - 1 : end;
        bool blank = true;

        for (size_t i = at; i < last; i++)
            blank = blank && (text[i] == ' ' || text[i] == '\t');
        count += !blank && text[at] != '#';
        at = end + 1;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
    static struct plan_line line;
    struct plan_reader reader;
    enum plan_kind kind;
    unsigned count = 0, before = 0;

    plan_init(&reader, (const char *)bytes, nbytes);
    while ((kind = plan_next(&reader, &line)) != PLAN_END) {
        REQUIRE(line.line_number > before);
        before = line.line_number;
        REQUIRE(lies_inside(line.line, line.line_length, bytes, nbytes));
        if (kind == PLAN_TEST)
            check_test(&line);
        else
            REQUIRE(line.reason);
        count += line.line[0] != '#'; /* a comment may be malformed, too */
    }
    REQUIRE(count == lines_that_count((const char *)bytes, nbytes));
    return 0;
}
