/* SPDX-License-Identifier: MIT */
/*
 * Reader and checks of ELF64 executables, for programs, the kernel file and the loader.
 *
 * Two steps, because headers and program headers are read from a file by the caller:
 * elf_read_header gives their place and size, elf_read_segments checks them all before the first
 * segment is mapped. Structures are copied out of the bytes, which need not be aligned. The error
 * is always -ENOEXEC, as from Linux's fs/binfmt_elf.c.
 */
#include "kernel/lib/elf.h"

#include "kernel/lib/string.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

/* The caller's buffer holds one program header at least. */
_Static_assert(ELF_PHDRS_MAX >= sizeof(struct elf64_phdr), "room for one");

/* Sets the reason and gives the one error that Linux gives for a broken executable. */
static int elf_refuse(const char **reason, const char *why)
{
    *reason = why;
    return -ENOEXEC;
}

/* offset + size <= end, without overflow. */
static bool elf_is_inside(uint64_t offset, uint64_t size, uint64_t end)
{
    return offset <= end && size <= end - offset;
}

/* ABI version and OS ABI are ignored, as on Linux: static-linked programs carry several of them. */
static int check_ident(const struct elf64_header *header, const char **reason)
{
    if (memcmp(header->ident, ELF_MAGIC, 4) != 0)
        return elf_refuse(reason, "not an ELF file");
    if (header->ident[ELF_IDENT_CLASS] != ELF_CLASS_64)
        return elf_refuse(reason, "not a 64-bit ELF file");
    if (header->ident[ELF_IDENT_DATA] != ELF_DATA_LSB)
        return elf_refuse(reason, "not a little-endian ELF file");
    if (header->machine != ELF_MACHINE_X86_64)
        return elf_refuse(reason, "for another machine than x86-64");
    if (header->type != ELF_ET_EXEC && header->type != ELF_ET_DYN)
        return elf_refuse(reason, "not an executable (neither ET_EXEC nor ET_DYN)");
    return 0;
}

int elf_read_header(const void *head, size_t head_size, uint64_t file_size, struct elf_image *image,
                    const char **reason)
{
    struct elf64_header header;
    uint64_t phdr_size;
    int err;

    /* The magic number first: a file of a few bytes may still be a script. */
    if (head_size < 4 || memcmp(head, ELF_MAGIC, 4) != 0)
        return elf_refuse(reason, "not an ELF file");
    if (head_size < sizeof(header) || file_size < sizeof(header))
        return elf_refuse(reason, "shorter than an ELF header");
    memcpy(&header, head, sizeof(header));
    err = check_ident(&header, reason);
    if (err)
        return err;
    if (header.phentsize != sizeof(struct elf64_phdr))
        return elf_refuse(reason, "program headers of a wrong size");
    phdr_size = (uint64_t)header.phnum * sizeof(struct elf64_phdr);
    if (phdr_size == 0)
        return elf_refuse(reason, "no program headers");
    /* Linux's limit; it also bounds what the caller allocates for them. */
    if (phdr_size > ELF_PHDRS_MAX)
        return elf_refuse(reason, "more than 64 KiB of program headers");
    if (!elf_is_inside(header.phoff, phdr_size, file_size))
        return elf_refuse(reason, "program headers outside the file");

    /* The rest is filled in by elf_read_segments. */
    *image = (struct elf_image){
        .type = header.type,
        .entry = header.entry,
        .phdr_offset = header.phoff,
        .phdr_size = phdr_size,
        .phdr_count = header.phnum,
        .file_size = file_size,
    };
    return 0;
}

/* Copied: the buffer is the caller's and may start at any address. */
static struct elf64_phdr read_phdr(const void *phdrs, unsigned index)
{
    struct elf64_phdr phdr;

    memcpy(&phdr, (const char *)phdrs + index * sizeof(phdr), sizeof(phdr));
    return phdr;
}

/* The last condition is what mmap needs: a page of the file is mapped as a page of memory. A
 * segment without bytes in the file needs no file page and may lie anywhere. */
static int check_load(const struct elf64_phdr *phdr, uint64_t file_size, uint64_t limit,
                      const char **reason)
{
    uint64_t page_limit = ALIGN_DOWN(limit, PAGE_SIZE);

    if (phdr->filesz > phdr->memsz)
        return elf_refuse(reason, "a segment larger in the file than in memory");
    if (!elf_is_inside(phdr->vaddr, phdr->memsz, page_limit))
        return elf_refuse(reason, "a segment outside the address range");
    if (!elf_is_inside(phdr->offset, phdr->filesz, file_size))
        return elf_refuse(reason, "a segment outside the file");
    if (phdr->filesz > 0 && ((phdr->vaddr ^ phdr->offset) & PAGE_MASK))
        return elf_refuse(reason, "a segment whose address and file offset disagree within a page");
    return 0;
}

/* Takes a checked LOAD segment into the totals. high - low is what a position-independent program
 * needs in one piece; its base is a multiple of the largest alignment that is a power of two, as on
 * Linux since 5.10. */
static void add_load(struct elf_image *image, const struct elf64_phdr *phdr)
{
    uint64_t low = ALIGN_DOWN(phdr->vaddr, PAGE_SIZE);
    uint64_t high = ALIGN_UP(phdr->vaddr + phdr->memsz, PAGE_SIZE);

    image->low = MIN(image->low, low);
    image->high = MAX(image->high, high);
    image->load_count++;
    if (phdr->align > image->max_align && (phdr->align & (phdr->align - 1)) == 0)
        image->max_align = phdr->align;
    /* The first segment that holds the start of the program headers gives their address. */
    if (!image->phdr_va && image->phdr_offset >= phdr->offset &&
        image->phdr_offset - phdr->offset < phdr->filesz)
        image->phdr_va = image->phdr_offset - phdr->offset + phdr->vaddr;
}

/* The NUL counts: a path of one byte has no room for it. */
static int add_interp(struct elf_image *image, const struct elf64_phdr *phdr, const char **reason)
{
    if (image->interp.size)
        return 0; /* the first one counts, as on Linux */
    if (phdr->filesz < 2 || phdr->filesz > ELF_INTERP_MAX)
        return elf_refuse(reason, "an interpreter path of a wrong length");
    if (!elf_is_inside(phdr->offset, phdr->filesz, image->file_size))
        return elf_refuse(reason, "an interpreter path outside the file");
    image->interp.offset = phdr->offset;
    image->interp.size = phdr->filesz;
    return 0;
}

/* Empty segments are skipped, not refused: linkers leave them behind. Without a PT_GNU_STACK header
 * the stack is not executable here. */
int elf_read_segments(const void *phdrs, uint64_t limit, struct elf_image *image,
                      const char **reason)
{
    image->phdrs = phdrs;
    image->low = ~0ULL;
    image->high = 0;
    image->max_align = PAGE_SIZE;
    image->load_count = 0;
    image->phdr_va = 0;
    image->exec_stack = false;
    image->interp = (struct elf_extent){0, 0};

    for (unsigned i = 0; i < image->phdr_count; i++) {
        struct elf64_phdr phdr = read_phdr(phdrs, i);
        int err = 0;

        if (phdr.type == ELF_PT_LOAD && (phdr.memsz > 0 || phdr.filesz > 0)) {
            err = check_load(&phdr, image->file_size, limit, reason);
            /* Totals hold checked segments alone: their sums cannot overflow. */
            if (!err)
                add_load(image, &phdr);
        } else if (phdr.type == ELF_PT_INTERP) {
            err = add_interp(image, &phdr, reason);
        } else if (phdr.type == ELF_PT_GNU_STACK) {
            image->exec_stack = phdr.flags & ELF_PF_X;
        }
        if (err)
            return err;
    }
    if (image->load_count == 0)
        return elf_refuse(reason, "no segment to load");
    return 0;
}

/* Only for images that elf_read_segments has accepted: nothing is checked again. */
bool elf_segment_next(const struct elf_image *image, unsigned *position, struct elf_segment *out)
{
    while (*position < image->phdr_count) {
        struct elf64_phdr phdr = read_phdr(image->phdrs, (*position)++);

        if (phdr.type != ELF_PT_LOAD || phdr.memsz == 0)
            continue;
        *out = (struct elf_segment){
            .va = phdr.vaddr,
            .mem_size = phdr.memsz,
            .file_offset = phdr.offset,
            .file_size = phdr.filesz,
            .flags = phdr.flags & (ELF_PF_R | ELF_PF_W | ELF_PF_X),
        };
        return true;
    }
    return false;
}

/* Stricter than for programs: each segment gets rights of its own, so no two may share a page, and
 * none may be both writable and executable. */
static int check_kernel_segment(const struct elf_segment *segment, uint64_t base, uint64_t end,
                                const char **reason)
{
    if (!IS_ALIGNED(segment->va, PAGE_SIZE))
        return elf_refuse(reason, "a segment that does not begin on a page");
    if (segment->va < base || !elf_is_inside(segment->va, segment->mem_size, end))
        return elf_refuse(reason, "a segment outside the kernel's address range");
    if ((segment->flags & ELF_PF_W) && (segment->flags & ELF_PF_X))
        return elf_refuse(reason, "a segment both writable and executable");
    return 0;
}

/* Whether the segment at `position` shares a page with a later one. Pages rather than bytes: two
 * segments on one page would need the rights of both. */
static bool overlaps_later(const struct elf_image *image, const struct elf_segment *segment,
                           unsigned position)
{
    uint64_t first = segment->va >> PAGE_SHIFT;
    uint64_t last = (segment->va + segment->mem_size - 1) >> PAGE_SHIFT;
    struct elf_segment later;

    while (elf_segment_next(image, &position, &later)) {
        if (later.va >> PAGE_SHIFT <= last &&
            (later.va + later.mem_size - 1) >> PAGE_SHIFT >= first)
            return true;
    }
    return false;
}

/* Every pair of segments is compared: hence the bound on their number. */
int elf_check_kernel(const struct elf_image *image, uint64_t base, uint64_t end,
                     const char **reason)
{
    struct elf_segment segment;
    unsigned position = 0;
    bool entry_found = false;

    if (image->type != ELF_ET_EXEC)
        return elf_refuse(reason, "not linked to a fixed address (ET_EXEC)");
    if (image->interp.size)
        return elf_refuse(reason, "a kernel that asks for an interpreter");
    if (image->load_count > ELF_KERNEL_SEGMENTS_MAX)
        return elf_refuse(reason, "too many segments for a kernel");

    while (elf_segment_next(image, &position, &segment)) {
        int err = check_kernel_segment(&segment, base, end, reason);

        if (err)
            return err;
        if (overlaps_later(image, &segment, position))
            return elf_refuse(reason, "segments that overlap");
        /* Within the bytes of the file: the rest of a segment is zeroes. */
        if ((segment.flags & ELF_PF_X) && image->entry >= segment.va &&
            image->entry - segment.va < segment.file_size)
            entry_found = true;
    }
    if (!entry_found)
        return elf_refuse(reason, "an entry point outside its code");
    return 0;
}
