/* SPDX-License-Identifier: MIT */
/*
 * From the verdict to EFI variables, and to the restart that completes the report.
 *
 * Lines are collected as they are printed, failed ones apart; both buffers are allocated before the
 * first test, as its frames are counted. At the end the text is put together so that whatever is
 * cut is worth least: the verdict, then what failed, then the rest.
 *
 * Order at the end: BootNext, variables, restart. BootNext comes first, since its failure decides
 * what the variables say is to follow. It is taken back if the first variable cannot be written:
 * then there is nothing to restart for. The count of boots goes when the verdict is safe.
 */
#include "kernel/selftest/report_keep.h"

#include "kernel/core/clock.h"
#include "kernel/core/cmdline.h"
#include "kernel/core/output.h"
#include "kernel/core/panic.h"
#include "kernel/lib/klog.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/plat/efi_runtime.h"
#include "kernel/plat/power.h"
#include "kernel/sched/waitq.h"
#include "shared/linux/errno.h"

#define TEXT_MAX (REPORT_VARIABLES * REPORT_VARIABLE_TEXT)

/* What a variable costs the firmware besides its contents: header, name, alignment. */
#define VARIABLE_OVERHEAD 128

/* Seconds for which a verdict stays where nothing else is said: stay=. */
#define STAY_DEFAULT 600

/* For a person to read what is about to happen. */
#define NOTICE_NS 5000000000ULL

struct kept_text {
    size_t nbytes;
    char *bytes; /* TEXT_MAX */
};

static const struct bootinfo *info; /* NULL: nothing is kept */
static struct kept_text kept[REPORT_KIND_OTHER + 1];

static const struct efi_guid report_guid = REPORT_GUID, global_guid = EFI_GLOBAL_VARIABLE;

COLD void report_keep_init(const struct bootinfo *bootinfo)
{
    if (bootinfo->report.mode == BOOTINFO_REPORT_OFF)
        return;
    info = bootinfo;
    for (unsigned i = 0; i < ARRAY_SIZE(kept); i++) {
        kept[i] = (struct kept_text){.bytes = kmalloc(TEXT_MAX)};
        if (!kept[i].bytes)
            info = NULL;
    }
}

/* Whole lines only; those that do not fit are left out. */
void report_keep_line(enum report_kind kind, const char *line, size_t nbytes)
{
    struct kept_text *text = &kept[kind];

    if (!text->bytes || nbytes > TEXT_MAX - text->nbytes)
        return;
    memcpy(text->bytes + text->nbytes, line, nbytes);
    text->nbytes += nbytes;
}

/* The verdict's buffer takes the others behind it, cut at the end of a line. */
static const struct kept_text *text_join(void)
{
    struct kept_text *all = &kept[REPORT_KIND_VERDICT];

    for (unsigned i = REPORT_KIND_FAILED; i < ARRAY_SIZE(kept); i++) {
        size_t room = TEXT_MAX - all->nbytes, n = kept[i].nbytes;

        if (n > room)
            for (n = room; n && kept[i].bytes[n - 1] != '\n'; n--)
                ;
        memcpy(all->bytes + all->nbytes, kept[i].bytes, n);
        all->nbytes += n;
    }
    return all;
}

static int variable_write(unsigned index, unsigned count, enum report_action action,
                          const char *bytes, size_t nbytes)
{
    uint16_t name[] = REPORT_VARIABLE_NAME u"0";
    struct {
        struct report_header header;
        char text[REPORT_VARIABLE_TEXT];
    } variable = {
        .header = {.magic = REPORT_MAGIC,
                   .index = (uint8_t)index,
                   .count = (uint8_t)count,
                   .action = (uint8_t)action,
                   .id = info->report.id,
                   .number = info->report.number,
                   .nbytes = (uint32_t)nbytes,
                   .stay = (uint32_t)MIN(cmdline_number("stay", STAY_DEFAULT), UINT32_MAX)}};

    name[ARRAY_SIZE(name) - 2] = (uint16_t)('0' + index);
    memcpy(variable.text, bytes, nbytes);
    return efi_variable_set(name, &report_guid, REPORT_ATTRIBUTES, &variable,
                            sizeof(variable.header) + nbytes);
}

/* How many variables of full size may be written. Where the firmware does not say how much room
 * there is, none: a store that is filled up keeps some machines from starting. */
static unsigned variables_allowed(void)
{
    uint64_t room, each = REPORT_VARIABLE_SIZE + VARIABLE_OVERHEAD;

    if (efi_variable_room(REPORT_ATTRIBUTES, &room) || room < REPORT_KEEP_FREE)
        return 0;
    return (unsigned)MIN((room - REPORT_KEEP_FREE) / each, REPORT_VARIABLES);
}

struct parts {
    unsigned count, written;
};

/* As many as may be; 0 if the first one is stored, which has the verdict. */
static int variables_write(const struct kept_text *text, enum report_action action,
                           struct parts *parts)
{
    unsigned allowed = variables_allowed();
    size_t nbytes = MIN(text->nbytes, allowed * REPORT_VARIABLE_TEXT);
    int err = allowed ? 0 : -ENOSPC;

    parts->count = (unsigned)((nbytes + REPORT_VARIABLE_TEXT - 1) / REPORT_VARIABLE_TEXT);
    for (parts->written = 0; parts->written < parts->count; parts->written++) {
        size_t at = parts->written * REPORT_VARIABLE_TEXT;

        err = variable_write(parts->written, parts->count, action, text->bytes + at,
                             MIN(nbytes - at, REPORT_VARIABLE_TEXT));
        if (err)
            break;
    }
    return parts->written ? 0 : err;
}

static void boot_next_delete(void)
{
    if (efi_variable_set(u"BootNext", &global_guid, REPORT_ATTRIBUTES, NULL, 0))
        klog("report: the machine still starts from this stick next time");
}

/* The same boot option again, once. */
static int boot_next_set(void)
{
    uint16_t option;
    size_t nbytes = sizeof(option);
    int err = efi_variable_get(u"BootCurrent", &global_guid, &option, &nbytes, NULL);

    if (!err)
        err = efi_variable_set(u"BootNext", &global_guid, REPORT_ATTRIBUTES, &option, nbytes);
    if (err)
        klog("report: the firmware takes no order for the next start (error %d): start from this "
             "stick once more and the report is complete",
             -err);
    return err;
}

/* After the variables, as the clock of some firmware faults: nothing but the way of the restart
 * depends on the services now. */
static void time_log(void)
{
    struct efi_time time;

    if (!efi_time_get(&time))
        klog("report: stored at %04u-%02u-%02u %02u:%02u:%02u of the firmware's clock", time.year,
             time.month, time.day, time.hour, time.minute, time.second);
}

NORETURN static void restart(void)
{
    struct waitq nothing;

    klog("report: this machine now starts from this stick again, writes the report to "
         "\\firstlight\\reports\\%04u.txt and shows the verdict once more.",
         info->report.number);
    klog("report: if anything else starts, the firmware does not follow: start from this stick by "
         "hand, the report is kept until then.");
    output_flush();
    waitq_init(&nothing);
    while (waitq_wait(&nothing, NULL, clock_monotonic_ns() + NOTICE_NS) != -ETIMEDOUT)
        ;
    efi_runtime_reset(false);
    output_flush(); /* why it came back */
    power_reboot();
}

/* A row of boots that goes no further is not to go on when a person starts the machine. */
COLD static void boots_delete(void)
{
    char word[24];
    int err;

    if (!cmdline_find("boot", word, sizeof(word)) || *word == '0')
        return;
    err = efi_variable_set(REPORT_BOOTS_NAME, &report_guid, REPORT_ATTRIBUTES, NULL, 0);
    if (err && err != -ENOENT)
        klog("reboot: the next start goes on in this row, as its count stays (error %d)", -err);
}

/* Without a report file there is nothing to complete: the loader has said why. Where there is no
 * screen either, the firmware's console is the only one, and worth the restart. False: nothing is
 * stored. *now: in the end, whether to restart. */
COLD static bool report_store(enum report_action action, bool *now)
{
    struct parts parts;
    int err;

    if (!info->report.number && (!*now || info->framebuffer.format != BOOTINFO_PIXEL_NONE)) {
        klog("report: not kept: the boot volume cannot be written");
        return false;
    }
    *now = *now && !boot_next_set();
    err = variables_write(text_join(), *now ? action : REPORT_GO_ON, &parts);
    if (err) {
        klog("report: not kept: the firmware has no room for it or refuses it (error %d)", -err);
        if (*now)
            boot_next_delete();
        return false;
    }
    if (parts.written < parts.count)
        klog("report: the firmware keeps %u of %u parts", parts.written, parts.count);
    return true;
}

COLD void report_keep_finish(enum report_action action)
{
    bool now = info && info->report.mode == BOOTINFO_REPORT_NOW && action != REPORT_GO_ON;
    bool stored = info && report_store(action, &now);

    if (action != REPORT_REBOOT)
        boots_delete();
    if (!stored)
        return;
    time_log();
    if (now)
        restart();
    klog("report: complete after the next start from this stick");
}

/* Nothing is logged and nothing waited for. A service that hangs now costs nothing: the machine is
 * at its end. Restarted it is not, as the screen has more of the panic than a report. */
void report_keep_panic(void)
{
    static const char verdict[] = "# firstlight: verdict=PANIC\n# ";
    static bool tried; /* a panic in here is the last */
    struct parts parts;

    if (!info || !info->report.number || tried)
        return;
    tried = true;
    kept[REPORT_KIND_VERDICT].nbytes = 0;
    report_keep_line(REPORT_KIND_VERDICT, verdict, sizeof(verdict) - 1);
    report_keep_line(REPORT_KIND_VERDICT, panic_reason(), strlen(panic_reason()));
    report_keep_line(REPORT_KIND_VERDICT, "\n", 1);
    (void)variables_write(text_join(), REPORT_GO_ON, &parts);
}
