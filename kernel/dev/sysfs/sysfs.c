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

/* Filled at start-up, since an entry can be in one table only and these are in other files. */
static struct procfs_entry dmi_class_files[1], system_files[2], bus_pci_files[1];
static const struct procfs_dir dmi_class_dir = DIR_OF(dmi_class_files);
static const struct procfs_dir system_dir = DIR_OF(system_files);
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

int sysfs_start(const struct bootinfo *info)
{
    sysfs_dmi_init(info);
    sysfs_firmware_init(info);
    dmi_class_files[0] = sysfs_dmi_id_entry;
    system_files[0] = sysfs_cpu_entry;
    system_files[1] = sysfs_node_entry;
    bus_pci_files[0] = sysfs_pci_entry;
    /* The tables are whole before the mount makes them visible. */
    return procfs_tree_mount(&sysfs_tree, "sys");
}
