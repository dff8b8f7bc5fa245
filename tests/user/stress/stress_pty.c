/* SPDX-License-Identifier: MIT */
/*
 * Pairs of terminals that end while they are used: the master closed under readers, writers and
 * those who open, hang-ups while the foreground changes, sizes set from all sides, and many pairs
 * made and closed at once. Everybody is told or woken, and no pair stays.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/user/lib/pty.h"
#include "tests/user/lib/stress.h"

#define PATIENCE 20 /* seconds after which an alarm ends whoever was forgotten */
#define USERS    4
#define PAIRS    6
#define ROUNDS   12
#define LATE     200
#define SIZES    1000

static struct {
    unsigned here, end, changes;
    char path[64];
} * all;

static char path[64];
static int master;
static bool on_linux;

static unsigned get(unsigned *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static void add(unsigned *word)
{
    __atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST);
}

static void wait_for(unsigned *word, unsigned value)
{
    while (get(word) < value)
        raw0(SYS_sched_yield);
}

static void linger(uint64_t *random)
{
    for (unsigned n = random_next(random) % 20000; n; n--)
        __asm__ volatile("pause");
}

static void begin(void)
{
    memset(all, 0, sizeof(*all));
    master = pty_master(path, sizeof(path));
}

/* --- the master closed under its users --- */

/* On Linux the last error of the pair comes a moment before the end of the file. */
static void check_gone(int terminal)
{
    struct pollfd entry = {.fd = terminal, .events = POLLIN};
    struct winsize size;
    char byte;
    long got;

    while ((got = read(terminal, &byte, 1)) != 0) /* what was typed before comes first */
        CHECK(got > 0 || errno == EIO);
    CHECK_ERR(write(terminal, "x", 1), EIO);
    CHECK_ERR(ioctl(terminal, TIOCGWINSZ, &size), EIO);
    CHECK_EQ(poll(&entry, 1, 0), 1);
    CHECK(entry.revents & POLLHUP);
}

/* Nor is it anybody's terminal, soon. */
static void check_nobodys(void)
{
    while (open("/dev/tty", O_RDWR) == -1 && errno == EIO)
        raw0(SYS_sched_yield);
    CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO);
}

/* One reads lines, one floods, one polls, one opens and closes: none of them for ever. */
static void use(void *argument)
{
    unsigned how = (unsigned)(uintptr_t)argument;
    int terminal = pty_terminal(path, O_NOCTTY);
    struct pollfd entry = {.fd = terminal, .events = POLLIN};
    char bytes[300];
    long done = 1;

    alarm(PATIENCE);
    CHECK_OK(close(master));
    memset(bytes, 'u', sizeof(bytes));
    add(&all->here);
    while (done > 0 && how == 0)
        done = read(terminal, bytes, sizeof(bytes));
    while (done > 0 && how == 1)
        done = write(terminal, bytes, sizeof(bytes));
    while (how == 2 && !(entry.revents & POLLHUP)) {
        CHECK_OK(poll(&entry, 1, -1));
        if (entry.revents & POLLIN)
            (void)!read(terminal, bytes, 1);
    }
    while (how == 3) {
        int again = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);

        if (again < 0) {
            CHECK(errno == ENOENT || errno == EIO);
            break;
        }
        (void)!read(again, bytes, 1); /* of somebody's line; or woken by the end */
        CHECK_OK(close(again));
    }
    if (done < 0)
        CHECK_EQ(errno, EIO);
    check_gone(terminal);
}

static void check_closed_under(uint64_t *random)
{
    char output[4096];

    begin();
    for (uintptr_t i = 0; i < USERS; i++)
        child_start(use, (void *)i);
    wait_for(&all->here, USERS);
    for (unsigned n = random_next(random) % 6; n; n--) {
        pty_type(master, "a line\nb\n");
        CHECK(read(master, output, sizeof(output)) > 0); /* there is a flood */
    }
    linger(random);
    CHECK_OK(close(master));
    children_await(USERS);
    CHECK_ERR(open(path, O_RDWR | O_NOCTTY), ENOENT);
}

/* --- opened at the moment when the master goes --- */

static void open_and_read(void *unused)
{
    (void)unused;
    alarm(PATIENCE);
    CHECK_EQ(setsid(), getpid());
    CHECK(signal(SIGHUP, SIG_IGN) != SIG_ERR);
    for (unsigned i = 1; i <= LATE; i++) {
        int terminal;
        char byte;

        add(&all->here);
        wait_for(&all->end, i);
        terminal = open(all->path, O_RDWR);
        if (terminal < 0) {
            CHECK(errno == ENOENT || errno == EIO);
            continue;
        }
        while (read(terminal, &byte, 1) > 0)
            continue;
        check_gone(terminal);
        check_nobodys();
        CHECK_OK(close(terminal));
    }
}

static void check_opened_late(uint64_t *random)
{
    memset(all, 0, sizeof(*all));
    child_start(open_and_read, NULL);
    for (unsigned i = 1; i <= LATE; i++) {
        wait_for(&all->here, i); /* the next pair may have the same name */
        master = pty_master(all->path, sizeof(all->path));
        __atomic_store_n(&all->end, i, __ATOMIC_SEQ_CST);
        for (unsigned n = random_next(random) % (i & 1 ? 1000 : 20000); n; n--)
            __asm__ volatile("pause");
        CHECK_OK(close(master));
    }
    children_await(1);
}

/* --- what was written before the terminal's last close comes out, then the end ---
 *
 * On Linux the end may come once before it: n_tty_read looks for input first, for the end after
 * that, and what is written and closed in between is behind that end. */

static void write_and_close(void *unused)
{
    int terminal = pty_terminal(path, O_NOCTTY);

    (void)unused;
    alarm(PATIENCE);
    CHECK_OK(close(master));
    for (unsigned i = 0; i < 40; i++)
        CHECK_EQ(write(terminal, "0123456789abcdef\n", 17), 17);
}

static void check_last_words(void)
{
    char bytes[4096];
    unsigned ends = 0;
    size_t got = 0;
    long n;

    begin();
    child_start(write_and_close, NULL);
    do {
        while ((n = read(master, bytes + got, sizeof(bytes) - got)) > 0)
            got += (size_t)n;
        CHECK_ERR(n, EIO);
    } while (on_linux && got < 40 * 18 && ends++ == 0);
    CHECK_EQ(got, 40 * 18);
    for (unsigned i = 0; i < 40; i++)
        CHECK(memcmp(bytes + 18UL * i, "0123456789abcdef\r\n", 18) == 0);
    CHECK_OK(close(master));
    children_await(1);
}

/* --- a hang-up while the foreground changes --- */

static void take_foreground(int terminal)
{
    alarm(PATIENCE);
    CHECK_OK(setpgid(0, 0));
    CHECK(signal(SIGTTOU, SIG_IGN) != SIG_ERR);
    CHECK(signal(SIGHUP, SIG_IGN) != SIG_ERR);
    while (tcsetpgrp(terminal, getpid()) == 0)
        add(&all->changes);
    CHECK(errno == ENOTTY || errno == EIO);
}

static void lead_session(void *unused)
{
    int terminal;

    (void)unused;
    alarm(PATIENCE);
    CHECK_OK(close(master));
    CHECK_EQ(setsid(), getpid());
    CHECK(signal(SIGHUP, SIG_IGN) != SIG_ERR);
    terminal = pty_terminal(path, 0);
    for (unsigned i = 0; i < 3; i++)
        if (CHECK_OK(fork()) == 0) {
            take_foreground(terminal);
            _exit(0);
        }
    children_await(3);
    CHECK(tcgetpgrp(terminal) == -1);
    check_nobodys();
}

static void check_hang_up(uint64_t *random)
{
    int group;

    begin();
    child_start(lead_session, NULL);
    wait_for(&all->changes, 5);
    for (unsigned n = random_next(random) % 8; n; n--)
        CHECK_OK(ioctl(master, TIOCGPGRP, &group));
    linger(random);
    CHECK_OK(close(master));
    children_await(1);
}

/* --- sizes --- */

static volatile sig_atomic_t resized;

static void on_resize(int sig)
{
    (void)sig;
    resized++;
}

/* Rows, columns and pixels that belong together are never seen apart. */
static void check_size(int terminal)
{
    struct winsize size;

    CHECK_OK(ioctl(terminal, TIOCGWINSZ, &size));
    CHECK_EQ(size.ws_col, size.ws_row);
    CHECK_EQ(size.ws_xpixel, size.ws_row);
    CHECK_EQ(size.ws_ypixel, size.ws_row);
}

static void set_size(int terminal, unsigned short n)
{
    struct winsize size = {n, n, n, n};

    CHECK_OK(ioctl(terminal, TIOCSWINSZ, &size));
}

static void resize(void *argument)
{
    unsigned id = (unsigned)(uintptr_t)argument;
    int terminal = pty_terminal(path, O_NOCTTY);

    alarm(PATIENCE);
    add(&all->here);
    wait_for(&all->here, 1 + USERS);
    for (unsigned short i = 0; i < SIZES; i++) {
        set_size(id & 1 ? terminal : master, (unsigned short)(id * 1000 + i));
        check_size(id & 1 ? master : terminal);
    }
}

static void watch_size(void *unused)
{
    int terminal;
    sigset_t set, old;

    (void)unused;
    alarm(PATIENCE);
    CHECK_EQ(setsid(), getpid());
    CHECK(signal(SIGWINCH, on_resize) != SIG_ERR);
    terminal = pty_terminal(path, 0);
    add(&all->here);
    while (!get(&all->end))
        check_size(terminal);
    /* After the storm: each change is told, as soon as the one before has been seen. */
    CHECK_OK(sigemptyset(&set));
    CHECK_OK(sigaddset(&set, SIGWINCH));
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, &old));
    resized = 0;
    add(&all->here);
    while (!resized)
        sigsuspend(&old);
    check_size(terminal);
    CHECK_OK(close(master));
}

static void check_sizes(void)
{
    pid_t watcher;

    begin();
    set_size(master, 7);
    watcher = child_start(watch_size, NULL);
    wait_for(&all->here, 1);
    for (uintptr_t i = 0; i < USERS; i++)
        child_start(resize, (void *)(i + 1));
    for (unsigned i = 0; i < USERS; i++) {
        int status = -1;
        pid_t pid = (pid_t)CHECK_OK(wait(&status));

        CHECK(pid != watcher);
        CHECK_EQ(status, 0);
    }
    all->end = 1;
    wait_for(&all->here, 2 + USERS);
    set_size(master, 9999);
    child_await(watcher, 0);
    CHECK_OK(close(master));
}

/* --- many pairs --- */

static void make_pairs(void *argument)
{
    uint64_t random = (uintptr_t)argument + 1;

    alarm(PATIENCE);
    for (unsigned i = 0; i < ROUNDS; i++) {
        int masters[PAIRS], terminals[PAIRS];
        char text[PAIRS][12], want[PAIRS][14];

        for (unsigned k = 0; k < PAIRS; k++) {
            masters[k] = pty_master(path, sizeof(path));
            terminals[k] = pty_terminal(path, O_NOCTTY);
            memset(text[k], 'a' + (int)random_next(&random) % 26, 10);
            text[k][1] = (char)('0' + (uintptr_t)argument);
            memcpy(text[k] + 10, "\n", 2);
            CHECK_EQ(write(terminals[k], text[k], 11), 11);
        }
        for (unsigned k = 0; k < PAIRS; k++) { /* to whom it belongs */
            memcpy(want[k], text[k], 10);
            memcpy(want[k] + 10, "\r\n", 3);
            pty_expect(masters[k], want[k]);
        }
        for (unsigned k = 0; k < PAIRS; k++) {
            bool first = random_next(&random) & 1;

            CHECK_OK(close(first ? masters[k] : terminals[k]));
            CHECK_OK(close(first ? terminals[k] : masters[k]));
        }
    }
}

/* Of as many pairs as there were at most; each number is the lowest that is free. */
static int highest_number(void)
{
    int masters[PAIRS * (USERS + 2)], number = -1;

    for (unsigned i = 0; i < PAIRS * (USERS + 2); i++) {
        masters[i] = pty_master(path, sizeof(path));
        CHECK_OK(ioctl(masters[i], TIOCGPTN, &number));
    }
    for (unsigned i = 0; i < PAIRS * (USERS + 2); i++)
        CHECK_OK(close(masters[i]));
    return number;
}

static void check_many(void)
{
    for (uintptr_t i = 0; i < USERS + 2; i++)
        child_start(make_pairs, (void *)i);
    children_await(USERS + 2);
}

int main(int argc, char **argv)
{
    struct utsname name;
    uint64_t random;
    int number;

    stress_begin(argc, argv);
    CHECK_OK(uname(&name));
    on_linux = !strstr(name.release, "firstlight");
    random = (uint64_t)getpid();
    all = shared_new(sizeof(*all));
    number = highest_number();
    do {
        for (unsigned i = 0; i < 5; i++) {
            check_closed_under(&random);
            check_hang_up(&random);
            check_last_words();
        }
        check_opened_late(&random);
        check_sizes();
        check_many();
        CHECK_EQ(highest_number(), number); /* none was lost */
    } while (stress_goes_on());
    return 0;
}
