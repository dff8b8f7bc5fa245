/* SPDX-License-Identifier: MIT */
/*
 * selftest/snippet.h - runs a few instructions as a program
 *
 * The code is wrapped into an ELF file in the root filesystem, started through usermode_run like
 * any other program, and the file is removed.
 * Context: the boot thread.
 */
#pragma once

#include "kernel/proc/usermode.h"

struct snippet {
    const char *begin, *end;
};

#define SNIPPET_DECLARE(name) extern const char snippet_##name##_begin[], snippet_##name##_end[]
#define SNIPPET(name)                                                                              \
    (struct snippet)                                                                               \
    {                                                                                              \
        snippet_##name##_begin, snippet_##name##_end                                               \
    }

#define SNIPPET_PATH "/tmp/.snippet"

/* Makes the file; to be run any number of times, and removed. */
MUST_CHECK int snippet_install(struct snippet code);
MUST_CHECK int snippet_run_installed(struct wait_status *status);
void snippet_remove(void);

/* All three. */
MUST_CHECK int snippet_run(struct snippet code, struct wait_status *status);
