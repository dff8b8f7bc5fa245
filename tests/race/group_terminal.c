/* SPDX-License-Identifier: MIT */
/*
 * A terminal: both ends of it are written, read, set, hung up and taken as controlling terminal.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "tests/race/race.h"

static int master, slave;
static char name[64];

/* A pair of ends, both non-blocking: the master's number, or a negative errno. */
static long open_pair(int *slave_fd, char slave_name[64])
{
    long fd = raw3(SYS_open, "/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0);
    unsigned number = 0, unlock = 0;
    char *p = slave_name;

    if (fd < 0)
        return fd;
    raw3(SYS_ioctl, fd, TIOCSPTLCK, &unlock);
    raw3(SYS_ioctl, fd, TIOCGPTN, &number);
    for (const char *text = "/dev/pts/"; *text; text++)
        *p++ = *text;
    if (number >= 100)
        *p++ = (char)('0' + number / 100 % 10);
    if (number >= 10)
        *p++ = (char)('0' + number / 10 % 10);
    *p++ = (char)('0' + number % 10);
    *p = '\0';
    *slave_fd = (int)raw3(SYS_open, slave_name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0);
    return fd;
}

static const char *begin(void)
{
    master = (int)open_pair(&slave, name);
    if (master < 0 || slave < 0)
        return "there are no pseudo-terminals here";
    signal(SIGTTOU, SIG_IGN);
    signal(SIGTTIN, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    return NULL;
}

/* Settings back, both ways empty: what is typed arrives. */
static void end(void)
{
    struct termios raw;
    char bytes[4096], byte = 'y';
    struct pollfd ready = {.fd = slave, .events = POLLIN};

    CHECK_OK(tcgetattr(slave, &raw));
    cfmakeraw(&raw);
    CHECK_OK(tcsetattr(slave, TCSANOW, &raw));
    ioctl(slave, TCXONC, TCOON);
    ioctl(slave, TCFLSH, TCIOFLUSH);
    while (read(master, bytes, sizeof(bytes)) > 0)
        ;
    while (read(slave, bytes, sizeof(bytes)) > 0)
        ;
    if (write(master, &byte, 1) != 1 || poll(&ready, 1, 5000) != 1 || read(slave, &byte, 1) != 1)
        race_wrong("a key does not arrive, errno", errno);
    close(master);
    close(slave);
}

static void do_type(struct race_worker *worker)
{
    static const char keys[] = "word\nmore\x7f\x15\x11\x13\x11\x04";

    raw3(SYS_write, master, keys + race_random(worker, 8), 1 + race_random(worker, 8));
}

static void do_read(struct race_worker *worker)
{
    char bytes[256];

    raw3(SYS_read, slave, bytes, 1 + race_random(worker, sizeof(bytes)));
    raw3(SYS_read, master, bytes, 1 + race_random(worker, sizeof(bytes)));
}

static void do_print(struct race_worker *worker)
{
    raw3(SYS_write, slave, "a line\twith a tab\nand more\n", 1 + race_random(worker, 26));
}

static void do_set(struct race_worker *worker)
{
    struct termios now;
    struct winsize size = {(unsigned short)race_random(worker, 100), 80, 0, 0};

    if (raw3(SYS_ioctl, slave, TCGETS, &now) == 0) {
        now.c_lflag ^= race_random(worker, 2) ? ICANON : ECHO;
        now.c_iflag ^= race_random(worker, 2) ? IXON : ICRNL;
        raw3(SYS_ioctl, slave, race_random(worker, 2) ? TCSETS : TCSETSF, &now);
    }
    raw3(SYS_ioctl, master, TIOCSWINSZ, &size);
}

static void do_flush(struct race_worker *worker)
{
    int waiting;

    raw3(SYS_ioctl, slave, TCFLSH, race_random(worker, 3));
    raw3(SYS_ioctl, slave, TCXONC, race_random(worker, 2) ? TCOOFF : TCOON);
    raw3(SYS_ioctl, slave, FIONREAD, &waiting);
    raw3(SYS_ioctl, slave, TCXONC, TCOON);
}

static void do_poll(struct race_worker *worker)
{
    struct pollfd list[2] = {{.fd = master, .events = POLLIN | POLLOUT},
                             {.fd = slave, .events = POLLIN}};

    raw3(SYS_poll, list, 2, race_random(worker, 2));
}

static void do_open(struct race_worker *worker)
{
    long fd = raw3(SYS_open, name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0);

    raw3(SYS_ioctl, fd, TIOCEXCL, 0);
    raw3(SYS_ioctl, fd, TIOCNXCL, 0);
    if (race_random(worker, 2))
        raw3(SYS_write, fd, "x", 1);
    raw1(SYS_close, fd);
}

/* A terminal of its own: closed from either end, with something on its way. */
static void do_fresh(struct race_worker *worker)
{
    char path[64];
    int other = -1;
    long fd = open_pair(&other, path);

    if (fd < 0)
        return;
    raw3(SYS_write, fd, "text\n", 5);
    raw3(SYS_write, other, "text\n", 5);
    raw1(SYS_close, race_random(worker, 2) ? fd : other);
    raw3(SYS_write, fd, "text\n", 5);
    raw1(SYS_close, fd);
    raw1(SYS_close, other);
    raw1(SYS_close, raw3(SYS_open, path, O_RDWR | O_NOCTTY | O_NONBLOCK, 0));
}

/* A session whose terminal the common one becomes, until it hangs up or ends. */
static void do_session(struct race_worker *worker)
{
    long pid = race_fork(0);

    if (pid == 0) {
        int group;
        raw0(SYS_setsid);
        raw3(SYS_ioctl, slave, TIOCSCTTY, race_random(worker, 2));
        group = (int)raw0(SYS_getpid);
        raw3(SYS_ioctl, slave, TIOCSPGRP, &group);
        raw3(SYS_write, master, "\x03", 1);
        raw3(SYS_ioctl, slave, TIOCGPGRP, &group);
        raw1(SYS_close, raw3(SYS_open, "/dev/tty", O_RDWR | O_NONBLOCK, 0));
        if (race_random(worker, 2))
            raw3(SYS_ioctl, slave, TIOCNOTTY, 0);
        race_exit(0);
    }
    if (pid > 0)
        race_wait(pid);
}

static const struct race_op ops[] = {
    {"type", do_type},       {"read", do_read}, {"print", do_print}, {"set", do_set},
    {"flush", do_flush},     {"poll", do_poll}, {"open", do_open},   {"fresh", do_fresh},
    {"session", do_session}, {NULL, NULL}};

const struct race_group race_terminal = {"terminal", CLONE_FILES, begin, end, ops};
