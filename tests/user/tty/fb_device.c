/* SPDX-License-Identifier: MIT */
/*
 * /dev/fb0, where there is a screen: what it tells of itself adds up, writes end where the screen
 * does, with Linux's errors; it is not read. Draws nothing but the last pixel.
 */
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "shared/linux/fb.h"
#include "tests/user/lib/check.h"

static uint32_t pixels[200];

int main(void)
{
    struct lx_fb_fix_screeninfo fix;
    struct lx_fb_var_screeninfo var;
    int fd = open("/dev/fb0", O_RDWR);
    long size;

    if (fd < 0 && errno == ENOENT) {
        say(1, "no screen\n");
        return 0;
    }
    CHECK(fd >= 0);
    CHECK_OK(ioctl(fd, LX_FBIOGET_FSCREENINFO, &fix));
    CHECK_OK(ioctl(fd, LX_FBIOGET_VSCREENINFO, &var));
    CHECK_EQ(var.bits_per_pixel, 32);
    CHECK(var.red.length >= 5 && var.green.length >= 5 && var.blue.length >= 5);
    CHECK(var.red.offset != var.green.offset && var.green.offset != var.blue.offset);
    CHECK(fix.line_length >= var.xres * 4);
    size = (long)fix.line_length * var.yres;
    CHECK_EQ(fix.smem_len, size);
    CHECK_EQ(lseek(fd, 0, SEEK_END), size);
    CHECK_ERR(ioctl(fd, 0x4601, &var), ENOTTY);
    CHECK_ERR(ioctl(fd, LX_FBIOGET_VSCREENINFO, 1), EFAULT);

    CHECK_EQ(pwrite(fd, pixels, 4, size - 4), 4);
    CHECK_EQ(pwrite(fd, pixels, sizeof(pixels), size - 400),
             400); /* more than a piece, and short */
    CHECK_ERR(pwrite(fd, pixels, 4, size), ENOSPC);
    CHECK_ERR(pwrite(fd, pixels, 4, size + 4), EFBIG);
    CHECK_EQ(pwrite(fd, pixels, 0, size), 0);
    CHECK_ERR(pwrite(fd, (void *)8, 4, size - 4), EFAULT);
    CHECK_ERR(pwrite(fd, pixels, 2, size - 4), EINVAL); /* no part of a pixel */
    CHECK_ERR(pwrite(fd, pixels, 4, size - 2), EINVAL);
    CHECK_EQ(lseek(fd, size - 8, SEEK_SET), size - 8);
    CHECK_EQ(write(fd, pixels, 4), 4);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), size - 4);
    CHECK_ERR(read(fd, pixels, 4), EINVAL);
    return 0;
}
