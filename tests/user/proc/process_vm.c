/* SPDX-License-Identifier: MIT */
/*
 * The memory of other processes: process_vm_readv and process_vm_writev, what they move before an
 * error, whose memory they may touch; process_madvise; kcmp about what processes have in common.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define READV     310
#define WRITEV    311
#define KCMP      312
#define MADVISE   440
#define PAGE      4096
#define NO_NUMBER 0x7fffffff
#define NOBODY    65534

enum { FILES_OPEN, VM, FILES, FS, SIGHAND, IO, SYSVSEM, EPOLL_TFD, TYPES };

static char *memory; /* pages: two good ones, one without rights, one to read, one to write */

static long move(long nr, pid_t pid, const struct iovec *local, unsigned long nlocal,
                 const struct iovec *remote, unsigned long nremote)
{
    return raw6(nr, pid, (long)local, nlocal, (long)remote, nremote, 0);
}

static long move_one(long nr, pid_t pid, void *local, void *remote, size_t nbytes)
{
    struct iovec here = {local, nbytes}, there = {remote, nbytes};

    return move(nr, pid, &here, 1, &there, 1);
}

/* A child that waits to be killed, with a copy of all this. */
static pid_t sleeper(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    while (pid == 0)
        pause();
    return pid;
}

static void end(pid_t pid)
{
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(child_end(pid), SIGKILL);
}

static void moves_between_pieces_of_all_sizes(pid_t child)
{
    char out[64];
    struct iovec local[3] = {{out, 5}, {out + 5, 0}, {out + 5, 20}};
    struct iovec remote[4] = {{memory, 3}, {memory + PAGE - 4, 8}, {NULL, 0}, {memory + 10, 14}};

    /* Its pages are the child's from here on. */
    for (int i = 0; i < 2 * PAGE; i++)
        memory[i] = 0;
    memset(out, 1, sizeof(out));
    CHECK_EQ(move(READV, child, local, 3, remote, 4), 25);
    for (int i = 0; i < 25; i++) {
        int at = i < 3 ? i : i < 11 ? PAGE - 4 + i - 3 : 10 + i - 11;

        CHECK_EQ(out[i], (char)(at % 251));
    }
    CHECK_EQ(out[25], 1);
    for (int i = 0; i < 25; i++)
        out[i] = (char)(100 + i);
    CHECK_EQ(move(WRITEV, child, local, 3, remote, 4), 25);
    CHECK_EQ(memory[0], 0);
    memset(out, 1, sizeof(out));
    CHECK_EQ(move_one(READV, child, out, memory + PAGE - 4, 8), 8);
    for (int i = 0; i < 8; i++)
        CHECK_EQ(out[i], 103 + i);
    /* The shorter side ends it. */
    CHECK_EQ(move(READV, child, local, 1, remote, 4), 5);
    CHECK_EQ(move(READV, child, local, 3, remote, 1), 3);
}

static void many_pages_go_both_ways(void)
{
    size_t size = 1 << 20;
    char *area = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *copy = area + size;
    pid_t child;

    CHECK(area != MAP_FAILED);
    for (size_t i = 0; i < size; i++)
        area[i] = (char)(i / 7 + i);
    child = sleeper();
    CHECK_EQ(move_one(READV, child, copy, area, size), size);
    CHECK_EQ(memcmp(copy, area, size), 0);
    memset(copy, 9, size);
    CHECK_EQ(move_one(WRITEV, child, copy + 1, area + 1, size - 1), size - 1);
    memset(copy, 0, size);
    CHECK_EQ(move_one(READV, child, copy, area, size), size);
    CHECK_EQ(copy[0], area[0]);
    CHECK(bytes_are(copy + 1, 9, size - 1));
    /* Memory that nothing has touched is zero, and a file's is the file's. */
    CHECK_EQ(move_one(READV, child, copy, area + size, PAGE), PAGE);
    CHECK(bytes_are(copy, 0, PAGE));
    CHECK_EQ(move_one(READV, child, copy, (void *)((uintptr_t)end & -PAGE), PAGE), PAGE);
    CHECK_EQ(memcmp(copy, (void *)((uintptr_t)end & -PAGE), PAGE), 0);
    end(child);
    CHECK_OK(munmap(area, 2 * size));
}

static void what_was_moved_before_an_error_counts(pid_t child)
{
    char out[3 * PAGE];
    struct iovec local = {out, sizeof(out)};
    struct iovec remote[2] = {{memory, 100}, {(void *)-4096L, 100}};
    char *own = memory + PAGE;

    CHECK_EQ(move(READV, child, &local, 1, remote, 2), 100);
    remote[0] = (struct iovec){memory + PAGE + 50, PAGE};
    CHECK_EQ(move(READV, child, &local, 1, remote, 1), PAGE - 50);
    CHECK_EQ(move(WRITEV, child, &local, 1, remote, 1), PAGE - 50);
    /* The caller's own memory ends, too. */
    CHECK_EQ(move_one(READV, child, own, memory, 2 * PAGE), PAGE);
    CHECK_EQ(move_one(WRITEV, child, own, memory, 2 * PAGE), PAGE);
}

static void rights_of_the_area_count(pid_t child)
{
    char out[8] = {0};

    CHECK_EQ(move_one(READV, child, out, memory + 2 * PAGE, 8), -EFAULT);
    CHECK_EQ(move_one(WRITEV, child, out, memory + 2 * PAGE, 8), -EFAULT);
    CHECK_EQ(move_one(READV, child, out, memory + 3 * PAGE, 8), 8);
    CHECK_EQ(move_one(WRITEV, child, out, memory + 3 * PAGE, 8), -EFAULT);
    CHECK_EQ(move_one(READV, child, out, memory + 4 * PAGE, 8), -EFAULT);
    CHECK_EQ(move_one(WRITEV, child, out, memory + 4 * PAGE, 8), 8);
    CHECK_EQ(move_one(READV, child, out, (void *)-1L, 8), -EFAULT);
    CHECK_EQ(move_one(READV, child, out, (void *)0x7ffffffff000, PAGE), -EFAULT);
    CHECK_EQ(move_one(READV, child, memory + 2 * PAGE, memory, 8), -EFAULT);
    /* Its own, without a way around them either. */
    CHECK_EQ(move_one(WRITEV, getpid(), out, memory + 3 * PAGE, 8), -EFAULT);
    CHECK_EQ(move_one(READV, getpid(), out, memory, 8), 8);
}

static void arguments_are_checked_in_order(pid_t child)
{
    static struct iovec many[1025];
    char out[8];
    struct iovec good = {out, 8}, there = {memory, 8}, none = {out, 0}, bad = {out, (size_t)-1};
    struct iovec outside = {(void *)-1L, 8};

    for (long nr = READV; nr <= WRITEV; nr++) {
        CHECK_EQ(raw6(nr, child, (long)&good, 1, (long)&there, 1, 1), -EINVAL);
        CHECK_EQ(raw6(nr, child, (long)&good, 1, (long)&there, 1, 1l << 40), -EINVAL);
        CHECK_EQ(move(nr, child, many, 1025, &there, 1), -EINVAL);
        CHECK_EQ(move(nr, child, &good, 1, many, 1025), -EINVAL);
        CHECK_EQ(move(nr, child, &good, 1, many, 1024), 0);
        CHECK_EQ(move(nr, child, &bad, 1, &there, 1), -EINVAL);
        CHECK_EQ(move(nr, child, &good, 1, &bad, 1), -EINVAL);
        CHECK_EQ(move(nr, child, &outside, 1, &there, 1), -EFAULT);
        CHECK_EQ(move(nr, child, (void *)-1L, 1, &there, 1), -EFAULT);
        CHECK_EQ(move(nr, child, &good, 1, (void *)-1L, 1), -EFAULT);
        /* With nothing to move nothing else is looked at. */
        CHECK_EQ(move(nr, NO_NUMBER, &none, 1, (void *)-1L, 1), 0);
        CHECK_EQ(move(nr, NO_NUMBER, NULL, 0, NULL, 0), 0);
        CHECK_EQ(move(nr, NO_NUMBER, &good, 1, &none, 1), 0);
        CHECK_EQ(move(nr, NO_NUMBER, &good, 1, &there, 1), -ESRCH);
        CHECK_EQ(move(nr, -child, &good, 1, &there, 1), -ESRCH);
        CHECK_EQ(move(nr, 0, &good, 1, &there, 1), -ESRCH);
    }
}

static void zombies_have_no_memory(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());
    siginfo_t info;
    char out[8];

    if (pid == 0)
        _exit(0);
    CHECK_OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
    CHECK_EQ(move_one(READV, pid, out, memory, 8), -ESRCH);
    CHECK_EQ(child_end(pid), 0);
    CHECK_EQ(move_one(READV, pid, out, memory, 8), -ESRCH);
}

static pid_t target;

static void others_may_not(void)
{
    char out[8];
    struct iovec range = {memory, PAGE};
    int pidfd = (int)CHECK_OK(raw2(434, target, 0));

    CHECK_OK(setgid(NOBODY));
    CHECK_OK(setuid(NOBODY));
    CHECK_EQ(move_one(READV, target, out, memory, 8), -EPERM);
    CHECK_EQ(move_one(WRITEV, target, out, memory, 8), -EPERM);
    CHECK_EQ(raw6(KCMP, target, getpid(), VM, 0, 0, 0), -EPERM);
    CHECK_EQ(raw6(KCMP, getpid(), target, TYPES, 0, 0, 0), -EPERM);
    CHECK_EQ(raw6(MADVISE, pidfd, (long)&range, 1, MADV_WILLNEED, 0, 0), -EACCES);
}

/* --- memory that goes while it is read --- */

static void mapping_may_change_meanwhile(void)
{
    char *page = memory + 5 * PAGE, out[2 * PAGE];
    pid_t child = (pid_t)CHECK_OK(fork());
    long moved = 0, missed = 0;

    while (child == 0) {
        munmap(page, 2 * PAGE);
        mmap(page, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
             0);
        page[PAGE] = page[0] = 7;
    }
    for (int i = 0; i < 200; i++) {
        long got = move_one(i % 2 ? READV : WRITEV, child, out, page, 2 * PAGE);

        CHECK(got == 2 * PAGE || got == PAGE || got == -EFAULT);
        moved += got > 0;
        missed += got < 0;
    }
    CHECK_EQ(moved + missed, 200);
    CHECK_OK(kill(child, SIGKILL));
    /* It ends at some time: then there is nothing to be had any more. */
    while (move_one(READV, child, out, memory, 8) == 8)
        sched_yield();
    CHECK_EQ(move_one(READV, child, out, memory, 8), -ESRCH);
    CHECK_EQ(child_end(child), SIGKILL);
}

/* --- advice --- */

static void advice_for_others(pid_t child)
{
    int pidfd = (int)CHECK_OK(raw2(434, child, 0));
    struct iovec ranges[2] = {{memory, 2 * PAGE}, {memory, 1}};

    CHECK_EQ(raw6(MADVISE, pidfd, (long)ranges, 1, MADV_WILLNEED, 0, 0), 2 * PAGE);
    CHECK_EQ(raw6(MADVISE, pidfd, (long)ranges, 1, 20, 0, 0), 2 * PAGE); /* COLD */
    CHECK_EQ(raw6(MADVISE, pidfd, (long)ranges, 1, 21, 0, 0), 2 * PAGE); /* PAGEOUT */
    CHECK_EQ(raw6(MADVISE, pidfd, (long)ranges, 0, MADV_WILLNEED, 0, 0), 0);
    CHECK_EQ(raw6(MADVISE, pidfd, (long)ranges, 1, MADV_DONTNEED, 0, 0), -EINVAL);
    CHECK_EQ(raw6(MADVISE, pidfd, (long)ranges, 1, MADV_WILLNEED, 1, 0), -EINVAL);
    CHECK_EQ(raw6(MADVISE, pidfd, (long)ranges, 1025, MADV_WILLNEED, 0, 0), -EINVAL);
    CHECK_EQ(raw6(MADVISE, -1, (long)ranges, 1, MADV_WILLNEED, 0, 0), -EBADF);
    CHECK_EQ(raw6(MADVISE, pidfd, -1, 1, MADV_WILLNEED, 0, 0), -EFAULT);
    ranges[1].iov_base = memory + 1;
    CHECK_EQ(raw6(MADVISE, pidfd, (long)(ranges + 1), 1, MADV_WILLNEED, 0, 0), -EINVAL);
    CHECK_EQ(raw6(MADVISE, pidfd, (long)ranges, 2, MADV_WILLNEED, 0, 0), 2 * PAGE);
    CHECK_OK(close(pidfd));
}

/* --- kcmp --- */

static long compare(pid_t one, pid_t other, int type, long index1, long index2)
{
    return raw6(KCMP, one, other, type, index1, index2, 0);
}

static void files_are_compared(pid_t child)
{
    int one = (int)CHECK_OK(open("/dev/null", O_RDWR)), same = (int)CHECK_OK(dup(one));
    int other = (int)CHECK_OK(open("/dev/null", O_RDWR));
    long order = compare(getpid(), getpid(), FILES_OPEN, one, other);
    pid_t copy = sleeper();

    CHECK_EQ(compare(getpid(), getpid(), FILES_OPEN, one, same), 0);
    CHECK(order == 1 || order == 2);
    CHECK_EQ(compare(getpid(), getpid(), FILES_OPEN, other, one), 3 - order);
    CHECK_EQ(compare(getpid(), copy, FILES_OPEN, one, same), 0);
    CHECK_EQ(compare(copy, getpid(), FILES_OPEN, one, other), order);
    CHECK_EQ(compare(getpid(), getpid(), FILES_OPEN, one, 99), -EBADF);
    CHECK_EQ(compare(getpid(), child, FILES_OPEN, -1, one), -EBADF);
    CHECK_EQ(compare(getpid(), NO_NUMBER, FILES_OPEN, one, one), -ESRCH);
    CHECK_EQ(compare(NO_NUMBER, getpid(), TYPES, 0, 0), -ESRCH);
    CHECK_EQ(compare(getpid(), getpid(), TYPES, 0, 0), -EINVAL);
    CHECK_EQ(compare(getpid(), getpid(), -1, 0, 0), -EINVAL);
    end(copy);
    CHECK_OK(close(one));
    CHECK_OK(close(same));
    CHECK_OK(close(other));
}

static int clone_sleep(void *argument)
{
    for (;;)
        pause();
    return argument != NULL;
}

/* A child that has in common what the flags say, and no more. */
static void clone_shares(unsigned long flags, unsigned shared)
{
    static char stack[16384] __attribute__((aligned(16)));
    pid_t pid =
        (pid_t)CHECK_OK(clone(clone_sleep, stack + sizeof(stack), (int)flags | SIGCHLD, NULL));

    for (int type = VM; type <= SYSVSEM; type++) {
        int equal = compare(getpid(), pid, type, 0, 0) == 0;

        if (type != IO) /* whether a task has any is for the kernel to say */
            CHECK_EQ(equal, (shared >> type & 1) != 0);
        CHECK_EQ(compare(pid, pid, type, 0, 0), 0);
    }
    end(pid);
}

static int thread_tid, thread_may_end;

static void *thread_main(void *argument)
{
    __atomic_store_n(&thread_tid, (int)raw0(SYS_gettid), __ATOMIC_RELEASE);
    while (!__atomic_load_n(&thread_may_end, __ATOMIC_ACQUIRE))
        usleep(1000);
    return argument;
}

static void what_tasks_have_in_common(void)
{
    const unsigned no_undo = 1 << SYSVSEM; /* neither has any: equal */
    pthread_t thread;

    clone_shares(0, no_undo);
    clone_shares(CLONE_VM, no_undo | 1 << VM);
    clone_shares(CLONE_FILES, no_undo | 1 << FILES);
    clone_shares(CLONE_FS, no_undo | 1 << FS);
    clone_shares(CLONE_VM | CLONE_SIGHAND, no_undo | 1 << VM | 1 << SIGHAND);
    clone_shares(CLONE_SYSVSEM, no_undo);
    clone_shares(0, 0); /* the call before has given this one a list of its own */

    CHECK_EQ(pthread_create(&thread, NULL, thread_main, NULL), 0);
    while (!__atomic_load_n(&thread_tid, __ATOMIC_ACQUIRE))
        usleep(1000);
    /* IO not: Linux gives a task such a context when it first waits for a disk. */
    for (int type = VM; type < IO; type++)
        CHECK_EQ(compare(getpid(), thread_tid, type, 0, 0), 0);
    __atomic_store_n(&thread_may_end, 1, __ATOMIC_RELEASE);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void epolls_name_their_files(void)
{
    struct {
        uint32_t efd, tfd, toff;
    } slot;
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = (int)CHECK_OK(epoll_create1(0)), ends[2], number = 40;

    CHECK_OK(pipe(ends));
    CHECK_OK(dup2(ends[0], number));
    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, number, &event));
    CHECK_OK(close(number));
    CHECK_OK(dup2(ends[1], number));
    event.events = EPOLLOUT;
    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, number, &event));

    /* Two files by one number, in any order. */
    slot.efd = (uint32_t)epoll;
    slot.tfd = (uint32_t)number;
    slot.toff = 0;
    if (compare(getpid(), getpid(), EPOLL_TFD, ends[0], (long)&slot) != 0)
        slot.toff = 1;
    CHECK_EQ(compare(getpid(), getpid(), EPOLL_TFD, ends[0], (long)&slot), 0);
    slot.toff ^= 1;
    CHECK_EQ(compare(getpid(), getpid(), EPOLL_TFD, ends[1], (long)&slot), 0);
    CHECK(compare(getpid(), getpid(), EPOLL_TFD, ends[0], (long)&slot) > 0);
    slot.toff = 2;
    CHECK_EQ(compare(getpid(), getpid(), EPOLL_TFD, ends[1], (long)&slot), -ENOENT);
    slot.toff = 0;
    slot.tfd = (uint32_t)ends[0];
    CHECK_EQ(compare(getpid(), getpid(), EPOLL_TFD, ends[0], (long)&slot), -ENOENT);
    CHECK_EQ(compare(getpid(), getpid(), EPOLL_TFD, 99, (long)&slot), -EBADF);
    CHECK_EQ(compare(getpid(), getpid(), EPOLL_TFD, ends[0], -1), -EFAULT);
    slot.efd = (uint32_t)ends[0];
    CHECK_EQ(compare(getpid(), getpid(), EPOLL_TFD, ends[0], (long)&slot), -EINVAL);
    slot.efd = 99;
    CHECK_EQ(compare(getpid(), getpid(), EPOLL_TFD, ends[0], (long)&slot), -EBADF);
}

int main(void)
{
    pid_t child;

    memory = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    for (int i = 0; i < 5 * PAGE; i++)
        memory[i] = (char)(i % 251);
    CHECK_OK(mprotect(memory + 2 * PAGE, PAGE, PROT_NONE));
    CHECK_OK(mprotect(memory + 3 * PAGE, PAGE, PROT_READ));
    CHECK_OK(mprotect(memory + 4 * PAGE, PAGE, PROT_WRITE));
    child = sleeper();
    moves_between_pieces_of_all_sizes(child);
    what_was_moved_before_an_error_counts(child);
    rights_of_the_area_count(child);
    arguments_are_checked_in_order(child);
    advice_for_others(child);
    files_are_compared(child);
    end(child);
    many_pages_go_both_ways();
    zombies_have_no_memory();
    target = getpid();
    CHECK_EQ(child_status(others_may_not), 0);
    mapping_may_change_meanwhile();
    what_tasks_have_in_common();
    epolls_name_their_files();
    return 0;
}
