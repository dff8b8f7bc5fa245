/* SPDX-License-Identifier: MIT */
/* The end of a terminal: one side closes, the session's leader ends. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/pty.h"

#define LAST_WORDS 500

static char path[64];
static int master;

static short ready(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN | POLLOUT};

    CHECK_OK(poll(&entry, 1, 0));
    return entry.revents;
}

static void check_master_closed(void)
{
    struct termios t;
    int terminal;
    char byte;

    master = pty_master(path, sizeof(path));
    terminal = pty_terminal(path, O_NOCTTY);
    pty_type(master, "unread\n");
    CHECK_OK(close(master));
    CHECK_EQ(read(terminal, &byte, 1), 0);
    CHECK_ERR(write(terminal, "x", 1), EIO);
    CHECK_ERR(tcgetattr(terminal, &t), EIO);
    CHECK(ready(terminal) & POLLHUP);
    CHECK_ERR(open(path, O_RDWR | O_NOCTTY), ENOENT);
    CHECK_OK(close(terminal));
}

static void check_terminal_closed(void)
{
    int terminal;
    char byte;

    master = pty_master(path, sizeof(path));
    CHECK_EQ(ready(master), POLLOUT); /* never opened yet: no hang-up */
    terminal = pty_terminal(path, O_NOCTTY);
    CHECK_EQ(write(terminal, "last", 4), 4);
    CHECK_OK(close(terminal));
    pty_expect(master, "last");
    CHECK_ERR(read(master, &byte, 1), EIO);
    CHECK(ready(master) & POLLHUP);
    terminal = pty_terminal(path, O_NOCTTY); /* and it can be opened again */
    CHECK_EQ(ready(master), POLLOUT);
    CHECK_EQ(write(terminal, "x", 1), 1);
    pty_expect(master, "x");
    CHECK_OK(close(terminal));
    CHECK_OK(close(master));
}

static void say_last(void *argument)
{
    int *ends = argument;
    char byte = 'o';

    for (int i = 0; i < LAST_WORDS; i++) {
        int terminal = pty_terminal(path, O_NOCTTY);

        CHECK_EQ(write(ends[1], &byte, 1), 1);
        CHECK_EQ(write(terminal, "x", 1), 1);
        CHECK_OK(close(terminal));
        CHECK_EQ(read(ends[0], &byte, 1), 1);
    }
}

/* Who waits at the other end gets the last byte, however close behind it the end comes. */
static void check_last_word(void)
{
    int there[2], back[2], ends[2];
    char byte;
    pid_t child;

    master = pty_master(path, sizeof(path));
    CHECK_OK(pipe(there));
    CHECK_OK(pipe(back));
    ends[0] = back[0];
    ends[1] = there[1];
    child = pty_child(say_last, ends);
    for (int i = 0; i < LAST_WORDS; i++) {
        CHECK_EQ(read(there[0], &byte, 1), 1);
        CHECK_EQ(read(master, &byte, 1), 1);
        CHECK_EQ(byte, 'x');
        CHECK_ERR(read(master, &byte, 1), EIO);
        CHECK_EQ(write(back[1], &byte, 1), 1);
    }
    pty_child_ok(child);
    CHECK_OK(close(master));
}

static void read_blocked(void *unused)
{
    int terminal = pty_terminal(path, O_NOCTTY);
    char byte;

    (void)unused;
    CHECK_OK(close(master));
    CHECK_EQ(write(terminal, "r", 1), 1);
    CHECK_ERR(read(terminal, &byte, 1), EIO); /* woken by the hang-up */
    CHECK_EQ(read(terminal, &byte, 1), 0);
}

static void check_reader_woken(void)
{
    pid_t child;

    master = pty_master(path, sizeof(path));
    child = pty_child(read_blocked, NULL);
    pty_expect(master, "r");
    asleep_await(child);
    CHECK_OK(close(master));
    pty_child_ok(child);
}

static void lead(void *unused)
{
    int terminal;

    (void)unused;
    CHECK_OK(close(master));
    CHECK_EQ(setsid(), getpid());
    terminal = pty_terminal(path, 0);
    CHECK_EQ(write(terminal, "r", 1), 1);
    for (;;)
        pause();
}

/* Whoever keeps the session is told when its terminal goes. */
static void check_leader_told(void)
{
    pid_t child;
    int status;

    master = pty_master(path, sizeof(path));
    child = pty_child(lead, NULL);
    pty_expect(master, "r");
    CHECK_OK(close(master));
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGHUP);
}

static volatile sig_atomic_t hung_up;

static void note(int signal)
{
    (void)signal;
    hung_up = 1;
}

static bool no_terminal(void)
{
    int tty = open("/dev/tty", O_RDWR);

    if (tty < 0)
        return errno == ENXIO;
    CHECK_OK(close(tty));
    return false;
}

/* In the leader's group: gets SIGHUP when the leader ends, and has no terminal any more, soon: on
 * Linux that comes after the signal. */
static void follow(void *pipe_end)
{
    char answer = 'n';

    CHECK(signal(SIGHUP, note) != SIG_ERR);
    CHECK_EQ(write(*(int *)pipe_end, "r", 1), 1);
    for (int i = 0; i < 1000 && answer == 'n'; i++) {
        usleep(10000);
        if (hung_up && no_terminal())
            answer = 'y';
    }
    CHECK_EQ(write(*(int *)pipe_end, &answer, 1), 1);
}

static void lead_and_leave(void *argument)
{
    int *ends = argument;
    char byte;

    CHECK_EQ(setsid(), getpid());
    (void)pty_terminal(path, 0);
    (void)pty_child(follow, &ends[1]);
    CHECK_EQ(read(ends[0], &byte, 1), 1);
}

static void check_leader_leaves(void)
{
    int ends[2], group = -1;
    char answer;

    master = pty_master(path, sizeof(path));
    CHECK_OK(pipe(ends));
    pty_child_ok(pty_child(lead_and_leave, ends));
    CHECK_EQ(read(ends[0], &answer, 1), 1);
    CHECK_EQ(answer, 'y');
    CHECK_OK(ioctl(master, TIOCGPGRP, &group));
    CHECK_EQ(group, 0);
    CHECK_OK(close(master));
}

static int told[2]; /* a byte of the foreground group for each of the two signals */

static void tell(int signal)
{
    CHECK_EQ(write(told[1], signal == SIGHUP ? "h" : "c", 1), 1);
}

static void in_front(void *terminal)
{
    CHECK(signal(SIGHUP, tell) != SIG_ERR && signal(SIGCONT, tell) != SIG_ERR);
    CHECK(signal(SIGTTOU, SIG_IGN) != SIG_ERR);
    CHECK_OK(setpgid(0, 0));
    CHECK_OK(tcsetpgrp(*(int *)terminal, getpid()));
    CHECK_EQ(write(*(int *)terminal, "r", 1), 1);
    for (int i = 0; i < 2; i++)
        pause();
}

/* Outlives its terminal, for a while. */
static void lead_on(void *go)
{
    int terminal;
    char byte;

    CHECK_OK(close(master));
    CHECK_EQ(setsid(), getpid());
    CHECK(signal(SIGHUP, note) != SIG_ERR);
    terminal = pty_terminal(path, 0);
    (void)pty_child(in_front, &terminal);
    while (!hung_up)
        usleep(1000);
    CHECK_EQ(write(told[1], "l", 1), 1);
    while (read(((int *)go)[0], &byte, 1) != 1)
        ;
}

/* The terminal goes: its session's leader is told. The leader goes: now the group in front is. */
static void check_order(void)
{
    int go[2];
    char seen[3];
    pid_t child;

    hung_up = 0;
    CHECK_OK(pipe(told));
    CHECK_OK(pipe(go));
    master = pty_master(path, sizeof(path));
    child = pty_child(lead_on, go);
    pty_expect(master, "r");
    CHECK_OK(close(master));
    CHECK_EQ(read(told[0], seen, 3), 1);
    CHECK_EQ(seen[0], 'l');
    pty_sleep_ms(50);
    CHECK_EQ(write(go[1], "x", 1), 1);
    pty_child_ok(child);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(read(told[0], &seen[i], 1), 1);
    CHECK((seen[0] == 'h' && seen[1] == 'c') || (seen[0] == 'c' && seen[1] == 'h'));
}

#define MANY 20

static void check_many(void)
{
    int masters[MANY], terminals[MANY];
    char paths[MANY][32];

    for (int i = 0; i < MANY; i++) {
        masters[i] = pty_master(paths[i], sizeof(paths[i]));
        terminals[i] = pty_terminal(paths[i], O_NOCTTY);
        for (int j = 0; j < i; j++) {
            int same = 1;

            for (int k = 0; same && (paths[i][k] || paths[j][k]); k++)
                same = paths[i][k] == paths[j][k];
            CHECK(!same);
        }
    }
    for (int i = 0; i < MANY; i++) {
        char text[2] = {(char)('a' + i), 0};

        CHECK_EQ(write(terminals[i], text, 1), 1);
        pty_expect(masters[i], text);
        CHECK_OK(close(terminals[i]));
        CHECK_OK(close(masters[i]));
    }
}

int main(void)
{
    check_master_closed();
    check_terminal_closed();
    check_last_word();
    check_reader_woken();
    check_leader_told();
    check_leader_leaves();
    check_order();
    check_many();
    return 0;
}
