/* SPDX-License-Identifier: MIT */
/* Who gets a signal, who may send one, what is queued, and taking signals by hand. */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"
#include "tests/user/lib/signal_mask.h"

#define LONELY_USER 54321

static volatile int calls, values[64];

static void note(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)context;
    values[calls & 63] = info->si_value.sival_int;
    calls++;
}

static void install(int sig)
{
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};

    CHECK_OK(sigaction(sig, &action, NULL));
    calls = 0;
}

static int sleeper(void)
{
    int pid = (int)CHECK_OK(fork());

    if (pid)
        return pid;
    for (;;)
        pause();
}

/* Real-time signals come as often as they were sent and in that order, standard ones once. */
static void check_queue(void)
{
    int rt = SIGRTMIN + 3;

    install(rt);
    signal_mask_change(SIG_BLOCK, rt);
    for (int i = 0; i < 20; i++)
        CHECK_OK(sigqueue(getpid(), rt, (union sigval){.sival_int = 100 + i}));
    signal_mask_change(SIG_UNBLOCK, rt);
    CHECK_EQ(calls, 20);
    for (int i = 0; i < 20; i++)
        CHECK_EQ(values[i], 100 + i);
    install(SIGUSR1);
    signal_mask_change(SIG_BLOCK, SIGUSR1);
    for (int i = 0; i < 20; i++)
        CHECK_OK(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 100 + i}));
    signal_mask_change(SIG_UNBLOCK, SIGUSR1);
    CHECK_EQ(calls, 1);
    CHECK_EQ(values[0], 100);
}

/* In a child whose user has nothing else queued: the limit counts all of a user's processes. */
static void queue_to_the_limit(void)
{
    struct rlimit limit = {10, 10};
    int rt = SIGRTMIN + 1, sent = 0;

    install(rt);
    signal_mask_change(SIG_BLOCK, rt);
    CHECK_OK(setrlimit(RLIMIT_SIGPENDING, &limit));
    CHECK_OK(setuid(LONELY_USER));
    while (sent < 100 && !sigqueue(getpid(), rt, (union sigval){.sival_int = sent}))
        sent++;
    CHECK_EQ(errno, EAGAIN);
    CHECK(sent >= 1 && sent <= 10);
    CHECK_OK(kill(getpid(), SIGCONT)); /* not counted: ignored */
    signal_mask_change(SIG_BLOCK, SIGUSR1);
    CHECK_OK(sigqueue(getpid(), SIGUSR1, (union sigval){0})); /* it comes, if without its info */
    signal_mask_change(SIG_UNBLOCK, rt);
    CHECK_EQ(calls, sent);
    _exit(0);
}

static void check_limit(void)
{
    int pid = (int)CHECK_OK(fork());

    if (!pid)
        queue_to_the_limit();
    CHECK_EQ(child_end(pid), 0);
}

static void check_info_rules(void)
{
    siginfo_t info = {0};
    int pid = sleeper();

    info.si_code = SI_USER;
    CHECK_EQ(raw3(SYS_rt_sigqueueinfo, pid, SIGUSR1, &info), -EPERM);
    info.si_code = SI_TKILL;
    CHECK_EQ(raw3(SYS_rt_sigqueueinfo, pid, SIGUSR1, &info), -EPERM);
    info.si_code = SI_QUEUE;
    CHECK_EQ(raw3(SYS_rt_sigqueueinfo, pid, 65, &info), -EINVAL);
    CHECK_EQ(raw3(SYS_rt_sigqueueinfo, pid, 0, &info), 0);
    CHECK_EQ(raw3(SYS_rt_sigqueueinfo, pid, SIGUSR1, (void *)8), -EFAULT);
    CHECK_EQ(raw4(SYS_rt_tgsigqueueinfo, pid, pid, SIGTERM, &info), 0);
    CHECK_EQ(child_end(pid), SIGTERM);
    CHECK_EQ(raw3(SYS_rt_sigqueueinfo, pid, SIGUSR1, &info), -ESRCH);
}

static void check_groups(void)
{
    int a = sleeper(), b = sleeper(), c = sleeper();

    CHECK_OK(setpgid(a, a));
    CHECK_OK(setpgid(b, a));
    CHECK_OK(kill(-a, 0));
    CHECK_OK(kill(-a, SIGTERM));
    CHECK_EQ(child_end(a), SIGTERM);
    CHECK_EQ(child_end(b), SIGTERM);
    CHECK_EQ(waitpid(c, NULL, WNOHANG), 0);
    CHECK_ERR(kill(-a, 0), ESRCH);
    CHECK_OK(kill(c, SIGKILL));
    CHECK_EQ(child_end(c), SIGKILL);
    CHECK_ERR(kill(c, 0), ESRCH);
    CHECK_ERR(kill(-2147483647 - 1, SIGTERM), ESRCH);
    CHECK_ERR(kill(getpid(), 65), EINVAL);
}

/* A zombie can still be signalled, to no effect. */
static void check_zombie(void)
{
    siginfo_t info;
    int pid = (int)CHECK_OK(fork());

    if (!pid)
        _exit(5);
    CHECK_OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(child_end(pid), 5 << 8);
}

/* As root only: another user's process is out of reach, but for SIGCONT in one session. */
static void check_rights(void)
{
    int victim, status, pid;

    if (getuid() != 0)
        return;
    victim = sleeper();
    pid = (int)CHECK_OK(fork());
    if (!pid) {
        CHECK_OK(setresgid(1000, 1000, 1000));
        CHECK_OK(setresuid(1000, 1000, 1000));
        CHECK_ERR(kill(victim, 0), EPERM);
        CHECK_ERR(kill(victim, SIGTERM), EPERM);
        CHECK_ERR(kill(getppid(), SIGTERM), EPERM);
        CHECK_EQ(raw2(SYS_tkill, victim, SIGTERM), -EPERM);
        CHECK_OK(kill(victim, SIGCONT));
        CHECK_OK(kill(getpid(), 0));
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK_OK(kill(victim, SIGKILL));
    CHECK_EQ(child_end(victim), SIGKILL);
}

static void check_timedwait(void)
{
    struct timespec none = {0, 0}, some = {0, 30000000}, bad = {0, -1};
    siginfo_t info;
    sigset_t set;
    int pid;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    CHECK_ERR(sigtimedwait(&set, NULL, &none), EAGAIN);
    CHECK_ERR(sigtimedwait(&set, NULL, &some), EAGAIN);
    CHECK_ERR(sigtimedwait(&set, NULL, &bad), EINVAL);
    CHECK_OK(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 7}));
    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ(sigtimedwait(&set, &info, &none), SIGUSR1);
    CHECK_EQ(sigtimedwait(&set, &info, NULL), SIGRTMIN);
    CHECK_EQ(info.si_value.sival_int, 7);
    CHECK_EQ(info.si_code, SI_QUEUE);
    CHECK_EQ(info.si_pid, getpid());
    pid = (int)CHECK_OK(fork());
    if (!pid) {
        nanosleep(&some, NULL);
        kill(getppid(), SIGUSR1);
        _exit(0);
    }
    CHECK_EQ(sigwaitinfo(&set, &info), SIGUSR1);
    CHECK_EQ(info.si_pid, pid);
    CHECK_EQ(info.si_code, SI_USER);
    CHECK_EQ(child_end(pid), 0);
    CHECK_OK(sigprocmask(SIG_UNBLOCK, &set, NULL));
}

/* fork: nothing pending, mask and handlers kept. exec (elsewhere): pending and mask kept. */
static void check_fork(void)
{
    sigset_t pending;
    int pid;

    install(SIGUSR1);
    signal_mask_change(SIG_BLOCK, SIGUSR1);
    CHECK_OK(raise(SIGUSR1));
    pid = (int)CHECK_OK(fork());
    if (!pid) {
        CHECK_OK(sigpending(&pending));
        CHECK_EQ(sigismember(&pending, SIGUSR1), 0);
        CHECK_OK(raise(SIGUSR1));
        signal_mask_change(SIG_UNBLOCK, SIGUSR1);
        CHECK_EQ(calls, 1);
        _exit(0);
    }
    CHECK_EQ(child_end(pid), 0);
    signal_mask_change(SIG_UNBLOCK, SIGUSR1);
    CHECK_EQ(calls, 1);
}

/* Runs in the program that exec made of check_exec's child. */
static int after_exec(void)
{
    struct sigaction action;
    sigset_t set;

    CHECK_OK(sigpending(&set));
    CHECK_EQ(sigismember(&set, SIGUSR1), 1);
    CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &set));
    CHECK_EQ(sigismember(&set, SIGUSR1), 1);
    CHECK_EQ(sigismember(&set, SIGUSR2), 0);
    CHECK_OK(sigaction(SIGUSR1, NULL, &action));
    CHECK(action.sa_handler == SIG_DFL && action.sa_flags == 0);
    CHECK_OK(sigaction(SIGUSR2, NULL, &action));
    CHECK(action.sa_handler == SIG_IGN);
    return 0;
}

static void check_exec(char *self)
{
    char word[] = "after-exec";
    char *argv[] = {self, word, NULL};
    int pid = (int)CHECK_OK(fork());

    if (!pid) {
        install(SIGUSR1);
        CHECK(signal(SIGUSR2, SIG_IGN) != SIG_ERR);
        signal_mask_change(SIG_BLOCK, SIGUSR1);
        CHECK_OK(raise(SIGUSR1));
        execv("/proc/self/exe", argv);
        execv(self, argv);
        _exit(1);
    }
    CHECK_EQ(child_end(pid), 0);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return after_exec();
    check_queue();
    check_limit();
    check_info_rules();
    check_groups();
    check_zombie();
    check_rights();
    check_timedwait();
    check_fork();
    check_exec(argv[0]);
    return 0;
}
