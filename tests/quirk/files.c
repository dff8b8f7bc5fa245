/* SPDX-License-Identifier: MIT */
/* Firmware whose files are slow, limited or nowhere to be found. */
#include "tests/quirk/quirk.h"

#include "kernel/lib/string.h"

#define LIMIT            (1u << 20)
#define SHORT            (64u << 10)
#define FOUR_GIB         (1ULL << 32)
#define WATCHDOG_SECONDS 2

/* What OpenVolume gives belongs to the firmware's driver; its calls are replaced one by one. */
static EFI_FILE_IO_INTERFACE the_volume, *the_real_volume;
static EFI_FILE_OPEN the_real_open;
static EFI_FILE_READ the_real_read;
static EFI_FILE_READ the_quirky_read;
static const EFI_GUID the_file_system = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;

static EFI_STATUS EFIAPI file_open(EFI_FILE_HANDLE self, EFI_FILE_HANDLE *out, CHAR16 *name,
                                   UINT64 mode, UINT64 attributes);

static void replace(EFI_FILE_HANDLE file)
{
    if (file->Read != the_quirky_read)
        the_real_read = file->Read;
    if (file->Open != file_open)
        the_real_open = file->Open;
    file->Read = the_quirky_read;
    file->Open = file_open;
}

static EFI_STATUS EFIAPI file_open(EFI_FILE_HANDLE self, EFI_FILE_HANDLE *out, CHAR16 *name,
                                   UINT64 mode, UINT64 attributes)
{
    EFI_STATUS status = the_real_open(self, out, name, mode, attributes);

    if (!EFI_ERROR(status))
        replace(*out);
    return status;
}

static EFI_STATUS EFIAPI open_volume(EFI_FILE_IO_INTERFACE *self, EFI_FILE_HANDLE *out)
{
    EFI_STATUS status = the_real_volume->OpenVolume(the_real_volume, out);

    (void)self;
    if (!EFI_ERROR(status))
        replace(*out);
    return status;
}

static EFI_STATUS EFIAPI handle_protocol(EFI_HANDLE handle, EFI_GUID *guid, void **out)
{
    EFI_STATUS status = the_quirk.real.HandleProtocol(handle, guid, out);

    if (EFI_ERROR(status) || !quirk_is_loader(__builtin_return_address(0)) ||
        memcmp(guid, &the_file_system, sizeof(the_file_system)) != 0)
        return status;
    the_real_volume = *out;
    the_volume = *the_real_volume;
    the_volume.OpenVolume = open_volume;
    *out = &the_volume;
    return status;
}

static void patch_reads(EFI_FILE_READ read)
{
    the_quirky_read = read;
    the_quirk.bs->HandleProtocol = handle_protocol;
}

/* A controller that can neither do large transfers nor reach all of memory. */
static EFI_STATUS EFIAPI limited_read(EFI_FILE_HANDLE self, UINTN *nbytes, void *to)
{
    if (*nbytes > LIMIT || (UINTN)to + *nbytes > FOUR_GIB) {
        quirk_fault("a read of more than 1 MiB, or to above 4 GiB");
        return EFI_DEVICE_ERROR;
    }
    return the_real_read(self, nbytes, to);
}

void quirk_limit_reads(void)
{
    patch_reads(limited_read);
}

/* A stick that dies. Interrupts stay on: only the watchdog can help. */
static EFI_STATUS EFIAPI endless_read(EFI_FILE_HANDLE self, UINTN *nbytes, void *to)
{
    (void)self;
    (void)nbytes;
    (void)to;
    quirk_say("a read that never ends");
    for (;;)
        __builtin_ia32_pause();
}

/* Nobody wants to wait for a minute. */
static EFI_STATUS EFIAPI short_watchdog(UINTN seconds, UINT64 code, UINTN nbytes, CHAR16 *text)
{
    return the_quirk.real.SetWatchdogTimer(seconds ? WATCHDOG_SECONDS : 0, code, nbytes, text);
}

static void read_hangs(void)
{
    the_quirk.bs->SetWatchdogTimer = short_watchdog;
    patch_reads(endless_read);
}

/* A driver that gives what its buffer holds, and no error: UEFI 2.10, 13.5, allows it at the end of
 * a file alone. */
static EFI_STATUS EFIAPI short_read(EFI_FILE_HANDLE self, UINTN *nbytes, void *to)
{
    *nbytes = MIN(*nbytes, SHORT);
    return the_real_read(self, nbytes, to);
}

static void read_short(void)
{
    patch_reads(short_read);
}

/* A worn stick: what is large cannot be read to its end. */
static EFI_STATUS EFIAPI failing_read(EFI_FILE_HANDLE self, UINTN *nbytes, void *to)
{
    static UINT64 total;

    total += *nbytes;
    return total > LIMIT ? EFI_DEVICE_ERROR : the_real_read(self, nbytes, to);
}

static void read_fails(void)
{
    patch_reads(failing_read);
}

static UINTN the_watchdog; /* seconds; 0: off */

static EFI_STATUS EFIAPI noted_watchdog(UINTN seconds, UINT64 code, UINTN nbytes, CHAR16 *text)
{
    the_watchdog = seconds;
    return the_quirk.real.SetWatchdogTimer(seconds, code, nbytes, text);
}

static EFI_STATUS EFIAPI watched_read(EFI_FILE_HANDLE self, UINTN *nbytes, void *to)
{
    if (!the_watchdog)
        quirk_fault("a read without the watchdog");
    return the_real_read(self, nbytes, to);
}

static void watchdog_is_off(void)
{
    if (the_watchdog)
        quirk_fault("boot services left with the watchdog on");
}

static void watchdog(void)
{
    the_quirk.bs->SetWatchdogTimer = noted_watchdog;
    patch_reads(watched_read);
    quirk_before_exit(watchdog_is_off);
}

/* On real machines this may take minutes, and start drivers that were better left alone. */
static EFI_STATUS EFIAPI connect(EFI_HANDLE controller, EFI_HANDLE *drivers, EFI_DEVICE_PATH *path,
                                 BOOLEAN recursive)
{
    if (quirk_is_loader(__builtin_return_address(0)))
        quirk_fault("controllers were connected");
    return the_quirk.real.ConnectController(controller, drivers, path, recursive);
}

static void no_connect(void)
{
    the_quirk.bs->ConnectController = connect;
}

/* As if it came from the network: all volumes have to be looked at. */
static void no_device(void)
{
    the_quirk.loader->FilePath = NULL;
    the_quirk.loader->DeviceHandle = NULL;
}

/* Storage: class 01 of PCI. USB is left alone in this machine: there is none. */
static bool is_storage(EFI_HANDLE controller)
{
    static EFI_GUID guid = EFI_PCI_IO_PROTOCOL_GUID;
    EFI_PCI_IO_PROTOCOL *pci;
    UINT32 class;

    return !EFI_ERROR(the_quirk.real.HandleProtocol(controller, &guid, (void **)&pci)) &&
           !EFI_ERROR(pci->Pci.Read(pci, EfiPciIoWidthUint32, 8, 1, &class)) && class >> 24 == 1;
}

static EFI_STATUS EFIAPI connect_storage_alone(EFI_HANDLE controller, EFI_HANDLE *drivers,
                                               EFI_DEVICE_PATH *path, BOOLEAN recursive)
{
    if (quirk_is_loader(__builtin_return_address(0)) && !is_storage(controller))
        quirk_fault("a driver was started for what is no storage");
    return the_quirk.real.ConnectController(controller, drivers, path, recursive);
}

static EFI_STATUS EFIAPI connect_nothing(EFI_HANDLE controller, EFI_HANDLE *drivers,
                                         EFI_DEVICE_PATH *path, BOOLEAN recursive)
{
    (void)controller;
    (void)drivers;
    (void)path;
    (void)recursive;
    return EFI_NOT_FOUND;
}

/* Firmware that starts fast, and has the loader from elsewhere. */
static void drivers_stopped(void)
{
    static EFI_GUID guid = EFI_PCI_IO_PROTOCOL_GUID;
    EFI_HANDLE *handles;
    UINTN count;

    no_device();
    the_quirk.bs->ConnectController = connect_storage_alone;
    if (EFI_ERROR(the_quirk.real.LocateHandleBuffer(ByProtocol, &guid, NULL, &count, &handles)))
        return;
    for (UINTN i = 0; i < count; i++) {
        if (is_storage(handles[i]))
            the_quirk.real.DisconnectController(handles[i], NULL, NULL);
    }
    the_quirk.real.FreePool(handles);
}

static void drivers_missing(void)
{
    drivers_stopped();
    the_quirk.bs->ConnectController = connect_nothing;
}

/* A reader that has lost its card for a moment. */
static EFI_STATUS EFIAPI open_changed_volume(EFI_FILE_IO_INTERFACE *self, EFI_FILE_HANDLE *out)
{
    static bool seen;

    if (seen)
        return open_volume(self, out);
    seen = true;
    return EFI_MEDIA_CHANGED;
}

static EFI_STATUS EFIAPI handle_changed(EFI_HANDLE handle, EFI_GUID *guid, void **out)
{
    EFI_STATUS status = the_quirk.real.HandleProtocol(handle, guid, out);

    if (EFI_ERROR(status) || !quirk_is_loader(__builtin_return_address(0)) ||
        memcmp(guid, &the_file_system, sizeof(the_file_system)) != 0)
        return status;
    the_real_volume = *out;
    the_volume = *the_real_volume;
    the_volume.OpenVolume = open_changed_volume;
    *out = &the_volume;
    return status;
}

static void media_changed(void)
{
    the_quirky_read = limited_read;
    the_quirk.bs->HandleProtocol = handle_changed;
}

/* What a boot entry may carry that is no text. */
static void options_binary(void)
{
    static unsigned char bytes[] = {0x01, 0x80, 0xff, 0x00, 0xfe, 0x3d, 0x07, 0x00, 0x9c};

    the_quirk.loader->LoadOptions = bytes;
    the_quirk.loader->LoadOptionsSize = sizeof(bytes);
}

static void no_file_path(void)
{
    the_quirk.loader->FilePath = NULL;
}

const struct quirk_entry quirk_file_entries[] = {
    {"read-limit", quirk_limit_reads},
    {"read-hangs", read_hangs},
    {"no-file-path", no_file_path},
    {"no-device", no_device},
    {"read-short", read_short},
    {"read-fails", read_fails},
    {"watchdog", watchdog},
    {"no-connect", no_connect},
    {"drivers-stopped", drivers_stopped},
    {"drivers-missing", drivers_missing},
    {"media-changed", media_changed},
    {"options-binary", options_binary},
    {NULL, NULL},
};
