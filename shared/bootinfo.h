/* SPDX-License-Identifier: MIT */
/*
 * shared/bootinfo.h - what the loader hands to the kernel
 *
 * Owns:    the layout of the hand-over block, the types of memory ranges.
 * Used by: efi-loader (writes it), kernel (checks it with lib/bootinfo.c before anything else).
 * Rule:    one physically contiguous block: this structure, then the range array, then text.
 *          Offsets are bytes from the start of the block. Addresses are physical, sizes are bytes
 *          unless a name says pages. A zero extent (base 0, size 0) means "there is none".
 * Entry:   the kernel is entered at its ELF entry point with RDI = direct-map address of the
 *          block, CR3 = the kernel page tables, IF = 0, DF = 0, CR0 = PE|MP|ET|NE|WP|PG,
 *          CR4 = PAE (and LA57 never), EFER = LME|LMA|NX|SCE; RSP is not to be used. The
 *          framebuffer is mapped at SCREEN_ADDRESS of its base (shared/addrmap.h). The code
 *          that jumps is identity-mapped, read-only and executable; the kernel drops that mapping.
 * Tests:   tests/host/bootinfo_test.c
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define BOOTINFO_MAGIC   0x5447494c54535246ULL /* "FRSTLIGT" */
#define BOOTINFO_VERSION 3

#define BOOTINFO_INVENTORY_MAX 65536 /* bytes */

enum bootinfo_type {
    BOOTINFO_RESERVED = 0, /* not RAM, or not ours: never touched                            */
    BOOTINFO_FREE,         /* conventional memory                                            */
    BOOTINFO_LOADER,       /* loader's image, stack, pool: poisoned, then freed              */
    BOOTINFO_KERNEL,       /* the kernel image as mapped at IMAGE_BASE                       */
    BOOTINFO_TABLES,       /* the kernel page tables (and unused frames of their pool)       */
    BOOTINFO_BLOCK,        /* this block                                                     */
    BOOTINFO_ROOTFS,       /* rootfs.cpio: stays, file data is used in place; inventory      */
    BOOTINFO_PLAN,         /* plan.txt                                                       */
    BOOTINFO_KERNEL_FILE,  /* kernel.elf as read, for its symbol table                       */
    BOOTINFO_TRAMPOLINE,   /* pages below 1 MiB for starting other CPUs                      */
    BOOTINFO_ACPI,         /* ACPI tables: could be freed after use; kept                    */
    BOOTINFO_NVS,          /* ACPI non-volatile storage: the firmware's                      */
    BOOTINFO_RUNTIME_CODE, /* EFI runtime services                                           */
    BOOTINFO_RUNTIME_DATA,
    BOOTINFO_MMIO,
    BOOTINFO_UNUSABLE,      /* bad memory                                                    */
    BOOTINFO_BOOT_SERVICES, /* data; free, unless runtime services are called: some use it   */
    BOOTINFO_BOOT_CODE,     /* their code, which some runtime services call still            */
    BOOTINFO_NTYPES
};

/* Types that are RAM and appear in the direct map. Runtime ranges do not. */
#define BOOTINFO_DIRECT_TYPES                                                                      \
    ((1u << BOOTINFO_FREE) | (1u << BOOTINFO_LOADER) | (1u << BOOTINFO_KERNEL) |                   \
     (1u << BOOTINFO_TABLES) | (1u << BOOTINFO_BLOCK) | (1u << BOOTINFO_ROOTFS) |                  \
     (1u << BOOTINFO_PLAN) | (1u << BOOTINFO_KERNEL_FILE) | (1u << BOOTINFO_TRAMPOLINE) |          \
     (1u << BOOTINFO_ACPI) | (1u << BOOTINFO_NVS) | (1u << BOOTINFO_BOOT_SERVICES) |               \
     (1u << BOOTINFO_BOOT_CODE))

struct bootinfo_range {
    uint64_t base; /* page-aligned; ranges are sorted by base and do not overlap */
    uint64_t npages;
    uint32_t type; /* enum bootinfo_type */
    uint32_t reserved;
    uint64_t attributes; /* EFI memory attributes, UEFI 2.10 section 7.2.3 */
};

struct bootinfo_extent {
    uint64_t base;
    uint64_t size;
};

enum bootinfo_pixel {
    BOOTINFO_PIXEL_NONE = 0, /* no framebuffer */
    BOOTINFO_PIXEL_RGBX,     /* red in the lowest byte */
    BOOTINFO_PIXEL_BGRX,     /* blue in the lowest byte */
    BOOTINFO_PIXEL_MASK,     /* see the masks */
};

struct bootinfo_framebuffer {
    uint64_t base;
    uint64_t size;
    uint32_t width, height;   /* pixels */
    uint32_t pixels_per_line; /* stride; 4 bytes a pixel */
    uint32_t format;          /* enum bootinfo_pixel */
    uint32_t red_mask, green_mask, blue_mask;
    uint32_t reserved;
};

/* TSC readings. */
struct bootinfo_stamps {
    uint64_t loader_entry;
    uint64_t files_read;
    uint64_t before_exit; /* of boot services */
    uint64_t after_exit;
};

/* Bus mastering that the loader took away after ExitBootServices; zero with dma=keep. */
struct bootinfo_dma {
    uint32_t bridges, devices;
};

/* Processor state as the firmware left it, for the log. */
struct bootinfo_cpu_state {
    uint64_t cr0, cr3, cr4, efer, rflags, apic_base;
};

enum bootinfo_report_mode {
    BOOTINFO_REPORT_OFF = 0,
    BOOTINFO_REPORT_NEXT, /* the next start of the loader completes the report */
    BOOTINFO_REPORT_NOW,  /* and the kernel brings that start about */
    BOOTINFO_REPORT_NMODES
};

/* The report that the loader has begun on the boot volume: shared/report.h. */
struct bootinfo_report {
    uint64_t id;     /* random: no other boot has it */
    uint32_t number; /* of the file, from 1; 0: the volume cannot be written */
    uint32_t mode;   /* enum bootinfo_report_mode */
};

struct bootinfo {
    uint64_t magic;
    uint32_t version;
    uint32_t size;       /* sizeof(struct bootinfo) */
    uint64_t block_base; /* physical address of this block */
    uint64_t block_size; /* whole block, bytes */

    uint32_t ranges_offset;
    uint32_t ranges_count;
    uint32_t cmdline_offset;  /* words separated by single blanks, NUL-terminated, UTF-8 */
    uint32_t cmdline_size;    /* without the NUL */
    uint32_t log_offset;      /* what the loader printed, lines ended by \n, NUL-terminated */
    uint32_t log_size;        /* without the NUL */
    uint32_t firmware_offset; /* "vendor revision", NUL-terminated UTF-8 */
    uint32_t firmware_size;

    struct bootinfo_extent kernel;      /* the image in memory */
    struct bootinfo_extent kernel_file; /* kernel.elf as read */
    struct bootinfo_extent rootfs;
    struct bootinfo_extent plan;   /* zero: none, or an empty one: see plan_present */
    struct bootinfo_extent tables; /* pool of page-table frames; used ones come first */
    uint64_t tables_used;          /* frames of the pool in use */
    uint64_t table_root;           /* physical address of the top-level table */
    struct bootinfo_extent jump;   /* identity-mapped pages of the loader */
    uint64_t trampoline;           /* physical address below 1 MiB, two pages, or 0 */

    struct bootinfo_framebuffer framebuffer;
    uint64_t rsdp;   /* checked by the loader; 0: none */
    uint64_t smbios; /* entry point, 2.x or 3.x; 0: none */
    uint64_t efi_system_table;
    uint8_t seed[32];      /* random bytes; mixed with the TSC by the kernel */
    uint32_t seed_quality; /* 1: from the firmware's RNG protocol or RDRAND; 0: only from clocks */
    uint32_t plan_present; /* 1: there was a plan.txt, which may be empty (then .plan is zero) */

    struct bootinfo_stamps stamps;
    struct bootinfo_dma dma;
    struct bootinfo_cpu_state entry_state;
    struct bootinfo_report report;
    /* Of the firmware's memory attributes table: runtime memory that is not writable (RO in its
     * attributes) or not executable (XP). Ranges as above, but not checked. Count 0: no table. */
    uint32_t runtime_offset, runtime_count;
    /* A cpio archive with /run/firstlight/inventory.json, of BOOTINFO_ROOTFS memory; or zero. */
    struct bootinfo_extent inventory;
};

_Static_assert(sizeof(struct bootinfo_range) == 32, "loader and kernel must agree");
_Static_assert(sizeof(struct bootinfo_framebuffer) == 48, "loader and kernel must agree");
_Static_assert(offsetof(struct bootinfo, ranges_offset) == 32, "loader and kernel must agree");
_Static_assert(offsetof(struct bootinfo, kernel) == 64, "loader and kernel must agree");
_Static_assert(offsetof(struct bootinfo, framebuffer) == 184, "loader and kernel must agree");
_Static_assert(sizeof(struct bootinfo) == 424, "loader and kernel must agree");
