/* SPDX-License-Identifier: MIT */
/*
 * Reader of boot.cfg, and of the command line that is made from it.
 *
 * boot.cfg has one word a line, `key` or `key=value`; lines that begin with # are comments. The
 * loader appends each word to the command line, separated by one blank, and the kernel finds keys
 * there. So a word holds no blank, and there is no quoting.
 */
#include "kernel/lib/cfg.h"

#include "kernel/lib/lines.h"
#include "kernel/lib/string.h"
#include "shared/linux/errno.h"

/* Every key that something reads. What it means stands where it is read. */
static const struct cfg_key {
    const char *name;
    bool takes_value;
} known_keys[] = {
    {"after", true},     /* poweroff, reboot, halt, shell */
    {"ask", true},       /* seconds for which the loader waits for a key */
    {"audit", true},     /* syscall: every call is written down */
    {"boot", true},      /* N/M: the loader counts the boots of after=reboot */
    {"bench", false},    /* run the benchmark instead of the plan */
    {"console", true},   /* where the shell is: tty1 or ttyS0 */
    {"cpus", true},      /* how many processors to use at most */
    {"dma", true},       /* keep: devices may go on writing to memory (read by the loader) */
    {"efi", true},       /* noruntime: no runtime service is called */
    {"inject", true},    /* faults on purpose, for tests of the harness */
    {"inventory", true}, /* off: the loader asks the firmware about no device */
    {"keymap", true},    /* layout of the keyboard */
    {"ktest", true},     /* in-kernel tests to run */
    {"limit", true},     /* seconds that a test of the plan gets at most */
    {"loops", true},     /* how many boots after=reboot makes */
    {"panic", true},     /* a panic on purpose, likewise */
    {"plan", true},      /* path of another plan in the root filesystem */
    {"report", true},    /* now, next, off: the report on the boot volume */
    {"stay", true},      /* seconds for which the verdict stays */
    {"stop", true},      /* key: any key ends the test that is running */
    {"storm", true},     /* microseconds between timer interrupts, likewise */
    {"mute", true},      /* APIC id of a processor that is not started, or all; likewise */
    {"late", true},      /* APIC id of one that is started too late; likewise */
    {"skew", true},      /* name of a clock that is read as if it ran fast; likewise */
    {"term", true},      /* the terminal on the serial line, for the shell */
    {"trace", true},     /* what to trace */
    {"wx", true},        /* allow: memory may be writable and executable at once */
};

void cfg_init(struct cfg_reader *reader, const char *text, size_t size)
{
    *reader = (struct cfg_reader){.text = text, .size = size};
}

/* Nothing that a shell, a URL or the loader's menu would treat in a special way. */
static bool is_key_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '.' || byte == '-';
}

static size_t key_length(const char *word, size_t length)
{
    size_t n = 0;

    while (n < length && is_key_byte(word[n]))
        n++;
    return n;
}

/* NULL if it is a word, else the reason. */
static const char *word_fault(const struct line *word)
{
    const char *fault = line_fault(word);
    size_t nkey = key_length(word->text, word->length);

    if (fault)
        return fault;
    for (size_t i = 0; i < word->length; i++) {
        if (is_blank(word->text[i]))
            return "a blank inside a word";
    }
    if (nkey == 0 || (nkey < word->length && word->text[nkey] != '='))
        return "neither `key` nor `key=value`";
    if (word->length > CFG_WORD_MAX)
        return "a word longer than 255 bytes";
    return NULL;
}

/* A malformed line does not end the file: the caller reports it and goes on with the next one. */
enum cfg_kind cfg_next(struct cfg_reader *reader, struct cfg_word *word)
{
    struct line line;

    while (line_next(reader->text, reader->size, &reader->position, &line)) {
        reader->line_number++;
        line = line_trim(line);
        if (line.length == 0)
            continue;
        *word = (struct cfg_word){
            .text = line.text,
            .length = line.length,
            .line_number = reader->line_number,
            .reason = line.text[0] == '#' ? line_fault(&line) : word_fault(&line),
        };
        if (word->reason)
            return CFG_MALFORMED;
        if (line.text[0] != '#')
            return CFG_WORD;
    }
    return CFG_END;
}

/* All or nothing: half a word could be another key. The NUL counts towards size. */
int cfg_append(char *cmdline, size_t size, const char *word, size_t length)
{
    size_t used = strlen(cmdline);
    size_t blank = used > 0;

    if (used + blank >= size || length >= size - used - blank)
        return -E2BIG;
    if (blank)
        cmdline[used++] = ' ';
    memcpy(cmdline + used, word, length);
    cmdline[used + length] = '\0';
    return 0;
}

/* The word of a command line at or after *position; false at the end. */
static bool word_next(const char *cmdline, size_t *position, struct line *out)
{
    const char *start = cmdline + *position;
    size_t length = 0;

    while (is_blank(*start))
        start++;
    while (start[length] && !is_blank(start[length]))
        length++;
    *out = (struct line){start, length};
    *position = (size_t)(start - cmdline) + length;
    return length > 0;
}

/* The whole key, so that `plan` does not match `planet=1`. */
static bool has_key(const struct line *word, const char *key, size_t nkey)
{
    return word->length >= nkey && memcmp(word->text, key, nkey) == 0 &&
           (word->length == nkey || word->text[nkey] == '=');
}

/* What stands after the `=`; empty without one. */
static struct line value_of(const struct line *word, size_t nkey)
{
    size_t skip = MIN(nkey + 1, word->length);

    return (struct line){word->text + skip, word->length - skip};
}

/* The last one wins: a word that is appended later overrides an earlier one. */
bool cfg_find(const char *cmdline, const char *key, char *out, size_t size)
{
    size_t nkey = strlen(key);
    size_t position = 0;
    struct line word;
    struct line value = {NULL, 0};

    while (word_next(cmdline, &position, &word)) {
        if (has_key(&word, key, nkey))
            value = value_of(&word, nkey);
    }
    if (!value.text || value.length >= size)
        return false;
    memcpy(out, value.text, value.length);
    out[value.length] = '\0';
    return true;
}

/* A key with an empty value counts as one without a value, but for plan=, by which the loader takes
 * an earlier word back. */
static bool is_understood(const struct line *word)
{
    for (size_t i = 0; i < ARRAY_SIZE(known_keys); i++) {
        size_t nkey = strlen(known_keys[i].name);

        if (has_key(word, known_keys[i].name, nkey))
            return known_keys[i].takes_value ==
                       (word->length + !strcmp(known_keys[i].name, "plan") > nkey + 1) &&
                   word->length <= CFG_WORD_MAX;
    }
    return false;
}

bool cfg_unknown(const char *cmdline, size_t *position, char *out, size_t size)
{
    struct line word;

    while (word_next(cmdline, position, &word)) {
        if (!is_understood(&word)) {
            size_t n = MIN(word.length, size - 1);

            memcpy(out, word.text, n);
            out[n] = '\0';
            return true;
        }
    }
    return false;
}
