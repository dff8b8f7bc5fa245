/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tests/user/lib/asleep.h"

#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/procfs.h"

#define WITHOUT_PROC_US 500000

void asleep_await(pid_t pid)
{
    char text[512], state;

    if (access("/proc/self/stat", F_OK) != 0) {
        usleep(WITHOUT_PROC_US);
        return;
    }
    do {
        usleep(1000);
        text_of(proc_path(pid, "stat"), text, sizeof(text));
        state = stat_state(text);
        CHECK(state != 'Z');
    } while (state != 'S');
}
