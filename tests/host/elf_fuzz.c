/* SPDX-License-Identifier: MIT */
/*
 * tests/host/elf_fuzz.c - any bytes as an executable, and as a file with symbols
 */
#include "tests/host/fuzz.h"

#include "kernel/lib/elf.h"
#include "kernel/lib/symtab.h"
#include "shared/addrmap.h"

/* What the comment above struct elf_segment promises. */
static void check_segments(const struct elf_image *image, uint64_t limit)
{
    struct elf_segment segment;
    unsigned position = 0, count = 0;

    while (elf_segment_next(image, &position, &segment)) {
        REQUIRE(segment.mem_size > 0 && segment.file_size <= segment.mem_size);
        REQUIRE(segment.va + segment.mem_size > segment.va);
        REQUIRE(ALIGN_UP(segment.va + segment.mem_size, PAGE_SIZE) <= limit);
        REQUIRE(segment.file_offset <= image->file_size &&
                segment.file_size <= image->file_size - segment.file_offset);
        REQUIRE(segment.file_size == 0 || ((segment.va ^ segment.file_offset) & PAGE_MASK) == 0);
        REQUIRE(segment.va >= image->low && segment.va + segment.mem_size <= image->high);
        count++;
    }
    REQUIRE(count == image->load_count && count > 0);
    REQUIRE(IS_ALIGNED(image->low, PAGE_SIZE) && IS_ALIGNED(image->high, PAGE_SIZE));
    REQUIRE(image->max_align >= PAGE_SIZE && (image->max_align & (image->max_align - 1)) == 0);
    REQUIRE(image->interp.size <= ELF_INTERP_MAX && image->interp.size <= image->file_size);
}

/* An accepted kernel has nothing writable and executable, and every page one owner. */
static void check_kernel(const struct elf_image *image)
{
    struct elf_segment segments[ELF_KERNEL_SEGMENTS_MAX];
    unsigned position = 0, count = 0;

    while (elf_segment_next(image, &position, &segments[count])) {
        struct elf_segment *last = &segments[count++];

        REQUIRE(!(last->flags & ELF_PF_W) || !(last->flags & ELF_PF_X));
        REQUIRE(last->va >= IMAGE_BASE && IS_ALIGNED(last->va, PAGE_SIZE));
        for (unsigned i = 0; i + 1 < count; i++)
            REQUIRE(ALIGN_UP(last->va + last->mem_size, PAGE_SIZE) <= segments[i].va ||
                    ALIGN_UP(segments[i].va + segments[i].mem_size, PAGE_SIZE) <= last->va);
    }
}

static void check_image(const uint8_t *bytes, size_t nbytes, uint64_t limit)
{
    size_t head_size = MIN(nbytes, 64);
    uint8_t *head = malloc(head_size + (head_size == 0));
    const char *reason = NULL;
    struct elf_image image;
    int err;

    memcpy(head, bytes, head_size);
    err = elf_read_header(head, head_size, nbytes, &image, &reason);
    free(head);
    REQUIRE(err == 0 || reason);
    if (err)
        return;
    REQUIRE(image.phdr_size <= ELF_PHDRS_MAX && image.phdr_size <= nbytes &&
            image.phdr_offset <= nbytes - image.phdr_size);
    if (elf_read_segments(bytes + image.phdr_offset, limit, &image, &reason) != 0)
        return;
    check_segments(&image, limit);
    if (elf_check_kernel(&image, IMAGE_BASE, IMAGE_END, &reason) == 0)
        check_kernel(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
    uint64_t offset = 0;
    const char *name;

    check_image(bytes, nbytes, USER_END);
    check_image(bytes, nbytes, IMAGE_END);
    for (uint64_t va = 0xff8; va < 0x2010; va += 0x28) {
        name = symtab_find(bytes, nbytes, va, &offset);
        REQUIRE(!name || lies_inside(name, strlen(name) + 1, bytes, nbytes));
    }
    return 0;
}
