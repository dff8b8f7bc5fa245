/* SPDX-License-Identifier: MIT */
/*
 * /sys/bus/pci/devices, as lspci reads it.
 *
 * A node's pid is the index in plat/pci.h's list. The functions' directories are here themselves,
 * where Linux has links into /sys/devices: nothing that reads them by name sees a difference.
 *
 * Everyone may read the first 64 bytes of configuration space, root all of it: what lies behind are
 * capabilities, and there are devices that do not like to be asked. Nothing can be written.
 */
#include "kernel/dev/sysfs/sysfs_internal.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/pci_config.h"
#include "kernel/plat/pci.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"

#define CONFIG_OPEN  64u /* bytes that everyone may read */
#define CHUNK        64u
#define LINES_FIRST  7u  /* lines of `resource` that are about registers */
#define LINES        13u /* with those of virtual functions, which are empty */
#define LINES_BRIDGE 17u /* with windows */
#define LINE_WINDOW  13u

static COLD const struct pci_function *function_of(const struct procfs_node *node)
{
    return pci_function((unsigned)node->pid);
}

/* --- files of a function --- */

/* A field of configuration space: where it is, how long, and how wide it is shown. */
static const struct field {
    uint8_t offset, nbytes, digits;
} fields[] = {{0x00, 2, 4}, {0x02, 2, 4}, {0x08, 1, 2}, {0x09, 3, 6}, {0x2c, 2, 4}, {0x2e, 2, 4}};
#define FIELD_SUBSYSTEM 0x2cu
enum { FIELD_VENDOR, FIELD_DEVICE, FIELD_REVISION, FIELD_CLASS, FIELD_SUBVENDOR, FIELD_SUBDEVICE };

static COLD uint32_t field_read(const struct pci_function *at, unsigned offset, unsigned nbytes)
{
    uint32_t value = pci_config_read(at, offset) >> (offset % 4 * 8);

    return nbytes < 4 ? value & ((1u << nbytes * 8) - 1) : value;
}

/* A bridge keeps the identifiers of its maker in a capability, if at all. */
static COLD int show_field(const struct procfs_node *node, struct procfs_text *text)
{
    const struct field *field = &fields[node->entry->arg];
    const struct pci_function *at = function_of(node);
    unsigned offset = field->offset;

    if (offset >= FIELD_SUBSYSTEM && at->is_bridge) {
        unsigned capability = pci_find_capability(at, PCI_CAPABILITY_SUBSYSTEM);

        offset = capability ? capability + 4 + (offset - FIELD_SUBSYSTEM) : 0;
    }
    procfs_print(text, "0x%0*x\n", field->digits,
                 offset || !field->offset ? field_read(at, offset, field->nbytes) : 0);
    return 0;
}

/* As the firmware has set it: nothing here asks for interrupts of PCI. */
static COLD int show_irq(const struct procfs_node *node, struct procfs_text *text)
{
    uint32_t value = pci_config_read(function_of(node), PCI_REG_INTERRUPT);

    procfs_print(text, "%u\n", value >> 8 & 0xff ? value & 0xff : 0);
    return 0;
}

static COLD int show_numa_node(const struct procfs_node *node, struct procfs_text *text)
{
    (void)node;
    procfs_print(text, "-1\n");
    return 0;
}

static COLD int show_resource(const struct procfs_node *node, struct procfs_text *text)
{
    static const struct pci_resource none;
    const struct pci_function *at = function_of(node);

    for (unsigned i = 0; i < (at->is_bridge ? LINES_BRIDGE : LINES); i++) {
        unsigned window = i - LINE_WINDOW;
        const struct pci_resource *line = i < LINES_FIRST ? &at->resources[i]
                                          : i >= LINE_WINDOW && window < PCI_WINDOWS
                                              ? &at->resources[LINES_FIRST + window]
                                              : &none;

        procfs_print(text, "0x%016lx 0x%016lx 0x%016x\n", line->start, line->end, line->flags);
    }
    return 0;
}

/* --- config --- */

static COLD uint64_t config_size(const struct procfs_node *node)
{
    return function_of(node)->config_nbytes;
}

static COLD int64_t config_read(struct file *file, struct user_iter *io, int64_t *offset)
{
    const struct pci_function *at = function_of(inode_procfs(file->inode));
    uint64_t end = file->access & FILE_PRIVILEGED ? at->config_nbytes : CONFIG_OPEN;
    int64_t total = 0;

    /* By words, of which the reader gets what it asked for. */
    while (io->left > 0 && (uint64_t)*offset < end) {
        uint32_t words[CHUNK / 4];
        uint64_t skip = (uint64_t)*offset % CHUNK;
        size_t wanted = MIN(MIN(io->left, CHUNK - skip), end - (uint64_t)*offset), done;

        for (uint64_t i = skip / 4; i <= (skip + wanted - 1) / 4; i++)
            words[i] = pci_config_read(at, (unsigned)((uint64_t)*offset - skip + 4 * i));
        done = user_iter_put(io, (const uint8_t *)words + skip, wanted);
        *offset += (int64_t)done;
        total += (int64_t)done;
        if (done < wanted)
            return total ? total : -EFAULT;
    }
    return total;
}

static COLD int64_t config_write(struct file *file, struct user_iter *io, int64_t *offset)
{
    (void)file, (void)io, (void)offset;
    return -EPERM;
}

static COLD int64_t config_seek(struct file *file, int64_t offset, int whence)
{
    return file_seek_bounded(file, offset, whence, config_size(inode_procfs(file->inode)));
}

static const struct file_ops config_ops = {
    .read = config_read, .write = config_write, .seek = config_seek};

static const struct procfs_entry function_files[] = {
    SYSFS_TEXT("class", 0444, show_field, FIELD_CLASS),
    {.name = "config",
     .mode = LX_S_IFREG | 0644,
     .own_ops = true,
     .file_ops = &config_ops,
     .sized = true,
     .size = config_size},
    SYSFS_TEXT("device", 0444, show_field, FIELD_DEVICE),
    SYSFS_TEXT("irq", 0444, show_irq, 0),
    SYSFS_TEXT("numa_node", 0644, show_numa_node, 0),
    SYSFS_TEXT("resource", 0444, show_resource, 0),
    SYSFS_TEXT("revision", 0444, show_field, FIELD_REVISION),
    SYSFS_TEXT("subsystem_device", 0444, show_field, FIELD_SUBDEVICE),
    SYSFS_TEXT("subsystem_vendor", 0444, show_field, FIELD_SUBVENDOR),
    SYSFS_TEXT("vendor", 0444, show_field, FIELD_VENDOR),
};

static const struct procfs_dir function_dir = {.entries = function_files,
                                               .count = ARRAY_SIZE(function_files)};
static const struct procfs_entry function_entry = SYSFS_DIR(NULL, &function_dir);

/* --- bus/pci/devices --- */

static COLD int function_next(const struct procfs_node *dir, int number)
{
    (void)dir;
    return pci_function((unsigned)number) ? number : PROCFS_NONE;
}

static COLD int function_find(const struct procfs_node *dir, int number, struct procfs_node *out)
{
    if (function_next(dir, number) < 0)
        return -ENOENT;
    out->entry = &function_entry;
    out->pid = number;
    return 0;
}

static COLD void function_name_of(const struct procfs_node *node, char *text, size_t size)
{
    const struct pci_function *at = function_of(node);

    fmt_print(text, size, "%04x:%02x:%02x.%u", at->segment, at->bus, at->devfn >> 3u,
              at->devfn & 7u);
}

const struct procfs_dir sysfs_pci_dir = {
    .next = function_next, .find = function_find, .name_of = function_name_of};
