/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/options.h - the load options of an EFI application, as text
 *
 * Owns:    what counts as text there, and the removal of the program's own name.
 * Used by: main.c, for words that come after those of boot.cfg and win.
 * Tests:   tests/host/loader_options_test.c, tests/host/loader_options_fuzz.c
 */
#pragma once

#include "kernel/lib/util.h"

/* Writes the options as NUL-terminated printable ASCII, words separated by single blanks, and
 * returns their length. Options that are no text of that kind, or too long for the buffer, give
 * -EINVAL and an empty string: firmware is known to hand over binary data here.
 *
 * Both 16-bit text (UEFI shell, efibootmgr -u) and 8-bit text (efibootmgr) are understood. The
 * shell puts the name of the program first: a first word that ends in .efi, is quoted or is not
 * of the form key=value is that name and is left out. */
MUST_CHECK int options_to_text(const void *options, size_t nbytes, char *text, size_t capacity);
