/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/exit.h - ExitBootServices, done the way that all firmware survives
 *
 * Owns:    the buffer of the final memory map and the sequence of calls.
 * Used by: handover.c.
 * Rule:    one buffer, allocated beforehand with room to spare; its size is set anew before every
 *          GetMemoryMap; after the first attempt no other boot service is called, because part of
 *          the firmware is gone by then.
 * Tests:   tests/host/loader_exit_test.c
 */
#pragma once

#include "efi-loader/efi.h"
#include "kernel/lib/util.h"

#define EXIT_SPARE_DESCRIPTORS 64
#define EXIT_ATTEMPTS          4

struct exit_map {
    void *buffer;
    size_t capacity; /* bytes */
    size_t nbytes;   /* of the map in it */
    size_t desc_size;
    unsigned attempts; /* to exit; if not 0, boot services are not to be used any more */
};

/* Bytes that a map needs now, with room for its growth; also sets desc_size. -EIO. */
MUST_CHECK int exit_map_size(EFI_BOOT_SERVICES *bs, struct exit_map *map);

/* Fills the buffer without leaving. -ENOSPC, -EIO. */
MUST_CHECK int exit_map_read(EFI_BOOT_SERVICES *bs, struct exit_map *map, UINTN *key);

/* Leaves. The map in the buffer is then the final one. -ENOSPC when the map outgrew the buffer,
 * -EIO when firmware refuses again and again. */
MUST_CHECK int exit_boot_services(EFI_BOOT_SERVICES *bs, EFI_HANDLE image, struct exit_map *map);
