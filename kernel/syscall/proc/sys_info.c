/* SPDX-License-Identifier: MIT */
/*
 * What the system is: uname, sysinfo, getrandom, reboot.
 *
 * Names and sizes are read without locks; each is a single word that may be out of date a moment
 * later. getrandom never blocks: the generator is seeded at start-up (core/random.c), so that its
 * flags change nothing but the check of their combination.
 */
#include "kernel/core/clock.h"
#include "kernel/core/random.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/fs/vfs/inode.h"
#include "kernel/lib/string.h"
#include "kernel/lib/version.h"
#include "kernel/mm/pmm.h"
#include "kernel/proc/process.h"
#include "kernel/proc/procfs/procfs.h"
#include "kernel/proc/uts.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/system.h"

/* What programs that know no newer system are told: personality(2). */
static void name_old(struct lx_utsname *answer, uint32_t personality)
{
    if ((personality & LX_PER_MASK) == LX_PER_LINUX32)
        memcpy(answer->machine, "i686", sizeof("i686"));
    if (personality & LX_UNAME26)
        memcpy(answer->release, VERSION_LINUX_26 "-firstlight",
               sizeof(VERSION_LINUX_26 "-firstlight"));
}

/* sysname and release are those of the ABI that programs get; the version names the kernel. */
int64_t sys_uname(struct task *self, struct uptr name)
{
    struct lx_utsname answer = {
        .sysname = "Linux",
        .release = VERSION_LINUX_ABI "-firstlight",
        .version = "Firstlight " VERSION_TEXT,
        .machine = "x86_64",
    };

    if (unlikely(self->inherited.personality))
        name_old(&answer, self->inherited.personality);
    uts_get(UTS_HOST, answer.nodename);
    uts_get(UTS_DOMAIN, answer.domainname);
    return vm_user_write(name, &answer, sizeof(answer));
}

static int64_t name_set(struct task *self, enum uts_name which, struct uptr name, int nbytes)
{
    char text[UTS_NAME_MAX];

    if (!credentials_capable(&self->fs->cred, LX_CAP_SYS_ADMIN))
        return -EPERM;
    if (nbytes < 0 || nbytes > UTS_NAME_MAX)
        return -EINVAL;
    if (vm_user_read(text, name, (size_t)nbytes))
        return -EFAULT;
    uts_set(which, text, (size_t)nbytes);
    return 0;
}

int64_t sys_sethostname(struct task *self, struct uptr name, int nbytes)
{
    return name_set(self, UTS_HOST, name, nbytes);
}

int64_t sys_setdomainname(struct task *self, struct uptr name, int nbytes)
{
    return name_set(self, UTS_DOMAIN, name, nbytes);
}

/* Any value is kept, as on Linux. Honoured: PER_LINUX32 and UNAME26 (uname), STICKY_TIMEOUTS
 * (select, poll); ADDR_NO_RANDOMIZE is how every program runs. Other systems are not imitated. */
int64_t sys_personality(struct task *self, unsigned wanted)
{
    uint32_t old = self->inherited.personality;

    if (wanted != UINT32_MAX) /* a question */
        self->inherited.personality = wanted;
    return old;
}

/* Loads are those of /proc/loadavg. Without swap those fields are 0. */
int64_t sys_sysinfo(struct task *self, struct uptr info)
{
    struct lx_sysinfo answer = {
        .uptime = (int64_t)(clock_monotonic_ns() / 1000000000ULL),
        .totalram = pmm_total_count() * PAGE_SIZE,
        .freeram = pmm_free_count() * PAGE_SIZE,
        .procs = (uint16_t)process_live_count(),
        .sharedram = fs_frames_held() * PAGE_SIZE,
        .mem_unit = 1,
    };

    (void)self;
    for (unsigned i = 0; i < PROCFS_LOADS; i++)
        answer.loads[i] = procfs_load(i);
    return vm_user_write(info, &answer, sizeof(answer));
}

/* In pieces, so that a signal can end a long call: not before the first piece, so that small
 * requests are never short (getrandom(2)). A fault in the middle counts what came before it. */
int64_t sys_getrandom(struct task *self, struct uptr buffer, size_t nbytes, unsigned flags)
{
    uint8_t bytes[256];
    size_t done = 0;

    (void)self;
    if (flags & ~(unsigned)(LX_GRND_NONBLOCK | LX_GRND_RANDOM | LX_GRND_INSECURE))
        return -EINVAL;
    if ((flags & LX_GRND_RANDOM) && (flags & LX_GRND_INSECURE))
        return -EINVAL;
    nbytes = MIN(nbytes, (size_t)INT32_MAX);
    while (done < nbytes && !(done && waitq_interrupted())) {
        size_t piece = MIN(nbytes - done, sizeof(bytes));

        random_fill(bytes, piece);
        if (vm_user_write((struct uptr){buffer.va + done}, bytes, piece)) {
            /* Up to the page that is not there. */
            piece = MIN(piece, PAGE_SIZE - ((buffer.va + done) & PAGE_MASK));
            if (vm_user_write((struct uptr){buffer.va + done}, bytes, piece))
                return done ? (int64_t)done : -EFAULT;
        }
        done += piece;
        if (done < nbytes)
            sched_preempt_point();
    }
    return (int64_t)done;
}

/* The machine's end belongs to the plan that it runs (EPERM): a verdict would be lost. Ctrl-Alt-Del
 * is a key like others, whatever is asked for it. */
int64_t sys_reboot(struct task *self, unsigned magic1, unsigned magic2, unsigned command,
                   struct uptr text)
{
    (void)text;
    if (!credentials_capable(&self->fs->cred, LX_CAP_SYS_BOOT))
        return -EPERM;
    if (magic1 != LX_REBOOT_MAGIC1 || (magic2 != LX_REBOOT_MAGIC2 && magic2 != LX_REBOOT_MAGIC2A &&
                                       magic2 != LX_REBOOT_MAGIC2B && magic2 != LX_REBOOT_MAGIC2C))
        return -EINVAL;
    switch (command) {
    case LX_REBOOT_CMD_CAD_ON:
    case LX_REBOOT_CMD_CAD_OFF:
        return 0;
    case LX_REBOOT_CMD_RESTART:
    case LX_REBOOT_CMD_RESTART2:
    case LX_REBOOT_CMD_HALT:
    case LX_REBOOT_CMD_POWER_OFF:
        return -EPERM;
    default:
        return -EINVAL;
    }
}
