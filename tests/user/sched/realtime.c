/* SPDX-License-Identifier: MIT */
/* SCHED_FIFO and SCHED_RR: what may be set, who runs before whom, and that the others get a rest.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/linux/sched.h"
#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define TURN_NS 100000000L

static volatile struct {
    uint32_t go, at, order[8];
    uint64_t counts[2];
} * shared;

static long policy_set(pid_t pid, int policy, int priority)
{
    struct sched_param param = {.sched_priority = priority};

    return raw3(SYS_sched_setscheduler, pid, policy, &param);
}

static long attr_set(const struct lx_sched_attr *attr)
{
    return raw3(SYS_sched_setattr, 0, attr, 0);
}

static struct lx_sched_attr attr_get(void)
{
    struct lx_sched_attr attr;

    memset(&attr, 0xaa, sizeof(attr));
    CHECK_EQ(raw4(SYS_sched_getattr, 0, &attr, sizeof(attr), 0), 0);
    CHECK_EQ(attr.size, sizeof(attr));
    return attr;
}

static void check_scheduler(void)
{
    struct sched_param back = {.sched_priority = 9};
    struct timespec turn = {9, 9};

    CHECK_EQ(policy_set(0, SCHED_FIFO, 0), -EINVAL);
    CHECK_EQ(policy_set(0, SCHED_RR, 100), -EINVAL);
    CHECK_EQ(policy_set(0, SCHED_FIFO, -1), -EINVAL);
    CHECK_EQ(policy_set(0, SCHED_DEADLINE, 0), -EINVAL);
    CHECK_EQ(policy_set(0, SCHED_RR | SCHED_RESET_ON_FORK, 99), 0);
    CHECK_EQ(raw1(SYS_sched_getscheduler, 0), SCHED_RR | SCHED_RESET_ON_FORK);
    CHECK_EQ(raw2(SYS_sched_getparam, 0, &back), 0);
    CHECK_EQ(back.sched_priority, 99);
    CHECK_EQ(raw2(SYS_sched_rr_get_interval, 0, &turn), 0);
    CHECK_EQ(turn.tv_sec, 0);
    CHECK_EQ(turn.tv_nsec, TURN_NS);
    back.sched_priority = 0;
    CHECK_EQ(raw2(SYS_sched_setparam, 0, &back), -EINVAL);
    back.sched_priority = 40;
    CHECK_EQ(raw2(SYS_sched_setparam, 0, &back), 0);
    CHECK_EQ(raw1(SYS_sched_getscheduler, 0), SCHED_RR | SCHED_RESET_ON_FORK);
    CHECK_EQ(policy_set(0, SCHED_FIFO, 1), 0);
    CHECK_EQ(raw2(SYS_sched_rr_get_interval, 0, &turn), 0);
    CHECK_EQ(turn.tv_sec, 0);
    CHECK_EQ(turn.tv_nsec, 0);
    CHECK_EQ(policy_set(0, SCHED_OTHER, 0), 0);
}

/* The fields of /proc/self/stat from the third on; false without /proc. */
static bool stat_fields(long *fields, int count)
{
    char line[1024], *at;
    int fd = open("/proc/self/stat", O_RDONLY);
    ssize_t length = fd < 0 ? 0 : read(fd, line, sizeof(line) - 1);

    if (fd >= 0)
        close(fd);
    if (length <= 0)
        return false;
    line[length] = 0;
    at = strrchr(line, ')') + 4;
    for (int i = 1; i < count; i++) {
        bool negative = *at == '-';
        long value = 0;

        for (at += negative; *at >= '0' && *at <= '9'; at++)
            value = value * 10 + (*at - '0');
        fields[i] = negative ? -value : value;
        at++;
    }
    return true;
}

static long sysctl_value(const char *path)
{
    char text[32] = "";
    int fd = open(path, O_RDONLY);
    long value = fd < 0 || read(fd, text, sizeof(text) - 1) < 1 ? -1 : 0;

    for (const char *at = text; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (*at - '0');
    CHECK_EQ(fd < 0 ? 0 : close(fd), 0);
    return value;
}

/* A machine may have been tuned, or show none: a turn is what it says, and some is left. */
static void check_sysctl(void)
{
    long turn_ms = sysctl_value("/proc/sys/kernel/sched_rr_timeslice_ms");
    long period = sysctl_value("/proc/sys/kernel/sched_rt_period_us");
    long runtime = sysctl_value("/proc/sys/kernel/sched_rt_runtime_us");
    struct timespec turn;

    if (turn_ms < 0)
        return;
    CHECK_EQ(policy_set(0, SCHED_RR, 1), 0);
    CHECK_EQ(raw2(SYS_sched_rr_get_interval, 0, &turn), 0);
    CHECK_EQ(turn.tv_nsec / 1000000, turn_ms);
    CHECK_EQ(policy_set(0, SCHED_OTHER, 0), 0);
    CHECK(period > 0 && runtime <= period);
}

static void check_shown(void)
{
    long fields[40];

    CHECK_EQ(policy_set(0, SCHED_FIFO, 7), 0);
    if (stat_fields(fields, 40)) {
        CHECK_EQ(fields[18 - 3], -8);
        CHECK_EQ(fields[40 - 3], 7);
        CHECK_EQ(fields[41 - 3], SCHED_FIFO);
    }
    CHECK_EQ(policy_set(0, SCHED_BATCH, 0), 0);
    if (stat_fields(fields, 40)) {
        CHECK_EQ(fields[18 - 3], 20);
        CHECK_EQ(fields[40 - 3], 0);
        CHECK_EQ(fields[41 - 3], SCHED_BATCH);
    }
    CHECK_EQ(policy_set(0, SCHED_OTHER, 0), 0);
}

static void check_attr_size(void)
{
    struct {
        struct lx_sched_attr attr;
        uint64_t more[2];
    } large = {.attr = {.size = sizeof(large), .policy = SCHED_RR, .priority = 5}};
    struct lx_sched_attr attr = {.size = sizeof(attr), .policy = SCHED_FIFO, .priority = 3};

    CHECK_EQ(attr_set(&attr), 0);
    attr = attr_get();
    CHECK_EQ(attr.policy, SCHED_FIFO);
    CHECK_EQ(attr.priority, 3);
    CHECK_EQ(attr.flags, 0);
    CHECK_EQ(attr_set(&large.attr), 0);
    large.more[1] = 1;
    CHECK_EQ(attr_set(&large.attr), -E2BIG);
    CHECK_EQ(large.attr.size, sizeof(attr));
    large.attr.size = 47;
    CHECK_EQ(attr_set(&large.attr), -E2BIG);
    CHECK_EQ(large.attr.size, sizeof(attr));
    large.attr.size = 4097;
    CHECK_EQ(attr_set(&large.attr), -E2BIG);
}

static void check_attr(void)
{
    struct lx_sched_attr attr = {.size = 0, .policy = SCHED_OTHER, .nice = 3};

    attr.flags = LX_SCHED_FLAG_RESET_ON_FORK;
    CHECK_EQ(attr_set(&attr), 0);
    attr = attr_get();
    CHECK_EQ(attr.policy, SCHED_OTHER);
    CHECK_EQ(attr.nice, 3);
    CHECK_EQ(attr.priority, 0);
    CHECK_EQ(attr.flags, LX_SCHED_FLAG_RESET_ON_FORK);
    /* What is to be kept need not be given. */
    attr = (struct lx_sched_attr){.size = 48, .policy = SCHED_IDLE, .nice = 0};
    attr.flags = LX_SCHED_FLAG_KEEP_PARAMS;
    CHECK_EQ(attr_set(&attr), 0);
    attr = attr_get();
    CHECK_EQ(attr.policy, SCHED_OTHER);
    CHECK_EQ(attr.nice, 3);
    CHECK_EQ(attr.flags, 0);
    CHECK_EQ(policy_set(0, SCHED_IDLE, 0), 0);
    attr = (struct lx_sched_attr){.size = 48, .policy = SCHED_FIFO, .nice = -50};
    attr.flags = LX_SCHED_FLAG_KEEP_POLICY;
    CHECK_EQ(attr_set(&attr), 0);
    attr = attr_get();
    CHECK_EQ(attr.policy, SCHED_IDLE);
    CHECK_EQ(attr.nice, 3);
    CHECK_EQ(policy_set(0, SCHED_BATCH, 0), 0);
    attr.nice = -50;
    attr.flags = LX_SCHED_FLAG_KEEP_POLICY;
    CHECK_EQ(attr_set(&attr), 0);
    CHECK_EQ(attr_get().policy, SCHED_BATCH);
    CHECK_EQ(attr_get().nice, -20);
    attr = (struct lx_sched_attr){.size = 48, .policy = SCHED_OTHER};
    CHECK_EQ(attr_set(&attr), 0);
}

static void check_attr_errors(void)
{
    struct lx_sched_attr attr = {.size = 48, .policy = SCHED_OTHER};

    attr.flags = 1ULL << 40;
    CHECK_EQ(attr_set(&attr), -EINVAL);
    attr.flags = LX_SCHED_FLAG_UTIL_CLAMP_MIN; /* fields that 48 bytes do not have */
    CHECK_EQ(attr_set(&attr), -EINVAL);
    attr = (struct lx_sched_attr){.size = 48, .policy = SCHED_OTHER, .priority = 1};
    CHECK_EQ(attr_set(&attr), -EINVAL);
    attr = (struct lx_sched_attr){.size = 48, .policy = 77};
    CHECK_EQ(attr_set(&attr), -EINVAL);
    attr =
        (struct lx_sched_attr){.size = 48, .policy = SCHED_DEADLINE, .runtime = 10, .deadline = 9};
    CHECK_EQ(attr_set(&attr), -EINVAL);
    CHECK_EQ(raw3(SYS_sched_setattr, 0, NULL, 0), -EINVAL);
    CHECK_EQ(raw3(SYS_sched_setattr, 0, &attr, 1), -EINVAL);
    CHECK_EQ(raw3(SYS_sched_setattr, -1, &attr, 0), -EINVAL);
    CHECK_EQ(raw3(SYS_sched_setattr, 0, 8, 0), -EFAULT);
    attr.policy = SCHED_OTHER;
    CHECK_EQ(raw3(SYS_sched_setattr, 999999, &attr, 0), -ESRCH);
    CHECK_EQ(raw4(SYS_sched_getattr, 0, &attr, 47, 0), -EINVAL);
    CHECK_EQ(raw4(SYS_sched_getattr, 0, &attr, 4097, 0), -EINVAL);
    CHECK_EQ(raw4(SYS_sched_getattr, 0, &attr, 48, 1), -EINVAL);
    CHECK_EQ(raw4(SYS_sched_getattr, 0, NULL, 48, 0), -EINVAL);
    CHECK_EQ(raw4(SYS_sched_getattr, 0, 8, 48, 0), -EFAULT);
    CHECK_EQ(raw4(SYS_sched_getattr, 999999, &attr, 48, 0), -ESRCH);
    CHECK_EQ(raw4(SYS_sched_getattr, 0, &attr, 48, 0), 0);
    CHECK_EQ(attr.size, 48);
}

static void as_user(uint64_t limit_cur)
{
    struct rlimit limit = {limit_cur, limit_cur};
    pid_t pid;

    if (setrlimit(RLIMIT_RTPRIO, &limit)) { /* not even root may raise it, in some containers */
        CHECK_EQ(errno, EPERM);
        return;
    }
    pid = CHECK_OK(fork());
    if (pid == 0) {
        CHECK_EQ(policy_set(0, SCHED_FIFO, 1), 0); /* still root */
        CHECK_OK(setresuid(1000, 1000, 1000));
        CHECK_EQ(policy_set(0, SCHED_FIFO, 1), 0);
        CHECK_EQ(policy_set(0, SCHED_FIFO, 2), limit_cur >= 2 ? 0 : -EPERM);
        CHECK_EQ(policy_set(0, SCHED_RR, 1), limit_cur ? 0 : -EPERM);
        CHECK_EQ(policy_set(0, SCHED_FIFO, 11), -EPERM);
        CHECK_EQ(policy_set(getppid(), SCHED_OTHER, 0), -EPERM);
        CHECK_EQ(policy_set(0, SCHED_OTHER, 0), 0);
        CHECK_EQ(policy_set(0, SCHED_RR, 1), limit_cur ? 0 : -EPERM);
        _exit(0);
    }
    CHECK_EQ(child_end(pid), 0);
}

/* A child of one that says so is an ordinary one; others inherit. */
static void check_fork(void)
{
    pid_t pid;

    CHECK_EQ(policy_set(0, SCHED_FIFO, 4), 0);
    pid = CHECK_OK(fork());
    if (pid == 0)
        _exit(raw1(SYS_sched_getscheduler, 0) != SCHED_FIFO);
    CHECK_EQ(child_end(pid), 0);
    CHECK_OK(setpriority(PRIO_PROCESS, 0, 5));
    CHECK_EQ(policy_set(0, SCHED_FIFO | SCHED_RESET_ON_FORK, 4), 0);
    pid = CHECK_OK(fork());
    if (pid == 0)
        _exit(raw1(SYS_sched_getscheduler, 0) != SCHED_OTHER || getpriority(PRIO_PROCESS, 0));
    CHECK_EQ(child_end(pid), 0);
    CHECK_EQ(policy_set(0, SCHED_OTHER, 0), 0);
    CHECK_OK(setpriority(PRIO_PROCESS, 0, 0));
}

/* --- one processor --- */

static void spin_ms(long ms)
{
    struct timespec begin, now;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &begin));
    do
        CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
    while ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 < ms);
}

static void note(uint32_t number)
{
    shared->order[__atomic_fetch_add(&shared->at, 1, __ATOMIC_SEQ_CST)] = number;
}

static void wait_for_go(uint32_t value)
{
    while (__atomic_load_n(&shared->go, __ATOMIC_SEQ_CST) == value)
        raw6(SYS_futex, &shared->go, 0, value, NULL, NULL, 0);
}

static void go(uint32_t value, int count)
{
    __atomic_store_n(&shared->go, value, __ATOMIC_SEQ_CST);
    raw6(SYS_futex, &shared->go, 1, count, NULL, NULL, 0);
}

static pid_t child_start(int policy, int priority, uint32_t number)
{
    pid_t pid = CHECK_OK(fork());

    if (pid)
        return pid;
    CHECK_EQ(policy_set(0, policy, priority), 0);
    wait_for_go(0);
    note(number);
    spin_ms(5);
    note(number);
    _exit(0);
}

/* Woken at once by one that has the processor: by priority, each to its end; the ordinary one last.
 * A waker of a higher priority is preempted before its call returns. */
static void check_order(void)
{
    pid_t pids[4];

    shared->go = shared->at = 0;
    CHECK_EQ(policy_set(0, SCHED_FIFO, 50), 0);
    pids[0] = child_start(SCHED_OTHER, 0, 1);
    pids[1] = child_start(SCHED_FIFO, 10, 2);
    pids[2] = child_start(SCHED_RR, 30, 3);
    pids[3] = child_start(SCHED_FIFO, 20, 4);
    for (int i = 0; i < 4; i++)
        asleep_await(pids[i]);
    go(1, 10);
    CHECK_EQ(shared->at, 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(child_end(pids[i]), 0);
    for (int i = 0; i < 8; i++)
        CHECK_EQ(shared->order[i], ((uint32_t[]){3, 4, 2, 1})[i / 2]);

    shared->go = shared->at = 0;
    pids[0] = child_start(SCHED_FIFO, 60, 7);
    asleep_await(pids[0]);
    go(1, 1);
    CHECK_EQ(shared->at, 2); /* it has run to its end meanwhile */
    CHECK_EQ(child_end(pids[0]), 0);
    CHECK_EQ(policy_set(0, SCHED_OTHER, 0), 0);
}

/* Yielding helps those of the same priority alone. A priority that changes counts at once. */
static void check_yield(void)
{
    pid_t same, lower;

    shared->go = shared->at = 0;
    CHECK_EQ(policy_set(0, SCHED_FIFO, 50), 0);
    same = child_start(SCHED_FIFO, 40, 1);
    lower = child_start(SCHED_FIFO, 30, 2);
    asleep_await(same);
    asleep_await(lower);
    CHECK_EQ(policy_set(0, SCHED_FIFO, 40), 0);
    go(1, 2);
    CHECK_EQ(shared->at, 0);
    CHECK_OK(sched_yield());
    CHECK_EQ(shared->at, 2);
    CHECK_OK(sched_yield());
    CHECK_EQ(shared->at, 2);
    CHECK_EQ(policy_set(lower, SCHED_FIFO, 41), 0);
    CHECK_EQ(shared->at, 4);
    CHECK_EQ(child_end(same), 0);
    CHECK_EQ(child_end(lower), 0);

    shared->go = shared->at = 0;
    same = child_start(SCHED_FIFO, 40, 1);
    asleep_await(same);
    CHECK_EQ(policy_set(0, SCHED_FIFO, 41), 0);
    go(1, 1);
    CHECK_EQ(shared->at, 0);
    CHECK_EQ(policy_set(0, SCHED_FIFO, 39), 0);
    CHECK_EQ(shared->at, 2);
    CHECK_EQ(child_end(same), 0);
    CHECK_EQ(policy_set(0, SCHED_OTHER, 0), 0);
}

static pid_t counter_start(int policy, int priority, int index)
{
    pid_t pid = CHECK_OK(fork());

    if (pid)
        return pid;
    CHECK_EQ(policy_set(0, policy, priority), 0);
    wait_for_go(0);
    for (;;)
        shared->counts[index]++;
}

/* Of one priority: SCHED_RR takes turns, SCHED_FIFO does not. */
static void check_turns(int policy)
{
    pid_t pids[2];

    shared->go = 0;
    shared->counts[0] = shared->counts[1] = 0;
    CHECK_EQ(policy_set(0, SCHED_FIFO, 50), 0);
    for (int i = 0; i < 2; i++)
        pids[i] = counter_start(policy, 10, i);
    for (int i = 0; i < 2; i++)
        asleep_await(pids[i]);
    go(1, 2);
    for (int tries = 0; tries < 6; tries++)
        usleep(50000);
    if (policy == SCHED_RR)
        for (int tries = 0; tries < 100 && !(shared->counts[0] && shared->counts[1]); tries++)
            usleep(50000);
    CHECK(shared->counts[0] || shared->counts[1]);
    CHECK_EQ(shared->counts[0] && shared->counts[1], policy == SCHED_RR);
    for (int i = 0; i < 2; i++)
        CHECK_OK(kill(pids[i], SIGKILL));
    for (int i = 0; i < 2; i++)
        CHECK_EQ(child_end(pids[i]), SIGKILL);
    CHECK_EQ(policy_set(0, SCHED_OTHER, 0), 0);
}

/* One that never sleeps leaves a rest to the others: this one goes on. */
static void check_limit(void)
{
    pid_t pid;
    uint64_t before;

    shared->go = 0;
    shared->counts[0] = 0;
    pid = counter_start(SCHED_FIFO, 99, 0);
    asleep_await(pid);
    go(1, 1);
    while (!shared->counts[0])
        sched_yield();
    before = shared->counts[0];
    spin_ms(1100);
    CHECK(shared->counts[0] > before);
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(child_end(pid), SIGKILL);
}

/* All processors, by several programs each that never sleep: what ends this has to get through. The
 * one that the harness waits for has a lower priority, so it does not run while the others do. */
static void take_all(void)
{
    CHECK_EQ(policy_set(0, SCHED_FIFO, 99), 0);
    for (int i = 0; i < 3 * (int)sysconf(_SC_NPROCESSORS_CONF); i++)
        if (CHECK_OK(fork()) == 0)
            for (;;)
                ;
    CHECK_EQ(policy_set(0, SCHED_FIFO, 98), 0);
    for (;;)
        ;
}

int main(int argc, char **argv)
{
    cpu_set_t set, all;

    (void)argv;
    if (argc > 1)
        take_all();
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    check_scheduler();
    check_sysctl();
    check_shown();
    check_attr_size();
    check_attr();
    check_attr_errors();
    check_fork();
    CHECK_OK(sched_getaffinity(0, sizeof(all), &all));
    CPU_ZERO(&set);
    for (int cpu = 0; cpu < CPU_SETSIZE && !CPU_COUNT(&set); cpu++)
        if (CPU_ISSET(cpu, &all))
            CPU_SET(cpu, &set);
    CHECK_OK(sched_setaffinity(0, sizeof(set), &set));
    sleep(1); /* what others took of the limit is over */
    check_order();
    check_yield();
    check_turns(SCHED_FIFO);
    check_turns(SCHED_RR);
    check_limit();
    as_user(10);
    as_user(0);
    sleep(1); /* the limit's period is over for who comes next */
    return 0;
}
