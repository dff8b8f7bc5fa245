/* SPDX-License-Identifier: MIT */
/*
 * Sections of a PE32+ image in memory (PE Format, "COFF file header" and "Section table").
 *
 * The firmware has put the headers at the start of the image and each section at its virtual
 * address. A section's size is its virtual size: what the file held of it may have been padded.
 */
#include "efi-loader/section.h"

#include "kernel/lib/string.h"
#include "shared/linux/errno.h"

#define DOS_POINTER 0x3c /* offset of the PE signature */
#define PE_MAGIC    0x4550u
#define NAME_SIZE   8

struct coff_header {
    uint32_t signature;
    uint16_t machine, nsections;
    uint32_t time, symbols, nsymbols;
    uint16_t optional_size, flags;
};

struct section_header {
    char name[NAME_SIZE];
    uint32_t virtual_size, virtual_address, file_size, file_offset;
    uint32_t relocations, lines;
    uint16_t nrelocations, nlines;
    uint32_t flags;
};

_Static_assert(sizeof(struct coff_header) == 24 && sizeof(struct section_header) == 40,
               "as in the file");

static bool is_within(size_t offset, size_t nbytes, size_t size)
{
    return offset <= size && nbytes <= size - offset;
}

static bool is_named(const struct section_header *section, const char *name)
{
    char padded[NAME_SIZE] = {0};

    memcpy(padded, name, MIN(strlen(name), sizeof(padded)));
    return memcmp(section->name, padded, sizeof(padded)) == 0;
}

int section_find(const void *image, size_t image_size, const char *name, const char **start,
                 size_t *nbytes)
{
    const char *bytes = image;
    struct coff_header header;
    uint32_t at;

    if (!is_within(DOS_POINTER, sizeof(at), image_size))
        return -ENOENT;
    memcpy(&at, bytes + DOS_POINTER, sizeof(at));
    if (!is_within(at, sizeof(header), image_size))
        return -ENOENT;
    memcpy(&header, bytes + at, sizeof(header));
    if (header.signature != PE_MAGIC)
        return -ENOENT;
    size_t table = (size_t)at + sizeof(header) + header.optional_size;
    for (unsigned i = 0; i < header.nsections; i++) {
        struct section_header section;

        if (!is_within(table + i * sizeof(section), sizeof(section), image_size))
            return -ENOENT;
        memcpy(&section, bytes + table + i * sizeof(section), sizeof(section));
        if (!is_named(&section, name))
            continue;
        if (!section.virtual_size ||
            !is_within(section.virtual_address, section.virtual_size, image_size))
            return -ENOENT;
        *start = bytes + section.virtual_address;
        *nbytes = section.virtual_size;
        return 0;
    }
    return -ENOENT;
}
