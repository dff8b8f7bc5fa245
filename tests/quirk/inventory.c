/* SPDX-License-Identifier: MIT */
/*
 * Drivers of devices that answer garbage, errors or nothing.
 *
 * The devices are new ones, put into the firmware's own lists: no driver of its own is changed.
 * Every function that a reader has no business with is a fault.
 */
#include "tests/quirk/quirk.h"

#include "efi-loader/efi_devices.h"
#include "kernel/lib/string.h"

#define MANY      1000
#define NOT_THERE ((void *)0x5a5a000000000000ULL) /* a fault for who looks */

static EFI_GUID block_guid = EFI_BLOCK_IO_PROTOCOL_GUID, path_guid = EFI_DEVICE_PATH_PROTOCOL_GUID,
                info_guid = EFI_DISK_INFO_GUID, nvme_guid = EFI_NVME_PASS_THRU_GUID,
                ata_guid = EFI_ATA_PASS_THRU_GUID, network_guid = EFI_SIMPLE_NETWORK_PROTOCOL_GUID,
                display_guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID, edid_guid = EFI_EDID_ACTIVE_GUID,
                tcg_guid = EFI_TCG2_GUID;

/* What a terminal, KTAP and JSON would each be hurt by. */
static const char nasty[] = "\"\\\x1b[2J\nnot ok 1 x\r\n{}\x9b\xff";

/* A node of a made-up bus, the disk's node, the end. */
static UINT8 nvme_path[] = {1, 4, 20, 0, 'f', 'i', 'r', 's', 't',  'l',  'i', 'g', 'h', 't',
                            0, 0, 0,  0, 0,   1,   3,   23,  16,   0,    1,   0,   0,   0,
                            0, 0, 0,  0, 0,   0,   0,   0,   0x7f, 0xff, 4,   0};
static UINT8 ata_path[] = {1,   4,   20,   0,    'f', 'i', 'r',  's',  't', 'l', 'i', 'g',
                           'h', 't', 0,    0,    0,   0,   0,    2,    3,   18,  10,  0,
                           0,   0,   0xff, 0xff, 0,   0,   0x7f, 0xff, 4,   0};
_Static_assert(sizeof(nvme_path) == 40 && sizeof(ata_path) == 34, "lengths as they say");

static void install(EFI_HANDLE *handle, EFI_GUID *guid, void *interface)
{
    if (EFI_ERROR(
            the_quirk.real.InstallProtocolInterface(handle, guid, EFI_NATIVE_INTERFACE, interface)))
        quirk_fault("a device cannot be made");
}

/* --- disks ------------------------------------------------------------------------------------ */

static EFI_STATUS the_answer; /* of all drivers */

static EFI_STATUS EFIAPI block_reset(EFI_BLOCK_IO *self, BOOLEAN verify)
{
    (void)self;
    (void)verify;
    quirk_fault("a disk was reset");
    return EFI_DEVICE_ERROR;
}

static EFI_STATUS EFIAPI block_transfer(EFI_BLOCK_IO *self, UINT32 media, EFI_LBA block,
                                        UINTN nbytes, VOID *buffer)
{
    (void)self;
    (void)media;
    (void)block;
    (void)nbytes;
    (void)buffer;
    quirk_fault("a disk was read or written");
    return EFI_DEVICE_ERROR;
}

static EFI_STATUS EFIAPI block_flush(EFI_BLOCK_IO *self)
{
    (void)self;
    quirk_fault("a disk was flushed");
    return EFI_DEVICE_ERROR;
}

static EFI_BLOCK_IO_MEDIA the_media = {
    .MediaPresent = TRUE, .BlockSize = 512, .LastBlock = 999, .IoAlign = 1};
static EFI_BLOCK_IO the_block = {.Revision = EFI_BLOCK_IO_PROTOCOL_REVISION,
                                 .Media = &the_media,
                                 .Reset = block_reset,
                                 .ReadBlocks = block_transfer,
                                 .WriteBlocks = block_transfer,
                                 .FlushBlocks = block_flush};

static void fill(void *to, size_t nbytes)
{
    UINT8 *bytes = to;

    for (size_t i = 0; i < nbytes; i++)
        bytes[i] = (UINT8)nasty[i % (sizeof(nasty) - 1)];
}

static EFI_STATUS EFIAPI nvme_answer(struct efi_nvme_pass_thru *self, UINT32 nsid,
                                     struct efi_nvme_packet *packet, EFI_EVENT event)
{
    UINT32 opcode = packet->command->opcode & 0xff;

    (void)self;
    (void)nsid;
    if (packet->queue != 0 || event || !packet->timeout || (opcode != 2 && opcode != 6))
        quirk_fault("an NVMe command that is not wanted");
    fill(packet->data, packet->data_nbytes);
    return the_answer;
}

static EFI_STATUS EFIAPI nvme_silence(struct efi_nvme_pass_thru *self, UINT32 nsid,
                                      struct efi_nvme_packet *packet, EFI_EVENT event)
{
    static volatile bool never;

    while (!never)
        __builtin_ia32_pause();
    return nvme_answer(self, nsid, packet, event);
}

static EFI_STATUS EFIAPI ata_answer(struct efi_ata_pass_thru *self, UINT16 port, UINT16 multiplier,
                                    struct efi_ata_packet *packet, EFI_EVENT event)
{
    UINT8 command = packet->command->command, feature = packet->command->feature;

    (void)self;
    (void)port;
    (void)multiplier;
    if (packet->out || event || !packet->timeout ||
        (command != 0xec && (command != 0xb0 || (feature != 0xd0 && feature != 0xda))))
        quirk_fault("an ATA command that is not wanted");
    fill(packet->status, sizeof(*packet->status));
    if (packet->in)
        fill(packet->in, packet->in_nbytes);
    return the_answer;
}

static EFI_STATUS EFIAPI ata_device(struct efi_ata_pass_thru *self, EFI_DEVICE_PATH *path,
                                    UINT16 *port, UINT16 *multiplier)
{
    (void)self;
    (void)path;
    *port = 0x1234;
    *multiplier = 0xffff;
    return EFI_SUCCESS;
}

/* Garbage that says that there is SMART, and it is on. */
static EFI_STATUS EFIAPI info_answer(struct efi_disk_info *self, VOID *data, UINT32 *nbytes)
{
    UINT16 *words = data;

    (void)self;
    if (*nbytes > 512)
        quirk_fault("more of a disk's data than there can be");
    fill(data, *nbytes);
    if (*nbytes == 512) {
        words[0] = 0;
        words[82] = words[85] = 1;
        words[83] = 0x4000;
    }
    *nbytes = ~0u;
    return the_answer;
}

static struct efi_nvme_pass_thru the_nvme = {.pass_thru = nvme_answer};
static struct efi_ata_pass_thru the_ata = {.pass_thru = ata_answer, .get_device = ata_device};
static struct efi_disk_info the_ahci = {
    {EFI_DISK_INFO_AHCI, 0, 0, {0}}, info_answer, info_answer, NOT_THERE, NOT_THERE};
static struct efi_disk_info the_usb = {
    {EFI_DISK_INFO_USB, 0, 0, {0}}, info_answer, info_answer, NOT_THERE, NOT_THERE};

static void disks_install(void)
{
    EFI_HANDLE nvme = NULL, ata = NULL, usb = NULL, none = NULL;
    static EFI_BLOCK_IO without_media;

    install(&nvme, &path_guid, nvme_path);
    install(&nvme, &nvme_guid, &the_nvme);
    install(&nvme, &block_guid, &the_block);
    install(&ata, &path_guid, ata_path);
    install(&ata, &ata_guid, &the_ata);
    install(&ata, &info_guid, &the_ahci);
    install(&ata, &block_guid, &the_block);
    install(&usb, &info_guid, &the_usb);
    install(&usb, &block_guid, &the_block);
    install(&none, &block_guid, &without_media);
}

/* --- the others ------------------------------------------------------------------------------- */

static UINT8 the_edid[128] = {0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0};
static struct efi_edid the_panel = {.nbytes = ~0u, .bytes = the_edid};
static struct efi_edid short_panel = {.nbytes = 3, .bytes = NOT_THERE};
static EFI_GRAPHICS_OUTPUT_PROTOCOL the_display;
static EFI_SIMPLE_NETWORK_MODE the_mode = {.HwAddressSize = ~0u, .MediaPresentSupported = TRUE};
static EFI_SIMPLE_NETWORK the_card = {.Mode = &the_mode}, dead_card;

static EFI_STATUS EFIAPI tcg_answer(struct efi_tcg2 *self, struct efi_tcg2_capability *capability)
{
    (void)self;
    fill(capability, sizeof(*capability));
    capability->nbytes = 255;
    capability->present = 7;
    return the_answer;
}

static void others_install(void)
{
    static struct efi_tcg2 tcg = {.get_capability = tcg_answer};
    EFI_HANDLE handles[5] = {NULL};
    UINT8 sum = 0;

    fill(the_edid + 8, sizeof(the_edid) - 9);
    /* A descriptor with a name. */
    memset(the_edid + 72, 0, 5);
    the_edid[75] = 0xfc;
    for (unsigned i = 0; i < sizeof(the_edid) - 1; i++)
        sum = (UINT8)(sum + the_edid[i]);
    the_edid[127] = (UINT8)-sum;
    install(&handles[0], &display_guid, &the_display);
    install(&handles[0], &edid_guid, &the_panel);
    install(&handles[1], &display_guid, &the_display);
    install(&handles[1], &edid_guid, &short_panel);
    install(&handles[2], &network_guid, &the_card);
    install(&handles[3], &network_guid, &dead_card);
    install(&handles[4], &tcg_guid, &tcg);
}

/* --- the quirks ------------------------------------------------------------------------------- */

static void garbage(void)
{
    the_media.LastBlock = ~0ULL;
    disks_install();
    others_install();
}

static void errors(void)
{
    the_answer = EFI_DEVICE_ERROR;
    garbage();
}

/* The last call before the exit: time for the timer's interrupt to find the loader as it is. */
static EFI_STATUS EFIAPI watchdog_with_ticks(UINTN seconds, UINT64 code, UINTN nbytes, CHAR16 *data)
{
    if (quirk_is_loader(__builtin_return_address(0)) && seconds == 0)
        the_quirk.real.Stall(50000);
    return the_quirk.real.SetWatchdogTimer(seconds, code, nbytes, data);
}

static void hangs(void)
{
    the_nvme.pass_thru = nvme_silence;
    disks_install();
    the_quirk.bs->SetWatchdogTimer = watchdog_with_ticks;
}

static void many(void)
{
    for (unsigned i = 0; i < MANY; i++) {
        EFI_HANDLE handle = NULL;

        install(&handle, &block_guid, &the_block);
    }
}

/* Another driver has the disk for itself. */
static void exclusive(void)
{
    EFI_HANDLE handle = NULL;
    void *unused;

    the_block.Media = NOT_THERE;
    install(&handle, &path_guid, nvme_path);
    install(&handle, &block_guid, &the_block);
    if (EFI_ERROR(the_quirk.real.OpenProtocol(handle, &block_guid, &unused, the_quirk.self, NULL,
                                              EFI_OPEN_PROTOCOL_EXCLUSIVE)))
        quirk_fault("a disk cannot be taken");
}

static EFI_STATUS EFIAPI create_no_timer(UINT32 type, EFI_TPL tpl, EFI_EVENT_NOTIFY notify,
                                         VOID *context, EFI_EVENT *event)
{
    if (quirk_is_loader(__builtin_return_address(0)))
        return EFI_OUT_OF_RESOURCES;
    return the_quirk.real.CreateEvent(type, tpl, notify, context, event);
}

static void no_timer(void)
{
    the_nvme.pass_thru = NULL; /* as nothing may be asked */
    disks_install();
    the_quirk.bs->CreateEvent = create_no_timer;
}

const struct quirk_entry quirk_inventory_entries[] = {
    {"inventory-garbage", garbage},
    {"inventory-errors", errors},
    {"inventory-hangs", hangs},
    {"inventory-many", many},
    {"inventory-in-use", exclusive},
    {"inventory-no-timer", no_timer},
    {NULL, NULL},
};
