/* SPDX-License-Identifier: MIT */
/*
 * The tree on /sys.
 *
 * Tables alone: what is in the directories is in the files beside this one. Paths, modes and forms
 * are Linux's, since Debian's tools open them by name. What has no meaning here (drivers, power,
 * uevents) is not there, and tools take it for a kernel without.
 */
#include "kernel/dev/sysfs/sysfs.h"

#include "kernel/dev/sysfs/sysfs_internal.h"
#include "kernel/lib/bootinfo.h"

#define SYSFS_FILE_NBYTES 4096

#define DIR_OF(files)                                                                              \
    {                                                                                              \
        .entries = (files), .count = ARRAY_SIZE(files)                                             \
    }

/* Firmware's own words. */
static const struct procfs_entry firmware_files[] = {
    SYSFS_DIR("acpi", &sysfs_acpi_dir),
    SYSFS_DIR("dmi", &sysfs_dmi_dir),
    SYSFS_DIR("efi", &sysfs_efi_dir),
};
static const struct procfs_dir firmware_dir = DIR_OF(firmware_files);

static const struct procfs_entry dmi_class_files[] = {SYSFS_DIR("id", &sysfs_dmi_id_dir)};
static const struct procfs_dir dmi_class_dir = DIR_OF(dmi_class_files);

static const struct procfs_entry system_files[] = {
    SYSFS_DIR("cpu", &sysfs_cpu_dir),
    SYSFS_DIR("node", &sysfs_node_dir),
};
static const struct procfs_dir system_dir = DIR_OF(system_files);

static const struct procfs_entry bus_pci_files[] = {SYSFS_DIR("devices", &sysfs_pci_dir)};
static const struct procfs_dir bus_pci_dir = DIR_OF(bus_pci_files);

static const struct procfs_entry class_files[] = {SYSFS_DIR("dmi", &dmi_class_dir)};
static const struct procfs_dir class_dir = DIR_OF(class_files);

static const struct procfs_entry bus_files[] = {SYSFS_DIR("pci", &bus_pci_dir)};
static const struct procfs_dir bus_dir = DIR_OF(bus_files);

static const struct procfs_entry devices_files[] = {
    SYSFS_DIR("system", &system_dir),
};
static const struct procfs_dir devices_dir = DIR_OF(devices_files);

static const struct procfs_entry root_files[] = {
    SYSFS_DIR("bus", &bus_dir),
    SYSFS_DIR("class", &class_dir),
    SYSFS_DIR("devices", &devices_dir),
    SYSFS_DIR("firmware", &firmware_dir),
};
static const struct procfs_dir root_dir = DIR_OF(root_files);
static const struct procfs_entry root_entry = SYSFS_DIR("", &root_dir);

static const struct procfs_tree sysfs_tree = {
    .type = "sysfs",
    .magic = LX_SYSFS_MAGIC,
    .file_nbytes = SYSFS_FILE_NBYTES,
    .root = &root_entry,
};

COLD int sysfs_start(const struct bootinfo *info)
{
    int err = sysfs_efi_init(info);

    if (err)
        return err;
    sysfs_dmi_init(info);
    /* What the tables lead to is there before the mount makes it visible. */
    return procfs_tree_mount(&sysfs_tree, "sys");
}
