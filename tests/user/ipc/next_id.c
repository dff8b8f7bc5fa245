/* SPDX-License-Identifier: MIT */
/*
 * /proc/sys/kernel/{msg,sem,shm}_next_id: the id of the next object, once, for programs that put
 * processes back as they were; in an IPC name space of their own.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define INDEXES 32768
#define WANTED  (7 * INDEXES + 4711)

static int file; /* of the kind that is looked at */

static void check_shown(int id)
{
    char text[32] = "";

    CHECK_OK(pread(file, text, sizeof(text) - 1, 0));
    CHECK_EQ(atoi(text), id);
}

static void ask_for(int id)
{
    char text[32];
    int length = snprintf(text, sizeof(text), "%d", id);

    CHECK_EQ(pwrite(file, text, (size_t)length, 0), length);
    check_shown(id);
}

static int make_msg(int key, int flags)
{
    return msgget(key, flags | 0600);
}

static int make_sem(int key, int flags)
{
    return semget(key, 1, flags | 0600);
}

static int make_shm(int key, int flags)
{
    return shmget(key, 4096, flags | 0600);
}

static void check_kind(const char *path, int (*make)(int key, int flags))
{
    int other, first;

    file = (int)CHECK_OK(open(path, O_RDWR));
    check_shown(-1);
    CHECK_ERR(pwrite(file, "-1", 2, 0), EINVAL);
    CHECK_ERR(pwrite(file, "2147483648", 10, 0), EINVAL);
    check_shown(-1);

    /* Finding an object asks for no id. */
    first = (int)CHECK_OK(make(1, IPC_CREAT));
    ask_for(WANTED);
    CHECK_EQ(make(1, 0), first);
    check_shown(WANTED);
    CHECK_EQ(make(2, IPC_CREAT), WANTED);
    check_shown(-1);
    CHECK_EQ(make(2, 0), WANTED);

    /* Its index is in use: the next one that is free, with what was asked for otherwise. */
    ask_for(WANTED);
    CHECK_EQ(make(3, IPC_CREAT), WANTED + 1);
    ask_for(WANTED + INDEXES);
    CHECK_EQ(make(IPC_PRIVATE, 0), WANTED + INDEXES + 2);

    /* Without a wish the lowest index, as ever. */
    other = (int)CHECK_OK(make(4, IPC_CREAT));
    CHECK_EQ(other % INDEXES, first % INDEXES + 1);
    CHECK_OK(close(file));
}

int main(void)
{
    CHECK_OK(unshare(CLONE_NEWIPC));
    check_kind("/proc/sys/kernel/msg_next_id", make_msg);
    check_kind("/proc/sys/kernel/sem_next_id", make_sem);
    check_kind("/proc/sys/kernel/shm_next_id", make_shm);
    CHECK_EQ(msgctl(WANTED, IPC_RMID, NULL), 0);
    CHECK_EQ(semctl(WANTED, 0, IPC_RMID), 0);
    CHECK_EQ(shmctl(WANTED, IPC_RMID, NULL), 0);
    return 0;
}
