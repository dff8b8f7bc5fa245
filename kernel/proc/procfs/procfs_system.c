/* SPDX-License-Identifier: MIT */
/*
 * /proc: files about the machine and the system as a whole.
 *
 * Formats are Linux's, as procps, busybox, libc and libuv read them: missing lines are taken for an
 * old kernel, wrong columns for garbage. Values without a meaning here (swap, disks, interrupts by
 * device) are 0. Numbers are read without locks and belong to slightly different moments.
 *
 * Also the load average: sampled every five seconds by a kernel timer.
 */
#include "kernel/core/clock.h"
#include "kernel/core/cmdline.h"
#include "kernel/core/timer.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/version.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/ipc/msg.h"
#include "kernel/proc/ipc/sem.h"
#include "kernel/proc/ipc/shm.h"
#include "kernel/proc/procfs/procfs.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "kernel/sched/sched.h"
#include "shared/linux/auxv.h"
#include "shared/linux/stat.h"
#include "shared/linux/system.h"

#define NSEC_PER_SEC 1000000000UL
#define TICK_NS      (NSEC_PER_SEC / LX_CLOCK_TICKS)

static COLD void meminfo_line(struct procfs_text *text, const char *name, uint64_t npages)
{
    procfs_print(text, "%-16s%8lu kB\n", name, npages << (PAGE_SHIFT - 10));
}

/* proc_meminfo(5): free(1) takes MemAvailable, and sums up the rest where it is missing. */
static COLD int show_meminfo(const struct procfs_node *node, struct procfs_text *text)
{
    /* Pages of files are the files themselves (all file systems are in memory): they can be neither
     * dropped nor counted as available. */
    uint64_t nfree = pmm_free_count(), files = fs_frames_held();

    (void)node;
    meminfo_line(text, "MemTotal:", pmm_total_count());
    meminfo_line(text, "MemFree:", nfree);
    meminfo_line(text, "MemAvailable:", nfree);
    meminfo_line(text, "Buffers:", 0);
    meminfo_line(text, "Cached:", files);
    meminfo_line(text, "SwapCached:", 0);
    meminfo_line(text, "SwapTotal:", 0);
    meminfo_line(text, "SwapFree:", 0);
    meminfo_line(text, "Shmem:", files); /* files are memory, all of them */
    meminfo_line(text, "SReclaimable:", 0);
    return 0;
}

/* There is neither a disk nor swap: nothing is ever brought in or out. */
static COLD int show_vmstat(const struct procfs_node *node, struct procfs_text *text)
{
    (void)node;
    procfs_print(text, "nr_free_pages %lu\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\n",
                 pmm_free_count());
    return 0;
}

/* proc_stat(5): user, nice, system, idle, then six kinds that are not told apart here. */
static COLD void cpu_line(struct procfs_text *text, const struct sched_cpu_times *times)
{
    procfs_print(text, " %lu 0 %lu %lu 0 0 0 0 0 0\n", times->user_ns / TICK_NS,
                 times->system_ns / TICK_NS, times->idle_ns / TICK_NS);
}

static COLD void all_cpus(struct sched_cpu_times *all)
{
    struct sched_cpu_times one;

    *all = (struct sched_cpu_times){0};
    /* The first line of /proc/stat is the sum over processors. */
    for (unsigned i = 0; i < sched_cpus_online(); i++) {
        sched_cpu_times(i, &one);
        all->user_ns += one.user_ns;
        all->system_ns += one.system_ns;
        all->idle_ns += one.idle_ns;
    }
}

static COLD int show_stat(const struct procfs_node *node, struct procfs_text *text)
{
    struct sched_cpu_times times;

    (void)node;
    all_cpus(&times);
    procfs_print(text, "cpu ");
    cpu_line(text, &times);
    for (unsigned i = 0; i < sched_cpus_online(); i++) {
        procfs_print(text, "cpu%u", i);
        sched_cpu_times(i, &times);
        cpu_line(text, &times);
    }
    /* btime is the real time of the start: the difference of the two clocks. */
    procfs_print(text, "intr 0\nctxt %lu\nbtime %lu\nprocesses %lu\n", sched_switches(),
                 (clock_realtime_ns() - clock_monotonic_ns()) / NSEC_PER_SEC, process_forks());
    /* No task ever waits for a disk. */
    procfs_print(text, "procs_running %u\nprocs_blocked 0\n", sched_running());
    return 0;
}

static COLD int show_uptime(const struct procfs_node *node, struct procfs_text *text)
{
    /* proc_uptime(5): the second number adds up the idle time of all processors. */
    uint64_t now = clock_monotonic_ns() / TICK_NS, idle;
    struct sched_cpu_times times;

    (void)node;
    all_cpus(&times);
    idle = times.idle_ns / TICK_NS;
    procfs_print(text, "%lu.%02lu %lu.%02lu\n", now / 100, now % 100, idle / 100, idle % 100);
    return 0;
}

/* --- load: as the eye sees it, so with Linux's constants --- */

#define LOAD_PERIOD_NS (5 * NSEC_PER_SEC)
#define LOAD_ONE       2048 /* fixed point, 11 bits */

static const uint64_t load_decay[PROCFS_LOADS] = {1884, 2014,
                                                  2037}; /* e^(-5/60), e^(-5/300), e^(-5/900) */
static uint64_t load[PROCFS_LOADS];                      /* [a] */
static struct timer load_timer;

/* An exponentially damped average of the number of runnable threads, in an interrupt; one word
 * each, so readers need no lock. */
static COLD void load_sample(struct timer *timer)
{
    uint64_t running = sched_running() * LOAD_ONE;

    /* Fixed point as in Linux: load' = load * e + running * (1 - e), for each of the three
     * periods. */
    for (unsigned i = 0; i < ARRAY_SIZE(load); i++)
        load[i] = (load[i] * load_decay[i] + running * (LOAD_ONE - load_decay[i])) / LOAD_ONE;
    timer_start(timer, clock_monotonic_ns() + LOAD_PERIOD_NS);
}

COLD uint64_t procfs_load(unsigned which)
{
    return load[which] * (65536 / LOAD_ONE);
}

static COLD int show_loadavg(const struct procfs_node *node, struct procfs_text *text)
{
    unsigned running = sched_running();

    (void)node;
    for (unsigned i = 0; i < ARRAY_SIZE(load); i++) {
        /* Two digits behind the point. */
        uint64_t value = load[i] + LOAD_ONE / 200; /* rounded */

        procfs_print(text, "%lu.%02lu ", value / LOAD_ONE, value % LOAD_ONE * 100 / LOAD_ONE);
    }
    /* Runnable threads, all processes, the last number given out: proc_loadavg(5). The kernel's own
     * threads are among the runnable ones, so there may be more than processes. */
    procfs_print(text, "%u/%lu %d\n", running, MAX(running, process_live_count()),
                 process_last_pid());
    return 0;
}

/* Columns as slabtop(1) expects them, slabinfo(5). Lists of processors have twice the batch at
 * most, and share nothing; every slab counts as active. */
static COLD int show_slabinfo(const struct procfs_node *node, struct procfs_text *text)
{
    struct slab_info s;

    (void)node;
    procfs_print(text, "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> "
                       "<objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> "
                       "<sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
    for (unsigned i = 0; slab_info_get(i, &s); i++)
        procfs_print(text,
                     "%-17s %6lu %6lu %6u %4u %4u : tunables %4u %4u %4u : slabdata %6lu %6lu "
                     "%6u\n",
                     s.name, s.objects, s.slabs * s.per_slab, s.size, s.per_slab, s.nframes,
                     2 * s.batch, s.batch, 0u, s.slabs, s.slabs, 0u);
    return 0;
}

/* --- what never changes --- */

static COLD int show_version(const struct procfs_node *node, struct procfs_text *text)
{
    (void)node;
    /* The words that programs search for: uname(2) gives the same release. */
    procfs_print(text, "Linux version %s-firstlight (Firstlight %s) %s\n", VERSION_LINUX_ABI,
                 VERSION_TEXT, __VERSION__);
    return 0;
}

COLD const char *procfs_filesystem(unsigned which)
{
    static const char *const types[] = {"sysfs",  "tmpfs", "proc",  "devtmpfs",
                                        "pipefs", "ramfs", "mqueue"};

    return which < ARRAY_SIZE(types) ? types[which] : NULL;
}

/* mount(8) tries these when no type is given; none of them needs a device. */
static COLD int show_filesystems(const struct procfs_node *node, struct procfs_text *text)
{
    const char *type;

    (void)node;
    for (unsigned i = 0; (type = procfs_filesystem(i)) != NULL; i++)
        procfs_print(text, "nodev\t%s\n", type);
    return 0;
}

static COLD int show_cmdline(const struct procfs_node *node, struct procfs_text *text)
{
    (void)node;
    procfs_print(text, "%s\n", cmdline_text());
    return 0;
}

static COLD int64_t mounts_readlink(const struct procfs_node *node, char *text, size_t size)
{
    (void)node;
    return (int64_t)fmt_print(text, size, "self/mounts");
}

static COLD int64_t net_readlink(const struct procfs_node *node, char *text, size_t size)
{
    (void)node;
    return (int64_t)fmt_print(text, size, "self/net");
}

#define DIRECTORY(entry_name, table)                                                               \
    {                                                                                              \
        .name = (entry_name), .mode = LX_S_IFDIR | 0555, .dir = (table)                            \
    }

static const struct procfs_entry ipc_files[] = {
    {.name = "msg", .mode = LX_S_IFREG | 0444, .arg = IPC_MSG, .show = ipc_show},
    {.name = "sem", .mode = LX_S_IFREG | 0444, .arg = IPC_SEM, .show = ipc_show},
    {.name = "shm", .mode = LX_S_IFREG | 0444, .arg = IPC_SHM, .show = ipc_show},
};
static const struct procfs_dir ipc_dir = {.entries = ipc_files, .count = ARRAY_SIZE(ipc_files)};

static const struct procfs_entry root_files[] = {
    PROCFS_TEXT("cmdline", 0444, show_cmdline),
    PROCFS_TEXT("cpuinfo", 0444, procfs_show_cpuinfo),
    PROCFS_TEXT("filesystems", 0444, show_filesystems),
    PROCFS_TEXT("loadavg", 0444, show_loadavg),
    PROCFS_TEXT("lock_stat", 0444, procfs_show_lock_stat),
    PROCFS_TEXT("meminfo", 0444, show_meminfo),
    {.name = "mounts", .mode = LX_S_IFLNK | 0777, .readlink = mounts_readlink},
    {.name = "net", .mode = LX_S_IFLNK | 0777, .readlink = net_readlink},
    PROCFS_TEXT("slabinfo", 0400, show_slabinfo),
    PROCFS_TEXT("stat", 0444, show_stat),
    PROCFS_TEXT("uptime", 0444, show_uptime),
    PROCFS_TEXT("version", 0444, show_version),
    PROCFS_TEXT("vmstat", 0444, show_vmstat),
    DIRECTORY("sysvipc", &ipc_dir),
};

COLD void procfs_system_init(void)
{
    /* Before the first program: the tables are constant from then on. */
    procfs_register(root_files, ARRAY_SIZE(root_files));
    timer_init(&load_timer, load_sample);
    timer_start(&load_timer, clock_monotonic_ns() + LOAD_PERIOD_NS);
}
