/* SPDX-License-Identifier: MIT */
/*
 * check disks - what the disks said of their health before the start
 *
 * The loader has asked them by the firmware's drivers and left the answers in a file. A disk fails
 * by what it says itself: warnings, a threshold that is exceeded, blocks that cannot be read. It is
 * named by model and serial number, as it is on its label. Skipped where no disk has said anything.
 *
 * Wear is a warning: an SSD past the writes it is sold for may go on for years, and its maker's
 * number for that goes beyond 100 (NVM Express Base Specification 1.4, figure 194).
 *
 * --inventory=FILE instead of the loader's; --fault=WORD as if the first disk had said that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rootfs/usr/src/check/check.h"
#include "rootfs/usr/src/check/json.h"

#define INVENTORY      "/run/firstlight/inventory.json"
#define INVENTORY_SIZE 65536
#define NAME_SIZE      200
#define KELVIN         273
#define FLICKERS       "MX500SSD" /* in the model's name */

/* NVM Express Base Specification 1.4, figure 194: critical warning. */
static const char *const warnings[] = {
    "the spare blocks are used up",
    "it is too hot, or too cold",
    "it is no longer reliable",
    "it has become read-only",
    "its backup of volatile memory has failed",
    "its persistent memory region is unreliable",
    "an unknown warning (bit 6)",
    "an unknown warning (bit 7)",
};

static char the_text[INVENTORY_SIZE];
static const char *fault; /* NULL: none */

static bool is_faked(const char *word)
{
    return fault && strcmp(fault, word) == 0;
}

/* "QEMU NVMe Ctrl, serial number 1234 (disk 1, nvme)" */
static const char *disk_name(const char *disk)
{
    static char name[NAME_SIZE];
    char model[60], serial[60], bus[20];

    json_string(json_member(disk, "model"), model, sizeof(model));
    json_string(json_member(disk, "serial"), serial, sizeof(serial));
    json_string(json_member(disk, "bus"), bus, sizeof(bus));
    snprintf(name, sizeof(name), "%s%s%s (disk %llu, %s)", model[0] ? model : "no model",
             serial[0] ? ", serial number " : "", serial,
             (unsigned long long)json_number(json_member(disk, "number"), 0), bus);
    return name;
}

static bool bad(const char *disk, const char *what)
{
    say("%s: %s", disk_name(disk), what);
    return false;
}

static bool bad_number(const char *disk, uint64_t number, const char *what)
{
    char text[100];

    snprintf(text, sizeof(text), "%llu %s", (unsigned long long)number, what);
    return bad(disk, text);
}

static void warn_of_wear(const char *disk, uint64_t used)
{
    if (used >= 100)
        say("%s: warning: %llu %% of its life is used, it should be replaced", disk_name(disk),
            (unsigned long long)used);
}

/* Crucial's MX500 shows one such sector at times and none a moment later, with nothing wrong. */
static bool is_flicker(const char *disk, uint64_t pending)
{
    char model[60];

    json_string(json_member(disk, "model"), model, sizeof(model));
    if (pending != 1 || !strstr(model, FLICKERS))
        return false;
    say("%s: warning: attribute 197 counts a sector that cannot be read; with this model that "
        "comes "
        "and goes, and alone it does not fail the disk",
        disk_name(disk));
    return true;
}

static bool nvme_good(const char *disk, const char *health)
{
    uint64_t warning = json_number(json_member(health, "critical_warning"), 0);
    uint64_t spare = json_number(json_member(health, "spare"), 100);
    uint64_t least = json_number(json_member(health, "spare_threshold"), 0);
    uint64_t used = json_number(json_member(health, "used"), 0);
    uint64_t errors = json_number(json_member(health, "media_errors"), 0);
    uint64_t kelvin = json_number(json_member(health, "kelvin"), 0);
    bool good = true;

    warning |= is_faked("warning") ? 1 : 0;
    used = is_faked("used") ? 100 : used;
    errors += is_faked("errors");
    spare = is_faked("spare") ? least - 1 : spare;
    say("%s: %lld C, %llu %% used, %llu %% spare, %llu hours, %llu media errors", disk_name(disk),
        kelvin ? (long long)kelvin - KELVIN : 0, (unsigned long long)used,
        (unsigned long long)spare,
        (unsigned long long)json_number(json_member(health, "power_on_hours"), 0),
        (unsigned long long)errors);
    for (unsigned i = 0; i < COUNT(warnings); i++)
        if (warning >> i & 1)
            good = bad(disk, warnings[i]);
    warn_of_wear(disk, used);
    if (spare < least)
        good = bad_number(disk, spare, "% of its spare blocks are left, less than it should have");
    if (errors)
        good = bad_number(disk, errors, "media errors");
    return good;
}

static bool ata_good(const char *disk, const char *health)
{
    const char *status = json_member(health, "status");
    uint64_t pending = json_number(json_member(health, "pending"), 0);
    uint64_t lost = json_number(json_member(health, "uncorrectable"), 0);
    char text[40];
    bool good = true;

    pending += is_faked("errors");
    say("%s: SMART status %s, %llu hours, %llu sectors replaced", disk_name(disk),
        json_string(status, text, sizeof(text)),
        (unsigned long long)json_number(json_member(health, "power_on_hours"), 0),
        (unsigned long long)json_number(json_member(health, "reallocated"), 0));
    if (json_is(status, "threshold exceeded"))
        good = bad(disk, "SMART: threshold exceeded");
    if (pending && !is_flicker(disk, pending))
        good = bad_number(disk, pending, "sectors that cannot be read");
    if (lost)
        good = bad_number(disk, lost, "sectors that could not be corrected");
    return good;
}

/* A disk whose registers and page of data were not to be had has said nothing. */
static bool ata_says(const char *health)
{
    return json_is(json_member(health, "kind"), "ata") &&
           (!json_is(json_member(health, "status"), "unknown") ||
            json_member(health, "power_on_hours") || json_member(health, "pending") ||
            json_member(health, "uncorrectable"));
}

/* Counts what has said anything, and what failed to. */
static bool disk_good(const char *disk, unsigned *known, unsigned *failed)
{
    const char *health = json_member(disk, "health"), *kind = json_member(health, "kind");
    char text[60];

    if (json_is(kind, "nvme") || ata_says(health)) {
        bool good = json_is(kind, "nvme") ? nvme_good(disk, health) : ata_good(disk, health);

        ++*known;
        fault = NULL;
        return good;
    }
    json_string(json_member(disk, "health_fault"), text, sizeof(text));
    say("%s: %s", disk_name(disk), text[0] ? text : "says nothing of its health");
    *failed += text[0] != 0;
    /* A hang is no answer that could pass. */
    return !json_is(json_member(disk, "health_fault"), "no answer");
}

/* Disks behind them are not in the list. */
static void show_unconnected(const char *controllers)
{
    char place[20], kind[20];

    for (const char *one = json_first(controllers); one; one = json_next(one)) {
        if (json_is(json_member(one, "kind"), "network"))
            continue;
        say("the firmware has started no driver for the %s controller at PCI %s: disks behind it "
            "were "
            "not asked (a fast start in the firmware's setup does that)",
            json_string(json_member(one, "kind"), kind, sizeof(kind)),
            json_string(json_member(one, "pci"), place, sizeof(place)));
    }
}

int check_disks(const struct options *options)
{
    const char *path = option_find(options, "inventory");
    unsigned known = 0, failed = 0;
    bool passed = true;

    fault = option_find(options, "fault");
    if (file_read(path ? path : INVENTORY, the_text, sizeof(the_text)) <= 0) {
        say("there is no inventory: the loader has not asked the firmware");
        return CHECK_SKIPPED;
    }
    if (!json_check(the_text)) {
        say("the inventory is damaged");
        return CHECK_FAILED;
    }
    for (const char *disk = json_first(json_member(the_text, "disks")); disk;
         disk = json_next(disk))
        passed &= disk_good(disk, &known, &failed);
    if (!json_is(json_member(the_text, "complete"), "true") ||
        json_number(json_member(the_text, "left_out"), 0)) {
        say("not all of it could be asked");
        failed++;
    }
    if (json_number(json_member(the_text, "in_use"), 0))
        say("disks that the firmware uses itself, and that were not asked: %llu",
            (unsigned long long)json_number(json_member(the_text, "in_use"), 0));
    show_unconnected(json_member(the_text, "unconnected"));
    if (passed && !known)
        say("no disk says anything of its health here");
    /* What was not looked at is not called well. */
    if (passed && (!known || failed))
        return CHECK_SKIPPED;
    return passed ? CHECK_PASSED : CHECK_FAILED;
}
