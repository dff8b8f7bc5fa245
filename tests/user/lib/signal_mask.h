/* SPDX-License-Identifier: MIT */
/*
 * tests/user/lib/signal_mask.h - one signal in or out of the caller's mask
 *
 * Used by: tests of signals. how: as for sigprocmask, SIG_BLOCK or SIG_UNBLOCK.
 */
#pragma once

#include <signal.h>

#include "tests/user/lib/check.h"

static inline void signal_mask_change(int how, int sig)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, sig);
    CHECK_OK(sigprocmask(how, &set, NULL));
}
