/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/fb.h - framebuffer devices: what /dev/fb0 tells by ioctl
 *
 * Used by: kernel/dev/fb.
 */
#pragma once

#include <stdint.h>

#define LX_FBIOGET_VSCREENINFO 0x4600u
#define LX_FBIOGET_FSCREENINFO 0x4602u

#define LX_FB_TYPE_PACKED_PIXELS 0
#define LX_FB_VISUAL_TRUECOLOR   2

/* The place of a colour in a pixel, in bits. */
struct lx_fb_bitfield {
    uint32_t offset, length, msb_right;
};

struct lx_fb_var_screeninfo {
    uint32_t xres, yres, xres_virtual, yres_virtual, xoffset, yoffset;
    uint32_t bits_per_pixel, grayscale;
    struct lx_fb_bitfield red, green, blue, transp;
    uint32_t nonstd, activate, height, width, accel_flags;
    uint32_t pixclock, left_margin, right_margin, upper_margin, lower_margin, hsync_len, vsync_len;
    uint32_t sync, vmode, rotate, colorspace;
    uint32_t reserved[4];
};
_Static_assert(sizeof(struct lx_fb_var_screeninfo) == 160, "struct fb_var_screeninfo");

struct lx_fb_fix_screeninfo {
    char id[16];
    uint64_t smem_start;
    uint32_t smem_len, type, type_aux, visual;
    uint16_t xpanstep, ypanstep, ywrapstep;
    uint32_t line_length;
    uint64_t mmio_start;
    uint32_t mmio_len, accel;
    uint16_t capabilities, reserved[2];
};
_Static_assert(sizeof(struct lx_fb_fix_screeninfo) == 80, "struct fb_fix_screeninfo");
