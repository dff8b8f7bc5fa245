/* SPDX-License-Identifier: MIT */
/* A mutual exclusion that ends undo; then arrays that are removed under those that wait. */
#define _GNU_SOURCE
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define TASKS  4
#define TURNS  60
#define ROUNDS 60

struct shared {
    volatile int id, inside, count;
};
static struct shared *shared;

static long operate(int op)
{
    struct sembuf ops = {0, (short)op, SEM_UNDO};

    return semop(shared->id, &ops, 1);
}

/* Ends inside, so that its end lets the next one in. */
static void enter_and_end(void)
{
    CHECK_OK(operate(-1));
    CHECK_EQ(shared->inside, 0);
    shared->inside = 1;
    shared->count++;
    raw0(SYS_sched_yield);
    shared->inside = 0;
}

static void enter_often(void)
{
    for (int i = 0; i < TURNS; i++)
        CHECK_EQ(child_status(enter_and_end), 0);
}

static void use(void)
{
    while (shared->id != -1) {
        if (operate(-1) < 0 || operate(1) < 0)
            CHECK(errno == EINVAL || errno == EIDRM || errno == ERANGE);
    }
}

static void run(void (*function)(void), pid_t *children)
{
    for (int i = 0; i < TASKS; i++) {
        children[i] = (pid_t)CHECK_OK(fork());
        if (children[i] == 0) {
            function();
            _exit(0);
        }
    }
}

int main(void)
{
    pid_t children[TASKS];

    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared->id = (int)CHECK_OK(semget(IPC_PRIVATE, 1, 0600));
    CHECK_OK(semctl(shared->id, 0, SETVAL, 1));
    run(enter_often, children);
    for (int i = 0; i < TASKS; i++)
        CHECK_EQ(child_end(children[i]), 0);
    CHECK(shared->count == TASKS * TURNS && semctl(shared->id, 0, GETVAL) == 1);
    run(use, children);
    for (int i = 0; i < ROUNDS; i++) {
        int old = shared->id, next = i + 1 < ROUNDS ? semget(IPC_PRIVATE, 1, 0600) : -1;

        if (next >= 0)
            CHECK_OK(semctl(next, 0, SETVAL, i % 3));
        shared->id = next;
        for (int turn = 0; turn < i % 7; turn++)
            raw0(SYS_sched_yield);
        CHECK_OK(semctl(old, 0, IPC_RMID));
    }
    for (int i = 0; i < TASKS; i++)
        CHECK_EQ(child_end(children[i]), 0);
    return 0;
}
