/* SPDX-License-Identifier: MIT */
/*
 * tests/host/bootinfo_fuzz.c - any bytes as a hand-over block
 */
#include "tests/host/fuzz.h"

#include "kernel/lib/bootinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
    struct bootinfo *info = malloc(nbytes + (nbytes == 0)); /* aligned, of exactly this size */
    uint64_t end = 0;

    memcpy(info, bytes, nbytes);
    if (nbytes >= 16) { /* let most inputs past the first gate */
        info->magic = BOOTINFO_MAGIC;
        info->version = BOOTINFO_VERSION;
    }
    if (bootinfo_check(info, nbytes) == NULL) {
        REQUIRE(strlen(bootinfo_cmdline(info)) == info->cmdline_size);
        REQUIRE(strlen(bootinfo_log(info)) == info->log_size);
        REQUIRE(strlen(bootinfo_firmware(info)) == info->firmware_size);
        for (uint32_t i = 0; i < info->ranges_count; i++) {
            const struct bootinfo_range *range = &bootinfo_ranges(info)[i];

            REQUIRE(range->base >= end && range->npages > 0);
            end = range->base + range->npages * 4096;
            REQUIRE(end > range->base && strcmp(bootinfo_type_name(range->type), "?") != 0);
        }
    }
    free(info);
    return 0;
}
