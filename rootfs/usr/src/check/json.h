/* SPDX-License-Identifier: MIT */
/*
 * rootfs/usr/src/check/json.h - a reader of JSON, in place
 *
 * Used by: disks.c, found.c.
 * Rule:    a value is a pointer to its first character in NUL-terminated text, which json_check has
 *          found to be sound; NULL stands for one that is not there.
 * Tests:   tests/system/test_inventory.py
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the text is one JSON value and nothing else, not nested too deeply. */
bool json_check(const char *text);

/* The value of that key of an object. */
const char *json_member(const char *object, const char *key);

/* The first element of an array, and the one after an element; NULL at the end. */
const char *json_first(const char *array);
const char *json_next(const char *element);

/* A number of whole units; without: it is not there, or something else. */
uint64_t json_number(const char *value, uint64_t without);
bool json_is(const char *value, const char *word); /* true, false, null, or a string "word" */
/* The string's text, cut to the size; escapes other than \" \\ \/ become '?'. Empty: none. */
const char *json_string(const char *value, char *to, size_t size);
