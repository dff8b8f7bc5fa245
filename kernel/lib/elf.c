/* SPDX-License-Identifier: MIT */
/*
 * lib/elf.c - what an ELF64 executable asks for, checked
 */
#include "kernel/lib/elf.h"

#include "kernel/lib/string.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

_Static_assert(ELF_PHDRS_MAX >= sizeof(struct elf64_phdr), "room for one");

/* Sets the reason and gives the one error that Linux gives for a broken executable. */
static int refuse(const char **reason, const char *why)
{
    *reason = why;
    return -ENOEXEC;
}

/* offset + size <= end, without overflow. */
static bool is_inside(uint64_t offset, uint64_t size, uint64_t end)
{
    return offset <= end && size <= end - offset;
}

static int check_ident(const struct elf64_header *header, const char **reason)
{
    if (memcmp(header->ident, ELF_MAGIC, 4) != 0)
        return refuse(reason, "not an ELF file");
    if (header->ident[ELF_IDENT_CLASS] != ELF_CLASS_64)
        return refuse(reason, "not a 64-bit ELF file");
    if (header->ident[ELF_IDENT_DATA] != ELF_DATA_LSB)
        return refuse(reason, "not a little-endian ELF file");
    if (header->machine != ELF_MACHINE_X86_64)
        return refuse(reason, "for another machine than x86-64");
    if (header->type != ELF_ET_EXEC && header->type != ELF_ET_DYN)
        return refuse(reason, "not an executable (neither ET_EXEC nor ET_DYN)");
    return 0;
}

int elf_read_header(const void *head, size_t head_size, uint64_t file_size, struct elf_image *image,
                    const char **reason)
{
    struct elf64_header header;
    uint64_t phdr_size;
    int err;

    if (head_size < 4 || memcmp(head, ELF_MAGIC, 4) != 0)
        return refuse(reason, "not an ELF file");
    if (head_size < sizeof(header) || file_size < sizeof(header))
        return refuse(reason, "shorter than an ELF header");
    memcpy(&header, head, sizeof(header));
    err = check_ident(&header, reason);
    if (err)
        return err;
    if (header.phentsize != sizeof(struct elf64_phdr))
        return refuse(reason, "program headers of a wrong size");
    phdr_size = (uint64_t)header.phnum * sizeof(struct elf64_phdr);
    if (phdr_size == 0)
        return refuse(reason, "no program headers");
    if (phdr_size > ELF_PHDRS_MAX)
        return refuse(reason, "more than 64 KiB of program headers");
    if (!is_inside(header.phoff, phdr_size, file_size))
        return refuse(reason, "program headers outside the file");

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

static struct elf64_phdr read_phdr(const void *phdrs, unsigned index)
{
    struct elf64_phdr phdr;

    memcpy(&phdr, (const char *)phdrs + index * sizeof(phdr), sizeof(phdr));
    return phdr;
}

static int check_load(const struct elf64_phdr *phdr, uint64_t file_size, uint64_t limit,
                      const char **reason)
{
    uint64_t page_limit = ALIGN_DOWN(limit, PAGE_SIZE);

    if (phdr->filesz > phdr->memsz)
        return refuse(reason, "a segment larger in the file than in memory");
    if (!is_inside(phdr->vaddr, phdr->memsz, page_limit))
        return refuse(reason, "a segment outside the address range");
    if (!is_inside(phdr->offset, phdr->filesz, file_size))
        return refuse(reason, "a segment outside the file");
    if (phdr->filesz > 0 && ((phdr->vaddr ^ phdr->offset) & PAGE_MASK))
        return refuse(reason, "a segment whose address and file offset disagree within a page");
    return 0;
}

/* Takes a checked LOAD segment into the totals. */
static void add_load(struct elf_image *image, const struct elf64_phdr *phdr)
{
    uint64_t low = ALIGN_DOWN(phdr->vaddr, PAGE_SIZE);
    uint64_t high = ALIGN_UP(phdr->vaddr + phdr->memsz, PAGE_SIZE);

    image->low = MIN(image->low, low);
    image->high = MAX(image->high, high);
    image->load_count++;
    if (phdr->align > image->max_align && (phdr->align & (phdr->align - 1)) == 0)
        image->max_align = phdr->align;
    /* The first segment that holds the start of the program headers tells where they appear. */
    if (!image->phdr_va && image->phdr_offset >= phdr->offset &&
        image->phdr_offset - phdr->offset < phdr->filesz)
        image->phdr_va = image->phdr_offset - phdr->offset + phdr->vaddr;
}

static int add_interp(struct elf_image *image, const struct elf64_phdr *phdr, const char **reason)
{
    if (image->interp.size)
        return 0; /* the first one counts, as on Linux */
    if (phdr->filesz < 2 || phdr->filesz > ELF_INTERP_MAX)
        return refuse(reason, "an interpreter path of a wrong length");
    if (!is_inside(phdr->offset, phdr->filesz, image->file_size))
        return refuse(reason, "an interpreter path outside the file");
    image->interp.offset = phdr->offset;
    image->interp.size = phdr->filesz;
    return 0;
}

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
        return refuse(reason, "no segment to load");
    return 0;
}

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

static int check_kernel_segment(const struct elf_segment *segment, uint64_t base, uint64_t end,
                                const char **reason)
{
    if (!IS_ALIGNED(segment->va, PAGE_SIZE))
        return refuse(reason, "a segment that does not begin on a page");
    if (segment->va < base || !is_inside(segment->va, segment->mem_size, end))
        return refuse(reason, "a segment outside the kernel's address range");
    if ((segment->flags & ELF_PF_W) && (segment->flags & ELF_PF_X))
        return refuse(reason, "a segment both writable and executable");
    return 0;
}

/* Whether the segment at `position` shares a page with a later one. */
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

int elf_check_kernel(const struct elf_image *image, uint64_t base, uint64_t end,
                     const char **reason)
{
    struct elf_segment segment;
    unsigned position = 0;
    bool entry_found = false;

    if (image->type != ELF_ET_EXEC)
        return refuse(reason, "not linked to a fixed address (ET_EXEC)");
    if (image->interp.size)
        return refuse(reason, "a kernel that asks for an interpreter");
    if (image->load_count > ELF_KERNEL_SEGMENTS_MAX)
        return refuse(reason, "too many segments for a kernel");

    while (elf_segment_next(image, &position, &segment)) {
        int err = check_kernel_segment(&segment, base, end, reason);

        if (err)
            return err;
        if (overlaps_later(image, &segment, position))
            return refuse(reason, "segments that overlap");
        if ((segment.flags & ELF_PF_X) && image->entry >= segment.va &&
            image->entry - segment.va < segment.file_size)
            entry_found = true;
    }
    if (!entry_found)
        return refuse(reason, "an entry point outside its code");
    return 0;
}
