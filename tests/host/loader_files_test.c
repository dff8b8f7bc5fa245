/* SPDX-License-Identifier: MIT */
/* Finding the boot directory, in the loader's own file or on a volume, and reading from firmware
 * that has limits. */
#include "tests/host/loader_fake.h"

#include <stdlib.h>
#include <string.h>

#include "efi-loader/files.h"
#include "efi-loader/section.h"
#include "shared/linux/errno.h"
#include "tests/host/cpio_builder.h"

#define BIG (5 * FILES_PIECE / 2 + 3)

static struct files the_files;
static struct memory the_memory;
static struct bootinfo_extent the_extent;
static unsigned char *the_data;

static int set_up(void **state)
{
    (void)state;
    fake_reset();
    memory_init(&the_memory, &the_fake.bs);
    the_data = malloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        the_data[i] = (unsigned char)(i * 7 + i / 997);
    the_fake.files[0] = (struct fake_file){.name = "big", .data = the_data, .size = BIG};
    the_fake.files[1] = (struct fake_file){.name = "empty", .data = the_data};
    the_fake.files[2] = (struct fake_file){.name = "folder", .directory = true};
    the_fake.files[3] =
        (struct fake_file){.name = "locked", .size = 1, .open_status = EFI_ACCESS_DENIED};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    memory_give_back(&the_memory);
    assert_int_equal(fake_blocks_in_use(), 0);
    assert_int_equal(the_fake.open_handles, 0);
    assert_int_equal(the_fake.pool_blocks, 0);
    assert_int_equal(the_fake.bad_types, 0);
    assert_int_equal(the_fake.bad_frees, 0);
    assert_int_equal(the_fake.high_offers, 0);
    free(the_data);
    return 0;
}

static int open_from(EFI_HANDLE device)
{
    EFI_LOADED_IMAGE self = {.DeviceHandle = device}; /* FilePath is NULL */

    return files_open(&the_files, &the_fake.bs, &self);
}

static int read_file(const char *name, uint64_t max_size)
{
    assert_int_equal(open_from(fake_volume(0)), 0);
    int err = files_read(&the_files, &the_memory, name, max_size, BOOTINFO_ROOTFS, &the_extent);
    files_close(&the_files);
    return err;
}

static void own_volume_comes_first(void **state)
{
    (void)state;
    the_fake.volumes_with_directory = 7;
    assert_int_equal(open_from(fake_volume(2)), 0);
    assert_int_equal(the_fake.volume_opened, 2);
    files_close(&the_files);
}

static void any_volume_comes_next(void **state)
{
    static char not_a_volume;

    (void)state;
    the_fake.volumes_with_directory = 1 << 1;
    assert_int_equal(open_from(fake_volume(0)), 0);
    assert_int_equal(the_fake.volume_opened, 1);
    files_close(&the_files);
    assert_int_equal(open_from(&not_a_volume), 0); /* from the network, say */
    files_close(&the_files);
    assert_int_equal(open_from(NULL), 0);
    files_close(&the_files);
}

static void no_volume_at_all(void **state)
{
    (void)state;
    the_fake.volumes_with_directory = 0;
    assert_int_equal(open_from(fake_volume(0)), -ENOENT);
    the_fake.volumes_hidden = true;
    assert_int_equal(open_from(NULL), -ENOENT);
}

/* Controllers that no driver was started for: a volume appears with the one of SATA. */
static UINT32 the_classes[] = {0x02000000, 0x03000000, 0x01060100, 0x0c033000, 0x08050100};
static unsigned the_connected; /* bit n: controller n */
static unsigned the_volumes_behind;
static EFI_LOCATE_HANDLE_BUFFER the_locate;
static EFI_HANDLE_PROTOCOL the_handle_protocol;

struct controller {
    EFI_PCI_IO_PROTOCOL pci; /* first: a protocol pointer is a pointer to this */
    unsigned number;
};

static struct controller the_controllers[ARRAY_SIZE(the_classes)];

static EFI_STATUS EFIAPI read_class(struct _EFI_PCI_IO_PROTOCOL *self,
                                    EFI_PCI_IO_PROTOCOL_WIDTH width, UINT32 at, UINTN count,
                                    VOID *out)
{
    assert_true(width == EfiPciIoWidthUint32 && at == 8 && count == 1);
    memcpy(out, &the_classes[((struct controller *)self)->number], sizeof(UINT32));
    return EFI_SUCCESS;
}

static bool is_pci(const EFI_GUID *guid)
{
    static const EFI_GUID pci = EFI_PCI_IO_PROTOCOL_GUID;

    return memcmp(guid, &pci, sizeof(pci)) == 0;
}

static EFI_STATUS EFIAPI locate_controllers(EFI_LOCATE_SEARCH_TYPE how, EFI_GUID *guid, void *key,
                                            UINTN *count, EFI_HANDLE **out)
{
    if (!is_pci(guid))
        return the_locate(how, guid, key, count, out);
    *count = ARRAY_SIZE(the_controllers);
    *out = calloc(*count, sizeof(EFI_HANDLE));
    for (UINTN i = 0; i < *count; i++)
        (*out)[i] = &the_controllers[i];
    the_fake.pool_blocks++;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI controller_protocol(EFI_HANDLE handle, EFI_GUID *guid, void **out)
{
    if (!is_pci(guid))
        return the_handle_protocol(handle, guid, out);
    *out = handle;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI connect(EFI_HANDLE controller, EFI_HANDLE *drivers, EFI_DEVICE_PATH *path,
                                 BOOLEAN recursive)
{
    assert_null(drivers);
    assert_null(path);
    assert_true(recursive);
    the_connected |= 1u << ((struct controller *)controller)->number;
    the_fake.volumes_with_directory = the_volumes_behind;
    return EFI_NOT_FOUND;
}

static void drivers_are_started_for_disks(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(the_controllers); i++)
        the_controllers[i] = (struct controller){.pci.Pci.Read = read_class, .number = i};
    the_locate = the_fake.bs.LocateHandleBuffer;
    the_handle_protocol = the_fake.bs.HandleProtocol;
    the_fake.bs.LocateHandleBuffer = locate_controllers;
    the_fake.bs.HandleProtocol = controller_protocol;
    the_fake.bs.ConnectController = connect;
    the_connected = 0;

    assert_int_equal(open_from(fake_volume(0)), 0);
    files_close(&the_files);
    assert_int_equal(the_connected, 0); /* the payload was there */

    the_fake.volumes_with_directory = 0;
    the_volumes_behind = 1 << 2;
    the_fake.watchdog_armed = 0;
    assert_int_equal(open_from(fake_volume(0)), 0);
    files_close(&the_files);
    assert_int_equal(the_fake.volume_opened, 2);
    assert_int_equal(the_connected, 1 << 2 | 1 << 3 | 1 << 4); /* neither network nor display */
    assert_int_equal(the_fake.watchdog_armed, 1 + 3);

    the_fake.volumes_with_directory = the_volumes_behind = 0;
    assert_int_equal(open_from(NULL), -ENOENT);
}

static void read_in_pieces(void **state)
{
    (void)state;
    the_fake.read_limit = 1 << 20;
    assert_int_equal(read_file("big", BIG), 0);
    assert_int_equal(the_extent.size, BIG);
    assert_memory_equal((void *)(uintptr_t)the_extent.base, the_data, BIG);
    assert_true(the_extent.base + BIG <= 1ULL << 32);
    assert_true(the_fake.largest_read <= 1 << 20);
    /* The watchdog starts with the search, and anew with each piece. */
    assert_int_equal(the_fake.watchdog_armed, 4);
    assert_int_equal(the_memory.claims[0].type, BOOTINFO_ROOTFS);
}

static void every_failure_has_its_code(void **state)
{
    (void)state;
    assert_int_equal(read_file("nothing", BIG), -ENOENT);
    assert_int_equal(read_file("folder", BIG), -EISDIR);
    assert_int_equal(read_file("locked", BIG), -EIO);
    assert_int_equal(read_file("big", BIG - 1), -EFBIG);
    assert_int_equal(the_extent.size, BIG);
    the_fake.pages_left = BIG / 4096;
    assert_int_equal(read_file("big", BIG), -ENOMEM);
    assert_int_equal(the_extent.size, BIG);
    assert_int_equal(the_memory.count, 0);
}

static void empty_file_takes_nothing(void **state)
{
    (void)state;
    assert_int_equal(read_file("empty", BIG), 0);
    assert_int_equal(the_extent.base, 0);
    assert_int_equal(the_extent.size, 0);
    assert_int_equal(the_memory.count, 0);
}

static void file_that_ends_too_early(void **state)
{
    (void)state;
    the_fake.read_stop = FILES_PIECE + 10;
    assert_int_equal(read_file("big", BIG), -EIO);
    the_fake.read_stop = ~0ULL;
    the_fake.read_limit = 1000;
    assert_int_equal(read_file("big", BIG), -EIO);
}

/* --- the loader's own file --- */

#define PE         128 /* where its signature is */
#define SECTIONS   (PE + 24 + 16)
#define DATA       4096
#define IMAGE_SIZE (DATA + CPIO_BUILD_SIZE)

static char the_image[IMAGE_SIZE];
static struct cpio_build the_archive;

static void put32(size_t at, uint32_t value)
{
    memcpy(the_image + at, &value, sizeof(value));
}

static void put_section(unsigned n, const char *name, uint32_t size, uint32_t address)
{
    size_t at = SECTIONS + n * 40;

    memset(the_image + at, 0, 40);
    memcpy(the_image + at, name, strlen(name));
    put32(at + 8, size);
    put32(at + 12, address);
}

/* Two sections, of which the second has the archive. */
static void image_make(void)
{
    memset(the_image, 0, sizeof(the_image));
    put32(0x3c, PE);
    put32(PE, 0x4550);
    put32(PE + 4, 2u << 16); /* machine, sections */
    put32(PE + 20, 16);      /* size of the optional header */
    memset(&the_archive, 0, sizeof(the_archive));
    cpio_build_add(&the_archive, &(struct cpio_build_entry){.name = ".", .mode = 040755});
    cpio_build_add(&the_archive, &(struct cpio_build_entry){
                                     .name = "one", .mode = 0100644, .data = "first", .size = 5});
    cpio_build_add(&the_archive, &(struct cpio_build_entry){.name = "folder", .mode = 040755});
    cpio_build_add(&the_archive, &(struct cpio_build_entry){.name = "none", .mode = 0100644});
    cpio_build_trailer(&the_archive);
    put_section(0, ".bootdi", 16, 0);
    put_section(1, ".bootdir", (uint32_t)the_archive.size, DATA);
    memcpy(the_image + DATA, the_archive.bytes, the_archive.size);
}

static int open_image(EFI_HANDLE device)
{
    EFI_LOADED_IMAGE self = {
        .DeviceHandle = device, .ImageBase = the_image, .ImageSize = sizeof(the_image)};

    return files_open(&the_files, &the_fake.bs, &self);
}

static int read_archived(const char *name, uint64_t max_size)
{
    return files_read(&the_files, &the_memory, name, max_size, BOOTINFO_ROOTFS, &the_extent);
}

static void own_file_comes_first(void **state)
{
    (void)state;
    image_make();
    the_fake.volumes_with_directory = 0;
    assert_int_equal(open_image(NULL), 0);
    assert_int_equal(read_archived("one", 5), 0);
    assert_int_equal(the_extent.size, 5);
    assert_memory_equal((void *)(uintptr_t)the_extent.base, "first", 5);
    assert_int_equal(the_memory.claims[0].type, BOOTINFO_ROOTFS);
    assert_int_equal(read_archived("one", 4), -EFBIG);
    assert_int_equal(the_extent.size, 5);
    assert_int_equal(read_archived("none", 5), 0);
    assert_int_equal(the_extent.base, 0);
    assert_int_equal(read_archived("folder", 5), -ENOENT);
    assert_int_equal(read_archived("big", BIG), -ENOENT);
    assert_int_equal(read_archived("reports\\0001.txt", BIG), -ENOENT);
    the_fake.pages_left = 0;
    assert_int_equal(read_archived("one", 5), -ENOMEM);
    files_close(&the_files);
}

/* Files come from the archive alone, what is in folders from the volume alone. */
static void own_volume_beside_own_file(void **state)
{
    (void)state;
    image_make();
    the_fake.volumes_with_directory = 1 << 1;
    assert_int_equal(open_image(fake_volume(1)), 0);
    assert_int_equal(read_archived("one", 5), 0);
    assert_int_equal(read_archived("big", BIG), -ENOENT);
    the_fake.files[4] = (struct fake_file){.name = "folder\\big", .data = the_data, .size = 7};
    assert_int_equal(read_archived("folder\\big", BIG), 0);
    assert_int_equal(the_extent.size, 7);
    files_close(&the_files);
    /* Others' volumes are of no interest. */
    assert_int_equal(open_image(fake_volume(0)), 0);
    assert_null(the_files.directory);
    files_close(&the_files);
}

static bool name_add(void *argument, const char *name)
{
    strcat(argument, name);
    strcat(argument, " ");
    return strcmp(name, "one") != 0;
}

static void own_file_is_listed(void **state)
{
    char names[100] = "";

    (void)state;
    image_make();
    assert_int_equal(open_image(NULL), 0);
    assert_int_equal(files_list(&the_files, NULL, name_add, names), 0);
    assert_string_equal(names, "one "); /* where it was told to stop */
    assert_int_equal(files_list(&the_files, "reports", name_add, names), -ENOENT);
    /* An archive that breaks ends there. */
    the_image[DATA + 3] = 'x';
    assert_int_equal(read_archived("one", 5), -ENOENT);
    files_close(&the_files);
}

static void headers_that_lie(void **state)
{
    static const struct {
        size_t at;
        uint32_t value;
    } lies[] = {{0x3c, IMAGE_SIZE - 20},
                {0x3c, ~0u},
                {PE, 0x4551},
                {PE + 4, 1u << 16},
                {PE + 20, 0xffff},
                {SECTIONS + 40 + 8, 0},
                {SECTIONS + 40 + 8, ~0u},
                {SECTIONS + 40 + 12, IMAGE_SIZE - 3},
                {SECTIONS + 40 + 12, ~0u}};
    const char *start;
    size_t nbytes;

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(lies); i++) {
        image_make();
        put32(lies[i].at, lies[i].value);
        assert_int_equal(section_find(the_image, IMAGE_SIZE, ".bootdir", &start, &nbytes), -ENOENT);
    }
    image_make();
    for (size_t size = 0; size < SECTIONS + 80; size++)
        assert_int_equal(section_find(the_image, size, ".bootdir", &start, &nbytes), -ENOENT);
    assert_int_equal(section_find(the_image, DATA, ".bootdi", &start, &nbytes), 0);
    assert_int_equal(section_find(NULL, 0, ".bootdir", &start, &nbytes), -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(own_volume_comes_first),   TEST(any_volume_comes_next),
        TEST(no_volume_at_all),         TEST(drivers_are_started_for_disks),
        TEST(read_in_pieces),           TEST(every_failure_has_its_code),
        TEST(empty_file_takes_nothing), TEST(file_that_ends_too_early),
        TEST(own_file_comes_first),     TEST(own_volume_beside_own_file),
        TEST(own_file_is_listed),       TEST(headers_that_lie),
    };

    return cmocka_run_group_tests_name("loader_files", tests, NULL, NULL);
}
