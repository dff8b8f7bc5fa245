/* SPDX-License-Identifier: MIT */
/*
 * core/cmdline.h - the words that boot.cfg and the load options gave
 *
 * Context: any, after cmdline_init; constant.
 */
#pragma once

#include "kernel/lib/util.h"

/* The text stays where it is. Logs every word that is no known option. */
void cmdline_init(const char *words);
const char *cmdline_text(void); /* all of it */

/* The value of the last word with that key. False: not given. */
bool cmdline_find(const char *key, char *out, size_t size);
/* A decimal number; fallback if the key is not given or its value is not one. */
uint64_t cmdline_number(const char *key, uint64_t fallback);
