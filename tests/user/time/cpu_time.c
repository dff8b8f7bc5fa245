/* SPDX-License-Identifier: MIT */
/* Time on a processor: counted for ring 3 and the kernel, for children, by clocks, and by timers.
 * Bounds are wide where an emulated or a busy machine could miss them. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/param.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define MS       1000000L
#define STEP_MAX (20 * MS)   /* a step of work is far shorter, on slow machines, too */
#define LATE_MAX (8000 * MS) /* how late a timer may be */

/* As clock_getcpuclockid makes them: kinds are 0 all, 1 ring 3, 2 all by the scheduler. */
#define CPU_CLOCK(pid, kind) ((int)(~(unsigned)(pid) << 3) | (kind))
#define PER_THREAD           4

static long clock_ns(int id)
{
    struct timespec t = {.tv_nsec = -1};

    CHECK_EQ(raw2(SYS_clock_gettime, id, &t), 0);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

static long used_ns(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static long ns_of(struct timeval time)
{
    return time.tv_sec * 1000000000L + time.tv_usec * 1000;
}

static void usage(int who, long *user, long *system)
{
    struct rusage r;

    CHECK_OK(getrusage(who, &r));
    *user = ns_of(r.ru_utime);
    *system = ns_of(r.ru_stime);
}

static void sleep_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * MS};

    while (nanosleep(&t, &t))
        ;
}

/* What is found out while the host holds the machine up is found out again: as far as the machine
 * can tell, such a time was used, and wherever the processor happened to be. */
static bool again(bool held_up)
{
    static int asked;

    CHECK(asked++ < 100);
    return held_up;
}

/* To have been asleep, if no more than this has been used meanwhile. */
static bool was_awake(long begin)
{
    return again(used_ns() - begin > 20 * MS);
}

/* What is left to do after a step that began then. What the host added to it is no work. */
static long left(long ns, long *begin)
{
    long now = used_ns(), step = now - *begin;

    *begin = now;
    return ns - MIN(step, STEP_MAX);
}

/* Nearly all in ring 3. */
static void compute(long ns)
{
    volatile unsigned long work = 0;

    for (long begin = used_ns(); ns > 0; ns = left(ns, &begin))
        for (int i = 0; i < 50000; i++)
            work++;
}

/* Nearly all in the kernel. */
static void call(long ns)
{
    static char buffer[1 << 18];
    int fd = CHECK_OK(open("/dev/zero", O_RDONLY));

    for (long begin = used_ns(); ns > 0; ns = left(ns, &begin))
        CHECK_EQ(read(fd, buffer, sizeof(buffer)), sizeof(buffer));
    CHECK_OK(close(fd));
}

/* 300 ms of that work are mostly taken for what they are. A time in which the host holds the
 * machine up may be taken for the other: not again and again. */
static bool is_taken_for(bool kernel, void (*work)(long))
{
    for (int i = 0; i < 20; i++) {
        long user, system, user2, system2;

        usage(RUSAGE_SELF, &user, &system);
        work(300 * MS);
        usage(RUSAGE_THREAD, &user2, &system2);
        user2 -= user;
        system2 -= system;
        if ((kernel ? system2 : user2) > 150 * MS && (kernel ? user2 : system2) < 150 * MS)
            return true;
    }
    return false;
}

static void check_split(void)
{
    CHECK(is_taken_for(false, compute));
    CHECK(is_taken_for(true, call));
    CHECK_EQ(raw2(SYS_getrusage, RUSAGE_SELF, 8), -EFAULT);
}

static void check_clocks(void)
{
    long last, user, begin,
        ids[] = {CPU_CLOCK(0, 2), CPU_CLOCK(0, 0), CPU_CLOCK(getpid(), 2),
                 CPU_CLOCK(getpid(), 2 | PER_THREAD)};
    struct timespec t = {0, 0};

    do { /* asleep is not on a processor */
        begin = used_ns();
        sleep_ms(200);
    } while (again(used_ns() - begin > 100 * MS));
    last = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < 1000; i++) {
        long now = clock_ns(CLOCK_THREAD_CPUTIME_ID);

        CHECK(now >= last);
        last = now;
    }
    for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        long before = used_ns(), now = clock_ns((int)ids[i]), after = used_ns();

        CHECK(now > before - 500 * MS && now < after + 500 * MS); /* kind 0 may be sampled */
    }
    user = clock_ns(CPU_CLOCK(0, 1));
    CHECK(user <= used_ns() + 50 * MS);
    CHECK_EQ(raw2(SYS_clock_gettime, CPU_CLOCK(999999, 2), &t), -EINVAL);
    CHECK_EQ(raw2(SYS_clock_gettime, CPU_CLOCK(1, 2 | PER_THREAD), &t), -EINVAL);
    CHECK_EQ(raw2(SYS_clock_gettime, CPU_CLOCK(0, 3), &t), -EINVAL);
    CHECK_EQ(raw2(SYS_clock_getres, CPU_CLOCK(0, 2), &t), 0);
    CHECK_EQ(t.tv_nsec, 1);
    CHECK_EQ(raw2(SYS_clock_getres, CPU_CLOCK(0, 0), &t), 0);
    CHECK(t.tv_nsec > 1);
    CHECK_EQ(raw2(SYS_clock_settime, CPU_CLOCK(0, 2), &t), -EPERM);
    CHECK_EQ(raw2(SYS_clock_settime, CPU_CLOCK(999999, 2), &t), -EINVAL);
}

static volatile long child_user, child_system;
static volatile int calls, code;

static void note(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)context;
    calls++;
    code = info->si_code;
    child_user = info->si_utime;
    child_system = info->si_stime;
}

/* A timer is late where the host lets its interrupt wait; never is another matter. */
static void compute_until_called(int n)
{
    long end = used_ns() + LATE_MAX;

    while (calls < n && used_ns() < end)
        compute(10 * MS);
    CHECK_EQ(calls, n);
}

static void install(int sig)
{
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | SA_RESTART};

    CHECK_OK(sigaction(sig, &action, NULL));
    calls = 0;
}

static pid_t start(void (*work)(long), long ns, int grandchild)
{
    pid_t pid = CHECK_OK(fork());

    if (pid == 0) {
        work(ns);
        if (grandchild)
            CHECK_OK(waitpid(start(work, ns, 0), NULL, 0));
        _exit(0);
    }
    return pid;
}

/* A child's time counts once it has been waited for, with that of its own children. */
static void check_children(void)
{
    long user, system, user2, system2;
    struct rusage r;
    struct tms tms;
    int status;
    pid_t pid;

    usage(RUSAGE_CHILDREN, &user, &system);
    CHECK_EQ(user + system, 0);
    install(SIGCHLD);
    pid = start(compute, 200 * MS, 1);
    while (clock_ns(CPU_CLOCK(pid, 2)) < 50 * MS)
        ; /* it computes elsewhere, or in turns with this one */
    while (!calls)
        sleep_ms(10);
    CHECK(child_user >
          0); /* hundredths of a second, of which Linux on a busy machine misses many */
    usage(RUSAGE_CHILDREN, &user, &system);
    CHECK_EQ(user + system, 0);
    CHECK_EQ(wait4(pid, &status, 0, &r), pid);
    CHECK(ns_of(r.ru_utime) + ns_of(r.ru_stime) >= 400 * MS);
    /* The signal told its own alone; Linux samples that, and may take a half too much. */
    CHECK((child_user + child_system) * 10 * MS <=
          ns_of(r.ru_utime) + ns_of(r.ru_stime) - 200 * MS + 120 * MS);
    CHECK(ns_of(r.ru_utime) > 240 * MS);
    usage(RUSAGE_CHILDREN, &user, &system);
    CHECK_EQ(user, ns_of(r.ru_utime));
    CHECK_EQ(system, ns_of(r.ru_stime));
    CHECK(times(&tms) != (clock_t)-1);
    CHECK(tms.tms_cutime >= 24 && tms.tms_cutime + tms.tms_cstime >= 39);
    pid = start(call, 100 * MS, 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    usage(RUSAGE_CHILDREN, &user2, &system2);
    CHECK(system2 - system > 60 * MS);
    signal(SIGCHLD, SIG_IGN); /* such a child is nobody's */
    pid = start(compute, 100 * MS, 0);
    CHECK_ERR(waitpid(pid, &status, 0), ECHILD);
    signal(SIGCHLD, SIG_DFL);
    usage(RUSAGE_CHILDREN, &user, &system);
    CHECK(user == user2 && system == system2);
}

static void check_counts(void)
{
    const size_t npages = 300;
    struct rusage before, after;
    char *memory =
        mmap(NULL, npages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK_OK(getrusage(RUSAGE_SELF, &before));
    for (size_t i = npages; i-- > 0;)
        memory[i * 4096] = 1;
    CHECK_OK(munmap(memory, npages * 4096));
    /* On a busy host a short sleep may be over before it begins. */
    for (int i = 0; i < 50; i++) {
        sleep_ms(10);
        CHECK_OK(getrusage(RUSAGE_SELF, &after));
        if (after.ru_nvcsw > before.ru_nvcsw)
            break;
    }
    CHECK(after.ru_minflt > before.ru_minflt);
    CHECK_EQ(after.ru_majflt, before.ru_majflt);
    CHECK(after.ru_nvcsw > before.ru_nvcsw);
    CHECK(after.ru_nivcsw >= before.ru_nivcsw);
    CHECK(after.ru_maxrss >= 1200 && after.ru_maxrss < 64 * 1024);
}

static void check_itimers(void)
{
    struct itimerval set = {{0, 0}, {0, 60000}}, now;
    long begin, n, asleep, used, called;

    install(SIGVTALRM);
    do {
        begin = used_ns();
        CHECK_OK(setitimer(ITIMER_VIRTUAL, &set, NULL));
        calls = 0;
        sleep_ms(150);
        asleep = calls;
        CHECK_OK(getitimer(ITIMER_VIRTUAL, &now));
        used = used_ns() - begin;
        call(100 * MS); /* not in ring 3 either */
        called = calls;
    } while (again(used > 20 * MS || used_ns() - begin > 150 * MS));
    CHECK_EQ(asleep, 0);
    CHECK(now.it_value.tv_usec > 30000 && now.it_value.tv_usec <= 70000); /* a tick more */
    CHECK_EQ(called, 0);
    compute(100 * MS);
    compute_until_called(1);
    CHECK_EQ(code, SI_KERNEL);
    CHECK_OK(getitimer(ITIMER_VIRTUAL, &now));
    CHECK(now.it_value.tv_sec == 0 && now.it_value.tv_usec == 0);

    set.it_interval.tv_usec = 60000;
    install(SIGPROF);
    do {
        begin = used_ns();
        CHECK_OK(setitimer(ITIMER_PROF, &set, NULL));
        calls = 0;
        sleep_ms(150);
        asleep = calls;
    } while (was_awake(begin));
    CHECK_EQ(asleep, 0);
    while (calls < 3 && used_ns() - begin < LATE_MAX)
        call(10 * MS);
    CHECK(calls >= 3);
    n = calls;
    CHECK(used_ns() - begin >= n * 30 * MS); /* Linux counts whole ticks, of others too */
    set = (struct itimerval){{0, 0}, {0, 0}};
    CHECK_OK(setitimer(ITIMER_PROF, &set, &now));
    CHECK_EQ(now.it_interval.tv_usec, 60000);
}

static void check_timers(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    struct itimerspec set = {{0, 0}, {0, 60 * MS}}, now;
    int timer, clocks[] = {CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CPU_CLOCK(0, 2),
                           CPU_CLOCK(getpid(), 1)};
    long begin, goal;
    int n;

    install(SIGRTMIN);
    for (unsigned i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        CHECK_EQ(raw3(SYS_timer_create, clocks[i], &event, &timer), 0);
        do {
            begin = used_ns();
            CHECK_EQ(raw4(SYS_timer_settime, timer, 0, &set, NULL), 0);
            calls = 0;
            sleep_ms(100);
            n = calls;
            CHECK_EQ(raw2(SYS_timer_gettime, timer, &now), 0);
        } while (was_awake(begin));
        CHECK_EQ(n, 0);
        CHECK(now.it_value.tv_nsec > 0 && now.it_value.tv_nsec <= 60 * MS);
        compute(100 * MS);
        compute_until_called(1);
        CHECK_EQ(raw1(SYS_timer_delete, timer), 0);
    }
    calls = 0;
    CHECK_EQ(raw3(SYS_timer_create, CLOCK_PROCESS_CPUTIME_ID, &event, &timer), 0);
    goal = used_ns() + 50 * MS;
    set.it_value = (struct timespec){goal / 1000000000L, goal % 1000000000L};
    CHECK_EQ(raw4(SYS_timer_settime, timer, TIMER_ABSTIME, &set, NULL), 0);
    compute(20 * MS);
    n = calls;
    CHECK(n == 0 || used_ns() >= goal);
    compute_until_called(1);
    set.it_value = (struct timespec){0, 1}; /* long past: now */
    CHECK_EQ(raw4(SYS_timer_settime, timer, TIMER_ABSTIME, &set, NULL), 0);
    compute_until_called(2);
    CHECK_EQ(raw1(SYS_timer_delete, timer), 0);
    CHECK_EQ(raw3(SYS_timer_create, CPU_CLOCK(999999, 2), &event, &timer), -EINVAL);
}

/* Asleep for as long as a child computes. */
static void check_sleep(void)
{
    const struct itimerval often = {{0, 100000}, {0, 100000}}, never = {{0, 0}, {0, 0}};
    struct timespec t = {0, 50 * MS};
    pid_t pid = start(compute, 15000 * MS, 0);
    int clock = CPU_CLOCK(pid, 2);
    long before = clock_ns(clock), got;

    CHECK_EQ(raw4(SYS_clock_nanosleep, clock, 0, &t, NULL), 0);
    CHECK(clock_ns(clock) - before >= 50 * MS);
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    CHECK_EQ(raw4(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL), -EOPNOTSUPP);
    CHECK_EQ(raw4(SYS_clock_nanosleep, CPU_CLOCK(0, 2 | PER_THREAD), 0, &t, NULL), -EINVAL);
    CHECK_EQ(raw4(SYS_clock_nanosleep, CPU_CLOCK(999999, 2), 0, &t, NULL), -EINVAL);
    install(SIGALRM); /* nobody runs meanwhile: only a signal ends it */
    CHECK_OK(setitimer(ITIMER_REAL, &often, NULL)); /* one may come before the call */
    do {
        t = (struct timespec){0, 50 * MS};
        before = used_ns();
        got = raw4(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, 0, &t, &t);
    } while (was_awake(before));
    CHECK_OK(setitimer(ITIMER_REAL, &never, NULL));
    CHECK_EQ(got, -EINTR);
    CHECK(t.tv_nsec > 20 * MS && t.tv_nsec <= 50 * MS);
}

int main(void)
{
    check_children();
    check_split();
    check_clocks();
    check_counts();
    check_itimers();
    check_timers();
    check_sleep();
    return 0;
}
