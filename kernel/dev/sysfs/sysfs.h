/* SPDX-License-Identifier: MIT */
/*
 * dev/sysfs/sysfs.h - /sys: the machine as files
 *
 * Owns:    the tree on /sys, in the places and forms in which Linux has it: SMBIOS, ACPI tables,
 *          processors, PCI, EFI variables.
 * Used by: main.
 * Rule:    what a file shows was found at start-up, or is read with a bound: a walk through all of
 *          it by any user changes nothing. Only EFI variables wait, for one another and for the
 *          firmware, as long as plat/efi_runtime.h lets it take.
 * Context: start-up.
 * Fails:   -ENOMEM; -ENOENT without a directory /sys.
 * Tests:   tests/user/proc/sysfs_*.c, tests/hardware/
 */
#pragma once

#include "kernel/lib/util.h"

struct bootinfo;

/* After procfs_start. */
MUST_CHECK int sysfs_start(const struct bootinfo *info);
