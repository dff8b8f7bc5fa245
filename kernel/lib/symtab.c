/* SPDX-License-Identifier: MIT */
/*
 * The name of the function at an address, from the ELF file of the kernel.
 *
 * Used when a backtrace is printed, so the file is searched from end to end rather than indexed:
 * there is nothing to allocate and nothing that could be stale. The file is not trusted; a broken
 * one yields no name.
 */
#include "kernel/lib/symtab.h"

#include "kernel/lib/string.h"
#include "shared/elf64.h"

/* A part of the file, known to lie inside it. */
struct piece {
    const char *bytes;
    uint64_t size;
};

/* Without overflow: offsets and sizes are any 64-bit numbers. */
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

/* What is searched. */
struct tables {
    struct piece symbols;
    struct piece strings;
    unsigned code_section; /* the executable section that holds the address */
};

static bool find_sections(const void *file, size_t size, struct piece *out_sections)
{
    struct elf64_header header;

    if (size < sizeof(header))
        return false;
    memcpy(&header, file, sizeof(header));
    return memcmp(header.ident, ELF_MAGIC, 4) == 0 &&
           header.shentsize == sizeof(struct elf64_shdr) &&
           piece_of(file, size, header.shoff, (uint64_t)header.shnum * sizeof(struct elf64_shdr),
                    out_sections);
}

/* False: no symbol table, or the address is in no executable section. Section 0 is the null section
 * of every ELF file, hence 0 as "none". */
static bool find_tables(const void *file, size_t size, uint64_t va, struct tables *tables)
{
    struct piece sections;
    bool have_symbols = false;
    uint64_t count;

    if (!find_sections(file, size, &sections))
        return false;
    count = sections.size / sizeof(struct elf64_shdr);
    for (unsigned i = 0; i < count; i++) {
        struct elf64_shdr section = read_section(&sections, i);

        if ((section.flags & ELF_SHF_EXECINSTR) && va - section.addr < section.size)
            tables->code_section = i;
        if (section.type == ELF_SHT_SYMTAB && section.link < count) {
            struct elf64_shdr names = read_section(&sections, section.link);

            have_symbols = piece_of(file, size, section.offset, section.size, &tables->symbols) &&
                           piece_of(file, size, names.offset, names.size, &tables->strings);
        }
    }
    return have_symbols && tables->code_section != 0;
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

/* Labels of assembly have no type; those of the code section count as functions. */
static bool is_code_in(const struct elf64_sym *symbol, unsigned section)
{
    unsigned type = symbol->info & 15;

    return (type == ELF_STT_FUNC || type == ELF_STT_NOTYPE) && symbol->shndx == section;
}

/* Of two symbols at one address the one with a size says more. */
static bool is_closer(const struct elf64_sym *symbol, const struct elf64_sym *best)
{
    return symbol->value > best->value ||
           (symbol->value == best->value && symbol->size > best->size);
}

/* An address behind a function's end has no name: padding, or a symbol that is missing. */
const char *symtab_find(const void *file, size_t size, uint64_t va, uint64_t *out_offset)
{
    struct elf64_sym best = {0};
    const char *best_name = NULL;
    struct tables tables = {0};

    if (!find_tables(file, size, va, &tables))
        return NULL;
    for (uint64_t i = 0; i < tables.symbols.size / sizeof(struct elf64_sym); i++) {
        struct elf64_sym symbol = read_symbol(&tables.symbols, i);
        const char *name;

        if (symbol.value > va || !is_code_in(&symbol, tables.code_section) ||
            (best_name && !is_closer(&symbol, &best)))
            continue;
        name = name_of(&tables.strings, &symbol);
        if (!name)
            continue;
        /* The nearest one at or below the address, so far. */
        best = symbol;
        best_name = name;
    }
    if (!best_name || (best.size > 0 && va - best.value >= best.size))
        return NULL;
    *out_offset = va - best.value;
    return best_name;
}
