/* SPDX-License-Identifier: MIT */
/* How a parent learns of its children: wait4, waitid, orphans. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

static void statuses(void)
{
    int status;
    pid_t pid;

    for (int code = 0; code < 256; code += 51) {
        pid = (pid_t)CHECK_OK(fork());
        if (pid == 0)
            _exit(code);
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK(WIFEXITED(status));
        CHECK_EQ(WEXITSTATUS(status), code);
    }
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        raise(SIGTERM);
        _exit(1);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGTERM);
}

static void choosing(void)
{
    pid_t first = (pid_t)CHECK_OK(fork()), second;
    int status;

    if (first == 0)
        _exit(1);
    second = (pid_t)CHECK_OK(fork());
    if (second == 0)
        _exit(2);
    CHECK_EQ(waitpid(second, &status, 0), second);
    CHECK_EQ(WEXITSTATUS(status), 2);
    CHECK_EQ(waitpid(0, &status, 0), first);
    CHECK_EQ(WEXITSTATUS(status), 1);
    CHECK_ERR(waitpid(first, &status, 0), ECHILD);
    CHECK_ERR(waitpid(-1, &status, 0), ECHILD);
    CHECK_ERR(waitpid(getpid(), &status, 0), ECHILD);
    CHECK_ERR(wait4(-1, &status, 0x1000, NULL), EINVAL);
}

static void without_hanging(void)
{
    int ends[2], status = 77;
    char byte = 0;
    pid_t pid;

    CHECK_OK(pipe(ends));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(read(ends[0], &byte, 1));
        _exit(3);
    }
    CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
    CHECK_EQ(status, 77);
    CHECK_EQ(write(ends[1], &byte, 1), 1);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(WEXITSTATUS(status), 3);
    CHECK_OK(close(ends[0]));
    CHECK_OK(close(ends[1]));
}

static void by_waitid(void)
{
    siginfo_t info;
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0)
        _exit(42);
    memset(&info, 0, sizeof(info));
    CHECK_OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
    CHECK_EQ(info.si_pid, pid);
    CHECK_EQ(info.si_code, CLD_EXITED);
    CHECK_EQ(info.si_status, 42);
    CHECK_EQ(info.si_signo, SIGCHLD);
    CHECK_OK(waitid(P_ALL, 0, &info, WEXITED));
    CHECK_EQ(info.si_pid, pid);
    CHECK_ERR(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
    CHECK_ERR(waitid(P_ALL, 0, &info, 0), EINVAL);
}

/* A child's child goes to somebody else, and is not ours to wait for. */
static void orphans(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());
    int status;

    if (pid == 0) {
        pid_t parent = getpid();

        if (CHECK_OK(fork()) == 0) {
            while (getppid() == parent)
                usleep(1000);
            _exit(0);
        }
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_ERR(wait(&status), ECHILD);
}

/* With SIGCHLD ignored children go without being waited for. */
static void unwanted(void)
{
    signal(SIGCHLD, SIG_IGN);
    if (CHECK_OK(fork()) == 0)
        _exit(5);
    CHECK_ERR(wait(NULL), ECHILD);
    signal(SIGCHLD, SIG_DFL);
}

static void on_child(int number)
{
    (void)number;
}

/* The end of a child is a signal, too: the wait tells of the child all the same. */
static void with_handler(void)
{
    struct sigaction action = {.sa_handler = on_child}, before;

    CHECK_OK(sigaction(SIGCHLD, &action, &before));
    for (int i = 0; i < 20; i++) {
        pid_t pid = (pid_t)CHECK_OK(fork());
        int status;

        if (pid == 0) {
            usleep(3000);
            _exit(4);
        }
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK_EQ(status, 4 << 8);
    }
    CHECK_OK(sigaction(SIGCHLD, &before, NULL));
}

/* Of a child that has ended, nothing is told but its end: who waits for less has no child. */
static void ended(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());
    siginfo_t info;

    if (pid == 0)
        _exit(1);
    CHECK_OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
    alarm(5); /* where it would wait for ever */
    CHECK_ERR(waitid(P_PID, (id_t)pid, &info, WSTOPPED), ECHILD);
    CHECK_ERR(waitid(P_ALL, 0, &info, WCONTINUED), ECHILD);
    alarm(0);
    CHECK_ERR(wait4(-1, NULL, __WCLONE, NULL), ECHILD);
    CHECK_EQ(wait4(-1, NULL, __WALL, NULL), pid);
    CHECK_ERR(waitid(P_PIDFD, 0, &info, WEXITED), EBADF); /* /dev/null */
    CHECK_ERR(setpgid(-5, 0), EINVAL);
}

/* Children that end with another signal, or none, are not waited for like others, until they run
 * another program. */
static void clones(void)
{
    int ends[2];
    char byte;
    long pid;

    signal(SIGUSR1, SIG_IGN);
    pid = CHECK_OK(syscall(SYS_clone, SIGUSR1, 0, 0, 0, 0));
    if (pid == 0)
        _exit(0);
    CHECK_ERR(wait4(-1, NULL, 0, NULL), ECHILD);
    CHECK_ERR(wait4((pid_t)pid, NULL, WNOHANG, NULL), ECHILD);
    CHECK_EQ(wait4(-1, NULL, __WCLONE, NULL), pid);
    signal(SIGUSR1, SIG_DFL);

    CHECK_OK(pipe2(ends, O_CLOEXEC));
    pid = CHECK_OK(syscall(SYS_clone, 0, 0, 0, 0, 0));
    if (pid == 0) {
        execl("/bin/minimal", "minimal", NULL);
        _exit(1);
    }
    CHECK_OK(close(ends[1]));
    CHECK_EQ(read(ends[0], &byte, 1), 0); /* it has run it */
    CHECK_OK(close(ends[0]));
    CHECK_EQ(waitpid((pid_t)pid, NULL, 0), pid);
}

int main(void)
{
    statuses();
    choosing();
    without_hanging();
    by_waitid();
    orphans();
    unwanted();
    with_handler();
    ended();
    clones();
    return 0;
}
