/* SPDX-License-Identifier: MIT */
/* Senders and receivers of one queue; then queues that are removed under those that wait. */
#define _GNU_SOURCE
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define TASKS    4
#define MESSAGES 500
#define ROUNDS   60

static volatile int *current;

static void start(void (*function)(int), pid_t *children)
{
    for (int i = 0; i < TASKS; i++) {
        children[i] = (pid_t)CHECK_OK(fork());
        if (children[i] == 0) {
            function(i);
            _exit(0);
        }
    }
}

/* Two of them send, each in its own type; two receive, one each, and see them in order. */
static void pass(int task)
{
    struct {
        long type;
        int number;
    } message;

    for (int i = 0; i < MESSAGES; i++) {
        message.type = task / 2 + 1;
        message.number = i;
        if (task % 2 == 0) {
            CHECK_OK(msgsnd(*current, &message, sizeof(int), 0));
            continue;
        }
        CHECK_EQ(msgrcv(*current, &message, sizeof(int), task / 2 + 1, 0), sizeof(int));
        CHECK_EQ(message.number, i);
    }
}

static void use(int task)
{
    struct {
        long type;
        char text[4096];
    } message = {.type = 1};

    while (*current != -1) {
        long got = task % 2 ? msgrcv(*current, &message, sizeof(message.text), 0, 0)
                            : msgsnd(*current, &message, sizeof(message.text), 0);

        CHECK(got >= 0 || errno == EINVAL || errno == EIDRM);
    }
}

int main(void)
{
    pid_t children[TASKS];

    current = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    *current = (int)CHECK_OK(msgget(IPC_PRIVATE, 0600));
    start(pass, children);
    for (int i = 0; i < TASKS; i++)
        CHECK_EQ(child_end(children[i]), 0);
    start(use, children);
    for (int i = 0; i < ROUNDS; i++) {
        int old = *current;

        *current = i + 1 < ROUNDS ? (int)CHECK_OK(msgget(IPC_PRIVATE, 0600)) : -1;
        for (int turn = 0; turn < i % 7; turn++)
            raw0(SYS_sched_yield);
        CHECK_OK(msgctl(old, IPC_RMID, NULL));
    }
    for (int i = 0; i < TASKS; i++)
        CHECK_EQ(child_end(children[i]), 0);
    return 0;
}
