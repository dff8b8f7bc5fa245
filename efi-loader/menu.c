/* SPDX-License-Identifier: MIT */
/*
 * The keys before the start: P another plan, S a shell afterwards, M memory test, R last report.
 *
 * A countdown of ask= seconds (3) runs until the first key; each key that means something is
 * answered, and then there is more time for another one. Any other key starts at once.
 *
 * Choices become words at the end of the command line, where they win over those of boot.cfg; a
 * plan is a file's name, as plan.txt is read by the loader as well.
 */
#include "efi-loader/menu.h"
#include "efi-loader/keys.h"
#include "efi-loader/log.h"
#include "kernel/lib/cfg.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "shared/linux/errno.h"

#define ASK_SECONDS   3
#define AGAIN_SECONDS 30  /* after a key: someone is there */
#define READ_SECONDS  600 /* for a page of a report */
#define ASK_MAX       600
#define MAX_PLANS     35 /* keys 1 to 9 and a to z */
#define MAX_REPORT    (1024 * 1024)
#define PAGE_LINES    22
#define LINE_LENGTH   100
#define MEMORY_WORDS  "plan=/etc/firstlight/memory.plan stop=key limit=%u"
#define MEMORY_HOURS  8 /* where no number is typed: a night */
#define HOUR          3600
#define REPORTS       "reports"
#define REPORT_DIGITS 4

/* --- names in a directory --- */

struct names {
    const char *suffix;
    char found[MAX_PLANS][FILES_NAME];
    unsigned count;
};

/* FAT keeps no case that anyone could rely on. */
static bool ends_with(const char *name, const char *suffix)
{
    size_t length = strlen(name), nsuffix = strlen(suffix);

    if (length <= nsuffix)
        return false;
    for (size_t i = 0; i < nsuffix; i++) {
        char c = name[length - nsuffix + i];

        if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != suffix[i])
            return false;
    }
    return true;
}

/* Kept in order, so that a key means the same at every start. */
static bool name_insert(void *argument, const char *name)
{
    struct names *names = argument;
    unsigned at = names->count;

    if (!ends_with(name, names->suffix))
        return true;
    for (; at > 0 && strcmp(names->found[at - 1], name) > 0; at--)
        memcpy(names->found[at], names->found[at - 1], FILES_NAME);
    str_copy(names->found[at], FILES_NAME, name);
    names->count++;
    return names->count < MAX_PLANS;
}

/* 0001.txt and so on: no file that a person has put beside them. */
static bool is_report(const char *name, const char *suffix)
{
    for (unsigned i = 0; i < REPORT_DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
    }
    return strlen(name) == REPORT_DIGITS + strlen(suffix) && ends_with(name, suffix);
}

/* The last in order, as leading zeroes make it that of the numbers. */
static bool name_last(void *argument, const char *name)
{
    struct names *names = argument;

    if (is_report(name, names->suffix) &&
        (names->count == 0 || strcmp(name, names->found[0]) > 0)) {
        str_copy(names->found[0], FILES_NAME, name);
        names->count = 1;
    }
    return true;
}

/* --- what the keys do --- */

/* False, and nothing has changed: there was no room. */
static bool words_append(struct menu *menu, const char *words)
{
    if (!cfg_append(menu->cmdline, menu->capacity, words, strlen(words)))
        return true;
    log_line("boot.cfg leaves no room for: %s", words);
    return false;
}

/* The kernel knows PS/2 keyboards alone, and the serial line: where the machine has neither no key
 * can end the test, so that it always ends by itself as well. */
static bool memory_choose(struct menu *menu, struct files *files)
{
    char words[sizeof(MEMORY_WORDS) + 16];
    unsigned hours = MEMORY_HOURS;
    int key;

    files_watchdog_off(files);
    log_show("For how many hours? 1 to 9, any other key: 8 ");
    key = keys_wait(AGAIN_SECONDS * 1000);
    log_show("\n");
    if (key >= '1' && key <= '9')
        hours = (unsigned)(key - '0');
    fmt_print(words, sizeof(words), MEMORY_WORDS, hours * HOUR);
    if (!words_append(menu, words))
        return false;
    menu->plan[0] = '\0'; /* whatever was chosen before */
    log_line("memory test for %u hours, or until a key of a PS/2 keyboard or of the serial line",
             hours);
    return true;
}

static void plan_choose(struct menu *menu, struct files *files)
{
    static struct names names;
    char line[FILES_NAME + 16];
    unsigned chosen;
    int key;

    names = (struct names){.suffix = ".plan"};
    if (files_list(files, NULL, name_insert, &names) || names.count == 0) {
        log_show("No file in \\firstlight ends in .plan.\n");
        return;
    }
    for (unsigned i = 0; i < names.count; i++) {
        fmt_print(line, sizeof(line), "  %c  %s\n", i < 9 ? '1' + (int)i : 'a' + (int)i - 9,
                  names.found[i]);
        log_show(line);
    }
    files_watchdog_off(files);
    log_show("Which one? ");
    key = keys_wait(AGAIN_SECONDS * 1000);
    log_show("\n");
    chosen = key >= '1' && key <= '9'   ? (unsigned)key - '1'
             : key >= 'a' && key <= 'z' ? (unsigned)key - 'a' + 9
                                        : MAX_PLANS;
    if (chosen >= names.count) {
        log_show("None.\n");
        return;
    }
    str_copy(menu->plan, sizeof(menu->plan), names.found[chosen]);
    log_line("plan: %s", menu->plan);
}

/* Control characters would move the cursor; what is no ASCII the console may not have. */
static void report_print(const char *text, size_t length)
{
    char line[LINE_LENGTH + 2];
    unsigned lines = 0;

    for (size_t i = 0; i < length;) {
        size_t n = 0;

        for (; i < length && text[i] != '\n' && n < LINE_LENGTH; i++) {
            if (text[i] != '\r')
                line[n++] = text[i] >= ' ' && text[i] < 0x7f ? text[i] : '?';
        }
        i += i < length && text[i] == '\n';
        line[n] = '\n';
        line[n + 1] = '\0';
        log_show(line);
        if (++lines % PAGE_LINES || i >= length)
            continue;
        log_show("-- a key for more, Q to end --");
        int key = keys_wait(READ_SECONDS * 1000);
        log_show("\r                              \r");
        if (key == 'q' || key == 27 || key == KEYS_NONE)
            return;
    }
}

static void report_show(struct files *files, struct memory *memory)
{
    static struct names names;
    char path[FILES_NAME + sizeof(REPORTS)];
    struct bootinfo_extent text;

    names = (struct names){.suffix = ".txt"};
    if (files_list(files, REPORTS, name_last, &names) || names.count == 0) {
        log_show("There is no report in \\firstlight\\" REPORTS ".\n");
        return;
    }
    fmt_print(path, sizeof(path), "%s\\%s", REPORTS, names.found[0]);
    if (files_read(files, memory, path, MAX_REPORT, BOOTINFO_LOADER, &text)) {
        log_line("%s: cannot be read", path);
        return;
    }
    files_watchdog_off(files);
    report_print((const char *)(uintptr_t)text.base, text.size);
}

/* --- the countdown --- */

static unsigned ask_seconds(const char *cmdline)
{
    char value[8];
    unsigned seconds = 0;

    if (!cfg_find(cmdline, "ask", value, sizeof(value)))
        return keys_attended() ? ASK_SECONDS : 0;
    for (const char *c = value; *c >= '0' && *c <= '9'; c++)
        seconds = seconds * 10 + (unsigned)(*c - '0');
    return MIN(seconds, ASK_MAX);
}

static int countdown(unsigned seconds)
{
    char line[64];
    int key = KEYS_NONE;

    for (; seconds > 0 && key == KEYS_NONE; seconds--) {
        fmt_print(line, sizeof(line), "\rStarting in %u s ... ", seconds);
        log_show(line);
        key = keys_wait(1000);
    }
    log_show("\n");
    return key;
}

void menu_ask(struct menu *menu, struct files *files, struct memory *memory)
{
    unsigned seconds = ask_seconds(menu->cmdline);

    if (seconds == 0)
        return;
    keys_drop();
    log_show("Keys: P choose a plan, S shell afterwards, M memory test, R last report,\n"
             "      any other starts at once\n");
    for (;;) {
        files_watchdog_off(files);
        switch (countdown(seconds)) {
        case 'p':
            plan_choose(menu, files);
            break;
        case 's':
            if (words_append(menu, "after=shell"))
                log_line("a shell follows the plan");
            break;
        case 'm':
            if (memory_choose(menu, files))
                return;
            break;
        case 'r':
            report_show(files, memory);
            break;
        default:
            return;
        }
        seconds = AGAIN_SECONDS;
    }
}
