/* SPDX-License-Identifier: MIT */
/*
 * plat/efi_runtime.h - EFI runtime services: variables, the firmware's clock, reset
 *
 * Owns:    whether the services are alive. A fault inside one, or one that does not come back in
 *          EFI_TIMEOUT_NS, makes them dead for good: firmware's state is unknown then.
 * Rule:    SetVirtualAddressMap is never called. One caller at a time; dev/sysfs sees to that for
 *          programs. Firmware runs on the caller's stack and thread with maskable interrupts on
 *          (off in a panic: then without a timeout).
 * Context: threads without spinlocks, and a panic. Sleeps nowhere.
 * Fails:   -ENODEV there are no services, or they are dead. -EBUSY in a panic, if another processor
 *          was stopped within a call. -ENOENT, -ENOSPC, -EROFS, -EIO: what
 *          the firmware's status says.
 * Tests:   tests/host/plat_efi_test.c, tests/user/proc/efivars.c, tests/quirk
 */
#pragma once

#include "kernel/lib/util.h"

#define EFI_TIMEOUT_NS 10000000000ULL /* flash that tidies itself up may take seconds */

struct bootinfo;

struct efi_guid {
    uint32_t a;
    uint16_t b, c;
    uint8_t d[8];
};

#define EFI_GLOBAL_VARIABLE                                                                        \
    {                                                                                              \
        0x8be4df61, 0x93ca, 0x11d2,                                                                \
        {                                                                                          \
            0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c                                         \
        }                                                                                          \
    }

/* As firmware gives it; the zone is not asked for. */
struct efi_time {
    uint16_t year;
    uint8_t month, day, hour, minute, second, pad1;
    uint32_t nanosecond;
    int16_t zone;
    uint8_t daylight, pad2;
};

/* Start-up, with memory: builds the page table. Afterwards no service needs memory. boot_services:
 * their memory is not used by anything else. */
void efi_runtime_init(const struct bootinfo *info, bool boot_services);
bool efi_runtime_alive(void);

/* Names are UCS-2. nbytes of 0 deletes. */
MUST_CHECK int efi_variable_set(const uint16_t *name, const struct efi_guid *guid,
                                uint32_t attributes, const void *data, size_t nbytes);
/* nbytes: room at data, then what is there. -ENOSPC: it is more. attributes: NULL, or where they
 * go.
 */
MUST_CHECK int efi_variable_get(const uint16_t *name, const struct efi_guid *guid, void *data,
                                size_t *nbytes, uint32_t *attributes);
/* The variable after that one, the first one after an empty name. nbytes: room at name. */
MUST_CHECK int efi_variable_next(uint16_t *name, size_t *nbytes, struct efi_guid *guid);
/* Bytes that are left for variables of these attributes. */
MUST_CHECK int efi_variable_room(uint32_t attributes, uint64_t *out_nbytes);

MUST_CHECK int efi_time_get(struct efi_time *out_time);

/* Off or again. Returns where the firmware does not do it. */
void efi_runtime_reset(bool off);
