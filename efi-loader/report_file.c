/* SPDX-License-Identifier: MIT */
/*
 * Report files, by the firmware's FAT driver.
 *
 * The watchdog is armed before each step that may write: a stick that hangs resets the machine.
 * Every file is flushed before it is closed, as the machine may lose power at any time after.
 */
#include "efi-loader/report_file.h"

#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "shared/linux/errno.h"

#define NAME_CAPACITY 32
#define WATCHDOG_CODE 0x10000
/* Far more files than there are numbers: a damaged directory must not loop. */
#define ENTRIES_MAX 40000

#define MODE_WRITE  (EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE)
#define MODE_CREATE (MODE_WRITE | EFI_FILE_MODE_CREATE)

static int error_of(EFI_STATUS status)
{
    switch (status) {
    case EFI_NOT_FOUND:
        return -ENOENT;
    case EFI_WRITE_PROTECTED:
    case EFI_ACCESS_DENIED:
        return -EROFS;
    case EFI_VOLUME_FULL:
        return -ENOSPC;
    default:
        return EFI_ERROR(status) ? -EIO : 0;
    }
}

static void to_wide(CHAR16 *wide, const char *name)
{
    while ((*wide++ = (unsigned char)*name++))
        ;
}

static int directory_open(struct files *files, uint64_t mode, EFI_FILE_HANDLE *out)
{
    static CHAR16 name[] = u"reports";

    if (!files->directory)
        return -ENOENT;
    files->bs->SetWatchdogTimer(FILES_WATCHDOG_SECONDS, WATCHDOG_CODE, 0, NULL);
    return error_of(files->directory->Open(files->directory, out, name, mode,
                                           mode == MODE_CREATE ? EFI_FILE_DIRECTORY : 0));
}

static int file_open(struct files *files, uint32_t number, const char *suffix, uint64_t mode,
                     EFI_FILE_HANDLE *out)
{
    char name[NAME_CAPACITY];
    CHAR16 wide[NAME_CAPACITY];
    EFI_FILE_HANDLE directory;
    int err = directory_open(files, mode & ~EFI_FILE_MODE_CREATE, &directory);

    if (err)
        return err;
    fmt_print(name, sizeof(name), "%04u.%s", number, suffix);
    to_wide(wide, name);
    err = error_of(directory->Open(directory, out, wide, mode, 0));
    directory->Close(directory);
    return err;
}

static bool ends_here(const CHAR16 *name, const char *suffix)
{
    for (; *suffix && (*name | 0x20) == *suffix; suffix++) /* FAT keeps no case */
        name++;
    return *name == *suffix;
}

/* Four digits and one of two suffixes; other files are of no interest. */
static uint32_t number_of(const CHAR16 *name)
{
    uint32_t number = 0;

    for (unsigned i = 0; i < 4; i++) {
        if (name[i] < u'0' || name[i] > u'9')
            return 0;
        number = number * 10 + (uint32_t)(name[i] - u'0');
    }
    if (name[4] != u'.')
        return 0;
    return ends_here(name + 5, "txt") || ends_here(name + 5, "xml") ? number : 0;
}

/* A directory is read an entry at a time; it ends with a read of 0 bytes (UEFI 2.10, 13.5). */
static int highest_number(EFI_FILE_HANDLE directory, uint32_t *highest)
{
    static union {
        EFI_FILE_INFO info;
        unsigned char room[sizeof(EFI_FILE_INFO) + 2 * 256];
    } entry;

    *highest = 0;
    for (unsigned i = 0; i < ENTRIES_MAX; i++) {
        UINTN nbytes = sizeof(entry);
        EFI_STATUS status = directory->Read(directory, &nbytes, &entry);

        if (EFI_ERROR(status))
            return error_of(status);
        if (nbytes == 0)
            return 0;
        *highest = MAX(*highest, number_of(entry.info.FileName));
    }
    return -EIO;
}

int report_file_number(struct files *files, uint32_t *number)
{
    EFI_FILE_HANDLE directory;
    uint32_t highest;
    int err;

    if (!files->directory)
        return -ENODEV;
    err = directory_open(files, MODE_WRITE, &directory);

    if (err == -ENOENT)
        err = directory_open(files, MODE_CREATE, &directory);
    if (err)
        return err;
    err = highest_number(directory, &highest);
    directory->Close(directory);
    if (!err && highest >= REPORT_NUMBER_MAX)
        return -ENFILE;
    *number = highest + 1;
    return err;
}

/* Some drivers write less than they were given where the volume is full, and report success. */
static int write_all(EFI_FILE_HANDLE file, const char *bytes, size_t nbytes)
{
    UINTN written = nbytes;
    int err = error_of(file->Write(file, &written, (void *)(uintptr_t)bytes));

    if (!err && written != nbytes)
        err = -ENOSPC;
    if (!err)
        err = error_of(file->Flush(file));
    return err;
}

int report_file_create(struct files *files, uint32_t number, const char *suffix, const char *bytes,
                       size_t nbytes)
{
    EFI_FILE_HANDLE file;
    int err;

    /* Opened for writing a file keeps its old end. */
    if (!file_open(files, number, suffix, MODE_WRITE, &file))
        file->Delete(file);
    err = file_open(files, number, suffix, MODE_CREATE, &file);
    if (err)
        return err;
    err = write_all(file, bytes, nbytes);
    if (err)
        file->Delete(file); /* closes it as well */
    else
        file->Close(file);
    return err;
}

int report_file_read(struct files *files, uint32_t number, char *bytes, size_t capacity,
                     size_t *nbytes)
{
    EFI_FILE_HANDLE file;
    UINTN got = capacity;
    int err = file_open(files, number, "txt", EFI_FILE_MODE_READ, &file);

    if (err)
        return err;
    err = error_of(file->Read(file, &got, bytes));
    file->Close(file);
    *nbytes = err ? 0 : got;
    return err;
}

int report_file_write(struct files *files, uint32_t number, uint64_t offset, const char *bytes,
                      size_t nbytes)
{
    EFI_FILE_HANDLE file;
    int err = file_open(files, number, "txt", MODE_WRITE, &file);

    if (err)
        return err;
    err = error_of(file->SetPosition(file, offset));
    if (!err)
        err = write_all(file, bytes, nbytes);
    file->Close(file);
    return err;
}
