/* SPDX-License-Identifier: MIT */
/*
 * IPC name spaces: each has objects of its own, which go with it, but for what is attached; waiters
 * keep it; it is entered and looked at while it goes.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include "tests/user/lib/spaces.h"

#define KEY    0x5eed
#define ROUNDS 30

static int outer_shm, outer_msg, outer_sem;

static int lines_of(const char *path)
{
    char text[4096];
    int fd = (int)CHECK_OK(open(path, O_RDONLY)), lines = 0;
    ssize_t length = CHECK_OK(read(fd, text, sizeof(text)));

    for (ssize_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    CHECK_OK(close(fd));
    return lines;
}

static void new_one_is_empty(void)
{
    struct shm_info info;
    struct msqid_ds queue;

    CHECK_ERR(msgctl(outer_msg, IPC_STAT, &queue), EINVAL);
    CHECK_ERR(semctl(outer_sem, 0, GETVAL), EINVAL);
    CHECK_EQ((long)shmat(outer_shm, NULL, 0), -1);
    CHECK_EQ(errno, EINVAL);
    CHECK_ERR(msgget(KEY, 0), ENOENT);
    CHECK_OK(shmctl(0, SHM_INFO, (void *)&info));
    CHECK_EQ(info.used_ids, 0);
    CHECK_EQ(info.shm_tot, 0);
    CHECK_EQ(info.shm_rss, 0);
    CHECK_EQ(lines_of("/proc/sysvipc/shm"), 1);
    CHECK_EQ(lines_of("/proc/sysvipc/msg"), 1);
    CHECK_EQ(lines_of("/proc/sysvipc/sem"), 1);
}

/* Objects of the same keys, other than those outside; none is removed by hand. */
static char *fill(void)
{
    struct {
        long type;
        char text[100];
    } message = {1, "text"};
    int shm = (int)CHECK_OK(shmget(KEY, 3 * 4096, IPC_CREAT | IPC_EXCL | 0600));
    int msg = (int)CHECK_OK(msgget(KEY, IPC_CREAT | IPC_EXCL | 0600));
    struct sembuf up = {0, 3, SEM_UNDO};
    char *memory = shmat(shm, NULL, 0);

    CHECK(memory != (void *)-1);
    memory[0] = 'i';
    CHECK_OK(msgsnd(msg, &message, 100, 0));
    CHECK_OK(semop((int)CHECK_OK(semget(KEY, 5, IPC_CREAT | IPC_EXCL | 0600)), &up, 1));
    CHECK_EQ(lines_of("/proc/sysvipc/shm"), 2);
    CHECK_EQ(lines_of("/proc/sysvipc/msg"), 2);
    CHECK_EQ(lines_of("/proc/sysvipc/sem"), 2);
    return memory;
}

/* From outside, while the other is inside. */
static void sees_undone(void)
{
    while (!__atomic_load_n(shared, __ATOMIC_ACQUIRE))
        usleep(1000);
    CHECK_EQ(semctl(outer_sem, 0, GETVAL), 1);
    _exit(0);
}

static void objects_are_of_the_name_space(void)
{
    int outer = open_space(getpid(), "ipc");
    struct sembuf up = {0, 3, SEM_UNDO};
    char *inside, *outside;
    pid_t helper;

    /* What is to be undone is, on the way out. */
    CHECK_OK(semop(outer_sem, &up, 1));
    CHECK_EQ(semctl(outer_sem, 0, GETVAL), 4);
    outside = shmat(outer_shm, NULL, 0);
    CHECK(outside != (void *)-1);
    __atomic_store_n(shared, 0, __ATOMIC_RELEASE);
    helper = (pid_t)CHECK_OK(fork());
    if (helper == 0)
        sees_undone();
    CHECK_EQ(unshare_raw(CLONE_NEWIPC), 0);
    __atomic_store_n(shared, 1, __ATOMIC_RELEASE);
    CHECK_EQ(child_end(helper), 0);
    new_one_is_empty();
    inside = fill();

    CHECK_EQ(setns_raw(outer, 0), 0);
    CHECK_EQ(semctl(outer_sem, 0, GETVAL), 1);
    CHECK_EQ(msgget(KEY, 0), outer_msg);
    /* All inside has gone but what is attached. */
    CHECK_EQ(inside[0], 'i');
    inside[4096] = 'm';
    CHECK_EQ(outside[0], 'o');
    CHECK_OK(shmdt(inside));
    CHECK_OK(shmdt(outside));
    CHECK_EQ(unshare_raw(CLONE_NEWIPC), 0);
    new_one_is_empty();
    inside = fill();
    CHECK_EQ(inside[4096], 0);
    /* The end of the process is that of all this. */
}

static void ipc_spaces_are_apart(void)
{
    char *memory;

    outer_shm = (int)CHECK_OK(shmget(KEY, 4096, IPC_CREAT | IPC_EXCL | 0600));
    outer_msg = (int)CHECK_OK(msgget(KEY, IPC_CREAT | IPC_EXCL | 0600));
    outer_sem = (int)CHECK_OK(semget(KEY, 1, IPC_CREAT | IPC_EXCL | 0600));
    CHECK_OK(semctl(outer_sem, 0, SETVAL, 1));
    memory = shmat(outer_shm, NULL, 0);
    CHECK(memory != (void *)-1);
    memory[0] = 'o';
    CHECK_EQ(child_status(objects_are_of_the_name_space), 0);
    CHECK_EQ(memory[0], 'o');
    CHECK_OK(shmdt(memory));
    CHECK_OK(shmctl(outer_shm, IPC_RMID, NULL));
    CHECK_OK(msgctl(outer_msg, IPC_RMID, NULL));
    CHECK_OK(semctl(outer_sem, 0, IPC_RMID));
}

/* Waiters keep it: they are woken by nothing but a signal. */
static void wait_inside(void)
{
    struct {
        long type;
        char text[8];
    } message;
    int id;

    CHECK_EQ(unshare_raw(CLONE_NEWIPC), 0);
    id = (int)CHECK_OK(msgget(IPC_PRIVATE, 0600));
    __atomic_store_n(shared, 1, __ATOMIC_RELEASE);
    CHECK_OK(msgrcv(id, &message, 8, 0, 0));
}

/* --- at the same time --- */

/* Makes name spaces with something in them, one after the other. */
static void make_many(void)
{
    __atomic_store_n(shared, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < ROUNDS; i++) {
        CHECK_EQ(unshare_raw(CLONE_NEWUTS | CLONE_NEWIPC), 0);
        fill();
    }
}

static void names_are_used_while_they_go(void)
{
    pid_t pid = start(make_many);
    int own = open_space(getpid(), "ipc"), status = 0;
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/ns/ipc", pid);
    while (waitpid(pid, &status, WNOHANG) == 0) {
        int fd = open(path, O_RDONLY);

        if (fd < 0)
            continue;
        CHECK_EQ(setns_raw(fd, 0), 0);
        CHECK_OK(close(fd));
        for (int key = KEY - 1; key <= KEY; key++) {
            struct shmid_ds segment;
            int id = shmget(key, 4096, 0600);

            CHECK(id < 0 || shmctl(id, IPC_STAT, &segment) == 0 || errno == EIDRM ||
                  errno == EINVAL);
        }
        CHECK_EQ(setns_raw(own, 0), 0);
    }
    CHECK_EQ(status, 0);
    CHECK_OK(close(own));
}

int main(void)
{
    pid_t pid;

    shared_make();
    /* What is done to System V objects concerns nothing but this program. */
    CHECK_OK(unshare(CLONE_NEWIPC));
    ipc_spaces_are_apart();
    pid = start(wait_inside);
    CHECK(number_of(pid, "ipc") != number_of(getpid(), "ipc"));
    end(pid);
    names_are_used_while_they_go();
    return 0;
}
