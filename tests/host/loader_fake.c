/* SPDX-License-Identifier: MIT */
/* See loader_fake.h. */
#define _GNU_SOURCE /* MAP_32BIT */
#include "tests/host/loader_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "efi-loader/log.h"

#define N_VOLUMES 3
#define PAGE      4096ULL

struct fake the_fake;
static char volume_ids[N_VOLUMES];

/* ---- The loader's log ------------------------------------------------------------------------ */

static void remember(const char *prefix, const char *format, va_list args)
{
    size_t length = strlen(the_fake.log);

    length += (size_t)snprintf(the_fake.log + length, FAKE_LOG - length, "%s", prefix);
    length += (size_t)vsnprintf(the_fake.log + length, FAKE_LOG - length, format, args);
    snprintf(the_fake.log + length, FAKE_LOG - length, "\n");
}

void log_line(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    remember("", format, args);
    va_end(args);
}

void log_refuse(enum refusal code, const char *format, ...)
{
    va_list args;

    the_fake.refusal = code;
    va_start(args, format);
    remember("refused: ", format, args);
    va_end(args);
}

void log_show(const char *text)
{
    strncat(the_fake.shown, text, FAKE_LOG - strlen(the_fake.shown) - 1);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static void note_call(void)
{
    if (the_fake.exit_attempts)
        the_fake.calls_after_exit++;
}

static EFI_STATUS EFIAPI allocate_pages(EFI_ALLOCATE_TYPE how, EFI_MEMORY_TYPE type, UINTN npages,
                                        EFI_PHYSICAL_ADDRESS *address)
{
    note_call();
    if (type != EfiLoaderCode && type != EfiLoaderData)
        the_fake.bad_types++;
    if (npages > the_fake.pages_left)
        return EFI_OUT_OF_RESOURCES;
    if (how == AllocateMaxAddress && *address < (1 << 20)) {
        if (the_fake.low_address == ~0ULL)
            return EFI_NOT_FOUND;
        *address = the_fake.low_address;
        for (unsigned i = 0; i < FAKE_BLOCKS; i++) {
            if (!the_fake.blocks[i].used) {
                the_fake.blocks[i] = (struct fake_block){*address, npages, true};
                return EFI_SUCCESS;
            }
        }
    }
    if (how != AllocateMaxAddress || *address > 0xffffffff)
        the_fake.high_offers++;
    for (unsigned i = 0; i < FAKE_BLOCKS; i++) {
        struct fake_block *block = &the_fake.blocks[i];

        if (block->used)
            continue;
        /* The page after it is a guard: whoever writes past the end is caught. */
        unsigned char *memory = mmap(NULL, (npages + 1) * PAGE, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
        if (memory == MAP_FAILED)
            return EFI_OUT_OF_RESOURCES;
        mprotect(memory + npages * PAGE, PAGE, PROT_NONE);
        memset(memory, 0xa5, npages * PAGE);
        *block = (struct fake_block){(uintptr_t)memory, npages, true};
        *address = block->base;
        the_fake.pages_left -= npages;
        return EFI_SUCCESS;
    }
    return EFI_OUT_OF_RESOURCES;
}

static EFI_STATUS EFIAPI free_pages(EFI_PHYSICAL_ADDRESS address, UINTN npages)
{
    note_call();
    for (unsigned i = 0; i < FAKE_BLOCKS; i++) {
        struct fake_block *block = &the_fake.blocks[i];

        if (!block->used || block->base != address)
            continue;
        if (block->npages != npages)
            the_fake.bad_frees++;
        if (address >= (1 << 20)) {
            munmap((void *)(uintptr_t)address, (block->npages + 1) * PAGE);
            the_fake.pages_left += npages;
        }
        block->used = false;
        return EFI_SUCCESS;
    }
    the_fake.bad_frees++;
    return EFI_NOT_FOUND;
}

static EFI_STATUS EFIAPI free_pool(void *memory)
{
    note_call();
    free(memory);
    the_fake.pool_blocks--;
    return EFI_SUCCESS;
}

unsigned fake_blocks_in_use(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < FAKE_BLOCKS; i++)
        n += the_fake.blocks[i].used;
    return n;
}

/* ---- The memory map and the exit ------------------------------------------------------------- */

static void append_descriptor(void)
{
    EFI_MEMORY_DESCRIPTOR desc = {.Type = EfiConventionalMemory,
                                  .PhysicalStart = 0x100000 + the_fake.map_count * 2 * PAGE,
                                  .NumberOfPages = 1,
                                  .Attribute = EFI_MEMORY_WB};
    size_t at = the_fake.map_count * the_fake.desc_size;

    assert_true(at + the_fake.desc_size <= sizeof(the_fake.map));
    memset(the_fake.map + at, 0xee, the_fake.desc_size);
    memcpy(the_fake.map + at, &desc, sizeof(desc));
    the_fake.map_count++;
}

void fake_make_map(unsigned n, size_t desc_size)
{
    the_fake.desc_size = desc_size;
    the_fake.map_count = 0;
    while (n--)
        append_descriptor();
}

static EFI_STATUS EFIAPI get_memory_map(UINTN *nbytes, EFI_MEMORY_DESCRIPTOR *map, UINTN *key,
                                        UINTN *desc_size, UINT32 *version)
{
    size_t needed;

    if (map && the_fake.map_status)
        return the_fake.map_status;
    if (map) {
        for (unsigned i = 0; i < the_fake.map_growth; i++)
            append_descriptor();
    }
    needed = the_fake.map_count * the_fake.desc_size;
    *desc_size = the_fake.desc_size;
    *version = 1;
    if (*nbytes < needed) {
        *nbytes = needed;
        return EFI_BUFFER_TOO_SMALL;
    }
    if (!map)
        return EFI_INVALID_PARAMETER;
    memcpy(map, the_fake.map, needed);
    *nbytes = needed;
    *key = the_fake.key;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI exit_boot(EFI_HANDLE image, UINTN key)
{
    assert_ptr_equal(image, &the_fake);
    the_fake.exit_attempts++;
    if (key != the_fake.key)
        the_fake.key_mismatches++;
    if (the_fake.stale) {
        the_fake.stale--;
        the_fake.key++;
        return EFI_INVALID_PARAMETER;
    }
    the_fake.exited = true;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI set_watchdog(UINTN seconds, UINT64 code, UINTN nbytes, CHAR16 *text)
{
    note_call();
    assert_int_equal(nbytes, 0);
    assert_null(text);
    if (seconds == 0) {
        the_fake.watchdog_disarmed++;
    } else {
        assert_true(code >= 0x10000);
        the_fake.watchdog_armed++;
    }
    return EFI_SUCCESS;
}

/* ---- Files ----------------------------------------------------------------------------------- */

struct handle {
    EFI_FILE_PROTOCOL protocol; /* first: a protocol pointer is a pointer to this */
    unsigned volume;
    const struct fake_file *file; /* NULL for a directory that is looked into */
    bool root;
    uint64_t position;
};

static EFI_STATUS EFIAPI file_close(EFI_FILE_HANDLE self)
{
    note_call();
    the_fake.open_handles--;
    free(self);
    return EFI_SUCCESS;
}

static EFI_FILE_HANDLE new_handle(unsigned volume, const struct fake_file *file, bool root);

static bool names_equal(const CHAR16 *wide, const char *name)
{
    while (*wide && *wide == (unsigned char)*name) {
        wide++;
        name++;
    }
    return *wide == 0 && *name == 0;
}

static EFI_STATUS EFIAPI file_open(EFI_FILE_HANDLE self, EFI_FILE_HANDLE *out, CHAR16 *name,
                                   UINT64 mode, UINT64 attributes)
{
    struct handle *handle = (struct handle *)self;

    note_call();
    assert_int_equal(mode, EFI_FILE_MODE_READ);
    assert_int_equal(attributes, 0);
    if (handle->root) {
        if (!names_equal(name, "\\firstlight") ||
            !(the_fake.volumes_with_directory >> handle->volume & 1))
            return EFI_NOT_FOUND;
        the_fake.volume_opened = handle->volume;
        *out = new_handle(handle->volume, NULL, false);
        return EFI_SUCCESS;
    }
    for (const struct fake_file *file = the_fake.files; file->name; file++) {
        if (!names_equal(name, file->name))
            continue;
        if (file->open_status)
            return file->open_status;
        *out = new_handle(handle->volume, file, false);
        return EFI_SUCCESS;
    }
    return EFI_NOT_FOUND;
}

static EFI_STATUS EFIAPI file_seek(EFI_FILE_HANDLE self, UINT64 position)
{
    note_call();
    ((struct handle *)self)->position = position;
    return EFI_SUCCESS;
}

/* The entries of the boot directory are the files without a backslash, those of another one the
 * files whose names begin with its own. Described at the end: a directory, as "..". */
static EFI_STATUS directory_read(struct handle *handle, UINTN *nbytes, void *to)
{
    const char *prefix = handle->file ? handle->file->name : "";
    size_t skip = strlen(prefix) ? strlen(prefix) + 1 : 0;
    EFI_FILE_INFO *info = to;

    note_call();
    for (; handle->position < FAKE_FILES && the_fake.files[handle->position].name;) {
        const struct fake_file *file = &the_fake.files[handle->position++];
        size_t n = 0;

        if (strncmp(file->name, prefix, strlen(prefix)) != 0 || file->directory ||
            (skip == 0) != !strchr(file->name, '\\'))
            continue;
        assert_true(*nbytes >= sizeof(*info) + 2 * strlen(file->name));
        *info = (EFI_FILE_INFO){.FileSize = file->size};
        for (; file->name[skip + n]; n++)
            info->FileName[n] = (unsigned char)file->name[skip + n];
        info->FileName[n] = 0;
        *nbytes = sizeof(*info) + 2 * n;
        return EFI_SUCCESS;
    }
    *nbytes = 0;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI file_read(EFI_FILE_HANDLE self, UINTN *nbytes, void *to)
{
    struct handle *handle = (struct handle *)self;

    if (!handle->file || handle->file->directory)
        return directory_read(handle, nbytes, to);
    uint64_t size = MIN(handle->file->size, the_fake.read_stop);
    uint64_t n = MIN(*nbytes, size - MIN(size, handle->position));

    note_call();
    the_fake.largest_read = MAX(the_fake.largest_read, *nbytes);
    if (*nbytes > the_fake.read_limit)
        return EFI_DEVICE_ERROR;
    memcpy(to, (const char *)handle->file->data + handle->position, n);
    handle->position += n;
    *nbytes = n;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI file_info(EFI_FILE_HANDLE self, EFI_GUID *guid, UINTN *nbytes, void *out)
{
    struct handle *handle = (struct handle *)self;
    EFI_FILE_INFO info = {.Size = sizeof(info), .FileSize = handle->file->size};

    note_call();
    (void)guid;
    if (handle->file->directory)
        info.Attribute = EFI_FILE_DIRECTORY;
    if (*nbytes < sizeof(info))
        return EFI_BUFFER_TOO_SMALL;
    memcpy(out, &info, sizeof(info));
    *nbytes = sizeof(info);
    return EFI_SUCCESS;
}

static EFI_FILE_HANDLE new_handle(unsigned volume, const struct fake_file *file, bool root)
{
    struct handle *handle = calloc(1, sizeof(*handle));

    handle->protocol.Open = file_open;
    handle->protocol.Close = file_close;
    handle->protocol.Read = file_read;
    handle->protocol.SetPosition = file_seek;
    handle->protocol.GetInfo = file_info;
    handle->volume = volume;
    handle->file = file;
    handle->root = root;
    the_fake.open_handles++;
    return &handle->protocol;
}

static EFI_FILE_IO_INTERFACE volumes[N_VOLUMES];

static EFI_STATUS EFIAPI open_volume(EFI_FILE_IO_INTERFACE *self, EFI_FILE_HANDLE *out)
{
    note_call();
    *out = new_handle((unsigned)(self - volumes), NULL, true);
    return EFI_SUCCESS;
}

EFI_HANDLE fake_volume(unsigned n)
{
    return &volume_ids[n];
}

/* ---- Protocols ------------------------------------------------------------------------------- */

static EFI_STATUS EFIAPI handle_protocol(EFI_HANDLE handle, EFI_GUID *guid, void **out)
{
    static const EFI_GUID fs = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;

    note_call();
    assert_non_null(handle); /* some firmware does not check that */
    if (memcmp(guid, &fs, sizeof(fs)) != 0)
        return EFI_UNSUPPORTED;
    for (unsigned i = 0; i < N_VOLUMES; i++) {
        if (handle == fake_volume(i)) {
            *out = &volumes[i];
            return EFI_SUCCESS;
        }
    }
    return EFI_UNSUPPORTED;
}

static EFI_STATUS EFIAPI locate_handles(EFI_LOCATE_SEARCH_TYPE how, EFI_GUID *guid, void *key,
                                        UINTN *count, EFI_HANDLE **out)
{
    static const EFI_GUID fs = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;

    note_call();
    assert_int_equal(how, ByProtocol);
    assert_null(key);
    if (the_fake.volumes_hidden || memcmp(guid, &fs, sizeof(fs)) != 0)
        return EFI_NOT_FOUND;
    *out = calloc(N_VOLUMES, sizeof(EFI_HANDLE));
    for (unsigned i = 0; i < N_VOLUMES; i++)
        (*out)[i] = fake_volume(i);
    *count = N_VOLUMES;
    the_fake.pool_blocks++;
    return EFI_SUCCESS;
}

void fake_reset(void)
{
    for (unsigned i = 0; i < FAKE_BLOCKS; i++) {
        if (the_fake.blocks[i].used)
            free_pages(the_fake.blocks[i].base, the_fake.blocks[i].npages);
    }
    the_fake = (struct fake){
        .pages_left = 16384,
        .low_address = 0x9e000,
        .read_limit = ~0ULL,
        .read_stop = ~0ULL,
        .key = 100,
        .volumes_with_directory = 1,
    };
    the_fake.bs.AllocatePages = allocate_pages;
    the_fake.bs.FreePages = free_pages;
    the_fake.bs.GetMemoryMap = get_memory_map;
    the_fake.bs.ExitBootServices = exit_boot;
    the_fake.bs.SetWatchdogTimer = set_watchdog;
    the_fake.bs.HandleProtocol = handle_protocol;
    the_fake.bs.LocateHandleBuffer = locate_handles;
    the_fake.bs.FreePool = free_pool;
    the_fake.st.BootServices = &the_fake.bs;
    the_fake.st.RuntimeServices = &the_fake.rs;
    for (unsigned i = 0; i < N_VOLUMES; i++)
        volumes[i].OpenVolume = open_volume;
    fake_make_map(20, sizeof(EFI_MEMORY_DESCRIPTOR));
}
