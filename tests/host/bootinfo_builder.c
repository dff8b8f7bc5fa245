/* SPDX-License-Identifier: MIT */
/*
 * tests/host/bootinfo_builder.c - a sound hand-over block
 */
#include "tests/host/bootinfo_builder.h"

#include <stdlib.h>
#include <string.h>

static const struct bootinfo_range machine[] = {
    {.base = 0x1000, .npages = 0x7, .type = BOOTINFO_FREE},
    {.base = 0x8000, .npages = 0x2, .type = BOOTINFO_TRAMPOLINE},
    {.base = 0xa000, .npages = 0x90, .type = BOOTINFO_FREE},
    {.base = 0x100000, .npages = 0x100, .type = BOOTINFO_KERNEL},
    {.base = 0x200000, .npages = 0x40, .type = BOOTINFO_TABLES},
    {.base = 0x240000, .npages = 0x1, .type = BOOTINFO_BLOCK},
    {.base = 0x300000, .npages = 0x80, .type = BOOTINFO_ROOTFS}, /* two that adjoin */
    {.base = 0x380000, .npages = 0x80, .type = BOOTINFO_ROOTFS},
    {.base = 0x400000, .npages = 0x1, .type = BOOTINFO_PLAN},
    {.base = 0x500000, .npages = 0x100, .type = BOOTINFO_KERNEL_FILE},
    {.base = 0x600000, .npages = 0x20, .type = BOOTINFO_LOADER},
    {.base = 0x700000, .npages = 0x3000, .type = BOOTINFO_FREE},
    {.base = 0x3700000, .npages = 0x10, .type = BOOTINFO_ACPI},
    {.base = 0x3710000, .npages = 0x10, .type = BOOTINFO_RUNTIME_CODE},
    {.base = 0x80000000, .npages = 0x1000, .type = BOOTINFO_MMIO},
    {.base = 0xfee00000, .npages = 0x1, .type = BOOTINFO_RESERVED},
};

_Static_assert(ARRAY_SIZE(machine) == BOOTINFO_BUILD_RANGES, "one for each place");

static void header_init(struct bootinfo_build *build)
{
    struct bootinfo *info = &build->info;

    info->magic = BOOTINFO_MAGIC;
    info->version = BOOTINFO_VERSION;
    info->size = sizeof(*info);
    info->block_base = 0x240000;
    info->block_size = sizeof(*build);
    info->ranges_offset = offsetof(struct bootinfo_build, ranges);
    info->ranges_count = BOOTINFO_BUILD_RANGES;
    strcpy(build->cmdline, "after=halt bench");
    info->cmdline_offset = offsetof(struct bootinfo_build, cmdline);
    info->cmdline_size = (uint32_t)strlen(build->cmdline);
    strcpy(build->log, "loader: hello\n");
    info->log_offset = offsetof(struct bootinfo_build, log);
    info->log_size = (uint32_t)strlen(build->log);
    strcpy(build->firmware, "EDK II 65536");
    info->firmware_offset = offsetof(struct bootinfo_build, firmware);
    info->firmware_size = (uint32_t)strlen(build->firmware);
}

void bootinfo_build_machine(struct bootinfo_build *build)
{
    struct bootinfo *info = &build->info;

    memset(build, 0, sizeof(*build));
    memcpy(build->ranges, machine, sizeof(machine));
    header_init(build);
    info->kernel = (struct bootinfo_extent){0x100000, 0x100000};
    info->kernel_file = (struct bootinfo_extent){0x500000, 0xf1234};
    info->rootfs = (struct bootinfo_extent){0x300000, 0xff123};
    info->plan = (struct bootinfo_extent){0x400000, 77};
    info->tables = (struct bootinfo_extent){0x200000, 0x40000};
    info->tables_used = 0x30;
    info->table_root = 0x200000;
    info->jump = (struct bootinfo_extent){0x602000, 0x1000};
    info->trampoline = 0x8000;
    info->framebuffer = (struct bootinfo_framebuffer){
        .base = 0x80000000,
        .size = 0x400000,
        .width = 1280,
        .height = 800,
        .pixels_per_line = 1280,
        .format = BOOTINFO_PIXEL_BGRX,
    };
    info->rsdp = 0x3700000;
    info->efi_system_table = 0x3710000;
}

struct bootinfo_range *bootinfo_build_range(struct bootinfo_build *build, uint32_t type)
{
    for (size_t i = 0; i < BOOTINFO_BUILD_RANGES; i++) {
        if (build->ranges[i].type == type)
            return &build->ranges[i];
    }
    abort();
}
