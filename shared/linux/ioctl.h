/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/ioctl.h - requests of ioctl
 *
 * Used by: kernel/syscall/sys_fcntl.c, kernel/dev.
 */
#pragma once

#define LX_TCGETS     0x5401u
#define LX_TCSETS     0x5402u
#define LX_TCSETSW    0x5403u
#define LX_TCSETSF    0x5404u
#define LX_TIOCGPGRP  0x540fu
#define LX_TIOCSPGRP  0x5410u
#define LX_TIOCGWINSZ 0x5413u
#define LX_TIOCSWINSZ 0x5414u
#define LX_FIONREAD   0x541bu
#define LX_FIONBIO    0x5421u
#define LX_FIONCLEX   0x5450u
#define LX_FIOCLEX    0x5451u
#define LX_FIOASYNC   0x5452u
#define LX_FIOQSIZE   0x5460u
