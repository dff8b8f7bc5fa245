/* SPDX-License-Identifier: MIT */
/*
 * tests/host/loader_fake.h - a firmware made for the tests, that can be told to misbehave
 *
 * Owns:    boot services, one volume tree, a memory map, a console that only remembers.
 * Rule:    a call of any service other than GetMemoryMap and ExitBootServices after the first
 *          attempt to exit is counted in calls_after_exit; services that nobody should need are
 *          NULL, and calling one ends the test.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "efi-loader/efi.h"
#include "shared/bootinfo.h"

#define FAKE_BLOCKS 32
#define FAKE_FILES  16
#define FAKE_LOG    8192

struct fake_block {
    uint64_t base;
    uint64_t npages;
    bool used;
};

struct fake_file {
    const char *name; /* NULL: end of the list */
    const void *data;
    uint64_t size;
    bool directory;
    EFI_STATUS open_status;
};

struct fake {
    EFI_SYSTEM_TABLE st;
    EFI_BOOT_SERVICES bs;
    EFI_RUNTIME_SERVICES rs;

    /* Memory. */
    struct fake_block blocks[FAKE_BLOCKS];
    uint64_t pages_left; /* how many more AllocatePages hands out */
    unsigned bad_types;  /* allocations of a type other than LoaderCode and LoaderData */
    unsigned bad_frees;
    unsigned high_offers; /* calls that did not ask for memory below 4 GiB */
    uint64_t low_address; /* answer to a request for memory below 1 MiB; ~0: refused */

    /* Memory map and exit. */
    unsigned char map[64 * 128];
    size_t desc_size;
    unsigned map_count;
    unsigned map_growth; /* descriptors added at each GetMemoryMap that fills a buffer */
    UINTN key;
    unsigned stale; /* how many attempts to exit fail */
    unsigned exit_attempts;
    bool exited;
    unsigned calls_after_exit;
    unsigned key_mismatches;
    EFI_STATUS map_status; /* of GetMemoryMap with a buffer */

    /* Files. */
    struct fake_file files[FAKE_FILES];
    unsigned volumes_with_directory; /* bit n: volume n has \firstlight */
    unsigned volume_opened;
    bool volumes_hidden; /* LocateHandleBuffer finds none */
    uint64_t largest_read;
    uint64_t read_limit; /* larger reads fail */
    uint64_t read_stop;  /* reads beyond this offset give nothing */
    unsigned open_handles;
    unsigned watchdog_armed, watchdog_disarmed;
    unsigned pool_blocks;

    unsigned refusal;     /* the last one's code */
    char shown[FAKE_LOG]; /* what log_show was told */
    char log[FAKE_LOG];   /* what log_line and log_refuse were told, a line each */
};

extern struct fake the_fake;

/* Volume n of three, as a handle; 0 is the one that the loader comes from. */
EFI_HANDLE fake_volume(unsigned n);

void fake_reset(void);

/* The map gets n descriptors of conventional memory, a page each with a gap after it. */
void fake_make_map(unsigned n, size_t desc_size);

unsigned fake_blocks_in_use(void);
