/* SPDX-License-Identifier: MIT */
/* Rare requests of terminals: the old termio, line disciplines, exclusive use, opening the other
 * end by the master, packet mode, settings that are locked, and cutting the line. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "tests/user/lib/pty.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

struct old_termio {
    unsigned short iflag, oflag, cflag, lflag;
    unsigned char line, cc[8];
};

static char path[64];

static void check_termio(int terminal)
{
    struct old_termio old;
    struct termios now;

    CHECK_OK(tcgetattr(terminal, &now));
    CHECK_OK(ioctl(terminal, TCGETA, &old));
    CHECK_EQ(old.iflag, now.c_iflag & 0xffff);
    CHECK_EQ(old.oflag, now.c_oflag & 0xffff);
    CHECK_EQ(old.cflag, now.c_cflag & 0xffff);
    CHECK_EQ(old.lflag, now.c_lflag & 0xffff);
    for (int i = 0; i < 8; i++)
        CHECK_EQ(old.cc[i], now.c_cc[i]);
    old.lflag &= (unsigned short)~ECHO;
    old.cc[VEOF] = 'z';
    CHECK_OK(ioctl(terminal, TCSETA, &old));
    CHECK_OK(tcgetattr(terminal, &now));
    CHECK_EQ(now.c_lflag & ECHO, 0);
    CHECK_EQ(now.c_cc[VEOF], 'z');
    CHECK_EQ(now.c_cc[VEOL2], 0);
    CHECK_EQ(now.c_cc[VLNEXT], 'V' - '@'); /* not one of the eight */
    old.lflag |= ECHO;
    old.cc[VEOF] = 'D' - '@';
    CHECK_OK(ioctl(terminal, TCSETAW, &old));
    CHECK_OK(tcgetattr(terminal, &now));
    CHECK_EQ(now.c_lflag & ECHO, ECHO);
    CHECK_ERR(ioctl(terminal, TCGETA, NULL), EFAULT);
    CHECK_ERR(ioctl(terminal, TCSETA, NULL), EFAULT);
}

static void check_discipline(int terminal)
{
    int number = 7;

    CHECK_OK(ioctl(terminal, TIOCGETD, &number));
    CHECK_EQ(number, 0);
    CHECK_OK(ioctl(terminal, TIOCSETD, &number));
    number = 0x7fff;
    CHECK_ERR(ioctl(terminal, TIOCSETD, &number), EINVAL);
    CHECK_ERR(ioctl(terminal, TIOCGETD, NULL), EFAULT);
    CHECK_OK(tcsendbreak(terminal, 0));
    CHECK_OK(ioctl(terminal, TCSBRK, 1));
    CHECK_ERR(ioctl(terminal, TIOCGSID, &number), ENOTTY); /* not the caller's */
}

/* What root may open all the same an ordinary user may not. */
static void check_exclusive(int terminal, int master)
{
    int on = 7;
    pid_t pid;

    CHECK_OK(ioctl(terminal, TIOCGEXCL, &on));
    CHECK_EQ(on, 0);
    CHECK_OK(ioctl(terminal, TIOCEXCL));
    CHECK_OK(ioctl(terminal, TIOCGEXCL, &on));
    CHECK_EQ(on, 1);
    CHECK_OK(ioctl(master, TIOCGEXCL, &on));
    CHECK_EQ(on, 0);
    CHECK_OK(close(pty_terminal(path, O_NOCTTY)));
    CHECK_OK(chmod(path, 0666));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(setuid(1000));
        CHECK_ERR(open(path, O_RDWR | O_NOCTTY), EBUSY);
        CHECK_OK(ioctl(terminal, TIOCNXCL));
        CHECK_OK(open(path, O_RDWR | O_NOCTTY));
        CHECK_ERR(ioctl(terminal, TIOCVHANGUP), EPERM);
        _exit(0);
    }
    pty_child_ok(pid);
    CHECK_OK(ioctl(terminal, TIOCGEXCL, &on));
    CHECK_EQ(on, 0);
}

static void check_peer(int master)
{
    char byte;
    int peer;

    CHECK_ERR(ioctl(-1, TIOCGPTPEER, O_RDWR), EBADF);
    peer = (int)CHECK_OK(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
    CHECK_EQ(fcntl(peer, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(peer, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR | O_NONBLOCK);
    CHECK(isatty(peer));
    CHECK_ERR(read(peer, &byte, 1), EAGAIN);
    CHECK_ERR(ioctl(peer, TIOCGPTPEER, O_RDWR), EIO);
    CHECK_EQ(write(peer, "peer", 4), 4);
    pty_expect(master, "peer");
    CHECK_OK(close(peer));
}

static short ready(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN | POLLPRI};

    CHECK_OK(poll(&entry, 1, 0));
    return entry.revents;
}

/* A packet of nothing but that. */
static void status_is(int master, int status)
{
    unsigned char bytes[8];

    CHECK_EQ(ready(master) & (POLLIN | POLLPRI), POLLIN | POLLPRI);
    CHECK_EQ(read(master, bytes, sizeof(bytes)), 1);
    CHECK_EQ(bytes[0], status);
    CHECK_EQ(ready(master), 0);
}

static void check_packets(int terminal, int master)
{
    unsigned char bytes[8];
    int on = 1;

    CHECK_ERR(ioctl(terminal, TIOCPKT, &on), ENOTTY);
    CHECK_OK(tcflush(terminal, TCIOFLUSH)); /* before it begins */
    CHECK_OK(ioctl(master, TIOCPKT, &on));
    CHECK_OK(ioctl(master, TIOCGPKT, &on));
    CHECK_EQ(on, 1);
    CHECK_EQ(ready(master), 0);
    CHECK_EQ(write(terminal, "abc", 3), 3);
    CHECK_EQ(ready(master), POLLIN);
    CHECK_EQ(read(master, bytes, 3), 3); /* two bytes and the one before */
    CHECK(bytes[0] == TIOCPKT_DATA && bytes[1] == 'a' && bytes[2] == 'b');
    CHECK_EQ(read(master, bytes, sizeof(bytes)), 2);
    CHECK(bytes[0] == TIOCPKT_DATA && bytes[1] == 'c');
    CHECK_EQ(write(terminal, "d", 1), 1);
    CHECK_EQ(read(master, bytes, 1), 1); /* not even one byte of data */
    CHECK_EQ(bytes[0], TIOCPKT_DATA);
    CHECK_EQ(read(master, bytes, 2), 2);
    CHECK(bytes[0] == TIOCPKT_DATA && bytes[1] == 'd');
    CHECK_OK(tcflush(terminal, TCIFLUSH));
    status_is(master, TIOCPKT_FLUSHREAD);
    CHECK_OK(tcflush(terminal, TCIOFLUSH));
    status_is(master, TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE);
    CHECK_OK(tcflow(terminal, TCOOFF));
    status_is(master, TIOCPKT_STOP);
    CHECK_OK(tcflow(terminal, TCOON));
    status_is(master, TIOCPKT_START);
    pty_input(terminal, IXON, 0);
    status_is(master, TIOCPKT_NOSTOP);
    pty_input(terminal, 0, IXON);
    status_is(master, TIOCPKT_DOSTOP);
    pty_input(terminal, 0, IXANY); /* tells nothing */
    CHECK_EQ(ready(master), 0);
    pty_input(terminal, IXANY, 0);
    /* The status comes before the output that was there first. */
    CHECK_EQ(write(terminal, "x", 1), 1);
    CHECK_OK(tcflush(terminal, TCIFLUSH));
    CHECK_EQ(read(master, bytes, sizeof(bytes)), 1);
    CHECK_EQ(bytes[0], TIOCPKT_FLUSHREAD);
    CHECK_EQ(read(master, bytes, sizeof(bytes)), 2);
    CHECK(bytes[0] == TIOCPKT_DATA && bytes[1] == 'x');
    on = 0;
    CHECK_OK(ioctl(master, TIOCPKT, &on));
    CHECK_EQ(write(terminal, "y", 1), 1);
    CHECK_EQ(read(master, bytes, sizeof(bytes)), 1);
    CHECK_EQ(bytes[0], 'y');
    CHECK_ERR(ioctl(master, TIOCPKT, NULL), EFAULT);
}

/* As the kernel has it. */
struct mask {
    unsigned iflag, oflag, cflag, lflag;
    unsigned char line, cc[19];
};

static void check_mask_of_a_user(int terminal, const struct mask *mask)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        struct mask now;

        CHECK_OK(setuid(1000));
        CHECK_ERR(ioctl(terminal, TIOCSLCKTRMIOS, mask), EPERM);
        CHECK_OK(ioctl(terminal, TIOCGLCKTRMIOS, &now));
        CHECK_EQ(memcmp(&now, mask, sizeof(now)), 0);
        CHECK_ERR(ioctl(terminal, TIOCGLCKTRMIOS, NULL), EFAULT);
        _exit(0);
    }
    pty_child_ok(pid);
}

/* What is set in the mask stays as it is, whichever end is asked. */
static void check_locked(int terminal, int master)
{
    struct mask none = {.lflag = 0}, mask = none, now;
    struct termios old, new;

    CHECK_OK(ioctl(terminal, TIOCGLCKTRMIOS, &now));
    CHECK_EQ(memcmp(&now, &none, sizeof(none)), 0);
    mask.lflag = ECHO;
    mask.cc[VEOF] = 2;
    if (ioctl(terminal, TIOCSLCKTRMIOS, &mask) != 0) {
        CHECK_EQ(errno, EPERM); /* in a container */
        return;
    }
    CHECK_ERR(ioctl(terminal, TIOCSLCKTRMIOS, NULL), EFAULT);
    check_mask_of_a_user(terminal, &mask);
    CHECK_OK(tcgetattr(terminal, &old));
    new = old;
    new.c_lflag ^= ECHO | ICANON;
    new.c_cc[VEOF]++;
    new.c_cc[VEOL]++;
    CHECK_OK(tcsetattr(master, TCSANOW, &new));
    CHECK_OK(tcgetattr(terminal, &new));
    CHECK_EQ(new.c_lflag, old.c_lflag ^ ICANON);
    CHECK_EQ(new.c_cc[VEOF], old.c_cc[VEOF]);
    CHECK_EQ(new.c_cc[VEOL], old.c_cc[VEOL] + 1);
    CHECK_OK(ioctl(master, TIOCSLCKTRMIOS, &none));
    old.c_lflag ^= ECHO;
    CHECK_OK(tcsetattr(terminal, TCSANOW, &old));
    CHECK_OK(tcgetattr(terminal, &new));
    CHECK_EQ(new.c_lflag, old.c_lflag);
    old.c_lflag ^= ECHO;
    CHECK_OK(tcsetattr(terminal, TCSANOW, &old));
}

static void check_hang_up(int terminal)
{
    struct termios now;
    int other;
    char byte;

    if (ioctl(terminal, TIOCVHANGUP) != 0) {
        CHECK_EQ(errno, EPERM); /* in a container */
        return;
    }
    CHECK_EQ(read(terminal, &byte, 1), 0);
    CHECK_ERR(tcgetattr(terminal, &now), EIO);
    other = pty_terminal(path, O_NOCTTY);
    CHECK_OK(tcgetattr(other, &now));
    CHECK_OK(close(other));
}

int main(void)
{
    int master = pty_master(path, sizeof(path)), terminal = pty_terminal(path, O_NOCTTY);

    check_termio(terminal);
    check_discipline(terminal);
    check_exclusive(terminal, master);
    check_peer(master);
    check_packets(terminal, master);
    check_locked(terminal, master);
    check_hang_up(terminal);
    CHECK_OK(close(terminal));
    CHECK_OK(close(master));
    return 0;
}
