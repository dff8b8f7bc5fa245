/* SPDX-License-Identifier: MIT */
/*
 * Pages of a file that come later: readers and faults wait for them, and nothing else does.
 *
 * The file is an ordinary one, whose bytes are said to be on a device. The device is the check
 * itself: it keeps the frame that it is to fill, sees that all that need the page wait, does in the
 * same address space what must not wait, and delivers. The waiters are threads of the kernel.
 */
#include "kernel/arch/x86_64/paging.h"
#include "kernel/core/clock.h"
#include "kernel/fs/page_cache/page_state.h"
#include "kernel/fs/vfs/inode.h"
#include "kernel/fs/vfs/open.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/selftest/ktest.h"
#include "kernel/vm/vm_space.h"
#include "kernel/vm/vm_table.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/mman.h"

#define FILE_PATH "/page-checks"
#define PAGES     4u
#define BYTE      0x41 /* of page 0; the next page has the next one */
#define WAIT_NS   10000000000ULL

enum { READER, OTHER_READER, FAULT, WAITERS };

static struct {
    struct fs_context *context;
    struct file *file;
    struct inode *inode;
    struct vm_space *space;
    uint64_t file_va, anonymous_va; /* PAGES each */
    /* [inode.lock] what is to be filled, and how often that was asked for */
    struct frame *frames[PAGES];
    unsigned fills[PAGES];
} check;

static struct {
    struct thread thread;
    int64_t result;
    char bytes[16];
} waiters[WAITERS];

static volatile unsigned waiters_ended;

/* As the driver of a disk: it takes the request and returns. It keeps the file. */
static void device_fill(struct page_cache *map, uint64_t index, struct frame *frame)
{
    check.frames[index] = frame;
    check.fills[index]++;
    inode_get(container_of(map, struct inode, map));
}

static const struct page_cache_ops device_ops = {.fill = device_fill};

/* False: it was not asked for. */
static bool device_deliver(uint64_t index, bool good)
{
    struct frame *frame;

    mutex_lock(&check.inode->lock);
    frame = check.frames[index];
    check.frames[index] = NULL; /* it may be asked for again when this one has failed */
    if (frame) {
        if (good)
            memset(frame_address(frame), (int)(BYTE + index), PAGE_SIZE);
        page_cache_fill_end(&check.inode->map, index, frame, good);
    }
    mutex_unlock(&check.inode->lock);
    if (frame)
        inode_put(check.inode);
    return frame != NULL;
}

/* A page that is there before anything waits. */
static bool device_has(uint64_t index)
{
    struct frame *frame;
    int err;

    mutex_lock(&check.inode->lock);
    err = page_cache_get(&check.inode->map, index, &frame);
    mutex_unlock(&check.inode->lock);
    return err == -EAGAIN && device_deliver(index, true);
}

/* PAGES of the file, or of anonymous memory. */
static int check_map(struct vm_pager *pager, struct dentry *name, uint64_t *va)
{
    struct vm_request request = {
        .nbytes = PAGES * PAGE_SIZE,
        .prot = LX_PROT_READ | (pager ? 0 : LX_PROT_WRITE),
        .may_write = true,
        .pager = pager,
        .name = name,
    };

    return vm_map(check.space, &request, va);
}

/* The file has its size, and none of its pages. False: something of it could not be had. */
static bool check_begin(void)
{
    memset(&check, 0, sizeof(check));
    if (fs_context_create(&check.context) ||
        fs_open_path(check.context, FILE_PATH, LX_O_RDWR | LX_O_CREAT | LX_O_EXCL, 0600,
                     &check.file))
        return false;
    check.inode = check.file->inode;
    mutex_lock(&check.inode->lock);
    page_cache_set_backing(&check.inode->map, &device_ops, PAGES * PAGE_SIZE);
    inode_set_size_locked(check.inode, PAGES * PAGE_SIZE);
    mutex_unlock(&check.inode->lock);
    return !vm_space_create(&check.space) &&
           !check_map(&check.inode->pager, check.file->dentry, &check.file_va) &&
           !check_map(NULL, NULL, &check.anonymous_va);
}

/* The leak check behind each check finds pages that are left. */
static bool check_end(void)
{
    bool good = !fs_unlink(check.context, NULL, FILE_PATH, false);

    vm_space_put(check.space);
    file_put(check.file);
    fs_context_destroy(check.context);
    return good;
}

/* All of them need page 0. */
static void page_waiter(void *argument)
{
    uint64_t i = (uint64_t)argument;

    sched_first();
    waiters[i].result =
        i == FAULT ? vm_fault(check.space, check.file_va, VM_READ)
                   : file_read_kernel(check.file, waiters[i].bytes, sizeof(waiters[i].bytes), 0);
    sched_exit();
}

/* Off its stack for good. */
static void waiter_ended(struct thread *thread)
{
    (void)thread;
    __atomic_fetch_add(&waiters_ended, 1, __ATOMIC_SEQ_CST);
}

/* A thread that spins, or has given up, is not. */
static bool all_blocked(void)
{
    for (unsigned i = 0; i < WAITERS; i++)
        if (__atomic_load_n(&waiters[i].thread.state, __ATOMIC_SEQ_CST) != THREAD_BLOCKED)
            return false;
    return __atomic_load_n(&check.fills[0], __ATOMIC_RELAXED) > 0;
}

/* Until all wait; and then for a while, in which none may go on. */
static bool waiters_start(void)
{
    uint64_t end = clock_monotonic_ns() + WAIT_NS;

    waiters_ended = 0;
    for (uint64_t i = 0; i < WAITERS; i++) {
        memset(&waiters[i], 0, sizeof(waiters[i]));
        if (thread_create(&waiters[i].thread, page_waiter, (void *)i))
            return false;
        waiters[i].thread.ended = waiter_ended;
        sched_start(&waiters[i].thread);
    }
    while (!all_blocked() && clock_monotonic_ns() < end)
        sched_yield_cpu();
    end = clock_monotonic_ns() + 20000000;
    while (clock_monotonic_ns() < end)
        sched_yield_cpu();
    return all_blocked() && waiters_ended == 0;
}

/* Bounded: a waiter that is not woken must be a failed check and not a hang. */
static bool waiters_end(void)
{
    uint64_t end = clock_monotonic_ns() + WAIT_NS;

    while (waiters_ended < WAITERS && clock_monotonic_ns() < end)
        sched_yield_cpu();
    if (waiters_ended != WAITERS)
        return false;
    for (unsigned i = 0; i < WAITERS; i++)
        thread_destroy(&waiters[i].thread);
    return true;
}

/* Both readers have the same to expect. */
static bool results_are(int64_t read, int64_t fault)
{
    return waiters[READER].result == read && waiters[OTHER_READER].result == read &&
           waiters[FAULT].result == fault;
}

#define EXPECT_RESULTS(read, fault)                                                                \
    KTEST_EXPECT(results_are(read, fault), "readers got %lld and %lld, the fault %lld",            \
                 (long long)waiters[READER].result, (long long)waiters[OTHER_READER].result,       \
                 (long long)waiters[FAULT].result)

/* The byte that a program would see there; -1: nothing is mapped. */
static int mapped_byte(uint64_t va)
{
    uint64_t *entry;
    int byte = -1;

    mutex_lock(&check.space->lock);
    entry = vm_entry_find(check.space, va);
    if (entry && vm_entry_has_frame(*entry))
        byte = *(const char *)paging_table(*entry);
    mutex_unlock(&check.space->lock);
    return byte;
}

/* What goes on in the address space, and with the file, while the page is on its way. */
static bool others_go_on(char reason[KTEST_REASON_SIZE])
{
    char byte = 0;
    int err = vm_fault(check.space, check.anonymous_va, VM_WRITE);

    KTEST_EXPECT(!err, "a fault of other memory: %d", err);
    err = vm_fault(check.space, check.file_va + PAGE_SIZE, VM_READ);
    KTEST_EXPECT(!err && mapped_byte(check.file_va + PAGE_SIZE) == BYTE + 1,
                 "a fault of another page of the file: %d", err);
    /* A change of the areas themselves, for which the lock is needed as well. */
    err = vm_unmap(check.space, check.anonymous_va + PAGE_SIZE, 2 * PAGE_SIZE);
    KTEST_EXPECT(!err, "munmap: %d", err);
    KTEST_EXPECT(file_read_kernel(check.file, &byte, 1, PAGE_SIZE) == 1 && byte == BYTE + 1,
                 "another page of the file cannot be read");
    KTEST_EXPECT(mapped_byte(check.file_va) == -1, "a page without contents is mapped");
    KTEST_EXPECT(waiters_ended == 0, "a waiter has gone on");
    return true;
}

/* One filling, asked for by whichever came first, serves all three. */
KTEST(page_comes_later, "page-comes-later")
{
    KTEST_EXPECT(check_begin() && device_has(1), "the file cannot be set up");
    KTEST_EXPECT(waiters_start(), "not all wait for the page");
    if (!others_go_on(reason))
        return false;
    KTEST_EXPECT(device_deliver(0, true), "nothing to deliver");
    KTEST_EXPECT(waiters_end(), "%u of %u go on", waiters_ended, WAITERS);
    EXPECT_RESULTS(sizeof(waiters[0].bytes), 0);
    KTEST_EXPECT(waiters[READER].bytes[0] == BYTE && waiters[OTHER_READER].bytes[15] == BYTE &&
                     mapped_byte(check.file_va) == BYTE,
                 "the page has other bytes than were delivered");
    KTEST_EXPECT(check.fills[0] == 1, "the page was filled %u times", check.fills[0]);
    KTEST_EXPECT(check_end(), "the file cannot be removed");
    return true;
}

/* The waiters get an error; a later reader has the page filled again. */
KTEST(page_fails, "page-cannot-be-had")
{
    KTEST_EXPECT(check_begin(), "the file cannot be set up");
    KTEST_EXPECT(waiters_start(), "not all wait for the page");
    KTEST_EXPECT(device_deliver(0, false), "nothing to deliver");
    KTEST_EXPECT(waiters_end(), "%u of %u go on", waiters_ended, WAITERS);
    EXPECT_RESULTS(-EIO, -ENXIO);
    KTEST_EXPECT(waiters_start(), "not all wait for the second try");
    KTEST_EXPECT(device_deliver(0, true), "nothing to deliver");
    KTEST_EXPECT(waiters_end(), "%u of %u go on", waiters_ended, WAITERS);
    EXPECT_RESULTS(sizeof(waiters[0].bytes), 0);
    KTEST_EXPECT(check.fills[0] == 2, "the page was filled %u times", check.fills[0]);
    KTEST_EXPECT(check_end(), "the file cannot be removed");
    return true;
}

/* The area of a fault that waits goes, and the file is cut: the page comes for no waiter. */
KTEST(page_unmapped, "page-unmapped-before-it-comes")
{
    KTEST_EXPECT(check_begin(), "the file cannot be set up");
    KTEST_EXPECT(waiters_start(), "not all wait for the page");
    KTEST_EXPECT(!vm_unmap(check.space, check.file_va, PAGES * PAGE_SIZE), "munmap failed");
    KTEST_EXPECT(!fs_truncate(check.inode, 0, &check.context->cred), "truncate failed");
    KTEST_EXPECT(waiters_ended == 0, "a waiter has gone on");
    KTEST_EXPECT(device_deliver(0, true), "nothing to deliver");
    KTEST_EXPECT(waiters_end(), "%u of %u go on", waiters_ended, WAITERS);
    EXPECT_RESULTS(0, -EFAULT);
    KTEST_EXPECT(check_end(), "the file cannot be removed");
    return true;
}

/* A task that is to die waits no longer, whatever becomes of the page; a signal alone changes
 * nothing. */
KTEST(page_killed, "page-wait-is-killed")
{
    KTEST_EXPECT(check_begin(), "the file cannot be set up");
    KTEST_EXPECT(waiters_start(), "not all wait for the page");
    for (unsigned i = 0; i < WAITERS; i++) {
        arch_thread_add_work(&waiters[i].thread.arch, TIF_SIGNAL);
        sched_notify(&waiters[i].thread);
        sched_yield_cpu();
    }
    KTEST_EXPECT(all_blocked() && waiters_ended == 0, "a signal ends the wait");
    for (unsigned i = 0; i < WAITERS; i++) {
        arch_thread_add_work(&waiters[i].thread.arch, TIF_KILL);
        sched_notify(&waiters[i].thread);
    }
    KTEST_EXPECT(waiters_end(), "%u of %u end", waiters_ended, WAITERS);
    EXPECT_RESULTS(-EINTR, -EINTR);
    KTEST_EXPECT(device_deliver(0, true), "nothing to deliver");
    KTEST_EXPECT(check_end(), "the file cannot be removed");
    return true;
}
