/* SPDX-License-Identifier: MIT */
/*
 * tests/user/asleep.h - until another process has come to the call in which it sleeps
 *
 * Owns:    await_asleep.
 * Used by: poll_alone.c, pty_hangup.c, sig_restart.c. Needs /proc.
 * Why:     no pause is long enough for that: a host may take processors away for seconds.
 */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

static inline void await_asleep(int pid)
{
    char path[32], text[512] = "", state = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    while (state != 'S') {
        int fd = (int)CHECK_OK(open(path, O_RDONLY | O_CLOEXEC));

        CHECK(read(fd, text, sizeof(text) - 1) > 0);
        CHECK_OK(close(fd));
        CHECK(strrchr(text, ')'));
        state = strrchr(text, ')')[2];
        CHECK(state != 'Z');
        usleep(1000);
    }
}
