/* SPDX-License-Identifier: MIT */
/*
 * tests/host/elf_builder.c - small ELF files made to order
 */
#include "tests/host/elf_builder.h"

#include <string.h>

#include "shared/addrmap.h"

static void header_init(struct elf_build *build, uint16_t type, uint64_t entry, uint16_t phnum)
{
    memset(build, 0, sizeof(*build));
    memcpy(build->header.ident, ELF_MAGIC, 4);
    build->header.ident[ELF_IDENT_CLASS] = ELF_CLASS_64;
    build->header.ident[ELF_IDENT_DATA] = ELF_DATA_LSB;
    build->header.ident[ELF_IDENT_VERSION] = 1;
    build->header.type = type;
    build->header.machine = ELF_MACHINE_X86_64;
    build->header.version = 1;
    build->header.entry = entry;
    build->header.phoff = sizeof(struct elf64_header);
    build->header.ehsize = sizeof(struct elf64_header);
    build->header.phentsize = sizeof(struct elf64_phdr);
    build->header.shentsize = sizeof(struct elf64_shdr);
    build->header.phnum = phnum;
    build->size = 12288;
}

static struct elf64_phdr load(uint64_t va, uint64_t offset, uint64_t filesz, uint64_t memsz,
                              uint32_t flags)
{
    return (struct elf64_phdr){
        .type = ELF_PT_LOAD,
        .flags = flags,
        .offset = offset,
        .vaddr = va,
        .paddr = va,
        .filesz = filesz,
        .memsz = memsz,
        .align = PAGE_SIZE,
    };
}

void elf_build_program(struct elf_build *build, uint16_t type)
{
    uint64_t base = type == ELF_ET_EXEC ? 0x400000 : 0;

    header_init(build, type, base + 0x1010, 5);
    build->phdrs[0] = load(base, 0, 0x400, 0x400, ELF_PF_R);
    build->phdrs[1] = load(base + 0x1000, 0x1000, 0x800, 0x800, ELF_PF_R | ELF_PF_X);
    build->phdrs[2] = load(base + 0x2800, 0x1800, 0x900, 0x3000, ELF_PF_R | ELF_PF_W);
    build->phdrs[3] = (struct elf64_phdr){
        .type = ELF_PT_INTERP,
        .flags = ELF_PF_R,
        .offset = 0x300,
        .vaddr = base + 0x300,
        .filesz = 24,
        .memsz = 24,
        .align = 1,
    };
    build->phdrs[4] = (struct elf64_phdr){
        .type = ELF_PT_GNU_STACK,
        .flags = ELF_PF_R | ELF_PF_W,
        .align = 16,
    };
    memcpy(build->bytes + 0x300, "/lib/ld-musl-x86_64.so.1", 24);
    elf_build_finish(build);
}

void elf_build_kernel(struct elf_build *build)
{
    header_init(build, ELF_ET_EXEC, IMAGE_BASE + 0x1080, 3);
    build->phdrs[0] = load(IMAGE_BASE, 0, 0x800, 0x800, ELF_PF_R);
    build->phdrs[1] = load(IMAGE_BASE + 0x1000, 0x1000, 0x1000, 0x1000, ELF_PF_R | ELF_PF_X);
    build->phdrs[2] = load(IMAGE_BASE + 0x2000, 0x2000, 0x600, 0x5000, ELF_PF_R | ELF_PF_W);
    elf_build_finish(build);
}

void elf_build_finish(struct elf_build *build)
{
    memcpy(build->bytes, &build->header, sizeof(build->header));
    memcpy(build->bytes + sizeof(build->header), build->phdrs, sizeof(build->phdrs));
}

void elf_build_symbols(struct elf_build *build, const struct elf64_sym *symbols, size_t count,
                       const char *strings, size_t strings_size)
{
    uint64_t symbols_at = 0x2800, strings_at = 0x2c00, sections_at = 0x2e00;
    struct elf64_shdr sections[] = {
        {0},
        {.type = 1, .flags = ELF_SHF_EXECINSTR, .addr = 0x1000, .size = 0x1000},
        {.type = ELF_SHT_SYMTAB, .offset = symbols_at, .size = count * sizeof(*symbols), .link = 3},
        {.type = ELF_SHT_STRTAB, .offset = strings_at, .size = strings_size},
    };

    memcpy(build->bytes + symbols_at, symbols, count * sizeof(*symbols));
    memcpy(build->bytes + strings_at, strings, strings_size);
    memcpy(build->bytes + sections_at, sections, sizeof(sections));
    build->header.shoff = sections_at;
    build->header.shnum = ARRAY_SIZE(sections);
    elf_build_finish(build);
}
