/* SPDX-License-Identifier: MIT */
/*
 * The boot directory, and reading files from it.
 *
 * Whoever starts one file (over a network, from a firmware's shell) has the boot directory in that
 * file: a section .bootdir with an archive. It comes first, since those who put it there mean it.
 *
 * The directory \firstlight is searched on the volume that the loader came from, then on every
 * other: some firmware loads the file from one handle of a disk and shows its volume on another.
 * If none has it, the firmware's drivers for disks are started, and all are looked at once more.
 * Files are read in pieces of 1 MiB, since some firmware fails on larger reads, and the watchdog is
 * set anew before each: a device that hangs resets the machine after 60 s instead of stopping it
 * for ever.
 *
 * Sizes come from GetInfo and are bounded by the caller before any memory is taken. A file that
 * ends before its size says so is an I/O error.
 */
#include "efi-loader/files.h"
#include "efi-loader/connect.h"
#include "efi-loader/log.h"
#include "efi-loader/section.h"
#include "kernel/lib/cpio.h"
#include "kernel/lib/string.h"
#include "shared/linux/errno.h"
#include "shared/linux/stat.h"

#define ARCHIVE     ".bootdir"
#define MAX_ENTRIES 4096 /* of a directory: a damaged one must not loop */
#define INFO_CAPACITY                                                                              \
    (sizeof(EFI_FILE_INFO) + 2 * 256) /* FAT names have at most 255 characters                     \
                                       */

/* Every line on a firmware's console costs as much as reading 100 KiB; but on a slow stick, or one
 * that hangs, the screen should show what is being read. */
#define ANNOUNCED_SIZE 16384

/* Codes from 0x10000 on are for others than the firmware. */
#define WATCHDOG_CODE 0x10000

void files_watchdog_on(EFI_BOOT_SERVICES *bs)
{
    bs->SetWatchdogTimer(FILES_WATCHDOG_SECONDS, WATCHDOG_CODE, 0, NULL);
}

void files_watchdog_off(struct files *files)
{
    files->bs->SetWatchdogTimer(0, 0, 0, NULL);
}

/* A volume that cannot be opened is passed over like one without the directory. */
static int open_on(EFI_BOOT_SERVICES *bs, EFI_HANDLE volume, EFI_FILE_HANDLE *out)
{
    static EFI_GUID guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
    static CHAR16 name[] = u"\\firstlight";
    EFI_FILE_IO_INTERFACE *fs;
    EFI_FILE_HANDLE root;

    if (!volume || EFI_ERROR(bs->HandleProtocol(volume, &guid, (void **)&fs)))
        return -ENOENT;
    if (EFI_ERROR(fs->OpenVolume(fs, &root)))
        return -ENOENT;
    EFI_STATUS status = root->Open(root, out, name, EFI_FILE_MODE_READ, 0);
    root->Close(root);
    return EFI_ERROR(status) ? -ENOENT : 0;
}

static int open_anywhere(EFI_BOOT_SERVICES *bs, EFI_FILE_HANDLE *out)
{
    static EFI_GUID guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
    EFI_HANDLE *handles;
    UINTN count;
    int err = -ENOENT;

    if (EFI_ERROR(bs->LocateHandleBuffer(ByProtocol, &guid, NULL, &count, &handles)))
        return err;
    for (UINTN i = 0; i < count && err; i++)
        err = open_on(bs, handles[i], out);
    bs->FreePool(handles);
    return err;
}

int files_open(struct files *files, EFI_BOOT_SERVICES *bs, const EFI_LOADED_IMAGE *self)
{
    int err;

    *files = (struct files){.bs = bs};
    files_watchdog_on(bs);
    /* The device says where the loader came from; FilePath may be NULL and is not needed. */
    err = open_on(bs, self->DeviceHandle, &files->directory);
    if (err)
        files->directory = NULL;
    if (!section_find(self->ImageBase, self->ImageSize, ARCHIVE, &files->archive,
                      &files->archive_size)) {
        log_line("the boot directory is in the loader's own file");
        return 0;
    }
    if (err)
        err = open_anywhere(bs, &files->directory);
    if (err) {
        connect_storage(bs);
        err = open_anywhere(bs, &files->directory);
    }
    return err;
}

void files_close(struct files *files)
{
    if (files->directory)
        files->directory->Close(files->directory);
}

/* --- in the archive --- */

/* A broken archive ends where it breaks, as a broken directory does. */
static bool archive_next(struct cpio_reader *reader, struct cpio_entry *entry)
{
    while (cpio_next(reader, entry) == 1) {
        if ((entry->mode & LX_S_IFMT) == LX_S_IFREG)
            return true;
    }
    return false;
}

static char the_name[CPIO_NAME_SIZE];

static int archive_read(const struct files *files, struct memory *memory, const char *name,
                        uint64_t max_size, enum bootinfo_type type, struct bootinfo_extent *out)
{
    struct cpio_reader reader;
    struct cpio_entry entry;

    cpio_init(&reader, files->archive, files->archive_size, the_name);
    do {
        if (!archive_next(&reader, &entry))
            return -ENOENT;
    } while (strcmp(entry.name, name) != 0);
    out->size = entry.size;
    if (out->size > max_size)
        return -EFBIG;
    if (out->size == 0)
        return 0;
    int err = memory_take(memory, out->size, type, &out->base);
    if (!err)
        memcpy((void *)(uintptr_t)out->base, entry.data, entry.size);
    return err;
}

static void archive_list(const struct files *files, bool (*each)(void *argument, const char *name),
                         void *argument)
{
    struct cpio_reader reader;
    struct cpio_entry entry;

    cpio_init(&reader, files->archive, files->archive_size, the_name);
    while (archive_next(&reader, &entry)) {
        if (entry.name_length < FILES_NAME && !each(argument, entry.name))
            return;
    }
}

/* --- on the volume --- */

/* Names are ASCII and short; the buffer is larger than the longest of them. */
static int open_file(struct files *files, const char *name, EFI_FILE_HANDLE *out)
{
    CHAR16 wide[FILES_NAME];
    size_t n = 0;

    for (; name[n] && n < FILES_NAME - 1; n++)
        wide[n] = (unsigned char)name[n];
    wide[n] = 0;
    EFI_STATUS status = files->directory->Open(files->directory, out, wide, EFI_FILE_MODE_READ, 0);
    if (status == EFI_NOT_FOUND)
        return -ENOENT;
    return EFI_ERROR(status) ? -EIO : 0;
}

/* The structure is followed by the name, whose length is not known: hence the union with room for
 * any FAT name. */
union file_info {
    EFI_FILE_INFO info;
    unsigned char room[INFO_CAPACITY];
};

static int read_size(EFI_FILE_HANDLE file, uint64_t *size)
{
    static EFI_GUID guid = EFI_FILE_INFO_ID;
    union file_info u;
    UINTN nbytes = sizeof(u);

    if (EFI_ERROR(file->GetInfo(file, &guid, &nbytes, &u)))
        return -EIO;
    if (u.info.Attribute & EFI_FILE_DIRECTORY)
        return -EISDIR;
    *size = u.info.FileSize;
    return 0;
}

static int read_pieces(struct files *files, EFI_FILE_HANDLE file, unsigned char *to, uint64_t size)
{
    while (size) {
        UINTN piece = MIN(size, FILES_PIECE);

        files_watchdog_on(files->bs);
        if (EFI_ERROR(file->Read(file, &piece, to)) || piece == 0 || piece > size)
            return -EIO;
        to += piece;
        size -= piece;
    }
    return 0;
}

static int read_open_file(struct files *files, EFI_FILE_HANDLE file, const char *name,
                          struct memory *memory, uint64_t max_size, enum bootinfo_type type,
                          struct bootinfo_extent *out)
{
    int err = read_size(file, &out->size);
    if (err)
        return err;
    if (out->size > max_size)
        return -EFBIG;
    if (out->size == 0)
        return 0;
    err = memory_take(memory, out->size, type, &out->base);
    if (err)
        return err;
    if (out->size >= ANNOUNCED_SIZE)
        log_line("reading %s, %llu KiB", name, (unsigned long long)(out->size + 1023) / 1024);
    return read_pieces(files, file, (unsigned char *)(uintptr_t)out->base, out->size);
}

int files_read(struct files *files, struct memory *memory, const char *name, uint64_t max_size,
               enum bootinfo_type type, struct bootinfo_extent *out)
{
    EFI_FILE_HANDLE file;

    *out = (struct bootinfo_extent){0};
    if (files->archive && !strchr(name, '\\'))
        return archive_read(files, memory, name, max_size, type, out);
    if (!files->directory)
        return -ENOENT;
    int err = open_file(files, name, &file);
    if (err)
        return err;
    err = read_open_file(files, file, name, memory, max_size, type, out);
    file->Close(file);
    return err;
}

static bool name_convert(const CHAR16 *wide, char *name)
{
    size_t n = 0;

    for (; wide[n] && n < FILES_NAME; n++) {
        if (wide[n] < 0x20 || wide[n] > 0x7e)
            return false;
        name[n] = (char)wide[n];
    }
    if (n == FILES_NAME)
        return false;
    name[n] = '\0';
    return true;
}

/* Each Read of a directory gives the description of its next entry, and nothing at the end. */
static int list_open(struct files *files, EFI_FILE_HANDLE directory,
                     bool (*each)(void *argument, const char *name), void *argument)
{
    char name[FILES_NAME];
    union file_info u;

    if (EFI_ERROR(directory->SetPosition(directory, 0)))
        return -EIO;
    for (unsigned i = 0; i < MAX_ENTRIES; i++) {
        UINTN nbytes = sizeof(u) - sizeof(CHAR16);

        memset(&u, 0, sizeof(u));
        files_watchdog_on(files->bs);
        if (EFI_ERROR(directory->Read(directory, &nbytes, &u)))
            return -EIO;
        if (nbytes == 0)
            return 0;
        if (!(u.info.Attribute & EFI_FILE_DIRECTORY) && name_convert(u.info.FileName, name) &&
            !each(argument, name))
            return 0;
    }
    return 0;
}

int files_list(struct files *files, const char *directory,
               bool (*each)(void *argument, const char *name), void *argument)
{
    EFI_FILE_HANDLE handle;
    int err;

    if (!directory && files->archive) {
        archive_list(files, each, argument);
        return 0;
    }
    if (!files->directory)
        return -ENOENT;
    if (!directory)
        return list_open(files, files->directory, each, argument);
    err = open_file(files, directory, &handle);
    if (err)
        return err;
    err = list_open(files, handle, each, argument);
    handle->Close(handle);
    return err;
}
