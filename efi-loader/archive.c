/* SPDX-License-Identifier: MIT */
/*
 * An archive as cpio -H newc writes it: the kernel fills its root filesystem from such a one
 * anyway.
 *
 * A header is the magic number and thirteen numbers of eight hexadecimal digits; name and contents
 * are padded to four bytes.
 */
#include "efi-loader/archive.h"

#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"

#define DIRECTORY   040755u
#define FILE        0100444u
#define HEADER_SIZE 110

static size_t entry_write(char *to, const char *name, unsigned mode, const char *contents,
                          size_t nbytes)
{
    size_t name_size = strlen(name) + 1;
    size_t data = ALIGN_UP(HEADER_SIZE + name_size, 4), end = ALIGN_UP(data + nbytes, 4);

    memset(to, 0, end);
    /* inode, mode, owner, group, links, time, size, four device numbers, name, checksum */
    fmt_print(to, HEADER_SIZE + 1, "070701%08x%08x%08x%08x%08x%08x%08x%032x%08x%08x", 0u, mode, 0u,
              0u, 1u, 0u, (unsigned)nbytes, 0u, (unsigned)name_size, 0u);
    memcpy(to + HEADER_SIZE, name, name_size);
    memcpy(to + data, contents, nbytes);
    return end;
}

size_t archive_write(char *to, const char *contents, size_t nbytes)
{
    size_t n = entry_write(to, "run", DIRECTORY, "", 0);

    n += entry_write(to + n, "run/firstlight", DIRECTORY, "", 0);
    n += entry_write(to + n, "run/firstlight/inventory.json", FILE, contents, nbytes);
    return n + entry_write(to + n, "TRAILER!!!", 0, "", 0);
}
