/* SPDX-License-Identifier: MIT */
/*
 * /sys/firmware/efi, and the EFI variables in efivars, as on Linux.
 *
 * The firmware is asked for all names once, when a program first looks for one: into memory set
 * aside at start-up, as what a test leaves allocated would count as its leak. What it says is
 * bounded by that memory and by LIST_NS, as no signal ends it; a name that comes again ends the
 * list, since such firmware would go on for ever. Sizes are those of that moment, contents are
 * asked for at each read: RATE_MAX times a second in all, since a call may be long and others wait
 * for it (Linux has the same number for each user). What is more sleeps, and a signal ends that.
 *
 * The directory counts as a file system of its own, which libefivar asks for by its number. It is
 * read-only: the store of a machine that is tested stays as it was.
 *
 * efi/systab is what acpidump and dmidecode read to find root pointer and entry point in /dev/mem.
 */
#include "kernel/core/clock.h"
#include "kernel/dev/sysfs/sysfs_internal.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/klog.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/vmalloc.h"
#include "kernel/plat/efi_runtime.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"
#include "shared/bootinfo.h"
#include "shared/linux/errno.h"
#include "shared/linux/mount.h"

#define RSDP_REVISION 15u /* offset in the root pointer */

/* Addresses in the system table, by their offsets (UEFI 2.10 section 4.3.1). */
enum { EFI_PLATFORM_SIZE, EFI_SYSTAB, EFI_VENDOR = 24, EFI_RUNTIME = 88, EFI_CONFIG_TABLE = 112 };

#define LIST_ORDER  3
#define LIST_NBYTES ((size_t)PAGE_SIZE << LIST_ORDER)
#define LIST_NS     10000000000ULL
#define NAME_NBYTES 1024u /* as Linux */
#define RATE_MAX    100u
#define RATE_NS     1000000000ULL
#define GUID_LENGTH 37u /* behind a name, with its hyphen */

/* One after the other in the list. */
struct efi_variable {
    struct efi_guid guid;
    uint32_t nbytes; /* of the contents */
    uint32_t stride; /* to the next one */
    uint16_t name[]; /* ends with 0 */
};

/* Constant after start-up. */
static const struct bootinfo *boot;
static const uint8_t *system_table;
static bool rsdp_is_2, smbios_is_3;
static struct super_block *efivars_super;
static char *list; /* NULL: no variables */

/* Held for every call, as the firmware takes one at a time. */
static struct mutex efivars_lock = MUTEX_INIT(MUTEX_PIPE);
/* efivars_lock: set once */
static bool list_complete;
static unsigned list_count;
/* efivars_lock: the reads since then */
static uint64_t rate_begin_ns;
static unsigned rate_count;
static struct waitq rate_pause; /* woken by nothing but time and signals */

static COLD struct efi_variable *variable_at(unsigned number)
{
    char *at = list;

    while (number--)
        at += ((struct efi_variable *)(void *)at)->stride;
    return (struct efi_variable *)(void *)at;
}

static COLD bool variable_is_listed(const struct efi_variable *one)
{
    for (unsigned i = 0; i < list_count; i++) {
        const struct efi_variable *other = variable_at(i);

        if (other->stride == one->stride && !memcmp(&other->guid, &one->guid, sizeof(one->guid)) &&
            !memcmp(other->name, one->name, one->stride - sizeof(*one)))
            return true;
    }
    return false;
}

/* The one behind the last, which the firmware finds by its name. The memory was cleared, so that
 * what is behind a name compares as well. */
static COLD bool variable_append_locked(void)
{
    struct efi_variable *one = variable_at(list_count);
    size_t nbytes = NAME_NBYTES, units = 0, size = 0;
    int err;

    ASSERT(mutex_is_held(&efivars_lock));
    if ((size_t)((char *)one - list) > LIST_NBYTES - sizeof(*one) - NAME_NBYTES) {
        klog("efi: no more variables than %u are shown: there is no room", list_count);
        return false;
    }
    if (list_count) {
        const struct efi_variable *last = variable_at(list_count - 1);

        memcpy(one, last, last->stride);
    }
    err = efi_variable_next(one->name, &nbytes, &one->guid);
    if (err) {
        if (err != -ENOENT)
            klog("efi: no more variables than %u are shown (error %d)", list_count, -err);
        return false;
    }
    one->nbytes = 0;
    while (units < NAME_NBYTES / 2 - 1 && one->name[units])
        units++;
    memset(&one->name[units], 0, NAME_NBYTES - 2 * units);
    one->stride = (uint32_t)ALIGN_UP(sizeof(*one) + 2 * (units + 1), sizeof(uint32_t));
    if (variable_is_listed(one)) {
        klog("efi: the firmware repeats the name of a variable: none after it is shown");
        return false;
    }
    if (efi_variable_get(one->name, &one->guid, NULL, &size, NULL) == -ENOSPC)
        one->nbytes = (uint32_t)size;
    list_count++;
    return true;
}

static COLD int variable_next(const struct procfs_node *dir, int number)
{
    uint64_t until_ns;

    (void)dir;
    if (!list)
        return PROCFS_NONE;
    mutex_lock(&efivars_lock);
    until_ns = clock_monotonic_ns() + LIST_NS;
    while (!list_complete) {
        list_complete = !variable_append_locked();
        if (!list_complete && clock_monotonic_ns() > until_ns) {
            klog("efi: no more variables than %u are shown: the firmware is slow", list_count);
            list_complete = true;
        }
        sched_preempt_point();
    }
    mutex_unlock(&efivars_lock);
    return (unsigned)number < list_count ? number : PROCFS_NONE;
}

static COLD const struct efi_variable *variable_of(const struct procfs_node *node)
{
    return variable_at((unsigned)node->number);
}

static COLD void variable_name(const struct procfs_node *node, char *text, size_t size)
{
    const struct efi_variable *one = variable_of(node);
    const uint8_t *d = one->guid.d;
    size_t used = 0;

    for (const uint16_t *c = one->name; *c && used + 3 + GUID_LENGTH < size; c++) {
        if (*c >= 0x800)
            text[used++] = (char)(0xe0 | *c >> 12);
        if (*c >= 0x80)
            text[used++] = (char)(*c >= 0x800 ? 0x80 | (*c >> 6 & 0x3f) : 0xc0 | *c >> 6);
        text[used++] = (char)(*c >= 0x80 ? 0x80 | (*c & 0x3f) : *c == '/' ? '!' : *c);
    }
    fmt_print(text + used, size - used, "-%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x",
              one->guid.a, one->guid.b, one->guid.c, d[0], d[1], d[2], d[3], d[4], d[5], d[6],
              d[7]);
}

static COLD uint64_t variable_size(const struct procfs_node *node)
{
    return sizeof(uint32_t) + variable_of(node)->nbytes;
}

/* 0, with the lock held: now. Otherwise a signal is pending. */
static COLD int rate_wait(void)
{
    for (;;) {
        uint64_t now = clock_monotonic_ns(), end_ns;
        int err;

        mutex_lock(&efivars_lock);
        if (now - rate_begin_ns >= RATE_NS) {
            rate_begin_ns = now;
            rate_count = 0;
        }
        if (rate_count < RATE_MAX) {
            rate_count++;
            return 0;
        }
        end_ns = rate_begin_ns + RATE_NS;
        mutex_unlock(&efivars_lock);
        err = waitq_wait(&rate_pause, NULL, end_ns);
        if (err && err != -ETIMEDOUT)
            return err;
    }
}

/* The attributes, then the contents. Firmware is not believed to have written all that it says: a
 * program shall not see what was in the memory before. */
static COLD int show_variable(const struct procfs_node *node, struct procfs_text *text)
{
    const struct efi_variable *one = variable_of(node);
    uint32_t attributes = 0;
    size_t nbytes = text->size - sizeof(attributes);
    int err = rate_wait();

    if (err)
        return err;
    memset(text->bytes, 0, text->size);
    err = efi_variable_get(one->name, &one->guid, text->bytes + sizeof(attributes), &nbytes,
                           &attributes);
    mutex_unlock(&efivars_lock);
    memcpy(text->bytes, &attributes, sizeof(attributes));
    /* As large as the buffer: the caller comes again with a larger one. */
    text->used = err ? text->size : sizeof(attributes) + MIN(nbytes, text->size);
    return err == -ENOSPC ? 0 : err;
}

static const struct procfs_entry variable_entry = {
    .mode = LX_S_IFREG | 0644, .show = show_variable, .sized = true, .size = variable_size};

static COLD int variable_find(const struct procfs_node *dir, int number, struct procfs_node *out)
{
    if (variable_next(dir, number) < 0)
        return -ENOENT;
    out->entry = &variable_entry;
    out->number = number;
    return 0;
}

static const struct procfs_dir efivars_dir = {
    .next = variable_next, .find = variable_find, .name_of = variable_name};

static COLD int show_efi(const struct procfs_node *node, struct procfs_text *text)
{
    unsigned what = node->entry->arg;
    uint64_t address;

    if (what == EFI_PLATFORM_SIZE) {
        procfs_print(text, "64\n");
    } else if (what == EFI_SYSTAB) {
        /* The loader hands over the newest of each kind. */
        if (boot->rsdp)
            procfs_print(text, "ACPI%s=0x%lx\n", rsdp_is_2 ? "20" : "", boot->rsdp);
        if (boot->smbios)
            procfs_print(text, "SMBIOS%s=0x%lx\n", smbios_is_3 ? "3" : "", boot->smbios);
    } else if (system_table) {
        memcpy(&address, system_table + what, sizeof(address));
        procfs_print(text, "0x%lx\n", address);
    }
    return 0;
}

static const struct procfs_entry efi_files[] = {
    SYSFS_TEXT("config_table", 0444, show_efi, EFI_CONFIG_TABLE),
    {.name = "efivars", .mode = LX_S_IFDIR | 0755, .dir = &efivars_dir, .super = &efivars_super},
    SYSFS_TEXT("fw_platform_size", 0444, show_efi, EFI_PLATFORM_SIZE),
    SYSFS_TEXT("fw_vendor", 0444, show_efi, EFI_VENDOR),
    SYSFS_TEXT("runtime", 0444, show_efi, EFI_RUNTIME),
    SYSFS_TEXT("systab", 0400, show_efi, EFI_SYSTAB),
};
const struct procfs_dir sysfs_efi_dir = {.entries = efi_files, .count = ARRAY_SIZE(efi_files)};

COLD int sysfs_efi_init(const struct bootinfo *info)
{
    const uint8_t *rsdp = info->rsdp ? memremap(info->rsdp, RSDP_REVISION + 1) : NULL;
    const uint8_t *smbios = info->smbios ? memremap(info->smbios, sizeof("_SM3_")) : NULL;
    struct frame *frame = efi_runtime_alive() ? pmm_alloc(LIST_ORDER, PMM_ZERO) : NULL;
    int err = super_create("efivarfs", "efivarfs", LX_EFIVARFS_MAGIC, &efivars_super);

    if (err)
        return err;
    efivars_super->readonly = true;
    efivars_super->home.flags = LX_MS_RDONLY;
    waitq_init(&rate_pause);
    boot = info;
    rsdp_is_2 = rsdp && rsdp[RSDP_REVISION] >= 2;
    smbios_is_3 = smbios && smbios[3] == '3';
    if (info->efi_system_table)
        system_table = memremap(info->efi_system_table, EFI_CONFIG_TABLE + sizeof(uint64_t));
    list = frame ? frame_address(frame) : NULL;
    return 0;
}
