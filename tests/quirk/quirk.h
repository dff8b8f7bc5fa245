/* SPDX-License-Identifier: MIT */
/*
 * tests/quirk/quirk.h - an EFI application that makes a healthy firmware behave like a strange one
 *
 * Owns:    the patches of the boot services table, one set for each quirk.
 * Rule:    a patch changes only what the loader sees: the firmware's own drivers use the same
 *          table, so most patches look at the return address first. Whatever the loader does that
 *          the quirk forbids is told on the first serial port by a line "quirk: FAULT: ...".
 * See:     README.md for the list of quirks and what is expected of each.
 */
#pragma once

#include "efi-loader/efi.h"

struct quirk {
    EFI_SYSTEM_TABLE *st;
    EFI_BOOT_SERVICES *bs;  /* the table that everybody uses, patched */
    EFI_BOOT_SERVICES real; /* as it was */
    EFI_HANDLE self;
    EFI_HANDLE volume;
    EFI_LOADED_IMAGE *loader; /* NULL until it is loaded */
};

extern struct quirk the_quirk;

/* A word of quirk.txt and what it does; install is called when the loader is loaded, before it
 * starts. */
struct quirk_entry {
    const char *name;
    void (*install)(void);
};

/* Each topic's list ends with a NULL name. */
extern const struct quirk_entry quirk_exit_entries[];
extern const struct quirk_entry quirk_memory_entries[];
extern const struct quirk_entry quirk_file_entries[];
extern const struct quirk_entry quirk_graphics_entries[];
extern const struct quirk_entry quirk_attribute_entries[];
extern const struct quirk_entry quirk_serial_entries[];
extern const struct quirk_entry quirk_processor_entries[];
extern const struct quirk_entry quirk_map_entries[];
extern const struct quirk_entry quirk_table_entries[];
extern const struct quirk_entry quirk_device_entries[];
extern const struct quirk_entry quirk_runtime_entries[];
extern const struct quirk_entry quirk_inventory_entries[];

/* True for code of the loader: pass __builtin_return_address(0). */
bool quirk_is_loader(const void *code);

/* "quirk: TEXT", by the firmware's console. Not after boot services. */
void quirk_say(const char *text);

/* "quirk: TEXT" and "quirk: FAULT: TEXT", by hand, so at any time. */
void quirk_tell(const char *text);
void quirk_fault(const char *text);

/* Called by the ExitBootServices that all quirks share, right before the firmware's, unless the
 * attempt is to fail; a list of one. */
void quirk_before_exit(void (*hook)(void));

/* Called when boot services are gone, just before the loader knows; a list of one, too. */
void quirk_after_exit(void (*hook)(void));

/* Reads a file of the boot volume; gives its size, 0 if there is none. */
size_t quirk_read_file(CHAR16 *name, void *to, size_t capacity);

/* The first n attempts to leave boot services fail (~0: all do). */
void quirk_fail_exits(unsigned n);
void quirk_install_exit(void);

extern const char levels_begin[], levels_end[]; /* levels.S */

/* Reads of more than 1 MiB, or to above 4 GiB, fail and are a fault. */
void quirk_limit_reads(void);
