/* SPDX-License-Identifier: MIT */
/*
 * tests/user/lib/rights.h - descriptors in messages of AF_UNIX
 *
 * Used by: tests/user/net/unix_rights.c, unix_cycle.c.
 */
#pragma once

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define RIGHTS_MAX 256

/* Without the C library, which has bounds of its own. */
static inline long rights_errno(long result)
{
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}

union rights_buffer {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(RIGHTS_MAX * sizeof(int)) + CMSG_SPACE(64)];
};

/* sendmsg of `nbytes` bytes and the descriptors. */
static inline long rights_send(int fd, const char *text, size_t nbytes, const int *fds, int count)
{
    struct iovec vector = {(void *)(uintptr_t)text, nbytes};
    union rights_buffer control = {0};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = CMSG_SPACE((size_t)count * sizeof(int))};

    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
    memcpy(CMSG_DATA(&control.header), fds, (size_t)count * sizeof(int));
    return rights_errno(raw3(SYS_sendmsg, fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

struct rights_got {
    long nbytes;
    int flags, count; /* descriptors; -1: another control message */
    size_t control_nbytes;
    int fds[RIGHTS_MAX];
    char text[64];
};

/* recvmsg with so many bytes of room for control messages; RIGHTS_NO_CONTROL: no buffer. */
#define RIGHTS_NO_CONTROL ((size_t)-1)
static inline void rights_receive(int fd, size_t nbytes, size_t room, int flags,
                                  struct rights_got *got)
{
    struct iovec vector = {got->text, nbytes};
    union rights_buffer control;
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

    memset(&control, 0, sizeof(control));
    if (room != RIGHTS_NO_CONTROL) {
        message.msg_control = &control;
        message.msg_controllen = room;
    }
    got->nbytes = rights_errno(raw3(SYS_recvmsg, fd, &message, flags));
    got->flags = message.msg_flags;
    got->control_nbytes = message.msg_controllen;
    got->count = 0;
    if (got->nbytes < 0 || message.msg_controllen < sizeof(control.header))
        return;
    if (control.header.cmsg_type != SCM_RIGHTS) {
        got->count = -1;
        return;
    }
    got->count = (int)((control.header.cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(got->fds, CMSG_DATA(&control.header), (size_t)got->count * sizeof(int));
}

static inline void rights_close(const struct rights_got *got)
{
    for (int i = 0; i < got->count; i++)
        CHECK_OK(close(got->fds[i]));
}
