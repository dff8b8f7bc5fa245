/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/interface.h - network interfaces: requests of ioctl, flags
 *
 * Used by: kernel/net.
 */
#pragma once

#include <stdint.h>

#define LX_SIOCGIFNAME    0x8910u
#define LX_SIOCGIFCONF    0x8912u
#define LX_SIOCGIFFLAGS   0x8913u
#define LX_SIOCSIFFLAGS   0x8914u
#define LX_SIOCGIFADDR    0x8915u
#define LX_SIOCGIFDSTADDR 0x8917u
#define LX_SIOCGIFBRDADDR 0x8919u
#define LX_SIOCGIFNETMASK 0x891bu
#define LX_SIOCGIFMETRIC  0x891du
#define LX_SIOCGIFMTU     0x8921u
#define LX_SIOCGIFHWADDR  0x8927u
#define LX_SIOCGIFINDEX   0x8933u
#define LX_SIOCGIFTXQLEN  0x8942u

#define LX_IFF_UP       0x1
#define LX_IFF_LOOPBACK 0x8
#define LX_IFF_RUNNING  0x40

#define LX_ARPHRD_LOOPBACK 772
#define LX_IFNAMSIZ        16

struct lx_ifreq {
    char name[LX_IFNAMSIZ];
    union {
        struct {
            uint16_t family, port;
            uint32_t address;
        } address;
        int16_t flags;
        int32_t number;
        char bytes[24];
    };
};

struct lx_ifconf {
    int32_t nbytes;
    int32_t pad;
    uint64_t requests;
};

_Static_assert(sizeof(struct lx_ifreq) == 40, "the ABI's layout");
