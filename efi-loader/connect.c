/* SPDX-License-Identifier: MIT */
/*
 * Drivers for disks that the firmware has not started.
 *
 * Firmware that starts fast connects drivers to what its boot option names and to nothing else. The
 * loader may then run (from a network, a firmware's shell, another disk) while the volume with the
 * boot directory is on a controller that nobody has looked at. ConnectController for every handle,
 * as boot managers do it, would start network and display drivers, too: known to take minutes, to
 * blank the screen, or to hang.
 *
 * Classes: PCI Code and ID Assignment Specification, sections 1.2, 1.9 and 1.13.
 */
#include "efi-loader/connect.h"
#include "efi-loader/files.h"
#include "efi-loader/log.h"
#include "kernel/lib/pci_config.h"

#define CLASS_STORAGE 0x01
#define CLASS_SD      0x0805u /* readers of cards */

static bool has_disks(EFI_BOOT_SERVICES *bs, EFI_HANDLE controller, EFI_GUID *guid)
{
    EFI_PCI_IO_PROTOCOL *pci;
    uint32_t class;

    if (EFI_ERROR(bs->HandleProtocol(controller, guid, (void **)&pci)) ||
        EFI_ERROR(pci->Pci.Read(pci, EfiPciIoWidthUint32, PCI_REG_CLASS, 1, &class)))
        return false;
    return class >> 24 == CLASS_STORAGE || class >> 16 == PCI_CLASS_USB || class >> 16 == CLASS_SD;
}

/* What a driver answers is of no use: one that has nothing to do says EFI_NOT_FOUND, also for a
 * controller that is driven already. The volumes that there are then tell. */
void connect_storage(EFI_BOOT_SERVICES *bs)
{
    static EFI_GUID guid = EFI_PCI_IO_PROTOCOL_GUID;
    EFI_HANDLE *handles;
    UINTN count;

    if (EFI_ERROR(bs->LocateHandleBuffer(ByProtocol, &guid, NULL, &count, &handles)))
        return;
    log_line("no volume has \\firstlight so far: starting the firmware's drivers for disks");
    for (UINTN i = 0; i < count; i++) {
        if (!has_disks(bs, handles[i], &guid))
            continue;
        files_watchdog_on(bs);
        bs->ConnectController(handles[i], NULL, NULL, TRUE);
    }
    bs->FreePool(handles);
}
