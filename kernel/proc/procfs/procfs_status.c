/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/status and io: the facts as lines with names.
 *
 * Fields that this kernel has no facts for are printed as the constants that Linux shows for a
 * process without that feature: readers find them by name.
 */
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/lib/string.h"
#include "kernel/proc/procfs/procfs_facts.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "kernel/proc/ptrace/ptrace.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_space.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

/* proc_pid_status(5) has the letter with one of these words. */
static COLD const char *state_name(char state)
{
    switch (state) {
    case 'R':
        return "running";
    case 'D':
        return "disk sleep";
    case 'T':
        return "stopped";
    case 't':
        return "tracing stop";
    case 'Z':
        return "zombie";
    }
    return "sleeping";
}

static COLD void status_identity(const struct procfs_facts *f, struct procfs_text *text)
{
    const struct credentials *c = &f->of_status.cred;

    procfs_print(text, "Name:\t");
    for (const char *at = f->name; *at; at++) /* no name makes lines of its own */
        procfs_print(text, *at == '\n' ? "\\n" : *at == '\\' ? "\\\\" : "%c", *at);
    procfs_print(text, f->alive ? "\nUmask:\t0%03o\n" : "\n", f->umask);
    procfs_print(text, "State:\t%c (%s)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\n", f->state,
                 state_name(f->state), f->tgid, f->pid, f->parent);
    procfs_print(text, "TracerPid:\t%d\nUid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", f->tracer,
                 c->uid, c->euid, c->suid, c->fsuid, c->gid, c->egid, c->sgid, c->fsgid);
    procfs_print(text, "FDSize:\t%u\nGroups:\t", f->fd_capacity);
    for (uint32_t i = 0; c->groups && i < c->groups->ngroups; i++)
        procfs_print(text, i ? " %u" : "%u", c->groups->gids[i]);
    /* The blank before the line's end is Linux's. */
    procfs_print(text, " \nNStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n", f->tgid, f->pid,
                 f->group, f->session);
}

/* In KiB, as everything that is a size here. */
static COLD void status_memory(const struct procfs_facts *f, struct procfs_text *text)
{
    uint64_t code =
        ALIGN_UP(f->layout.code_end, PAGE_SIZE) - ALIGN_DOWN(f->layout.code_start, PAGE_SIZE);

    /* Pages are 4 KiB: << 2 gives KiB. */
    procfs_print(text, "VmSize:\t%8lu kB\nVmLck:\t%8lu kB\nVmPin:\t%8u kB\n", f->mapped << 2,
                 f->locked << 2, 0);
    procfs_print(text, "VmRSS:\t%8lu kB\nVmData:\t%8lu kB\nVmExe:\t%8lu kB\n", f->resident << 2,
                 f->data << 2, code >> 10);
    procfs_print(text, "VmPTE:\t%8lu kB\nVmSwap:\t%8u kB\n", f->tables << 2, 0);
}

/* Sets of signals in 16 digits, those of the thread before those of the whole process. */
static COLD void status_signals(const struct procfs_facts *f, struct procfs_text *text)
{
    procfs_print(text, "Threads:\t%u\nSigQ:\t%u/%lu\n", f->threads, f->of_status.queued,
                 f->of_status.queue_limit);
    procfs_print(text, "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n", f->pending,
                 f->shared_pending, f->blocked);
    procfs_print(text, "SigIgn:\t%016lx\nSigCgt:\t%016lx\n", f->ignored, f->caught);
}

/* As Linux: a hexadecimal digit for four processors that exist, in groups of eight digits. */
static COLD void status_cpus(const struct procfs_facts *f, struct procfs_text *text)
{
    procfs_print(text, "Cpus_allowed:\t");
    for (unsigned digit = (sched_cpus_online() + 3) / 4; digit-- > 0;)
        procfs_print(text, "%x%s",
                     (unsigned)(f->of_status.affinity.words[digit / 16] >> digit % 16 * 4 & 15),
                     !digit      ? "\n"
                     : digit % 8 ? ""
                                 : ",");
}

/* Sets of capabilities as Linux writes them: 16 digits each. */
static COLD void status_rights(const struct procfs_facts *f, struct procfs_text *text)
{
    const struct credentials *c = &f->of_status.cred;

    procfs_print(text, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\n", c->inheritable,
                 c->permitted, c->effective);
    procfs_print(text, "CapBnd:\t%016lx\nCapAmb:\t%016lx\n", c->bounding, c->ambient);
    procfs_print(text, "NoNewPrivs:\t%d\nSeccomp:\t%u\nSeccomp_filters:\t%u\n", f->no_new_privs,
                 f->seccomp_mode, f->seccomp_count);
    status_cpus(f, text);
    procfs_print(text, "Mems_allowed:\t1\nMems_allowed_list:\t0\n");
}

COLD int procfs_show_status(const struct procfs_node *node, struct procfs_text *text)
{
    struct procfs_facts f;
    int err = procfs_facts_take(node, &f, true);

    if (err)
        return err;
    status_identity(&f, text);
    if (f.space)
        status_memory(&f, text);
    status_signals(&f, text);
    status_rights(&f, text);
    procfs_print(text, "voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n",
                 f.usage.switches[1], f.usage.switches[0]);
    procfs_facts_drop(&f);
    return 0;
}

/* Of a process with its threads and the children that it has waited for. Nothing is on a disk. */
COLD int procfs_show_io(const struct procfs_node *node, struct procfs_text *text)
{
    struct procfs_facts f;
    int err = procfs_facts_take(node, &f, false);

    if (err)
        return err;
    if (f.whole)
        process_usage_add(&f.usage, &f.children);
    if (f.permitted)
        procfs_print(text,
                     "rchar: %lu\nwchar: %lu\nsyscr: %lu\nsyscw: %lu\nread_bytes: 0\n"
                     "write_bytes: 0\ncancelled_write_bytes: 0\n",
                     f.usage.io.nbytes[0], f.usage.io.nbytes[1], f.usage.io.calls[0],
                     f.usage.io.calls[1]);
    procfs_facts_drop(&f);
    return f.permitted ? 0 : -EACCES;
}
