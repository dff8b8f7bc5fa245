/* SPDX-License-Identifier: MIT */
/*
 * /proc/sys: kernel, fs and vm.
 *
 * Each file shows the limit or the rule that is in force, from where it is kept; what this kernel
 * does not have has no file. So most are constant, and not to be written. A file that is a
 * switch in Linux says which way it stands here: no memory is swapped out, addresses are not
 * random, links in sticky directories are protected, FIFOs and files in them are not.
 */
#include "kernel/core/random.h"
#include "kernel/fs/event/aio_context.h"
#include "kernel/fs/event/epoll.h"
#include "kernel/fs/event/inotify.h"
#include "kernel/fs/pipe/pipe.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/inode.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/lib/string.h"
#include "kernel/lib/version.h"
#include "kernel/mm/pmm.h"
#include "kernel/proc/core/core.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "kernel/proc/procfs/procfs_setting.h"
#include "kernel/proc/seccomp/seccomp.h"
#include "kernel/proc/uts.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_space.h"
#include "kernel/vm/vm_user.h"
#include "shared/addrmap.h"
#include "shared/linux/capability.h"
#include "shared/linux/errno.h"
#include "shared/linux/limits.h"
#include "shared/linux/stat.h"

/* --- numbers --- */

/* An entry has its number in .arg: one function shows them all, and a line of the table is what a
 * further one costs. Those that can be written are settings, in procfs_setting.c. */
enum number {
    CAP_LAST_CAP,
    EPOLL_WATCHES,
    FILE_MAX,
    INOTIFY_EVENTS,
    INOTIFY_INSTANCES,
    INOTIFY_WATCHES,
    MAP_COUNT,
    MAP_LOWEST,
    MOUNTS,
    NGROUPS,
    OPEN_MAX,
    PIPE_HARD,
    RANDOM_POOL,
    TASKS,
    RR_TURN,
    RT_PERIOD,
    RT_RUNTIME,
    ZERO,
    ONE,
    AIO_MAX,
    AIO_NOW,
};

static COLD uint64_t number_value(enum number number)
{
    switch (number) {
    case CAP_LAST_CAP:
        return LX_CAP_LAST_CAP;
    case EPOLL_WATCHES:
        return epoll_watches_max();
    case FILE_MAX: /* for those without CAP_SYS_ADMIN */
        return file_max_count();
    case INOTIFY_EVENTS:
        return INOTIFY_EVENTS_MAX;
    case INOTIFY_INSTANCES:
        return INOTIFY_INSTANCES_MAX;
    case INOTIFY_WATCHES:
        return (uint64_t)inotify_watches_max();
    case MAP_COUNT:
        return VM_AREAS_MAX;
    case MAP_LOWEST: /* nothing is ever mapped below */
        return USER_BASE;
    case MOUNTS:
        return MOUNT_MAX;
    case NGROUPS:
        return LX_NGROUPS_MAX;
    case OPEN_MAX: /* RLIMIT_NOFILE goes no higher */
        return FD_LIMIT_MAX;
    case PIPE_HARD:
        return (uint64_t)pipe_hard_limit();
    case RANDOM_POOL: /* bits: what RNDGETENTCNT gives */
        return RANDOM_BITS;
    case TASKS: /* each has a number */
        return PROCESS_PID_MAX;
    case RR_TURN: /* milliseconds */
        return SCHED_RR_TURN_NS / 1000000;
    case RT_PERIOD: /* microseconds */
        return SCHED_RT_PERIOD_NS / 1000;
    case RT_RUNTIME:
        return SCHED_RT_RUNTIME_NS / 1000;
    case ZERO:
        return 0;
    case ONE:
        return 1;
    case AIO_MAX:
        return AIO_MAX_NR;
    case AIO_NOW:
        return aio_requests();
    }
    return 0;
}

/* In decimal, with a newline, as every number below /proc/sys. */
static COLD int show_number(const struct procfs_node *node, struct procfs_text *text)
{
    procfs_print(text, "%llu\n", (unsigned long long)number_value((enum number)node->entry->arg));
    return 0;
}

#define NUMBER(entry_name, number)                                                                 \
    {                                                                                              \
        .name = (entry_name), .mode = LX_S_IFREG | 0444, .arg = (number), .show = show_number      \
    }

/* Open, free, at most. A file that is closed is given back at once, so none is free, and programs
 * that watch for the end of the table compare the first with the third. */
static COLD int show_file_nr(const struct procfs_node *node, struct procfs_text *text)
{
    (void)node;
    procfs_print(text, "%lu\t0\t%lu\n", file_live_count(), file_max_count());
    return 0;
}

/* Of all file systems; none are kept for reuse. */
static COLD int show_inode_nr(const struct procfs_node *node, struct procfs_text *text)
{
    (void)node;
    procfs_print(text, "%lu\t0\n", inode_live_count());
    return 0;
}

/* --- names --- */

/* What programs are built for: they ask for nothing else by this name. */
static COLD int show_ostype(const struct procfs_node *node, struct procfs_text *text)
{
    (void)node;
    procfs_print(text, "Linux\n");
    return 0;
}

/* As uname(2) has it. */
static COLD int show_osrelease(const struct procfs_node *node, struct procfs_text *text)
{
    (void)node;
    procfs_print(text, "%s-firstlight\n", VERSION_LINUX_ABI);
    return 0;
}

/* The release without the word Linux: that is the ABI's, this the kernel's own. */
static COLD int show_kernel_version(const struct procfs_node *node, struct procfs_text *text)
{
    (void)node;
    procfs_print(text, "Firstlight %s\n", VERSION_TEXT);
    return 0;
}

static COLD int show_name(const struct procfs_node *node, struct procfs_text *text)
{
    char name[UTS_NAME_MAX + 1];

    uts_get((enum uts_name)node->entry->arg, name);
    procfs_print(text, "%s\n", name);
    return 0;
}

/* Up to the first line's end; what is too long is cut. Its length, without a NUL; -EFAULT. */
static COLD int line_take(struct user_iter *io, char *text, size_t size)
{
    size_t nbytes = MIN(io->left, size), length = 0;

    if (user_iter_get(io, text, nbytes) < nbytes)
        return -EFAULT;
    while (length < nbytes && text[length] && text[length] != '\n')
        length++;
    return (int)length;
}

/* uname(2)'s names, of the name space that the caller is in. The file's mode has let root alone
 * open it. */
static COLD int write_name(const struct procfs_node *node, struct user_iter *io)
{
    char name[UTS_NAME_MAX];
    int length = line_take(io, name, sizeof(name));

    if (length < 0)
        return length;
    uts_set((enum uts_name)node->entry->arg, name, (size_t)length);
    return 0;
}

/* --- core files --- */

static COLD int show_core_pattern(const struct procfs_node *node, struct procfs_text *text)
{
    char pattern[CORE_PATTERN_MAX + 1];

    (void)node;
    core_pattern_get(pattern);
    procfs_print(text, "%s\n", pattern);
    return 0;
}

static COLD int write_core_pattern(const struct procfs_node *node, struct user_iter *io)
{
    char text[CORE_PATTERN_MAX];
    int length = line_take(io, text, sizeof(text));

    (void)node;
    return length < 0 ? length : core_pattern_set(text, (size_t)length);
}

static COLD int show_core_uses_pid(const struct procfs_node *node, struct procfs_text *text)
{
    (void)node;
    procfs_print(text, "%u\n", __atomic_load_n(&core_uses_pid, __ATOMIC_RELAXED));
    return 0;
}

static COLD int write_core_uses_pid(const struct procfs_node *node, struct user_iter *io)
{
    uint64_t value = 0;
    int err = procfs_number_take(io, &value);

    (void)node;
    if (!err)
        __atomic_store_n(&core_uses_pid, value != 0, __ATOMIC_RELAXED);
    return err;
}

#define NAME(entry_name, which)                                                                    \
    {                                                                                              \
        .name = (entry_name), .mode = LX_S_IFREG | 0644, .arg = (which), .show = show_name,        \
        .write = write_name                                                                        \
    }

/* --- random --- */

static COLD void random_uuid_print(struct procfs_text *text, const uint8_t *bytes)
{
    for (unsigned i = 0; i < 16; i++) {
        uint8_t byte = bytes[i];

        if (i == 6)
            byte = (uint8_t)((byte & 0x0f) | 0x40); /* version 4, RFC 4122 */
        if (i == 8)
            byte = (uint8_t)((byte & 0x3f) | 0x80);
        procfs_print(text, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", byte);
    }
    procfs_put(text, "\n", 1);
}

/* A new one at each read: proc_sys_kernel(5), random/uuid. */
static COLD int show_uuid(const struct procfs_node *node, struct procfs_text *text)
{
    uint8_t bytes[16];

    (void)node;
    random_fill(bytes, sizeof(bytes));
    random_uuid_print(text, bytes);
    return 0;
}

static uint8_t boot_id[16]; /* constant after start-up */

/* The same for every reader: programs tell by it whether the machine has been started anew. */
static COLD int show_boot_id(const struct procfs_node *node, struct procfs_text *text)
{
    (void)node;
    random_uuid_print(text, boot_id);
    return 0;
}

/* --- the tables --- */

#define DIRECTORY(entry_name, table)                                                               \
    {                                                                                              \
        .name = (entry_name), .mode = LX_S_IFDIR | 0555, .dir = (table)                            \
    }

static const struct procfs_entry random_files[] = {
    PROCFS_TEXT("boot_id", 0444, show_boot_id),
    NUMBER("entropy_avail", RANDOM_POOL),
    NUMBER("poolsize", RANDOM_POOL),
    PROCFS_TEXT("uuid", 0444, show_uuid),
};
static const struct procfs_dir random_dir = {.entries = random_files,
                                             .count = ARRAY_SIZE(random_files)};

static const struct procfs_entry kernel_files[] = {
    NUMBER("cap_last_cap", CAP_LAST_CAP),
    PROCFS_WRITABLE("core_pattern", show_core_pattern, write_core_pattern),
    PROCFS_WRITABLE("core_uses_pid", show_core_uses_pid, write_core_uses_pid),
    NAME("domainname", UTS_DOMAIN),
    NAME("hostname", UTS_HOST),
    SETTING("msg_next_id", SET_MSG_NEXT),
    SETTING("msgmax", SET_MSG_BYTES),
    SETTING("msgmnb", SET_MSG_QUEUE),
    SETTING("msgmni", SET_MSG_QUEUES),
    NUMBER("ngroups_max", NGROUPS),
    PROCFS_TEXT("osrelease", 0444, show_osrelease),
    PROCFS_TEXT("ostype", 0444, show_ostype),
    SETTING("pid_max", SET_TASKS),
    DIRECTORY("random", &random_dir),
    NUMBER("randomize_va_space", ZERO),
    NUMBER("sched_rr_timeslice_ms", RR_TURN),
    NUMBER("sched_rt_period_us", RT_PERIOD),
    NUMBER("sched_rt_runtime_us", RT_RUNTIME),
    DIRECTORY("seccomp", &seccomp_sysctl_dir),
    SETTINGS("sem", SET_SEMAPHORES, SETTINGS_ENTRY),
    SETTING("sem_next_id", SET_SEM_NEXT),
    SETTING("shm_next_id", SET_SHM_NEXT),
    SETTING("shmall", SET_SHM_ALL),
    SETTING("shmmax", SET_SHM_BYTES),
    SETTING("shmmni", SET_SHM_SEGMENTS),
    NUMBER("tainted", ZERO),
    NUMBER("threads-max", TASKS),
    PROCFS_TEXT("version", 0444, show_kernel_version),
};
static const struct procfs_dir kernel_dir = {.entries = kernel_files,
                                             .count = ARRAY_SIZE(kernel_files)};

static const struct procfs_entry epoll_files[] = {NUMBER("max_user_watches", EPOLL_WATCHES)};
static const struct procfs_dir epoll_dir = {.entries = epoll_files,
                                            .count = ARRAY_SIZE(epoll_files)};

static const struct procfs_entry inotify_files[] = {
    NUMBER("max_queued_events", INOTIFY_EVENTS),
    NUMBER("max_user_instances", INOTIFY_INSTANCES),
    NUMBER("max_user_watches", INOTIFY_WATCHES),
};
static const struct procfs_dir inotify_dir = {.entries = inotify_files,
                                              .count = ARRAY_SIZE(inotify_files)};

static const struct procfs_entry mqueue_files[] = {
    SETTING("msg_default", SET_MQ_MSGS_DEFAULT),
    SETTING("msg_max", SET_MQ_MSGS),
    SETTING("msgsize_default", SET_MQ_SIZE_DEFAULT),
    SETTING("msgsize_max", SET_MQ_SIZE),
    SETTING("queues_max", SET_MQ_QUEUES),
};
static const struct procfs_dir mqueue_dir = {.entries = mqueue_files,
                                             .count = ARRAY_SIZE(mqueue_files)};

/* protected_*: as Debian sets them where this kernel follows, else 0. */
static const struct procfs_entry fs_files[] = {
    NUMBER("aio-max-nr", AIO_MAX),
    NUMBER("aio-nr", AIO_NOW),
    SETTING("dir-notify-enable", SET_DNOTIFY),
    DIRECTORY("epoll", &epoll_dir),
    NUMBER("file-max", FILE_MAX),
    PROCFS_TEXT("file-nr", 0444, show_file_nr),
    PROCFS_TEXT("inode-nr", 0444, show_inode_nr),
    DIRECTORY("inotify", &inotify_dir),
    SETTING("lease-break-time", SET_LEASE_BREAK),
    SETTING("leases-enable", SET_LEASES),
    NUMBER("mount-max", MOUNTS),
    DIRECTORY("mqueue", &mqueue_dir),
    NUMBER("nr_open", OPEN_MAX),
    SETTING("pipe-max-size", SET_PIPE_SIZE),
    NUMBER("pipe-user-pages-hard", PIPE_HARD),
    SETTING("pipe-user-pages-soft", SET_PIPE_SOFT),
    NUMBER("protected_fifos", ZERO),
    NUMBER("protected_hardlinks", ONE),
    NUMBER("protected_regular", ZERO),
    NUMBER("protected_symlinks", ONE),
    NUMBER("suid_dumpable", ZERO), /* programs with rights of others leave no core files */
};
static const struct procfs_dir fs_dir = {.entries = fs_files, .count = ARRAY_SIZE(fs_files)};

/* overcommit_memory 0: what can never fit is refused, all else is not counted. */
static const struct procfs_entry vm_files[] = {
    NUMBER("max_map_count", MAP_COUNT), NUMBER("mmap_min_addr", MAP_LOWEST),
    NUMBER("nr_hugepages", ZERO),       NUMBER("oom_kill_allocating_task", ZERO),
    NUMBER("overcommit_memory", ZERO),  NUMBER("panic_on_oom", ZERO),
    NUMBER("swappiness", ZERO),
};
static const struct procfs_dir vm_dir = {.entries = vm_files, .count = ARRAY_SIZE(vm_files)};

static const struct procfs_entry sys_files[] = {
    DIRECTORY("fs", &fs_dir),
    DIRECTORY("kernel", &kernel_dir),
    DIRECTORY("vm", &vm_dir),
};
static const struct procfs_dir sys_dir = {.entries = sys_files, .count = ARRAY_SIZE(sys_files)};
static const struct procfs_entry root_files[] = {DIRECTORY("sys", &sys_dir)};

COLD void procfs_sysctl_init(void)
{
    random_fill(boot_id, sizeof(boot_id));
    procfs_register(root_files, ARRAY_SIZE(root_files));
}
