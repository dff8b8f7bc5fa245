/* SPDX-License-Identifier: MIT */
/*
 * lib/symtab.c - the name of the function at an address
 */
#include "kernel/lib/symtab.h"

#include "kernel/lib/string.h"
#include "shared/elf64.h"

/* A part of the file, known to lie inside it. */
struct piece {
    const char *bytes;
    uint64_t size;
};

static bool piece_of(const void *file, size_t size, uint64_t offset, uint64_t nbytes,
                     struct piece *out)
{
    if (offset > size || nbytes > size - offset)
        return false;
    *out = (struct piece){(const char *)file + offset, nbytes};
    return true;
}

static struct elf64_shdr read_section(const struct piece *sections, uint64_t index)
{
    struct elf64_shdr section;

    memcpy(&section, sections->bytes + index * sizeof(section), sizeof(section));
    return section;
}

/* The symbol table and the strings its names are in. */
static bool find_tables(const void *file, size_t size, struct piece *symbols, struct piece *strings)
{
    struct elf64_header header;
    struct piece sections;

    if (size < sizeof(header))
        return false;
    memcpy(&header, file, sizeof(header));
    if (memcmp(header.ident, ELF_MAGIC, 4) != 0 || header.shentsize != sizeof(struct elf64_shdr) ||
        !piece_of(file, size, header.shoff, (uint64_t)header.shnum * sizeof(struct elf64_shdr),
                  &sections))
        return false;

    for (unsigned i = 0; i < header.shnum; i++) {
        struct elf64_shdr section = read_section(&sections, i);
        struct elf64_shdr names;

        if (section.type != ELF_SHT_SYMTAB || section.link >= header.shnum)
            continue;
        names = read_section(&sections, section.link);
        return piece_of(file, size, section.offset, section.size, symbols) &&
               piece_of(file, size, names.offset, names.size, strings);
    }
    return false;
}

static struct elf64_sym read_symbol(const struct piece *symbols, uint64_t index)
{
    struct elf64_sym symbol;

    memcpy(&symbol, symbols->bytes + index * sizeof(symbol), sizeof(symbol));
    return symbol;
}

/* NULL: no such name, or one that does not end inside the string table. Names that begin with a
 * dot are the assembler's own. */
static const char *name_of(const struct piece *strings, const struct elf64_sym *symbol)
{
    const char *name;

    if (symbol->name >= strings->size)
        return NULL;
    name = strings->bytes + symbol->name;
    if (*name == '\0' || *name == '.' || !memchr(name, 0, strings->size - symbol->name))
        return NULL;
    return name;
}

static bool may_be_code(const struct elf64_sym *symbol)
{
    unsigned type = symbol->info & 15;

    return (type == ELF_STT_FUNC || type == ELF_STT_NOTYPE) && symbol->shndx != ELF_SHN_UNDEF &&
           symbol->shndx < ELF_SHN_LORESERVE;
}

/* Of two symbols at one address the one with a size says more. */
static bool is_closer(const struct elf64_sym *symbol, const struct elf64_sym *best)
{
    return symbol->value > best->value ||
           (symbol->value == best->value && symbol->size > best->size);
}

const char *symtab_find(const void *file, size_t size, uint64_t va, uint64_t *out_offset)
{
    struct elf64_sym best = {0};
    const char *best_name = NULL;
    struct piece symbols, strings;

    if (!find_tables(file, size, &symbols, &strings))
        return NULL;
    for (uint64_t i = 0; i < symbols.size / sizeof(struct elf64_sym); i++) {
        struct elf64_sym symbol = read_symbol(&symbols, i);
        const char *name;

        if (symbol.value > va || !may_be_code(&symbol) || (best_name && !is_closer(&symbol, &best)))
            continue;
        name = name_of(&strings, &symbol);
        if (!name)
            continue;
        best = symbol;
        best_name = name;
    }
    if (!best_name || (best.size > 0 && va - best.value >= best.size))
        return NULL;
    *out_offset = va - best.value;
    return best_name;
}
