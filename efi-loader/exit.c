/* SPDX-License-Identifier: MIT */
/*
 * ExitBootServices, with the retries that it needs.
 *
 * ExitBootServices requires the key of the current memory map (UEFI 2.10 section 7.4.6). Any
 * allocation in between, also by a timer event of the firmware, makes the key invalid: the map is
 * read again and the call repeated, a few times. The buffer is allocated beforehand with room for
 * more descriptors, since after the first attempt only GetMemoryMap and ExitBootServices may be
 * called.
 *
 * attempts tells the caller what is left: at 0 boot services are whole, and it may return to the
 * firmware.
 */
#include "efi-loader/exit.h"
#include "shared/linux/errno.h"

/* A call with an empty buffer: the answer must be "too small". The descriptor's size is the
 * firmware's own and may be larger than the structure. */
int exit_map_size(EFI_BOOT_SERVICES *bs, struct exit_map *map)
{
    UINTN nbytes = 0, key, desc_size = 0;
    UINT32 version;

    if (bs->GetMemoryMap(&nbytes, NULL, &key, &desc_size, &version) != EFI_BUFFER_TOO_SMALL)
        return -EIO;
    if (desc_size < sizeof(EFI_MEMORY_DESCRIPTOR) || nbytes == 0)
        return -EIO;
    map->desc_size = desc_size;
    map->capacity = nbytes + EXIT_SPARE_DESCRIPTORS * desc_size;
    return 0;
}

/* The size is set anew for every call, because the call overwrites it. */
int exit_map_read(EFI_BOOT_SERVICES *bs, struct exit_map *map, UINTN *key)
{
    UINTN nbytes = map->capacity, desc_size = 0;
    UINT32 version;
    EFI_STATUS status = bs->GetMemoryMap(&nbytes, map->buffer, key, &desc_size, &version);

    if (status == EFI_BUFFER_TOO_SMALL)
        return -ENOSPC;
    if (EFI_ERROR(status) || nbytes > map->capacity || desc_size != map->desc_size)
        return -EIO;
    map->nbytes = nbytes;
    return 0;
}

int exit_boot_services(EFI_BOOT_SERVICES *bs, EFI_HANDLE image, struct exit_map *map)
{
    for (map->attempts = 0; map->attempts < EXIT_ATTEMPTS;) {
        UINTN key;
        int err = exit_map_read(bs, map, &key);
        if (err)
            return err;
        /* An event that fires between the two calls makes the key stale: hence the loop. */
        map->attempts++;
        if (!EFI_ERROR(bs->ExitBootServices(image, key)))
            return 0;
    }
    return -EIO;
}
