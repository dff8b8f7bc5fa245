/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/files.h - the boot directory and the files in it
 *
 * Owns:    the search for it, and reading. It is an archive in the section .bootdir of the loader's
 *          own file (cpio newc), where that has one, else the directory \firstlight of a volume.
 * Used by: payload.c, menu.c.
 * Rule:    pieces of at most 1 MiB, because some firmware fails on larger ones; the watchdog is
 *          armed anew for each, so that a device that hangs resets the machine.
 * Tests:   tests/host/loader_files_test.c
 */
#pragma once

#include "efi-loader/efi.h"
#include "efi-loader/memory.h"
#include "kernel/lib/util.h"
#include "shared/bootinfo.h"

#define FILES_PIECE            (1u << 20)
#define FILES_WATCHDOG_SECONDS 60
#define FILES_NAME             48 /* longest path below the boot directory, with its NUL */

struct files {
    EFI_BOOT_SERVICES *bs;
    EFI_FILE_HANDLE directory; /* for reports, too; NULL: there is the archive alone */
    const char *archive;       /* NULL: there is none */
    size_t archive_size;
};

/* The boot directory in the loader's own file; else of the volume that it came from, or of any
 * volume, if need be of a disk whose driver is started for it. With an archive, the directory is
 * that of the loader's own volume, if it has one. -ENOENT. */
MUST_CHECK int files_open(struct files *files, EFI_BOOT_SERVICES *bs, const EFI_LOADED_IMAGE *self);
void files_close(struct files *files);

/* Reads a whole file into pages of the given type; an empty one takes none, and has base 0.
 * A name with a backslash is looked for on the volume alone: nothing is in folders of the archive.
 * -ENOENT no such file; -EISDIR; -EFBIG larger than max_size; -ENOMEM (both with out->size set);
 * -EIO the firmware cannot read it, or it ends too early. */
MUST_CHECK int files_read(struct files *files, struct memory *memory, const char *name,
                          uint64_t max_size, enum bootinfo_type type, struct bootinfo_extent *out);

/* A time limit for what comes next, of the firmware's own. */
void files_watchdog_on(EFI_BOOT_SERVICES *bs);

/* Nothing is being read, for a while: no time limit until the next read. */
void files_watchdog_off(struct files *files);

/* Calls each for the files in a directory below the boot directory, on the volume, or in the boot
 * directory itself (NULL), until it returns false. Names that are no ASCII, or too long, are left
 * out. -ENOENT, -EIO. */
MUST_CHECK int files_list(struct files *files, const char *directory,
                          bool (*each)(void *argument, const char *name), void *argument);
