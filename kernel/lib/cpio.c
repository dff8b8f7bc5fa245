/* SPDX-License-Identifier: MIT */
/*
 * Reader of a newc cpio archive: the format of Linux's initramfs.
 *
 * An archive is a sequence of header, name, data; name and data are padded to four bytes, counted
 * from the start of the archive. It ends with an entry named TRAILER!!!, and what follows that is
 * ignored. Every number comes from outside and is checked against the archive's size before it is
 * used; the reader copies names alone, data is used in place.
 */
#include "kernel/lib/cpio.h"

#include "kernel/lib/string.h"
#include "shared/linux/errno.h"

#define MAGIC_SIZE  6
#define FIELD_COUNT 13
#define FIELD_SIZE  8
#define HEADER_SIZE (MAGIC_SIZE + FIELD_COUNT * FIELD_SIZE)

/* Some archivers pad names with NULs to a block, hence a limit above that of a name. */
#define NAME_PADDING_MAX 4096
#define TRAILER          "TRAILER!!!"

/* The fields of a header, in their order. */
enum field {
    F_INO,
    F_MODE,
    F_UID,
    F_GID,
    F_NLINK,
    F_MTIME,
    F_FILESIZE,
    F_DEV_MAJOR,
    F_DEV_MINOR,
    F_RDEV_MAJOR,
    F_RDEV_MINOR,
    F_NAMESIZE,
    F_CHECK,
};

/* The error is one and the same; the reason is for the log. */
static int cpio_refuse(struct cpio_reader *reader, const char *why)
{
    reader->reason = why;
    return -EINVAL;
}

void cpio_init(struct cpio_reader *reader, const void *archive, size_t size,
               char name_buffer[CPIO_NAME_SIZE])
{
    *reader = (struct cpio_reader){
        .archive = archive,
        .size = size,
        .name_buffer = name_buffer,
    };
}

/* False: not eight hexadecimal digits. All of them at once, each in a byte of one word: an archive
 * has hundreds of entries of thirteen fields. */
static bool parse_field(const char *digits, uint32_t *out)
{
    const uint64_t each = 0x0101010101010101ULL;
    uint64_t text, letters, value;

    memcpy(&text, digits, sizeof(text));
    letters = text >> 6 & each; /* ASCII: letters have bit 6, digits do not */
    text |= letters << 5;       /* lower case; both cases are in use */
    value = (text & 0x0f * each) + 9 * letters;
    /* Digits are 0 to 9 and letters 10 to 15, and written again they are what stood there. At most
     * 24 a byte so far: nothing is carried into the next. */
    if ((value & 0xf0 * each) || ((value + 6 * each) >> 4 & each) != letters ||
        value + '0' * each + ('a' - '9' - 1) * letters != text)
        return false;
    value = __builtin_bswap64(value); /* the first digit is the highest */
    value = (value | value >> 4) & 0x00ff00ff00ff00ffULL;
    value = (value | value >> 8) & 0x0000ffff0000ffffULL;
    *out = (uint32_t)(value | value >> 16);
    return true;
}

/* 070702 has checksums of the data, which are not verified.
 */
static int parse_header(struct cpio_reader *reader, uint32_t fields[FIELD_COUNT])
{
    const char *header = reader->archive + reader->position;

    if (reader->position > reader->size || reader->size - reader->position < HEADER_SIZE)
        return cpio_refuse(reader, "archive is truncated: it ends without a trailer");
    if (memcmp(header, "070701", MAGIC_SIZE) != 0 && memcmp(header, "070702", MAGIC_SIZE) != 0)
        return cpio_refuse(reader, "not a newc cpio header");
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        if (!parse_field(header + MAGIC_SIZE + i * FIELD_SIZE, &fields[i]))
            return cpio_refuse(reader, "a header field that is not a hexadecimal number");
    }
    return 0;
}

/* Copies one component and a slash before it; false if there is no room. */
static bool append_component(struct cpio_reader *reader, size_t *length, const char *component,
                             size_t nbytes)
{
    size_t at = *length;

    if (nbytes >= CPIO_NAME_SIZE - at - (at > 0))
        return false;
    if (at > 0)
        reader->name_buffer[at++] = '/';
    memcpy(reader->name_buffer + at, component, nbytes);
    *length = at + nbytes;
    return true;
}

/* Brings a name into the form that cpio.h promises. No ".." at all, even where it would stay
 * inside: an archive has no use for it. */
static int normalise(struct cpio_reader *reader, const char *name, size_t name_length,
                     struct cpio_entry *entry)
{
    const char *end = name + name_length;
    size_t length = 0;

    while (name < end) {
        const char *slash = memchr(name, '/', (size_t)(end - name));
        size_t nbytes = (size_t)((slash ? slash : end) - name);

        if (nbytes == 2 && name[0] == '.' && name[1] == '.')
            return cpio_refuse(reader, "a name that leads out of the archive (..)");
        if (nbytes > 0 && !(nbytes == 1 && name[0] == '.') &&
            !append_component(reader, &length, name, nbytes))
            return cpio_refuse(reader, "a name longer than 4,095 bytes");
        name += nbytes + (slash != NULL);
    }
    reader->name_buffer[length] = '\0';
    entry->name = reader->name_buffer;
    entry->name_length = length;
    return 0;
}

/* Padding is counted from the archive's start, and both headers and data begin at multiples of
 * four. */
static uint64_t align4(uint64_t offset)
{
    return (offset + 3) & ~3ULL;
}

COLD int cpio_next(struct cpio_reader *reader, struct cpio_entry *entry)
{
    uint32_t fields[FIELD_COUNT];
    const char *name, *nul;
    uint64_t name_end, data, end;
    int err;

    reader->position = reader->next;
    err = parse_header(reader, fields);
    if (err)
        return err;

    /*
     * Checks in the order of the bytes: the header is whole, then the name must be, then the data.
     *
     * All in 64 bits: a position is below 2^63, the fields have 32 bits.
     */
    name_end = (uint64_t)reader->position + HEADER_SIZE + fields[F_NAMESIZE];
    data = align4(name_end);
    end = data + fields[F_FILESIZE];
    if (fields[F_NAMESIZE] == 0 || fields[F_NAMESIZE] > CPIO_NAME_SIZE + NAME_PADDING_MAX)
        return cpio_refuse(reader, "a name of a wrong length");
    if (name_end > reader->size)
        return cpio_refuse(reader, "archive is truncated: it ends within a name");
    name = reader->archive + reader->position + HEADER_SIZE;
    nul = memchr(name, 0, fields[F_NAMESIZE]);
    if (!nul)
        return cpio_refuse(reader, "a name without an end");
    /* Safe on the raw bytes: a NUL within the name was found above. */
    if (strcmp(name, TRAILER) == 0)
        return 0;
    if (nul == name)
        return cpio_refuse(reader, "an empty name");
    if (end > reader->size)
        return cpio_refuse(reader, "archive is truncated: it ends within a file");
    err = normalise(reader, name, (size_t)(nul - name), entry);
    if (err)
        return err;

    entry->data = reader->archive + data;
    entry->size = fields[F_FILESIZE];
    entry->mode = fields[F_MODE];
    entry->uid = fields[F_UID];
    entry->gid = fields[F_GID];
    entry->mtime = fields[F_MTIME];
    entry->nlink = fields[F_NLINK];
    entry->ino = fields[F_INO];
    entry->dev_major = fields[F_DEV_MAJOR];
    entry->dev_minor = fields[F_DEV_MINOR];
    entry->rdev_major = fields[F_RDEV_MAJOR];
    entry->rdev_minor = fields[F_RDEV_MINOR];
    /* Moved last: after an error the reader stays at the broken entry, where its reason belongs. */
    reader->next = (size_t)align4(end);
    return 1;
}
