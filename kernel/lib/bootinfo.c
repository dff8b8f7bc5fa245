/* SPDX-License-Identifier: MIT */
/*
 * Checks of the hand-over block from the loader, before the kernel trusts any of it.
 *
 * Each check may rely on the ones before it; bootinfo_check calls them in that order.
 */
#include "kernel/lib/bootinfo.h"

#include "kernel/lib/string.h"
#include "shared/addrmap.h"

/* The bounds are generous: they refuse what cannot be, not what is unusual. */
#define PHYSICAL_END (1ULL << 52) /* the most that page tables can express */
#define DIRECT_SIZE  (DIRECT_END - DIRECT_BASE)
#define LOW_END      (1ULL << 20) /* of the memory that another CPU can start in */
#define PIXELS_MAX   32768        /* width and height of a screen */

#define TRAMPOLINE_SIZE (2 * PAGE_SIZE)

/* offset + size <= end, written so that no sum can overflow: every number comes from outside. */
static bool extent_is_inside(uint64_t offset, uint64_t size, uint64_t end)
{
    return offset <= end && size <= end - offset;
}

/* The plan and the kernel's own file are optional. */
static bool is_missing(const struct bootinfo_extent *extent)
{
    return extent->base == 0 && extent->size == 0;
}

/* Magic number and version come before every other check, so that a loader of another version is
 * named as such and not as a broken block. */
static const char *check_header(const struct bootinfo *info, uint64_t mapped_bytes)
{
    if (mapped_bytes < offsetof(struct bootinfo, block_base))
        return "hand-over block: too short to tell";
    if (info->magic != BOOTINFO_MAGIC)
        return "hand-over block: wrong magic number";
    if (info->version != BOOTINFO_VERSION)
        return "hand-over block: loader and kernel are of different versions";
    if (info->size != sizeof(*info) || mapped_bytes < sizeof(*info))
        return "hand-over block: wrong size of the structure";
    if (info->block_size < sizeof(*info) || info->block_size > mapped_bytes)
        return "hand-over block: wrong size of the block";
    if (!IS_ALIGNED(info->block_base, PAGE_SIZE))
        return "hand-over block: not on a page border";
    return NULL;
}

/* Ranges are sorted and disjoint. Gaps are allowed: firmware does not describe every hole. The end
 * of the direct map bounds only what the kernel reaches through it. */
static const char *check_range(const struct bootinfo_range *range, uint64_t previous_end)
{
    uint64_t end;

    if (!IS_ALIGNED(range->base, PAGE_SIZE))
        return "memory map: a range that does not begin on a page";
    if (range->npages == 0)
        return "memory map: an empty range";
    if (range->base > PHYSICAL_END || range->npages > (PHYSICAL_END - range->base) >> PAGE_SHIFT)
        return "memory map: a range beyond physical memory";
    if (range->type >= BOOTINFO_NTYPES)
        return "memory map: a range of unknown type";
    if (range->base < previous_end)
        return "memory map: ranges out of order or overlapping";
    /* Cannot overflow: both were bounded against PHYSICAL_END above. */
    end = range->base + (range->npages << PAGE_SHIFT);
    if (bootinfo_type_is_direct(range->type) && end > DIRECT_SIZE)
        return "memory map: memory beyond the end of the direct map";
    return NULL;
}

/* The count is 32 bits wide, so the size of the array fits into 64. */
static const char *check_ranges(const struct bootinfo *info)
{
    const struct bootinfo_range *ranges;
    uint64_t array_size = (uint64_t)info->ranges_count * sizeof(*ranges);
    uint64_t previous_end = 0;

    if (info->ranges_offset < sizeof(*info) || info->ranges_offset % 8 != 0 ||
        !extent_is_inside(info->ranges_offset, array_size, info->block_size))
        return "memory map: outside the hand-over block";
    if (info->ranges_count == 0)
        return "memory map: empty";

    ranges = bootinfo_ranges(info);
    for (uint32_t i = 0; i < info->ranges_count; i++) {
        const char *fault = check_range(&ranges[i], previous_end);

        if (fault)
            return fault;
        previous_end = ranges[i].base + (ranges[i].npages << PAGE_SHIFT);
    }
    return NULL;
}

/* Of these only the place is checked: they take rights away from pages that are mapped anyway. */
static const char *check_runtime(const struct bootinfo *info)
{
    uint64_t array_size = (uint64_t)info->runtime_count * sizeof(struct bootinfo_range);

    if (info->runtime_count &&
        (info->runtime_offset < sizeof(*info) || info->runtime_offset % 8 != 0 ||
         !extent_is_inside(info->runtime_offset, array_size, info->block_size)))
        return "memory attributes: outside the hand-over block";
    if (info->report.mode >= BOOTINFO_REPORT_NMODES)
        return "report: unknown mode";
    return NULL;
}

/* A NUL after size bytes and none before. */
static bool is_string(const struct bootinfo *info, uint32_t offset, uint32_t size)
{
    const char *text = (const char *)info + offset;

    return offset >= sizeof(*info) &&
           extent_is_inside(offset, (uint64_t)size + 1, info->block_size) &&
           memchr(text, 0, (size_t)size + 1) == text + size;
}

/* Empty strings are right: each has its NUL all the same. */
static const char *check_strings(const struct bootinfo *info)
{
    if (!is_string(info, info->cmdline_offset, info->cmdline_size))
        return "hand-over block: broken command line";
    if (!is_string(info, info->log_offset, info->log_size))
        return "hand-over block: broken loader log";
    if (!is_string(info, info->firmware_offset, info->firmware_size))
        return "hand-over block: broken firmware name";
    return NULL;
}

/* Wholly inside ranges of one type, which may adjoin each other. */
static bool is_covered(const struct bootinfo *info, const struct bootinfo_extent *extent,
                       uint32_t type)
{
    const struct bootinfo_range *ranges = bootinfo_ranges(info);
    uint64_t at = extent->base;
    uint64_t end = extent->base + extent->size;

    if (extent->size == 0 || end < at)
        return false;
    for (uint32_t i = 0; i < info->ranges_count && at < end; i++) {
        uint64_t range_end = ranges[i].base + (ranges[i].npages << PAGE_SHIFT);

        if (range_end <= at)
            continue;
        if (ranges[i].base > at || ranges[i].type != type)
            return false;
        at = range_end;
    }
    return at >= end;
}

/* What the kernel keeps in place must lie in memory of the right type: the frame allocator goes by
 * type alone and would give everything else away. */
static const char *check_extents(const struct bootinfo *info)
{
    /* The block and the trampoline have no extent of their own in the structure. */
    struct bootinfo_extent block = {info->block_base, info->block_size};
    struct bootinfo_extent trampoline = {info->trampoline, TRAMPOLINE_SIZE};

    if (!is_covered(info, &block, BOOTINFO_BLOCK))
        return "hand-over block: not in memory of its type";
    if (!IS_ALIGNED(info->kernel.base, PAGE_SIZE) ||
        !is_covered(info, &info->kernel, BOOTINFO_KERNEL))
        return "kernel image: not in memory of its type";
    /* Optional: without it a backtrace has no names. */
    if (!is_missing(&info->kernel_file) &&
        !is_covered(info, &info->kernel_file, BOOTINFO_KERNEL_FILE))
        return "kernel.elf: not in memory of its type";
    if (!IS_ALIGNED(info->rootfs.base, PAGE_SIZE) ||
        !is_covered(info, &info->rootfs, BOOTINFO_ROOTFS))
        return "rootfs.cpio: not in memory of its type";
    /* Optional, and an archive like the one above. */
    if (!is_missing(&info->inventory) && (info->inventory.size > BOOTINFO_INVENTORY_MAX ||
                                          !IS_ALIGNED(info->inventory.base, PAGE_SIZE) ||
                                          !is_covered(info, &info->inventory, BOOTINFO_ROOTFS)))
        return "inventory: not in memory of its type";
    if (!is_missing(&info->plan) && !is_covered(info, &info->plan, BOOTINFO_PLAN))
        return "plan.txt: not in memory of its type";
    if (!IS_ALIGNED(info->jump.base, PAGE_SIZE) || !is_covered(info, &info->jump, BOOTINFO_LOADER))
        return "jump code: not in memory of its type";
    /* 0: no memory below 1 MiB was free, and only one processor will run. */
    if (info->trampoline &&
        (!IS_ALIGNED(info->trampoline, PAGE_SIZE) || info->trampoline > LOW_END - TRAMPOLINE_SIZE ||
         !is_covered(info, &trampoline, BOOTINFO_TRAMPOLINE)))
        return "trampoline: not in low memory of its type";
    return NULL;
}

/* Only that the tables lie where they should; what they map is verified by mm/tables.c, which runs
 * with the tables in use. */
static const char *check_tables(const struct bootinfo *info)
{
    const struct bootinfo_extent *tables = &info->tables;

    if (!IS_ALIGNED(tables->base, PAGE_SIZE) || !IS_ALIGNED(tables->size, PAGE_SIZE) ||
        !is_covered(info, tables, BOOTINFO_TABLES))
        return "page tables: not in memory of their type";
    if (info->tables_used == 0 || info->tables_used > tables->size >> PAGE_SHIFT)
        return "page tables: wrong number of frames in use";
    if (!IS_ALIGNED(info->table_root, PAGE_SIZE) || info->table_root < tables->base ||
        (info->table_root - tables->base) >> PAGE_SHIFT >= info->tables_used)
        return "page tables: the top-level table is not one of them";
    return NULL;
}

/* Each mask is a run of ones, and no two share a bit. Adding the lowest bit to a run of ones
 * carries out of it: no bit of the mask remains. */
static bool are_masks(uint32_t red, uint32_t green, uint32_t blue)
{
    const uint32_t masks[] = {red, green, blue};

    for (unsigned i = 0; i < ARRAY_SIZE(masks); i++) {
        uint64_t lowest = masks[i] & (0 - masks[i]);

        if (masks[i] == 0 || ((masks[i] + lowest) & masks[i]) != 0)
            return false;
    }
    return (red & green) == 0 && (green & blue) == 0 && (red & blue) == 0;
}

/* Whether RAM of ours lies between base and end. The ranges have been checked: their ends cannot
 * overflow. */
static bool meets_direct_memory(const struct bootinfo *info, uint64_t base, uint64_t end)
{
    const struct bootinfo_range *ranges = bootinfo_ranges(info);

    for (uint32_t i = 0; i < info->ranges_count; i++) {
        uint64_t range_end = ranges[i].base + (ranges[i].npages << PAGE_SHIFT);

        if (bootinfo_type_is_direct(ranges[i].type) && ranges[i].base < end && range_end > base)
            return true;
    }
    return false;
}

/* A screen is optional, so a format of "none" is right. A framebuffer in RAM that the kernel owns
 * would have two mappings of different cache types, and its writes would go into allocated frames.
 */
static const char *check_framebuffer(const struct bootinfo *info)
{
    const struct bootinfo_framebuffer *fb = &info->framebuffer;

    if (fb->format == BOOTINFO_PIXEL_NONE)
        return NULL;
    if (fb->format > BOOTINFO_PIXEL_MASK ||
        (fb->format == BOOTINFO_PIXEL_MASK &&
         !are_masks(fb->red_mask, fb->green_mask, fb->blue_mask)))
        return "framebuffer: unknown pixel format";
    if (fb->width == 0 || fb->width > PIXELS_MAX || fb->height == 0 || fb->height > PIXELS_MAX ||
        fb->pixels_per_line < fb->width || fb->pixels_per_line > 2 * PIXELS_MAX)
        return "framebuffer: implausible width, height or line length";
    /* Pixels are stored as 32-bit words. */
    if (fb->base == 0 || fb->base % 4 != 0 || !extent_is_inside(fb->base, fb->size, PHYSICAL_END))
        return "framebuffer: implausible address";
    if (fb->size < (uint64_t)fb->pixels_per_line * fb->height * 4)
        return "framebuffer: smaller than the screen";
    if (meets_direct_memory(info, fb->base, fb->base + fb->size))
        return "framebuffer: overlaps memory";
    return NULL;
}

/* Zero is right for each: the firmware has no such table. */
static const char *check_pointers(const struct bootinfo *info)
{
    if (info->rsdp >= PHYSICAL_END || info->smbios >= PHYSICAL_END ||
        info->efi_system_table >= PHYSICAL_END)
        return "firmware tables: an address beyond physical memory";
    return NULL;
}

/* The first fault is kept; later checks are not run, since they rely on earlier ones. */
COLD const char *bootinfo_check(const struct bootinfo *info, uint64_t mapped_bytes)
{
    const char *fault = check_header(info, mapped_bytes);

    fault = fault ? fault : check_ranges(info);
    fault = fault ? fault : check_strings(info);
    fault = fault ? fault : check_runtime(info);
    fault = fault ? fault : check_extents(info);
    fault = fault ? fault : check_tables(info);
    fault = fault ? fault : check_framebuffer(info);
    return fault ? fault : check_pointers(info);
}

const char *bootinfo_type_name(uint32_t type)
{
    /* For the memory map in the log. */
    static const char *const names[BOOTINFO_NTYPES] = {
        [BOOTINFO_RESERVED] = "reserved",
        [BOOTINFO_FREE] = "free",
        [BOOTINFO_LOADER] = "loader",
        [BOOTINFO_KERNEL] = "kernel",
        [BOOTINFO_TABLES] = "page tables",
        [BOOTINFO_BLOCK] = "hand-over block",
        [BOOTINFO_ROOTFS] = "rootfs.cpio",
        [BOOTINFO_PLAN] = "plan.txt",
        [BOOTINFO_KERNEL_FILE] = "kernel.elf",
        [BOOTINFO_TRAMPOLINE] = "trampoline",
        [BOOTINFO_ACPI] = "ACPI tables",
        [BOOTINFO_NVS] = "ACPI storage",
        [BOOTINFO_RUNTIME_CODE] = "runtime code",
        [BOOTINFO_RUNTIME_DATA] = "runtime data",
        [BOOTINFO_MMIO] = "devices",
        [BOOTINFO_UNUSABLE] = "unusable",
        [BOOTINFO_BOOT_SERVICES] = "boot services",
        [BOOTINFO_BOOT_CODE] = "boot services code",
    };

    return type < BOOTINFO_NTYPES ? names[type] : "?";
}
