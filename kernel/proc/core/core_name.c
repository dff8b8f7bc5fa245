/* SPDX-License-Identifier: MIT */
/*
 * Names of core files: /proc/sys/kernel/core_pattern, core(5).
 *
 * The pattern is copied whole under its lock, and read again for every file: a program that changes
 * it meanwhile gets the one or the other.
 */
#include "kernel/core/clock.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/proc/core/core.h"
#include "kernel/proc/process.h"
#include "kernel/proc/uts.h"
#include "kernel/sched/mutex.h"
#include "shared/linux/errno.h"

#define NS_PER_S 1000000000ULL

static struct mutex pattern_lock = MUTEX_INIT(MUTEX_PIPE);
static char pattern[CORE_PATTERN_MAX + 1] = "core";
uint32_t core_uses_pid;

COLD void core_pattern_get(char text[CORE_PATTERN_MAX + 1])
{
    mutex_lock(&pattern_lock);
    memcpy(text, pattern, sizeof(pattern));
    mutex_unlock(&pattern_lock);
}

/* What is too long is cut, as on Linux. */
COLD int core_pattern_set(const char *text, size_t nbytes)
{
    if (nbytes && text[0] == '|')
        return -EINVAL;
    nbytes = MIN(nbytes, CORE_PATTERN_MAX);
    mutex_lock(&pattern_lock);
    memset(pattern, 0, sizeof(pattern));
    memcpy(pattern, text, nbytes);
    mutex_unlock(&pattern_lock);
    return 0;
}

/* A name, which must stay one part of the path. */
static COLD void part_put(char *text, size_t size, const char *name)
{
    fmt_print(text, size, "%s", name);
    for (; *text; text++)
        if (*text == '/')
            *text = '!';
}

/* What one letter behind a % stands for. It is cut off where the room ends, and the name then too
 * long. */
static COLD void letter_put(const struct task *self, int signal, char letter, char *text,
                            size_t size)
{
    const struct process *process = self->process;
    char host[UTS_NAME_MAX + 1];

    switch (letter) {
    case '%':
        fmt_print(text, size, "%%");
        break;
    case 'p':
    case 'P':
        fmt_print(text, size, "%d", process->pid);
        break;
    case 'i':
    case 'I':
        fmt_print(text, size, "%d", self->tid);
        break;
    case 'u':
        fmt_print(text, size, "%u", self->fs->cred.uid);
        break;
    case 'g':
        fmt_print(text, size, "%u", self->fs->cred.gid);
        break;
    case 's':
        fmt_print(text, size, "%d", signal);
        break;
    case 't':
        fmt_print(text, size, "%llu", (unsigned long long)(clock_realtime_ns() / NS_PER_S));
        break;
    case 'c':
        fmt_print(text, size, "%llu", (unsigned long long)process->limits[LX_RLIMIT_CORE].current);
        break;
    case 'd': /* others are not written */
        fmt_print(text, size, "1");
        break;
    case 'h':
        uts_get(UTS_HOST, host);
        part_put(text, size, host);
        break;
    case 'e':
        part_put(text, size, self->name);
        break;
    default: /* what is not known vanishes */
        break;
    }
}

/* The number, once: by %p, or behind all if that is asked for. A % at the end is dropped. */
COLD int core_name(const struct task *self, int signal, char *text, size_t size)
{
    bool has_pid = !__atomic_load_n(&core_uses_pid, __ATOMIC_RELAXED);
    char form[CORE_PATTERN_MAX + 1];
    size_t used = 0;

    core_pattern_get(form);
    for (const char *at = form; *at && used + 1 < size; at++) {
        text[used] = '\0';
        if (*at != '%') {
            text[used++] = *at;
        } else if (*++at) {
            letter_put(self, signal, *at, text + used, size - used);
            used += strlen(text + used);
            has_pid |= *at == 'p';
        } else {
            break;
        }
    }
    text[used] = '\0';
    if (!has_pid) {
        fmt_print(text + used, size - used, ".%d", self->process->pid);
        used += strlen(text + used);
    }
    return used + 1 < size ? 0 : -ENAMETOOLONG;
}
