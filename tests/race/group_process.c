/* SPDX-License-Identifier: MIT */
/*
 * A process: it is made, signalled, stopped, grouped, limited, looked at, executes and ends, all at
 * once. The numbers in `victims` may be out of date, which is part of the game; on Linux that is
 * why the program runs in a name space of its own.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/race/race.h"

static const char *begin(void)
{
    signal(SIGUSR1, SIG_IGN);
    return NULL;
}

static void end(void)
{
    if (waitpid(-1, NULL, WNOHANG | __WALL) != -1 || errno != ECHILD)
        race_wrong("there are children left, errno", errno);
}

/* One of the children that live now, or a child of this worker where there is none. */
static long victim(struct race_worker *worker)
{
    long pid = race_shared->victims[race_random(worker, RACE_WORKERS)];

    return pid > 0 ? pid : race_shared->pids[worker->index];
}

static void do_live(struct race_worker *worker)
{
    long pid = race_fork(0);

    if (pid == 0) {
        race_sleep_us(race_random(worker, 300));
        race_exit(0);
    }
    if (pid < 0)
        return;
    race_shared->victims[worker->index] = (int)pid;
    raw2(SYS_kill, pid, race_random(worker, 2) ? SIGCONT : 0);
    if (race_random(worker, 2))
        raw2(SYS_kill, pid, SIGKILL);
    else
        raw2(SYS_kill, pid, SIGCONT);
    while (raw4(SYS_wait4, pid, 0, WNOHANG | __WALL, 0) == 0) {
        raw2(SYS_kill, pid, SIGCONT); /* another worker may have stopped it */
        race_sleep_us(100);
    }
    race_shared->victims[worker->index] = 0;
}

/* Never a worker: it would stand still for good. */
static void do_kill(struct race_worker *worker)
{
    static const int signals[] = {0, SIGUSR1, SIGCONT, SIGSTOP, SIGTERM, SIGUSR1};
    long pid = race_shared->victims[race_random(worker, RACE_WORKERS)];
    int number = signals[race_random(worker, 6)];

    for (int i = 0; i < RACE_WORKERS; i++)
        if (race_shared->pids[i] == pid)
            return;
    if (pid > 1)
        raw2(SYS_kill, pid, number);
}

static void do_group(struct race_worker *worker)
{
    long pid = victim(worker), group = race_shared->victims[race_random(worker, RACE_WORKERS)];

    raw2(SYS_setpgid, pid, race_random(worker, 2) ? 0 : group);
    raw1(SYS_getpgid, pid);
    raw1(SYS_getsid, pid);
    raw2(SYS_setpgid, 0, 0);
    raw2(SYS_kill, 0, SIGUSR1);
}

static void do_limit(struct race_worker *worker)
{
    struct rlimit limit, low = {100, 100};
    long pid = victim(worker);

    raw4(SYS_prlimit64, pid, RLIMIT_NOFILE, 0, &limit);
    if (pid != race_shared->pids[worker->index])
        raw4(SYS_prlimit64, pid, RLIMIT_NOFILE, &low, &limit);
    raw2(SYS_getpriority, PRIO_PROCESS, pid);
    raw3(SYS_setpriority, PRIO_PROCESS, pid, race_random(worker, 3));
}

static void do_place(struct race_worker *worker)
{
    unsigned long mask[16] = {0};
    long pid = victim(worker);

    raw3(SYS_sched_getaffinity, pid, sizeof(mask), mask);
    mask[0] = 1ul << race_random(worker, 4);
    raw3(SYS_sched_setaffinity, pid, sizeof(mask), mask);
    mask[0] = 15;
    raw3(SYS_sched_setaffinity, pid, sizeof(mask), mask);
    raw1(SYS_sched_getscheduler, pid);
}

static void do_look(struct race_worker *worker)
{
    static const char *const names[] = {"stat",    "status", "maps",  "cmdline",
                                        "environ", "fd",     "statm", "limits"};
    char path[64];

    race_proc_path(path, victim(worker), names[race_random(worker, 8)]);
    race_read_all(path);
    if (race_random(worker, 16) == 0)
        race_read_all("/proc");
}

/* Several children, reaped by wait for any, while others look at them. */
static void do_reap(struct race_worker *worker)
{
    long pids[3], pid;
    int count = 0;

    for (int i = 0; i < 3; i++) {
        pid = race_fork(i == 1 ? CLONE_FILES | CLONE_FS : 0);
        if (pid == 0)
            race_exit(0);
        if (pid > 0) {
            pids[count++] = pid;
            race_shared->victims[worker->index] = (int)pid;
        }
    }
    for (int left = count; left > 0;) {
        pid = raw4(SYS_wait4, -1, 0, WNOHANG | __WALL, 0);
        if (pid > 0)
            left--;
        for (int i = 0; i < count && pid == 0; i++)
            raw2(SYS_kill, pids[i], SIGCONT); /* each may have been stopped */
    }
    race_shared->victims[worker->index] = 0;
}

static void do_exec(struct race_worker *worker)
{
    static const char *const argv[] = {"race", "nothing", NULL}, *const envp[] = {"A=b", NULL};
    long pid = race_fork(0);

    if (pid == 0) {
        raw3(SYS_execve, "/proc/self/exe", argv, envp);
        race_exit(0);
    }
    if (pid < 0)
        return;
    race_shared->victims[worker->index] = (int)pid;
    while (raw4(SYS_wait4, pid, 0, WNOHANG | __WALL, 0) == 0) {
        raw2(SYS_kill, pid, SIGCONT);
        race_sleep_us(200);
    }
    race_shared->victims[worker->index] = 0;
}

/* A child whose own child outlives it. */
static void do_orphan(struct race_worker *worker)
{
    long pid = race_fork(0);

    if (pid == 0) {
        if (race_random(worker, 2))
            raw0(SYS_setsid);
        if (race_fork(0) == 0) {
            raw0(SYS_getppid);
            race_sleep_us(race_random(worker, 100));
            race_exit(0);
        }
        race_exit(0);
    }
    if (pid > 0)
        race_wait(pid);
}

#define GENERATIONS 6
#define PATIENCE_MS 20000

/* Waits for the signal that it asked for. The parent was there after that: it will come. */
static void await_parents_end(long parent)
{
    raw2(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
    if (raw0(SYS_getppid) != parent)
        return;
    for (int i = 0; i < PATIENCE_MS; i++)
        race_sleep_us(1000);
    race_wrong("the parent's end was not told to", raw0(SYS_getpid));
}

/* Generations that go in any order: heirs near and far, which go themselves; groups that change and
 * lose their last parent outside. */
static void do_family(struct race_worker *worker)
{
    long pid = race_fork(0), self = 0;

    if (pid != 0) {
        if (pid > 0)
            race_wait(pid);
        return;
    }
    for (int i = 0; i < GENERATIONS && pid == 0; i++) {
        self = raw0(SYS_getpid);
        worker->random += (uint64_t)self;
        if (race_random(worker, 2))
            raw2(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1);
        for (int k = 0; k < 3 && pid == 0; k++) {
            if (race_fork(0) == 0) {
                raw2(SYS_setpgid, 0, race_random(worker, 2) ? 0 : self);
                if (race_random(worker, 2))
                    await_parents_end(self);
                race_sleep_us(race_random(worker, 200));
                race_exit(0);
            }
        }
        pid = race_fork(0);
    }
    raw2(SYS_setpgid, 0, 0);
    race_sleep_us(race_random(worker, 300));
    race_exit(0);
}

static const struct race_op ops[] = {
    {"live", do_live},     {"kill", do_kill},     {"group", do_group}, {"limit", do_limit},
    {"place", do_place},   {"look", do_look},     {"reap", do_reap},   {"exec", do_exec},
    {"orphan", do_orphan}, {"family", do_family}, {NULL, NULL}};

const struct race_group race_process = {"process", 0, begin, end, ops};
