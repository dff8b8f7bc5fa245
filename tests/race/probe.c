/* SPDX-License-Identifier: MIT */
/*
 * One operation beside a latency probe: does the kernel ever keep a processor for too long?
 *
 * The probe sleeps a millisecond, again and again, at the best priority a program can have, and
 * looks how late it is back. A worker does nothing but the operation meanwhile. The machine has one
 * processor and counts instructions (-icount shift=0: one is a nanosecond), so that time is what
 * the kernel itself executed, and a busy host changes nothing: the probe is late only because code
 * ran that did not let it run. The kernel's own count of late timer interrupts says whether that
 * code had even interrupts off.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/race/race.h"

#define PAUSE_NS 50000000ul /* more is too long */
#define QUICK_NS 6500000ul  /* in calls that name or wake thousands, but not in one go */
#define STEP_US  1000
#define LONG_NS  4000000000ul /* an operation that takes longer is ended */

static _Noreturn void work(const struct race_op *op, uint64_t seed)
{
    struct race_worker worker = {seed, 0};

    setpriority(PRIO_PROCESS, 0, 0);
    race_shared->pids[0] = (int)raw0(SYS_getpid);
    while (!race_shared->stop) {
        op->act(&worker);
        race_shared->done[0]++;
    }
    race_exit(0);
}

/* The longest pause. */
static uint64_t look(pid_t pid, uint64_t ns)
{
    uint64_t begin = race_now_ns(), worst = 0, last = begin, now = begin;

    while (now - begin < ns || (race_shared->done[0] == 0 && now - begin < LONG_NS)) {
        race_sleep_us(STEP_US);
        now = race_now_ns();
        if (now - last > worst)
            worst = now - last;
        last = now;
        if (waitpid(pid, NULL, WNOHANG | WNOWAIT | __WALL) == pid)
            break;
    }
    return worst;
}

/* How often a timer's interrupt has been late by more than a millisecond, which the kernel counts
 * itself: interrupts were off. Elsewhere, 0. */
static long late_interrupts(void)
{
    static char text[16384];
    const char *line;
    long n = 0;
    int fd = (int)raw3(SYS_open, "/proc/lock_stat", O_RDONLY, 0);

    if (fd < 0)
        return 0;
    for (long got; (got = raw3(SYS_read, fd, text + n, sizeof(text) - 1 - (size_t)n)) > 0;)
        n += got;
    raw1(SYS_close, fd);
    text[n] = 0;
    line = strstr(text, "irq ");
    line = line ? strstr(line, "TIMER ") : NULL;
    return line ? atol(line + 6) : 0;
}

/* A slice is 4 ms, and what has just been woken may have one before the probe. */
static uint64_t pause_most(const struct race_op *op)
{
    static const char *const quick[] = {"crowd", "pollers", "list"};

    for (size_t i = 0; i < sizeof(quick) / sizeof(quick[0]); i++)
        if (!strcmp(op->name, quick[i]))
            return QUICK_NS;
    return PAUSE_NS;
}

static bool probe_op(const struct race_group *group, const struct race_op *op, unsigned ms,
                     uint64_t seed)
{
    long late = late_interrupts();
    uint64_t worst;
    const char *missing;
    pid_t pid;

    memset(race_shared, 0, sizeof(*race_shared));
    say(1, "probe: ");
    say(1, group->name);
    say(1, "/");
    say(1, op->name);
    say(1, "\n");
    missing = group->begin();
    if (missing) {
        say(1, "  skipped: ");
        say(1, missing);
        say(1, "\n");
        return true;
    }
    for (int i = 0; i < RACE_WORKERS; i++)
        race_shared->pids[i] = getpid();
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0)
        work(op, seed);
    worst = look(pid, ms * 1000000ul);
    race_shared->stop = 1;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, __WALL);
    say(1, "  longest pause ");
    say_number(1, (long)(worst / 1000));
    say(1, " us, ");
    say_number(1, (long)race_shared->done[0]);
    say(1, " operations\n");
    if (worst > pause_most(op))
        say(1, "  TOO LONG\n");
    late = late_interrupts() - late;
    if (late > 0)
        say(1, "  INTERRUPTS OFF FOR TOO LONG\n");
    return worst <= pause_most(op) && late <= 0 && !race_shared->wrong;
}

/* In a process and a directory of its own, as a pair has them. */
static bool on_stage(const struct race_group *group, const struct race_op *op, unsigned ms,
                     uint64_t seed)
{
    static char directory[64];
    int status = 0;
    pid_t pid;

    strcpy(directory, "/tmp/race-XXXXXX");
    CHECK(mkdtemp(directory) != NULL);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        bool good;
        CHECK_OK(chdir(directory));
        setpriority(PRIO_PROCESS, 0, -20);
        good = probe_op(group, op, ms, seed);
        while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
            ;
        group->end();
        _exit(good ? 0 : 1);
    }
    while (waitpid(pid, &status, 0) != pid)
        ;
    rmdir(directory);
    return status == 0;
}

static int probe_group(const struct race_group *group, unsigned ms, uint64_t seed, int count,
                       char **selectors, int *failed)
{
    int n = 0;

    for (const struct race_op *op = group->ops; op->name; op++) {
        if (!race_selected(count, selectors, group->name, op->name, op->name))
            continue;
        n++;
        if (!on_stage(group, op, ms, seed))
            (*failed)++;
    }
    return n;
}

int race_probe(unsigned ms, uint64_t seed, int count, char **selectors)
{
    int n = 0, failed = 0;

    for (const struct race_group *const *group = race_groups; *group; group++)
        n += probe_group(*group, ms, seed, count, selectors, &failed);
    n += probe_group(&race_long, ms, seed, count, selectors, &failed);
    say(1, "probe: ");
    say_number(1, n);
    say(1, " operations, ");
    say_number(1, failed);
    say(1, " failed\n");
    return failed > 0 || n == 0;
}
