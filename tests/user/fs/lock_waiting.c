/* SPDX-License-Identifier: MIT */
/* Record locks that are waited for: order, signals, deadlocks, many processes at one counter. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"

#define NAME    "/tmp/lock_waiting"
#define WORKERS 8
#define ROUNDS  100

static volatile int calls, calls_to_go; /* with the last of these the holder lets go */
static int go[2];                       /* the holder waits for a byte */
static volatile long *shared;           /* a page that all processes have */

static void handler(int sig)
{
    (void)sig;
    calls++;
    if (calls == calls_to_go)
        CHECK_EQ(write(go[1], "x", 1), 1);
}

static int lock(int fd, int command, int type, off_t start, off_t nbytes)
{
    struct flock l = {.l_type = (short)type, .l_start = start, .l_len = nbytes};

    return fcntl(fd, command, &l);
}

static void pause_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    while (nanosleep(&time, &time))
        ;
}

static void reap(int pid)
{
    int status;

    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

/* The holder lets go after a while: by unlocking, by a weaker lock, by closing, by ending. */
static void check_woken(int fd)
{
    for (int way = 0; way < 5; way++) {
        int pid;

        CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 10));
        shared[0] = 0;
        pid = (int)CHECK_OK(fork());
        if (pid == 0) {
            CHECK_OK(lock(fd, F_SETLKW, F_RDLCK, 5, 1));
            CHECK_EQ(shared[0], 1);
            _exit(0);
        }
        asleep_await(pid);
        shared[0] = 1;
        if (way == 0)
            CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 5, 1));
        else if (way == 1)
            CHECK_OK(lock(fd, F_SETLK, F_RDLCK, 0, 10));
        else if (way == 2)
            CHECK_OK(close(dup(fd)));
        else if (way == 3)
            CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 0, 0));
        else
            CHECK_OK(close(open(NAME, O_RDONLY)));
        reap(pid);
        CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 0, 0));
    }
    CHECK_OK(lock(fd, F_OFD_SETLK, F_WRLCK, 0, 10));
    CHECK_ERR(lock(fd, F_SETLK, F_WRLCK, 0, 10), EAGAIN);
    CHECK_OK(lock(fd, F_OFD_SETLK, F_UNLCK, 0, 0));
}

/* The same of locks of whole files, which belong to open files. */
static void check_flock_woken(void)
{
    for (int way = 0; way < 4; way++) {
        int fd = (int)CHECK_OK(open(NAME, O_RDWR)), other = (int)CHECK_OK(open(NAME, O_RDWR)), pid;

        CHECK_OK(flock(fd, LOCK_EX));
        shared[0] = 0;
        pid = (int)CHECK_OK(fork());
        if (pid == 0) {
            CHECK_OK(close(fd));
            CHECK_OK(flock(other, way == 1 ? LOCK_SH : LOCK_EX));
            CHECK_EQ(shared[0], 1);
            _exit(0);
        }
        CHECK_OK(close(other));
        asleep_await(pid);
        shared[0] = 1;
        if (way == 0)
            CHECK_OK(flock(fd, LOCK_UN));
        else if (way == 1)
            CHECK_OK(flock(fd, LOCK_SH));
        else if (way == 2)
            CHECK_OK(flock(dup(fd), LOCK_UN)); /* it is the same open file */
        else
            CHECK_OK(close(fd));
        reap(pid);
        if (way < 3)
            CHECK_OK(close(fd));
    }
}

/* The timer goes on: a signal that comes before the call waits ends nothing. */
static void check_signals(int fd)
{
    struct itimerval often = {{0, 30000}, {0, 30000}}, never = {{0, 0}, {0, 0}};

    for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
        struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
        int ready[2], pid;
        char byte;

        CHECK_OK(sigaction(SIGALRM, &action, NULL));
        CHECK_OK(pipe(ready));
        CHECK_OK(pipe(go));
        pid = (int)CHECK_OK(fork());
        if (pid == 0) {
            CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
            CHECK_EQ(write(ready[1], "x", 1), 1);
            CHECK_EQ(read(go[0], &byte, 1), 1);
            _exit(0);
        }
        CHECK_EQ(read(ready[0], &byte, 1), 1);
        calls = 0;
        calls_to_go = flags ? 5 : 0;
        CHECK_OK(setitimer(ITIMER_REAL, &often, NULL));
        if (flags) {
            CHECK_OK(lock(fd, F_SETLKW, F_WRLCK, 0, 0)); /* after each handler it goes on */
            CHECK(calls >= calls_to_go);
        } else {
            CHECK_ERR(lock(fd, F_SETLKW, F_WRLCK, 0, 0), EINTR);
            CHECK(calls > 0);
        }
        CHECK_OK(setitimer(ITIMER_REAL, &never, NULL));
        if (!flags)
            CHECK_EQ(write(go[1], "x", 1), 1);
        CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 0, 0));
        reap(pid);
        for (int i = 0; i < 2; i++) {
            CHECK_OK(close(ready[i]));
            CHECK_OK(close(go[i]));
        }
    }
    /* One that is killed while it waits leaves nothing behind. */
    CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
    int pid = (int)CHECK_OK(fork()), status;
    if (pid == 0)
        _exit(lock(fd, F_SETLKW, F_WRLCK, 0, 0));
    asleep_await(pid);
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, SIGKILL);
    CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 0, 0));
}

/* A ring of processes, each holding one byte and wanting the next: the last to come is told. */
static void check_deadlock(int fd, int count)
{
    int pids[4];

    shared[0] = shared[1] = 0;
    for (int i = 0; i < count; i++) {
        pids[i] = (int)CHECK_OK(fork());
        if (pids[i])
            continue;
        CHECK_OK(lock(fd, F_SETLK, F_WRLCK, i, 1));
        __atomic_fetch_add(&shared[0], 1, __ATOMIC_SEQ_CST);
        while (shared[0] < count)
            pause_ms(1);
        if (lock(fd, F_SETLKW, F_WRLCK, (i + 1) % count, 1)) {
            CHECK_EQ(errno, EDEADLK);
            __atomic_fetch_add(&shared[1], 1, __ATOMIC_SEQ_CST);
        }
        _exit(0);
    }
    for (int i = 0; i < count; i++)
        reap(pids[i]);
    CHECK_EQ(shared[1], 1);
}

/* Two that wait for a third, and then one for the other, is no ring. */
static void check_no_deadlock(int fd)
{
    int pid;

    CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 1));
    pid = (int)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 1, 1));
        CHECK_OK(lock(fd, F_SETLKW, F_WRLCK, 0, 1));
        pause_ms(30);
        _exit(0);
    }
    asleep_await(pid);
    CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 0, 1)); /* from here on the child waits for nobody */
    CHECK_OK(lock(fd, F_SETLKW, F_WRLCK, 1, 1));
    reap(pid);
    CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 0, 0));
}

/* Everybody adds to two counters with a pause in between; nobody may see them differ. */
static void check_exclusion(int fd, int command)
{
    int pids[WORKERS];

    shared[0] = shared[1] = 0;
    for (int i = 0; i < WORKERS; i++) {
        pids[i] = (int)CHECK_OK(fork());
        if (pids[i])
            continue;
        fd = (int)CHECK_OK(open(NAME, O_RDWR));
        for (int round = 0; round < ROUNDS; round++) {
            int reader = round % 4 == 3;
            CHECK_OK(lock(fd, command, reader ? F_RDLCK : F_WRLCK, 3, 4));
            CHECK_EQ(shared[0], shared[1]);
            shared[0] += !reader;
            if (round % 16 == 0)
                raw0(SYS_sched_yield);
            shared[1] += !reader;
            CHECK_OK(lock(fd, command, F_UNLCK, 0, 0));
        }
        _exit(0);
    }
    for (int i = 0; i < WORKERS; i++)
        reap(pids[i]);
    CHECK_EQ(shared[0], WORKERS * ROUNDS * 3 / 4);
}

int main(void)
{
    int fd = (int)CHECK_OK(open(NAME, O_RDWR | O_CREAT, 0600));

    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    check_woken(fd);
    check_flock_woken();
    check_signals(fd);
    check_deadlock(fd, 2);
    check_deadlock(fd, 4);
    check_no_deadlock(fd);
    check_exclusion(fd, F_SETLKW);
    check_exclusion(fd, F_OFD_SETLKW);
    CHECK_OK(unlink(NAME));
    return 0;
}
