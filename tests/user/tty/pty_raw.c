/* SPDX-License-Identifier: MIT */
/* Terminals in raw mode: VMIN and VTIME, non-blocking files, poll, flushing, what is queued. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/time.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/pty.h"

static char path[64], bytes[16384];
static int master, terminal;

static void check_begin(void)
{
    struct termios t;

    master = pty_master(path, sizeof(path));
    terminal = pty_terminal(path, O_NOCTTY);
    CHECK_OK(tcgetattr(terminal, &t));
    cfmakeraw(&t);
    CHECK_OK(tcsetattr(terminal, TCSANOW, &t));
}

static void check_end(void)
{
    CHECK_OK(close(terminal));
    CHECK_OK(close(master));
}

static long now_ms(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int queued(int fd)
{
    int n = -1;

    CHECK_OK(ioctl(fd, FIONREAD, &n));
    return n;
}

/* Linux brings what is typed, and written, a little later. */
static void await_queued(int fd, int n)
{
    for (int i = 0; i < 1000 && queued(fd) != n; i++)
        pty_sleep_ms(10);
    CHECK_EQ(queued(fd), n);
}

static void check_bytes(void)
{
    check_begin();
    pty_type(master, "a\3\4\r\n\177\23");
    pty_read_is(terminal, "a\3\4\r\n\177\23");
    pty_expect_nothing(master);
    CHECK_EQ(write(terminal, "x\n", 2), 2);
    pty_expect(master, "x\n");
    check_end();
}

static void check_min(void *unused)
{
    (void)unused;
    CHECK_EQ(read(terminal, bytes, 100), 5); /* waits for five, though three are there */
    CHECK(memcmp(bytes, "abcde", 5) == 0);
    CHECK_EQ(write(terminal, "5", 1), 1);
    CHECK_EQ(read(terminal, bytes, 2), 2); /* as many as it asks for are enough */
}

static void check_min_blocks(void)
{
    pid_t child;

    check_begin();
    pty_min_time(terminal, 5, 0);
    pty_type(master, "abc");
    pty_nothing_to_read(terminal);
    child = pty_child(check_min, NULL);
    pty_sleep_ms(200);
    pty_type(master, "de");
    pty_expect(master, "5");
    pty_type(master, "fg");
    pty_child_ok(child);
    check_end();
}

static void check_time(void)
{
    long start, took;

    check_begin();
    pty_min_time(terminal, 0, 0);
    CHECK_EQ(read(terminal, bytes, 10), 0); /* a look */
    pty_min_time(terminal, 0, 3);
    start = now_ms();
    CHECK_EQ(read(terminal, bytes, 10), 0);
    took = now_ms() - start;
    CHECK(took >= 250 && took < 10000);
    pty_type(master, "k");
    await_queued(terminal, 1);
    CHECK_EQ(read(terminal, bytes, 10), 1);
    pty_min_time(terminal, 10, 2); /* between bytes, once the first is there */
    pty_type(master, "xyz");
    start = now_ms();
    CHECK_EQ(read(terminal, bytes, 10), 3);
    took = now_ms() - start;
    CHECK(took >= 150 && took < 10000);
    check_end();
}

static void check_nonblock(void)
{
    check_begin();
    CHECK_OK(fcntl(terminal, F_SETFL, O_NONBLOCK));
    CHECK_OK(fcntl(master, F_SETFL, O_NONBLOCK));
    CHECK_ERR(read(terminal, bytes, 10), EAGAIN);
    CHECK_ERR(read(master, bytes, 10), EAGAIN);
    pty_min_time(terminal, 0, 0);
    CHECK_EQ(read(terminal, bytes, 10), 0);
    pty_local(terminal, 0, ICANON);
    CHECK_ERR(read(terminal, bytes, 10), EAGAIN);
    check_end();
}

static short ready(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN | POLLOUT};

    CHECK_OK(poll(&entry, 1, 0));
    return entry.revents;
}

static void type_later(void *unused)
{
    (void)unused;
    pty_sleep_ms(200);
    pty_type(master, "k");
}

static void check_poll(void)
{
    struct pollfd entry;
    fd_set set;
    pid_t child;

    check_begin();
    CHECK_EQ(ready(terminal), POLLOUT);
    CHECK_EQ(ready(master), POLLOUT);
    pty_type(master, "x");
    await_queued(terminal, 1);
    CHECK_EQ(ready(terminal), POLLIN | POLLOUT);
    CHECK_EQ(read(terminal, bytes, 1), 1);
    CHECK_EQ(write(terminal, "y", 1), 1);
    await_queued(master, 1);
    CHECK_EQ(ready(master), POLLIN | POLLOUT);

    child = pty_child(type_later, NULL);
    entry = (struct pollfd){.fd = terminal, .events = POLLIN};
    CHECK_EQ(poll(&entry, 1, 5000), 1);
    pty_child_ok(child);
    CHECK_EQ(read(terminal, bytes, 1), 1);
    child = pty_child(type_later, NULL);
    FD_ZERO(&set);
    FD_SET(terminal, &set);
    CHECK_EQ(select(terminal + 1, &set, NULL, NULL, &(struct timeval){5, 0}), 1);
    CHECK(FD_ISSET(terminal, &set));
    pty_child_ok(child);
    check_end();
}

static void check_queue(void)
{
    int out = -1;

    check_begin();
    pty_type(master, "abc");
    await_queued(terminal, 3);
    CHECK_OK(tcflush(terminal, TCIFLUSH));
    CHECK_EQ(queued(terminal), 0);
    pty_nothing_to_read(terminal);
    CHECK_EQ(write(terminal, "1234", 4), 4);
    await_queued(master, 4);
    CHECK_OK(tcflush(terminal, TCOFLUSH)); /* too late: it has arrived */
    CHECK_EQ(queued(master), 4);
    CHECK_OK(ioctl(terminal, TIOCOUTQ, &out));
    CHECK_EQ(out, 0);
    pty_expect(master, "1234");
    pty_local(terminal, 0, ICANON);
    pty_type(master, "line");
    pty_sleep_ms(50);
    CHECK_EQ(queued(terminal), 0);
    pty_type(master, "\n");
    await_queued(terminal, 5);
    CHECK_ERR(tcflush(terminal, 7), EINVAL);
    CHECK_ERR(ioctl(terminal, 0x54ff, 0), ENOTTY);
    CHECK_ERR(ioctl(terminal, TCGETS, (void *)8), EFAULT);
    check_end();
}

static void check_discarding_change(void)
{
    struct termios t;

    check_begin();
    pty_type(master, "typed ahead");
    await_queued(terminal, 11);
    CHECK_OK(tcgetattr(terminal, &t));
    CHECK_OK(tcsetattr(terminal, TCSADRAIN, &t));
    CHECK_EQ(queued(terminal), 11);
    CHECK_OK(tcsetattr(terminal, TCSAFLUSH, &t));
    CHECK_EQ(queued(terminal), 0);
    CHECK_OK(tcdrain(terminal));
    CHECK_OK(tcsendbreak(terminal, 0));
    check_end();
}

#define MUCH 200000

static char pattern(long i)
{
    return (char)(i % 251);
}

static void write_much(void *fd)
{
    for (long done = 0; done < MUCH;) {
        long n = 1000 < MUCH - done ? 1000 : MUCH - done;

        for (long i = 0; i < n; i++)
            bytes[i] = pattern(done + i);
        n = CHECK_OK(write(*(int *)fd, bytes, (size_t)n));
        done += n;
    }
}

static void read_much(int fd)
{
    for (long done = 0; done < MUCH;) {
        long n = CHECK_OK(read(fd, bytes, sizeof(bytes)));

        CHECK(n > 0);
        for (long i = 0; i < n; i++)
            CHECK_EQ(bytes[i], pattern(done + i));
        done += n;
    }
}

/* What there is room for is written by one call. */
static void check_whole(void)
{
    check_begin();
    CHECK_EQ(write(master, bytes, 1000), 1000);
    await_queued(terminal, 1000);
    CHECK_EQ(read(terminal, bytes, 1000), 1000);
    CHECK_EQ(write(terminal, bytes, 1000), 1000);
    CHECK_EQ(read(master, bytes, 1000), 1000);
    check_end();
}

/* Far more than fits anywhere: the writer waits, and nothing is lost, in both directions. */
static void check_much(void)
{
    pid_t child;

    check_begin();
    child = pty_child(write_much, &terminal);
    read_much(master);
    pty_child_ok(child);
    child = pty_child(write_much, &master);
    read_much(terminal);
    pty_child_ok(child);
    check_end();
}

/* With PARMRK the byte that begins a mark is told from one that was typed. Between programs a byte
 * has eight bits, whatever is asked for. */
static void check_marks(void)
{
    struct termios t;

    check_begin();
    CHECK_OK(tcgetattr(terminal, &t));
    t.c_iflag |= PARMRK;
    t.c_cflag = B9600 | CS7 | PARENB;
    CHECK_OK(tcsetattr(terminal, TCSANOW, &t));
    CHECK_OK(tcgetattr(terminal, &t));
    CHECK_EQ(t.c_cflag, B9600 | CS8 | CREAD);
    pty_type(master, "\377a");
    pty_read_is(terminal, "\377\377a");
    check_end();
}

static void interrupted(int signo)
{
    (void)signo;
}

/* What is typed into a line that is full is lost. However much that is, a signal ends it: one of
 * many, for the first may come before the call, or before its first byte. */
static void check_much_is_interrupted(void)
{
    const size_t much = 256 << 20;
    const struct itimerval often = {{0, 50000}, {0, 50000}}, never = {{0, 0}, {0, 0}};
    struct sigaction action = {.sa_handler = interrupted};
    const char *keys = mmap(NULL, much, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ssize_t got;

    CHECK(keys != MAP_FAILED);
    CHECK_OK(sigaction(SIGALRM, &action, NULL));
    master = pty_master(path, sizeof(path));
    terminal = pty_terminal(path, O_NOCTTY);
    pty_local(terminal, ECHO, 0);
    CHECK_OK(setitimer(ITIMER_REAL, &often, NULL));
    do
        got = write(master, keys, much);
    while (got == -1 && errno == EINTR);
    CHECK_OK(setitimer(ITIMER_REAL, &never, NULL));
    CHECK(got > 0 && got < (ssize_t)much);
    CHECK_OK(munmap((void *)keys, much));
    check_end();
}

/* Microseconds that it takes at best to rub out a line of that character. Nobody reads the echo. */
static long rubbing_out(char character)
{
    long best = 1000000;

    memset(bytes, character, 4000);
    for (int i = 0; i < 4; i++) {
        struct timespec begin, end;
        long us;

        master = pty_master(path, sizeof(path));
        terminal = pty_terminal(path, O_NOCTTY);
        CHECK_EQ(write(master, bytes, 4000), 4000);
        pty_sleep_ms(50); /* where typing takes time, it is over */
        CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &begin));
        CHECK_EQ(write(master, "\025\n", 2), 2); /* VKILL */
        pty_read_is(terminal, "\n");
        CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &end));
        us = (end.tv_sec - begin.tv_sec) * 1000000 + (end.tv_nsec - begin.tv_nsec) / 1000;
        best = us < best ? us : best;
        check_end();
    }
    return best;
}

static void check_tabs_are_quick(void)
{
    long letters = rubbing_out('x');

    CHECK(rubbing_out('\t') < 10 * letters + 10000);
}

int main(void)
{
    check_bytes();
    check_min_blocks();
    check_time();
    check_nonblock();
    check_poll();
    check_queue();
    check_discarding_change();
    check_whole();
    check_much();
    check_marks();
    check_much_is_interrupted();
    check_tabs_are_quick();
    return 0;
}
