/* SPDX-License-Identifier: MIT */
/*
 * A report's life:
 *
 *   begun       NUMBER.txt says what machine this is, and WAITING in its last line; NUMBER.xml has
 *               an error. A kernel that dies leaves it so.
 *   (kernel)    puts its verdict into EFI variables, with number and id of the report.
 *   completed   at the next start from this stick: results follow, the last line before them says
 *               COMPLETE, the variables are deleted, and the machine ends if the kernel has
 *               restarted it for that alone.
 *
 * The id keeps apart what does not belong together: variables of another stick find no report here
 * and get one of their own, and never end the machine. So do those of a start at which nothing
 * could be written, if that is possible now. Variables that cannot be deleted find a report that is
 * complete already, and are left alone. Where the file cannot be written the verdict is shown all
 * the same, and its variables wait for another start, without ending that one.
 */
#include "efi-loader/report.h"

#include "efi-loader/cpu.h"
#include "efi-loader/handover.h"
#include "efi-loader/junit.h"
#include "efi-loader/log.h"
#include "efi-loader/report_file.h"
#include "efi-loader/report_head.h"
#include "efi-loader/seed.h"
#include "efi-loader/verdict.h"
#include "kernel/lib/cfg.h"
#include "kernel/lib/string.h"
#include "shared/linux/errno.h"

/* The second takes the place of the first. */
#define WAITING  "kernel started, no verdict yet\n"
#define COMPLETE "results, the failed ones first\n"
_Static_assert(sizeof(WAITING) == sizeof(COMPLETE), "written over each other");

#define FOREIGN                                                                                    \
    "This verdict was found in the variables of this machine's firmware. It belongs to a report\n" \
    "of another stick, or to one that is no longer here.\n\n"

#define TEXT_CAPACITY (16384 + INVENTORY_CAPACITY)
/* The shortest lines, and lines of nothing but quotes, grow to less than that. */
#define XML_CAPACITY   65536
#define SHOWN_FAILURES 12 /* a console has 25 lines */

#define SECONDS_TO_REBOOT     10u
#define SECONDS_AFTER_FAILURE 600
#define TICKS_A_SECOND        10

enum merge {
    MERGE_OWN,     /* the report of this stick is complete now */
    MERGE_FOREIGN, /* a new report has it */
    MERGE_AGAIN,   /* it was complete before */
    MERGE_NONE,    /* there never was a file for it, and there is none now */
    MERGE_FAILED,  /* the report of this stick cannot be written */
    MERGE_NOWHERE, /* nor can a new one for a verdict that is not this stick's */
};

static char the_text[TEXT_CAPACITY], the_xml[XML_CAPACITY];

static const char *reason_of(int err)
{
    switch (err) {
    case -EROFS:
        return "the boot volume is write-protected";
    case -ENOSPC:
        return "the boot volume is full";
    case -ENODEV:
        return "the loader came without a boot volume";
    case -ENFILE:
        return "all numbers are in use: delete old reports";
    default:
        return "the boot volume cannot be written";
    }
}

/* Both forms; the XML is worth less, and its failure only a line. */
static int both_create(struct files *files, uint32_t number, const struct text *text,
                       const char *results, size_t length)
{
    struct text xml;
    int err = report_file_create(files, number, "txt", text->bytes, text->used);

    if (err)
        return err;
    text_init(&xml, the_xml, sizeof(the_xml));
    junit_write(&xml, results, length);
    if (report_file_create(files, number, "xml", xml.bytes, xml.used))
        log_line("report: no JUnit file: %s", reason_of(-EIO));
    return 0;
}

static void results_add(struct text *text, const struct verdict *verdict)
{
    text_add_bytes(text, verdict->text, verdict->length);
    if (verdict->cut)
        text_add(text, "(the rest was not kept by the firmware)\n");
}

/* ---- Completing ------------------------------------------------------------------------------ */

/* Where in the file the results belong; -ENOENT: it is another boot's, or no place is left in it.
 * *done: it has them. */
static int place_find(const struct text *text, uint64_t id, size_t *place, bool *done)
{
    const char *position = text->bytes, *end = text->bytes + text->used, *line;
    char own[32];
    struct text id_line;
    bool same = false, found = false;
    size_t length;

    text_init(&id_line, own, sizeof(own));
    text_add(&id_line, "id: %016llx", (unsigned long long)id);
    while (!found && text_next_line(&position, end, &line, &length)) {
        same = same || (length == id_line.used && text_begins(line, length, own));
        *place = (size_t)(line - text->bytes);
        *done = text_begins(line, (size_t)(end - line), COMPLETE);
        found = *done || text_begins(line, (size_t)(end - line), WAITING);
    }
    return same && found ? 0 : -ENOENT;
}

static int foreign_write(struct files *files, const struct verdict *verdict)
{
    struct text text;
    uint32_t number;
    int err = report_file_number(files, &number);

    text_init(&text, the_text, sizeof(the_text));
    text_add(&text, "Firstlight, report %04u\n" FOREIGN, number);
    results_add(&text, verdict);
    return err ? err : both_create(files, number, &text, verdict->text, verdict->length);
}

/* First what is new, behind the last line, and only then that line: a file that says COMPLETE is.
 */
static int own_write(struct files *files, const struct verdict *verdict, size_t place)
{
    struct text text;
    int err;

    text_init(&text, the_text, sizeof(the_text));
    results_add(&text, verdict);
    err = report_file_write(files, verdict->number, place + sizeof(WAITING) - 1, text.bytes,
                            text.used);
    if (!err)
        err = report_file_write(files, verdict->number, place, COMPLETE, sizeof(COMPLETE) - 1);
    if (err)
        return err;
    text_init(&text, the_xml, sizeof(the_xml));
    junit_write(&text, verdict->text, verdict->length);
    if (report_file_create(files, verdict->number, "xml", text.bytes, text.used))
        log_line("report: no JUnit file: %s", reason_of(-EIO));
    return 0;
}

static enum merge merge(struct files *files, const struct verdict *verdict)
{
    struct text text = {.bytes = the_text};
    size_t place = 0;
    bool done = false, own;
    int err;

    if (verdict->number == 0)
        return foreign_write(files, verdict) ? MERGE_NONE : MERGE_FOREIGN;
    err = report_file_read(files, verdict->number, the_text, sizeof(the_text), &text.used);
    if (!err)
        err = place_find(&text, verdict->id, &place, &done);
    if (!err && done)
        return MERGE_AGAIN;
    own = err != -ENOENT;
    if (!err) {
        err = own_write(files, verdict, place);
        if (!err)
            return MERGE_OWN;
    } else if (!own) {
        err = foreign_write(files, verdict);
        if (!err)
            return MERGE_FOREIGN;
    }
    log_line("report: the verdict of the start before cannot be written: %s", reason_of(err));
    return own ? MERGE_FAILED : MERGE_NOWHERE;
}

/* ---- Showing --------------------------------------------------------------------------------- */

/* The kernel has cleaned these lines; a damaged variable may hold anything. */
static void line_show(const char *line, size_t length)
{
    char clean[200];
    size_t n = MIN(length, sizeof(clean) - 1);

    for (size_t i = 0; i < n; i++)
        clean[i] = (unsigned char)line[i] < 0x20 ? '?' : line[i];
    clean[n] = '\0';
    log_line("%s", clean);
}

static void colour_set(EFI_SYSTEM_TABLE *st, UINTN colour)
{
    if (st->ConOut)
        st->ConOut->SetAttribute(st->ConOut, colour);
}

/* The verdict line and the first failures: results are sorted that way. */
static void verdict_show(EFI_SYSTEM_TABLE *st, const struct verdict *verdict)
{
    const char *position = verdict->text, *line;
    unsigned shown = 0;
    size_t length;
    bool passed = false;

    while (text_next_line(&position, verdict->text + verdict->length, &line, &length)) {
        if (text_begins(line, length, "# firstlight: ")) {
            passed = text_begins(line, length, "# firstlight: verdict=PASS");
            colour_set(st, passed ? EFI_LIGHTGREEN : EFI_LIGHTRED);
            line_show(line + 14, length - 14);
        } else if (text_begins(line, length, "# ")) {
            line_show(line + 2, length - 2);
        } else if (text_begins(line, length, "not ok ") && shown++ < SHOWN_FAILURES) {
            line_show(line, length);
        }
    }
    if (shown > SHOWN_FAILURES)
        log_line("and %u more", shown - SHOWN_FAILURES);
    colour_set(st, EFI_LIGHTGRAY);
}

/* A key that was pressed before does not count. */
static void key_wait(EFI_SYSTEM_TABLE *st, unsigned seconds)
{
    EFI_INPUT_KEY key;

    st->BootServices->SetWatchdogTimer(0, 0, 0, NULL);
    if (st->ConIn)
        st->ConIn->Reset(st->ConIn, FALSE);
    for (unsigned i = 0; i < seconds * TICKS_A_SECOND; i++) {
        if (st->ConIn && !EFI_ERROR(st->ConIn->ReadKeyStroke(st->ConIn, &key)))
            return;
        st->BootServices->Stall(1000000 / TICKS_A_SECOND);
    }
}

/* Returns only where the firmware does not do it. */
static void machine_end(EFI_SYSTEM_TABLE *st, const struct verdict *verdict)
{
    bool again = verdict->action == REPORT_REBOOT;
    unsigned seconds = again ? MIN(verdict->stay, SECONDS_TO_REBOOT) : verdict->stay;

    if (seconds)
        log_line("press a key to %s; without one that is done in %u s",
                 again ? "restart the machine" : "switch the machine off", seconds);
    key_wait(st, seconds);
    st->RuntimeServices->ResetSystem(again ? EfiResetCold : EfiResetShutdown, EFI_SUCCESS, 0, NULL);
    log_line("this machine does not do that; at a key Firstlight starts again");
    key_wait(st, SECONDS_AFTER_FAILURE);
}

void report_complete(struct files *files, EFI_SYSTEM_TABLE *st)
{
    static struct verdict verdict;
    EFI_RUNTIME_SERVICES *rs = st->RuntimeServices;
    enum merge merged;
    int err = verdict_read(rs, &verdict);

    if (err == -ENOENT)
        return;
    if (err) {
        log_line("report: what is left of a verdict in the firmware's variables is damaged");
        err = verdict_delete(rs);
        return;
    }
    merged = merge(files, &verdict);
    if (merged == MERGE_FOREIGN || merged == MERGE_AGAIN || merged == MERGE_NOWHERE)
        verdict.action = REPORT_GO_ON;
    /* For its own stick it waits as it is. */
    if (merged != MERGE_NOWHERE)
        err = merged == MERGE_FAILED ? verdict_defer(rs) : verdict_delete(rs);
    if (err)
        log_line("report: the firmware does not let go of its variables");
    if (merged == MERGE_OWN)
        log_line("report: \\firstlight\\reports\\%04u.txt is complete", verdict.number);
    if (merged == MERGE_FOREIGN)
        log_line("report: a verdict of another stick is kept on this one");
    if (merged != MERGE_AGAIN) {
        log_line("report: an earlier start ended with this verdict:");
        verdict_show(st, &verdict);
    }
    if (verdict.action != REPORT_GO_ON)
        machine_end(st, &verdict);
}

/* ---- Beginning ------------------------------------------------------------------------------- */

/* In an emulator that is told the verdict, reports are for those who ask for them. */
static enum bootinfo_report_mode mode_of(const char *cmdline)
{
    char word[16];

    if (cfg_find(cmdline, "report", word, sizeof(word))) {
        if (!strcmp(word, "off"))
            return BOOTINFO_REPORT_OFF;
        if (!strcmp(word, "next"))
            return BOOTINFO_REPORT_NEXT;
        if (!strcmp(word, "now"))
            return BOOTINFO_REPORT_NOW;
        log_line("report=%s is not understood: now, next or off", word);
    }
    return cpu_has_debug_exit() ? BOOTINFO_REPORT_OFF : BOOTINFO_REPORT_NOW;
}

void report_begin(struct files *files, struct handover *handover)
{
    struct bootinfo_report *report = &handover->info->report;
    struct text text;
    uint8_t random[SEED_SIZE];
    int err;

    report->mode = mode_of(handover->payload->cmdline);
    if (report->mode == BOOTINFO_REPORT_OFF)
        return;
    if (handover->inventory.hung) {
        log_line("report: none is kept: a driver of the firmware did not come back, and the stick "
                 "may be behind it");
        return;
    }
    seed_collect(handover->st->BootServices, handover->features.rdrand, random);
    memcpy(&report->id, random, sizeof(report->id));
    err = report_file_number(files, &report->number);
    /* Whatever a machine has to say of itself, the last line has room. */
    text_init(&text, the_text, sizeof(the_text) - sizeof(WAITING));
    report_head_write(&text, handover->st, handover->info, handover->payload->cmdline);
    if (handover->inventory.text) {
        text_add(&text, "inventory:\n");
        text_add_bytes(&text, handover->inventory.text, handover->inventory.nbytes);
        text_add(&text, "\n");
    }
    text.size = sizeof(the_text);
    text_add(&text, WAITING);
    if (!err)
        err = both_create(files, report->number, &text, "", 0);
    if (!err)
        return;
    report->number = 0;
    log_line("report: none is kept: %s", reason_of(err));
}
