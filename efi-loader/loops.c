/* SPDX-License-Identifier: MIT */
/*
 * The count of boots, in an EFI variable.
 *
 * The variable holds the number of the last boot that was begun, and a hash of the command line: a
 * stick with other words, or the same one after an edit, begins at 1. It is written before the
 * kernel starts, so a boot that hangs or resets counts, and deleted when the last boot begins, so
 * the next start by a person begins at 1 again. The kernel deletes it, where it can, when a FAIL or
 * a key ends the row. One that ended otherwise (the power, a panic) goes on where it was at the
 * next start with the same words.
 *
 * One small write each boot, and none when the store would be left with less than 5 KiB: some
 * firmware does not start any more with a full one. What was written is read back; firmware that
 * keeps variables only until the reset is not found out by that.
 */
#include "efi-loader/loops.h"
#include "efi-loader/log.h"
#include "kernel/lib/cfg.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "shared/linux/errno.h"
#include "shared/report.h"

#define DEFAULT_BOOTS 2 /* "once more" */
#define MAX_BOOTS     1000000u
#define MIN_LEFT      (5 * 1024)
#define ATTRIBUTES                                                                                 \
    (EFI_VARIABLE_NON_VOLATILE | EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS)

struct count {
    uint32_t boots; /* begun so far */
    uint32_t hash;  /* of the command line */
};

static CHAR16 the_name[] = REPORT_BOOTS_NAME;
static EFI_GUID the_guid = REPORT_GUID;

/* FNV-1a: tells command lines apart, no more. */
static uint32_t hash_of(const char *text)
{
    uint32_t hash = 2166136261u;

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619u;
    return hash;
}

/* What is not a plain number is no loop: one boot. */
static uint32_t boots_wanted(const char *cmdline)
{
    char word[CFG_WORD_MAX + 1];
    uint32_t number = 0;

    if (!cfg_find(cmdline, "loops", word, sizeof(word)))
        return DEFAULT_BOOTS;
    for (const char *c = word; *c; c++) {
        if (*c < '0' || *c > '9')
            return 1;
        number = MIN(number * 10 + (uint32_t)(*c - '0'), MAX_BOOTS);
    }
    return number ? number : 1;
}

static bool count_read(EFI_RUNTIME_SERVICES *rt, struct count *count)
{
    UINTN nbytes = sizeof(*count);

    return !EFI_ERROR(rt->GetVariable(the_name, &the_guid, NULL, &nbytes, count)) &&
           nbytes == sizeof(*count);
}

static bool has_room(EFI_RUNTIME_SERVICES *rt)
{
    UINT64 all, left, largest;

    return !EFI_ERROR(rt->QueryVariableInfo(ATTRIBUTES, &all, &left, &largest)) &&
           left >= MIN_LEFT + sizeof(struct count) && largest >= sizeof(struct count);
}

/* Whether it is certain to be found again, as far as can be seen before the reset. */
static bool count_write(EFI_RUNTIME_SERVICES *rt, struct count count)
{
    struct count found;

    if (!has_room(rt) ||
        EFI_ERROR(rt->SetVariable(the_name, &the_guid, ATTRIBUTES, sizeof(count), &count)))
        return false;
    return count_read(rt, &found) && found.boots == count.boots && found.hash == count.hash;
}

int loops_count(EFI_RUNTIME_SERVICES *rt, char *cmdline, size_t capacity)
{
    struct count count = {0, hash_of(cmdline)}, before;
    uint32_t boots = boots_wanted(cmdline);
    char word[32];
    bool counted = true;

    if (!cfg_find(cmdline, "after", word, sizeof(word)) || strcmp(word, "reboot") != 0)
        return 0;
    if (count_read(rt, &before) && before.hash == count.hash && before.boots < boots)
        count.boots = before.boots;
    count.boots++;
    /* The last one is not followed by another: deleting may fail, and then that is so once more. */
    if (count.boots < boots)
        counted = count_write(rt, count);
    else if (boots > 1)
        rt->SetVariable(the_name, &the_guid, ATTRIBUTES, 0, NULL);
    if (counted)
        fmt_print(word, sizeof(word), "boot=%u/%u", count.boots, boots);
    else
        fmt_print(word, sizeof(word), "boot=0");
    log_line("%s", counted ? word
                           : "boots cannot be counted: the store of EFI variables is full "
                             "or does not work");
    if (cfg_append(cmdline, capacity, word, strlen(word))) {
        log_refuse(REFUSE_OPTIONS_SIZE, "command line: no room for the count of boots: shorten it");
        return -E2BIG;
    }
    return 0;
}
