/* SPDX-License-Identifier: MIT */
/*
 * The kernel's command line: boot options, looked up by key.
 *
 * Set once, before a second processor runs, and constant from then on: no lock. The syntax and the
 * list of keys are lib/cfg.c's.
 */
#include "kernel/core/cmdline.h"

#include "kernel/lib/cfg.h"
#include "kernel/lib/klog.h"

static const char *cmdline = "";

void cmdline_init(const char *words)
{
    char word[CFG_WORD_MAX + 1];
    size_t position = 0;

    cmdline = words;
    klog("command line: %s", *words ? words : "(empty)");
    while (cfg_unknown(cmdline, &position, word, sizeof(word)))
        klog("command line: '%s' is not understood and has no effect", word);
}

/* The last of several equal keys counts. */
bool cmdline_find(const char *key, char *out, size_t size)
{
    return cfg_find(cmdline, key, out, size);
}

/* Decimal only. What is no number counts as absent, also one near the end of 64 bits: no option has
 * a use for it. */
uint64_t cmdline_number(const char *key, uint64_t fallback)
{
    char text[32];
    uint64_t value = 0;

    if (!cfg_find(cmdline, key, text, sizeof(text)) || !*text)
        return fallback;
    for (const char *c = text; *c; c++) {
        if (*c < '0' || *c > '9' || value > UINT64_MAX / 10 - 1)
            return fallback;
        value = value * 10 + (uint64_t)(*c - '0');
    }
    return value;
}

const char *cmdline_text(void)
{
    return cmdline;
}
