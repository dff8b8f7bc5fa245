/* SPDX-License-Identifier: MIT */
/*
 * TIOCSLCKTRMIOS: settings of a pseudo-terminal that are locked stay so as long as its master is
 * open, whether the terminal is or not; the next pair has none.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

struct mask { /* the kernel's struct termios */
    unsigned iflag, oflag, cflag, lflag;
    unsigned char line, cc[19];
};

static bool lock_echo(int fd)
{
    struct mask mask = {.lflag = ECHO};

    if (ioctl(fd, TIOCSLCKTRMIOS, &mask) == 0)
        return true;
    CHECK_EQ(errno, EPERM); /* in a container */
    return false;
}

static bool echo_is_locked(int fd)
{
    struct mask mask;

    memset(&mask, 0xff, sizeof(mask));
    CHECK_OK(ioctl(fd, TIOCGLCKTRMIOS, &mask));
    return mask.lflag & ECHO;
}

static int pair_open(int *slave)
{
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY), none = 0;

    CHECK(master >= 0);
    CHECK_OK(ioctl(master, TIOCSPTLCK, &none));
    *slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    CHECK(*slave >= 0);
    return master;
}

int main(void)
{
    int slave, master = pair_open(&slave);

    if (!lock_echo(slave))
        return 0;
    close(slave);
    slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    CHECK(slave >= 0);
    CHECK(echo_is_locked(slave));
    close(slave);
    close(master);
    master = pair_open(&slave);
    CHECK(!echo_is_locked(slave));
    close(slave);
    close(master);
    return 0;
}
