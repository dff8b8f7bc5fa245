/* SPDX-License-Identifier: MIT */
/* What the end of a task does to words of memory: robust lists and the cleared thread number. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/linux/futex.h"
#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"
#include "tests/user/lib/robust_list.h"

#define PAGE 4096UL

struct lock {
    struct robust_list link;
    uint32_t word;
};

struct shared {
    struct robust_list_head head;
    struct lock locks[4];
    uint32_t ready;
    int tid;
};

static struct shared *shared;

static void end_of(pid_t pid)
{
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

static void list_begin(void)
{
    shared->head = (struct robust_list_head){
        .list = {&shared->head.list},
        .futex_offset = offsetof(struct lock, word) - offsetof(struct lock, link),
    };
    CHECK_EQ(raw2(SYS_set_robust_list, &shared->head, sizeof(shared->head)), 0);
}

static void lock_take(struct lock *lock, uint32_t bits)
{
    lock->word = (uint32_t)raw0(SYS_gettid) | bits;
    lock->link.next = shared->head.list.next;
    shared->head.list.next = &lock->link;
}

static void check_get(void)
{
    uint64_t head = 0, nbytes = 0;

    list_begin();
    CHECK_EQ(raw3(SYS_get_robust_list, 0, &head, &nbytes), 0);
    CHECK(head == (uint64_t)&shared->head && nbytes == sizeof(shared->head));
    CHECK_EQ(raw3(SYS_get_robust_list, 0x7ffffff, &head, &nbytes), -ESRCH);
    CHECK_EQ(raw3(SYS_get_robust_list, 0, 1, &nbytes), -EFAULT);
    CHECK_EQ(raw2(SYS_set_robust_list, &shared->head, 23), -EINVAL);
    CHECK_EQ(raw2(SYS_set_robust_list, NULL, 24), 0);
}

/* By exit and by a signal: locks of the dead are marked, the waiters bit stays, others' stay. */
static void check_marks(int by_signal)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        list_begin();
        lock_take(&shared->locks[0], 0);
        lock_take(&shared->locks[1], LX_FUTEX_WAITERS);
        lock_take(&shared->locks[2], 0);
        shared->locks[2].word = 12345; /* not its own */
        shared->locks[3].word = (uint32_t)raw0(SYS_gettid);
        shared->head.list_op_pending = &shared->locks[3].link;
        if (by_signal)
            raise(SIGKILL);
        _exit(0);
    }
    end_of(pid);
    CHECK_EQ(shared->locks[0].word, LX_FUTEX_OWNER_DIED);
    CHECK_EQ(shared->locks[1].word, LX_FUTEX_OWNER_DIED | LX_FUTEX_WAITERS);
    CHECK_EQ(shared->locks[2].word, 12345);
    CHECK_EQ(shared->locks[3].word, LX_FUTEX_OWNER_DIED);
}

/* Who waits for a lock is woken by the end of its owner. */
static void check_wakes(void)
{
    pid_t owner, heir;

    shared->ready = 0;
    owner = (pid_t)CHECK_OK(fork());
    if (owner == 0) {
        list_begin();
        lock_take(&shared->locks[0], LX_FUTEX_WAITERS);
        __atomic_store_n(&shared->ready, shared->locks[0].word, __ATOMIC_SEQ_CST);
        pause();
    }
    while (!__atomic_load_n(&shared->ready, __ATOMIC_SEQ_CST))
        usleep(1000);
    heir = (pid_t)CHECK_OK(fork());
    if (heir == 0) {
        struct timespec limit = {8, 0};
        CHECK_EQ(
            raw6(SYS_futex, &shared->locks[0].word, LX_FUTEX_WAIT, shared->ready, &limit, 0, 0), 0);
        CHECK_EQ(shared->locks[0].word, LX_FUTEX_OWNER_DIED | LX_FUTEX_WAITERS);
        _exit(0);
    }
    asleep_await(heir);
    CHECK_OK(kill(owner, SIGKILL));
    end_of(owner);
    int status = -1;
    CHECK_EQ(waitpid(heir, &status, 0), heir);
    CHECK_EQ(status, 0);
}

/* Lists made by fools: a ring, an address that is none. */
static void check_broken(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        list_begin();
        lock_take(&shared->locks[0], 0);
        shared->locks[0].link.next = &shared->locks[0].link;
        _exit(0);
    }
    end_of(pid);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        list_begin();
        lock_take(&shared->locks[0], 0);
        shared->locks[0].link.next = (struct robust_list *)0xffff800000000000;
        _exit(0);
    }
    end_of(pid);
    CHECK_EQ(shared->locks[0].word, LX_FUTEX_OWNER_DIED);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_EQ(raw2(SYS_set_robust_list, 16, 24), 0);
        _exit(0);
    }
    end_of(pid);
}

/*
 * CLONE_CHILD_CLEARTID: the word is cleared when the task that shares the memory is gone. Without
 * the C library, whose clone() refuses the flag since musl 1.2.5. The child has its parent's stack
 * and so must not touch it: its whole life is here, and it finds the word set until it ends.
 */
static void check_clear_tid(void)
{
    long flags = CLONE_VM | CLONE_VFORK | CLONE_CHILD_CLEARTID | SIGCHLD;
    register int *word __asm__("r10") = &shared->tid;
    long pid = SYS_clone;
    int status;

    shared->tid = 4711;
    __asm__ volatile("syscall\n\t"
                     "testq %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xorl %%edi, %%edi\n\t"
                     "cmpl $4711, (%%r10)\n\t"
                     "setne %%dil\n\t"
                     "movl %[exit], %%eax\n\t"
                     "syscall\n"
                     "1:"
                     : "+a"(pid)
                     : "D"(flags), "S"(0), "d"(0), "r"(word), [exit] "i"(SYS_exit)
                     : "rcx", "r11", "cc", "memory");
    CHECK(pid > 0);
    CHECK_EQ(shared->tid, 0);
    CHECK_EQ(waitpid((pid_t)pid, &status, 0), (pid_t)pid);
    CHECK_EQ(status, 0);
}

int main(void)
{
    shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK((void *)shared != MAP_FAILED);
    check_get();
    check_marks(0);
    check_marks(1);
    check_wakes();
    check_broken();
    check_clear_tid();
    return 0;
}
