/* SPDX-License-Identifier: MIT */
/*
 * dev/fb/fb_device.h - /dev/fb0: the pixels, for programs that draw
 *
 * Owns:    the character device 29:0, where there is a screen.
 * Rule:    written by write(2) and pwrite(2), whole pixels, in the format that the ioctls tell; not
 *          read, for video memory never is, and not mapped. The text knows nothing of what a
 *          program draws: it is drawn over where text changes.
 * Context: boot for init; thread.
 * Fails:   -ENOMEM; without a screen there is no device.
 * Tests:   tests/user/tty/fb_device.c, tests/system/test_screen.py
 */
#pragma once

#include "kernel/lib/util.h"
#include "shared/bootinfo.h"

MUST_CHECK int fb_device_init(const struct bootinfo_framebuffer *framebuffer);
