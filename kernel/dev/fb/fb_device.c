/* SPDX-License-Identifier: MIT */
/*
 * The framebuffer as a file: its bytes are the pixels, line after line with their padding.
 *
 * Errors are those of Linux's drivers/video/fbdev: a write that begins behind the end is EFBIG, one
 * that reaches beyond it is short, or ENOSPC if nothing fits. Pieces that are not whole pixels are
 * EINVAL here: the framebuffer is written in units of 32 bits. So that no program draws another
 * verdict over that of the report, its place is EPERM.
 */
#include "kernel/dev/fb/fb_device.h"

#include "kernel/dev/fb/fbterm_internal.h"
#include "kernel/dev/fb/screen.h"
#include "kernel/fs/devfs/devfs.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"
#include "shared/linux/errno.h"
#include "shared/linux/fb.h"

#define FB_MAJOR 29
#define CHUNK    64 /* pixels on the stack */

static const struct bootinfo_framebuffer *fb;

static uint64_t fb_nbytes(void)
{
    return (uint64_t)fbterm.pixels.stride * fb->height;
}

/* SEEK_END is the number of bytes of the screen. */
COLD static int64_t fb_seek(struct file *file, int64_t offset, int whence)
{
    return file_seek_bounded(file, offset, whence, fb_nbytes());
}

/* While the verdict is shown, a program that draws has the place of the code and no other. */
COLD static bool may_draw(uint64_t at, size_t nbytes)
{
    uint64_t row = at / fbterm.pixels.stride, column = at % fbterm.pixels.stride / PIXEL_BYTES;
    unsigned x, y, side;

    return !screen_qr_place(&x, &y, &side) ||
           (row >= y && row - y < side && column >= x && column - x + nbytes / PIXEL_BYTES <= side);
}

/* In chunks: user memory is not copied to video memory itself, whose bytes have to be stored in
 * units of 32 bits. A fault in the middle of a pixel leaves that one out. */
COLD static int64_t fb_write(struct file *file, struct user_iter *io, int64_t *offset)
{
    uint32_t chunk[CHUNK];
    uint64_t at = (uint64_t)*offset, left = io->left;
    int64_t total = 0;

    (void)file;
    if (at > fb_nbytes())
        return -EFBIG;
    if ((at | left) % PIXEL_BYTES)
        return -EINVAL;
    if (left && at == fb_nbytes())
        return -ENOSPC;
    for (left = MIN(left, fb_nbytes() - at); left;) {
        size_t nbytes = MIN(left, sizeof(chunk));
        size_t moved = ALIGN_DOWN(user_iter_get(io, chunk, nbytes), PIXEL_BYTES);

        if (!may_draw(at, moved)) {
            if (!total)
                return -EPERM;
            break;
        }
        pixels_copy(&fbterm.pixels, at, chunk, moved / PIXEL_BYTES);
        at += moved;
        left -= moved;
        total += (int64_t)moved;
        if (moved < nbytes)
            break;
        sched_preempt_point();
        if (waitq_interrupted())
            break;
    }
    *offset = (int64_t)at;
    return total || !io->left ? total : -EFAULT;
}

COLD NOINLINE static struct lx_fb_bitfield colour_bits(uint32_t mask)
{
    struct lx_fb_bitfield bits = {0};

    if (mask) {
        bits.offset = (uint32_t)__builtin_ctz(mask);
        bits.length = 32 - (uint32_t)__builtin_clz(mask) - bits.offset;
    }
    return bits;
}

/* The mode: it is the firmware's and cannot be changed. */
static int64_t var_info(struct uptr arg)
{
    struct lx_fb_var_screeninfo info = {
        .xres = fb->width,
        .yres = fb->height,
        .xres_virtual = fb->width,
        .yres_virtual = fb->height,
        .bits_per_pixel = 8 * PIXEL_BYTES,
        .red = colour_bits(fb->red_mask),
        .green = colour_bits(fb->green_mask),
        .blue = colour_bits(fb->blue_mask),
        .height = UINT32_MAX, /* in millimetres: not known, as on Linux */
        .width = UINT32_MAX,
    };

    return vm_user_write(arg, &info, sizeof(info));
}

static int64_t fix_info(struct uptr arg)
{
    struct lx_fb_fix_screeninfo info = {
        .id = "EFI VGA", /* Linux's efifb has this one */
        .smem_start = fb->base,
        .smem_len = (uint32_t)fb_nbytes(),
        .type = LX_FB_TYPE_PACKED_PIXELS,
        .visual = LX_FB_VISUAL_TRUECOLOR,
        .line_length = fbterm.pixels.stride,
    };

    return vm_user_write(arg, &info, sizeof(info));
}

COLD static int64_t fb_ioctl(struct file *file, uint32_t request, struct uptr arg)
{
    (void)file;
    if (request == LX_FBIOGET_VSCREENINFO)
        return var_info(arg);
    return request == LX_FBIOGET_FSCREENINFO ? fix_info(arg) : -ENOTTY;
}

static const struct file_ops fb_ops = {
    .write = fb_write,
    .seek = fb_seek,
    .ioctl = fb_ioctl,
};

static struct char_device device = {
    .name = "fb0",
    .device = DEVICE(FB_MAJOR, 0),
    .mode = 0660,
    .ops = &fb_ops,
};

/* The block of the loader stays mapped and unchanged. */
int fb_device_init(const struct bootinfo_framebuffer *framebuffer)
{
    fb = framebuffer;
    return fbterm_present() ? devfs_register(&device) : 0;
}
