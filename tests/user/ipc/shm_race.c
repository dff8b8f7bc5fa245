/* SPDX-License-Identifier: MIT */
/* Attaching against removing: whoever comes too late is told so, and nothing is left. */
#define _GNU_SOURCE
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define ROUNDS 60
#define TASKS  4

/* The segment of now, for all tasks. */
static volatile int *current;

static void attach_all(void)
{
    while (*current != -1) {
        char *p = shmat(*current, NULL, 0);

        if (p == (void *)-1) {
            CHECK(errno == EINVAL || errno == EIDRM);
            continue;
        }
        p[0] = 1;
        CHECK_OK(shmdt(p));
    }
}

int main(void)
{
    pid_t children[TASKS];
    struct shm_info info;

    current = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < TASKS; i++) {
        children[i] = (pid_t)CHECK_OK(fork());
        if (children[i] == 0) {
            attach_all();
            _exit(0);
        }
    }
    for (int i = 0; i < ROUNDS; i++) {
        int id = (int)CHECK_OK(shmget(IPC_PRIVATE, 3 * 4096, 0600));

        *current = id;
        for (int turn = 0; turn < i % 7; turn++)
            raw0(SYS_sched_yield);
        CHECK_OK(shmctl(id, IPC_RMID, NULL));
    }
    *current = -1;
    for (int i = 0; i < TASKS; i++)
        CHECK_EQ(child_end(children[i]), 0);
    CHECK_OK(shmctl(0, SHM_INFO, (void *)&info));
    return 0;
}
