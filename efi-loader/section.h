/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/section.h - a section of the loader's own PE image
 *
 * Used by: files.c.
 * Rule:    nothing outside the image is read, whatever its headers say: a tool of somebody else's
 *          may have written them.
 * Tests:   tests/host/loader_files_test.c
 */
#pragma once

#include "kernel/lib/util.h"

/* Of the image as the firmware has loaded it; the name has at most 8 characters. -ENOENT: no such
 * section, an empty one, or no sound headers. */
MUST_CHECK int section_find(const void *image, size_t image_size, const char *name,
                            const char **start, size_t *nbytes);
