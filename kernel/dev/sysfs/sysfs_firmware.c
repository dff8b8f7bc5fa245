/* SPDX-License-Identifier: MIT */
/*
 * /sys/firmware/acpi/tables.
 *
 * The ACPI tables are shown byte by byte as they lie in memory (plat/acpi.h keeps them): acpidump
 * and iasl take it from there. A table is called by its signature; where several have the same, a
 * number from 1 on follows, in the order of the root table. All of it is root's, as on Linux.
 */
#include "kernel/dev/sysfs/sysfs_internal.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/plat/acpi.h"
#include "shared/linux/errno.h"

#define SIGNATURE_LEN 4u

static COLD int table_next(const struct procfs_node *dir, int number)
{
    const uint8_t *bytes;

    (void)dir;
    return acpi_table((unsigned)number, &bytes) ? number : PROCFS_NONE;
}

/* How many tables there are with the signature of number n, and how many of them up to it. */
static COLD unsigned tables_alike(unsigned n, unsigned *out_until)
{
    const uint8_t *bytes, *other;
    unsigned count = 0;

    *out_until = 0;
    if (!acpi_table(n, &bytes))
        return 0;
    for (unsigned i = 0; acpi_table(i, &other); i++) {
        if (memcmp(bytes, other, SIGNATURE_LEN) != 0)
            continue;
        count++;
        *out_until += i <= n;
    }
    return count;
}

static COLD void table_name(const struct procfs_node *node, char *text, size_t size)
{
    unsigned until, alike = tables_alike((unsigned)node->number, &until);
    char name[SIGNATURE_LEN + 1] = "";
    const uint8_t *bytes;

    if (acpi_table((unsigned)node->number, &bytes))
        for (unsigned i = 0; i < SIGNATURE_LEN; i++)
            name[i] = bytes[i] > ' ' && bytes[i] < 0x7f && bytes[i] != '/' ? (char)bytes[i] : '_';
    fmt_print(text, size, alike > 1 ? "%s%u" : "%s", name, until);
}

static COLD uint64_t table_size(const struct procfs_node *node)
{
    const uint8_t *bytes;

    return acpi_table((unsigned)node->number, &bytes);
}

static COLD int show_table(const struct procfs_node *node, struct procfs_text *text)
{
    const uint8_t *bytes;
    size_t nbytes = acpi_table((unsigned)node->number, &bytes);

    if (nbytes)
        procfs_put_block(text, bytes, nbytes);
    return 0;
}

static const struct procfs_entry table_entry = {
    .mode = LX_S_IFREG | 0400, .show = show_table, .sized = true, .size = table_size};

static COLD int table_find(const struct procfs_node *dir, int number, struct procfs_node *out)
{
    if (table_next(dir, number) < 0)
        return -ENOENT;
    out->entry = &table_entry;
    out->number = number;
    return 0;
}

/* Tables that were loaded later: there are none, but acpidump insists on the directory. */
static const struct procfs_dir no_dir;
static const struct procfs_entry tables_files[] = {SYSFS_DIR("dynamic", &no_dir)};

static const struct procfs_dir tables_dir = {.entries = tables_files,
                                             .count = ARRAY_SIZE(tables_files),
                                             .next = table_next,
                                             .find = table_find,
                                             .name_of = table_name};
static const struct procfs_entry acpi_files[] = {SYSFS_DIR("tables", &tables_dir)};
const struct procfs_dir sysfs_acpi_dir = {.entries = acpi_files, .count = ARRAY_SIZE(acpi_files)};
