/* SPDX-License-Identifier: MIT */
/*
 * Devices other than disks. Each is asked by reading what its driver has published; see devices.h.
 */
#include "efi-loader/devices.h"

#include "efi-loader/ask.h"
#include "efi-loader/efi_devices.h"
#include "efi-loader/json.h"
#include "kernel/lib/string.h"

#include <efipciio.h>

/* --- network cards ---------------------------------------------------------------------------- */

void network_ask(void *argument)
{
    static EFI_GUID guid = EFI_SIMPLE_NETWORK_PROTOCOL_GUID;
    struct device_question *question = argument;
    struct network *network = question->result;
    EFI_SIMPLE_NETWORK *card;

    if (EFI_ERROR(
            ask_protocol(question->st->BootServices, question->handle, &guid, (void **)&card)) ||
        !card->Mode)
        return;
    network->address_nbytes = MIN(card->Mode->HwAddressSize, sizeof(network->address));
    memcpy(network->address, &card->Mode->CurrentAddress, network->address_nbytes);
    network->link_known = card->Mode->MediaPresentSupported;
    network->link = card->Mode->MediaPresent;
    network->found = true;
}

void network_write(struct text *out, const struct network *network)
{
    text_add(out, "{\"address\":\"");
    for (uint32_t i = 0; i < network->address_nbytes; i++)
        text_add(out, i ? ":%02x" : "%02x", network->address[i]);
    text_add(out, "\",\"link\":\"%s\"}",
             !network->link_known ? "unknown"
             : network->link      ? "up"
                                  : "down");
}

/* --- panels ----------------------------------------------------------------------------------- */

/* VESA E-EDID 1.4: section 3. */
#define EDID_MAKER       8
#define EDID_PRODUCT     10
#define EDID_SERIAL      12
#define EDID_YEAR        17
#define EDID_WIDTH_CM    21
#define EDID_HEIGHT_CM   22
#define EDID_DESCRIPTORS 54 /* four of 18 bytes; the first is the preferred timing */
#define DESCRIPTOR_SIZE  18
#define DESCRIPTOR_NAME  0xfc
#define DESCRIPTOR_TEXT  0xfe
#define NAME_AT          5
#define NAME_SIZE        13

static bool edid_is_sound(const uint8_t *edid)
{
    static const uint8_t magic[8] = {0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0};
    uint8_t sum = 0;

    for (unsigned i = 0; i < EDID_SIZE; i++)
        sum = (uint8_t)(sum + edid[i]);
    return memcmp(edid, magic, sizeof(magic)) == 0 && sum == 0;
}

void panel_ask(void *argument)
{
    static EFI_GUID guids[] = {EFI_EDID_ACTIVE_GUID, EFI_EDID_DISCOVERED_GUID};
    struct device_question *question = argument;
    struct panel *panel = question->result;

    for (unsigned i = 0; i < ARRAY_SIZE(guids) && !panel->found; i++) {
        struct efi_edid *edid;

        if (EFI_ERROR(ask_protocol(question->st->BootServices, question->handle, &guids[i],
                                   (void **)&edid)) ||
            edid->nbytes < EDID_SIZE || !edid->bytes)
            continue;
        memcpy(panel->edid, edid->bytes, EDID_SIZE);
        panel->found = edid_is_sound(panel->edid);
    }
}

/* A name ends with a line feed and is padded with blanks. */
static void descriptor_write(struct text *out, const uint8_t *edid, uint8_t kind, const char *key)
{
    for (unsigned i = 0; i < 4; i++) {
        const uint8_t *from = edid + EDID_DESCRIPTORS + i * DESCRIPTOR_SIZE;
        size_t n = 0;

        if (from[0] || from[1] || from[3] != kind)
            continue;
        while (n < NAME_SIZE && from[NAME_AT + n] != '\n')
            n++;
        json_member(out, key, from + NAME_AT, n);
        return;
    }
}

void panel_write(struct text *out, const struct panel *panel)
{
    const uint8_t *edid = panel->edid, *timing = edid + EDID_DESCRIPTORS;
    unsigned maker = (unsigned)(edid[EDID_MAKER] << 8 | edid[EDID_MAKER + 1]);
    /* Three letters of five bits, 1 being A. */
    const char letters[3] = {(char)('@' + (maker >> 10 & 31)), (char)('@' + (maker >> 5 & 31)),
                             (char)('@' + (maker & 31))};

    text_add(out, "{\"product\":%u,\"serial\":%u,\"year\":%u,\"width_cm\":%u,\"height_cm\":%u",
             (unsigned)(edid[EDID_PRODUCT] | edid[EDID_PRODUCT + 1] << 8),
             (unsigned)edid[EDID_SERIAL] | (unsigned)edid[EDID_SERIAL + 1] << 8 |
                 (unsigned)edid[EDID_SERIAL + 2] << 16 | (unsigned)edid[EDID_SERIAL + 3] << 24,
             1990u + edid[EDID_YEAR], edid[EDID_WIDTH_CM], edid[EDID_HEIGHT_CM]);
    json_member(out, "maker", letters, sizeof(letters));
    if (timing[0] || timing[1])
        text_add(out, ",\"width\":%u,\"height\":%u",
                 (unsigned)(timing[2] | (timing[4] & 0xf0) << 4),
                 (unsigned)(timing[5] | (timing[7] & 0xf0) << 4));
    descriptor_write(out, edid, DESCRIPTOR_NAME, "name");
    descriptor_write(out, edid, DESCRIPTOR_TEXT, "text");
    text_add(out, "}");
}

/* --- controllers that no driver was started for ----------------------------------------------- */

#define PCI_CLASS     8 /* in configuration space: revision, interface, subclass, class */
#define CLASS_STORAGE 0x01
#define CLASS_NETWORK 0x02
#define CLASS_USB     0x0c03

static const char *controller_kind(uint32_t class)
{
    static const char *const storage[] = {"scsi", "ide",  "storage", "storage", "raid",
                                          "ide",  "sata", "sas",     "nvme",    "ufs"};
    uint32_t sub = class >> 16 & 0xff;

    if (class >> 24 == CLASS_STORAGE)
        return sub < ARRAY_SIZE(storage) ? storage[sub] : "storage";
    if (class >> 24 == CLASS_NETWORK)
        return "network";
    return class >> 16 == CLASS_USB ? "usb" : NULL;
}

/* Firmware that starts fast leaves out what it does not boot from. Nothing is started for this: a
 * driver that has never run on this machine might hang it, or change the disk. */
static bool has_driver(EFI_BOOT_SERVICES *bs, EFI_HANDLE handle, EFI_GUID *guid)
{
    EFI_OPEN_PROTOCOL_INFORMATION_ENTRY *users = NULL;
    bool found = false;
    UINTN count = 0;

    if (EFI_ERROR(bs->OpenProtocolInformation(handle, guid, &users, &count)))
        return true; /* not known: nothing is claimed */
    for (UINTN i = 0; i < count; i++)
        found = found || (users[i].Attributes & EFI_OPEN_PROTOCOL_BY_DRIVER);
    if (users)
        bs->FreePool(users);
    return found;
}

void controller_ask(void *argument)
{
    static EFI_GUID guid = EFI_PCI_IO_PROTOCOL_GUID;
    struct device_question *question = argument;
    struct controller *controller = question->result;
    EFI_BOOT_SERVICES *bs = question->st->BootServices;
    EFI_PCI_IO_PROTOCOL *pci;
    uint32_t class;

    if (has_driver(bs, question->handle, &guid) ||
        EFI_ERROR(ask_protocol(bs, question->handle, &guid, (void **)&pci)) ||
        EFI_ERROR(pci->Pci.Read(pci, EfiPciIoWidthUint32, PCI_CLASS, 1, &class)) ||
        EFI_ERROR(pci->GetLocation(pci, &controller->segment, &controller->bus, &controller->device,
                                   &controller->function)))
        return;
    controller->kind = controller_kind(class);
}

void controller_write(struct text *out, const struct controller *controller)
{
    text_add(out, "{\"pci\":\"%04x:%02x:%02x.%x\",\"kind\":\"%s\"}",
             (unsigned)controller->segment & 0xffff, (unsigned)controller->bus & 0xff,
             (unsigned)controller->device & 0x1f, (unsigned)controller->function & 7,
             controller->kind);
}

/* --- TPM and Secure Boot ---------------------------------------------------------------------- */

static int8_t variable_read(EFI_RUNTIME_SERVICES *rs, CHAR16 *name)
{
    static EFI_GUID guid = EFI_GLOBAL_VARIABLE;
    UINT8 value;
    UINTN nbytes = sizeof(value);

    return EFI_ERROR(rs->GetVariable(name, &guid, NULL, &nbytes, &value)) ? -1 : value == 1;
}

void security_ask(void *argument)
{
    static EFI_GUID tcg_2 = EFI_TCG2_GUID, tcg_1 = EFI_TCG_GUID;
    struct device_question *question = argument;
    EFI_BOOT_SERVICES *bs = question->st->BootServices;
    struct security *security = question->result;
    struct efi_tcg2_capability capability = {.nbytes = sizeof(capability)};
    static CHAR16 secure_boot[] = u"SecureBoot", setup_mode[] = u"SetupMode";
    struct efi_tcg2 *tpm;
    void *unused;

    security->secure_boot = variable_read(question->st->RuntimeServices, secure_boot);
    security->setup_mode = variable_read(question->st->RuntimeServices, setup_mode);
    security->tpm_1 = !EFI_ERROR(bs->LocateProtocol(&tcg_1, NULL, &unused));
    if (EFI_ERROR(bs->LocateProtocol(&tcg_2, NULL, (void **)&tpm)) || !tpm)
        return;
    security->tpm_answers = !EFI_ERROR(tpm->get_capability(tpm, &capability));
    if (!security->tpm_answers)
        return;
    security->tpm_2 = capability.present;
    security->pcr_banks = capability.active_pcr_banks;
    for (unsigned i = 0; i < sizeof(security->manufacturer); i++)
        security->manufacturer[i] = (uint8_t)(capability.manufacturer >> (24 - 8 * i));
}

static const char *truth_or_null(int8_t value)
{
    return value < 0 ? "null" : value ? "true" : "false";
}

void security_write(struct text *out, const struct security *security)
{
    text_add(out, "\"secure_boot\":%s,\n\"setup_mode\":%s,\n\"tpm\":",
             truth_or_null(security->secure_boot), truth_or_null(security->setup_mode));
    if (security->tpm_2) {
        text_add(out, "{\"version\":\"2.0\",\"active_pcr_banks\":%u", security->pcr_banks);
        json_member(out, "manufacturer", security->manufacturer, sizeof(security->manufacturer));
        text_add(out, "}");
    } else {
        text_add(out, security->tpm_1 ? "{\"version\":\"1.2\"}" : "null");
    }
}
