/* SPDX-License-Identifier: MIT */
/*
 * tests/user/lib/mqueue.h - POSIX message queues by the calls themselves
 *
 * Used by: tests/user/ipc/mqueue_*.c. A C library takes the slash off a name and changes an errno;
 *          these do not. Results as of libc's functions: -1 and errno.
 */
#pragma once

#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

static inline long mq_result(long result)
{
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}

static inline int queue_open(const char *name, int flags, int mode, const struct mq_attr *attr)
{
    return (int)mq_result(raw4(SYS_mq_open, name, flags, mode, attr));
}

static inline int queue_unlink(const char *name)
{
    return (int)mq_result(raw1(SYS_mq_unlink, name));
}

static inline int queue_send(int fd, const void *bytes, size_t nbytes, unsigned priority,
                             const struct timespec *until)
{
    return (int)mq_result(raw6(SYS_mq_timedsend, fd, bytes, nbytes, priority, until, 0));
}

static inline long queue_receive(int fd, void *bytes, size_t nbytes, unsigned *priority,
                                 const struct timespec *until)
{
    return mq_result(raw6(SYS_mq_timedreceive, fd, bytes, nbytes, priority, until, 0));
}

static inline int queue_notify(int fd, const struct sigevent *event)
{
    return (int)mq_result(raw2(SYS_mq_notify, fd, event));
}

static inline int queue_attr(int fd, const struct mq_attr *new, struct mq_attr *old)
{
    return (int)mq_result(raw3(SYS_mq_getsetattr, fd, new, old));
}

/* One of that many messages of so many bytes, that nothing has made before. */
static inline int queue_new(const char *name, int flags, long maxmsg, long msgsize)
{
    struct mq_attr attr = {.mq_maxmsg = maxmsg, .mq_msgsize = msgsize};

    queue_unlink(name);
    return (int)CHECK_OK(queue_open(name, flags | O_CREAT | O_EXCL, 0600, &attr));
}

/* So many milliseconds from now. */
static inline struct timespec real_time_in(long ms)
{
    struct timespec time;

    CHECK_OK(clock_gettime(CLOCK_REALTIME, &time));
    time.tv_nsec += ms % 1000 * 1000000;
    time.tv_sec += ms / 1000 + time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}
