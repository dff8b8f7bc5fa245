/* SPDX-License-Identifier: MIT */
/* See loader_fake_keys.h. */
#include "tests/host/loader_fake_keys.h"

#include "efi-loader/keys.h"

struct fake_person the_person;

bool keys_attended(void)
{
    return the_person.attended;
}

int keys_wait(unsigned milliseconds)
{
    const char *key = the_person.keys;

    if (!key || *key == '\0' || *key == '.') {
        the_person.waited_ms += milliseconds;
        the_person.keys += key && *key == '.';
        return KEYS_NONE;
    }
    the_person.keys++;
    return *key;
}

void keys_drop(void)
{
}

void keys_wait_alone(unsigned seconds)
{
    the_person.waits_alone += seconds;
}
