/* SPDX-License-Identifier: MIT */
/*
 * lib/bootinfo.h - is a hand-over block sane, and what is in it
 *
 * Owns:    every rule about struct bootinfo that can be checked without touching hardware.
 * Used by: the kernel, before anything else; the loader, on its own work before it jumps.
 * Rule:    safe on any contents: nothing outside mapped_bytes is read, whatever the block says.
 * Context: any, also before the first klog.
 * Tests:   tests/host/bootinfo_test.c, tests/host/bootinfo_fuzz.c
 */
#pragma once

#include "kernel/lib/util.h"
#include "shared/bootinfo.h"

/* NULL if the block is sane, else a sentence (static text) that names the first fault found.
 * mapped_bytes: how many bytes from info on may be read; at least 16, for magic, version and size.
 *
 * Checked: magic, version, size; the block inside mapped_bytes; ranges inside the block, at least
 * one, page-aligned, sorted, not overlapping, of known types, RAM below the end of the direct map;
 * strings inside the block, terminated, without a NUL inside; block, kernel, kernel_file, rootfs,
 * plan, tables, jump and trampoline each inside ranges of their own type (an extent may span
 * adjoining ranges of one type); the table root and the frames in use inside the pool; the
 * framebuffer plausible and not in RAM. Only kernel_file, plan, trampoline and framebuffer may be
 * missing. */
const char *bootinfo_check(const struct bootinfo *info, uint64_t mapped_bytes);

/* Of a checked block. */
static inline const struct bootinfo_range *bootinfo_ranges(const struct bootinfo *info)
{
    return (const struct bootinfo_range *)((const char *)info + info->ranges_offset);
}

static inline const char *bootinfo_cmdline(const struct bootinfo *info)
{
    return (const char *)info + info->cmdline_offset;
}

static inline const char *bootinfo_log(const struct bootinfo *info)
{
    return (const char *)info + info->log_offset;
}

static inline const char *bootinfo_firmware(const struct bootinfo *info)
{
    return (const char *)info + info->firmware_offset;
}

static inline bool bootinfo_type_is_direct(uint32_t type)
{
    return type < BOOTINFO_NTYPES && ((BOOTINFO_DIRECT_TYPES >> type) & 1);
}

/* A word for the log, "?" for an unknown type. */
const char *bootinfo_type_name(uint32_t type);
