/* SPDX-License-Identifier: MIT */
/* System V semaphores: all or nothing, waiting in order, undoing, commands, removal. */
#define _GNU_SOURCE
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define KEY  0x46531003
#define SEMS 4

union semun {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
    struct seminfo *info;
};

static int id;

static long operate(int number, int op, int flags)
{
    struct sembuf ops = {(unsigned short)number, (short)op, (short)flags};

    return semop(id, &ops, 1);
}

static void set(int number, int value)
{
    CHECK_OK(semctl(id, number, SETVAL, (union semun){.val = value}));
}

#define VALUE(number) semctl(id, (number), GETVAL)

static void check_atomic(void)
{
    struct sembuf ops[3] = {{0, -1, IPC_NOWAIT}, {1, 5, 0}, {2, -1, IPC_NOWAIT}};
    struct sembuf many[501] = {{0, 0, 0}};

    set(0, 1);
    CHECK_ERR(semop(id, ops, 3), EAGAIN);
    CHECK(VALUE(0) == 1 && VALUE(1) == 0);
    set(2, 1);
    CHECK_OK(semop(id, ops, 3));
    CHECK(VALUE(0) == 0 && VALUE(1) == 5 && VALUE(2) == 0);
    CHECK_EQ(semctl(id, 1, GETPID), getpid());
    CHECK_EQ(semctl(id, 3, GETPID), 0);
    CHECK_ERR(operate(1, 32767, 0), ERANGE);
    CHECK_ERR(operate(SEMS, 1, 0), EFBIG);
    CHECK_ERR(semop(id, many, 501), E2BIG);
    CHECK_OK(semop(id, many, 500));
    CHECK_ERR(semop(id, ops, 0), EINVAL);
    CHECK_ERR(semop(-1, ops, 1), EINVAL);
    CHECK_EQ(raw3(SYS_semop, id, 8, 1), -EFAULT);
    CHECK_ERR(operate(1, 0, IPC_NOWAIT), EAGAIN);
    set(1, 0);
}

static void check_commands(void)
{
    unsigned short values[SEMS] = {1, 2, 3, 4}, got[SEMS];
    struct semid_ds stat;
    struct seminfo info;

    CHECK_OK(semctl(id, 0, SETALL, (union semun){.array = values}));
    CHECK_OK(semctl(id, 0, GETALL, (union semun){.array = got}));
    for (int i = 0; i < SEMS; i++)
        CHECK_EQ(got[i], values[i]);
    values[3] = 32768;
    CHECK_ERR(semctl(id, 0, SETALL, (union semun){.array = values}), ERANGE);
    CHECK_ERR(semctl(id, 0, SETVAL, (union semun){.val = -1}), ERANGE);
    CHECK_ERR(semctl(id, SEMS, SETVAL, (union semun){.val = 1}), EINVAL);
    CHECK_ERR(semctl(id, -1, GETVAL), EINVAL);
    CHECK_ERR(semctl(id, 0, 99), EINVAL);
    CHECK_OK(semctl(id, 0, IPC_STAT, (union semun){.buf = &stat}));
    CHECK(stat.sem_nsems == SEMS && stat.sem_otime && stat.sem_ctime);
    stat.sem_perm.mode = 0640;
    CHECK_OK(semctl(id, 0, IPC_SET, (union semun){.buf = &stat}));
    CHECK_EQ(semctl(id & 32767, 0, SEM_STAT, (union semun){.buf = &stat}), id);
    CHECK_EQ(stat.sem_perm.mode, 0640);
    CHECK(semctl(0, 0, IPC_INFO, (union semun){.info = &info}) >= 0 && info.semvmx == 32767);
    CHECK(semctl(0, 0, SEM_INFO, (union semun){.info = &info}) >= 0 && info.semaem >= SEMS);
    CHECK_EQ(semget(KEY, SEMS, 0), id);
    CHECK_ERR(semget(KEY, SEMS + 1, 0), EINVAL);
    CHECK_ERR(semget(KEY + 1, 1, 0), ENOENT);
    CHECK_ERR(semget(KEY, 1, IPC_CREAT | IPC_EXCL), EEXIST);
    CHECK_ERR(semget(IPC_PRIVATE, 0, 0600), EINVAL);
    CHECK_ERR(semget(IPC_PRIVATE, 32001, 0600), EINVAL);
    for (int i = 0; i < SEMS; i++)
        set(i, 0);
}

/* --- waiting --- */

static pid_t start(void (*function)(void))
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        function();
        _exit(0);
    }
    asleep_await(pid);
    return pid;
}

static void nothing(int number)
{
    (void)number;
}

static void take_two(void)
{
    CHECK_OK(operate(0, -2, 0));
    CHECK_OK(operate(1, 1, 0));
}

static void take_one(void)
{
    CHECK_OK(operate(0, -1, 0));
    CHECK_OK(operate(2, 1, 0));
}

static void await_zero(void)
{
    CHECK_OK(operate(3, 0, 0));
}

static void be_interrupted(void)
{
    struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};

    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
    CHECK_ERR(operate(0, -1, 0), EINTR);
}

static void be_removed(void)
{
    CHECK_ERR(operate(0, -1, SEM_UNDO), EIDRM);
}

static void check_waiting(void)
{
    struct sembuf op = {0, -1, 0};
    struct timespec time = {0, 20000000}, bad = {0, -1};
    pid_t two = start(take_two), one = start(take_one), zero, interrupted;

    CHECK(semctl(id, 0, GETNCNT) == 2 && semctl(id, 0, GETZCNT) == 0);
    /* One is not enough for the first; the second does not wait for it. */
    CHECK_OK(operate(0, 1, 0));
    CHECK_EQ(child_end(one), 0);
    CHECK(VALUE(0) == 0 && VALUE(2) == 1 && VALUE(1) == 0);
    CHECK_OK(operate(0, 3, 0));
    CHECK_EQ(child_end(two), 0);
    CHECK(VALUE(0) == 1 && VALUE(1) == 1);
    set(0, 0);
    set(3, 2);
    zero = start(await_zero);
    CHECK_EQ(semctl(id, 3, GETZCNT), 1);
    set(3, 0);
    CHECK_EQ(child_end(zero), 0);
    interrupted = start(be_interrupted);
    CHECK_OK(kill(interrupted, SIGUSR1));
    CHECK_EQ(child_end(interrupted), 0);
    CHECK_EQ(semctl(id, 0, GETNCNT), 0);
    CHECK_ERR(semtimedop(id, &op, 1, &time), EAGAIN);
    CHECK_ERR(semtimedop(id, &op, 1, &bad), EINVAL);
}

/* --- undoing --- */

static void change_and_end(void)
{
    CHECK_OK(operate(0, -3, SEM_UNDO));
    CHECK_OK(operate(1, 4, SEM_UNDO));
    CHECK_OK(operate(2, 1, SEM_UNDO));
    CHECK_OK(operate(2, -1, 0)); /* goes below 0 when it is undone: stays there */
    if (fork() == 0)
        _exit(0); /* undoes nothing */
    CHECK(wait(NULL) > 0 && VALUE(0) == 2);
    CHECK_OK(operate(3, 7, SEM_UNDO));
    set(3, 1); /* what is set is not undone */
}

static void execute_changed(void)
{
    static char path[] = "/proc/self/exe", word[] = "changed";
    char *argv[] = {path, word, NULL}, *envp[] = {NULL};

    CHECK_OK(operate(0, -1, SEM_UNDO));
    execve(path, argv, envp);
    CHECK(0);
}

static int share(void *unused)
{
    (void)unused;
    CHECK_OK(operate(0, 1, SEM_UNDO));
    return 0;
}

static void share_and_end(void)
{
    static char stack[16384] __attribute__((aligned(16)));
    pid_t pid = (pid_t)CHECK_OK(
        clone(share, stack + sizeof(stack), CLONE_SYSVSEM | CLONE_VM | SIGCHLD, NULL));

    CHECK_EQ(child_end(pid), 0);
    CHECK_EQ(VALUE(0), 6); /* it shares the end of this one */
}

static void check_undo(void)
{
    for (int i = 0; i < SEMS; i++)
        set(i, 0);
    set(0, 5);
    CHECK_EQ(child_status(change_and_end), 0);
    CHECK(VALUE(0) == 5 && VALUE(1) == 0 && VALUE(2) == 0 && VALUE(3) == 1);
    CHECK_EQ(child_status(execute_changed), 0);
    CHECK_EQ(VALUE(0), 5);
    CHECK_EQ(child_status(share_and_end), 0);
    CHECK_EQ(VALUE(0), 5);
    for (int i = 0; i < SEMS; i++)
        set(i, 0);
}

static void as_another(void)
{
    CHECK_OK(setgroups(0, NULL));
    CHECK_OK(setresgid(1000, 1000, 1000));
    CHECK_OK(setresuid(1000, 1000, 1000));
    CHECK_ERR(operate(0, 1, 0), EACCES);
    CHECK_ERR(operate(0, 0, 0), EACCES);
    CHECK_ERR(semctl(id, 0, GETVAL), EACCES);
    CHECK_ERR(semctl(id, 0, IPC_RMID), EPERM);
}

int main(int argc, char **argv)
{
    pid_t pid;

    (void)argv;
    if (argc > 1) { /* the changes of before exec are still to be undone */
        id = (int)CHECK_OK(semget(KEY, 0, 0));
        CHECK_EQ(VALUE(0), 4);
        return 0;
    }
    semctl(semget(KEY, 0, 0), 0, IPC_RMID); /* what a run that failed has left */
    id = (int)CHECK_OK(semget(KEY, SEMS, IPC_CREAT | IPC_EXCL | 0600));
    check_atomic();
    check_commands();
    check_waiting();
    check_undo();
    if (getuid() == 0)
        CHECK_EQ(child_status(as_another), 0);
    pid = start(be_removed);
    CHECK_OK(semctl(id, 0, IPC_RMID));
    CHECK_EQ(child_end(pid), 0);
    CHECK_ERR(operate(0, 1, 0), EINVAL);
    return 0;
}
