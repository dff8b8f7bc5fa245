/* SPDX-License-Identifier: MIT */
/*
 * The hand-over block, the page tables, the last calls to the firmware, the jump.
 *
 * handover_prepare allocates everything and fills in what does not change; its failures are refused
 * like any other. It computes the size of the page tables from a first memory map. handover_run
 * leaves boot services; from its first attempt on nothing can be allocated, given back or printed
 * through the firmware, and any failure resets the machine after a line on the serial port.
 *
 * The final memory map is the one whose key ExitBootServices accepted. Ranges and page tables are
 * built from it and from nothing else, so the kernel's idea of memory and its mapping agree. The
 * block is then checked by the same function that the kernel uses (bootinfo_check).
 */
#include "efi-loader/handover.h"
#include "efi-loader/bridge.h"
#include "efi-loader/firmware.h"
#include "efi-loader/graphics.h"
#include "efi-loader/keys.h"
#include "efi-loader/log.h"
#include "efi-loader/pci.h"
#include "efi-loader/seed.h"
#include "kernel/lib/bootinfo.h"
#include "kernel/lib/cfg.h"
#include "kernel/lib/string.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

/* Bytes of the firmware's name in the block. */
#define FIRMWARE_CAPACITY 128
#define MIN_RANGES        64
#define RUNTIME_CAPACITY  256 /* entries of the memory attributes table; 60 are usual */

static void *at_address(uint64_t pa)
{
    return (void *)(uintptr_t)pa;
}

/* The buffer for the firmware's map and the ranges made of it, which the kernel never sees. Scratch
 * ranges: one for each descriptor and each of our own allocations; the sweep makes at most two of
 * each. */
static int take_work_space(struct handover *h)
{
    uint64_t base;
    int err = exit_map_size(h->st->BootServices, &h->map);
    if (err)
        return err;

    uint64_t map_bytes = ALIGN_UP(h->map.capacity, 16);
    h->scratch_capacity = h->map.capacity / h->map.desc_size + MEMORY_MAX_CLAIMS;
    h->ranges_capacity = MIN_RANGES + MEMMAP_OUT_CAPACITY(h->scratch_capacity);
    err = memory_take(h->memory, map_bytes + h->scratch_capacity * sizeof(struct bootinfo_range),
                      BOOTINFO_LOADER, &base);
    if (err)
        return err;
    h->map.buffer = at_address(base);
    h->scratch = at_address(base + map_bytes);
    return 0;
}

/* Layout: the structure, the ranges, those of runtime memory, then the texts one after the other.
 */
static int take_block(struct handover *h)
{
    uint64_t base;
    uint64_t ranges_bytes = h->ranges_capacity * sizeof(struct bootinfo_range);
    uint64_t runtime_bytes = RUNTIME_CAPACITY * sizeof(struct bootinfo_range);
    uint64_t text_bytes = PAYLOAD_CMDLINE_CAPACITY + LOG_CAPACITY + FIRMWARE_CAPACITY;
    uint64_t size = sizeof(struct bootinfo) + ranges_bytes + runtime_bytes + text_bytes;

    int err = memory_take(h->memory, size, BOOTINFO_BLOCK, &base);
    if (err)
        return err;
    h->info = at_address(base);
    *h->info = (struct bootinfo){
        .magic = BOOTINFO_MAGIC,
        .version = BOOTINFO_VERSION,
        .size = sizeof(struct bootinfo),
        .block_base = base,
        .block_size = size,
        .ranges_offset = sizeof(struct bootinfo),
        .runtime_offset = sizeof(struct bootinfo) + (uint32_t)ranges_bytes,
    };
    h->ranges = (struct bootinfo_range *)(h->info + 1);
    h->text_offset = h->info->runtime_offset + (uint32_t)runtime_bytes;
    return 0;
}

/* A framebuffer in memory that the kernel gets would be refused with everything else. It is left
 * out: the kernel says that there is none. */
static void screen_check(struct handover *h)
{
    struct bootinfo_framebuffer *screen = &h->info->framebuffer;

    for (uint32_t i = 0; i < h->info->ranges_count; i++) {
        const struct bootinfo_range *range = &h->ranges[i];

        if (bootinfo_type_is_direct(range->type) && range->base < screen->base + screen->size &&
            range->base + range->npages * PAGE_SIZE > screen->base)
            *screen = (struct bootinfo_framebuffer){.format = BOOTINFO_PIXEL_NONE};
    }
}

/* Turns the map in the buffer into the ranges of the block. */
static int make_ranges(struct handover *h)
{
    struct memmap map;

    memmap_init(&map, h->scratch, h->scratch_capacity);
    int err = memmap_add_firmware(&map, h->map.buffer, h->map.nbytes, h->map.desc_size);
    if (!err)
        err = memory_add_claims(h->memory, &map);
    if (!err)
        err = memmap_finish(&map, h->ranges, h->ranges_capacity, &h->info->ranges_count);
    if (!err)
        screen_check(h);
    return err;
}

static struct paging_plan plan_tables(const struct handover *h)
{
    return (struct paging_plan){
        .ranges = h->ranges,
        .nranges = h->info->ranges_count,
        .segments = h->payload->kernel.segments,
        .nsegments = h->payload->kernel.nsegments,
        .jump = cpu_jump_extent(),
        .screen = {h->info->framebuffer.base, h->info->framebuffer.size},
    };
}

/* The tables are built when the map is final; here is only made sure that they will fit. */
static int take_tables(struct handover *h)
{
    UINTN key;
    int err = exit_map_read(h->st->BootServices, &h->map, &key);
    if (!err)
        err = make_ranges(h);
    if (err)
        return err;

    struct paging_plan plan = plan_tables(h);
    struct paging *paging = &h->paging;
    paging->gib_pages = h->features.gib_pages;
    paging->nframes = paging_bound(&plan, paging->gib_pages);
    err = memory_take(h->memory, paging->nframes * PAGE_SIZE, BOOTINFO_TABLES, &paging->pool_base);
    paging->pool = at_address(paging->pool_base);
    return err;
}

/* Firmware that keeps code and data apart maps our .text executable already. Where it tells, and
 * tells otherwise, it is asked for it; where it refuses, the jump would be a silent reset. */
static int make_jump_executable(EFI_BOOT_SERVICES *bs)
{
    static EFI_GUID guid = EFI_MEMORY_ATTRIBUTE_PROTOCOL_GUID;
    struct bootinfo_extent jump = cpu_jump_extent();
    struct efi_memory_attribute *protocol;
    UINT64 bits;

    if (EFI_ERROR(bs->LocateProtocol(&guid, NULL, (void **)&protocol)))
        return 0;
    if (EFI_ERROR(protocol->get(protocol, jump.base, jump.size, &bits)) || !(bits & EFI_MEMORY_XP))
        return 0;
    if (EFI_ERROR(protocol->set(protocol, jump.base, jump.size, EFI_MEMORY_RO)) ||
        EFI_ERROR(protocol->clear(protocol, jump.base, jump.size, EFI_MEMORY_XP)))
        return -EACCES;
    log_line("jump code made executable by the memory attribute protocol");
    return 0;
}

/* None of these is needed: without framebuffer, tables or trampoline the kernel has less to work
 * with. */
static void describe_machine(struct handover *h)
{
    struct bootinfo *info = h->info;
    EFI_SYSTEM_TABLE *st = h->st;

    if (graphics_find(st->BootServices, st->ConsoleOutHandle, &info->framebuffer))
        log_line("no framebuffer, going on without");
    info->rsdp = firmware_find_rsdp(st->ConfigurationTable, st->NumberOfTableEntries);
    info->smbios = firmware_find_smbios(st->ConfigurationTable, st->NumberOfTableEntries);
    info->efi_system_table = (uintptr_t)st;
    info->seed_quality = seed_collect(st->BootServices, h->features.rdrand, info->seed);
    if (memory_take_trampoline(h->memory, &info->trampoline))
        log_line("no memory below 1 MiB, other CPUs will not be started");
    info->kernel = h->payload->kernel.memory;
    info->kernel_file = h->payload->kernel_file;
    info->rootfs = h->payload->rootfs;
    info->plan = h->payload->plan;
    info->inventory = h->inventory.archive;
    info->plan_present = h->payload->plan_present;
    info->jump = cpu_jump_extent();
}

int handover_prepare(struct handover *h)
{
    int err = take_work_space(h);
    if (!err)
        err = take_block(h);
    if (!err) {
        describe_machine(h);
        err = take_tables(h);
    }
    if (!err && h->five_levels)
        err = bridge_build(h->memory, &h->bridge);
    if (err == -ENOMEM)
        log_refuse(REFUSE_TABLE_MEMORY,
                   "memory: not enough is free for the page tables: add memory");
    else if (err)
        log_refuse(REFUSE_MEMORY_MAP,
                   "memory map: the firmware does not give it (error %d): update the firmware",
                   -err);
    if (!err) {
        err = make_jump_executable(h->st->BootServices);
        if (err)
            log_refuse(REFUSE_EXECUTION,
                       "firmware: does not let the loader's code run: switch off its memory "
                       "protection");
    }
    return err;
}

/* NUL-terminated, although the sizes do not count the NUL. */
static void put_text(struct handover *h, const char *text, size_t length, uint32_t *offset,
                     uint32_t *size)
{
    char *to = (char *)h->info + h->text_offset;

    memcpy(to, text, length);
    to[length] = '\0';
    *offset = h->text_offset;
    *size = (uint32_t)length;
    h->text_offset += (uint32_t)length + 1;
}

/* The log last, so that it has all that was printed up to here. */
static void put_texts(struct handover *h)
{
    struct bootinfo *info = h->info;
    char firmware[FIRMWARE_CAPACITY];
    size_t length;
    const char *text;

    put_text(h, h->payload->cmdline, strlen(h->payload->cmdline), &info->cmdline_offset,
             &info->cmdline_size);
    length = firmware_describe(h->st->FirmwareVendor, h->st->FirmwareRevision, firmware,
                               sizeof(firmware));
    put_text(h, firmware, length, &info->firmware_offset, &info->firmware_size);
    text = log_text(&length);
    put_text(h, text, length, &info->log_offset, &info->log_size);
}

/* Boot services are gone, or half gone: nothing can be given back. Say why on what is left to
 * speak on, leave it there until someone has read it, and start the machine anew. */
NORETURN static void give_up(struct handover *h, enum refusal code, const char *what, int err)
{
    log_leave_firmware(&h->info->framebuffer);
    log_refuse(code, "firmware: %s (error %d): the machine resets", what, -err);
    if (keys_attended()) {
        log_line("this stays for %u s, or until a key is pressed", KEYS_REFUSAL_SECONDS);
        keys_wait_alone(KEYS_REFUSAL_SECONDS);
    }
    h->st->RuntimeServices->ResetSystem(EfiResetCold, EFI_ABORTED, 0, NULL);
    cpu_reset();
}

/* With the firmware gone: everything from here to the jump is computation in memory taken before.
 */
NORETURN static void enter_kernel(struct handover *h)
{
    struct bootinfo *info = h->info;

    int err = make_ranges(h);
    if (err)
        give_up(h, REFUSE_LAST_MAP, "its last memory map is too large", err);
    struct paging_plan plan = plan_tables(h);
    err = paging_build(&h->paging, &plan);
    if (err)
        give_up(h, REFUSE_LAST_TABLES, "its last memory map does not fit the page tables", err);

    info->tables.base = h->paging.pool_base;
    info->tables.size = h->paging.nframes * PAGE_SIZE;
    info->tables_used = h->paging.used;
    info->table_root = h->paging.pool_base;
    const char *fault = bootinfo_check(info, info->block_size);
    if (fault)
        give_up(h, REFUSE_HANDOVER, fault, -EINVAL);

    /* The address of the block is that of the direct map: the kernel never sees physical addresses
     * as pointers. */
    struct cpu_jump jump = {
        .entry = h->payload->kernel.entry,
        .argument = DIRECT_BASE + info->block_base,
        .table_root = info->table_root,
        .bridge = h->bridge,
    };
    cpu_jump_to_kernel(&jump);
}

/* The kernel has no driver that would need it, and memory is about to change hands. */
static void stop_devices(struct handover *h)
{
    char value[8];

    if (!cfg_find(h->payload->cmdline, "dma", value, sizeof(value)) || strcmp(value, "keep") != 0)
        pci_stop_masters(&h->info->dma);
}

int handover_run(struct handover *h)
{
    EFI_BOOT_SERVICES *bs = h->st->BootServices;

    put_texts(h);
    h->info->runtime_count = firmware_runtime_attributes(
        h->st->ConfigurationTable, h->st->NumberOfTableEntries,
        (struct bootinfo_range *)((char *)h->info + h->info->runtime_offset), RUNTIME_CAPACITY);
    /* The kernel watches over itself. */
    bs->SetWatchdogTimer(0, 0, 0, NULL);
    if (h->inventory.raised)
        bs->RestoreTPL(TPL_APPLICATION);
    h->info->stamps.before_exit = cpu_read_tsc();
    int err = exit_boot_services(bs, h->image_handle, &h->map);
    if (err && h->map.attempts == 0) {
        log_refuse(REFUSE_MEMORY_MAP,
                   "memory map: the firmware does not give it (error %d): update the firmware",
                   -err);
        return err;
    }
    if (err)
        give_up(h, REFUSE_EXIT, "does not let the loader leave boot services", err);
    cpu_disable_interrupts();
    h->info->stamps.after_exit = cpu_read_tsc();
    stop_devices(h);
    enter_kernel(h);
}
