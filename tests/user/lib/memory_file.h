/* SPDX-License-Identifier: MIT */
/*
 * tests/user/lib/memory_file.h - a file without a name on a file system that is memory
 *
 * Rule:    Linux's disk file systems end earlier and seal differently, and where a test runs there
 *          may be no tmpfs; memfd_create, where there is one, gives such a file anywhere.
 * Used by: error_order.c, file_last_byte.c
 */
#pragma once

/* Open for reading and writing. read_only: NULL, or gets a second descriptor, which on Linux needs
 * /proc. Ends the program where that is not to be had. */
int memory_file(int *read_only);
