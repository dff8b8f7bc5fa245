/* SPDX-License-Identifier: MIT */
/*
 * A pair's number is used again as soon as its master is closed. What the owner before has kept
 * (the node, its terminal, a node of that device number elsewhere) does not lead to the pair that
 * has the number now, which may be another user's.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/user/lib/pty.h"

#define PAIRS_MAX 60

static char path[64], same[64];

/* Another pair with the number that `path` names; those with other numbers stay open until then. */
static int master_again(void)
{
    int others[PAIRS_MAX], n = 0, found = -1;

    while (found < 0 && n < PAIRS_MAX) {
        int master = pty_master(same, sizeof(same));

        if (strcmp(same, path) == 0)
            found = master;
        else
            others[n++] = master;
    }
    while (n > 0)
        CHECK_OK(close(others[--n]));
    CHECK(found >= 0);
    return found;
}

static const char *link_of(int fd)
{
    static char text[64];

    snprintf(text, sizeof(text), "/proc/self/fd/%d", fd);
    return text;
}

static void check_node(void)
{
    int master = pty_master(path, sizeof(path));
    int node = (int)CHECK_OK(open(path, O_PATH | O_CLOEXEC)), next, terminal;
    struct stat before, after;

    terminal = pty_terminal(link_of(node), O_NOCTTY); /* the node leads to its terminal */
    CHECK_EQ(write(terminal, "x", 1), 1);
    pty_expect(master, "x");
    CHECK_OK(close(terminal));
    CHECK_OK(close(master));
    CHECK_ERR(open(link_of(node), O_RDWR | O_NOCTTY), EIO); /* nobody has the number */
    next = master_again();
    CHECK_ERR(open(link_of(node), O_RDWR | O_NOCTTY), EIO);
    CHECK_ERR(open(link_of(node), O_RDONLY | O_NOCTTY), EIO);
    CHECK_OK(stat(path, &before));
    CHECK_OK(fstat(node, &after));
    CHECK_EQ(after.st_nlink, 0);
    CHECK_OK(chmod(link_of(node), 0666)); /* nor are the rights those of the new one */
    CHECK_OK(stat(path, &after));
    CHECK_EQ(after.st_mode, before.st_mode);
    terminal = pty_terminal(path, O_NOCTTY);
    CHECK_EQ(write(terminal, "y", 1), 1);
    pty_expect(next, "y");
    CHECK_OK(close(terminal));
    CHECK_OK(close(next));
    CHECK_OK(close(node));
}

/* A terminal that is still open, and the session's way to it. */
static void keep_terminal(void *argument)
{
    int master, terminal, next;

    (void)argument;
    signal(SIGHUP, SIG_IGN);
    CHECK_OK(setsid());
    master = pty_master(path, sizeof(path));
    terminal = pty_terminal(path, 0);
    CHECK_OK(close(CHECK_OK(open("/dev/tty", O_RDWR))));
    CHECK_OK(close(master));
    next = pty_master(same, sizeof(same)); /* on Linux of another number: `terminal` has that */
    CHECK_ERR(write(terminal, "x", 1), EIO);
    CHECK_ERR(open(link_of(terminal), O_RDWR | O_NOCTTY), EIO);
    CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO);
    CHECK_ERR(ioctl(terminal, TIOCSCTTY, 0), EIO);
    pty_expect_nothing(next);
    CHECK_OK(close(next));
}

/* A node of that number, made by root elsewhere: it names no pair at all. */
static void check_other_node(void)
{
    int master = pty_master(path, sizeof(path));
    unsigned number;

    CHECK_OK(ioctl(master, TIOCGPTN, &number));
    unlink("/tmp/pty_number");
    if (mknod("/tmp/pty_number", S_IFCHR | 0666, makedev(136, number)) == 0) {
        CHECK_ERR(open("/tmp/pty_number", O_RDWR | O_NOCTTY), EIO);
        CHECK_OK(unlink("/tmp/pty_number"));
    } else {
        CHECK_EQ(errno, EPERM); /* root of a user namespace makes none */
    }
    CHECK_OK(close(master));
}

int main(void)
{
    check_node();
    pty_child_ok(pty_child(keep_terminal, NULL));
    check_other_node();
    return 0;
}
