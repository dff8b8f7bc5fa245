/* SPDX-License-Identifier: MIT */
/*
 * SMBIOS 3.x (DSP0134): a row of structures, each with its strings behind it.
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

/* The strings end with two NULs; one that does not end makes the structure the last. */
bool smbios_next(size_t *at, struct smbios_item *item)
{
    size_t end;

    if (*at > table_size || table_size - *at < 4 || table[*at + 1] < 4 ||
        table_size - *at < table[*at + 1])
        return false;
    *item = (struct smbios_item){.type = table[*at],
                                 .length = table[*at + 1],
                                 .handle = (uint16_t)(table[*at + 2] | table[*at + 3] << 8),
                                 .bytes = table + *at};
    end = *at + item->length;
    item->strings = (const char *)table + end;
    while (end + 1 < table_size && (table[end] || table[end + 1]))
        end++;
    item->end = (const char *)table + end;
    *at = end + 2;
    return item->type != SMBIOS_END && end + 1 < table_size;
}

const char *smbios_string(const struct smbios_item *item, unsigned offset)
{
    uint64_t number = smbios_number(item, offset, 1);
    const char *text = item->strings;

    if (!number)
        return "";
    while (--number && text < item->end)
        text += strlen(text) + 1;
    return text < item->end ? text : "";
}

uint64_t smbios_number(const struct smbios_item *item, unsigned offset, unsigned nbytes)
{
    uint64_t value = 0;

    if (offset + nbytes > item->length)
        return 0;
    memcpy(&value, item->bytes + offset, nbytes);
    return value;
}

uint64_t smbios_module_size(const struct smbios_item *module)
{
    uint64_t size = smbios_number(module, 0x0c, 2);

    if (size == 0xffff) /* unknown */
        return 0;
    if (size == 0x7fff)
        return (smbios_number(module, 0x1c, 4) & 0x7fffffff) * MIB;
    return size & 0x8000 ? (size & 0x7fff) << 10 : size * MIB;
}

/* Types 19 and 20: first and last address in KiB, or in bytes further behind. */
static bool maps(const struct smbios_item *item, unsigned wide, uint64_t physical)
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
    struct smbios_item item;

    for (size_t at = 0; smbios_next(&at, &item);) {
        size_t used = strlen(text);

        if (item.type != SMBIOS_MODULE || !smbios_module_size(&item) ||
            handle != (of_array ? smbios_number(&item, 4, 2) : item.handle))
            continue;
        snprintf(text + used, size - used, "%s%s %s (%s %s, serial number %s)", used ? " or " : "",
                 smbios_string(&item, 0x10), smbios_string(&item, 0x11), smbios_string(&item, 0x17),
                 smbios_string(&item, 0x1a), smbios_string(&item, 0x18));
        (*count)++;
    }
}

void smbios_module_text(uint64_t physical, char *text, size_t size)
{
    struct smbios_item item;
    unsigned count = 0;

    text[0] = '\0';
    for (size_t at = 0; smbios_next(&at, &item);)
        if (item.type == SMBIOS_MODULE_MAPPED && maps(&item, 0x13, physical))
            modules_add((uint16_t)smbios_number(&item, 0x0c, 2), false, text, size, &count);
    for (size_t at = 0; !count && smbios_next(&at, &item);)
        if (item.type == SMBIOS_ARRAY_MAPPED && maps(&item, 0x0f, physical))
            modules_add((uint16_t)smbios_number(&item, 0x0c, 2), true, text, size, &count);
    if (!count)
        snprintf(text, size, "unknown");
}
