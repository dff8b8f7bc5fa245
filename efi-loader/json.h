/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/json.h - text of devices in JSON
 *
 * Used by: the inventory.
 * Rule:    whatever a device says, what comes out is valid JSON in printable ASCII.
 * Tests:   tests/host/loader_inventory_test.c
 */
#pragma once

#include "efi-loader/text.h"

/* The bytes as a string in quotes, without blanks and NULs at both ends; what cannot be printed
 * becomes '?'. */
void json_string(struct text *out, const void *bytes, size_t nbytes);

/* The same as a member ",\"KEY\":STRING"; none where nothing is left of it. */
void json_member(struct text *out, const char *key, const void *bytes, size_t nbytes);
