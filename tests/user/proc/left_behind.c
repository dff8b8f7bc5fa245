/* SPDX-License-Identifier: MIT */
/*
 * Leaves processes behind that would go on for a while: they have to end with the test. Each that
 * comes to the end of its time says so in a file, which "check", the test behind this one, must not
 * find. (Linux lets them go on; they have not come to their end yet when it is asked.)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define SAID  "/tmp/left-behind"
#define LIFE  10000000000ULL /* ns */
#define HASTE 500000000

static volatile unsigned *ready; /* shared: processes that do what they are here for */
static uint64_t end_ns;
static int ends[2]; /* of a pipe to which nobody writes */

static void im_ready(void)
{
    __atomic_fetch_add(ready, 1, __ATOMIC_SEQ_CST);
}

static void say_so(void)
{
    int fd = open(SAID, O_WRONLY | O_CREAT, 0600);

    _exit(fd < 0);
}

static void sleep_to_the_end(void)
{
    while (now_ns() < end_ns)
        sleep_ns(10000000);
    say_so();
}

/* In a session of its own, deaf to all that can be ignored, and its parent is gone. */
static void demon(void)
{
    CHECK_OK(setsid());
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_IGN);
    if (CHECK_OK(fork()))
        _exit(0);
    im_ready();
    sleep_to_the_end();
}

static void spinner(void)
{
    im_ready();
    while (now_ns() < end_ns)
        ;
    say_so();
}

/* Stopped; and the one that continues it in the end. */
static void stopped(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());
    int status;

    if (pid == 0) {
        CHECK_OK(setsid());
        CHECK_OK(raise(SIGSTOP));
        say_so();
    }
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK(WIFSTOPPED(status));
    im_ready();
    while (now_ns() < end_ns)
        sleep_ns(10000000);
    CHECK_OK(kill(pid, SIGCONT));
    say_so();
}

/* Waits for the child that has its memory. */
static void lender(void)
{
    if (vfork() == 0) {
        im_ready();
        sleep_to_the_end();
    }
    say_so();
}

/* Waits for a byte; the others have the end to write to. */
static void reader(void)
{
    char byte;

    CHECK_OK(close(ends[1]));
    im_ready();
    CHECK_EQ(read(ends[0], &byte, 1), 0);
    say_so();
}

/* Never the same process for long; in haste as long as the harness may be at it. */
static void runaway(void)
{
    im_ready();
    while (now_ns() < end_ns) {
        if (CHECK_OK(fork()))
            _exit(0);
        sleep_ns(now_ns() + LIFE < end_ns + HASTE ? 50000 : 20000000);
    }
    say_so();
}

static void check(void)
{
    CHECK_ERR(access(SAID, F_OK), ENOENT);
}

int main(int argc, char **argv)
{
    static void (*const kinds[])(void) = {demon, spinner, stopped, lender, reader, runaway};
    const unsigned n = sizeof(kinds) / sizeof(*kinds);

    if (argc > 1 && strcmp(argv[1], "check") == 0) {
        check();
        return 0;
    }
    check();
    ready = shared_new(4096);
    end_ns = now_ns() + LIFE;
    CHECK_OK(pipe(ends));
    for (unsigned i = 0; i < n; i++) {
        if (CHECK_OK(fork()) == 0) {
            kinds[i]();
            _exit(1);
        }
    }
    while (__atomic_load_n(ready, __ATOMIC_SEQ_CST) != n)
        sleep_ns(1000000);
    return 0;
}
