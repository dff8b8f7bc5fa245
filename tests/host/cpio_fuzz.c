/* SPDX-License-Identifier: MIT */
/*
 * tests/host/cpio_fuzz.c - any bytes as a newc archive
 */
#include "tests/host/fuzz.h"

#include "kernel/lib/cpio.h"

/* The form of names that cpio.h promises. */
static void check_name(const struct cpio_entry *entry)
{
    const char *at = entry->name;

    REQUIRE(strlen(at) == entry->name_length && entry->name_length < CPIO_NAME_SIZE);
    while (*at) {
        size_t n = strcspn(at, "/");

        REQUIRE(n > 0);
        REQUIRE(!(n == 1 && at[0] == '.') && !(n == 2 && at[0] == '.' && at[1] == '.'));
        at += n;
        REQUIRE(*at == '\0' || at[1] != '\0');
        at += *at == '/';
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
    static char name_buffer[CPIO_NAME_SIZE];
    struct cpio_reader reader;
    struct cpio_entry entry;
    size_t position = 0;
    int result;

    cpio_init(&reader, bytes, nbytes, name_buffer);
    while ((result = cpio_next(&reader, &entry)) == 1) {
        check_name(&entry);
        REQUIRE(lies_inside(entry.data, entry.size, bytes, nbytes));
        REQUIRE(reader.next >= position + 110); /* it moves on, so it ends */
        position = reader.next;
    }
    REQUIRE(result == 0 || (result < 0 && reader.reason));
    return 0;
}
