/* SPDX-License-Identifier: MIT */
/*
 * The steps of the loader: from the firmware's call to the kernel, or back to the firmware.
 *
 * Rule:    whatever is refused is refused before anything is started; one sentence says what is
 *          wrong, everything taken is given back, and the firmware goes on with its boot order.
 */
#include "efi-loader/cpu.h"
#include "efi-loader/handover.h"
#include "efi-loader/inventory.h"
#include "efi-loader/keys.h"
#include "efi-loader/log.h"
#include "efi-loader/loops.h"
#include "efi-loader/options.h"
#include "efi-loader/report.h"
#include "shared/linux/errno.h"

#define OPTIONS_CAPACITY 2048

EFI_STATUS EFIAPI efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st);

static struct payload the_payload;

/* What the kernel needs and no work of ours can replace. */
static int check_cpu(const struct cpu_features *features)
{
    if (!features->nx) {
        log_refuse(REFUSE_NX,
                   "processor: cannot make memory non-executable: enable NX (Execute Disable) in "
                   "the firmware's setup");
        return -ENODEV;
    }
    return 0;
}

static void read_options(const EFI_LOADED_IMAGE *self, char *text, size_t capacity)
{
    if (options_to_text(self->LoadOptions, self->LoadOptionsSize, text, capacity) < 0)
        log_line("load options: not printable text, ignored");
}

/* The boot directory stays open for the report if this returns 0. A verdict of the start before is
 * looked for first: it may end the machine. */
static int load(EFI_SYSTEM_TABLE *st, const EFI_LOADED_IMAGE *self, struct memory *memory,
                struct files *files)
{
    static char options[OPTIONS_CAPACITY];

    int err = files_open(files, st->BootServices, self);
    if (err) {
        log_refuse(REFUSE_DIRECTORY,
                   "\\firstlight: no volume has this directory: write the stick again");
        return err;
    }
    report_complete(files, st);
    read_options(self, options, sizeof(options));
    err = payload_load(files, memory, options, &the_payload);
    if (err)
        files_close(files);
    return err;
}

/* Returns only with an error, which has been reported. */
static int boot(EFI_HANDLE image, EFI_SYSTEM_TABLE *st, const EFI_LOADED_IMAGE *self,
                struct memory *memory, const struct bootinfo_cpu_state *state, uint64_t entry_tsc)
{
    struct handover handover = {.image_handle = image,
                                .st = st,
                                .memory = memory,
                                .payload = &the_payload,
                                .five_levels = state->cr4 & CPU_CR4_LA57};
    struct files files;
    uint64_t files_tsc;

    cpu_read_features(&handover.features);
    /* For tools/debug.sh: gdb needs the address to load symbols. */
    log_line("loader at 0x%llx", (unsigned long long)(uintptr_t)self->ImageBase);
    int err = check_cpu(&handover.features);
    if (!err)
        err = load(st, self, memory, &files);
    if (err)
        return err;
    err = loops_count(st->RuntimeServices, the_payload.cmdline, sizeof(the_payload.cmdline));
    files_tsc = cpu_read_tsc();
    if (!err)
        inventory_take(st, memory, state, the_payload.cmdline, &handover.inventory);
    if (!err)
        err = handover_prepare(&handover);
    if (!err)
        report_begin(&files, &handover);
    /* Closing flushes the disk, by a driver that may be the one that hung. */
    if (!handover.inventory.hung)
        files_close(&files);
    if (err && handover.inventory.raised)
        st->BootServices->RestoreTPL(TPL_APPLICATION);
    if (err)
        return err;
    handover.info->entry_state = *state;
    handover.info->stamps.loader_entry = entry_tsc;
    handover.info->stamps.files_read = files_tsc;
    log_line("starting the kernel");
    return handover_run(&handover);
}

/* The next boot option would wipe the sentence from the screen at once. */
static void refusal_stay(EFI_BOOT_SERVICES *bs)
{
    /* No watchdog while it is read. */
    bs->SetWatchdogTimer(0, 0, 0, NULL);
    if (!keys_attended())
        return;
    log_line("this stays for %u s, or until a key is pressed; then the firmware goes on",
             KEYS_REFUSAL_SECONDS);
    keys_drop();
    keys_wait(KEYS_REFUSAL_SECONDS * 1000);
}

EFI_STATUS EFIAPI efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st)
{
    static EFI_GUID guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
    uint64_t entry_tsc = cpu_read_tsc();
    EFI_BOOT_SERVICES *bs = st->BootServices;
    EFI_LOADED_IMAGE *self;
    struct memory memory;
    struct bootinfo_cpu_state state;

    /* No vector instruction before this: these files are compiled without. */
    cpu_read_state(&state);
    bool nx_was_off = cpu_enable_features();
    log_init(st);
    if (nx_was_off)
        log_line("processor: execute-disable was off (MSR 1A0h), is on now");
    keys_init(st);
    if (EFI_ERROR(bs->HandleProtocol(image, &guid, (void **)&self))) {
        log_refuse(REFUSE_SOURCE,
                   "firmware: does not say where the loader came from: update the firmware");
        refusal_stay(bs);
        return EFI_LOAD_ERROR;
    }
    /* From here on every page is in the list, so one call gives all of it back. */
    memory_init(&memory, bs);
    boot(image, st, self, &memory, &state, entry_tsc);
    memory_give_back(&memory);
    refusal_stay(bs);
    return EFI_LOAD_ERROR;
}
