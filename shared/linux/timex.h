/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/timex.h - adjtimex and clock_adjtime
 *
 * Used by: syscall/time; the ABI test compares with the host's <linux/timex.h>.
 */
#pragma once

#include <stdint.h>

#define LX_ADJ_OFFSET            0x0001u
#define LX_ADJ_FREQUENCY         0x0002u
#define LX_ADJ_MAXERROR          0x0004u
#define LX_ADJ_ESTERROR          0x0008u
#define LX_ADJ_STATUS            0x0010u
#define LX_ADJ_TIMECONST         0x0020u
#define LX_ADJ_TAI               0x0080u
#define LX_ADJ_SETOFFSET         0x0100u
#define LX_ADJ_MICRO             0x1000u
#define LX_ADJ_NANO              0x2000u
#define LX_ADJ_TICK              0x4000u
#define LX_ADJ_OFFSET_SINGLESHOT 0x8001u
#define LX_ADJ_OFFSET_SS_READ    0xa001u

#define LX_STA_PLL      0x0001
#define LX_STA_UNSYNC   0x0040
#define LX_STA_CLOCKERR 0x1000
#define LX_STA_NANO     0x2000
#define LX_STA_RONLY    0xff00

#define LX_TIME_OK    0
#define LX_TIME_ERROR 5

struct lx_timex {
    uint32_t modes, pad1;
    int64_t offset, freq, maxerror, esterror;
    int32_t status, pad2;
    int64_t constant, precision, tolerance;
    int64_t time_sec, time_usec;
    int64_t tick, ppsfreq, jitter;
    int32_t shift, pad3;
    int64_t stabil, jitcnt, calcnt, errcnt, stbcnt;
    int32_t tai, pad4[11];
};
