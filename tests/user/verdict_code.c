/* SPDX-License-Identifier: MIT */
/*
 * verdict-code X,Y,SIDE TEXT - draw TEXT as a QR code into a square of the screen, on /dev/fb0
 *
 * The kernel runs it when the verdict has been drawn (kernel/selftest/verdict_code.c). The code is
 * made by Debian's libqrcodegen, as large as whole pixels for a module permit, dark on white with
 * the white border that readers need. Exit status 0: it is on the screen.
 */
#include <fcntl.h>
#include <qrcodegen.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "shared/linux/fb.h"

#define BORDER      4  /* modules: the standard's quiet zone */
#define VERSION_MAX 20 /* 858 letters */
#define SIDE_MAX    8192

/* The library was compiled for glibc, whose checks of buffers musl has not. */
void *__memset_chk(void *to, int byte, size_t nbytes, size_t room);
void *__memset_chk(void *to, int byte, size_t nbytes, size_t room)
{
    if (nbytes > room)
        abort();
    return memset(to, byte, nbytes);
}

/* And its assertions, without printing: that would be a third of the program. */
_Noreturn void __assert_fail(const char *what, const char *file, int line, const char *function);
_Noreturn void __assert_fail(const char *what, const char *file, int line, const char *function)
{
    (void)what, (void)file, (void)line, (void)function;
    abort();
}

/* "1,2,3": 0 if there are so many. */
static int numbers_read(const char *text, int *numbers, int count)
{
    for (int i = 0; i < count; i++) {
        char *end;

        numbers[i] = (int)strtol(text, &end, 10);
        if (end == text || *end != (i < count - 1 ? ',' : '\0'))
            return -1;
        text = end + 1;
    }
    return 0;
}

static uint8_t code[qrcodegen_BUFFER_LEN_FOR_VERSION(VERSION_MAX)];
static uint8_t work[qrcodegen_BUFFER_LEN_FOR_VERSION(VERSION_MAX)];
static uint32_t row[SIDE_MAX];

/* Modules of one row, each `scale` pixels wide; the border is outside of the code, hence white. */
static void row_make(int y, int nmodules, int scale)
{
    for (int x = 0; x < nmodules * scale; x++)
        row[x] = qrcodegen_getModule(code, x / scale - BORDER, y - BORDER) ? 0 : UINT32_MAX;
}

int main(int argc, char **argv)
{
    struct lx_fb_fix_screeninfo fix;
    struct lx_fb_var_screeninfo var;
    int fd = open("/dev/fb0", O_WRONLY), left, top, side, nmodules, scale, nbytes;
    int place[3];

    if (fd < 0 || argc != 3 || numbers_read(argv[1], place, 3) ||
        ioctl(fd, LX_FBIOGET_FSCREENINFO, &fix) || ioctl(fd, LX_FBIOGET_VSCREENINFO, &var) ||
        var.bits_per_pixel != 32)
        return 1;
    left = place[0], top = place[1], side = place[2];
    if (!qrcodegen_encodeText(argv[2], work, code, qrcodegen_Ecc_LOW, 1, VERSION_MAX,
                              qrcodegen_Mask_AUTO, true))
        return 2;
    nmodules = qrcodegen_getSize(code) + 2 * BORDER;
    scale = side / nmodules;
    nbytes = nmodules * scale * 4;
    if (!scale || side > SIDE_MAX)
        return 3;
    left += (side - nmodules * scale) / 2;
    top += (side - nmodules * scale) / 2;
    for (int y = 0; y < nmodules * scale; y++) {
        if (y % scale == 0)
            row_make(y / scale, nmodules, scale);
        if (pwrite(fd, row, (size_t)nbytes, (off_t)(top + y) * fix.line_length + left * 4) !=
            nbytes)
            return 4;
    }
    return 0;
}
