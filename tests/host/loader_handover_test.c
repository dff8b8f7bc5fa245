/* SPDX-License-Identifier: MIT */
/* The last part of the story, up to the jump that this test catches: what the kernel is handed. */
#include "tests/host/loader_fake.h"

#include <setjmp.h>
#include <string.h>

#include "efi-loader/bridge.h"
#include "efi-loader/handover.h"
#include "efi-loader/log.h"
#include "efi-loader/pci.h"
#include "kernel/lib/bootinfo.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

#define JUMP_PAGE   0x7000000
#define LOG_TEXT    "firstlight: a line\n"
#define KERNEL_SIZE 0x3000

enum { JUMPED = 1, RESET_BY_FIRMWARE, RESET_BY_CPU };

static jmp_buf the_way_out;
static struct cpu_jump the_jump;
static bool the_interrupts_are_off, the_reset_works;
static struct memory the_memory;
static struct payload the_payload;
static struct handover the_handover;

/* ---- The processor ----------------------------------------------------------------------------
 */

uint64_t cpu_read_tsc(void)
{
    static uint64_t tsc = 1000;

    return tsc += 10;
}

bool cpu_read_random(uint64_t *value)
{
    *value = 0x0123456789abcdef;
    return true;
}

int bridge_build(struct memory *memory, uint64_t *out_bridge)
{
    *out_bridge = 0;
    return memory_take(memory, PAGE_SIZE, BOOTINFO_LOADER, out_bridge);
}

void pci_stop_masters(struct bootinfo_dma *out)
{
    assert_true(the_fake.exited && the_interrupts_are_off);
    *out = (struct bootinfo_dma){.bridges = 2, .devices = 3};
}

void cpu_disable_interrupts(void)
{
    assert_true(the_fake.exited);
    the_interrupts_are_off = true;
}

struct bootinfo_extent cpu_jump_extent(void)
{
    return (struct bootinfo_extent){.base = JUMP_PAGE, .size = PAGE_SIZE};
}

void cpu_jump_to_kernel(const struct cpu_jump *jump)
{
    the_jump = *jump;
    longjmp(the_way_out, JUMPED);
}

void cpu_reset(void)
{
    longjmp(the_way_out, RESET_BY_CPU);
}

static void EFIAPI stop_here(void)
{
    longjmp(the_way_out, RESET_BY_FIRMWARE);
}

static EFI_STATUS EFIAPI reset_system(EFI_RESET_TYPE how, EFI_STATUS status, UINTN nbytes,
                                      CHAR16 *text)
{
    assert_int_equal(how, EfiResetCold);
    assert_int_equal(nbytes, 0);
    assert_null(text);
    (void)status;
    if (the_reset_works)
        stop_here();
    return EFI_UNSUPPORTED;
}

void log_leave_firmware(const struct bootinfo_framebuffer *screen)
{
    (void)screen;
    strcat(the_fake.log, "(without firmware) ");
}

const char *log_text(size_t *length)
{
    *length = strlen(LOG_TEXT);
    return LOG_TEXT;
}

/* ---- The firmware ------------------------------------------------------------------------------
 */

static struct efi_memory_attribute the_attributes;
static bool the_attributes_exist;
static UINT64 the_jump_bits;
static bool the_clear_fails;

static EFI_STATUS EFIAPI get_bits(struct efi_memory_attribute *self, EFI_PHYSICAL_ADDRESS base,
                                  UINT64 length, UINT64 *out)
{
    (void)self;
    assert_int_equal(base, JUMP_PAGE);
    assert_int_equal(length, PAGE_SIZE);
    *out = the_jump_bits;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI set_bits(struct efi_memory_attribute *self, EFI_PHYSICAL_ADDRESS base,
                                  UINT64 length, UINT64 bits)
{
    (void)self;
    (void)base;
    (void)length;
    the_jump_bits |= bits;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI clear_bits(struct efi_memory_attribute *self, EFI_PHYSICAL_ADDRESS base,
                                    UINT64 length, UINT64 bits)
{
    (void)self;
    (void)base;
    (void)length;
    the_jump_bits &= ~bits;
    return the_clear_fails ? EFI_ACCESS_DENIED : EFI_SUCCESS;
}

static EFI_STATUS EFIAPI locate_protocol(EFI_GUID *guid, void *key, void **out)
{
    static const EFI_GUID attributes = EFI_MEMORY_ATTRIBUTE_PROTOCOL_GUID;

    (void)key;
    assert_int_equal(the_fake.exit_attempts, 0);
    if (!the_attributes_exist || memcmp(guid, &attributes, sizeof(attributes)) != 0)
        return EFI_NOT_FOUND;
    *out = &the_attributes;
    return EFI_SUCCESS;
}

/* ---- The tests ---------------------------------------------------------------------------------
 */

static void make_payload(void)
{
    struct image *kernel = &the_payload.kernel;

    memset(&the_payload, 0, sizeof(the_payload));
    strcpy(the_payload.cmdline, "after=halt a=1");
    the_payload.kernel_file.size = 5000;
    the_payload.rootfs.size = 9000;
    assert_int_equal(
        memory_take(&the_memory, 5000, BOOTINFO_KERNEL_FILE, &the_payload.kernel_file.base), 0);
    assert_int_equal(memory_take(&the_memory, 9000, BOOTINFO_ROOTFS, &the_payload.rootfs.base), 0);
    kernel->memory.size = KERNEL_SIZE;
    assert_int_equal(memory_take(&the_memory, KERNEL_SIZE, BOOTINFO_KERNEL, &kernel->memory.base),
                     0);
    kernel->entry = IMAGE_BASE + 0x10;
    kernel->nsegments = 2;
    kernel->segments[0] =
        (struct paging_segment){IMAGE_BASE, kernel->memory.base, 0x2000, PAGING_EXECUTE};
    kernel->segments[1] = (struct paging_segment){IMAGE_BASE + 0x2000, kernel->memory.base + 0x2000,
                                                  0x1000, PAGING_WRITE};
}

static int set_up(void **state)
{
    static CHAR16 vendor[] = u"Fake";
    EFI_MEMORY_DESCRIPTOR loader = {.Type = EfiLoaderCode,
                                    .PhysicalStart = JUMP_PAGE,
                                    .NumberOfPages = 4,
                                    .Attribute = EFI_MEMORY_WB};

    (void)state;
    fake_reset();
    /* The first of its descriptors becomes the loader's own image. */
    fake_make_map(20, 48);
    memcpy(the_fake.map, &loader, sizeof(loader));
    the_fake.bs.LocateProtocol = locate_protocol;
    the_fake.rs.ResetSystem = reset_system;
    the_fake.st.FirmwareVendor = vendor;
    the_fake.st.FirmwareRevision = 0x20003;
    the_attributes = (struct efi_memory_attribute){get_bits, set_bits, clear_bits};
    the_attributes_exist = the_clear_fails = the_interrupts_are_off = false;
    the_reset_works = true;
    memory_init(&the_memory, &the_fake.bs);
    make_payload();
    the_handover = (struct handover){.image_handle = &the_fake,
                                     .st = &the_fake.st,
                                     .memory = &the_memory,
                                     .payload = &the_payload,
                                     .features = {.nx = true, .rdrand = true}};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    memory_give_back(&the_memory);
    assert_int_equal(fake_blocks_in_use(), 0);
    assert_int_equal(the_fake.bad_types, 0);
    return 0;
}

static int run_prepared(void)
{
    int way;

    way = setjmp(the_way_out);
    if (way == 0)
        assert_int_not_equal(handover_run(&the_handover), 0);
    if (the_fake.exit_attempts)
        assert_int_equal(the_fake.calls_after_exit, 0);
    /* What gives the pages back afterwards is the test, not the loader. */
    the_fake.exit_attempts = 0;
    return way;
}

/* Prepares and runs; which way it ended. */
static int run(void)
{
    assert_int_equal(handover_prepare(&the_handover), 0);
    return run_prepared();
}

static void kernel_is_entered(void **state)
{
    const struct bootinfo *info;

    (void)state;
    assert_int_equal(run(), JUMPED);
    info = the_handover.info;
    assert_true(the_interrupts_are_off);
    assert_int_equal(the_fake.watchdog_disarmed, 1);
    assert_int_equal(the_jump.entry, IMAGE_BASE + 0x10);
    assert_int_equal(the_jump.argument, DIRECT_BASE + info->block_base);
    assert_int_equal(the_jump.table_root, info->table_root);
    assert_null(bootinfo_check(info, info->block_size));
    assert_string_equal(bootinfo_cmdline(info), "after=halt a=1");
    assert_string_equal(bootinfo_firmware(info), "Fake 2.3");
    assert_string_equal(bootinfo_log(info), LOG_TEXT);
    assert_int_equal(info->seed_quality, 1);
    assert_int_equal(info->framebuffer.format, BOOTINFO_PIXEL_NONE);
    assert_int_equal(info->trampoline, 0x9e000);
    assert_int_equal(info->rsdp, 0);
    assert_int_equal(info->efi_system_table, (uintptr_t)&the_fake.st);
    assert_true(info->stamps.before_exit < info->stamps.after_exit);
    assert_memory_equal(&info->rootfs, &the_payload.rootfs, sizeof(info->rootfs));
    assert_int_equal(info->plan.size, 0);
    assert_true(info->dma.bridges == 2 && info->dma.devices == 3);
    assert_int_equal(the_jump.bridge, 0);
}

/* Better no screen than no kernel. */
static void screen_in_memory_is_left_out(void **state)
{
    struct bootinfo_framebuffer screen = {.base = the_payload.kernel.memory.base - 0x3000,
                                          .size = 640 * 480 * 4,
                                          .width = 640,
                                          .height = 480,
                                          .pixels_per_line = 640,
                                          .format = BOOTINFO_PIXEL_BGRX};

    (void)state;
    assert_int_equal(handover_prepare(&the_handover), 0);
    the_handover.info->framebuffer = screen;
    assert_int_equal(run_prepared(), JUMPED);
    assert_int_equal(the_handover.info->framebuffer.format, BOOTINFO_PIXEL_NONE);
    assert_null(bootinfo_check(the_handover.info, the_handover.info->block_size));
}

static void devices_go_on(void **state)
{
    (void)state;
    strcpy(the_payload.cmdline, "dma=keep a=1");
    assert_int_equal(run(), JUMPED);
    assert_true(the_handover.info->dma.bridges == 0 && the_handover.info->dma.devices == 0);
}

static void five_levels_take_a_bridge(void **state)
{
    (void)state;
    the_handover.five_levels = true;
    assert_int_equal(run(), JUMPED);
    assert_int_not_equal(the_jump.bridge, 0);
}

/* Each page that was taken has, in the ranges, the type that it was taken for. */
static void every_claim_is_in_the_ranges(void **state)
{
    (void)state;
    assert_int_equal(run(), JUMPED);
    const struct bootinfo *info = the_handover.info;
    for (unsigned i = 0; i < the_memory.count; i++) {
        const struct memory_claim *claim = &the_memory.claims[i];
        uint64_t found = 0;

        for (uint32_t r = 0; r < info->ranges_count; r++) {
            const struct bootinfo_range *range = &bootinfo_ranges(info)[r];
            uint64_t low = MAX(range->base, claim->base);
            uint64_t high = MIN(range->base + range->npages * PAGE_SIZE,
                                claim->base + claim->npages * PAGE_SIZE);

            if (range->type == (uint32_t)claim->type && high > low)
                found += high - low;
        }
        assert_int_equal(found, claim->npages * PAGE_SIZE);
    }
}

static void map_that_grows_in_the_end(void **state)
{
    (void)state;
    the_fake.map_growth = 3;
    the_fake.stale = 2;
    assert_int_equal(run(), JUMPED);
    /* 20, and 3 for each of four looks: one to prepare, three to leave. */
    uint32_t n = 0;
    for (uint32_t i = 0; i < the_handover.info->ranges_count; i++)
        n += the_handover.ranges[i].type == BOOTINFO_FREE;
    assert_int_equal(n, 20 - 1 + 4 * 3);
}

static void reset_when_nothing_else_is_left(void **state)
{
    (void)state;
    the_fake.stale = 1000;
    assert_int_equal(run(), RESET_BY_FIRMWARE);
    assert_non_null(strstr(the_fake.log, "(without firmware) refused: firmware: does not let"));
}

static void reset_by_hand_when_the_firmware_does_not(void **state)
{
    (void)state;
    the_fake.stale = 1000;
    the_reset_works = false;
    assert_int_equal(run(), RESET_BY_CPU);
}

static void back_to_the_firmware_before_the_first_attempt(void **state)
{
    (void)state;
    assert_int_equal(handover_prepare(&the_handover), 0);
    the_fake.map_status = EFI_INVALID_PARAMETER;
    assert_int_equal(handover_run(&the_handover), -EIO);
    assert_int_equal(the_fake.exit_attempts, 0);
    assert_non_null(strstr(the_fake.log, "refused: memory map: "));
}

static void too_little_memory(void **state)
{
    (void)state;
    for (uint64_t pages = 0; pages < 40; pages++) {
        the_fake.pages_left = pages;
        the_fake.log[0] = '\0';
        assert_int_equal(handover_prepare(&the_handover), -ENOMEM);
        assert_non_null(strstr(the_fake.log, "refused: memory: not enough is free"));
        memory_give_back(&the_memory);
    }
}

static void no_map_at_all(void **state)
{
    (void)state;
    the_fake.map_status = EFI_UNSUPPORTED;
    assert_int_equal(handover_prepare(&the_handover), -EIO);
    assert_non_null(strstr(the_fake.log, "refused: memory map: "));
}

static void no_trampoline_is_no_fault(void **state)
{
    (void)state;
    the_fake.low_address = ~0ULL;
    assert_int_equal(run(), JUMPED);
    assert_int_equal(the_handover.info->trampoline, 0);
}

static void without_randomness_the_quality_is_0(void **state)
{
    uint8_t zero[32] = {0};

    (void)state;
    the_handover.features.rdrand = false;
    assert_int_equal(run(), JUMPED);
    assert_int_equal(the_handover.info->seed_quality, 0);
    assert_memory_not_equal(the_handover.info->seed, zero, sizeof(zero));
}

static void jump_code_is_made_executable(void **state)
{
    (void)state;
    the_attributes_exist = true;
    the_jump_bits = EFI_MEMORY_XP;
    assert_int_equal(run(), JUMPED);
    assert_int_equal(the_jump_bits, EFI_MEMORY_RO);
}

static void executable_jump_code_is_left_alone(void **state)
{
    (void)state;
    the_attributes_exist = true;
    the_jump_bits = EFI_MEMORY_RP; /* whatever that may mean to it */
    assert_int_equal(run(), JUMPED);
    assert_int_equal(the_jump_bits, EFI_MEMORY_RP);
}

static void jump_code_stays_not_executable(void **state)
{
    (void)state;
    the_attributes_exist = the_clear_fails = true;
    the_jump_bits = EFI_MEMORY_XP;
    assert_int_equal(handover_prepare(&the_handover), -EACCES);
    assert_non_null(strstr(the_fake.log, "refused: firmware: does not let the loader's code run"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(kernel_is_entered),
        TEST(screen_in_memory_is_left_out),
        TEST(devices_go_on),
        TEST(five_levels_take_a_bridge),
        TEST(every_claim_is_in_the_ranges),
        TEST(map_that_grows_in_the_end),
        TEST(reset_when_nothing_else_is_left),
        TEST(reset_by_hand_when_the_firmware_does_not),
        TEST(back_to_the_firmware_before_the_first_attempt),
        TEST(too_little_memory),
        TEST(no_map_at_all),
        TEST(no_trampoline_is_no_fault),
        TEST(without_randomness_the_quality_is_0),
        TEST(jump_code_is_made_executable),
        TEST(executable_jump_code_is_left_alone),
        TEST(jump_code_stays_not_executable),
    };

    return cmocka_run_group_tests_name("loader_handover", tests, NULL, NULL);
}
