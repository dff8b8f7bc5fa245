/* SPDX-License-Identifier: MIT */
/*
 * clocks WHAT - time goes forward at one pace, and sleeping takes as long as asked
 *
 * Upper bounds are wide: an emulated machine may lose a second, but not a minute.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/linux/futex.h"
#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"

#define MS 1000000L

static long clock_ns(int id)
{
    struct timespec t = {.tv_nsec = -1};

    CHECK_EQ(raw2(SYS_clock_gettime, id, &t), 0);
    CHECK(t.tv_nsec >= 0 && t.tv_nsec < 1000000000);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void check_reading(void)
{
    struct timespec t;
    struct timeval tv;
    long last = clock_ns(CLOCK_MONOTONIC), distinct = 0;

    for (int i = 0; i < 10000; i++) {
        long now = clock_ns(CLOCK_MONOTONIC);
        CHECK(now >= last);
        distinct += now > last;
        last = now;
    }
    CHECK(distinct > 10);
    CHECK_EQ(raw2(SYS_clock_getres, CLOCK_MONOTONIC, &t), 0);
    CHECK(t.tv_sec == 0 && t.tv_nsec > 0 && t.tv_nsec <= 10 * MS);
    CHECK_EQ(raw2(SYS_clock_getres, CLOCK_MONOTONIC, NULL), 0);
    CHECK_EQ(raw2(SYS_clock_gettime, 99, &t), -EINVAL);
    CHECK_EQ(raw2(SYS_clock_getres, 99, &t), -EINVAL);

    /* The three ways to ask for the time of day agree, however long it is between them. */
    long before = clock_ns(CLOCK_REALTIME);
    CHECK_EQ(raw2(SYS_gettimeofday, &tv, NULL), 0);
    long seconds = raw1(SYS_time, 0);
    long after = clock_ns(CLOCK_REALTIME);
    CHECK(tv.tv_usec >= 0 && tv.tv_usec < 1000000);
    long day = tv.tv_sec * 1000000000L + tv.tv_usec * 1000;
    CHECK(day > before - 1000 * MS && day < after + 1000 * MS);
    CHECK(seconds >= before / 1000000000L - 1 && seconds <= after / 1000000000L + 2);
    CHECK(seconds > 1704067200); /* 2024: no machine's clock is set to before this program */
}

static void sleep_once(long ns)
{
    struct timespec t = {.tv_sec = ns / 1000000000L, .tv_nsec = ns % 1000000000L};
    long begin = clock_ns(CLOCK_MONOTONIC);

    CHECK_EQ(raw2(SYS_nanosleep, &t, NULL), 0);
    long took = clock_ns(CLOCK_MONOTONIC) - begin;
    CHECK(took >= ns);
    CHECK(took < ns + 5000 * MS);
}

static void check_sleeping(void)
{
    struct timespec t;

    sleep_once(0);
    sleep_once(1);
    sleep_once(1 * MS);
    sleep_once(20 * MS);
    sleep_once(150 * MS);
    t = (struct timespec){.tv_sec = 0, .tv_nsec = 1000000000};
    CHECK_EQ(raw2(SYS_nanosleep, &t, NULL), -EINVAL);
    t = (struct timespec){.tv_sec = -1, .tv_nsec = 0};
    CHECK_EQ(raw2(SYS_nanosleep, &t, NULL), -EINVAL);
    /* Until a point in time; one that has passed is no wait. */
    long until = clock_ns(CLOCK_MONOTONIC) + 30 * MS;
    t = (struct timespec){.tv_sec = until / 1000000000L, .tv_nsec = until % 1000000000L};
    CHECK_EQ(raw4(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL), 0);
    CHECK(clock_ns(CLOCK_MONOTONIC) >= until);
    CHECK_EQ(raw4(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL), 0);
    /* Clocks that wake the machine, which only some machines can do. */
    t = (struct timespec){.tv_sec = 0, .tv_nsec = 1};
    for (int clock = CLOCK_REALTIME_ALARM; clock <= CLOCK_BOOTTIME_ALARM; clock++) {
        long result = raw4(SYS_clock_nanosleep, clock, 0, &t, NULL);

        CHECK(result == 0 || result == -EOPNOTSUPP || result == -EPERM);
    }
}

static void on_alarm(int number)
{
    (void)number;
}

/* What is left of a sleep that a handler ended, by each clock that counts all the time. */
static void check_rest(void)
{
    static const int clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME};
    const struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};

    CHECK_OK(sigaction(SIGALRM, &action, NULL));
    for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        /* Again and again: the first may come before the sleep has begun. */
        const struct itimerval soon = {{0, 30000}, {0, 30000}}, off = {{0, 0}, {0, 0}};
        struct timespec t = {.tv_sec = 1000}, rest = {.tv_sec = 5000};
        long begin = clock_ns(CLOCK_MONOTONIC), took, left;

        CHECK_OK(setitimer(ITIMER_REAL, &soon, NULL));
        CHECK_EQ(raw4(SYS_clock_nanosleep, clocks[i], 0, &t, &rest), -EINTR);
        took = clock_ns(CLOCK_MONOTONIC) - begin;
        CHECK_OK(setitimer(ITIMER_REAL, &off, NULL));
        left = rest.tv_sec * 1000000000L + rest.tv_nsec;
        CHECK(left < 1000 * 1000000000L);              /* the sleep took some of it, */
        CHECK(left >= 1000 * 1000000000L - took - MS); /* and no more than this has */
    }
}

/* Ring 3 gets on while timer interrupts come in: the counter moves in every stretch of time, but
 * for one that passes as a whole while the host holds the machine up. */
static void check_progress(void)
{
    int moved = 0;

    for (int i = 0; i < 20 && moved < 10; i++) {
        volatile unsigned long counter = 0;
        long end = clock_ns(CLOCK_MONOTONIC) + 20 * MS;
        while (clock_ns(CLOCK_MONOTONIC) < end) {
            for (int k = 0; k < 1000; k++)
                counter++;
        }
        moved += counter >= 1000;
    }
    CHECK_EQ(moved, 10);
}

/* Ways to wait for a time of day. */
static void wait_by_sleep(const struct timespec *until)
{
    CHECK_EQ(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, until, NULL), 0);
}

static void wait_by_futex(const struct timespec *until)
{
    uint32_t word = 0;

    CHECK_EQ(
        raw6(SYS_futex, &word, LX_FUTEX_WAIT_BITSET | LX_FUTEX_CLOCK_REALTIME, 0, until, NULL, ~0u),
        -ETIMEDOUT);
}

static void wait_by_timer(const struct timespec *until)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec set = {{0, 0}, *until}, left;
    timer_t timer;
    sigset_t usr1;

    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    CHECK_OK(sigprocmask(SIG_BLOCK, &usr1, NULL));
    CHECK_OK(timer_create(CLOCK_REALTIME, &event, &timer));
    CHECK_OK(timer_settime(timer, TIMER_ABSTIME, &set, NULL));
    CHECK_OK(timer_gettime(timer, &left));
    CHECK(left.it_value.tv_sec > 900 && left.it_value.tv_sec <= 1000);
    CHECK_EQ(sigwaitinfo(&usr1, NULL), SIGUSR1);
}

/* A relative time is not a time of day: it does not follow. */
static void wait_relative(const struct timespec *until)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec set = {{0, 0}, {2000, 0}}, left;
    timer_t timer;

    CHECK_OK(timer_create(CLOCK_REALTIME, &event, &timer));
    CHECK_OK(timer_settime(timer, 0, &set, NULL));
    wait_by_sleep(until);
    CHECK_OK(timer_gettime(timer, &left));
    CHECK(left.it_value.tv_sec > 1900);
}

/* What waits until a time of day ends when the clock says so, even because it was set. */
static void check_setting(void (*wait)(const struct timespec *until))
{
    struct timespec now, until;
    pid_t pid;

    CHECK_OK(clock_gettime(CLOCK_REALTIME, &now));
    until = now;
    until.tv_sec += 1000;
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        alarm(20);
        wait(&until);
        _exit(0);
    }
    asleep_await(pid);
    until.tv_sec -= 100;
    CHECK_OK(clock_settime(CLOCK_REALTIME, &until)); /* not yet */
    CHECK_OK(usleep(50000));
    CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
    until.tv_sec += 101;
    CHECK_OK(clock_settime(CLOCK_REALTIME, &until));
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK_OK(clock_settime(CLOCK_REALTIME, &now));
}

static void check_settings(void)
{
    check_setting(wait_by_sleep);
    check_setting(wait_by_futex);
    check_setting(wait_by_timer);
    check_setting(wait_relative);
}

/* Times that would leave no room for the machine's uptime before or after them. */
static void check_refused(void)
{
    static const struct timespec bad[] = {
        {0, 0}, {0, 1}, {8277292037, 0}, {INT64_MAX, 0}, {-1, 0}, {0, -1}, {0, 1000000000},
    };
    const struct timeval zero = {0, 0};
    struct timespec before, after;

    CHECK_OK(clock_gettime(CLOCK_REALTIME, &before));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK_EQ(raw2(SYS_clock_settime, CLOCK_REALTIME, &bad[i]), -EINVAL);
    CHECK_EQ(raw2(SYS_settimeofday, &zero, NULL), -EINVAL);
    CHECK_OK(clock_gettime(CLOCK_REALTIME, &after));
    CHECK(after.tv_sec >= before.tv_sec && after.tv_sec < before.tv_sec + 1000);
}

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 2);
    if (strcmp(argv[1], "reading") == 0)
        check_reading();
    else if (strcmp(argv[1], "sleeping") == 0)
        check_sleeping();
    else if (strcmp(argv[1], "rest") == 0)
        check_rest();
    else if (strcmp(argv[1], "progress") == 0)
        check_progress();
    else if (strcmp(argv[1], "setting") == 0)
        check_settings();
    else if (strcmp(argv[1], "refused") == 0)
        check_refused();
    else
        return 2;
    return 0;
}
