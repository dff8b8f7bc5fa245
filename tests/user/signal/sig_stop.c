/* SPDX-License-Identifier: MIT */
/* Job control: stop, continue, what the parent is told, orphaned groups. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

static volatile int calls, codes[8], statuses[8], pids[8];

static void on_child(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)context;
    codes[calls & 7] = info->si_code;
    statuses[calls & 7] = info->si_status;
    pids[calls & 7] = info->si_pid;
    calls++;
}

static void install(int flags)
{
    struct sigaction action = {.sa_sigaction = on_child, .sa_flags = SA_SIGINFO | flags};

    CHECK_OK(sigaction(SIGCHLD, &action, NULL));
    calls = 0;
}

static void pause_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    while (nanosleep(&time, &time))
        ;
}

/* What a child has to tell may come a little after wait(2) knows it. */
static void await_calls(int wanted)
{
    for (int i = 0; i < 8000 && calls < wanted; i++)
        pause_ms(1);
    CHECK(calls >= wanted);
}

static int sleeper(void)
{
    int pid = (int)CHECK_OK(fork());

    if (pid)
        return pid;
    for (;;)
        pause();
}

static int wait_status(int pid, int options)
{
    int status = -1, got;

    while ((got = waitpid(pid, &status, options)) == -1 && errno == EINTR)
        ;
    CHECK_EQ(got, pid);
    return status;
}

static void check_stop(int flags)
{
    int pid = sleeper(), status;
    siginfo_t info = {0};

    install(SA_RESTART | flags);
    CHECK_OK(kill(pid, SIGSTOP));
    status = wait_status(pid, WUNTRACED);
    CHECK(WIFSTOPPED(status));
    CHECK_EQ(WSTOPSIG(status), SIGSTOP);
    if (!(flags & SA_NOCLDSTOP))
        await_calls(1);
    CHECK_EQ(waitpid(pid, &status, WUNTRACED | WNOHANG), 0); /* told once */
    CHECK_OK(kill(pid, SIGUSR1)); /* waits until it goes on; harmless: see below */
    CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
    CHECK_OK(kill(pid, SIGCONT));
    status = wait_status(pid, WCONTINUED | WUNTRACED);
    CHECK(WIFCONTINUED(status) || WIFSIGNALED(status));
    if (WIFCONTINUED(status))
        status = wait_status(pid, 0);
    CHECK_EQ(WTERMSIG(status), SIGUSR1);
    if (flags & SA_NOCLDSTOP) {
        CHECK_EQ(calls, 1);
    } else {
        CHECK(calls >= 2);
        CHECK_EQ(codes[0], CLD_STOPPED);
        CHECK_EQ(statuses[0], SIGSTOP);
        CHECK_EQ(pids[0], pid);
        /* One that still waited has swallowed the next. */
        CHECK(codes[calls - 1] == CLD_KILLED || codes[calls - 1] == CLD_CONTINUED);
    }
    CHECK_ERR(waitid(P_PID, (id_t)pid, &info, WEXITED), ECHILD);
}

static void check_continue(void)
{
    int pid = sleeper(), status;
    siginfo_t info = {0};

    install(SA_RESTART);
    CHECK_OK(kill(pid, SIGSTOP));
    CHECK_OK(waitid(P_PID, (id_t)pid, &info, WSTOPPED));
    CHECK_EQ(info.si_code, CLD_STOPPED);
    CHECK_EQ(info.si_status, SIGSTOP);
    CHECK_EQ(info.si_pid, pid);
    CHECK_EQ(info.si_uid, getuid());
    await_calls(1);
    CHECK_OK(kill(pid, SIGCONT));
    CHECK_EQ(waitpid(pid, &status, WCONTINUED | WNOHANG), pid); /* at once */
    CHECK(WIFCONTINUED(status));
    await_calls(2); /* the child tells it itself, once it runs */
    CHECK_EQ(calls, 2);
    CHECK_EQ(codes[1], CLD_CONTINUED);
    CHECK_EQ(statuses[1], SIGCONT);
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(wait_status(pid, 0), SIGKILL);
}

/* Nothing but SIGCONT and SIGKILL ends a stop. */
static void check_kill_stopped(void)
{
    int pid = sleeper();

    CHECK_OK(kill(pid, SIGSTOP));
    CHECK(WIFSTOPPED(wait_status(pid, WUNTRACED)));
    CHECK_OK(kill(pid, SIGTERM));
    pause_ms(20);
    CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(wait_status(pid, 0), SIGKILL);
}

/* SIGCONT takes a stop that waits back, and the other way round. */
static void check_cancel(void)
{
    sigset_t set, pending;

    sigemptyset(&set);
    sigaddset(&set, SIGCONT);
    sigaddset(&set, SIGTSTP);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    CHECK_OK(raise(SIGTSTP));          /* to the task */
    CHECK_OK(kill(getpid(), SIGTSTP)); /* to the process */
    CHECK_OK(sigpending(&pending));
    CHECK_EQ(sigismember(&pending, SIGTSTP), 1);
    CHECK_OK(kill(getpid(), SIGCONT));
    CHECK_OK(raise(SIGCONT));
    CHECK_OK(sigpending(&pending));
    CHECK_EQ(sigismember(&pending, SIGTSTP), 0);
    CHECK_EQ(sigismember(&pending, SIGCONT), 1);
    CHECK_OK(raise(SIGTSTP));
    CHECK_OK(sigpending(&pending));
    CHECK_EQ(sigismember(&pending, SIGTSTP), 1);
    CHECK_EQ(sigismember(&pending, SIGCONT), 0);
    CHECK_OK(raise(SIGCONT));
    CHECK_OK(sigprocmask(SIG_UNBLOCK, &set, NULL));
}

/* In a group of its own whose parent's group is another: stops from the terminal count. */
static void check_terminal_stops(void)
{
    static const int sigs[] = {SIGTSTP, SIGTTIN, SIGTTOU};

    CHECK(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
    for (int i = 0; i < 3; i++) {
        int status, pid = (int)CHECK_OK(fork());

        if (!pid) {
            setpgid(0, 0);
            raise(sigs[i]);
            _exit(9);
        }
        status = wait_status(pid, WUNTRACED);
        CHECK(WIFSTOPPED(status));
        CHECK_EQ(WSTOPSIG(status), sigs[i]);
        CHECK_OK(kill(-pid, SIGCONT));
        CHECK_EQ(wait_status(pid, 0), 9 << 8);
    }
}

/* In a session of its own nobody could continue it. */
static void check_orphan(void)
{
    int pid = (int)CHECK_OK(fork());

    if (!pid) {
        setsid();
        raise(SIGTSTP);
        raise(SIGTTIN);
        raise(SIGTTOU);
        _exit(4);
    }
    CHECK_EQ(wait_status(pid, WUNTRACED), 4 << 8);
}

/* The shell dies: its stopped job is told by SIGHUP, and continued so that it hears it. */
static void check_newly_orphaned(void)
{
    int fds[2], shell, job;
    char c = 0;

    CHECK_OK(pipe(fds));
    shell = (int)CHECK_OK(fork());
    if (!shell) {
        setsid();
        job = fork();
        if (!job) {
            setpgid(0, 0);
            raise(SIGSTOP);
            _exit(write(fds[1], "c", 1) != 1); /* only if SIGHUP were lost */
        }
        if (waitpid(job, NULL, WUNTRACED) != job)
            _exit(1);
        _exit(0);
    }
    close(fds[1]);
    CHECK_EQ(wait_status(shell, 0), 0);
    CHECK_EQ(read(fds[0], &c, 1), 0); /* end of file: the job is gone, silently */
    close(fds[0]);
}

int main(void)
{
    check_stop(0);
    check_stop(SA_NOCLDSTOP);
    check_continue();
    check_kill_stopped();
    check_cancel();
    check_terminal_stops();
    check_orphan();
    check_newly_orphaned();
    return 0;
}
