/* SPDX-License-Identifier: MIT */
/*
 * selftest/user_stub.h - runs a few instructions as a program
 *
 * The code is wrapped into an ELF file in the root filesystem, started through usermode_run like
 * any other program, and the file is removed.
 * Context: the boot thread.
 */
#pragma once

#include "kernel/proc/usermode.h"

struct user_stub {
    const char *begin, *end;
};

#define USER_STUB_DECLARE(name)                                                                    \
    extern const char user_stub_##name##_begin[], user_stub_##name##_end[]
#define USER_STUB(name)                                                                            \
    (struct user_stub)                                                                             \
    {                                                                                              \
        user_stub_##name##_begin, user_stub_##name##_end                                           \
    }

#define USER_STUB_PATH "/tmp/.user_stub"

/* Makes the file; to be run any number of times, and removed. */
MUST_CHECK int user_stub_install(struct user_stub code);
MUST_CHECK int user_stub_run_installed(struct wait_status *status);
void user_stub_remove(void);

/* All three. */
MUST_CHECK int user_stub_run(struct user_stub code, struct wait_status *status);
