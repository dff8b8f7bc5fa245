/* SPDX-License-Identifier: MIT */
/* See loader_volume.h. */
#include "tests/host/loader_volume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "efi-loader/cpu.h"

struct volume the_volume;
struct files the_volume_files;

struct volume_handle {
    EFI_FILE_PROTOCOL protocol; /* first: a protocol pointer is a pointer to this */
    struct volume_file *file;   /* NULL: a directory */
    bool root, writable;
    uint64_t position;
};

static EFI_FILE_HANDLE handle_make(struct volume_file *file, bool root, bool writable);

static bool wide_equal(const CHAR16 *wide, const char *name)
{
    while (*wide && *wide == (unsigned char)*name) {
        wide++;
        name++;
    }
    return *wide == 0 && *name == 0;
}

struct volume_file *volume_find(const char *name)
{
    for (unsigned i = 0; i < VOLUME_FILES; i++) {
        if (!strcmp(the_volume.files[i].name, name))
            return &the_volume.files[i];
    }
    return NULL;
}

void volume_put(const char *name, const char *text)
{
    struct volume_file *file = volume_find("");

    assert_non_null(file);
    the_volume.directory = true;
    snprintf(file->name, sizeof(file->name), "%s", name);
    file->size = strlen(text);
    memcpy(file->data, text, file->size);
}

static EFI_STATUS EFIAPI file_close(EFI_FILE_HANDLE self)
{
    the_volume.open_handles--;
    free(self);
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI file_delete(EFI_FILE_HANDLE self)
{
    struct volume_handle *handle = (struct volume_handle *)self;

    assert_non_null(handle->file);
    assert_true(handle->writable);
    the_volume.room += handle->file->size;
    memset(handle->file, 0, sizeof(*handle->file));
    return file_close(self);
}

static EFI_STATUS directory_open(EFI_FILE_HANDLE *out, const CHAR16 *name, UINT64 mode,
                                 UINT64 attributes)
{
    bool create = mode & EFI_FILE_MODE_CREATE;

    assert_true(wide_equal(name, "reports"));
    assert_int_equal(attributes, create ? EFI_FILE_DIRECTORY : 0);
    if (the_volume.write_protected && (mode & EFI_FILE_MODE_WRITE))
        return the_volume.directory || create ? EFI_WRITE_PROTECTED : EFI_NOT_FOUND;
    if (!the_volume.directory && !create)
        return EFI_NOT_FOUND;
    if (!the_volume.directory && the_volume.room == 0)
        return EFI_VOLUME_FULL;
    the_volume.directory = true;
    *out = handle_make(NULL, false, mode & EFI_FILE_MODE_WRITE);
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI file_open(EFI_FILE_HANDLE self, EFI_FILE_HANDLE *out, CHAR16 *name,
                                   UINT64 mode, UINT64 attributes)
{
    struct volume_handle *handle = (struct volume_handle *)self;
    struct volume_file *file = NULL;

    if (handle->root)
        return directory_open(out, name, mode, attributes);
    assert_int_equal(attributes, 0);
    for (unsigned i = 0; i < VOLUME_FILES && !file; i++) {
        if (the_volume.files[i].name[0] && wide_equal(name, the_volume.files[i].name))
            file = &the_volume.files[i];
    }
    if (!file && !(mode & EFI_FILE_MODE_CREATE))
        return EFI_NOT_FOUND;
    if ((mode & EFI_FILE_MODE_WRITE) && the_volume.write_protected)
        return EFI_WRITE_PROTECTED;
    if (!file) {
        file = volume_find("");
        assert_non_null(file);
        for (unsigned i = 0; i < sizeof(file->name) && name[i]; i++)
            file->name[i] = (char)name[i];
    }
    *out = handle_make(file, false, mode & EFI_FILE_MODE_WRITE);
    return EFI_SUCCESS;
}

/* An entry of the directory each time; its end is a read of nothing. */
static EFI_STATUS directory_read(struct volume_handle *handle, UINTN *nbytes, void *to)
{
    struct {
        EFI_FILE_INFO info;
        CHAR16 more[16];
    } entry = {.info = {.Size = sizeof(entry)}};

    while (handle->position < VOLUME_FILES && !the_volume.files[handle->position].name[0])
        handle->position++;
    if (handle->position == VOLUME_FILES) {
        if (the_volume.endless)
            handle->position = 0;
        *nbytes = 0;
        if (!the_volume.endless)
            return EFI_SUCCESS;
    }
    for (unsigned i = 0; the_volume.files[handle->position].name[i]; i++)
        entry.info.FileName[i] = (CHAR16)the_volume.files[handle->position].name[i];
    handle->position++;
    memcpy(to, &entry, sizeof(entry));
    *nbytes = sizeof(entry);
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI file_read(EFI_FILE_HANDLE self, UINTN *nbytes, void *to)
{
    struct volume_handle *handle = (struct volume_handle *)self;
    uint64_t n;

    if (the_volume.read_status)
        return the_volume.read_status;
    if (!handle->file)
        return directory_read(handle, nbytes, to);
    n = MIN(*nbytes, handle->file->size - MIN(handle->file->size, handle->position));
    memcpy(to, handle->file->data + handle->position, n);
    handle->position += n;
    *nbytes = n;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI file_write(EFI_FILE_HANDLE self, UINTN *nbytes, void *from)
{
    struct volume_handle *handle = (struct volume_handle *)self;
    size_t end = handle->position + *nbytes, more, n = *nbytes;

    assert_true(handle->writable && handle->file && end <= VOLUME_FILE_SIZE);
    more = end > handle->file->size ? end - handle->file->size : 0;
    if (more > the_volume.room) {
        n -= more - the_volume.room;
        more = the_volume.room;
    }
    memcpy(handle->file->data + handle->position, from, n);
    handle->position += n;
    handle->file->size += more;
    the_volume.room -= more;
    if (n == *nbytes)
        return EFI_SUCCESS;
    *nbytes = n;
    return the_volume.short_writes ? EFI_SUCCESS : EFI_VOLUME_FULL;
}

static EFI_STATUS EFIAPI file_set_position(EFI_FILE_HANDLE self, UINT64 position)
{
    ((struct volume_handle *)self)->position = position;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI file_flush(EFI_FILE_HANDLE self)
{
    (void)self;
    the_volume.flushes++;
    return EFI_SUCCESS;
}

static EFI_FILE_HANDLE handle_make(struct volume_file *file, bool root, bool writable)
{
    struct volume_handle *handle = calloc(1, sizeof(*handle));

    handle->protocol.Open = file_open;
    handle->protocol.Close = file_close;
    handle->protocol.Delete = file_delete;
    handle->protocol.Read = file_read;
    handle->protocol.Write = file_write;
    handle->protocol.SetPosition = file_set_position;
    handle->protocol.Flush = file_flush;
    handle->file = file;
    handle->root = root;
    handle->writable = writable;
    the_volume.open_handles++;
    return &handle->protocol;
}

/* ---- Runtime services ------------------------------------------------------------------------ */

static struct volume_variable *variable_find(const CHAR16 *name)
{
    for (unsigned i = 0; i < VOLUME_VARIABLES; i++) {
        unsigned at = 0;

        while (name[at] && the_volume.variables[i].name[at] == name[at])
            at++;
        if (the_volume.variables[i].size && the_volume.variables[i].name[at] == name[at])
            return &the_volume.variables[i];
    }
    return NULL;
}

static EFI_STATUS EFIAPI get_variable(CHAR16 *name, EFI_GUID *guid, UINT32 *attributes,
                                      UINTN *nbytes, void *data)
{
    static const EFI_GUID ours = REPORT_GUID;
    const struct volume_variable *variable = variable_find(name);

    assert_memory_equal(guid, &ours, sizeof(ours));
    assert_null(attributes);
    if (!variable)
        return EFI_NOT_FOUND;
    if (*nbytes < variable->size) {
        *nbytes = variable->size;
        return EFI_BUFFER_TOO_SMALL;
    }
    *nbytes = variable->size;
    memcpy(data, variable->data, variable->size);
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI set_variable(CHAR16 *name, EFI_GUID *guid, UINT32 attributes, UINTN nbytes,
                                      void *data)
{
    struct volume_variable *variable = variable_find(name);

    (void)guid;
    assert_int_equal(attributes, REPORT_ATTRIBUTES);
    if (!variable)
        return EFI_NOT_FOUND; /* the loader makes none */
    if (the_volume.set_status)
        return the_volume.set_status;
    variable->size = nbytes;
    if (nbytes)
        memcpy(variable->data, data, nbytes);
    return EFI_SUCCESS;
}

void volume_put_variable(unsigned index, struct report_header header, const char *text)
{
    struct volume_variable *variable = &the_volume.variables[index];

    memcpy(variable->name, REPORT_VARIABLE_NAME, sizeof(REPORT_VARIABLE_NAME));
    variable->name[sizeof(REPORT_VARIABLE_NAME) / 2 - 1] = (CHAR16)('0' + index);
    if (!header.magic)
        header.magic = REPORT_MAGIC;
    header.index = (uint8_t)index;
    header.nbytes = (uint32_t)strlen(text);
    memcpy(variable->data, &header, sizeof(header));
    memcpy(variable->data + sizeof(header), text, strlen(text));
    variable->size = sizeof(header) + strlen(text);
}

unsigned volume_variables(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < VOLUME_VARIABLES; i++)
        n += the_volume.variables[i].size != 0;
    return n;
}

static EFI_STATUS EFIAPI get_time(EFI_TIME *time, EFI_TIME_CAPABILITIES *capabilities)
{
    (void)capabilities;
    *time = (EFI_TIME){.Year = 2026, .Month = 2, .Day = 3, .Hour = 4, .Minute = 5, .Second = 6};
    return the_volume.time_status;
}

static EFI_STATUS EFIAPI reset_system(EFI_RESET_TYPE how, EFI_STATUS status, UINTN nbytes,
                                      CHAR16 *data)
{
    (void)status;
    assert_int_equal(nbytes, 0);
    assert_null(data);
    the_volume.resets++;
    the_volume.last_reset = how;
    if (!the_volume.reset_returns)
        longjmp(the_volume.reset, 1);
    return EFI_UNSUPPORTED;
}

/* ---- The rest of the firmware ---------------------------------------------------------------- */

static EFI_STATUS EFIAPI stall(UINTN microseconds)
{
    the_volume.stalls += (unsigned)microseconds;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI keys_reset(SIMPLE_INPUT_INTERFACE *self, BOOLEAN extended)
{
    (void)self;
    (void)extended;
    the_volume.polls = 0;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI key_read(SIMPLE_INPUT_INTERFACE *self, EFI_INPUT_KEY *key)
{
    (void)self;
    (void)key;
    return the_volume.key_after && ++the_volume.polls >= the_volume.key_after ? EFI_SUCCESS
                                                                              : EFI_NOT_READY;
}

static EFI_STATUS EFIAPI locate_protocol(EFI_GUID *guid, void *registration, void **out)
{
    (void)guid;
    (void)registration;
    (void)out;
    return EFI_NOT_FOUND;
}

int volume_set_up(void **state)
{
    static SIMPLE_INPUT_INTERFACE keys = {.Reset = keys_reset, .ReadKeyStroke = key_read};

    (void)state;
    fake_reset();
    memset(&the_volume, 0, sizeof(the_volume));
    the_volume.room = 100000;
    the_fake.rs.GetVariable = get_variable;
    the_fake.rs.SetVariable = set_variable;
    the_fake.rs.GetTime = get_time;
    the_fake.rs.ResetSystem = reset_system;
    the_fake.bs.Stall = stall;
    the_fake.bs.LocateProtocol = locate_protocol;
    the_fake.st.ConIn = &keys;
    the_volume_files =
        (struct files){.bs = &the_fake.bs, .directory = handle_make(NULL, true, false)};
    return 0;
}

int volume_tear_down(void **state)
{
    (void)state;
    free(the_volume_files.directory);
    assert_int_equal(the_volume.open_handles, 1);
    return 0;
}
