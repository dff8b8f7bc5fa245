/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/graphics.h - finds a framebuffer that the kernel can write to
 *
 * Owns:    the choice of display, mode and pixel format.
 * Used by: handover.c.
 * Rule:    the console's display and the mode in use are preferred; a mode that can only be drawn
 * through the firmware is never set; no graphics at all is no error. Tests:
 * tests/host/loader_graphics_test.c
 */
#pragma once

#include "efi-loader/efi.h"
#include "kernel/lib/util.h"
#include "shared/bootinfo.h"

/* Describes a mode. -EOPNOTSUPP where only the firmware can draw, -EINVAL where size, stride, masks
 * or address cannot be. */
MUST_CHECK int graphics_describe(const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info, uint64_t base,
                                 uint64_t size, struct bootinfo_framebuffer *out);

/* The best framebuffer of the machine, that of the console first; -ENODEV, and format
 * BOOTINFO_PIXEL_NONE, if there is none. console: the handle of the firmware's text output. */
MUST_CHECK int graphics_find(EFI_BOOT_SERVICES *bs, EFI_HANDLE console,
                             struct bootinfo_framebuffer *out);
