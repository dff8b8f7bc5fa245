/* SPDX-License-Identifier: MIT */
/*
 * The segments of kernel.elf, copied to where the page tables will map them.
 *
 * The file is checked as a whole first (kernel/lib/elf.c): header, order and overlap of segments,
 * addresses within the image's range, no segment writable and executable. Only then is memory taken
 * and are bytes copied, so a bad file changes nothing.
 *
 * The image is one physical block; a segment's place in it is its distance from the lowest address.
 */
#include "efi-loader/image.h"
#include "kernel/lib/string.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

/* elf_check_kernel has refused segments that are both writable and executable. */
static enum paging_access access_of(uint32_t flags)
{
    if (flags & ELF_PF_X)
        return PAGING_EXECUTE;
    return flags & ELF_PF_W ? PAGING_WRITE : PAGING_READ;
}

/* Only what the file does not fill is cleared: the rest of the last page and the bss. */
static void copy_segment(const struct elf_segment *segment, const unsigned char *file,
                         unsigned char *to)
{
    uint64_t whole = ALIGN_UP(segment->mem_size, PAGE_SIZE);

    memcpy(to, file + segment->file_offset, segment->file_size);
    memset(to + segment->file_size, 0, whole - segment->file_size);
}

static void place_segments(const struct elf_image *elf, const unsigned char *file,
                           struct image *image)
{
    struct elf_segment segment;
    unsigned position = 0;

    image->nsegments = 0;
    while (elf_segment_next(elf, &position, &segment)) {
        uint64_t pa = image->memory.base + (segment.va - elf->low);

        copy_segment(&segment, file, (unsigned char *)(uintptr_t)pa);
        image->segments[image->nsegments++] = (struct paging_segment){
            .va = segment.va,
            .pa = pa,
            .size = ALIGN_UP(segment.mem_size, PAGE_SIZE),
            .access = access_of(segment.flags),
        };
    }
}

int image_load(const struct bootinfo_extent *file, struct memory *memory, struct image *image,
               const char **reason)
{
    const unsigned char *bytes = (const unsigned char *)(uintptr_t)file->base;
    struct elf_image elf;

    int err = elf_read_header(bytes, file->size, file->size, &elf, reason);
    if (!err)
        err = elf_read_segments(bytes + elf.phdr_offset, IMAGE_END, &elf, reason);
    if (!err)
        err = elf_check_kernel(&elf, IMAGE_BASE, IMAGE_END, reason);
    if (err)
        return err;

    *reason = NULL;
    image->memory.size = elf.high - elf.low;
    err = memory_take(memory, image->memory.size, BOOTINFO_KERNEL, &image->memory.base);
    if (err)
        return err;
    image->entry = elf.entry;
    place_segments(&elf, bytes, image);
    return 0;
}
