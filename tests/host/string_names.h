/* SPDX-License-Identifier: MIT */
/*
 * tests/host/string_names.h - string.c under names that do not clash with the C library's
 *
 * Included before anything else when string.c is compiled for string_test.
 */
#pragma once

#define memcpy   lib_memcpy
#define memmove  lib_memmove
#define memset   lib_memset
#define memcmp   lib_memcmp
#define memchr   lib_memchr
#define strlen   lib_strlen
#define strnlen  lib_strnlen
#define strcmp   lib_strcmp
#define strncmp  lib_strncmp
#define strchr   lib_strchr
#define strrchr  lib_strrchr
#define str_copy lib_str_copy
