/* SPDX-License-Identifier: MIT */
/*
 * lib/elf.h - what an ELF64 executable asks for, checked
 *
 * Owns:    every check on headers and segments. Whoever maps a segment that came from here need not
 *          think about overflow again.
 * Used by: the loader for kernel.elf, the kernel's exec for programs and their interpreters.
 * Steps:   1. elf_read_header on the first bytes of the file;
 *          2. read image.phdr_size bytes at image.phdr_offset (often in the first bytes already);
 *          3. elf_read_segments on them; for kernel.elf also elf_check_kernel;
 *          4. elf_segment_next, again and again.
 * Rule:    nothing outside the bytes given is read. The program headers are read again by step 4:
 *          they must stay, and must be a copy that no program can change meanwhile.
 * Fails:   -ENOEXEC with a reason, static text that fits after "NAME: ". Like Linux it ignores
 *          what it need not know: section headers, EI_OSABI, e_version, e_flags, PT_TLS.
 * Context: any; no state, no allocation; time grows with the number of program headers.
 * Tests:   tests/host/elf_test.c, tests/host/elf_fuzz.c
 */
#pragma once

#include "kernel/lib/util.h"
#include "shared/elf64.h"

#define ELF_PHDRS_MAX           65536 /* bytes of program headers, as Linux: 1,170 of them */
#define ELF_INTERP_MAX          4096  /* bytes of an interpreter's path with its NUL */
#define ELF_KERNEL_SEGMENTS_MAX 16

struct elf_extent {
    uint64_t offset; /* in the file */
    uint64_t size;   /* 0: there is none */
};

struct elf_image {
    /* Set by elf_read_header. Addresses are as in the file: without a load bias. */
    uint16_t type;        /* ELF_ET_EXEC or ELF_ET_DYN */
    uint64_t entry;       /* unchecked, as on Linux: it may lie anywhere, also in no segment */
    uint64_t phdr_offset; /* in the file; wholly inside it */
    uint64_t phdr_size;   /* bytes, at most ELF_PHDRS_MAX */
    unsigned phdr_count;
    uint64_t file_size;

    /* Set by elf_read_segments. */
    const void *phdrs;
    uint64_t low, high;       /* pages that the LOAD segments cover: page-aligned, high exclusive */
    uint64_t max_align;       /* largest p_align of a LOAD segment, a power of two >= PAGE_SIZE */
    unsigned load_count;      /* LOAD segments that are not empty; at least 1 */
    uint64_t phdr_va;         /* where the program headers appear in memory (AT_PHDR); 0: nowhere */
    bool exec_stack;          /* PT_GNU_STACK with PF_X; without PT_GNU_STACK false, as on Linux */
    struct elf_extent interp; /* path of PT_INTERP, 2..ELF_INTERP_MAX bytes, the last should be NUL:
                               * the caller reads it and checks that */
};

/* A LOAD segment with mem_size > 0: va + mem_size and offset + file_size do not overflow,
 * file_size <= mem_size, the file part lies inside the file, va + mem_size (rounded up to a page)
 * is at most the limit, and if file_size > 0 then va and offset are equal modulo PAGE_SIZE. Neither
 * order nor disjointness is promised: two segments may share a page, and the later one wins it. */
struct elf_segment {
    uint64_t va;
    uint64_t mem_size;
    uint64_t file_offset;
    uint64_t file_size;
    uint32_t flags; /* ELF_PF_* */
};

/* head: the first head_size bytes of a file of file_size bytes (64 are enough). *reason is set
 * only on failure. */
MUST_CHECK int elf_read_header(const void *head, size_t head_size, uint64_t file_size,
                               struct elf_image *image, const char **reason);

/* phdrs: the image->phdr_size bytes at image->phdr_offset, any alignment. limit: the first address
 * that no segment may reach (USER_END; for ET_DYN the load bias is the caller's to fit). */
MUST_CHECK int elf_read_segments(const void *phdrs, uint64_t limit, struct elf_image *image,
                                 const char **reason);

/* Stricter rules for kernel.elf, after elf_read_segments: ET_EXEC, at most ELF_KERNEL_SEGMENTS_MAX
 * segments, each page-aligned in memory and file, inside [base, end), not writable and executable,
 * on pages of its own; the entry inside an executable segment's file part; no interpreter. */
MUST_CHECK int elf_check_kernel(const struct elf_image *image, uint64_t base, uint64_t end,
                                const char **reason);

/* The LOAD segment at or after program header *position, which starts as 0; false at the end. */
bool elf_segment_next(const struct elf_image *image, unsigned *position, struct elf_segment *out);
