/* SPDX-License-Identifier: MIT */
/*
 * Which memory module holds an address, by the structures of SMBIOS 3.x (DSP0134).
 *
 * Type 20 maps addresses to modules; firmware may leave it out, and then type 19 maps them to an
 * array of modules, of which only the populated ones can be meant.
 */
#include "rootfs/usr/src/check/smbios.h"

#include <stdio.h>
#include <string.h>

#include "rootfs/usr/src/check/check.h"

#define TABLE_MAX (128u << 10)

static uint8_t table[TABLE_MAX];
static size_t table_size;

bool smbios_load(const char *path)
{
    long got = file_read(path ? path : "/sys/firmware/dmi/tables/DMI", table, sizeof(table));

    table_size = got > 0 ? (size_t)got : 0;
    return table_size > 0;
}

bool smbios_item_next(struct smbios_structure *item)
{
    return smbios_next(table, table_size, item);
}

/* Types 19 and 20: first and last address in KiB, or in bytes further behind. */
static bool maps(const struct smbios_structure *item, unsigned wide, uint64_t physical)
{
    uint64_t first = smbios_number(item, 4, 4), last = smbios_number(item, 8, 4);

    if (first == 0xffffffff)
        return physical >= smbios_number(item, wide, 8) &&
               physical <= smbios_number(item, wide + 8, 8);
    return physical >> 10 >= first && physical >> 10 <= last;
}

/* Adds the populated modules whose own handle, or whose array's, is that one. */
static void modules_add(uint16_t handle, bool of_array, char *text, size_t size, unsigned *count)
{
    struct smbios_structure item = {0};

    while (smbios_item_next(&item)) {
        size_t used = strlen(text);

        if (item.type != SMBIOS_MODULE || !smbios_module_size(&item) ||
            handle != (of_array ? smbios_number(&item, 4, 2) : item.handle))
            continue;
        snprintf(text + used, size - used, "%s%s %s (%s %s, serial number %s)", used ? " or " : "",
                 smbios_text(&item, 0x10), smbios_text(&item, 0x11), smbios_text(&item, 0x17),
                 smbios_text(&item, 0x1a), smbios_text(&item, 0x18));
        (*count)++;
    }
}

void smbios_module_text(uint64_t physical, char *text, size_t size)
{
    struct smbios_structure item = {0};
    unsigned count = 0;

    text[0] = '\0';
    while (smbios_item_next(&item))
        if (item.type == SMBIOS_MODULE_MAPPED && maps(&item, 0x13, physical))
            modules_add((uint16_t)smbios_number(&item, 0x0c, 2), false, text, size, &count);
    item = (struct smbios_structure){0};
    while (!count && smbios_item_next(&item))
        if (item.type == SMBIOS_ARRAY_MAPPED && maps(&item, 0x0f, physical))
            modules_add((uint16_t)smbios_number(&item, 0x0c, 2), true, text, size, &count);
    if (!count)
        snprintf(text, size, "unknown");
}
