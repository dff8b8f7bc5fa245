/* SPDX-License-Identifier: MIT */
/*
 * tests/host/elf_builder.h - small ELF files made to order, sound until a test breaks them
 */
#pragma once

#include "kernel/lib/util.h"
#include "shared/elf64.h"

#define ELF_BUILD_SIZE  16384
#define ELF_BUILD_PHDRS 8

struct elf_build {
    struct elf64_header header;
    struct elf64_phdr phdrs[ELF_BUILD_PHDRS];
    uint8_t bytes[ELF_BUILD_SIZE];
    size_t size;
};

/* A program as compilers make it: a read-only segment with the headers, code, data with bss, an
 * interpreter, a stack header. */
void elf_build_program(struct elf_build *build, uint16_t type);

/* A kernel: three page-aligned segments from IMAGE_BASE on, the entry in the second. */
void elf_build_kernel(struct elf_build *build);

/* Writes header and program headers into bytes. */
void elf_build_finish(struct elf_build *build);

/* A symbol table with count symbols and their names, for symtab.c. Section 1 is code from 0x1000 to
 * 0x2000. */
void elf_build_symbols(struct elf_build *build, const struct elf64_sym *symbols, size_t count,
                       const char *strings, size_t strings_size);
