/* SPDX-License-Identifier: MIT */
/* See exit.h. */
#include "efi-loader/exit.h"
#include "shared/linux/errno.h"

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
