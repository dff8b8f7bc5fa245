/* SPDX-License-Identifier: MIT */
/*
 * shared/elf64.h - the ELF64 file format, as far as loader and kernel read it
 *
 * Owns:    the structures and numbers of the System V ABI, chapter 4 and 5.
 * Used by: lib/elf.c and lib/symtab.c, which alone interpret files; exec, for the auxiliary vector.
 * Tests:   tests/host/abi_test.c compares every one with the host's <elf.h>
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ELF_MAGIC "\177ELF"

enum elf_ident {
    ELF_IDENT_CLASS = 4,
    ELF_IDENT_DATA = 5,
    ELF_IDENT_VERSION = 6,
    ELF_IDENT_SIZE = 16,
};

#define ELF_CLASS_64       2
#define ELF_DATA_LSB       1
#define ELF_MACHINE_X86_64 62

enum elf_type {
    ELF_ET_EXEC = 2,
    ELF_ET_DYN = 3,
    ELF_ET_CORE = 4,
};

struct elf64_header {
    uint8_t ident[ELF_IDENT_SIZE];
    uint16_t type;
    uint16_t machine;
    uint32_t version;
    uint64_t entry;
    uint64_t phoff;
    uint64_t shoff;
    uint32_t flags;
    uint16_t ehsize;
    uint16_t phentsize;
    uint16_t phnum;
    uint16_t shentsize;
    uint16_t shnum;
    uint16_t shstrndx;
};

enum elf_segment_type {
    ELF_PT_NULL = 0,
    ELF_PT_LOAD = 1,
    ELF_PT_DYNAMIC = 2,
    ELF_PT_INTERP = 3,
    ELF_PT_NOTE = 4,
    ELF_PT_PHDR = 6,
    ELF_PT_TLS = 7,
};

#define ELF_PT_GNU_STACK 0x6474e551u

#define ELF_PF_X 1u
#define ELF_PF_W 2u
#define ELF_PF_R 4u

struct elf64_phdr {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t vaddr;
    uint64_t paddr;
    uint64_t filesz;
    uint64_t memsz;
    uint64_t align;
};

enum elf_section_type {
    ELF_SHT_SYMTAB = 2,
    ELF_SHT_STRTAB = 3,
};

#define ELF_SHF_EXECINSTR 4u

struct elf64_shdr {
    uint32_t name;
    uint32_t type;
    uint64_t flags;
    uint64_t addr;
    uint64_t offset;
    uint64_t size;
    uint32_t link;
    uint32_t info;
    uint64_t addralign;
    uint64_t entsize;
};

/* Symbol types: the low four bits of elf64_sym.info. */
enum elf_symbol_type {
    ELF_STT_NOTYPE = 0,
    ELF_STT_OBJECT = 1,
    ELF_STT_FUNC = 2,
    ELF_STT_SECTION = 3,
    ELF_STT_FILE = 4,
};

#define ELF_SHN_UNDEF     0
#define ELF_SHN_LORESERVE 0xff00

struct elf64_sym {
    uint32_t name;
    uint8_t info;
    uint8_t other;
    uint16_t shndx;
    uint64_t value;
    uint64_t size;
};

_Static_assert(sizeof(struct elf64_header) == 64, "ELF64 header");
_Static_assert(sizeof(struct elf64_phdr) == 56, "ELF64 program header");
_Static_assert(sizeof(struct elf64_shdr) == 64, "ELF64 section header");
_Static_assert(sizeof(struct elf64_sym) == 24, "ELF64 symbol");
