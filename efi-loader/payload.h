/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/payload.h - what the loader brings: kernel, root filesystem, plan, command line
 *
 * Owns:    which files are read, which may be missing, how large they may be, and the sentence
 *          that refuses a broken one.
 * Used by: main.c.
 * Rule:    every failure has been reported (log_refuse) when a function here returns it; the caller
 *          only gives the memory back.
 */
#pragma once

#include "efi-loader/files.h"
#include "efi-loader/image.h"

#define PAYLOAD_CMDLINE_CAPACITY 4096

struct payload {
    struct bootinfo_extent kernel_file;
    struct bootinfo_extent rootfs;
    struct bootinfo_extent plan; /* zero: there is none, or it is empty */
    bool plan_present;
    struct image kernel;
    char cmdline[PAYLOAD_CMDLINE_CAPACITY];
};

/* Reads and checks everything. options: text of the load options, words that win over boot.cfg. */
MUST_CHECK int payload_load(struct files *files, struct memory *memory, const char *options,
                            struct payload *payload);
