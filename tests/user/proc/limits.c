/* SPDX-License-Identifier: MIT */
/* Limits: who may see and set whose, and those of processes, descriptors and locked memory. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

/* As another user, in a process of its own. */
#define AS_USER(uid, statements)                                                                   \
    do {                                                                                           \
        pid_t pid_ = CHECK_OK(fork());                                                             \
        if (pid_ == 0) {                                                                           \
            CHECK_OK(setresgid(uid, uid, uid));                                                    \
            CHECK_OK(setresuid(uid, uid, uid));                                                    \
            statements;                                                                            \
            _exit(0);                                                                              \
        }                                                                                          \
        CHECK_EQ(child_end(pid_), 0);                                                              \
    } while (0)

static pid_t sleeper(unsigned uid)
{
    pid_t pid = CHECK_OK(fork());

    if (pid == 0) {
        CHECK_OK(setresgid(uid, uid, uid));
        CHECK_OK(setresuid(uid, uid, uid));
        for (;;)
            pause();
    }
    asleep_await(pid); /* it has become that user */
    return pid;
}

static void check_others(void)
{
    struct rlimit limit = {100, 200}, old = {0, 0}, bad = {3, 2};
    pid_t pid = sleeper(1000), root = getpid();

    AS_USER(1000, {
        CHECK_EQ(raw4(SYS_prlimit64, pid, RLIMIT_NOFILE, &limit, NULL), 0);
        CHECK_EQ(raw4(SYS_prlimit64, pid, RLIMIT_NOFILE, NULL, &old), 0);
        CHECK(old.rlim_cur == 100 && old.rlim_max == 200);
        CHECK_OK(getrlimit(RLIMIT_NOFILE, &old));
        CHECK(old.rlim_cur > 200);
        CHECK_EQ(raw4(SYS_prlimit64, pid, RLIMIT_NOFILE, &bad, NULL), -EINVAL);
        CHECK_EQ(raw4(SYS_prlimit64, pid, 16, NULL, &old), -EINVAL);
        CHECK_EQ(raw4(SYS_prlimit64, 999999, RLIMIT_NOFILE, NULL, &old), -ESRCH);
        CHECK_EQ(raw4(SYS_prlimit64, pid, RLIMIT_NOFILE, 8, NULL), -EFAULT);
        CHECK_EQ(raw4(SYS_prlimit64, pid, RLIMIT_NOFILE, NULL, 8), -EFAULT);
        limit.rlim_max = 201;
        CHECK_EQ(raw4(SYS_prlimit64, pid, RLIMIT_NOFILE, &limit, NULL), -EPERM);
        CHECK_EQ(raw4(SYS_prlimit64, root, RLIMIT_NOFILE, NULL, &old), -EPERM);
        CHECK_EQ(raw4(SYS_prlimit64, root, 16, NULL, &old), -EPERM);
    });
    AS_USER(1001, CHECK_EQ(raw4(SYS_prlimit64, pid, RLIMIT_NOFILE, NULL, &old), -EPERM));
    AS_USER(1000, {
        limit = bad;
        CHECK_EQ(raw4(SYS_prlimit64, pid, RLIMIT_NOFILE, NULL, &limit), 0);
        CHECK_EQ(limit.rlim_cur, 100);
    });
    kill(pid, SIGKILL);
    child_end(pid);
}

/* Processes of a user: this one, and two more; zombies count until they are waited for. */
static void check_processes(void)
{
    struct rlimit limit = {3, 3};

    AS_USER(2345, {
        pid_t pids[2];

        CHECK_OK(setrlimit(RLIMIT_NPROC, &limit));
        for (int i = 0; i < 2; i++) {
            pids[i] = CHECK_OK(fork());
            if (pids[i] == 0)
                for (;;)
                    pause();
        }
        CHECK_ERR(fork(), EAGAIN);
        CHECK_OK(kill(pids[0], SIGKILL));
        siginfo_t info;
        CHECK_OK(waitid(P_PID, (id_t)pids[0], &info, WEXITED | WNOWAIT));
        CHECK_ERR(fork(), EAGAIN);
        child_end(pids[0]);
        pids[0] = CHECK_OK(fork());
        if (pids[0] == 0)
            _exit(7);
        CHECK_EQ(child_end(pids[0]), 7 << 8);
        CHECK_OK(kill(pids[1], SIGKILL));
        child_end(pids[1]);
    });
}

/* A program that became a user who has too many processes may go on, but not run another one: those
 * that forget to look at what setuid says. */
static void check_processes_by_setuid(void)
{
    const struct rlimit limit = {1, 1};
    char name[] = "true", *const argv[] = {name, NULL};
    pid_t pids[3], pid;

    for (int i = 0; i < 3; i++)
        pids[i] = sleeper(2346);
    pid = CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(setrlimit(RLIMIT_NPROC, &limit));
        CHECK_OK(setresuid(2346, 2346, 2346));
        CHECK_ERR(execv("/bin/true", argv), EAGAIN);
        CHECK_ERR(execv("/bin/true", argv), EAGAIN);
        CHECK_OK(kill(pids[0], SIGKILL));
        CHECK_OK(kill(pids[1], SIGKILL));
        CHECK_OK(kill(pids[2], SIGKILL));
        for (int i = 0; i < 1000; i++) { /* until they have been waited for */
            execv("/bin/true", argv);
            CHECK_EQ(errno, EAGAIN);
            CHECK_OK(usleep(10000));
        }
        _exit(1);
    }
    for (int i = 0; i < 3; i++)
        child_end(pids[i]);
    CHECK_EQ(child_end(pid), 0);
}

static void check_descriptors(void)
{
    struct rlimit limit, small = {7, 0};
    int fds[2];

    CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
    small.rlim_max = limit.rlim_max;
    CHECK_OK(dup2(0, 10));
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &small));
    for (int i = 3; i < 7; i++)
        CHECK_EQ(dup(0), i);
    CHECK_ERR(dup(0), EMFILE);
    CHECK_ERR(open("/dev/null", O_RDONLY), EMFILE);
    CHECK_ERR(pipe(fds), EMFILE);
    CHECK_ERR(dup2(0, 7), EBADF);
    CHECK_ERR(fcntl(0, F_DUPFD, 7), EINVAL);
    CHECK_OK(close(6));
    CHECK_ERR(pipe(fds), EMFILE);
    CHECK_EQ(dup(10), 6); /* what is open above the limit stays open */
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
    for (int i = 3; i < 7; i++)
        CHECK_OK(close(i));
    CHECK_OK(close(10));
}

static void check_locked(void)
{
    char *memory = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct rlimit limit = {16384, 16384};

    AS_USER(1000, {
        CHECK_OK(setrlimit(RLIMIT_MEMLOCK, &limit));
        CHECK_ERR(mlock(memory, 20480), ENOMEM);
        CHECK_OK(mlock(memory, 16384));
        CHECK_OK(munlock(memory, 16384));
        CHECK_ERR(mlockall(MCL_CURRENT), ENOMEM);
        limit.rlim_cur = 0;
        CHECK_OK(setrlimit(RLIMIT_MEMLOCK, &limit));
        CHECK_ERR(mlock(memory, 4096), EPERM);
        CHECK_ERR(mlockall(MCL_FUTURE), EPERM);
    });
    CHECK_OK(munmap(memory, 65536));
}

int main(void)
{
    check_others();
    check_processes();
    check_processes_by_setuid();
    check_descriptors();
    check_locked();
    return 0;
}
