/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/menu.h - what a person may choose before the kernel starts
 *
 * Used by: payload.c, between the command line and the plan.
 * Rule:    asked only where somebody may be there (keys.h), or where ask=SECONDS says so; every
 *          wait is bounded, and no key means that everything stays as the files say.
 * Tests:   tests/host/loader_menu_test.c, tests/system/test_menu.py
 */
#pragma once

#include "efi-loader/files.h"
#include "kernel/lib/util.h"

struct menu {
    char *cmdline; /* words are appended */
    size_t capacity;
    char plan[FILES_NAME]; /* the file that was chosen; "": none was */
};

/* Shows the keys and counts down. Whatever fails is said and leaves things as they were. */
void menu_ask(struct menu *menu, struct files *files, struct memory *memory);
