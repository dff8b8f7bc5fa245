/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/report_file.h - \firstlight\reports on the boot volume
 *
 * Owns:    the numbers of reports, and writing. Nothing else of the loader writes to a volume.
 * Used by: report.c.
 * Fails:   -EROFS the volume is write-protected, -ENOSPC it is full, -ENFILE all numbers are in
 *          use, -ENOENT, -EIO, -ENODEV there is no volume. What was begun and failed is deleted
 * again. Tests:   tests/host/loader_report_test.c
 */
#pragma once

#include "efi-loader/files.h"

#define REPORT_NUMBER_MAX 9999

/* The directory is made if it is not there. The number is one more than the largest in use. */
MUST_CHECK int report_file_number(struct files *files, uint32_t *number);

/* A new file NUMBER.txt or .xml with these contents; an old one is replaced. */
MUST_CHECK int report_file_create(struct files *files, uint32_t number, const char *suffix,
                                  const char *bytes, size_t nbytes);

/* Up to capacity bytes of NUMBER.txt. */
MUST_CHECK int report_file_read(struct files *files, uint32_t number, char *bytes, size_t capacity,
                                size_t *nbytes);

/* Writes over NUMBER.txt from an offset on, and waits until that is on the medium. */
MUST_CHECK int report_file_write(struct files *files, uint32_t number, uint64_t offset,
                                 const char *bytes, size_t nbytes);
