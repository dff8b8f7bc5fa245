/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/termios.h - terminals, as TCGETS and TIOCGWINSZ see them
 *
 * Used by: kernel/dev, kernel/syscall.
 */
#pragma once

#include <stdint.h>

#define LX_NCCS 19

struct lx_termios {
    uint32_t c_iflag;
    uint32_t c_oflag;
    uint32_t c_cflag;
    uint32_t c_lflag;
    uint8_t c_line;
    uint8_t c_cc[LX_NCCS];
};
_Static_assert(sizeof(struct lx_termios) == 36, "the kernel's struct termios");

struct lx_winsize {
    uint16_t ws_row, ws_col, ws_xpixel, ws_ypixel;
};
_Static_assert(sizeof(struct lx_winsize) == 8, "struct winsize");
