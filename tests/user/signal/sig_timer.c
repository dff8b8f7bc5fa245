/* SPDX-License-Identifier: MIT */
/* Timers that send signals: alarm, setitimer, timer_create. */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/signal_mask.h"

#define MS 1000000L

static volatile int calls, code, value, overrun, id;

static void note(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)context;
    calls++;
    code = info->si_code;
    value = info->si_value.sival_int;
    overrun = info->si_overrun;
    id = info->si_timerid;
}

static void install(int sig)
{
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};

    CHECK_OK(sigaction(sig, &action, NULL));
    calls = 0;
}

static long now_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / MS;
}

/* Until so many signals have come, or for ten seconds. */
static void await(int wanted)
{
    long start = now_ms();

    while (calls < wanted && now_ms() - start < 10000) {
        struct timespec time = {0, 5 * MS};

        nanosleep(&time, NULL);
    }
    CHECK(calls >= wanted);
}

/* Until the signal, which is blocked, waits. */
static void await_pending(int sig)
{
    long start = now_ms();
    sigset_t set;

    do
        CHECK_OK(sigpending(&set));
    while (!sigismember(&set, sig) && now_ms() - start < 10000);
    CHECK_EQ(sigismember(&set, sig), 1);
}

static void pause_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * MS};

    while (nanosleep(&time, &time))
        ;
}

static void check_alarm(void)
{
    sigset_t none;
    unsigned left;

    sigemptyset(&none);
    install(SIGALRM);
    signal_mask_change(SIG_BLOCK, SIGALRM); /* not before something waits for it */
    CHECK_EQ(alarm(100), 0);
    left = alarm(1);
    CHECK(left > 50 && left <= 100);
    CHECK_ERR(sigsuspend(&none), EINTR);
    signal_mask_change(SIG_UNBLOCK, SIGALRM);
    CHECK_EQ(calls, 1);
    CHECK_EQ(code, SI_KERNEL);
    CHECK_EQ(alarm(0), 0);
}

static void check_itimer(void)
{
    struct itimerval set = {{0, 10000}, {0, 30000}}, off = {{0, 0}, {0, 0}}, now;
    long start = now_ms();

    install(SIGALRM);
    CHECK_OK(setitimer(ITIMER_REAL, &set, NULL));
    CHECK_OK(getitimer(ITIMER_REAL, &now));
    CHECK_EQ(now.it_interval.tv_usec, 10000);
    CHECK(now.it_value.tv_usec > 0 && now.it_value.tv_usec <= 30000);
    await(5);
    CHECK(now_ms() - start >= 70);
    CHECK_OK(setitimer(ITIMER_REAL, &off, &now));
    CHECK(now.it_interval.tv_usec == 10000);
    calls = 0;
    pause_ms(30);
    CHECK_EQ(calls, 0);
    CHECK_OK(getitimer(ITIMER_REAL, &now));
    CHECK(now.it_value.tv_sec == 0 && now.it_value.tv_usec == 0);
}

/* What is no time, no timer and no memory; the timer goes on as it was. */
static void check_itimer_refused(void)
{
    struct itimerval set = {{7, 0}, {100, 0}}, off = {{0, 0}, {0, 0}}, now;

    CHECK_OK(setitimer(ITIMER_REAL, &set, NULL));
    set.it_value.tv_usec = 1000000;
    CHECK_ERR(setitimer(ITIMER_REAL, &set, NULL), EINVAL);
    set.it_value.tv_usec = -1;
    CHECK_ERR(setitimer(ITIMER_REAL, &set, NULL), EINVAL);
    set.it_value.tv_usec = 0;
    set.it_interval.tv_sec = -1;
    CHECK_ERR(setitimer(ITIMER_REAL, &set, NULL), EINVAL);
    CHECK_ERR(setitimer(3, &off, NULL), EINVAL);
    CHECK_ERR(setitimer(-1, &off, NULL), EINVAL);
    CHECK_ERR(getitimer(3, &now), EINVAL);
    CHECK_ERR(getitimer(-1, &now), EINVAL);
    CHECK_EQ(raw3(SYS_setitimer, ITIMER_REAL, 8, 0), -EFAULT);
    CHECK_EQ(raw2(SYS_getitimer, ITIMER_REAL, 8), -EFAULT);
    CHECK_OK(getitimer(ITIMER_REAL, &now));
    CHECK_EQ(now.it_interval.tv_sec, 7);
    CHECK(now.it_value.tv_sec > 50 && now.it_value.tv_sec <= 100);
    /* The old value comes after the setting. */
    CHECK_EQ(raw3(SYS_setitimer, ITIMER_REAL, &off, 8), -EFAULT);
    CHECK_OK(getitimer(ITIMER_REAL, &now));
    CHECK(now.it_value.tv_sec == 0 && now.it_value.tv_usec == 0);
}

/* A program that only computes is stopped by its timer all the same. */
static void check_spin(void)
{
    struct itimerval set = {{0, 0}, {0, 20000}};

    install(SIGALRM);
    CHECK_OK(setitimer(ITIMER_REAL, &set, NULL));
    while (calls == 0)
        ;
    CHECK_EQ(calls, 1);
    install(SIGVTALRM);
    CHECK_OK(setitimer(ITIMER_VIRTUAL, &set, NULL));
    while (calls == 0)
        ;
    CHECK_EQ(calls, 1);
    install(SIGPROF);
    CHECK_OK(setitimer(ITIMER_PROF, &set, NULL));
    while (calls == 0)
        ;
    CHECK_EQ(calls, 1);
}

static void check_timer(void)
{
    struct sigevent event = {
        .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value = {.sival_int = 77}};
    struct itimerspec set = {{0, 5 * MS}, {0, 10 * MS}}, now;
    int timer;

    install(SIGRTMIN);
    CHECK_EQ(raw3(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer), 0);
    CHECK_EQ(raw2(SYS_timer_gettime, timer, &now), 0);
    CHECK(now.it_value.tv_sec == 0 && now.it_value.tv_nsec == 0);
    CHECK_EQ(raw4(SYS_timer_settime, timer, 0, &set, &now), 0);
    await(3);
    CHECK_EQ(code, SI_TIMER);
    CHECK_EQ(value, 77);
    CHECK_EQ(id, timer);
    signal_mask_change(SIG_BLOCK, SIGRTMIN);
    await_pending(SIGRTMIN);
    pause_ms(60);
    calls = 0;
    signal_mask_change(SIG_UNBLOCK, SIGRTMIN);
    CHECK(calls >= 1);
    CHECK_EQ(raw2(SYS_timer_gettime, timer, &now), 0);
    CHECK_EQ(now.it_interval.tv_nsec, 5 * MS);
    CHECK(now.it_value.tv_nsec > 0 && now.it_value.tv_nsec <= 5 * MS);
    CHECK_EQ(raw1(SYS_timer_delete, timer), 0);
    CHECK_EQ(raw1(SYS_timer_delete, timer), -EINVAL);
    calls = 0;
    pause_ms(20);
    CHECK_EQ(calls, 0);
}

/* What could not be told one by one is counted. */
static void check_overrun(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec set = {{0, MS}, {0, MS}}, off = {{0, 0}, {0, 0}};
    int timer;

    install(SIGUSR1);
    CHECK_EQ(raw3(SYS_timer_create, CLOCK_REALTIME, &event, &timer), 0);
    signal_mask_change(SIG_BLOCK, SIGUSR1);
    CHECK_EQ(raw4(SYS_timer_settime, timer, 0, &set, NULL), 0);
    await_pending(SIGUSR1);
    pause_ms(50);
    CHECK_EQ(raw4(SYS_timer_settime, 999, 0, &set, NULL), -EINVAL);
    signal_mask_change(SIG_UNBLOCK, SIGUSR1);
    CHECK(calls >= 1);
    CHECK_EQ(raw4(SYS_timer_settime, timer, 0, &off, NULL), 0);
    CHECK_EQ(raw1(SYS_timer_getoverrun, timer), 0);
    CHECK_EQ(raw1(SYS_timer_delete, timer), 0);
    CHECK_EQ(raw1(SYS_timer_getoverrun, timer), -EINVAL);
}

static void check_overrun_value(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec set = {{0, 2 * MS}, {0, 2 * MS}};
    struct timespec none = {0, 0}, sometime = {10, 0};
    siginfo_t info;
    sigset_t usr1;
    int timer;

    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    signal_mask_change(SIG_BLOCK, SIGUSR1);
    CHECK_EQ(raw3(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer), 0);
    CHECK_EQ(raw4(SYS_timer_settime, timer, 0, &set, NULL), 0);
    pause_ms(60);
    CHECK_EQ(sigtimedwait(&usr1, &info, &sometime), SIGUSR1);
    CHECK_EQ(info.si_code, SI_TIMER);
    CHECK(info.si_overrun >= 20);
    CHECK_EQ(raw1(SYS_timer_getoverrun, timer), info.si_overrun);
    CHECK_EQ(raw1(SYS_timer_delete, timer), 0);
    (void)sigtimedwait(&usr1, &info, &none);
    signal_mask_change(SIG_UNBLOCK, SIGUSR1);
}

static void check_others(void)
{
    struct sigevent none = {.sigev_notify = SIGEV_NONE};
    struct sigevent bad = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 65};
    struct itimerspec set = {{0, 0}, {100, 0}}, now;
    struct timespec time;
    int timer;

    CHECK_EQ(raw3(SYS_timer_create, CLOCK_MONOTONIC, &bad, &timer), -EINVAL);
    CHECK_EQ(raw3(SYS_timer_create, 4711, &none, &timer), -EINVAL);
    /* Clocks without timers, before the event is looked at; those that wake the machine behind. */
    for (int clock = CLOCK_MONOTONIC_RAW; clock <= CLOCK_MONOTONIC_COARSE; clock++)
        CHECK_EQ(raw3(SYS_timer_create, clock, &bad, &timer), -EOPNOTSUPP);
    CHECK_EQ(raw3(SYS_timer_create, 10, &none, &timer), -EINVAL);
    CHECK_EQ(raw3(SYS_timer_create, CLOCK_REALTIME_ALARM, &bad, &timer), -EINVAL);
    CHECK_EQ(raw3(SYS_timer_create, CLOCK_MONOTONIC, &none, (void *)8), -EFAULT);
    CHECK_EQ(raw3(SYS_timer_create, CLOCK_MONOTONIC, (void *)8, &timer), -EFAULT);
    CHECK_EQ(raw3(SYS_timer_create, CLOCK_MONOTONIC, &none, &timer), 0);
    CHECK_EQ(raw4(SYS_timer_settime, timer, 0, &set, NULL), 0);
    CHECK_EQ(raw4(SYS_timer_settime, timer, 0, NULL, NULL), -EINVAL);
    CHECK_EQ(raw4(SYS_timer_settime, timer, 0, 8, NULL), -EFAULT);
    CHECK_EQ(raw4(SYS_timer_settime, -1, 0, &set, NULL), -EINVAL);
    set.it_value.tv_nsec = 1000 * MS;
    CHECK_EQ(raw4(SYS_timer_settime, timer, 0, &set, NULL), -EINVAL);
    CHECK_EQ(raw2(SYS_timer_gettime, -1, &now), -EINVAL);
    CHECK_EQ(raw2(SYS_timer_gettime, timer, 8), -EFAULT);
    CHECK_EQ(raw2(SYS_timer_gettime, timer, &now), 0);
    CHECK(now.it_value.tv_sec > 50 && now.it_value.tv_sec <= 100);
    CHECK_EQ(raw1(SYS_timer_delete, timer), 0);
    /* Without an event: SIGALRM, and the number is the value. An absolute time in the past rings
     * at once. */
    install(SIGALRM);
    CHECK_EQ(raw3(SYS_timer_create, CLOCK_MONOTONIC, NULL, &timer), 0);
    clock_gettime(CLOCK_MONOTONIC, &time);
    set.it_value = time;
    CHECK_EQ(raw4(SYS_timer_settime, timer, TIMER_ABSTIME, &set, NULL), 0);
    await(1);
    CHECK_EQ(value, timer);
    CHECK_EQ(raw1(SYS_timer_delete, timer), 0);
}

/* Numbers go on from one to the next, also over those that were deleted or could not be made. */
static void check_numbers(void)
{
    struct sigevent none = {.sigev_notify = SIGEV_NONE}, bad = {.sigev_notify = 99};
    int first, timer, all[40];

    CHECK_EQ(raw3(SYS_timer_create, CLOCK_MONOTONIC, &none, &first), 0);
    CHECK_EQ(raw1(SYS_timer_delete, first), 0);
    CHECK_EQ(raw3(SYS_timer_create, CLOCK_MONOTONIC, &none, &timer), 0);
    CHECK_EQ(timer, first + 1);
    CHECK_EQ(raw1(SYS_timer_getoverrun, first), -EINVAL);
    CHECK_EQ(raw3(SYS_timer_create, CLOCK_MONOTONIC, &bad, &first), -EINVAL); /* takes one */
    CHECK_EQ(raw3(SYS_timer_create, CLOCK_MONOTONIC_RAW, &none, &first), -EOPNOTSUPP); /* none */
    CHECK_EQ(raw3(SYS_timer_create, -5, &none, &first), -EOPNOTSUPP);                  /* none */
    CHECK_EQ(raw3(SYS_timer_create, -1, &none, &first), -EINVAL);                      /* one */
    for (int i = 0; i < 40; i++) {
        CHECK_EQ(raw3(SYS_timer_create, CLOCK_REALTIME, &none, &all[i]), 0);
        CHECK_EQ(all[i], timer + 3 + i);
        /* The first timer stays while the numbers run away from it. */
        CHECK_EQ(raw1(SYS_timer_getoverrun, timer), 0);
    }
    for (int i = 0; i < 40; i++) {
        CHECK_EQ(raw1(SYS_timer_delete, all[i]), 0);
        CHECK_EQ(raw1(SYS_timer_delete, all[i]), -EINVAL);
    }
    CHECK_EQ(raw1(SYS_timer_delete, timer), 0);
}

/* SIGEV_THREAD is libc's affair: the kernel takes it, and sends the signal. */
static void check_thread_raw(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_signo = SIGRTMIN};
    struct itimerspec soon = {{0, 0}, {0, 1000000}};
    sigset_t set;
    int timer;

    CHECK_OK(sigemptyset(&set));
    CHECK_OK(sigaddset(&set, SIGRTMIN));
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    CHECK_EQ(raw3(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer), 0);
    CHECK_EQ(raw4(SYS_timer_settime, timer, 0, &soon, NULL), 0);
    CHECK_EQ(sigwaitinfo(&set, NULL), SIGRTMIN);
    CHECK_EQ(raw1(SYS_timer_delete, timer), 0);
    CHECK_OK(sigprocmask(SIG_UNBLOCK, &set, NULL));
}

/* A timer that is off has no interval either. */
static void check_off(void)
{
    struct itimerspec every = {{5, 0}, {0, 0}}, now;
    timer_t off;

    CHECK_OK(timer_create(CLOCK_MONOTONIC, NULL, &off));
    CHECK_OK(timer_settime(off, 0, &every, NULL));
    CHECK_OK(timer_gettime(off, &now));
    CHECK_EQ(now.it_interval.tv_sec, 0);
    CHECK_OK(timer_delete(off));
}

/* fork: the child has no timers. An alarm kills who does not handle it. */
static void check_fork(void)
{
    struct itimerval set = {{0, 0}, {0, 20000}}, now;
    int status, pid;

    install(SIGALRM);
    CHECK_OK(setitimer(ITIMER_REAL, &set, NULL));
    pid = (int)CHECK_OK(fork());
    if (!pid) {
        CHECK_OK(getitimer(ITIMER_REAL, &now));
        CHECK(now.it_value.tv_usec == 0);
        signal(SIGALRM, SIG_DFL);
        CHECK_OK(setitimer(ITIMER_REAL, &set, NULL));
        for (;;)
            pause();
    }
    while (waitpid(pid, &status, 0) != pid)
        CHECK_EQ(errno, EINTR);
    CHECK_EQ(status, SIGALRM);
    await(1);
    CHECK_EQ(calls, 1);
}

#define MANY 16384

/* More than any program has use for, where the limit of signals allows them. They go with the
 * process. */
static void check_many(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct rlimit limit, raised = {2 * MANY, 2 * MANY};
    int timer, status, pid;

    CHECK_OK(getrlimit(RLIMIT_SIGPENDING, &limit));
    if (limit.rlim_cur < raised.rlim_cur && setrlimit(RLIMIT_SIGPENDING, &raised) != 0)
        return; /* not one that may have more */
    pid = (int)CHECK_OK(fork());
    if (!pid) {
        for (int i = 0; i < MANY; i++)
            CHECK_EQ(raw3(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer), 0);
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

/* "short": only what takes little time. */
int main(int argc, char **argv)
{
    check_itimer_refused();
    check_others();
    check_numbers();
    check_thread_raw();
    check_off();
    check_spin();
    check_many();
    if (argc == 2 && strcmp(argv[1], "short") == 0)
        return 0;
    check_alarm();
    check_itimer();
    check_timer();
    check_overrun();
    check_overrun_value();
    check_fork();
    return 0;
}
