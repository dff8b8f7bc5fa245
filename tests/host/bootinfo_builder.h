/* SPDX-License-Identifier: MIT */
/*
 * tests/host/bootinfo_builder.h - a sound hand-over block, for tests to break
 */
#pragma once

#include "kernel/lib/util.h"
#include "shared/bootinfo.h"

#define BOOTINFO_BUILD_RANGES 16

struct bootinfo_build {
    struct bootinfo info;
    struct bootinfo_range ranges[BOOTINFO_BUILD_RANGES];
    char cmdline[32];
    char log[32];
    char firmware[32];
};

/* A machine of 64 MiB with everything in it: all extents, a framebuffer, a trampoline. */
void bootinfo_build_machine(struct bootinfo_build *build);

/* The range of that type (the first one). */
struct bootinfo_range *bootinfo_build_range(struct bootinfo_build *build, uint32_t type);
