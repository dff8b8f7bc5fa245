/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/ioctl.h - requests of ioctl
 *
 * Used by: kernel/syscall/fs/sys_fcntl.c, kernel/dev.
 */
#pragma once

#define LX_TCGETS      0x5401u
#define LX_TCSETS      0x5402u
#define LX_TCSETSW     0x5403u
#define LX_TCSETSF     0x5404u
#define LX_TCGETA      0x5405u
#define LX_TCSETA      0x5406u
#define LX_TCSETAW     0x5407u
#define LX_TCSETAF     0x5408u
#define LX_TCSBRK      0x5409u
#define LX_TCXONC      0x540au
#define LX_TCFLSH      0x540bu
#define LX_TIOCEXCL    0x540cu
#define LX_TIOCNXCL    0x540du
#define LX_TIOCSCTTY   0x540eu
#define LX_TIOCGPGRP   0x540fu
#define LX_TIOCSPGRP   0x5410u
#define LX_TIOCOUTQ    0x5411u
#define LX_TIOCSTI     0x5412u
#define LX_TIOCGWINSZ  0x5413u
#define LX_TIOCSWINSZ  0x5414u
#define LX_FIONREAD    0x541bu
#define LX_TIOCPKT     0x5420u
#define LX_FIONBIO     0x5421u
#define LX_TIOCNOTTY   0x5422u
#define LX_TIOCSETD    0x5423u
#define LX_TIOCGETD    0x5424u
#define LX_TCSBRKP     0x5425u
#define LX_TIOCGSID    0x5429u
#define LX_TCGETS2     0x802c542au
#define LX_TCSETS2     0x402c542bu
#define LX_TCSETSW2    0x402c542cu
#define LX_TCSETSF2    0x402c542du
#define LX_TIOCGPTN    0x80045430u
#define LX_TIOCSPTLCK  0x40045431u
#define LX_TIOCGPTLCK  0x80045439u
#define LX_TIOCVHANGUP 0x5437u
#define LX_TIOCGPKT    0x80045438u
#define LX_TIOCGEXCL   0x80045440u
#define LX_TIOCGPTPEER 0x5441u

/* The control byte of packet mode. */
#define LX_TIOCPKT_DATA       0u
#define LX_TIOCPKT_FLUSHREAD  1u
#define LX_TIOCPKT_FLUSHWRITE 2u
#define LX_TIOCPKT_STOP       4u
#define LX_TIOCPKT_START      8u
#define LX_TIOCPKT_NOSTOP     16u
#define LX_TIOCPKT_DOSTOP     32u
#define LX_TIOCPKT_IOCTL      64u

#define LX_TIOCGLCKTRMIOS 0x5456u
#define LX_TIOCSLCKTRMIOS 0x5457u

#define LX_FIONCLEX 0x5450u
#define LX_FIOCLEX  0x5451u
#define LX_FIOASYNC 0x5452u
/* Of sockets. */
#define LX_FIOSETOWN 0x8901u
#define LX_SIOCSPGRP 0x8902u
#define LX_FIOGETOWN 0x8903u
#define LX_SIOCGPGRP 0x8904u
#define LX_FIOQSIZE  0x5460u

/* Every file. */
#define LX_FIGETBSZ 2u

/* /dev/random */
#define LX_RNDGETENTCNT   0x80045200u
#define LX_RNDADDTOENTCNT 0x40045201u
#define LX_RNDADDENTROPY  0x40085203u
#define LX_RNDZAPENTCNT   0x5204u
#define LX_RNDCLEARPOOL   0x5206u
#define LX_RNDRESEEDCRNG  0x5207u
