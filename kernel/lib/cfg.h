/* SPDX-License-Identifier: MIT */
/*
 * lib/cfg.h - boot.cfg, and the kernel command line that it becomes
 *
 * Format:  boot.cfg: a word a line, `key=value` or `key`, UTF-8, ends of line \n or \r\n, blanks at
 *          both ends ignored, # at the start of a line a comment. A key is made of letters, digits
 *          and _ . - ; a word with a blank inside is malformed, because the command line is words
 *          separated by blanks.
 * Owns:    the list of known keys (cfg.c).
 * Used by: the loader (file to words), core/cmdline.c (words to values).
 * Context: any; no allocation.
 * Tests:   tests/host/cfg_test.c, tests/host/cfg_fuzz.c
 */
#pragma once

#include "kernel/lib/util.h"

#define CFG_WORD_MAX 255 /* bytes of a word; a longer one is malformed */

enum cfg_kind {
    CFG_END = 0,
    CFG_WORD,
    CFG_MALFORMED,
};

struct cfg_reader {
    const char *text;
    size_t size;
    size_t position;
    unsigned line_number;
};

struct cfg_word {
    const char *text; /* in the file, not NUL-terminated; malformed: the line, any bytes */
    size_t length;
    unsigned line_number;
    const char *reason; /* malformed: static text */
};

void cfg_init(struct cfg_reader *reader, const char *text, size_t size);
enum cfg_kind cfg_next(struct cfg_reader *reader, struct cfg_word *word);

/* Appends a word, with a blank before it unless it is the first, to a NUL-terminated command line
 * in a buffer of size bytes. 0, or -E2BIG and nothing is changed. */
MUST_CHECK int cfg_append(char *cmdline, size_t size, const char *word, size_t length);

/* The value of the last word with that key: "" for a key without a value. False if there is none,
 * or if the value does not fit into out: a buffer of CFG_WORD_MAX + 1 bytes holds every value of
 * a word that cfg_unknown does not complain about. */
bool cfg_find(const char *cmdline, const char *key, char *out, size_t size);

/* The next word that is not understood: unknown key, a value where none belongs, none where
 * one is needed, or longer than CFG_WORD_MAX. *position starts as 0. Copies the word, cut to size;
 * false at the end. */
bool cfg_unknown(const char *cmdline, size_t *position, char *out, size_t size);
