/* SPDX-License-Identifier: MIT */
/*
 * tests/host/report_keep_test.c - what the kernel stores of its verdict, in which order, and what
 * it does when the firmware will not
 *
 * The firmware is a list of variables, with a service that fails from a chosen call on.
 */
#include "tests/host/check.h"

#include <stdarg.h>

#include "kernel/core/clock.h"
#include "kernel/core/cmdline.h"
#include "kernel/core/output.h"
#include "kernel/core/panic.h"
#include "kernel/mm/slab.h"
#include "kernel/plat/efi_runtime.h"
#include "kernel/plat/power.h"
#include "kernel/sched/waitq.h"
#include "kernel/selftest/report_keep.h"
#include "shared/linux/errno.h"

struct stored {
    char name[32]; /* "": deleted */
    unsigned char data[2048];
    size_t nbytes;
};

static struct {
    struct stored variables[8];
    unsigned nvariables, sets;
    unsigned fail_from; /* the number of the first SetVariable that fails */
    int get_error, room_error;
    uint64_t room;
    const char *row; /* boot= */
    unsigned counts_deleted, kept_before;
    int count_error;
    unsigned efi_resets;
    uint64_t waited_ns;
    char log[4096];
    jmp_buf reboot;
} fake;

static struct bootinfo info;
void keep_klog(const char *format, ...);

void keep_klog(const char *format, ...)
{
    size_t used = strlen(fake.log);
    va_list args;

    va_start(args, format);
    vsnprintf(fake.log + used, sizeof(fake.log) - used, format, args);
    va_end(args);
}

void *kmalloc(size_t nbytes)
{
    static char buffers[3][4096]; /* for good, as in the kernel */
    static unsigned next_buffer;

    assert_true(nbytes <= sizeof(buffers[0]));
    return buffers[next_buffer++ % 3];
}

void output_flush(void)
{
}

uint64_t clock_monotonic_ns(void)
{
    return 1000;
}

uint64_t cmdline_number(const char *key, uint64_t fallback)
{
    assert_string_equal(key, "stay");
    return fallback - 300;
}

void waitq_init(struct waitq *queue)
{
    (void)queue;
}

int waitq_wait(struct waitq *queue, struct mutex *held, uint64_t deadline_ns)
{
    (void)queue;
    assert_null(held);
    fake.waited_ns = deadline_ns - 1000;
    return -ETIMEDOUT;
}

bool cmdline_find(const char *key, char *value, size_t size)
{
    assert_string_equal(key, "boot");
    snprintf(value, size, "%s", fake.row ? fake.row : "");
    return fake.row != NULL;
}

static void narrow(char *out, const uint16_t *name)
{
    while ((*out++ = (char)*name++))
        ;
}

int efi_variable_set(const uint16_t *name, const struct efi_guid *guid, uint32_t attributes,
                     const void *data, size_t nbytes)
{
    struct stored *variable = &fake.variables[fake.nvariables];
    char called[32];

    assert_non_null(guid);
    assert_int_equal(attributes, REPORT_ATTRIBUTES);
    narrow(called, name);
    if (!strcmp(called, "FirstlightBoots")) {
        assert_int_equal(nbytes, 0);
        fake.counts_deleted++;
        fake.kept_before = fake.nvariables;
        return fake.count_error;
    }
    if (++fake.sets >= fake.fail_from && nbytes)
        return -EIO;
    if (!nbytes)
        variable = &fake.variables[--fake.nvariables];
    else
        fake.nvariables++;
    narrow(variable->name, name);
    variable->nbytes = nbytes;
    if (nbytes)
        memcpy(variable->data, data, nbytes);
    return 0;
}

int efi_variable_get(const uint16_t *name, const struct efi_guid *guid, void *data, size_t *nbytes,
                     uint32_t *attributes)
{
    char text[32];

    (void)guid, (void)attributes;
    narrow(text, name);
    assert_string_equal(text, "BootCurrent");
    assert_int_equal(*nbytes, 2);
    memcpy(data, &(uint16_t){0x1234}, 2);
    return fake.get_error;
}

int efi_variable_room(uint32_t attributes, uint64_t *out_nbytes)
{
    assert_int_equal(attributes, REPORT_ATTRIBUTES);
    *out_nbytes = fake.room;
    return fake.room_error;
}

int efi_time_get(struct efi_time *out_time)
{
    (void)out_time;
    return -EIO;
}

const char *panic_reason(void)
{
    return "PANIC: the reason";
}

void efi_runtime_reset(bool off)
{
    assert_false(off);
    fake.efi_resets++;
}

void power_reboot(void)
{
    longjmp(fake.reboot, 1);
}

static int set_up(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof(fake));
    fake.fail_from = ~0u;
    fake.room = 60000;
    info = (struct bootinfo){
        .report = {.id = 77, .number = 5, .mode = BOOTINFO_REPORT_NOW},
        .framebuffer = {.format = BOOTINFO_PIXEL_BGRX},
    };
    return 0;
}

static void begin(void)
{
    report_keep_init(&info);
    report_keep_line(REPORT_KIND_OTHER, "ok 1 good\n", 10);
    report_keep_line(REPORT_KIND_FAILED, "not ok 2 bad\n", 13);
    report_keep_line(REPORT_KIND_VERDICT, "# firstlight: verdict=FAIL\n", 27);
}

/* True if the machine was restarted. */
static bool finish(enum report_action action)
{
    if (setjmp(fake.reboot))
        return true;
    report_keep_finish(action);
    return false;
}

static struct report_header header_of(const struct stored *variable)
{
    struct report_header header;

    memcpy(&header, variable->data, sizeof(header));
    return header;
}

#define SAID(text) assert_non_null(strstr(fake.log, text))

/* First of all, as the buffers are kept from test to test like in a machine that never had any. */
static void off_is_nothing(void **state)
{
    (void)state;
    info.report.mode = BOOTINFO_REPORT_OFF;
    begin();
    assert_false(finish(REPORT_POWER_OFF));
    assert_int_equal(fake.sets, 0);
    assert_string_equal(fake.log, "");
}

static void now(void **state)
{
    struct report_header header;

    (void)state;
    begin();
    assert_true(finish(REPORT_POWER_OFF));
    assert_int_equal(fake.nvariables, 2);
    assert_string_equal(fake.variables[0].name, "BootNext");
    assert_memory_equal(fake.variables[0].data, "\x34\x12", 2);
    assert_string_equal(fake.variables[1].name, "FirstlightReport0");
    header = header_of(&fake.variables[1]);
    assert_int_equal(header.magic, REPORT_MAGIC);
    assert_int_equal(header.id, 77);
    assert_int_equal(header.number, 5);
    assert_int_equal(header.count, 1);
    assert_int_equal(header.action, REPORT_POWER_OFF);
    assert_int_equal(header.stay, 300);
    assert_int_equal(header.nbytes, fake.variables[1].nbytes - sizeof(header));
    assert_memory_equal(fake.variables[1].data + sizeof(header),
                        "# firstlight: verdict=FAIL\nnot ok 2 bad\nok 1 good\n", header.nbytes);
    SAID("reports\\0005.txt");
    SAID("start from this stick by hand");
    assert_int_equal(fake.waited_ns, 5000000000ULL);
    assert_int_equal(fake.efi_resets, 1);
}

static void next(void **state)
{
    (void)state;
    info.report.mode = BOOTINFO_REPORT_NEXT;
    begin();
    assert_false(finish(REPORT_POWER_OFF));
    assert_int_equal(fake.nvariables, 1);
    assert_int_equal(header_of(&fake.variables[0]).action, REPORT_GO_ON);
    SAID("complete after the next start");
}

/* after=shell and after=halt: the machine is still needed. */
static void nothing_restarts_what_is_to_stay(void **state)
{
    (void)state;
    begin();
    assert_false(finish(REPORT_GO_ON));
    assert_int_equal(fake.nvariables, 1);
}

static void boot_next_that_is_refused(void **state)
{
    (void)state;
    begin();
    fake.get_error = -ENOENT;
    assert_false(finish(REPORT_REBOOT));
    assert_int_equal(fake.nvariables, 1);
    assert_int_equal(header_of(&fake.variables[0]).action, REPORT_GO_ON);
    SAID("takes no order");
}

/* It goes once the verdict is safe, however that ended, and not while the row goes on. */
static void the_count_of_boots(void **state)
{
    static const char *const rows[] = {NULL, "0", "1/3", "3/3"};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        set_up(NULL);
        fake.row = rows[i];
        begin();
        assert_true(finish(REPORT_POWER_OFF));
        assert_int_equal(fake.counts_deleted, i >= 2);
        assert_int_equal(fake.kept_before, i >= 2 ? 2 : 0);
        begin();
        assert_true(finish(REPORT_REBOOT));
        assert_int_equal(fake.counts_deleted, i >= 2);
    }
    fake.fail_from = 1;
    fake.count_error = -ENOENT;
    begin();
    assert_false(finish(REPORT_POWER_OFF));
    assert_int_equal(fake.counts_deleted, 2);
    assert_null(strstr(fake.log, "goes on in this row"));
    fake.count_error = -EIO;
    begin();
    assert_false(finish(REPORT_POWER_OFF));
    SAID("goes on in this row");
}

/* The verdict cannot be stored: there is nothing to restart for, and BootNext goes again. */
static void store_that_fails(void **state)
{
    (void)state;
    begin();
    fake.fail_from = 2;
    assert_false(finish(REPORT_POWER_OFF));
    assert_int_equal(fake.nvariables, 0);
    SAID("not kept");
}

/* 5 KiB and a whole variable must fit. */
static void store_that_is_nearly_full(void **state)
{
    (void)state;
    for (fake.room = 0; fake.room < REPORT_KEEP_FREE + 1024 + 128; fake.room += 64) {
        begin();
        assert_false(finish(REPORT_POWER_OFF));
        assert_int_equal(fake.nvariables, 0);
    }
    fake.room = REPORT_KEEP_FREE + 1024 + 128;
    begin();
    assert_true(finish(REPORT_POWER_OFF));
}

static void room_that_is_unknown(void **state)
{
    (void)state;
    fake.room_error = -EIO;
    begin();
    assert_false(finish(REPORT_POWER_OFF));
    assert_int_equal(fake.nvariables, 0);
    SAID("not kept");
}

static void long_text(unsigned nlines)
{
    char line[64];

    for (unsigned i = 0; i < nlines; i++) {
        int n = snprintf(line, sizeof(line), "ok %u this is one of many results\n", i);

        report_keep_line(REPORT_KIND_OTHER, line, (size_t)n);
    }
}

/* Four variables and no more, of 1,024 bytes and no more; their text ends with a whole line. */
static void a_long_report_is_cut(void **state)
{
    (void)state;
    info.report.mode = BOOTINFO_REPORT_NEXT;
    begin();
    long_text(500);
    assert_false(finish(REPORT_POWER_OFF));
    assert_int_equal(fake.nvariables, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(fake.variables[i].nbytes <= 1024);
        assert_int_equal(header_of(&fake.variables[i]).index, i);
        assert_int_equal(header_of(&fake.variables[i]).count, 4);
    }
    assert_int_equal(fake.variables[3].data[fake.variables[3].nbytes - 1], '\n');
}

static void room_for_two(void **state)
{
    (void)state;
    info.report.mode = BOOTINFO_REPORT_NEXT;
    fake.room = REPORT_KEEP_FREE + 2 * (1024 + 128) + 100;
    begin();
    long_text(500);
    assert_false(finish(REPORT_POWER_OFF));
    assert_int_equal(fake.nvariables, 2);
    assert_int_equal(header_of(&fake.variables[0]).count, 2);
}

/* The first has the verdict: what comes after that is worth a restart, too. */
static void second_part_that_fails(void **state)
{
    (void)state;
    begin();
    long_text(500);
    fake.fail_from = 3;
    assert_true(finish(REPORT_POWER_OFF));
    assert_int_equal(fake.nvariables, 2);
    SAID("keeps 1 of 4 parts");
}

/* The loader could write no file. Only where no screen shows the verdict is it stored. */
static void without_a_file(void **state)
{
    (void)state;
    info.report.number = 0;
    begin();
    assert_false(finish(REPORT_POWER_OFF));
    assert_int_equal(fake.sets, 0);
    SAID("cannot be written");
    info.framebuffer.format = BOOTINFO_PIXEL_NONE;
    begin();
    assert_true(finish(REPORT_POWER_OFF));
    assert_int_equal(header_of(&fake.variables[1]).number, 0);
}

/* Also after the verdict, in whose place the panic comes. Once only. */
static void panic_is_a_verdict(void **state)
{
    static const char text[] = "# firstlight: verdict=PANIC\n# PANIC: the reason\nnot ok 2 bad\n";

    (void)state;
    begin();
    report_keep_panic();
    assert_int_equal(fake.nvariables, 1);
    assert_memory_equal(fake.variables[0].data + sizeof(struct report_header), text,
                        sizeof(text) - 1);
    assert_int_equal(header_of(&fake.variables[0]).action, REPORT_GO_ON);
    assert_string_equal(fake.log, "");
    report_keep_panic();
    assert_int_equal(fake.nvariables, 1);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(off_is_nothing),
        TEST(now),
        TEST(next),
        TEST(nothing_restarts_what_is_to_stay),
        TEST(boot_next_that_is_refused),
        TEST(the_count_of_boots),
        TEST(store_that_fails),
        TEST(store_that_is_nearly_full),
        TEST(room_that_is_unknown),
        TEST(a_long_report_is_cut),
        TEST(room_for_two),
        TEST(second_part_that_fails),
        TEST(without_a_file),
        TEST(panic_is_a_verdict),
    };

    return cmocka_run_group_tests_name("report_keep", tests, NULL, NULL);
}
