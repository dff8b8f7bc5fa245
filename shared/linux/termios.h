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

/* TCGETA: the lower halves of the flags, and the first eight keys. */
#define LX_NCC 8
struct lx_termio {
    uint16_t c_iflag;
    uint16_t c_oflag;
    uint16_t c_cflag;
    uint16_t c_lflag;
    uint8_t c_line;
    uint8_t c_cc[LX_NCC];
};
_Static_assert(sizeof(struct lx_termio) == 18, "struct termio");

/* TCGETS2: the same with the speeds as numbers. */
struct lx_termios2 {
    uint32_t c_iflag;
    uint32_t c_oflag;
    uint32_t c_cflag;
    uint32_t c_lflag;
    uint8_t c_line;
    uint8_t c_cc[LX_NCCS];
    uint32_t c_ispeed;
    uint32_t c_ospeed;
};
_Static_assert(sizeof(struct lx_termios2) == 44, "the kernel's struct termios2");

struct lx_winsize {
    uint16_t ws_row, ws_col, ws_xpixel, ws_ypixel;
};
_Static_assert(sizeof(struct lx_winsize) == 8, "struct winsize");

/* c_cc */
#define LX_VINTR    0
#define LX_VQUIT    1
#define LX_VERASE   2
#define LX_VKILL    3
#define LX_VEOF     4
#define LX_VTIME    5
#define LX_VMIN     6
#define LX_VSWTC    7
#define LX_VSTART   8
#define LX_VSTOP    9
#define LX_VSUSP    10
#define LX_VEOL     11
#define LX_VREPRINT 12
#define LX_VDISCARD 13
#define LX_VWERASE  14
#define LX_VLNEXT   15
#define LX_VEOL2    16

/* c_iflag */
#define LX_IGNBRK  0x00001u
#define LX_BRKINT  0x00002u
#define LX_PARMRK  0x00008u
#define LX_ISTRIP  0x00020u
#define LX_INLCR   0x00040u
#define LX_IGNCR   0x00080u
#define LX_ICRNL   0x00100u
#define LX_IUCLC   0x00200u
#define LX_IXON    0x00400u
#define LX_IXANY   0x00800u
#define LX_IXOFF   0x01000u
#define LX_IMAXBEL 0x02000u
#define LX_IUTF8   0x04000u

/* c_oflag */
#define LX_OPOST  0x00001u
#define LX_OLCUC  0x00002u
#define LX_ONLCR  0x00004u
#define LX_OCRNL  0x00008u
#define LX_ONOCR  0x00010u
#define LX_ONLRET 0x00020u
#define LX_TABDLY 0x01800u
#define LX_XTABS  0x01800u

/* c_cflag */
#define LX_CBAUD   0x0100fu
#define LX_B38400  0x0000fu
#define LX_B115200 0x01002u
#define LX_CS8     0x00030u
#define LX_CREAD   0x00080u
#define LX_PARENB  0x00100u
#define LX_HUPCL   0x00400u
#define LX_CLOCAL  0x00800u
#define LX_CIBAUD  0x100f0000u

/* c_lflag */
#define LX_ISIG    0x00001u
#define LX_ICANON  0x00002u
#define LX_ECHO    0x00008u
#define LX_ECHOE   0x00010u
#define LX_ECHOK   0x00020u
#define LX_ECHONL  0x00040u
#define LX_NOFLSH  0x00080u
#define LX_TOSTOP  0x00100u
#define LX_ECHOCTL 0x00200u
#define LX_ECHOPRT 0x00400u
#define LX_ECHOKE  0x00800u
#define LX_IEXTEN  0x08000u
#define LX_EXTPROC 0x10000u

/* TIOCSETD */
#define LX_N_TTY 0

/* tcflow, tcflush */
#define LX_TCOOFF    0
#define LX_TCOON     1
#define LX_TCIOFF    2
#define LX_TCION     3
#define LX_TCIFLUSH  0
#define LX_TCOFLUSH  1
#define LX_TCIOFLUSH 2
