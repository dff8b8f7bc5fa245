/* SPDX-License-Identifier: MIT */
/*
 * What disks say of their health: the log of NVMe, SMART of ATA.
 *
 * The commands are sent through the driver of the disk's controller, which is found by the disk's
 * device path. Only these are sent: Identify and Get Log Page 02h (NVMe), IDENTIFY DEVICE, SMART
 * RETURN STATUS and SMART READ DATA (ATA). None of them changes anything; SMART that is switched
 * off stays so. Each has a time limit of its own, which the driver keeps, and ask.h another.
 */
#include "efi-loader/disks.h"

#include "efi-loader/ask.h"
#include "efi-loader/efi_devices.h"
#include "efi-loader/json.h"
#include "kernel/lib/string.h"

#define TIMEOUT (3 * 10000000ULL) /* of 100 ns, for a command */

#define NODE_MESSAGING 3
#define NODE_ATAPI     1
#define NODE_SATA      18
#define NODE_NVME      23

/* NVM Express Base Specification 1.4, 5.14 and 5.15. */
#define NVME_LOG_PAGE   0x02
#define NVME_IDENTIFY   0x06
#define NVME_CONTROLLER 1 /* what to identify */
#define NVME_HEALTH     2 /* which log */
#define NVME_ALL        0xffffffffu
#define NVME_SERIAL     4
#define NVME_MODEL      24
#define NVME_FIRMWARE   64

/* ATA/ATAPI Command Set 3: 7.48, and SMART of ATA-8. */
#define ATA_IDENTIFY    0xec
#define ATA_SMART       0xb0
#define SMART_DATA      0xd0
#define SMART_STATUS    0xda
#define SMART_MID       0x4f /* without these two the command is none */
#define SMART_HIGH      0xc2
#define SMART_BAD_MID   0xf4 /* in the answer: a threshold is exceeded */
#define SMART_BAD_HIGH  0x2c
#define ATA_DEVICE      0xe0
#define ATA_NO_PORT     0xffff
#define IDENTIFY_SIZE   512
#define IDENTIFY_CONFIG 0 /* words */
#define IDENTIFY_82     82
#define IDENTIFY_83     83
#define IDENTIFY_85     85

/* SMART data: thirty attributes of twelve bytes, their raw value in the sixth and later ones. */
#define SMART_FIRST      2
#define SMART_ATTRIBUTES 30
#define SMART_STEP       12
#define SMART_RAW        5

/* How many bytes of the raw value are the number: into the others drives put minutes, or extremes.
 */
static const struct {
    uint8_t id, nbytes;
    const char *name;
} smart_attributes[] = {
    {5, 4, "reallocated"}, {9, 4, "power_on_hours"},  {194, 1, "celsius"},
    {197, 4, "pending"},   {198, 4, "uncorrectable"},
};

/* --- asking ----------------------------------------------------------------------------------- */

/* The controller on the disk's path. */
static EFI_STATUS controller_find(struct disk_question *question, EFI_GUID *guid, void **out)
{
    EFI_DEVICE_PATH *rest = question->path;
    EFI_HANDLE handle;
    EFI_STATUS status = question->bs->LocateDevicePath(guid, &rest, &handle);

    return EFI_ERROR(status) ? status : ask_protocol(question->bs, handle, guid, out);
}

static EFI_STATUS nvme_send(struct efi_nvme_pass_thru *nvme, UINT32 opcode, UINT32 nsid,
                            UINT32 cdw10, uint8_t *to, UINT32 nbytes)
{
    struct efi_nvme_command command = {
        .opcode = opcode, .valid = EFI_NVME_CDW10_VALID, .nsid = nsid, .cdw10 = cdw10};
    struct efi_nvme_completion completion = {{0}};
    struct efi_nvme_packet packet = {.timeout = TIMEOUT,
                                     .data = to,
                                     .data_nbytes = nbytes,
                                     .command = &command,
                                     .completion = &completion};

    memset(to, 0, nbytes);
    return nvme->pass_thru(nvme, nsid, &packet, NULL);
}

static void nvme_ask(struct disk_question *question)
{
    static EFI_GUID guid = EFI_NVME_PASS_THRU_GUID;
    struct disk *disk = question->disk;
    uint8_t *page = question->page[0];
    struct efi_nvme_pass_thru *nvme;

    if (EFI_ERROR(controller_find(question, &guid, (void **)&nvme)))
        return;
    question->before_health();
    disk->health = DISK_HEALTH_ASKED;
    if (!EFI_ERROR(nvme_send(nvme, NVME_IDENTIFY, 0, NVME_CONTROLLER, page, DISK_PAGE))) {
        memcpy(disk->serial, page + NVME_SERIAL, DISK_SERIAL);
        memcpy(disk->model, page + NVME_MODEL, DISK_MODEL);
        memcpy(disk->firmware, page + NVME_FIRMWARE, sizeof(disk->firmware));
    }
    /* Number of words less one, then which log. */
    disk->error = nvme_send(nvme, NVME_LOG_PAGE, NVME_ALL, (DISK_LOG / 4 - 1) << 16 | NVME_HEALTH,
                            page, DISK_LOG);
    memcpy(disk->log, page, DISK_LOG);
    disk->health = EFI_ERROR(disk->error) ? DISK_HEALTH_FAILED : DISK_HEALTH_NVME;
}

struct ata {
    struct efi_ata_pass_thru *protocol;
    UINT16 port, multiplier_port;
    uint8_t (*page)[DISK_PAGE]; /* the answer, and the two blocks */
};

/* With data to the first page if nbytes is not zero; the registers are in the second. */
static EFI_STATUS ata_send(struct ata *ata, uint8_t command, uint8_t feature, UINT32 nbytes)
{
    struct efi_ata_block *blocks = (struct efi_ata_block *)ata->page[1];
    struct efi_ata_block *sent = &blocks[DISK_PAGE / 2 / sizeof(*blocks)];
    struct efi_ata_packet packet = {.status = blocks,
                                    .command = sent,
                                    .timeout = TIMEOUT,
                                    .in = nbytes ? ata->page[0] : NULL,
                                    .in_nbytes = nbytes,
                                    .protocol = nbytes ? EFI_ATA_PIO_IN : EFI_ATA_NON_DATA,
                                    .length =
                                        nbytes ? EFI_ATA_LENGTH_SECTORS : EFI_ATA_LENGTH_NONE};
    uint8_t slave = ata->multiplier_port == ATA_NO_PORT ? 0 : ata->multiplier_port & 15;

    memset(ata->page[1], 0, DISK_PAGE);
    *sent = (struct efi_ata_block){.command = command,
                                   .feature = feature,
                                   .device = (uint8_t)(ATA_DEVICE | slave << 4),
                                   .count = nbytes ? 1 : 0};
    if (command == ATA_SMART) {
        sent->lba_mid = SMART_MID;
        sent->lba_high = SMART_HIGH;
    }
    if (nbytes)
        memset(ata->page[0], 0, DISK_PAGE);
    return ata->protocol->pass_thru(ata->protocol, ata->port, ata->multiplier_port, &packet, NULL);
}

static uint16_t word_of(const uint8_t *identify, unsigned word)
{
    return (uint16_t)(identify[2 * word] | identify[2 * word + 1] << 8);
}

/* Bits 15 and 14 of word 83 say that 82 and 85 mean anything; 0 and 1 of those, SMART. */
static enum disk_health smart_state(const uint8_t *identify)
{
    if (word_of(identify, IDENTIFY_CONFIG) & 0x8000 ||
        (word_of(identify, IDENTIFY_83) & 0xc000) != 0x4000 ||
        !(word_of(identify, IDENTIFY_82) & 1))
        return DISK_HEALTH_NONE;
    return word_of(identify, IDENTIFY_85) & 1 ? DISK_HEALTH_ASKED : DISK_HEALTH_OFF;
}

static void smart_ask(struct ata *ata, struct disk *disk)
{
    const struct efi_ata_block *status = (const struct efi_ata_block *)ata->page[1];

    disk->error = ata_send(ata, ATA_SMART, SMART_STATUS, 0);
    disk->smart_status[0] = status->lba_mid;
    disk->smart_status[1] = status->lba_high;
    if (!EFI_ERROR(ata_send(ata, ATA_SMART, SMART_DATA, DISK_LOG))) {
        uint8_t sum = 0;

        for (unsigned i = 0; i < DISK_LOG; i++)
            sum = (uint8_t)(sum + ata->page[0][i]);
        memcpy(disk->log, ata->page[0], DISK_LOG);
        disk->has_smart_data = sum == 0;
    }
    disk->health =
        EFI_ERROR(disk->error) && !disk->has_smart_data ? DISK_HEALTH_FAILED : DISK_HEALTH_ATA;
}

static void ata_ask(struct disk_question *question, const uint8_t *identify)
{
    static EFI_GUID guid = EFI_ATA_PASS_THRU_GUID;
    struct ata ata = {.page = question->page};
    struct disk *disk = question->disk;

    disk->health = identify ? smart_state(identify) : DISK_HEALTH_ASKED;
    if (disk->health == DISK_HEALTH_NONE)
        return;
    if (EFI_ERROR(controller_find(question, &guid, (void **)&ata.protocol)) ||
        EFI_ERROR(ata.protocol->get_device(ata.protocol, question->last, &ata.port,
                                           &ata.multiplier_port))) {
        disk->health = DISK_HEALTH_NONE;
        return;
    }
    if (disk->health == DISK_HEALTH_OFF)
        return;
    question->before_health();
    if (!identify) {
        if (EFI_ERROR(ata_send(&ata, ATA_IDENTIFY, 0, IDENTIFY_SIZE))) {
            disk->health = DISK_HEALTH_NONE; /* a drive for CDs, for one */
            return;
        }
        disk_take_identify(disk, ata.page[0]);
        disk->health = smart_state(ata.page[0]);
    }
    if (disk->health == DISK_HEALTH_ASKED)
        smart_ask(&ata, disk);
}

void disk_ask_health(struct disk_question *question, const uint8_t *identify)
{
    if (!question->last || question->last->Type != NODE_MESSAGING)
        return;
    if (question->last->SubType == NODE_NVME)
        nvme_ask(question);
    else if (question->last->SubType == NODE_SATA || question->last->SubType == NODE_ATAPI)
        ata_ask(question, identify);
}

/* --- telling ---------------------------------------------------------------------------------- */

/* Little-endian, from 1 to 16 bytes; what does not fit is the largest there is. */
static unsigned long long number_of(const uint8_t *bytes, unsigned nbytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < nbytes; i++) {
        if (i < 8)
            value |= (uint64_t)bytes[i] << 8 * i;
        else if (bytes[i])
            return UINT64_MAX;
    }
    return value;
}

/* Base Specification 1.4, figure 194. */
static void nvme_write(struct text *out, const uint8_t *log)
{
    static const struct {
        const char *name;
        uint8_t at, nbytes;
    } fields[] = {
        {"critical_warning", 0, 1},
        {"kelvin", 1, 2},
        {"spare", 3, 1},
        {"spare_threshold", 4, 1},
        {"used", 5, 1},
        {"data_read", 32, 16},
        {"data_written", 48, 16},
        {"power_cycles", 112, 16},
        {"power_on_hours", 128, 16},
        {"unsafe_shutdowns", 144, 16},
        {"media_errors", 160, 16},
        {"log_entries", 176, 16},
    };

    text_add(out, "\"kind\":\"nvme\"");
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        text_add(out, ",\"%s\":%llu", fields[i].name,
                 number_of(log + fields[i].at, fields[i].nbytes));
}

/* Its raw value. NULL: the drive does not have it. */
static const uint8_t *attribute_find(const uint8_t *data, uint8_t id)
{
    for (unsigned i = 0; i < SMART_ATTRIBUTES; i++) {
        const uint8_t *attribute = data + SMART_FIRST + i * SMART_STEP;

        if (attribute[0] == id)
            return attribute + SMART_RAW;
    }
    return NULL;
}

static void smart_write(struct text *out, const struct disk *disk)
{
    const uint8_t *status = disk->smart_status;
    bool known = !EFI_ERROR(disk->error);

    text_add(out, "\"kind\":\"ata\",\"status\":\"%s\"",
             known && status[0] == SMART_BAD_MID && status[1] == SMART_BAD_HIGH
                 ? "threshold exceeded"
             : known && status[0] == SMART_MID && status[1] == SMART_HIGH ? "good"
                                                                          : "unknown");
    for (size_t i = 0; disk->has_smart_data && i < ARRAY_SIZE(smart_attributes); i++) {
        const uint8_t *raw = attribute_find(disk->log, smart_attributes[i].id);

        if (raw)
            text_add(out, ",\"%s\":%llu", smart_attributes[i].name,
                     number_of(raw, smart_attributes[i].nbytes));
    }
}

void disk_write_health(struct text *out, const struct disk *disk)
{
    static const char *const faults[] = {
        [DISK_HEALTH_ASKED] = "no answer",
        [DISK_HEALTH_FAILED] = "error",
        [DISK_HEALTH_OFF] = "SMART is switched off",
    };

    switch (disk->health) {
    case DISK_HEALTH_NONE:
        return;
    case DISK_HEALTH_NVME:
    case DISK_HEALTH_ATA:
        text_add(out, ",\"health\":{");
        if (disk->health == DISK_HEALTH_NVME)
            nvme_write(out, disk->log);
        else
            smart_write(out, disk);
        text_add(out, "}");
        return;
    default:
        text_add(out, ",\"health_fault\":\"%s\"", faults[disk->health]);
        if (disk->health == DISK_HEALTH_FAILED)
            text_add(out, ",\"efi_error\":%u", (unsigned)(disk->error & 0xffff));
    }
}
