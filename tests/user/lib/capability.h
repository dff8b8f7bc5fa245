/* SPDX-License-Identifier: MIT */
/*
 * tests/user/lib/capability.h - capget and capset, with the sets as 64-bit words
 *
 * Used by: proc/capability*.c
 */
#pragma once

#include "shared/linux/capability.h"
#include "tests/user/lib/check.h"

#define BIT(n) (1UL << (n))

struct sets {
    unsigned long effective, permitted, inheritable;
};

static inline long sets_get(int pid, struct sets *sets)
{
    struct lx_cap_header header = {LX_CAPABILITY_VERSION_3, pid};
    struct lx_cap_data data[2] = {{0}};
    long err = raw2(SYS_capget, &header, data);

    *sets = (struct sets){0};
    if (err)
        return err;
    sets->effective = data[0].effective | (unsigned long)data[1].effective << 32;
    sets->permitted = data[0].permitted | (unsigned long)data[1].permitted << 32;
    sets->inheritable = data[0].inheritable | (unsigned long)data[1].inheritable << 32;
    return 0;
}

static inline long sets_set(unsigned long effective, unsigned long permitted,
                            unsigned long inheritable)
{
    struct lx_cap_header header = {LX_CAPABILITY_VERSION_3, 0};
    struct lx_cap_data data[2] = {
        {(unsigned)effective, (unsigned)permitted, (unsigned)inheritable},
        {(unsigned)(effective >> 32), (unsigned)(permitted >> 32), (unsigned)(inheritable >> 32)}};

    return raw2(SYS_capset, &header, data);
}
