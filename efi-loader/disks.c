/* SPDX-License-Identifier: MIT */
/*
 * Disks, as the firmware's drivers describe them.
 *
 * Every disk and partition has EFI_BLOCK_IO, from which size and kind are read and nothing else is
 * used. Model and serial number come from EFI_DISK_INFO, which repeats what the driver was told
 * when it found the disk. Which bus it is on says the last node of the device path.
 *
 * The serial number of a SCSI disk is not among that: it is on a page of its own, which is asked
 * for where the disk lists it, as Linux does. USB disks, many of which hang at such pages, are not.
 */
#include "efi-loader/disks.h"

#include "efi-loader/ask.h"
#include "efi-loader/efi_devices.h"
#include "efi-loader/json.h"
#include "kernel/lib/string.h"

#define PATH_MAX 1024 /* bytes of a device path that is believed */

/* UEFI 2.10 section 10.3: type and subtype of nodes. */
#define NODE(type, subtype) ((type) << 8 | (subtype))
#define NODE_END            0x7f

#define INQUIRY_SIZE    96 /* SPC-4, 6.4.2: EDK II takes no less for SCSI; 36 bytes are used */
#define INQUIRY_VENDOR  8
#define INQUIRY_PRODUCT 16
#define INQUIRY_VERSION 32
#define VENDOR_SIZE     8
#define PRODUCT_SIZE    16

/* SPC-4, 7.8: vital product data. */
#define INQUIRY_COMMAND 0x12
#define VPD_PAGES       0x00 /* which pages there are */
#define VPD_SERIAL      0x80
#define VPD_SIZE        252 /* what a byte can say, in whole words */
#define VPD_HEADER      4
#define SCSI_TIMEOUT    (3 * 10000000ULL) /* of 100 ns */
#define SENSE_SIZE      18

/* ATA/ATAPI Command Set 3, 7.12: words of IDENTIFY, as byte offsets. */
#define IDENTIFY_SIZE     512
#define IDENTIFY_SERIAL   20
#define IDENTIFY_FIRMWARE 46
#define IDENTIFY_MODEL    54

static const char *bus_name(const EFI_DEVICE_PATH *node)
{
    switch (NODE(node->Type, node->SubType)) {
    case NODE(1, 1):
        return "pci"; /* virtio, and whatever else is a disk by itself */
    case NODE(3, 1):
        return "ide";
    case NODE(3, 2):
        return "scsi";
    case NODE(3, 5):
    case NODE(3, 16):
        return "usb";
    case NODE(3, 18):
        return "sata";
    case NODE(3, 23):
        return "nvme";
    case NODE(3, 25):
        return "ufs";
    case NODE(3, 26):
        return "sd";
    case NODE(3, 29):
        return "emmc";
    default:
        return "other";
    }
}

/* The last node before the end, NULL for a path that does not end as it should. */
static EFI_DEVICE_PATH *last_node(EFI_DEVICE_PATH *path)
{
    EFI_DEVICE_PATH *last = NULL;

    for (size_t at = 0; at < PATH_MAX;) {
        EFI_DEVICE_PATH *node = (EFI_DEVICE_PATH *)((char *)path + at);
        size_t nbytes = (size_t)(node->Length[0] | node->Length[1] << 8);

        if ((node->Type & NODE_END) == NODE_END)
            return last;
        if (nbytes < sizeof(*node))
            return NULL;
        last = node;
        at += nbytes;
    }
    return NULL;
}

/* Two letters a word, the first in its high byte. */
static void take_swapped(char *to, const uint8_t *from, size_t nbytes)
{
    for (size_t i = 0; i < nbytes; i++)
        to[i] = (char)from[i ^ 1];
}

void disk_take_identify(struct disk *disk, const uint8_t *identify)
{
    take_swapped(disk->serial, identify + IDENTIFY_SERIAL, DISK_SERIAL);
    take_swapped(disk->firmware, identify + IDENTIFY_FIRMWARE, sizeof(disk->firmware));
    take_swapped(disk->model, identify + IDENTIFY_MODEL, DISK_MODEL);
}

/* Vendor and product with one blank between, as everyone shows them. */
static void take_inquiry(struct disk *disk, const uint8_t *inquiry)
{
    size_t n = VENDOR_SIZE;

    memcpy(disk->model, inquiry + INQUIRY_VENDOR, VENDOR_SIZE);
    while (n && (disk->model[n - 1] == ' ' || !disk->model[n - 1]))
        n--;
    disk->model[n] = ' ';
    memcpy(disk->model + n + 1, inquiry + INQUIRY_PRODUCT, PRODUCT_SIZE);
    memset(disk->model + n + 1 + PRODUCT_SIZE, 0, DISK_MODEL - n - 1 - PRODUCT_SIZE);
    memcpy(disk->firmware, inquiry + INQUIRY_VERSION, 4);
}

/* How many bytes of that page now lie behind its header; 0: it was not to be had. */
static size_t vpd_ask(struct disk_question *question, struct efi_scsi_io *scsi, uint8_t number)
{
    uint8_t *page = question->page[0], command[6] = {INQUIRY_COMMAND, 1, number, 0, VPD_SIZE, 0};
    struct efi_scsi_packet packet = {.timeout = SCSI_TIMEOUT,
                                     .in = page,
                                     .in_nbytes = VPD_SIZE,
                                     .command = command,
                                     .command_nbytes = sizeof(command),
                                     .sense = question->page[1],
                                     .sense_nbytes = SENSE_SIZE};

    memset(page, 0, VPD_SIZE);
    if (EFI_ERROR(scsi->execute(scsi, &packet, NULL)) || packet.target_status || page[1] != number)
        return 0;
    return MIN((size_t)page[3], VPD_SIZE - VPD_HEADER);
}

static void scsi_ask_serial(struct disk_question *question)
{
    static EFI_GUID guid = EFI_SCSI_IO_GUID;
    const uint8_t *data = question->page[0] + VPD_HEADER;
    struct efi_scsi_io *scsi;
    size_t n;

    if (EFI_ERROR(ask_protocol(question->bs, question->handle, &guid, (void **)&scsi)))
        return;
    n = vpd_ask(question, scsi, VPD_PAGES);
    while (n && data[n - 1] != VPD_SERIAL)
        n--;
    if (!n)
        return;
    n = vpd_ask(question, scsi, VPD_SERIAL);
    memcpy(question->disk->serial, data, MIN(n, sizeof(question->disk->serial)));
}

/* True: question->page has an ATA disk's IDENTIFY data. */
static bool ask_disk_info(struct disk_question *question)
{
    static EFI_GUID guid = EFI_DISK_INFO_GUID;
    uint8_t *page = question->page[0];
    UINT32 nbytes = IDENTIFY_SIZE;
    struct efi_disk_info *info;

    if (EFI_ERROR(ask_protocol(question->bs, question->handle, &guid, (void **)&info)))
        return false;
    memset(page, 0, DISK_PAGE);
    switch (info->interface.Data1) {
    case EFI_DISK_INFO_IDE:
    case EFI_DISK_INFO_AHCI:
        if (EFI_ERROR(info->identify(info, page, &nbytes)))
            return false;
        disk_take_identify(question->disk, page);
        return true;
    case EFI_DISK_INFO_SCSI:
    case EFI_DISK_INFO_USB:
        nbytes = INQUIRY_SIZE;
        if (!EFI_ERROR(info->inquiry(info, page, &nbytes)))
            take_inquiry(question->disk, page);
        if (info->interface.Data1 == EFI_DISK_INFO_SCSI)
            scsi_ask_serial(question);
        return false;
    default:
        return false;
    }
}

void disk_ask(void *argument)
{
    static EFI_GUID guid = EFI_BLOCK_IO_PROTOCOL_GUID, path_guid = EFI_DEVICE_PATH_PROTOCOL_GUID;
    struct disk_question *question = argument;
    struct disk *disk = question->disk;
    EFI_BLOCK_IO *block;
    EFI_STATUS status = ask_protocol(question->bs, question->handle, &guid, (void **)&block);

    if (status == EFI_ACCESS_DENIED)
        disk->kind = DISK_IN_USE;
    if (EFI_ERROR(status) || !block->Media || block->Media->LogicalPartition)
        return;
    disk->media = *block->Media;
    disk->bus = "other";
    disk->kind = DISK_FOUND;
    if (!EFI_ERROR(
            question->bs->HandleProtocol(question->handle, &path_guid, (void **)&question->path)) &&
        question->path)
        question->last = last_node(question->path);
    if (question->last)
        disk->bus = bus_name(question->last);
    disk_ask_health(question, ask_disk_info(question) ? question->page[0] : NULL);
}

/* 0: unknown, or more than can be. */
static uint64_t disk_bytes(const EFI_BLOCK_IO_MEDIA *media)
{
    if (!media->MediaPresent || !media->BlockSize ||
        media->LastBlock >= UINT64_MAX / media->BlockSize)
        return 0;
    return (media->LastBlock + 1) * media->BlockSize;
}

static const char *truth(bool yes)
{
    return yes ? "true" : "false";
}

void disk_write(struct text *out, const struct disk *disk, unsigned number)
{
    const EFI_BLOCK_IO_MEDIA *media = &disk->media;

    text_add(out, "{\"number\":%u,\"bus\":\"%s\"", number, disk->bus);
    json_member(out, "model", disk->model, sizeof(disk->model));
    json_member(out, "serial", disk->serial, sizeof(disk->serial));
    json_member(out, "firmware", disk->firmware, sizeof(disk->firmware));
    text_add(out, ",\"bytes\":%llu,\"block_size\":%u,\"removable\":%s,\"read_only\":%s",
             (unsigned long long)disk_bytes(media), media->BlockSize, truth(media->RemovableMedia),
             truth(media->ReadOnly));
    if (!media->MediaPresent)
        text_add(out, ",\"empty\":true");
    disk_write_health(out, disk);
    text_add(out, "}");
}
