/* SPDX-License-Identifier: MIT */
/*
 * tests/host/loader_fake_keys.h - a person before the fake firmware, who presses what the test says
 */
#pragma once

#include <stdbool.h>

/* keys: the next ones, '.' for a time that passes without one. */
extern struct fake_person {
    bool attended;
    const char *keys;
    unsigned long waited_ms; /* for keys that did not come */
    unsigned waits_alone;
} the_person;
