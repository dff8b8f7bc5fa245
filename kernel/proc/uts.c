/* SPDX-License-Identifier: MIT */
/*
 * The names of host and domain. They are copied whole under a lock, so that no reader sees two of
 * them mixed; user memory is touched by the callers, before or after that.
 */
#include "kernel/proc/uts.h"

#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/proc/ipc/ipc.h"
#include "kernel/sched/mutex.h"
#include "shared/linux/errno.h"
#include "shared/linux/nsfs.h"

static struct mutex uts_lock = MUTEX_INIT(MUTEX_PIPE); /* of all name spaces */
struct uts_namespace uts_initial = {
    .common = {.refs = 1, .kind = NS_UTS, .ino = LX_UTS_INIT_INO},
    .names = {"firstlight", "(none)"},
};

static struct uts_namespace *uts_of(struct ns_common *common)
{
    return container_of(common, struct uts_namespace, common);
}

/* Constant while the task uses it: only the task itself changes its set. The kernel's own threads
 * have the initial one. */
static char *own_name(enum uts_name which)
{
    return uts_of(ns_of(thread_current()->task, NS_UTS))->names[which];
}

void uts_get(enum uts_name which, char text[UTS_NAME_MAX + 1])
{
    const char *name = own_name(which);

    mutex_lock(&uts_lock);
    memcpy(text, name, UTS_NAME_MAX + 1);
    mutex_unlock(&uts_lock);
}

COLD void uts_set(enum uts_name which, const char *text, size_t nbytes)
{
    char *name = own_name(which);

    ASSERT(nbytes <= UTS_NAME_MAX);
    mutex_lock(&uts_lock);
    /* What was longer leaves nothing behind: uname copies the whole field. */
    memset(name, 0, UTS_NAME_MAX + 1);
    memcpy(name, text, nbytes);
    mutex_unlock(&uts_lock);
}

/* With the names of the one that its maker leaves; from then on each goes its own way. The memory
 * is charged with System V IPC's: name spaces without end have no more room than that. */
COLD int uts_copy(struct ns_common *from, struct ns_common **out_space)
{
    struct uts_namespace *copy = ipc_alloc(sizeof(*copy));

    if (!copy)
        return -ENOMEM;
    ns_common_init(&copy->common, NS_UTS);
    mutex_lock(&uts_lock);
    memcpy(copy->names, uts_of(from)->names, sizeof(copy->names));
    mutex_unlock(&uts_lock);
    *out_space = &copy->common;
    return 0;
}

/* No task and no descriptor has it any more, so no lock is needed. */
COLD void uts_end(struct ns_common *space)
{
    ipc_free(uts_of(space), sizeof(struct uts_namespace));
}
