/* SPDX-License-Identifier: MIT */
/*
 * tests/user/lib/child.h - the ends of children, as wait(2) gives them
 *
 * Used by: tests in which a child does something and how it ends is the result.
 */
#pragma once

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

/* Waits for it. */
static inline int child_end(pid_t pid)
{
    int status = -1;

    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return status;
}

/* Of a new one that runs function, and ends with 0 if that returns. */
static inline int child_status(void (*function)(void))
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        function();
        _exit(0);
    }
    return child_end(pid);
}
