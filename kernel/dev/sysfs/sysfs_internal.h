/* SPDX-License-Identifier: MIT */
/*
 * dev/sysfs/sysfs_internal.h - what the files of /sys share
 *
 * Owns:    the directories that sysfs.c puts into their places.
 * Rule:    node->pid is the number of the thing that a directory is about (a processor, a PCI
 *          function), node->number that of a thing inside (a cache).
 * Used by: dev/sysfs.
 * Context: thread.
 */
#pragma once

#include "kernel/fs/procfs/procfs.h"
#include "shared/linux/stat.h"

struct bootinfo;

#define SYSFS_DIR(entry_name, table)                                                               \
    {                                                                                              \
        .name = (entry_name), .mode = LX_S_IFDIR | 0755, .dir = (table)                            \
    }
/* A file whose function shows several, told apart by entry->arg. */
#define SYSFS_TEXT(entry_name, permissions, function, what)                                        \
    {                                                                                              \
        .name = (entry_name), .mode = LX_S_IFREG | (permissions), .arg = (what),                   \
        .show = (function)                                                                         \
    }

void sysfs_dmi_init(const struct bootinfo *info);
extern const struct procfs_dir sysfs_dmi_dir;    /* firmware/dmi */
extern const struct procfs_dir sysfs_dmi_id_dir; /* class/dmi/id */

extern const struct procfs_dir sysfs_acpi_dir; /* firmware/acpi */

MUST_CHECK int sysfs_efi_init(const struct bootinfo *info);
extern const struct procfs_dir sysfs_efi_dir; /* firmware/efi */

extern const struct procfs_dir sysfs_cpu_dir;  /* devices/system/cpu */
extern const struct procfs_dir sysfs_node_dir; /* devices/system/node */

extern const struct procfs_dir sysfs_pci_dir; /* bus/pci/devices */
