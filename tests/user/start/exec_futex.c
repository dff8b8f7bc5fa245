/* SPDX-License-Identifier: MIT */
/*
 * execve and words of memory: who leaves its memory for a new program's marks the locks of its
 * robust list, and clears the word that says whether it lives, if others stay there.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/linux/futex.h"
#include "tests/user/lib/check.h"
#include "tests/user/lib/robust_list.h"

#define LIST(...) ((char *const *)(const char *const[]){__VA_ARGS__, NULL})
#define PAGE      4096UL

struct shared {
    struct robust_list_head head;
    struct robust_list link;
    uint32_t lock, seen, tid;
    int go[2]; /* a pipe: its end ends the new program */
};

static struct shared *shared;
static const char *self;

static void become(const char *what)
{
    char *const empty[] = {NULL};

    execve(self, LIST(self, what), empty);
    _exit(127);
}

static void await(pid_t pid)
{
    int status;

    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 9 << 8);
}

static void lock_take(void)
{
    shared->head = (struct robust_list_head){
        .list = {&shared->link},
        .futex_offset = offsetof(struct shared, lock) - offsetof(struct shared, link),
    };
    shared->link.next = &shared->head.list;
    shared->lock = (uint32_t)raw0(SYS_gettid) | LX_FUTEX_WAITERS;
    CHECK_EQ(raw2(SYS_set_robust_list, &shared->head, sizeof(shared->head)), 0);
    __atomic_store_n(&shared->seen, shared->lock, __ATOMIC_SEQ_CST);
}

/* Until the word changes; a wait that nobody ends is a failure. */
static void word_await(uint32_t *word, uint32_t value)
{
    struct timespec limit = {8, 0};
    long result;

    do
        result = raw6(SYS_futex, word, LX_FUTEX_WAIT, value, &limit, 0, 0);
    while (result == -EINTR);
    CHECK(result == 0 || result == -EAGAIN);
}

/* The owner of a lock executes another program while somebody waits for the lock. */
static void robust(void)
{
    pid_t pid;

    CHECK_OK(pipe(shared->go));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(dup2(shared->go[0], 0));
        CHECK_OK(close(shared->go[1]));
        lock_take();
        usleep(50000); /* the other one waits by now, most of the time */
        become("new");
    }
    while (!__atomic_load_n(&shared->seen, __ATOMIC_SEQ_CST))
        usleep(1000);
    word_await(&shared->lock, shared->seen);
    CHECK_EQ(shared->lock, LX_FUTEX_OWNER_DIED | LX_FUTEX_WAITERS);
    CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0); /* it lives */
    CHECK_OK(close(shared->go[1]));
    await(pid);
}

/* In its parent's memory, until it executes another program. */
static int sharer(void *stdin_end)
{
    (void)stdin_end;
    CHECK_OK(dup2(shared->go[0], 0));
    CHECK_OK(close(shared->go[1]));
    CHECK(raw1(SYS_set_tid_address, &shared->tid) > 0);
    usleep(50000);
    become("new");
    return 1;
}

/* The word is cleared, and who waits there woken, when the child is a program of its own. */
static void clear_tid(void)
{
    char *stack = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pid_t pid;

    CHECK(stack != MAP_FAILED);
    CHECK_OK(pipe(shared->go));
    shared->tid = 4711;
    pid = (pid_t)CHECK_OK(clone(sharer, stack + 16 * PAGE, CLONE_VM | SIGCHLD, NULL));
    word_await(&shared->tid, 4711);
    CHECK_EQ(shared->tid, 0);
    CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
    CHECK_OK(close(shared->go[1]));
    await(pid);
    CHECK_OK(munmap(stack, 16 * PAGE));
}

/* Nobody else is in the memory: then nobody can wait, and a word that others share stays. */
static void clear_tid_alone(bool exec)
{
    pid_t pid;

    CHECK_OK(pipe(shared->go));
    shared->tid = 4711;
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(dup2(shared->go[0], 0));
        CHECK_OK(close(shared->go[1]));
        CHECK(raw1(SYS_set_tid_address, &shared->tid) > 0);
        if (exec)
            become("new");
        _exit(9);
    }
    CHECK_OK(close(shared->go[1]));
    await(pid);
    CHECK_EQ(shared->tid, 4711);
}

/* A robust list is of one program: the next one has none. */
static void list_is_empty(void)
{
    uint64_t head = 1, nbytes = 0;

    CHECK_EQ(raw3(SYS_get_robust_list, 0, &head, &nbytes), 0);
    CHECK_EQ(head, 0);
}

int main(int argc, char **argv)
{
    static char path[4096];
    char byte;

    self = argv[0][0] == '/' ? argv[0] : realpath(argv[0], path);
    if (argc == 2 && strcmp(argv[1], "new") == 0) {
        list_is_empty();
        CHECK_EQ(read(0, &byte, 1), 0); /* it lives until then */
        return 9;
    }
    shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK((void *)shared != MAP_FAILED);
    robust();
    clear_tid();
    clear_tid_alone(false);
    clear_tid_alone(true);
    return 0;
}
