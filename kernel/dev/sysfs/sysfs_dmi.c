/* SPDX-License-Identifier: MIT */
/*
 * /sys/firmware/dmi and /sys/class/dmi/id: the SMBIOS tables, and single facts out of them.
 *
 * The entry point and the table are mapped for good, read-only, and shown as the firmware left
 * them; dmidecode does the rest. The table is bounded as the entry point says, and every
 * walk goes through lib/smbios.c.
 *
 * Numbers, serial numbers and the UUID are root's alone, as on Linux: they identify the machine.
 */
#include "kernel/dev/sysfs/sysfs_internal.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/klog.h"
#include "kernel/lib/smbios.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/vmalloc.h"
#include "shared/bootinfo.h"
#include "shared/linux/errno.h"

#define STRUCTURES_MAX 512

/* Constant after start-up; zero without SMBIOS. */
static const void *entry_point;
static const void *table;
static struct smbios_entry dmi;
static struct smbios_structure *structures; /* of the table, in its order */
static unsigned structures_count;

/* --- firmware/dmi/tables --- */

/* arg: 1 the table, 0 the entry point. */
static COLD uint64_t dmi_table_size(const struct procfs_node *node)
{
    return node->entry->arg ? dmi.nbytes : dmi.own_bytes;
}

static COLD int show_dmi_table(const struct procfs_node *node, struct procfs_text *text)
{
    procfs_put_block(text, node->entry->arg ? table : entry_point, dmi_table_size(node));
    return 0;
}

static const struct procfs_entry table_files[] = {
    {.name = "DMI",
     .mode = LX_S_IFREG | 0400,
     .arg = 1,
     .show = show_dmi_table,
     .sized = true,
     .size = dmi_table_size},
    {.name = "smbios_entry_point",
     .mode = LX_S_IFREG | 0400,
     .show = show_dmi_table,
     .sized = true,
     .size = dmi_table_size},
};
static const struct procfs_dir tables_dir = {.entries = table_files,
                                             .count = ARRAY_SIZE(table_files)};

/* --- firmware/dmi/entries: a directory a structure, TYPE-INSTANCE --- */

static COLD int structure_next(const struct procfs_node *dir, int number)
{
    (void)dir;
    return number < (int)structures_count ? number : PROCFS_NONE;
}

/* How many structures of the same type come before it. */
static COLD unsigned structure_instance(int n)
{
    unsigned before = 0;

    for (int i = 0; i < n; i++)
        before += structures[i].type == structures[n].type;
    return before;
}

static COLD void structure_name(const struct procfs_node *node, char *text, size_t size)
{
    fmt_print(text, size, "%u-%u", structures[node->pid].type, structure_instance(node->pid));
}

static COLD int show_structure_raw(const struct procfs_node *node, struct procfs_text *text)
{
    procfs_put_block(text, structures[node->pid].bytes, structures[node->pid].nbytes);
    return 0;
}

/* As Linux has it: the reader finds the end. */
static COLD uint64_t no_size(const struct procfs_node *node)
{
    (void)node;
    return 0;
}

static const struct procfs_entry structure_files[] = {
    {.name = "raw",
     .mode = LX_S_IFREG | 0400,
     .show = show_structure_raw,
     .sized = true,
     .size = no_size},
};
static const struct procfs_dir structure_dir = {.entries = structure_files,
                                                .count = ARRAY_SIZE(structure_files)};
static const struct procfs_entry structure_entry = SYSFS_DIR(NULL, &structure_dir);

static COLD int structure_find(const struct procfs_node *dir, int number, struct procfs_node *out)
{
    if (structure_next(dir, number) < 0)
        return -ENOENT;
    out->entry = &structure_entry;
    out->pid = number;
    return 0;
}

static const struct procfs_dir entries_dir = {
    .next = structure_next, .find = structure_find, .name_of = structure_name};

static const struct procfs_entry dmi_files[] = {
    SYSFS_DIR("entries", &entries_dir),
    SYSFS_DIR("tables", &tables_dir),
};
const struct procfs_dir sysfs_dmi_dir = {.entries = dmi_files, .count = ARRAY_SIZE(dmi_files)};

/* --- class/dmi/id --- */

enum fact_form { FACT_STRING, FACT_NUMBER, FACT_RELEASE, FACT_UUID };

/* In the first structure of that type; a file whose field is not there is not there either. */
static const struct fact {
    char name[20];
    uint8_t type, offset, form;
    bool secret;
} facts[] = {
    {"bios_vendor", 0, 4, FACT_STRING, false},
    {"bios_version", 0, 5, FACT_STRING, false},
    {"bios_date", 0, 8, FACT_STRING, false},
    {"bios_release", 0, 21, FACT_RELEASE, false},
    {"ec_firmware_release", 0, 23, FACT_RELEASE, false},
    {"sys_vendor", 1, 4, FACT_STRING, false},
    {"product_name", 1, 5, FACT_STRING, false},
    {"product_version", 1, 6, FACT_STRING, false},
    {"product_serial", 1, 7, FACT_STRING, true},
    {"product_uuid", 1, 8, FACT_UUID, true},
    {"product_sku", 1, 25, FACT_STRING, false},
    {"product_family", 1, 26, FACT_STRING, false},
    {"board_vendor", 2, 4, FACT_STRING, false},
    {"board_name", 2, 5, FACT_STRING, false},
    {"board_version", 2, 6, FACT_STRING, false},
    {"board_serial", 2, 7, FACT_STRING, true},
    {"board_asset_tag", 2, 8, FACT_STRING, false},
    {"chassis_vendor", 3, 4, FACT_STRING, false},
    {"chassis_type", 3, 5, FACT_NUMBER, false},
    {"chassis_version", 3, 6, FACT_STRING, false},
    {"chassis_serial", 3, 7, FACT_STRING, true},
    {"chassis_asset_tag", 3, 8, FACT_STRING, false},
};

#define UUID_NBYTES 16

/* The first structure with that field; NULL: none. */
static COLD const struct smbios_structure *fact_structure(const struct fact *fact)
{
    unsigned end = fact->offset + (fact->form == FACT_UUID ? UUID_NBYTES : 1u);

    for (unsigned i = 0; i < structures_count; i++)
        if (structures[i].type == fact->type && structures[i].length >= end)
            return &structures[i];
    return NULL;
}

/* Whether the firmware filled the field in: all bits alike say no. */
static COLD bool fact_is_set(const struct fact *fact, const uint8_t *field)
{
    if (fact->form == FACT_RELEASE)
        return field[0] != 0xff && field[-1] != 0xff;
    if (fact->form != FACT_UUID || (field[0] != 0 && field[0] != 0xff))
        return true;
    for (unsigned i = 1; i < UUID_NBYTES; i++)
        if (field[i] != field[0])
            return true;
    return false;
}

static COLD int fact_next(const struct procfs_node *dir, int number)
{
    (void)dir;
    for (; number < (int)ARRAY_SIZE(facts); number++) {
        const struct smbios_structure *at = fact_structure(&facts[number]);

        if (at && fact_is_set(&facts[number], at->bytes + facts[number].offset))
            return number;
    }
    return PROCFS_NONE;
}

static COLD void fact_name_of(const struct procfs_node *node, char *text, size_t size)
{
    str_copy(text, size, facts[node->number].name);
}

static COLD void uuid_print(const uint8_t *b, struct procfs_text *text)
{
    /* Since version 2.6 the first three fields are little-endian: 7.2.1 of the specification. */
    static const uint8_t order[UUID_NBYTES] = {3, 2, 1,  0,  5,  4,  7,  6,
                                               8, 9, 10, 11, 12, 13, 14, 15};

    for (unsigned i = 0; i < UUID_NBYTES; i++)
        procfs_print(text, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
                     b[dmi.version < 0x206 ? i : order[i]]);
}

/* A string of blanks is as good as none. */
static COLD const char *fact_string(const struct smbios_structure *at, unsigned number)
{
    const char *text = smbios_string(at, number), *end = text;

    while (*end == ' ')
        end++;
    return *end ? text : end;
}

/* The field lies in the structure: fact_next has seen to it. */
static COLD int show_fact(const struct procfs_node *node, struct procfs_text *text)
{
    const struct fact *fact = &facts[node->number];
    const struct smbios_structure *at = fact_structure(fact);
    const uint8_t *field = at->bytes + fact->offset;

    if (fact->form == FACT_STRING)
        procfs_print(text, "%s", fact_string(at, *field));
    else if (fact->form == FACT_NUMBER)
        procfs_print(text, "%u", *field & 0x7fu);
    else if (fact->form == FACT_RELEASE)
        procfs_print(text, "%u.%u", field[-1], field[0]);
    else
        uuid_print(field, text);
    procfs_put(text, "\n", 1);
    return 0;
}

static const struct procfs_entry fact_entries[] = {SYSFS_TEXT(NULL, 0444, show_fact, 0),
                                                   SYSFS_TEXT(NULL, 0400, show_fact, 0)};

static COLD int fact_find(const struct procfs_node *dir, int number, struct procfs_node *out)
{
    if (fact_next(dir, number) != number)
        return -ENOENT;
    out->entry = &fact_entries[facts[number].secret];
    out->number = number;
    return 0;
}

const struct procfs_dir sysfs_dmi_id_dir = {
    .next = fact_next, .find = fact_find, .name_of = fact_name_of};

/* --- start-up --- */

/* Twice through the table: to count, then to keep. What lies behind the last structure is not
 * shown: version 3 gives only an upper bound of the length. */
static COLD void structures_find(void)
{
    struct smbios_structure at = {0};
    unsigned count = 0;

    while (count < STRUCTURES_MAX && smbios_next(table, dmi.nbytes, &at))
        count++;
    dmi.nbytes = MIN(dmi.nbytes, at.offset + at.nbytes);
    structures = count ? kmalloc(count * sizeof(*structures)) : NULL;
    if (!structures)
        return;
    at = (struct smbios_structure){0};
    while (structures_count < count && smbios_next(table, dmi.nbytes, &at))
        structures[structures_count++] = at;
}

COLD void sysfs_dmi_init(const struct bootinfo *info)
{
    struct smbios_entry found;

    entry_point = info->smbios ? memremap(info->smbios, SMBIOS_ENTRY_MAX) : NULL;
    if (!entry_point || smbios_parse_entry(entry_point, SMBIOS_ENTRY_MAX, &found))
        return;
    table = memremap(found.table, found.nbytes);
    if (!table)
        return;
    dmi = found;
    structures_find();
    klog("smbios: version %u.%u, %u structures", dmi.version >> 8, dmi.version & 0xffu,
         structures_count);
}
