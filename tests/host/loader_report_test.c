/* SPDX-License-Identifier: MIT */
/*
 * tests/host/loader_report_test.c - the life of a report, with every way in which it can go wrong
 *
 * Each outcome is looked at from four sides: the files, the variables, what was said, and whether
 * the machine was ended.
 *
 * Long because all outcomes of one life are looked at with the same helpers.
 */
#include "tests/host/check.h"
#include "tests/host/loader_volume.h"

#include "efi-loader/handover.h"
#include "efi-loader/report.h"
#include "efi-loader/report_file.h"
#include "kernel/lib/bootinfo.h"
#include "kernel/lib/smbios.h"
#include "shared/linux/errno.h"

#define WAITING "kernel started, no verdict yet\n"
#define DONE    "results, the failed ones first\n"
#define HEAD    "Firstlight, report 0001\nid: 0000000000000007\nmachine: x\n\n"
#define RESULTS                                                                                    \
    "# firstlight: verdict=FAIL total=2 passed=1 failed=1 skipped=0 version=1\n"                   \
    "not ok 2 bad # time=5us reason\n"                                                             \
    "ok 1 good # time=5us\n"

static bool the_debug_exit;

/* ---- What the loader asks of the processor ---- */

uint64_t cpu_read_tsc(void)
{
    static uint64_t tsc = 1000;

    return tsc += 12345;
}

bool cpu_read_random(uint64_t *value)
{
    static uint64_t state = 1;

    *value = (uint64_t)next_random(&state) << 32 | next_random(&state);
    return true;
}

void cpu_id(uint32_t leaf, uint32_t regs[4])
{
    memset(regs, 0, 16);
    if (leaf == 0x80000002)
        memcpy(regs, "  Processor   X", 16);
    if (leaf == 1)
        regs[2] = 1u << 28;
}

bool cpu_has_debug_exit(void)
{
    return the_debug_exit;
}

/* ---- Steps ---- */

static struct payload the_payload;
static uint64_t the_smbios;
static struct {
    struct bootinfo info;
    struct bootinfo_range ranges[2];
} the_block;

static const struct bootinfo_report *begin(const char *cmdline)
{
    struct handover handover = {
        .st = &the_fake.st, .payload = &the_payload, .info = &the_block.info};

    memset(&the_block, 0, sizeof(the_block));
    handover.features.rdrand = true;
    strcpy(the_payload.cmdline, cmdline);
    the_block.info.smbios = the_smbios;
    the_block.info.ranges_offset = sizeof(struct bootinfo);
    the_block.info.ranges_count = 1;
    the_block.ranges[0] = (struct bootinfo_range){.npages = 512, .type = BOOTINFO_FREE};
    report_begin(&the_volume_files, &handover);
    return &the_block.info.report;
}

/* True if the machine was ended. */
static bool complete(void)
{
    if (setjmp(the_volume.reset))
        return true;
    report_complete(&the_volume_files, &the_fake.st);
    return the_volume.resets != 0;
}

static void leave_verdict(enum report_action action, uint32_t number, uint64_t id)
{
    volume_put_variable(
        0,
        (struct report_header){
            .count = 1, .action = (uint8_t)action, .id = id, .number = number, .stay = 90},
        RESULTS);
}

static const char *contents(const char *name)
{
    struct volume_file *file = volume_find(name);

    assert_non_null(file);
    file->data[file->size] = '\0';
    return file->data;
}

#define SAID(text)      assert_non_null(strstr(the_fake.log, text))
#define UNSAID(text)    assert_null(strstr(the_fake.log, text))
#define HAS(name, text) assert_non_null(strstr(contents(name), text))

/* ---- Beginning ---- */

static void begun(void **state)
{
    const struct bootinfo_report *report = begin("report=next after=reboot");
    char id[32];

    (void)state;
    assert_int_equal(report->mode, BOOTINFO_REPORT_NEXT);
    assert_int_equal(report->number, 1);
    assert_true(report->id != 0);
    snprintf(id, sizeof(id), "id: %016llx\n", (unsigned long long)report->id);
    HAS("0001.txt", id);
    HAS("0001.txt", "date: 2026-02-03 04:05:06");
    HAS("0001.txt", "processor: Processor   X");
    HAS("0001.txt", "processor features: avx\n");
    HAS("0001.txt", "free 2048 KiB");
    HAS("0001.txt", "framebuffer: none");
    HAS("0001.txt", "command line: report=next after=reboot\n\n" WAITING);
    HAS("0001.xml", "errors=\"1\"");
    assert_int_equal(the_volume.flushes, 2);
}

/* Many modules with long names, and not all that is said of them fits: the results find their place
 * all the same. */
static void machine_with_much_to_say(void **state)
{
    enum { MODULES = 200, LENGTH = 0x1c, NAME = 68 };
    static unsigned char table[MODULES * (LENGTH + NAME + 2)], entry[SMBIOS_ENTRY_MAX] = "_SM3_";
    const unsigned char *address = table;
    uint32_t nbytes = sizeof(table);
    unsigned char *at = table, sum = 0;

    (void)state;
    for (unsigned i = 0; i < MODULES; i++, at += LENGTH + NAME + 2) {
        memset(at, 0, LENGTH);
        at[0] = SMBIOS_MODULE;
        at[1] = LENGTH;
        at[0x0c] = 1; /* MiB */
        at[0x10] = at[0x17] = at[0x18] = at[0x1a] = 1;
        memset(at + LENGTH, 'x', NAME);
    }
    memcpy(entry + 12, &nbytes, sizeof(nbytes));
    memcpy(entry + 16, &address, sizeof(address));
    entry[6] = 24; /* its length */
    entry[7] = 3;  /* of the specification */
    for (unsigned i = 0; i < 24; i++)
        sum = (unsigned char)(sum + entry[i]);
    entry[5] = (unsigned char)-sum;
    the_smbios = (uintptr_t)entry;
    begin("report=now");
    the_smbios = 0;
    HAS("0001.txt", "memory module: xxx");
    HAS("0001.txt", WAITING);
}

static void modes(void **state)
{
    (void)state;
    assert_int_equal(begin("")->mode, BOOTINFO_REPORT_NOW);
    assert_int_equal(begin("report=now")->mode, BOOTINFO_REPORT_NOW);
    assert_int_equal(begin("report=off")->mode, BOOTINFO_REPORT_OFF);
    UNSAID("not understood");
    assert_int_equal(begin("report=banana")->mode, BOOTINFO_REPORT_NOW);
    SAID("report=banana is not understood");
    the_debug_exit = true;
    assert_int_equal(begin("")->mode, BOOTINFO_REPORT_OFF);
    assert_int_equal(begin("report=now")->mode, BOOTINFO_REPORT_NOW);
    the_debug_exit = false;
}

static void off_touches_nothing(void **state)
{
    (void)state;
    the_volume_files.directory->Open = NULL; /* calling it ends the test */
    assert_int_equal(begin("report=off")->number, 0);
}

static void number_is_one_more_than_the_largest(void **state)
{
    (void)state;
    volume_put("0007.txt", "");
    volume_put("0041.xml", "");
    volume_put("notes.txt", "");
    volume_put("12345.txt", "");
    volume_put("2026.bak", "");
    volume_put("2026.txt~", "");
    volume_put("2026-notes.txt", "");
    volume_put("0042.TXT", "");
    assert_int_equal(begin("")->number, 43);
}

static void all_numbers_are_in_use(void **state)
{
    (void)state;
    volume_put("9999.txt", "");
    assert_int_equal(begin("")->number, 0);
    SAID("all numbers are in use");
}

static void volume_is_write_protected(void **state)
{
    (void)state;
    the_volume.write_protected = true;
    assert_int_equal(begin("")->number, 0);
    assert_int_equal(the_block.info.report.mode, BOOTINFO_REPORT_NOW);
    SAID("none is kept: the boot volume is write-protected");
    the_volume.directory = true;
    assert_int_equal(begin("")->number, 0);
}

/* From no room at all up to nearly enough: no half file stays. */
static void volume_is_full(void **state)
{
    (void)state;
    for (unsigned quiet = 0; quiet < 2; quiet++) {
        for (size_t room = 0; room < 300; room += 50) {
            the_volume.short_writes = quiet;
            the_volume.room = room;
            assert_int_equal(begin("")->number, 0);
            SAID("none is kept: the boot volume is full");
            assert_null(volume_find("0001.txt"));
            assert_int_equal(the_volume.room, room);
        }
    }
}

static void room_for_the_text_alone(void **state)
{
    (void)state;
    begin("");
    the_volume.room = volume_find("0001.txt")->size + 10;
    memset(the_volume.files, 0, sizeof(the_volume.files));
    assert_int_equal(begin("")->number, 1);
    SAID("no JUnit file");
    assert_null(volume_find("0001.xml"));
}

static void directory_that_never_ends(void **state)
{
    (void)state;
    volume_put("0001.txt", "");
    the_volume.endless = true;
    assert_int_equal(begin("")->number, 0);
    SAID("cannot be written");
}

static void clock_that_fails(void **state)
{
    (void)state;
    the_volume.time_status = EFI_DEVICE_ERROR;
    begin("");
    HAS("0001.txt", "date: unknown");
}

/* ---- Completing ---- */

static void nothing_to_complete(void **state)
{
    (void)state;
    assert_false(complete());
    assert_string_equal(the_fake.log, "");
}

static void completed_and_on(void **state)
{
    (void)state;
    volume_put("0001.txt", HEAD WAITING);
    volume_put("0001.xml", "old, and longer than what comes");
    leave_verdict(REPORT_GO_ON, 1, 7);
    assert_false(complete());
    assert_string_equal(contents("0001.txt"), HEAD DONE RESULTS);
    HAS("0001.xml", "tests=\"2\" failures=\"1\"");
    assert_int_equal(volume_variables(), 0);
    SAID("0001.txt is complete");
    SAID("verdict=FAIL total=2");
    SAID("not ok 2 bad");
    assert_int_equal(the_volume.stalls, 0);
}

static void completed_and_off(void **state)
{
    (void)state;
    volume_put("0001.txt", HEAD WAITING);
    leave_verdict(REPORT_POWER_OFF, 1, 7);
    the_volume.key_after = 5;
    assert_true(complete());
    assert_int_equal(the_volume.last_reset, EfiResetShutdown);
    assert_in_range(the_volume.stalls, 100000, 1000000);
    assert_true(the_fake.watchdog_disarmed > 0);
    SAID("press a key to switch the machine off");
}

static void without_a_key_the_machine_ends_by_itself(void **state)
{
    (void)state;
    volume_put("0001.txt", HEAD WAITING);
    leave_verdict(REPORT_POWER_OFF, 1, 7);
    the_fake.st.ConIn = NULL;
    assert_true(complete());
    assert_int_equal(the_volume.stalls, 90 * 1000000);
    leave_verdict(REPORT_REBOOT, 1, 7);
    volume_find("0001.txt")->size = 0;
    memset(the_volume.files, 0, sizeof(the_volume.files));
    volume_put("0001.txt", HEAD WAITING);
    the_volume.stalls = 0;
    assert_true(complete());
    assert_int_equal(the_volume.last_reset, EfiResetCold);
    assert_int_equal(the_volume.stalls, 10 * 1000000);
}

/* stay=0: nothing waits for a person. */
static void ends_at_once(void **state)
{
    (void)state;
    volume_put("0001.txt", HEAD WAITING);
    volume_put_variable(
        0, (struct report_header){.count = 1, .action = REPORT_POWER_OFF, .id = 7, .number = 1},
        RESULTS);
    assert_true(complete());
    assert_int_equal(the_volume.stalls, 0);
    UNSAID("press a key");
}

static void machine_that_does_not_switch_off(void **state)
{
    (void)state;
    volume_put("0001.txt", HEAD WAITING);
    leave_verdict(REPORT_POWER_OFF, 1, 7);
    the_volume.reset_returns = true;
    the_volume.key_after = 1;
    complete();
    SAID("does not do that");
    assert_int_equal(volume_variables(), 0);
}

/* Of another boot, or of a file that was deleted: a report of its own, and no end. */
static void of_another_stick(void **state)
{
    (void)state;
    volume_put("0001.txt", HEAD WAITING);
    leave_verdict(REPORT_POWER_OFF, 1, 8);
    assert_false(complete());
    assert_string_equal(contents("0001.txt"), HEAD WAITING);
    HAS("0002.txt", "of another stick");
    HAS("0002.txt", RESULTS);
    HAS("0002.xml", "failures=\"1\"");
    assert_int_equal(volume_variables(), 0);
    leave_verdict(REPORT_POWER_OFF, 77, 8);
    assert_false(complete());
    HAS("0003.txt", RESULTS);
}

/* The other stick's verdict is no reason to end this start, whatever becomes of it here. */
static void of_another_stick_without_room(void **state)
{
    (void)state;
    volume_put("0001.txt", HEAD WAITING);
    leave_verdict(REPORT_POWER_OFF, 1, 8);
    the_volume.room = 3;
    the_volume.set_status = EFI_DEVICE_ERROR; /* nor is anything changed or deleted */
    assert_false(complete());
    SAID("cannot be written: the boot volume is full");
    UNSAID("does not let go");
    SAID("an earlier start ended with this verdict:");
    SAID("verdict=FAIL total=2");
    assert_int_equal(volume_variables(), 1);
}

/* Nothing could be written at the start before: a volume that takes it now is another one. */
static void of_another_stick_that_could_not_be_written(void **state)
{
    (void)state;
    leave_verdict(REPORT_POWER_OFF, 0, 8);
    assert_false(complete());
    HAS("0001.txt", RESULTS);
    SAID("of another stick");
    assert_int_equal(volume_variables(), 0);
}

/* An editor may have taken any line away: what has no place any more is kept all the same. */
static void report_without_its_last_line(void **state)
{
    (void)state;
    volume_put("0001.txt", HEAD);
    leave_verdict(REPORT_POWER_OFF, 1, 7);
    assert_false(complete());
    assert_string_equal(contents("0001.txt"), HEAD);
    HAS("0002.txt", RESULTS);
    assert_int_equal(volume_variables(), 0);
}

static void complete_already(void **state)
{
    (void)state;
    volume_put("0001.txt", HEAD DONE RESULTS);
    leave_verdict(REPORT_POWER_OFF, 1, 7);
    the_volume.set_status = EFI_DEVICE_ERROR;
    assert_false(complete());
    assert_string_equal(contents("0001.txt"), HEAD DONE RESULTS);
    SAID("does not let go");
}

/* The verdict is shown, ends the machine as was asked, and waits for a start with room; that one
 * and those before it are not ended. */
static void full_when_it_is_completed(void **state)
{
    (void)state;
    volume_put("0001.txt", HEAD WAITING);
    leave_verdict(REPORT_POWER_OFF, 1, 7);
    the_volume.room = 3;
    the_volume.key_after = 1;
    assert_true(complete());
    SAID("cannot be written: the boot volume is full");
    SAID("verdict=FAIL total=2");
    assert_int_equal(volume_variables(), 1);
    the_volume.resets = 0;
    assert_false(complete());
    the_volume.room = 10000;
    assert_false(complete());
    assert_string_equal(contents("0001.txt"), HEAD DONE RESULTS);
    assert_int_equal(volume_variables(), 0);
}

static void write_protected_when_it_is_completed(void **state)
{
    (void)state;
    volume_put("0001.txt", HEAD WAITING);
    leave_verdict(REPORT_REBOOT, 1, 7);
    the_volume.write_protected = true;
    assert_true(complete());
    SAID("cannot be written: the boot volume is write-protected");
    SAID("verdict=FAIL total=2");
    assert_int_equal(volume_variables(), 1);
}

/* Where no file could be begun the verdict is only shown. */
static void shown_without_a_file(void **state)
{
    (void)state;
    the_volume.write_protected = true;
    leave_verdict(REPORT_POWER_OFF, 0, 7);
    assert_true(complete());
    SAID("verdict=FAIL total=2");
    assert_int_equal(volume_variables(), 0);
}

static void damaged_variables(void **state)
{
    (void)state;
    volume_put_variable(0, (struct report_header){.count = 9}, RESULTS);
    assert_false(complete());
    SAID("is damaged");
    assert_int_equal(volume_variables(), 0);
}

static void cut_and_short_results(void **state)
{
    (void)state;
    volume_put("0001.txt", HEAD WAITING);
    volume_put_variable(0, (struct report_header){.count = 1, .id = 7, .number = 1}, "short\n");
    assert_false(complete());
    assert_null(strstr(contents("0001.txt"), "verdict yet"));
    memset(the_volume.files, 0, sizeof(the_volume.files));
    volume_put("0001.txt", HEAD WAITING);
    volume_put_variable(0, (struct report_header){.count = 2, .id = 7, .number = 1}, RESULTS);
    assert_false(complete());
    HAS("0001.txt", "(the rest was not kept by the firmware)");
}

static void what_is_shown_is_clean(void **state)
{
    (void)state;
    volume_put_variable(0, (struct report_header){.count = 1},
                        "# firstlight: verdict=\x1b[2J\nnot ok \x07\n");
    assert_false(complete());
    UNSAID("\x1b");
    SAID("verdict=?[2J");
    SAID("not ok ?");
}

static void many_failures_are_counted(void **state)
{
    (void)state;
    volume_put_variable(
        0, (struct report_header){.count = 1},
        "not ok 1\nnot ok 2\nnot ok 3\nnot ok 4\nnot ok 5\nnot ok 6\nnot ok 7\n"
        "not ok 8\nnot ok 9\nnot ok 10\nnot ok 11\nnot ok 12\nnot ok 13\nnot ok 14\n");
    assert_false(complete());
    SAID("not ok 12");
    UNSAID("not ok 13");
    SAID("and 2 more");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, volume_set_up, volume_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(begun),
        TEST(machine_with_much_to_say),
        TEST(modes),
        TEST(off_touches_nothing),
        TEST(number_is_one_more_than_the_largest),
        TEST(all_numbers_are_in_use),
        TEST(volume_is_write_protected),
        TEST(volume_is_full),
        TEST(room_for_the_text_alone),
        TEST(directory_that_never_ends),
        TEST(clock_that_fails),
        TEST(nothing_to_complete),
        TEST(completed_and_on),
        TEST(completed_and_off),
        TEST(without_a_key_the_machine_ends_by_itself),
        TEST(ends_at_once),
        TEST(machine_that_does_not_switch_off),
        TEST(of_another_stick),
        TEST(of_another_stick_without_room),
        TEST(of_another_stick_that_could_not_be_written),
        TEST(report_without_its_last_line),
        TEST(complete_already),
        TEST(full_when_it_is_completed),
        TEST(write_protected_when_it_is_completed),
        TEST(shown_without_a_file),
        TEST(damaged_variables),
        TEST(cut_and_short_results),
        TEST(what_is_shown_is_clean),
        TEST(many_failures_are_counted),
    };

    return cmocka_run_group_tests_name("loader_report", tests, NULL, NULL);
}
