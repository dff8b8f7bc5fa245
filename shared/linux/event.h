/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/event.h - eventfd, epoll, timerfd
 *
 * Used by: kernel/fs/event, kernel/syscall/fs/sys_eventfd.c, sys_epoll.c,
 *          kernel/syscall/time/sys_timerfd.c.
 */
#pragma once

#include <stdint.h>

#define LX_EFD_SEMAPHORE 1u

#define LX_TFD_TIMER_ABSTIME       1u
#define LX_TFD_TIMER_CANCEL_ON_SET 2u

#define LX_EPOLL_CTL_ADD 1
#define LX_EPOLL_CTL_DEL 2
#define LX_EPOLL_CTL_MOD 3

/* The low bits are those of poll. */
#define LX_EPOLLRDHUP     0x00002000u
#define LX_EPOLLEXCLUSIVE (1u << 28)
#define LX_EPOLLWAKEUP    (1u << 29)
#define LX_EPOLLONESHOT   (1u << 30)
#define LX_EPOLLET        (1u << 31)

struct lx_epoll_event {
    uint32_t events;
    uint64_t data;
} __attribute__((packed));
_Static_assert(sizeof(struct lx_epoll_event) == 12, "struct epoll_event");
