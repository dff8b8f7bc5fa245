/* SPDX-License-Identifier: MIT */
/*
 * check found - what is in the machine, in short: nothing is judged
 *
 * From CPUID, /proc, and sysfs where it exists: what dmidecode and lspci say at length. And from
 * what the loader has asked the firmware: check disks says more about those.
 */
#include <cpuid.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rootfs/usr/src/check/check.h"
#include "rootfs/usr/src/check/json.h"
#include "rootfs/usr/src/check/smbios.h"

#define PCI_FOLDER  "/sys/bus/pci/devices"
#define LEAF_CACHE  4          /* Intel SDM vol. 2, CPUID: deterministic cache parameters */
#define LEAF_CACHEA 0x8000001d /* the same of AMD's */

static void show_processor(void)
{
    char brand[49] = "", maker[13] = "", *text = brand;
    unsigned a, b, c, d, max, family, model;
    struct cpus cpus;

    __cpuid(0, max, b, c, d);
    memcpy(maker, &b, 4);
    memcpy(maker + 4, &d, 4);
    memcpy(maker + 8, &c, 4);
    for (unsigned i = 0; i < 3; i++)
        if (__get_cpuid(0x80000002 + i, &a, &b, &c, &d))
            memcpy(brand + 16 * i, (unsigned[]){a, b, c, d}, 16);
    while (*text == ' ')
        text++;
    __cpuid(1, a, b, c, d);
    family = (a >> 8 & 15) + ((a >> 8 & 15) == 15 ? a >> 20 & 255 : 0);
    model = (a >> 4 & 15) | (a >> 16 & 15) << 4;
    cpus_find(&cpus);
    say("%u processors: %s (%s, family %u, model %u, stepping %u)%s", cpus.count, text, maker,
        family, model, a & 15, c >> 31 ? ", under a hypervisor" : "");
}

static void show_caches(void)
{
    unsigned leaf = LEAF_CACHE, a, b, c, d;

    if (!__get_cpuid_count(leaf, 0, &a, &b, &c, &d) || !(a & 31))
        leaf = LEAF_CACHEA;
    for (unsigned i = 0; i < 8; i++) {
        static const char *const kinds[] = {"", "data", "instructions", "unified"};
        unsigned long long size;

        if (!__get_cpuid_count(leaf, i, &a, &b, &c, &d) || !(a & 31))
            break;
        size = ((b >> 22) + 1ull) * ((b >> 12 & 1023) + 1) * ((b & 4095) + 1) * (c + 1ull);
        say("cache level %u, %s: %llu KiB, for up to %u processors", a >> 5 & 7, kinds[a & 3],
            size >> 10, (a >> 14 & 4095) + 1);
    }
}

static void show_memory(void)
{
    char text[4096], *line;

    if (file_read("/proc/meminfo", text, sizeof(text)) > 0 && (line = strstr(text, "MemTotal:")))
        say("memory for programs: %llu MiB", strtoull(line + 9, NULL, 10) >> 10);
}

static void show_smbios_item(const struct smbios_structure *item)
{
    uint64_t size;

    switch (item->type) {
    case SMBIOS_FIRMWARE:
        say("firmware: %s %s of %s", smbios_text(item, 4), smbios_text(item, 5),
            smbios_text(item, 8));
        break;
    case SMBIOS_MACHINE:
        say("machine: %s %s, serial number %s", smbios_text(item, 4), smbios_text(item, 5),
            smbios_text(item, 7));
        break;
    case SMBIOS_BOARD:
        say("board: %s %s", smbios_text(item, 4), smbios_text(item, 5));
        break;
    case SMBIOS_MODULE:
        size = smbios_module_size(item);
        if (size)
            say("memory module %s: %llu MiB, %llu MT/s, %s %s", smbios_text(item, 0x10),
                (unsigned long long)size / MIB, (unsigned long long)smbios_number(item, 0x15, 2),
                smbios_text(item, 0x17), smbios_text(item, 0x1a));
        else
            say("memory module %s: empty", smbios_text(item, 0x10));
        break;
    default:
        break;
    }
}

/* PCI Code and ID Assignment Specification: the base classes. */
static const char *pci_class(unsigned class)
{
    static const char *const names[] = {
        "old device",     "storage",  "network", "display",   "multimedia", "memory",
        "bridge",         "serial",   "system",  "input",     "docking",    "processor",
        "USB and serial", "wireless", "I/O",     "satellite", "encryption", "signals",
    };

    return class >> 16 < COUNT(names) ? names[class >> 16] : "other";
}

static unsigned long pci_number(const char *device, const char *name)
{
    char path[400], text[32];

    snprintf(path, sizeof(path), PCI_FOLDER "/%s/%s", device, name);
    return file_read(path, text, sizeof(text)) > 0 ? strtoul(text, NULL, 16) : 0;
}

static void show_pci(void)
{
    struct dirent **list;
    int n = scandir(PCI_FOLDER, &list, NULL, alphasort);

    for (int i = 0; i < n; i++)
        if (list[i]->d_name[0] != '.')
            say("PCI %s: %04lx:%04lx %s", list[i]->d_name, pci_number(list[i]->d_name, "vendor"),
                pci_number(list[i]->d_name, "device"),
                pci_class((unsigned)pci_number(list[i]->d_name, "class")));
    if (n < 0)
        say("PCI devices: not known here");
}

/* Text of a member; static, so one at a time. */
static const char *inventory_text(const char *object, const char *key)
{
    static char text[80];

    return json_string(json_member(object, key), text, sizeof(text));
}

static void show_disk(const char *disk)
{
    uint64_t nbytes = json_number(json_member(disk, "bytes"), 0);
    char model[60];

    snprintf(model, sizeof(model), "%s", inventory_text(disk, "model"));
    say("disk %llu: %s%s%llu MiB, %s",
        (unsigned long long)json_number(json_member(disk, "number"), 0), model,
        model[0] ? ", " : "", (unsigned long long)nbytes / MIB, inventory_text(disk, "bus"));
}

static void show_network(const char *card)
{
    char address[100];

    json_string(json_member(card, "address"), address, sizeof(address));
    say("network card %s, link %s", address, inventory_text(card, "link"));
}

static void show_panel(const char *panel)
{
    char maker[8];

    json_string(json_member(panel, "maker"), maker, sizeof(maker));
    say("panel: %s %s, %llu x %llu", maker, inventory_text(panel, "name"),
        (unsigned long long)json_number(json_member(panel, "width"), 0),
        (unsigned long long)json_number(json_member(panel, "height"), 0));
}

static void show_security(const char *inventory)
{
    const char *secure = json_member(inventory, "secure_boot"),
               *setup = json_member(inventory, "setup_mode"), *tpm = json_member(inventory, "tpm");
    char version[8];

    json_string(json_member(tpm, "version"), version, sizeof(version));
    say("Secure Boot: %s%s",
        json_is(secure, "true")    ? "on"
        : json_is(secure, "false") ? "off"
                                   : "not of this firmware",
        json_is(setup, "true") ? ", in setup mode" : "");
    if (version[0])
        say("TPM %s %s", version, inventory_text(tpm, "manufacturer"));
    else
        say("TPM: none");
}

static void show_inventory(const char *path)
{
    static const struct {
        const char *key;
        void (*show)(const char *device);
    } lists[] = {{"disks", show_disk}, {"network", show_network}, {"panels", show_panel}};
    static char text[65536];

    if (file_read(path ? path : "/run/firstlight/inventory.json", text, sizeof(text)) <= 0 ||
        !json_check(text)) {
        say("disks, network cards, panel, TPM: not asked");
        return;
    }
    for (size_t i = 0; i < COUNT(lists); i++)
        for (const char *device = json_first(json_member(text, lists[i].key)); device;
             device = json_next(device))
            lists[i].show(device);
    show_security(text);
}

int check_found(const struct options *options)
{
    struct smbios_structure item = {0};

    show_processor();
    show_caches();
    show_memory();
    if (!smbios_load(option_find(options, "dmi")))
        say("firmware, machine, memory modules: not known here");
    while (smbios_item_next(&item))
        show_smbios_item(&item);
    show_pci();
    show_inventory(option_find(options, "inventory"));
    return option_find(options, "fault") ? CHECK_FAILED : CHECK_PASSED;
}
