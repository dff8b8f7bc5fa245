/* SPDX-License-Identifier: MIT */
/* Reads which quirk is wanted, starts the loader under it, and switches off if the loader returns.
 */
#include "tests/quirk/quirk.h"

#include "efi-loader/cpu.h"
#include "kernel/lib/string.h"
#include "kernel/lib/util.h"

#define NAME_CAPACITY   32
#define LOADER_CAPACITY (256 * 1024)

#define COM1      0x3f8
#define COM1_LSR  (COM1 + 5)
#define LSR_EMPTY 0x20
#define MAX_POLLS 100000

EFI_STATUS EFIAPI efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st);

struct quirk the_quirk;

static unsigned char the_loader_file[LOADER_CAPACITY];

bool quirk_is_loader(const void *code)
{
    const char *base = the_quirk.loader ? the_quirk.loader->ImageBase : NULL;

    return base && (const char *)code >= base &&
           (const char *)code < base + the_quirk.loader->ImageSize;
}

static void print(const char *text)
{
    CHAR16 wide[128];
    size_t n = 0;

    for (; text[n] && n < ARRAY_SIZE(wide) - 1; n++)
        wide[n] = (unsigned char)text[n];
    wide[n] = 0;
    the_quirk.st->ConOut->OutputString(the_quirk.st->ConOut, wide);
}

void quirk_say(const char *text)
{
    print("quirk: ");
    print(text);
    print("\r\n");
}

static void port_print(const char *text)
{
    for (; *text; text++) {
        for (unsigned i = 0; i < MAX_POLLS && !(cpu_inb(COM1_LSR) & LSR_EMPTY); i++)
            ;
        cpu_outb(COM1, (uint8_t)*text);
    }
}

void quirk_tell(const char *text)
{
    port_print("quirk: ");
    port_print(text);
    port_print("\r\n");
}

void quirk_fault(const char *text)
{
    port_print("quirk: FAULT: ");
    port_print(text);
    port_print("\r\n");
}

size_t quirk_read_file(CHAR16 *name, void *to, size_t capacity)
{
    static EFI_GUID guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
    EFI_FILE_IO_INTERFACE *fs;
    EFI_FILE_HANDLE root, file;
    UINTN nbytes = capacity;

    if (EFI_ERROR(the_quirk.bs->HandleProtocol(the_quirk.volume, &guid, (void **)&fs)) ||
        EFI_ERROR(fs->OpenVolume(fs, &root)))
        return 0;
    if (EFI_ERROR(root->Open(root, &file, name, EFI_FILE_MODE_READ, 0)))
        nbytes = 0;
    else if (EFI_ERROR(file->Read(file, &nbytes, to)))
        nbytes = 0;
    root->Close(root);
    return nbytes;
}

static const struct quirk_entry *find(const char *name)
{
    static const struct quirk_entry *const lists[] = {
        quirk_exit_entries,      quirk_memory_entries,    quirk_file_entries,
        quirk_graphics_entries,  quirk_attribute_entries, quirk_serial_entries,
        quirk_processor_entries, quirk_map_entries,       quirk_table_entries,
        quirk_device_entries,    quirk_runtime_entries,   quirk_inventory_entries,
    };

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        for (const struct quirk_entry *entry = lists[i]; entry->name; entry++) {
            if (strcmp(entry->name, name) == 0)
                return entry;
        }
    }
    return NULL;
}

static const struct quirk_entry *read_quirk(void)
{
    static CHAR16 path[] = u"\\firstlight\\quirk.txt";
    char name[NAME_CAPACITY];
    size_t n = quirk_read_file(path, name, sizeof(name) - 1);

    while (n > 0 && (name[n - 1] == '\n' || name[n - 1] == '\r' || name[n - 1] == ' '))
        n--;
    name[n] = '\0';
    quirk_say(name);
    return find(name);
}

/* The loader believes that it was started from this volume, with these load options. */
static EFI_STATUS load(const EFI_LOADED_IMAGE *self, EFI_HANDLE *image)
{
    static EFI_GUID guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
    static CHAR16 path[] = u"\\firstlight\\loader.efi";
    size_t n = quirk_read_file(path, the_loader_file, sizeof(the_loader_file));
    EFI_STATUS status =
        the_quirk.bs->LoadImage(FALSE, the_quirk.self, self->FilePath, the_loader_file, n, image);

    if (EFI_ERROR(status))
        return status;
    status = the_quirk.bs->HandleProtocol(*image, &guid, (void **)&the_quirk.loader);
    if (EFI_ERROR(status))
        return status;
    the_quirk.loader->DeviceHandle = self->DeviceHandle;
    the_quirk.loader->LoadOptions = self->LoadOptions;
    the_quirk.loader->LoadOptionsSize = self->LoadOptionsSize;
    return EFI_SUCCESS;
}

NORETURN static void switch_off(void)
{
    the_quirk.st->RuntimeServices->ResetSystem(EfiResetShutdown, EFI_SUCCESS, 0, NULL);
    for (;;)
        __builtin_ia32_pause();
}

EFI_STATUS EFIAPI efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st)
{
    static EFI_GUID guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
    const struct quirk_entry *entry;
    EFI_LOADED_IMAGE *self;
    EFI_HANDLE loader;

    the_quirk =
        (struct quirk){.st = st, .bs = st->BootServices, .real = *st->BootServices, .self = image};
    if (EFI_ERROR(st->BootServices->HandleProtocol(image, &guid, (void **)&self)))
        return EFI_LOAD_ERROR;
    the_quirk.volume = self->DeviceHandle;
    entry = read_quirk();
    if (!entry) {
        quirk_fault("there is no such quirk");
        switch_off();
    }
    if (EFI_ERROR(load(self, &loader))) {
        quirk_fault("\\firstlight\\loader.efi cannot be loaded");
        switch_off();
    }
    quirk_install_exit();
    entry->install();
    st->BootServices->StartImage(loader, NULL, NULL);
    *the_quirk.bs = the_quirk.real;
    quirk_say("the loader came back");
    switch_off();
}
