/* SPDX-License-Identifier: MIT */
/* Whose terminal it is: sessions, the foreground, keys that signal, background jobs, its size. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/user/lib/pty.h"

static char path[64];
static int master;
static volatile sig_atomic_t last_signal;

static void note(int signal)
{
    last_signal = signal;
}

static void catch (int signal)
{
    struct sigaction action = {.sa_handler = note};

    CHECK_OK(sigaction(signal, &action, NULL));
}

/* Waits for a signal that note() sees. */
static void expect_signal(int signal)
{
    for (int i = 0; i < 1000 && last_signal != signal; i++)
        usleep(10000);
    CHECK_EQ(last_signal, signal);
    last_signal = 0;
}

static int group_of(int terminal)
{
    int group = -1;

    CHECK_OK(ioctl(terminal, TIOCGPGRP, &group));
    return group;
}

/* A session of its own, with the terminal. */
static int begin_session(void)
{
    int terminal;

    CHECK_EQ(setsid(), getpid());
    CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO);
    terminal = pty_terminal(path, 0);
    CHECK_EQ(group_of(terminal), getpid());
    return terminal;
}

/* --- who gets it --- */

/* A child made before its session has a terminal: it has none afterwards, either. */
static void stays_without(void *end)
{
    char byte;

    CHECK_EQ(read(*(int *)end, &byte, 1), 1);
    CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO);
}

static void claims(void *unused)
{
    int terminal, tty, id = 0, ends[2];
    struct stat one, other;
    pid_t child;

    (void)unused;
    CHECK_EQ(setsid(), getpid());
    terminal = pty_terminal(path, O_NOCTTY);
    CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO);
    CHECK_ERR(tcgetpgrp(terminal), ENOTTY);
    CHECK_ERR(ioctl(terminal, TIOCGSID, &id), ENOTTY);
    CHECK_OK(pipe(ends));
    child = pty_child(stays_without, &ends[0]);
    CHECK_OK(ioctl(terminal, TIOCSCTTY, 0));
    CHECK_OK(ioctl(terminal, TIOCSCTTY, 0)); /* it is that already */
    CHECK_EQ(write(ends[1], "", 1), 1);
    pty_child_ok(child);
    CHECK_EQ(tcgetpgrp(terminal), getpid());
    CHECK_OK(ioctl(terminal, TIOCGSID, &id));
    CHECK_EQ(id, getpid());
    tty = (int)CHECK_OK(open("/dev/tty", O_RDWR));
    CHECK_OK(fstat(tty, &one));
    CHECK_OK(fstat(terminal, &other));
    CHECK_EQ(one.st_rdev, 5 << 8);
    CHECK_EQ(write(tty, "by /dev/tty\n", 12), 12);
    CHECK_ERR(tcsetpgrp(terminal, 999999), ESRCH);
    CHECK_ERR(tcsetpgrp(terminal, -1), EINVAL);
    CHECK_ERR(tcsetpgrp(terminal, getppid()), EPERM);
    CHECK(signal(SIGHUP, SIG_IGN) != SIG_ERR);
    CHECK_OK(ioctl(tty, TIOCNOTTY));
    CHECK_ERR(ioctl(terminal, TIOCNOTTY), ENOTTY); /* it has none any more */
    CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO);
}

static void other_session(void *unused)
{
    int terminal;

    (void)unused;
    CHECK_ERR(ioctl(master, TIOCSCTTY, 0), EPERM); /* leads nothing */
    CHECK_EQ(setsid(), getpid());
    terminal = pty_terminal(path, 0); /* somebody else's: opens, but is not its own */
    CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO);
    CHECK_ERR(ioctl(terminal, TIOCSCTTY, 0), EPERM);
    CHECK_ERR(tcgetpgrp(terminal), ENOTTY);
    CHECK_EQ(write(terminal, "stranger\n", 9), 9); /* no job control for strangers */
}

static void owner(void *unused)
{
    int terminal = begin_session();

    (void)unused;
    pty_child_ok(pty_child(other_session, NULL));
    CHECK_OK(close(terminal));
}

static void check_claims(void)
{
    int group = -1;

    pty_child_ok(pty_child(claims, NULL));
    pty_expect(master, "by /dev/tty\r\n");
    pty_child_ok(pty_child(owner, NULL));
    pty_expect(master, "stranger\r\n");
    CHECK_OK(ioctl(master, TIOCGPGRP, &group)); /* the master may always ask */
    CHECK_EQ(group, 0);
}

/* --- keys --- */

static void key_catcher(void *unused)
{
    int terminal = begin_session();

    (void)unused;
    catch (SIGINT);
    catch (SIGQUIT);
    catch (SIGTSTP);
    CHECK_EQ(write(terminal, "1\n", 2), 2);
    expect_signal(SIGINT);
    CHECK_EQ(write(terminal, "2\n", 2), 2);
    expect_signal(SIGQUIT);
    CHECK_EQ(write(terminal, "3\n", 2), 2);
    expect_signal(SIGTSTP);
    pty_local(terminal, ISIG, 0);
    CHECK_EQ(write(terminal, "4\n", 2), 2);
    pty_read_is(terminal, "\3\n");
    CHECK_EQ(last_signal, 0);
}

static void check_keys(void)
{
    pid_t child = pty_child(key_catcher, NULL);

    pty_expect(master, "1\r\n");
    pty_type(master, "\3");
    pty_expect(master, "^C2\r\n");
    pty_type(master, "\34");
    pty_expect(master, "^\\3\r\n");
    pty_type(master, "\32");
    pty_expect(master, "^Z4\r\n");
    pty_type(master, "\3\n");
    pty_expect(master, "^C\r\n");
    pty_child_ok(child);
}

/* --- jobs --- */

static pid_t start_job(void (*function)(void *), void *argument)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        CHECK_OK(setpgid(0, 0));
        alarm(20);
        function(argument);
        _exit(0);
    }
    CHECK(setpgid(pid, pid) == 0 || errno == EACCES);
    return pid;
}

static void sleep_long(void *unused)
{
    (void)unused;
    for (;;)
        pause();
}

static void read_line(void *terminal)
{
    char bytes[64];

    CHECK_EQ(read(*(int *)terminal, bytes, sizeof(bytes)), 5);
    CHECK(memcmp(bytes, "line\n", 5) == 0);
}

static void write_line(void *terminal)
{
    CHECK_EQ(write(*(int *)terminal, "from behind\n", 12), 12);
}

static void set_flags(void *terminal)
{
    pty_local(*(int *)terminal, 0, NOFLSH);
}

static void wait_stopped(pid_t pid, int signal)
{
    int status;

    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK(WIFSTOPPED(status));
    CHECK_EQ(WSTOPSIG(status), signal);
}

static void wait_killed(pid_t pid, int signal)
{
    int status;

    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), signal);
}

/* As a shell does it: the job gets the terminal, is stopped, goes on, is interrupted. */
static void shell_foreground(int terminal)
{
    pid_t job = start_job(sleep_long, NULL);
    int status;

    CHECK_OK(tcsetpgrp(terminal, job));
    CHECK_EQ(tcgetpgrp(terminal), job);
    CHECK_EQ(write(terminal, "stop\n", 5), 5); /* from behind, but TOSTOP is off */
    wait_stopped(job, SIGTSTP);
    CHECK_OK(kill(-job, SIGCONT));
    CHECK_EQ(waitpid(job, &status, WCONTINUED), job);
    CHECK(WIFCONTINUED(status));
    CHECK_EQ(write(terminal, "kill\n", 5), 5);
    wait_killed(job, SIGINT);
    CHECK_OK(tcsetpgrp(terminal, getpgrp())); /* SIGTTOU is ignored: a shell does this */
}

static void shell_background(int terminal)
{
    pid_t job = start_job(read_line, &terminal);

    wait_stopped(job, SIGTTIN);
    CHECK_OK(tcsetpgrp(terminal, job));
    CHECK_OK(kill(-job, SIGCONT));
    CHECK_EQ(write(terminal, "type\n", 5), 5);
    pty_child_ok(job); /* the read goes on as if nothing had been */
    CHECK_OK(tcsetpgrp(terminal, getpgrp()));

    CHECK(signal(SIGTTOU, SIG_DFL) == SIG_IGN);
    pty_local(terminal, 0, TOSTOP);
    job = start_job(write_line, &terminal);
    wait_stopped(job, SIGTTOU);
    pty_local(terminal, TOSTOP, 0);
    CHECK_OK(kill(-job, SIGCONT));
    pty_child_ok(job);
    job = start_job(set_flags, &terminal); /* settings stop a job in any case */
    wait_stopped(job, SIGTTOU);
    CHECK_OK(kill(-job, SIGKILL));
    wait_killed(job, SIGKILL);
}

static void refuse_to_stop(void *terminal)
{
    char byte;

    CHECK(signal(SIGTTIN, SIG_IGN) != SIG_ERR);
    CHECK_ERR(read(*(int *)terminal, &byte, 1), EIO);
}

static void shell(void *unused)
{
    int terminal = begin_session();

    (void)unused;
    CHECK(signal(SIGTTOU, SIG_IGN) != SIG_ERR);
    shell_foreground(terminal);
    shell_background(terminal);
    pty_child_ok(start_job(refuse_to_stop, &terminal));
}

static void check_jobs(void)
{
    pid_t child = pty_child(shell, NULL);

    pty_expect(master, "stop\r\n");
    pty_type(master, "\32");
    pty_expect(master, "^Zkill\r\n");
    pty_type(master, "\3");
    pty_expect(master, "^Ctype\r\n");
    pty_type(master, "line\n");
    pty_expect(master, "line\r\nfrom behind\r\n");
    pty_child_ok(child);
}

/* An orphaned group cannot be stopped: nobody would continue it. */
static void orphan(void *argument)
{
    int *pipe_end = argument;
    int terminal = pty_terminal(path, O_NOCTTY);
    char byte, answer = 'n';

    CHECK_OK(setpgid(0, 0));
    while (getppid() == *pipe_end)
        usleep(10000);
    if (read(terminal, &byte, 1) == -1 && errno == EIO)
        answer = 'y';
    CHECK_EQ(write(pipe_end[1], &answer, 1), 1);
}

static void middle(void *argument)
{
    int *pipe_end = argument;

    pipe_end[0] = getpid();
    (void)pty_child(orphan, pipe_end);
}

static void orphan_session(void *argument)
{
    int *pipe_end = argument, ends[2];
    char answer;

    (void)begin_session();
    CHECK_OK(pipe(ends));
    pipe_end[1] = ends[1];
    pty_child_ok(pty_child(middle, pipe_end));
    CHECK_EQ(read(ends[0], &answer, 1), 1);
    CHECK_EQ(answer, 'y');
}

static void check_orphan(void)
{
    int pipe_end[2] = {0, 0};

    pty_child_ok(pty_child(orphan_session, pipe_end));
}

/* --- size --- */

static void size_watcher(void *unused)
{
    struct winsize size;
    int terminal = begin_session();
    char bytes[8];

    (void)unused;
    catch (SIGWINCH);
    CHECK_OK(ioctl(terminal, TIOCGWINSZ, &size));
    CHECK_EQ(size.ws_row + size.ws_col, 0);
    CHECK_EQ(write(terminal, "1\n", 2), 2);
    expect_signal(SIGWINCH);
    CHECK_OK(ioctl(terminal, TIOCGWINSZ, &size));
    CHECK_EQ(size.ws_row, 25);
    CHECK_EQ(size.ws_col, 80);
    CHECK_EQ(write(terminal, "2\n", 2), 2);
    CHECK_EQ(read(terminal, bytes, sizeof(bytes)), 4); /* the same size again is no change */
    CHECK_EQ(last_signal, 0);
    size.ws_row = 50;
    CHECK_OK(ioctl(terminal, TIOCSWINSZ, &size));
    expect_signal(SIGWINCH);
}

static void check_size(void)
{
    struct winsize size = {.ws_row = 25, .ws_col = 80};
    pid_t child = pty_child(size_watcher, NULL);

    pty_expect(master, "1\r\n");
    CHECK_OK(ioctl(master, TIOCSWINSZ, &size));
    pty_expect(master, "2\r\n");
    CHECK_OK(ioctl(master, TIOCSWINSZ, &size));
    pty_type(master, "set\n");
    pty_child_ok(child);
    CHECK_OK(ioctl(master, TIOCGWINSZ, &size));
    CHECK_EQ(size.ws_row, 50);
}

static void check(void (*function)(void))
{
    master = pty_master(path, sizeof(path));
    function();
    CHECK_OK(close(master));
}

int main(void)
{
    check(check_claims);
    check(check_keys);
    check(check_jobs);
    check(check_orphan);
    check(check_size);
    return 0;
}
