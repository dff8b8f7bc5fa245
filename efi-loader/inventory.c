/* SPDX-License-Identifier: MIT */
/*
 * Asks for all devices, one question after the other (ask.h), and writes down the answers.
 *
 * A device is written whole or not at all: where the text is full it is only counted. The same
 * for devices beyond a number of each kind: firmware that lists a thousand is not waited for.
 */
#include "efi-loader/inventory.h"

#include "efi-loader/archive.h"
#include "efi-loader/ask.h"
#include "efi-loader/cpu.h"
#include "efi-loader/devices.h"
#include "efi-loader/disks.h"
#include "efi-loader/log.h"
#include "efi-loader/text.h"
#include "kernel/lib/cfg.h"
#include "kernel/lib/string.h"

#include <efipciio.h>

#define MAX_HANDLES 1024 /* looked at, of each kind: most are partitions */
#define MAX_DISKS   64
#define MAX_OTHERS  16
#define TAIL        512 /* kept free for what stands behind the lists */
#define BETWEEN     64  /* and for ends and beginnings of lists */

static char the_text[INVENTORY_CAPACITY];
static uint8_t the_pages[2][DISK_PAGE] __attribute__((aligned(DISK_PAGE)));

struct survey {
    EFI_SYSTEM_TABLE *st;
    struct text text;
    unsigned written; /* in this list */
    size_t item;      /* where the one that is being written begins */
    unsigned left_out, in_use;
    bool late;
    const char *hung; /* what was being asked; NULL: nothing has */
    unsigned hung_number;
};

static bool health_announced;

/* A disk may have to be woken up for it, so the screen says what takes the time. */
static void health_announce(void)
{
    if (!health_announced)
        log_line("asking disks for their health (inventory=off leaves that out)");
    health_announced = true;
}

/* False: nothing more is to be asked. */
static bool survey_ask(struct survey *survey, const char *what, void (*question)(void *),
                       void *argument)
{
    switch (ask(question, argument)) {
    case ASK_DONE:
        return true;
    case ASK_LATE:
        survey->late = true;
        return false;
    default:
        survey->hung = what;
        survey->hung_number = survey->written + 1;
        return false;
    }
}

/* False: the list is full. */
static bool item_begin(struct survey *survey, unsigned most)
{
    if (survey->written == most) {
        survey->left_out++;
        return false;
    }
    survey->item = survey->text.used;
    text_add(&survey->text, survey->written ? ",\n" : "\n");
    return true;
}

/* What was written since item_begin stays if it is whole. */
static void item_end(struct survey *survey)
{
    if (!survey->text.cut && survey->text.size - survey->text.used > BETWEEN) {
        survey->written++;
        return;
    }
    survey->text.used = survey->item;
    survey->text.cut = false;
    survey->left_out++;
}

static void disk_survey(struct survey *survey, EFI_HANDLE handle)
{
    static struct disk disk; /* also what a question that hangs leaves behind */
    struct disk_question question = {.bs = survey->st->BootServices,
                                     .handle = handle,
                                     .disk = &disk,
                                     .before_health = health_announce,
                                     .page = the_pages};

    memset(&disk, 0, sizeof(disk));
    survey_ask(survey, "disk", disk_ask, &question);
    if (disk.kind == DISK_IN_USE)
        survey->in_use++;
    if (disk.kind != DISK_FOUND)
        return;
    if (!item_begin(survey, MAX_DISKS))
        return;
    disk_write(&survey->text, &disk, survey->written + 1);
    item_end(survey);
}

static void network_survey(struct survey *survey, EFI_HANDLE handle)
{
    static struct network network;
    struct device_question question = {.st = survey->st, .handle = handle, .result = &network};

    memset(&network, 0, sizeof(network));
    if (!survey_ask(survey, "network", network_ask, &question) || !network.found)
        return;
    if (!item_begin(survey, MAX_OTHERS))
        return;
    network_write(&survey->text, &network);
    item_end(survey);
}

static void panel_survey(struct survey *survey, EFI_HANDLE handle)
{
    static struct panel panel;
    struct device_question question = {.st = survey->st, .handle = handle, .result = &panel};

    memset(&panel, 0, sizeof(panel));
    if (!survey_ask(survey, "panel", panel_ask, &question) || !panel.found)
        return;
    if (!item_begin(survey, MAX_OTHERS))
        return;
    panel_write(&survey->text, &panel);
    item_end(survey);
}

static void controller_survey(struct survey *survey, EFI_HANDLE handle)
{
    static struct controller controller;
    struct device_question question = {.st = survey->st, .handle = handle, .result = &controller};

    memset(&controller, 0, sizeof(controller));
    if (!survey_ask(survey, "controller", controller_ask, &question) || !controller.kind)
        return;
    if (!item_begin(survey, MAX_OTHERS))
        return;
    controller_write(&survey->text, &controller);
    item_end(survey);
}

/* The list of one kind. Firmware's handles are found without a driver being called. */
static void list_survey(struct survey *survey, const char *key, EFI_GUID *guid,
                        void (*each)(struct survey *survey, EFI_HANDLE handle))
{
    EFI_BOOT_SERVICES *bs = survey->st->BootServices;
    EFI_HANDLE *handles;
    UINTN count;

    survey->written = 0;
    text_add(&survey->text, ",\n\"%s\":[", key);
    if (!survey->hung &&
        !EFI_ERROR(bs->LocateHandleBuffer(ByProtocol, guid, NULL, &count, &handles))) {
        for (UINTN i = 0; i < MIN(count, MAX_HANDLES) && !survey->late && !survey->hung; i++)
            each(survey, handles[i]);
        if (count > MAX_HANDLES)
            survey->left_out += (unsigned)(count - MAX_HANDLES);
        bs->FreePool(handles);
    }
    text_add(&survey->text, "]");
}

static void security_survey(struct survey *survey)
{
    static struct security security;
    struct device_question question = {.st = survey->st, .result = &security};

    security = (struct security){.secure_boot = -1, .setup_mode = -1};
    survey_ask(survey, "security", security_ask, &question);
    security_write(&survey->text, &security);
}

static void survey_write(struct survey *survey)
{
    static EFI_GUID block = EFI_BLOCK_IO_PROTOCOL_GUID, network = EFI_SIMPLE_NETWORK_PROTOCOL_GUID,
                    display = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID,
                    controller = EFI_PCI_IO_PROTOCOL_GUID;
    struct text *text = &survey->text;

    text_init(text, the_text, sizeof(the_text) - TAIL);
    text_add(text, "{\"version\":1,\n");
    security_survey(survey);
    list_survey(survey, "network", &network, network_survey);
    list_survey(survey, "panels", &display, panel_survey);
    list_survey(survey, "unconnected", &controller, controller_survey);
    list_survey(survey, "disks", &block, disk_survey);
    text->size = sizeof(the_text);
    text_add(text, ",\n\"left_out\":%u,\n\"in_use\":%u,\n\"complete\":%s", survey->left_out,
             survey->in_use, survey->hung || survey->late ? "false" : "true");
    if (survey->hung)
        text_add(text, ",\n\"hung\":\"%s\",\n\"hung_number\":%u", survey->hung,
                 survey->hung_number);
    text_add(text, "}\n");
}

/* Without memory for it the kernel simply has no such file. */
static void archive_make(struct memory *memory, struct inventory *out)
{
    uint64_t base;

    if (memory_take(memory, ARCHIVE_SIZE(out->nbytes), BOOTINFO_ROOTFS, &base))
        return;
    out->archive.base = base;
    out->archive.size = archive_write((char *)(uintptr_t)base, out->text, out->nbytes);
}

void inventory_take(EFI_SYSTEM_TABLE *st, struct memory *memory,
                    const struct bootinfo_cpu_state *state, const char *cmdline,
                    struct inventory *out)
{
    struct survey survey = {.st = st};
    char word[16];

    *out = (struct inventory){.text = NULL};
    if (cfg_find(cmdline, "inventory", word, sizeof(word))) {
        if (!strcmp(word, "off"))
            return;
        log_line("inventory=%s is not understood: off, or nothing", word);
    }
    /* A question that hangs is left without its returns, which a shadow stack would miss. */
    if (state->cr4 & CPU_CR4_CET) {
        log_line("the firmware may use shadow stacks: devices are not asked");
        return;
    }
    if (!ask_begin(st->BootServices)) {
        log_line("the firmware has no timer: devices are not asked");
        return;
    }
    survey_write(&survey);
    out->raised = ask_end();
    if (survey.hung)
        log_line("inventory: the firmware did not come back when asked about %s %u", survey.hung,
                 survey.hung_number);
    else if (survey.late)
        log_line("inventory: the time for it was over before all was asked");
    out->text = survey.text.bytes;
    out->nbytes = survey.text.used;
    out->hung = survey.hung != NULL;
    archive_make(memory, out);
}
