/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tests/user/lib/pty.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 10000
#define MOMENT_MS   100

int pty_master(char *path, size_t size)
{
    int unlock = 0, master = (int)CHECK_OK(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));

    CHECK_OK(ioctl(master, TIOCSPTLCK, &unlock));
    CHECK_OK(ptsname_r(master, path, size));
    return master;
}

int pty_terminal(const char *path, int flags)
{
    return (int)CHECK_OK(open(path, O_RDWR | O_CLOEXEC | flags));
}

void pty_type(int master, const char *keys)
{
    CHECK_EQ(write(master, keys, strlen(keys)), (long)strlen(keys));
}

static int readable(int fd, int ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    return poll(&wait, 1, ms) > 0 && (wait.revents & POLLIN);
}

static void show_both(const char *got, size_t nbytes, const char *want)
{
    say(2, "terminal shows:");
    for (size_t i = 0; i < nbytes; i++) {
        say(2, " ");
        say_hex(2, (unsigned char)got[i]);
    }
    say(2, "\nand not: ");
    say(2, want);
    say(2, "\n");
}

void pty_expect(int master, const char *text)
{
    size_t want = strlen(text), got = 0;
    char bytes[8192];

    CHECK(want < sizeof(bytes));
    while (got < want && readable(master, PATIENCE_MS)) {
        long n = read(master, bytes + got, sizeof(bytes) - got);

        if (n <= 0)
            break;
        got += (size_t)n;
    }
    if (got != want || memcmp(bytes, text, want) != 0) {
        show_both(bytes, got, text);
        CHECK(!"the text expected");
    }
}

void pty_expect_nothing(int master)
{
    CHECK(!readable(master, MOMENT_MS));
}

void pty_read_is(int terminal, const char *text)
{
    char bytes[8192];
    long n;

    CHECK(readable(terminal, PATIENCE_MS));
    n = CHECK_OK(read(terminal, bytes, sizeof(bytes)));
    if ((size_t)n != strlen(text) || memcmp(bytes, text, (size_t)n) != 0) {
        show_both(bytes, (size_t)n, text);
        CHECK(!"what was to be read");
    }
}

void pty_nothing_to_read(int terminal)
{
    CHECK(!readable(terminal, MOMENT_MS));
}

static struct termios get(int terminal)
{
    struct termios t;

    CHECK_OK(tcgetattr(terminal, &t));
    return t;
}

void pty_local(int terminal, unsigned off, unsigned on)
{
    struct termios t = get(terminal);

    t.c_lflag = (t.c_lflag & ~off) | on;
    CHECK_OK(tcsetattr(terminal, TCSANOW, &t));
}

void pty_input(int terminal, unsigned off, unsigned on)
{
    struct termios t = get(terminal);

    t.c_iflag = (t.c_iflag & ~off) | on;
    CHECK_OK(tcsetattr(terminal, TCSANOW, &t));
}

void pty_output(int terminal, unsigned off, unsigned on)
{
    struct termios t = get(terminal);

    t.c_oflag = (t.c_oflag & ~off) | on;
    CHECK_OK(tcsetattr(terminal, TCSANOW, &t));
}

void pty_min_time(int terminal, int min, int time)
{
    struct termios t = get(terminal);

    t.c_cc[VMIN] = (cc_t)min;
    t.c_cc[VTIME] = (cc_t)time;
    CHECK_OK(tcsetattr(terminal, TCSANOW, &t));
}

pid_t pty_child(void (*function)(void *argument), void *argument)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        alarm(20);
        function(argument);
        _exit(0);
    }
    return pid;
}

void pty_child_ok(pid_t pid)
{
    int status;

    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

void pty_sleep_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    CHECK_OK(nanosleep(&time, NULL));
}
