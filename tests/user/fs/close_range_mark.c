/* SPDX-License-Identifier: MIT */
/*
 * close_range(2) with CLOSE_RANGE_CLOEXEC marks the descriptors of the range that are open, and no
 * others: all ranges between numbers around multiples of 64, and beyond the last one.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define FIRST   10
#define END     200
#define CLOEXEC 4

static const unsigned edges[] = {FIRST, 62, 63, 64, 65, 127, 128, 191, 192, END - 1, 300, ~0u};
#define EDGES (sizeof(edges) / sizeof(edges[0]))

static void check_range(unsigned first, unsigned last)
{
    for (int fd = FIRST; fd < END; fd++)
        if (fd % 3)
            CHECK_OK(fcntl(fd, F_SETFD, 0));
    CHECK_OK(raw3(SYS_close_range, first, last, CLOEXEC));
    for (unsigned fd = FIRST; fd < END; fd++)
        if (fd % 3)
            CHECK_EQ(fcntl((int)fd, F_GETFD), fd >= first && fd <= last);
        else
            CHECK_ERR(fcntl((int)fd, F_GETFD), EBADF);
}

int main(void)
{
    for (int fd = FIRST; fd < END; fd++)
        if (fd % 3) /* holes are between them */
            CHECK_EQ(dup2(1, fd), fd);
        else
            close(fd);
    for (unsigned i = 0; i < EDGES; i++)
        for (unsigned k = i; k < EDGES; k++)
            check_range(edges[i], edges[k]);
    /* A number that was marked while it was free is not, when it is used. */
    CHECK_OK(raw3(SYS_close_range, FIRST, ~0u, CLOEXEC));
    CHECK_EQ(dup2(1, 66), 66);
    CHECK_EQ(fcntl(66, F_GETFD), 0);
    return 0;
}
