/* SPDX-License-Identifier: MIT */
/*
 * The records of audit=syscall: a ring for each processor, read from /proc/audit.
 *
 * A ring has one writer, the code that runs on its processor in thread context (system calls are
 * not preempted in the kernel), and any number of readers. `added` is advanced by the writer after
 * the record is complete (release); `taken` by the reader that wins a compare-and-swap. A reader
 * copies the oldest record first and takes it then: if another reader was faster, the copy is
 * thrown away. The writer does not touch a slot before it has been taken, so a copy that is
 * followed by a successful swap was not torn.
 *
 * A full ring drops the new record and counts it: the count is the first line of the file, so that
 * a test can demand that nothing was lost.
 *
 * The file shows the records that were there when it was opened, since reading makes records too
 * and would never end. Records of different processors are merged by time.
 */
#include "kernel/syscall/audit.h"

#include "kernel/arch/x86_64/percpu.h"
#include "kernel/core/clock.h"
#include "kernel/fs/procfs/procfs.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/klog.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/call_text.h"
#include "shared/linux/errno.h"
#include "shared/linux/stat.h"

#define RING_NBYTES  (512u << 10)
#define RING_RECORDS (RING_NBYTES / sizeof(struct call_record))
#define LINE_SIZE    240

/* One writer, its processor. Readers copy a record first and then take it, by a compare-and-swap of
 * `taken`: until then the writer does not touch its slot. */
struct audit_ring {
    struct call_record *records; /* constant */
    uint64_t added;              /* atomic: all that were ever written */
    uint64_t taken;              /* atomic: of them, read */
    uint64_t dropped;            /* atomic */
} ALIGNED(64);

/* What an open file shows: the records that were there when it was opened, so that it has an end
 * although reading makes records, too. */
struct audit_view {
    uint64_t end[CPU_MAX];
    size_t length, shown; /* of the line */
    char line[LINE_SIZE];
};

static PERCPU struct audit_ring rings;
static unsigned rings_count;

/* On the processor whose ring it is. No lock, and no interrupt handler adds records. */
void audit_add(const struct call_record *record)
{
    struct audit_ring *ring = percpu_own(rings);

    if (ring->added - __atomic_load_n(&ring->taken, __ATOMIC_ACQUIRE) == RING_RECORDS) {
        __atomic_store_n(&ring->dropped, ring->dropped + 1, __ATOMIC_RELAXED);
        return;
    }
    ring->records[ring->added % RING_RECORDS] = *record;
    ring->records[ring->added % RING_RECORDS].time_ns = clock_monotonic_ns();
    __atomic_store_n(&ring->added, ring->added + 1, __ATOMIC_RELEASE);
}

/* The oldest record that the view shows; its ring, or NULL: there is none. Others may take it. */
static struct audit_ring *oldest_find(const struct audit_view *view, unsigned *cpu, uint64_t *index,
                                      struct call_record *oldest)
{
    struct audit_ring *found = NULL;

    for (unsigned i = 0; i < rings_count; i++) {
        struct audit_ring *ring = percpu_of(rings, i);
        uint64_t taken = __atomic_load_n(&ring->taken, __ATOMIC_ACQUIRE);
        const struct call_record *record = &ring->records[taken % RING_RECORDS];

        if (taken >= view->end[i] || (found && record->time_ns >= oldest->time_ns))
            continue;
        found = ring;
        *cpu = i;
        *index = taken;
        *oldest = *record;
    }
    return found;
}

/* The oldest record of all rings up to the view's end; the loop repeats if another reader took it
 * first. */
static bool record_take(const struct audit_view *view, unsigned *cpu, struct call_record *record)
{
    struct audit_ring *ring;
    uint64_t index;

    do {
        ring = oldest_find(view, cpu, &index, record);
        if (!ring)
            return false;
    } while (!__atomic_compare_exchange_n(&ring->taken, &index, index + 1, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
    return true;
}

/* "12.345678 1 1044 openat(...) = 3": seconds, processor, thread. */
static bool audit_line_next(struct audit_view *view)
{
    struct call_record record;
    char *text = view->line;
    uint64_t us;
    unsigned cpu;
    size_t used;

    if (!record_take(view, &cpu, &record))
        return false;
    us = record.time_ns / 1000;
    used = fmt_print(text, LINE_SIZE, "%llu.%06llu %u %d ", (unsigned long long)(us / 1000000),
                     (unsigned long long)(us % 1000000), cpu, record.pid);
    used += call_print(text + used, LINE_SIZE - 32 - used, &record, false);
    used += fmt_print(text + used, LINE_SIZE - used, " = ");
    used += call_print_result(text + used, LINE_SIZE - 1 - used, record.result);
    text[used++] = '\n';
    view->length = used;
    view->shown = 0;
    return true;
}

/* The ends are read once: later records belong to a later open. */
static int audit_open(struct file *file)
{
    struct audit_view *view = kzalloc(sizeof(*view));
    uint64_t calls = 0, dropped = 0;

    if (!view)
        return -ENOMEM;
    for (unsigned i = 0; i < rings_count; i++) {
        view->end[i] = __atomic_load_n(&percpu_of(rings, i)->added, __ATOMIC_ACQUIRE);
        calls += view->end[i];
        dropped += __atomic_load_n(&percpu_of(rings, i)->dropped, __ATOMIC_RELAXED);
    }
    view->length = fmt_print(view->line, LINE_SIZE, "# dropped %llu of %llu calls\n",
                             (unsigned long long)dropped, (unsigned long long)(calls + dropped));
    file->private = view;
    return 0;
}

static void audit_release(struct file *file)
{
    kfree(file->private);
}

/* Lines are handed out in pieces of any size; what does not fit stays in the view for the next
 * read. */
static COLD int64_t audit_read(struct file *file, struct user_iter *io, int64_t *offset)
{
    struct audit_view *view = file->private;
    size_t wanted = io->left;

    while (io->left && (view->shown < view->length || audit_line_next(view))) {
        size_t n = MIN(io->left, view->length - view->shown);
        size_t done = user_iter_put(io, view->line + view->shown, n);

        view->shown += done;
        if (done < n)
            break;
    }
    if (wanted && io->left == wanted && view->shown < view->length)
        return -EFAULT;
    *offset += (int64_t)(wanted - io->left);
    return (int64_t)(wanted - io->left);
}

static const struct file_ops audit_ops = {
    .open = audit_open,
    .release = audit_release,
    .read = audit_read,
};

static const struct procfs_entry entries[] = {
    {.name = "audit", .mode = LX_S_IFREG | 0400, .own_ops = true, .file_ops = &audit_ops},
};

/* At start-up, when the number of processors is known. Without memory auditing is off. */
COLD int audit_init(void)
{
    unsigned count = sched_cpus_online();

    for (unsigned i = 0; i < count; i++) {
        percpu_of(rings, i)->records = kmalloc(RING_NBYTES);
        if (!percpu_of(rings, i)->records) {
            klog("audit: not enough memory: off");
            return -ENOMEM; /* what the others have got stays theirs */
        }
    }
    rings_count = count;
    procfs_register(entries, ARRAY_SIZE(entries));
    return 0;
}
