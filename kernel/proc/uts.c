/* SPDX-License-Identifier: MIT */
/*
 * The names of host and domain. They are copied whole under a lock, so that no reader sees two of
 * them mixed; user memory is touched by the callers, before or after that.
 */
#include "kernel/proc/uts.h"

#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/sched/mutex.h"

static struct mutex uts_lock = MUTEX_INIT(MUTEX_PIPE);
static char names[UTS_NAMES][UTS_NAME_MAX + 1] = {"firstlight", "(none)"};

void uts_get(enum uts_name which, char text[UTS_NAME_MAX + 1])
{
    mutex_lock(&uts_lock);
    memcpy(text, names[which], sizeof(names[which]));
    mutex_unlock(&uts_lock);
}

void uts_set(enum uts_name which, const char *text, size_t nbytes)
{
    ASSERT(nbytes <= UTS_NAME_MAX);
    mutex_lock(&uts_lock);
    /* What was longer leaves nothing behind: uname copies the whole field. */
    memset(names[which], 0, sizeof(names[which]));
    memcpy(names[which], text, nbytes);
    mutex_unlock(&uts_lock);
}
