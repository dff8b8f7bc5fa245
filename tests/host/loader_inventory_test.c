/* SPDX-License-Identifier: MIT */
/*
 * The inventory against drivers made for it: what is asked, what becomes of each answer, and of
 * none.
 *
 * Long because the drivers stand beside what is expected of them.
 */
#include "tests/host/loader_fake.h"

#include <setjmp.h>
#include <string.h>

#include "efi-loader/archive.h"
#include "efi-loader/ask.h"
#include "efi-loader/cpu.h"
#include "efi-loader/efi_devices.h"
#include "efi-loader/inventory.h"
#include "efi-loader/json.h"
#include "kernel/lib/cpio.h"

#include <efipciio.h>

static EFI_GUID block_guid = EFI_BLOCK_IO_PROTOCOL_GUID, path_guid = EFI_DEVICE_PATH_PROTOCOL_GUID,
                info_guid = EFI_DISK_INFO_GUID, nvme_guid = EFI_NVME_PASS_THRU_GUID,
                ata_guid = EFI_ATA_PASS_THRU_GUID, network_guid = EFI_SIMPLE_NETWORK_PROTOCOL_GUID,
                display_guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID, edid_guid = EFI_EDID_ACTIVE_GUID,
                tcg_guid = EFI_TCG2_GUID;

static struct bootinfo_cpu_state the_state;

/* ---- The way out of a question, in C -----------------------------------------------------------
 */

int ask_enter(void **stack, void (*question)(void *), void *argument);
void ask_leave(void **stack);

static jmp_buf the_way_out;

int ask_enter(void **stack, void (*question)(void *), void *argument)
{
    *stack = &the_way_out;
    if (setjmp(the_way_out))
        return 0;
    question(argument);
    return 1;
}

void ask_leave(void **stack)
{
    assert_ptr_equal(*stack, &the_way_out);
    longjmp(the_way_out, 1);
}

/* ---- The firmware ------------------------------------------------------------------------------
 */

#define MAX_OFFERS 100

static struct offer {
    EFI_HANDLE handle;
    const EFI_GUID *guid;
    void *interface;
} the_offers[MAX_OFFERS];
static unsigned noffers, events;
static EFI_HANDLE the_exclusive, the_driverless;
static EFI_EVENT_NOTIFY the_notify;
static bool time_is_over, no_events;

static void offer(uintptr_t handle, const EFI_GUID *guid, void *interface)
{
    the_offers[noffers++] = (struct offer){(EFI_HANDLE)handle, guid, interface};
}

static bool same(const EFI_GUID *one, const EFI_GUID *other)
{
    return memcmp(one, other, sizeof(*one)) == 0;
}

static EFI_STATUS EFIAPI handle_protocol(EFI_HANDLE handle, EFI_GUID *guid, void **out)
{
    assert_ptr_not_equal(handle, the_exclusive);
    for (unsigned i = 0; i < noffers; i++) {
        if (the_offers[i].handle == handle && same(the_offers[i].guid, guid)) {
            *out = the_offers[i].interface;
            return EFI_SUCCESS;
        }
    }
    return EFI_UNSUPPORTED;
}

static EFI_STATUS EFIAPI locate_handles(EFI_LOCATE_SEARCH_TYPE how, EFI_GUID *guid, void *key,
                                        UINTN *count, EFI_HANDLE **out)
{
    static EFI_HANDLE handles[MAX_OFFERS];

    (void)key;
    assert_int_equal(how, ByProtocol);
    *count = 0;
    for (unsigned i = 0; i < noffers; i++)
        if (same(the_offers[i].guid, guid))
            handles[(*count)++] = the_offers[i].handle;
    *out = handles;
    return *count ? EFI_SUCCESS : EFI_NOT_FOUND;
}

static EFI_STATUS EFIAPI locate_protocol(EFI_GUID *guid, void *key, void **out)
{
    (void)key;
    for (unsigned i = 0; i < noffers; i++) {
        if (same(the_offers[i].guid, guid)) {
            *out = the_offers[i].interface;
            return EFI_SUCCESS;
        }
    }
    return EFI_NOT_FOUND;
}

/* The controller has the handle after the disk's. */
static EFI_STATUS EFIAPI locate_path(EFI_GUID *guid, EFI_DEVICE_PATH **path, EFI_HANDLE *out)
{
    (void)path;
    for (unsigned i = 0; i < noffers; i++) {
        if (same(the_offers[i].guid, guid)) {
            *out = the_offers[i].handle;
            return EFI_SUCCESS;
        }
    }
    return EFI_NOT_FOUND;
}

static EFI_STATUS EFIAPI protocol_users(EFI_HANDLE handle, EFI_GUID *guid,
                                        EFI_OPEN_PROTOCOL_INFORMATION_ENTRY **out, UINTN *count)
{
    static EFI_OPEN_PROTOCOL_INFORMATION_ENTRY users[2] = {
        {.Attributes = EFI_OPEN_PROTOCOL_BY_DRIVER},
        {.Attributes = EFI_OPEN_PROTOCOL_GET_PROTOCOL}};

    (void)guid;
    users[0].Attributes =
        handle == the_driverless ? EFI_OPEN_PROTOCOL_GET_PROTOCOL : EFI_OPEN_PROTOCOL_BY_DRIVER;
    users[1].Attributes = handle == the_exclusive
                              ? EFI_OPEN_PROTOCOL_BY_DRIVER | EFI_OPEN_PROTOCOL_EXCLUSIVE
                              : EFI_OPEN_PROTOCOL_GET_PROTOCOL;
    *out = users;
    *count = 2;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI pool_free(void *memory)
{
    (void)memory;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI event_create(UINT32 type, EFI_TPL tpl, EFI_EVENT_NOTIFY notify,
                                      void *context, EFI_EVENT *out)
{
    (void)type;
    (void)tpl;
    (void)context;
    if (no_events && notify)
        return EFI_OUT_OF_RESOURCES;
    the_notify = notify ? notify : the_notify;
    *out = (EFI_EVENT)(uintptr_t)(notify ? 1 : 2);
    events++;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI event_close(EFI_EVENT event)
{
    (void)event;
    events--;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI event_check(EFI_EVENT event)
{
    assert_ptr_equal(event, (EFI_EVENT)2);
    return time_is_over ? EFI_SUCCESS : EFI_NOT_READY;
}

static EFI_STATUS EFIAPI timer_set(EFI_EVENT event, EFI_TIMER_DELAY type, UINT64 time)
{
    (void)event;
    assert_true(type == TimerCancel || (type == TimerRelative && time >= 10000000));
    return EFI_SUCCESS;
}

static EFI_TPL level;
static bool ticks_are_put_off; /* as by newer EDK II, after a notification that did not return */

static void EFIAPI tpl_restore(EFI_TPL tpl)
{
    level = tpl;
}

static EFI_TPL EFIAPI tpl_raise(EFI_TPL tpl)
{
    EFI_TPL before = level;

    level = tpl;
    return before;
}

/* Ticks come. */
static EFI_STATUS EFIAPI stall(UINTN us)
{
    (void)us;
    if (ticks_are_put_off && level == TPL_APPLICATION)
        level = TPL_HIGH_LEVEL;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI variable_get(CHAR16 *name, EFI_GUID *guid, UINT32 *attributes,
                                      UINTN *nbytes, void *data)
{
    (void)guid;
    (void)attributes;
    assert_int_equal(*nbytes, 1);
    if (name[6] != 'B') /* SecureBoot, and no SetupMode */
        return EFI_NOT_FOUND;
    *(UINT8 *)data = 1;
    return EFI_SUCCESS;
}

/* ---- Devices -----------------------------------------------------------------------------------
 */

#define NVME_DISK 0x1000
#define ATA_DISK  0x2000
#define OTHER     0x3000

static EFI_BLOCK_IO_MEDIA the_media;
static EFI_BLOCK_IO the_block = {.Media = &the_media}; /* its functions are NULL */
static uint8_t the_nvme_path[] = {1, 1, 6, 0, 0, 3, 3, 23, 16, 0,    1,    0, 0,
                                  0, 0, 0, 0, 0, 0, 0, 0,  0,  0x7f, 0xff, 4, 0};
static uint8_t the_ata_path[] = {3, 18, 10, 0, 1, 0, 0xff, 0xff, 0, 0, 0x7f, 0xff, 4, 0};
static uint8_t the_identify[512], the_smart[512];
static EFI_STATUS the_answer;
static bool nvme_hangs;
static uint8_t the_status[2];
static char the_commands[1024];

static EFI_STATUS EFIAPI nvme_pass(struct efi_nvme_pass_thru *self, UINT32 nsid,
                                   struct efi_nvme_packet *packet, EFI_EVENT event)
{
    uint8_t *to = packet->data;

    (void)self;
    (void)nsid;
    assert_null(event);
    assert_true(packet->timeout > 0 && packet->queue == 0);
    if (nvme_hangs) {
        level = TPL_NOTIFY;
        the_notify(NULL, NULL);
        fail();
    }
    if (packet->command->opcode == 6) {
        memcpy(to + 4, "S\"1\\                ", 20);
        memset(to + 24, 0xff, 40);
        return EFI_SUCCESS;
    }
    assert_int_equal(packet->command->opcode, 2);
    assert_int_equal(packet->command->cdw10, 0x007f0002);
    assert_int_equal(packet->data_nbytes, 512);
    to[0] = 4;
    to[3] = 100;
    to[5] = 7;
    memset(to + 160, 0xff, 16);
    return the_answer;
}

static EFI_STATUS EFIAPI ata_pass(struct efi_ata_pass_thru *self, UINT16 port, UINT16 multiplier,
                                  struct efi_ata_packet *packet, EFI_EVENT event)
{
    (void)self;
    assert_int_equal(port, 1);
    assert_int_equal(multiplier, 0xffff);
    assert_null(event);
    assert_null(packet->out);
    strcat(the_commands, packet->command->command == 0xec   ? "i"
                         : packet->command->feature == 0xda ? "s"
                         : packet->command->feature == 0xd0 ? "d"
                                                            : "?");
    if (packet->command->command == 0xec) {
        memcpy(packet->in, the_identify, 512);
        return EFI_SUCCESS;
    }
    assert_int_equal(packet->command->lba_mid, 0x4f);
    assert_int_equal(packet->command->lba_high, 0xc2);
    packet->status->lba_mid = the_status[0];
    packet->status->lba_high = the_status[1];
    if (packet->in)
        memcpy(packet->in, the_smart, 512);
    return the_answer;
}

static EFI_STATUS EFIAPI ata_get_device(struct efi_ata_pass_thru *self, EFI_DEVICE_PATH *node,
                                        UINT16 *port, UINT16 *multiplier)
{
    (void)self;
    assert_int_equal(node->SubType, 18);
    *port = 1;
    *multiplier = 0xffff;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI info_identify(struct efi_disk_info *self, VOID *data, UINT32 *nbytes)
{
    (void)self;
    assert_int_equal(*nbytes, 512);
    memcpy(data, the_identify, 512);
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI info_inquiry(struct efi_disk_info *self, VOID *data, UINT32 *nbytes)
{
    (void)self;
    if (*nbytes < 96) /* as EDK II for SCSI */
        return EFI_BUFFER_TOO_SMALL;
    memcpy((char *)data + 8, "Maker   Stick 3000      1.0 ", MIN(*nbytes, 28));
    return EFI_SUCCESS;
}

static struct efi_nvme_pass_thru the_nvme = {.pass_thru = nvme_pass};
static struct efi_ata_pass_thru the_ata = {.pass_thru = ata_pass, .get_device = ata_get_device};
static struct efi_disk_info the_info = {.inquiry = info_inquiry, .identify = info_identify};

static void word_set(unsigned word, unsigned value)
{
    the_identify[2 * word] = (uint8_t)value;
    the_identify[2 * word + 1] = (uint8_t)(value >> 8);
}

static void attribute_set(unsigned i, uint8_t id, uint8_t raw)
{
    the_smart[2 + 12 * i] = id;
    the_smart[2 + 12 * i + 5] = raw;
    the_smart[511] = 0;
    for (unsigned j = 0; j < 511; j++)
        the_smart[511] = (uint8_t)(the_smart[511] - the_smart[j]);
}

static int set_up(void **state)
{
    (void)state;
    fake_reset();
    noffers = events = 0;
    level = TPL_APPLICATION;
    the_exclusive = the_driverless = NULL;
    time_is_over = no_events = nvme_hangs = ticks_are_put_off = false;
    the_answer = EFI_SUCCESS;
    the_commands[0] = '\0';
    the_status[0] = 0x4f;
    the_status[1] = 0xc2;
    the_media = (EFI_BLOCK_IO_MEDIA){.MediaPresent = TRUE, .BlockSize = 512, .LastBlock = 1999};
    memset(the_identify, 0, sizeof(the_identify));
    memset(the_smart, 0, sizeof(the_smart));
    memcpy(the_identify + 54, "oMed l                                  ", 40);
    memcpy(the_identify + 20, "1S                  ", 20);
    word_set(82, 1);
    word_set(83, 0x4000);
    word_set(85, 1);
    the_info.interface.Data1 = EFI_DISK_INFO_AHCI;
    the_fake.bs.HandleProtocol = handle_protocol;
    the_fake.bs.LocateHandleBuffer = locate_handles;
    the_fake.bs.LocateProtocol = locate_protocol;
    the_fake.bs.LocateDevicePath = locate_path;
    the_fake.bs.OpenProtocolInformation = protocol_users;
    the_fake.bs.FreePool = pool_free;
    the_fake.bs.CreateEvent = event_create;
    the_fake.bs.CloseEvent = event_close;
    the_fake.bs.CheckEvent = event_check;
    the_fake.bs.SetTimer = timer_set;
    the_fake.bs.RestoreTPL = tpl_restore;
    the_fake.bs.RaiseTPL = tpl_raise;
    the_fake.bs.Stall = stall;
    the_fake.rs.GetVariable = variable_get;
    return 0;
}

static struct inventory take(const char *cmdline)
{
    static struct memory memory;
    struct inventory inventory;

    memory_init(&memory, &the_fake.bs);
    inventory_take(&the_fake.st, &memory, &the_state, cmdline, &inventory);
    assert_int_equal(events, 0);
    return inventory;
}

static void expect(const char *words)
{
    struct inventory inventory = take("");

    if (!strstr(inventory.text, words))
        fail_msg("no '%s' in %s", words, inventory.text);
}

static void offer_nvme(void)
{
    offer(NVME_DISK, &block_guid, &the_block);
    offer(NVME_DISK, &path_guid, the_nvme_path);
    offer(NVME_DISK + 1, &nvme_guid, &the_nvme);
}

static void offer_ata(void)
{
    offer(ATA_DISK, &block_guid, &the_block);
    offer(ATA_DISK, &path_guid, the_ata_path);
    offer(ATA_DISK, &info_guid, &the_info);
    offer(ATA_DISK + 1, &ata_guid, &the_ata);
}

/* ---- Tests -------------------------------------------------------------------------------------
 */

static void test_nothing(void **state)
{
    struct inventory inventory;

    (void)state;
    inventory = take("");
    assert_string_equal(inventory.text,
                        "{\"version\":1,\n\"secure_boot\":true,\n\"setup_mode\":null,\n"
                        "\"tpm\":null,\n\"network\":[],\n\"panels\":[],\n"
                        "\"unconnected\":[],\n\"disks\":[],\n\"left_out\":0,\n\"in_use\":0,\n"
                        "\"complete\":true}\n");
    assert_int_equal(strlen(inventory.text), inventory.nbytes);
}

static void test_shadow_stacks(void **state)
{
    (void)state;
    the_state.cr4 = CPU_CR4_CET;
    assert_null(take("").text);
    the_state.cr4 = 0;
}

/* The kernel's own reader finds the file in the archive. */
static void test_archive(void **state)
{
    static char names[CPIO_NAME_SIZE];
    struct inventory inventory = take("");
    struct cpio_reader reader;
    struct cpio_entry entry;
    unsigned n = 0;

    (void)state;
    cpio_init(&reader, (void *)(uintptr_t)inventory.archive.base, inventory.archive.size, names);
    while (cpio_next(&reader, &entry) > 0) {
        if (n++ < 2)
            continue;
        assert_string_equal(entry.name, "run/firstlight/inventory.json");
        assert_int_equal(entry.mode, 0100444);
        assert_int_equal(entry.size, inventory.nbytes);
        assert_memory_equal(entry.data, inventory.text, inventory.nbytes);
    }
    assert_int_equal(n, 3);
    assert_true(inventory.archive.size <= ARCHIVE_SIZE(inventory.nbytes));
}

static void test_off(void **state)
{
    (void)state;
    the_fake.bs.LocateHandleBuffer = NULL;
    the_fake.bs.CreateEvent = NULL;
    assert_null(take("a inventory=off b").text);
}

static void test_no_timer(void **state)
{
    (void)state;
    no_events = true;
    offer_nvme();
    assert_null(take("").text);
}

static void test_nvme(void **state)
{
    (void)state;
    offer_nvme();
    expect("{\"number\":1,\"bus\":\"nvme\",\"model\":\"????????????????????????????????????????\","
           "\"serial\":\"S\\\"1\\\\\",\"bytes\":1024000,\"block_size\":512,\"removable\":false,"
           "\"read_only\":false,\"health\":{\"kind\":\"nvme\",\"critical_warning\":4,");
    expect(",\"spare\":100,\"spare_threshold\":0,\"used\":7,");
    expect("\"media_errors\":18446744073709551615,");
    the_answer = EFI_DEVICE_ERROR;
    expect(",\"health_fault\":\"error\",\"efi_error\":7}");
}

static void test_hang(void **state)
{
    (void)state;
    offer_nvme();
    offer_ata();
    nvme_hangs = true;
    expect("\"health_fault\":\"no answer\"}]");
    expect("\"complete\":false,\n\"hung\":\"disk\",\n\"hung_number\":1}");
    assert_int_equal(level, TPL_APPLICATION);
    assert_false(take("").raised);
    ticks_are_put_off = true;
    assert_true(take("").raised);
    assert_int_equal(level, TPL_CALLBACK);
    level = TPL_APPLICATION;
    assert_string_equal(the_commands, "");
}

static void test_late(void **state)
{
    (void)state;
    offer_nvme();
    time_is_over = true;
    expect("\"disks\":[],\n\"left_out\":0,\n\"in_use\":0,\n\"complete\":false}");
}

static void test_ata(void **state)
{
    (void)state;
    offer_ata();
    attribute_set(0, 5, 3);
    attribute_set(29, 197, 9);
    expect("\"bus\":\"sata\",\"model\":\"Model\",\"serial\":\"S1\",");
    expect("\"health\":{\"kind\":\"ata\",\"status\":\"good\",\"reallocated\":3,\"pending\":9}");
    assert_string_equal(the_commands, "sdsd");
    the_status[0] = 0xf4;
    the_status[1] = 0x2c;
    expect("\"status\":\"threshold exceeded\"");
    the_status[0] = 0;
    the_smart[511]++; /* the checksum */
    expect("\"status\":\"unknown\"}");
    the_answer = EFI_TIMEOUT;
    expect("\"health_fault\":\"error\"");
}

static void test_ata_without_smart(void **state)
{
    (void)state;
    offer_ata();
    word_set(85, 0);
    expect("\"health_fault\":\"SMART is switched off\"");
    word_set(82, 0);
    expect("\"read_only\":false}");
    word_set(82, 1);
    word_set(83, 0xffff);
    expect("\"read_only\":false}");
    assert_string_equal(the_commands, "");
}

/* Where the firmware has no copy of the data the disk is asked itself. */
static void test_ata_identify(void **state)
{
    (void)state;
    offer_ata();
    the_info.interface.Data1 = 0x12345678;
    expect("\"model\":\"Model\"");
    assert_string_equal(the_commands, "isd");
}

static void test_usb(void **state)
{
    (void)state;
    offer(OTHER, &block_guid, &the_block);
    offer(OTHER, &info_guid, &the_info);
    the_info.interface.Data1 = EFI_DISK_INFO_USB;
    the_media.RemovableMedia = TRUE;
    the_media.LastBlock = ~0ULL;
    expect("\"bus\":\"other\",\"model\":\"Maker Stick 3000\",\"firmware\":\"1.0\",\"bytes\":0,"
           "\"block_size\":512,\"removable\":true,");
    the_media.BlockSize = 0;
    the_media.MediaPresent = FALSE;
    expect("\"bytes\":0,\"block_size\":0,\"removable\":true,\"read_only\":false,\"empty\":true}");
}

static void test_what_is_no_disk(void **state)
{
    static EFI_BLOCK_IO without_media;

    (void)state;
    the_media.LogicalPartition = TRUE;
    offer(OTHER, &block_guid, &the_block);
    offer(OTHER + 1, &block_guid, &without_media);
    offer(OTHER + 2, &block_guid, NULL);
    expect("\"disks\":[]");
}

static void test_in_use(void **state)
{
    (void)state;
    offer_nvme();
    the_exclusive = (EFI_HANDLE)NVME_DISK;
    expect("\"disks\":[],\n\"left_out\":0,\n\"in_use\":1");
    the_exclusive = (EFI_HANDLE)(NVME_DISK + 1); /* the controller alone */
    expect("\"read_only\":false}");
}

static char the_vpd_commands[64];
static bool has_no_serial;

static EFI_STATUS EFIAPI scsi_execute(struct efi_scsi_io *self, struct efi_scsi_packet *packet,
                                      EFI_EVENT event)
{
    uint8_t *to = packet->in;

    (void)self;
    assert_null(event);
    assert_null(packet->out);
    assert_true(packet->timeout > 0 && packet->direction == 0 && packet->command_nbytes == 6);
    assert_int_equal(packet->command[0], 0x12);
    assert_int_equal(packet->command[1], 1);
    assert_int_equal(packet->command[4], packet->in_nbytes);
    strcat(the_vpd_commands, packet->command[2] ? "s" : "p");
    to[1] = packet->command[2];
    if (to[1] == 0)
        memcpy(to, "\0\0\0\3\0\x80\xb0", has_no_serial ? 5 : 7);
    else
        memcpy(to + 3, "\xff  SERIAL\"7", 12); /* a length that cannot be */
    packet->target_status = the_answer ? 2 : 0;
    return EFI_SUCCESS;
}

/* Page 80h, where the list of pages has it; never over USB. */
static void test_scsi(void **state)
{
    static EFI_GUID scsi_guid = EFI_SCSI_IO_GUID;
    static struct efi_scsi_io scsi = {.execute = scsi_execute};

    (void)state;
    the_vpd_commands[0] = '\0';
    offer(OTHER, &block_guid, &the_block);
    offer(OTHER, &info_guid, &the_info);
    offer(OTHER, &scsi_guid, &scsi);
    the_info.interface.Data1 = EFI_DISK_INFO_SCSI;
    expect("\"model\":\"Maker Stick 3000\",\"serial\":\"SERIAL\\\"7\",\"firmware\":\"1.0\"");
    assert_string_equal(the_vpd_commands, "ps");
    has_no_serial = true;
    expect("\"model\":\"Maker Stick 3000\",\"firmware\"");
    assert_string_equal(the_vpd_commands, "psp");
    has_no_serial = false;
    the_answer = EFI_DEVICE_ERROR; /* CHECK CONDITION */
    expect("\"model\":\"Maker Stick 3000\",\"firmware\"");
    the_answer = EFI_SUCCESS;
    the_info.interface.Data1 = EFI_DISK_INFO_USB;
    expect("\"model\":\"Maker Stick 3000\",\"firmware\"");
    assert_string_equal(the_vpd_commands, "pspp");
}

static uint32_t the_class;

static EFI_STATUS EFIAPI pci_config_read(struct _EFI_PCI_IO_PROTOCOL *self,
                                         EFI_PCI_IO_PROTOCOL_WIDTH width, UINT32 at, UINTN count,
                                         VOID *out)
{
    (void)self;
    assert_true(width == EfiPciIoWidthUint32 && at == 8 && count == 1);
    memcpy(out, &the_class, sizeof(the_class));
    return the_answer;
}

static EFI_STATUS EFIAPI pci_location(struct _EFI_PCI_IO_PROTOCOL *self, UINTN *segment, UINTN *bus,
                                      UINTN *device, UINTN *function)
{
    (void)self;
    *segment = 0;
    *bus = 0x3a;
    *device = 0x1f;
    *function = 2;
    return EFI_SUCCESS;
}

/* Only those that no driver has, of a few classes. */
static void test_controllers(void **state)
{
    static EFI_GUID pci_guid = EFI_PCI_IO_PROTOCOL_GUID;
    static EFI_PCI_IO_PROTOCOL pci = {.Pci.Read = pci_config_read, .GetLocation = pci_location};

    (void)state;
    offer(OTHER, &pci_guid, &pci);
    the_class = 0x01060123;
    expect("\"unconnected\":[],");
    the_driverless = (EFI_HANDLE)OTHER;
    expect("\"unconnected\":[\n{\"pci\":\"0000:3a:1f.2\",\"kind\":\"sata\"}],");
    the_class = 0x01ff0000;
    expect("\"kind\":\"storage\"}],");
    the_class = 0x0c033000;
    expect("\"kind\":\"usb\"}],");
    the_class = 0x03000000;
    expect("\"unconnected\":[],");
    the_class = 0x01080200;
    the_answer = EFI_DEVICE_ERROR;
    expect("\"unconnected\":[],");
}

/* A path that goes on for ever, or in circles. */
static void test_broken_paths(void **state)
{
    static uint8_t path[4096];

    (void)state;
    offer(NVME_DISK, &block_guid, &the_block);
    offer(NVME_DISK, &path_guid, path);
    offer(NVME_DISK + 1, &nvme_guid, &the_nvme);
    memset(path, 3, sizeof(path));
    expect("\"bus\":\"other\"");
    memset(path, 0, sizeof(path));
    expect("\"bus\":\"other\"");
    path[2] = 4;
    expect("\"bus\":\"other\"");
}

static void test_network(void **state)
{
    static EFI_SIMPLE_NETWORK_MODE mode = {.HwAddressSize = 6,
                                           .CurrentAddress = {{0x52, 0x54, 0, 1, 2, 0xff}}};
    static EFI_SIMPLE_NETWORK card = {.Mode = &mode}, dead;

    (void)state;
    offer(OTHER, &network_guid, &dead);
    offer(OTHER + 1, &network_guid, &card);
    expect("\"network\":[\n{\"address\":\"52:54:00:01:02:ff\",\"link\":\"unknown\"}]");
    mode.MediaPresentSupported = TRUE;
    expect("\"link\":\"down\"}]");
    mode.MediaPresent = TRUE;
    expect("\"link\":\"up\"}]");
}

static void test_panel(void **state)
{
    static EFI_GRAPHICS_OUTPUT_PROTOCOL display;
    static uint8_t bytes[128] = {0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0x06, 0xaf, 0x34, 0x12};
    static struct efi_edid edid = {sizeof(bytes), bytes};

    (void)state;
    bytes[17] = 30;
    bytes[21] = 34;
    bytes[22] = 19;
    /* 1920 x 1080 */
    bytes[54] = 1;
    bytes[56] = 0x80;
    bytes[58] = 0x70;
    bytes[59] = 0x38;
    bytes[61] = 0x40;
    bytes[75] = 0xfc;
    memcpy(bytes + 77, "B\"\x1b[1m\n      ", 13);
    for (unsigned i = 0; i < 127; i++)
        bytes[127] = (uint8_t)(bytes[127] - bytes[i]);
    offer(OTHER, &display_guid, &display);
    offer(OTHER, &edid_guid, &edid);
    expect("{\"product\":4660,\"serial\":0,\"year\":2020,\"width_cm\":34,\"height_cm\":19,"
           "\"maker\":\"AUO\",\"width\":1920,\"height\":1080,\"name\":\"B\\\"?[1m\"}");
    bytes[20]++;
    expect("\"panels\":[]");
    bytes[20]--;
    edid.nbytes = 127;
    expect("\"panels\":[]");
}

static EFI_STATUS EFIAPI tcg_get(struct efi_tcg2 *self, struct efi_tcg2_capability *capability)
{
    (void)self;
    assert_int_equal(capability->nbytes, sizeof(*capability));
    capability->present = TRUE;
    capability->manufacturer = 0x49424d00;
    capability->active_pcr_banks = 2;
    return the_answer;
}

static void test_tpm(void **state)
{
    static struct efi_tcg2 tcg = {tcg_get};

    (void)state;
    offer(OTHER, &tcg_guid, &tcg);
    expect("\"tpm\":{\"version\":\"2.0\",\"active_pcr_banks\":2,\"manufacturer\":\"IBM\"}");
    the_answer = EFI_DEVICE_ERROR;
    expect("\"tpm\":null");
}

/* Lists that do not fit are cut between devices. */
static void test_full(void **state)
{
    struct inventory inventory;

    (void)state;
    memset(the_identify + 54, '"', 40);
    memset(the_identify + 20, '\\', 20);
    offer_ata();
    while (noffers < MAX_OFFERS)
        offer(ATA_DISK, &block_guid, &the_block);
    for (unsigned length = 40; length; length--) {
        memset(the_identify + 54 + length, ' ', 40 - length);
        inventory = take("");
        assert_true(inventory.nbytes < INVENTORY_CAPACITY);
        assert_non_null(strstr(inventory.text, "}],\n\"left_out\":"));
        assert_non_null(strstr(inventory.text, "\"complete\":true}\n"));
        the_commands[0] = '\0';
    }
    assert_null(strstr(inventory.text, "\"left_out\":0,"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nothing, set_up),
        cmocka_unit_test_setup(test_archive, set_up),
        cmocka_unit_test_setup(test_off, set_up),
        cmocka_unit_test_setup(test_no_timer, set_up),
        cmocka_unit_test_setup(test_nvme, set_up),
        cmocka_unit_test_setup(test_hang, set_up),
        cmocka_unit_test_setup(test_late, set_up),
        cmocka_unit_test_setup(test_ata, set_up),
        cmocka_unit_test_setup(test_ata_without_smart, set_up),
        cmocka_unit_test_setup(test_ata_identify, set_up),
        cmocka_unit_test_setup(test_usb, set_up),
        cmocka_unit_test_setup(test_what_is_no_disk, set_up),
        cmocka_unit_test_setup(test_in_use, set_up),
        cmocka_unit_test_setup(test_broken_paths, set_up),
        cmocka_unit_test_setup(test_scsi, set_up),
        cmocka_unit_test_setup(test_controllers, set_up),
        cmocka_unit_test_setup(test_network, set_up),
        cmocka_unit_test_setup(test_panel, set_up),
        cmocka_unit_test_setup(test_tpm, set_up),
        cmocka_unit_test_setup(test_full, set_up),
        cmocka_unit_test_setup(test_shadow_stacks, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
