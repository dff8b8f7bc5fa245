/* SPDX-License-Identifier: MIT */
/*
 * Calls on processes: children that end or wait to be killed, groups, signals, limits, identity.
 * After a call that changes a child's state the sequence waits until it has changed, so that what
 * the next call sees depends on no scheduler.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/fuzz_linux/sequence.h"

#define SET_NBYTES 8

static int slot_of(struct sequence *s)
{
    int slot = (int)draw(s, CHILDREN);

    tell(s, " child%d", slot);
    return slot;
}

/* A child, the process itself, or a number that is none. */
static long pid_of(struct sequence *s)
{
    uint32_t kind = draw(s, 8);

    if (kind == 0) {
        tell(s, " -");
        return 0x3ffffff0;
    }
    if (kind < 4) {
        tell(s, " 0");
        return 0;
    }
    kind = draw(s, CHILDREN);
    tell(s, " child%u", kind);
    return s->children[kind] ? s->children[kind] : 0x3ffffff0;
}

static void await(int pid, int events)
{
    siginfo_t info;

    while (raw6(SYS_waitid, P_PID, pid, &info, events | WNOWAIT, 0, 0) == -EINTR)
        ;
}

static void do_fork(struct sequence *s)
{
    int slot = slot_of(s), ends = (int)draw(s, 2);
    long pid;

    tell(s, ends ? " ends" : " waits");
    if (s->children[slot])
        return;
    pid = raw0(SYS_fork);
    if (pid == 0) {
        unsigned long none = 0;
        raw4(SYS_rt_sigprocmask, SIG_SETMASK, &none, 0, SET_NBYTES);
        for (int number = 1; number < 32; number++)
            signal(number, SIG_DFL);
        raw3(SYS_write, s->pipe_out, "r", 1); /* ready for signals */
        while (!ends)
            raw0(SYS_pause);
        raw1(SYS_exit_group, 7 + slot);
    }
    s->children[slot] = (int)(pid > 0 ? pid : 0);
    s->dead[slot] = pid > 0 && ends;
    s->stopped[slot] = 0;
    answer_pid(s, pid);
    if (pid > 0) {
        struct pollfd ready = {s->pipe_in, POLLIN, 0};
        char byte;
        while (raw3(SYS_read, s->pipe_in, &byte, 1) != 1)
            raw3(SYS_poll, &ready, 1, 1000);
    }
    if (s->dead[slot])
        await((int)pid, WEXITED);
}

static void do_kill(struct sequence *s)
{
    static const int signals[] = {0, SIGKILL, SIGTERM, SIGSTOP, SIGCONT, SIGWINCH, 65, -1};
    int slot = slot_of(s), number = signals[draw(s, 8)], pid = s->children[slot];
    long err;

    tell(s, " %d", number);
    err = pid ? raw2(SYS_kill, pid, number) : -ECHILD;
    answer(s, err);
    if (err != 0 || s->dead[slot])
        return;
    if (number == SIGKILL || number == SIGTERM) {
        if (number == SIGTERM)
            raw2(SYS_kill, pid, SIGCONT); /* it may be stopped */
        await(pid, WEXITED);
        s->dead[slot] = 1;
    }
    if (number == SIGSTOP && !s->stopped[slot]) {
        await(pid, WSTOPPED);
        s->stopped[slot] = 1;
    }
    if (number == SIGCONT) {
        err = raw2(SYS_kill, pid, SIGSTOP); /* to a state that does not depend on time */
        s->stopped[slot] = err == 0;        /* only SIGCONT is allowed within a session */
        if (err == 0)
            await(pid, WSTOPPED);
    }
}

static void do_wait(struct sequence *s)
{
    static const int options[] = {WNOHANG, WNOHANG | WUNTRACED, WNOHANG | WCONTINUED,
                                  WNOHANG | WUNTRACED, WNOHANG | 0x100};
    uint32_t kind = draw(s, 4);
    int slot = (int)draw(s, CHILDREN), status = 0, option = options[draw(s, 5)];
    long pid = s->children[slot] ? s->children[slot] : 0x3ffffff0, got;

    tell(s, kind ? " child%d options %#x" : " any, not %d options %#x", slot, option);
    if (kind == 0 && s->dead[0] + s->dead[1] + s->dead[2] > 1)
        return; /* which one comes first is not promised */
    got = raw4(SYS_wait4, kind ? pid : -1, &status, option, 0);
    answer_pid(s, got);
    if (got > 0)
        tell(s, " status %#x", status);
    for (int i = 0; i < CHILDREN && got > 0; i++)
        if (s->children[i] == got && !WIFSTOPPED(status) && !WIFCONTINUED(status))
            s->children[i] = s->dead[i] = 0;
}

static void do_waitid(struct sequence *s)
{
    static const int options[] = {WEXITED, WSTOPPED, WEXITED | WNOWAIT, WEXITED | WSTOPPED, 0, 1};
    int slot = slot_of(s), option = options[draw(s, 6)];
    siginfo_t info;
    long err;

    memset(&info, 0, sizeof(info));
    tell(s, " options %#x", option);
    err = raw6(SYS_waitid, P_PID, s->children[slot] ? s->children[slot] : 0x3ffffff0, &info,
               option | WNOHANG, 0, 0);
    answer(s, err);
    tell(s, " %s code %d status %d", pid_name(s, info.si_pid), info.si_code, info.si_status);
    if (err == 0 && info.si_pid && (info.si_code == CLD_EXITED || info.si_code == CLD_KILLED) &&
        !(option & WNOWAIT))
        s->children[slot] = s->dead[slot] = 0;
}

static void do_setpgid(struct sequence *s)
{
    long pid = pid_of(s), group = draw(s, 4) ? pid_of(s) : -1;

    answer(s, raw2(SYS_setpgid, pid, group));
}

static void do_getpgid(struct sequence *s)
{
    long pid = pid_of(s);

    answer_pid(s, raw1(draw(s, 2) ? SYS_getpgid : SYS_getsid, pid));
}

static void do_setsid(struct sequence *s)
{
    answer_pid(s, raw0(SYS_setsid));
}

static void do_limit(struct sequence *s)
{
    static const int kinds[] = {RLIMIT_FSIZE, RLIMIT_NOFILE, RLIMIT_STACK,
                                RLIMIT_CORE,  RLIMIT_DATA,   99};
    static const unsigned long values[] = {0, 100, 50000, 1 << 20, ~0ul};
    int kind = kinds[draw(s, 6)];
    struct {
        unsigned long soft, hard;
    } now = {0, 0}, next = {values[draw(s, 5)], values[draw(s, 5)]};

    if (kind == RLIMIT_NOFILE)
        next.soft = next.hard = 30 + draw(s, 40);
    /* Root may raise a limit, but not on a Linux that has taken CAP_SYS_RESOURCE from it. */
    if (geteuid() == 0 && raw4(SYS_prlimit64, 0, kind, NULL, &now) == 0 && next.hard > now.hard)
        next.hard = now.hard;
    tell(s, " %d %#lx %#lx", kind, next.soft, next.hard);
    answer(s, raw4(SYS_prlimit64, 0, kind, draw(s, 2) ? &next : NULL, &now));
    tell(s, " %#lx %#lx", now.soft, now.hard);
}

static void do_priority(struct sequence *s)
{
    long pid = pid_of(s);
    int nice = (int)draw(s, 50) - 25;

    tell(s, " %d", nice);
    if (draw(s, 2))
        answer(s, raw2(SYS_getpriority, PRIO_PROCESS, pid));
    else
        answer(s, raw3(SYS_setpriority, PRIO_PROCESS, pid, nice));
}

static void do_identity(struct sequence *s)
{
    static const long ids[] = {-1, 0, 1000, 1001};
    static const int calls[] = {SYS_setresuid, SYS_setresgid, SYS_setreuid, SYS_setregid,
                                SYS_setuid,    SYS_setgid,    SYS_setfsuid, SYS_setfsgid};
    long a = ids[draw(s, 4)], b = ids[draw(s, 4)], c = ids[draw(s, 4)];
    unsigned real = 0, effective = 0, saved = 0;
    int call = calls[draw(s, 8)];

    tell(s, " call %d %ld %ld %ld", call, a, b, c);
    if (draw(s, 4) == 0)
        answer(s, raw3(call, a, b, c)); /* seldom: a sequence of root should stay one for a while */
    raw3(SYS_getresuid, &real, &effective, &saved);
    tell(s, " %u %u %u", real, effective, saved);
    raw3(SYS_getresgid, &real, &effective, &saved);
    tell(s, " %u %u %u", real, effective, saved);
}

static void do_groups(struct sequence *s)
{
    unsigned groups[4] = {0, 1000, 1001, 5};
    long n = draw(s, 5) - 1l;

    tell(s, " %ld", n);
    if (draw(s, 2))
        answer(s, raw2(SYS_setgroups, n, groups));
    else
        answer(s, raw2(SYS_getgroups, n < 0 ? 0 : n, groups));
}

static void do_action(struct sequence *s)
{
    struct {
        unsigned long handler, flags, restorer, mask;
    } next = {draw(s, 2), draw(s, 2) * SA_RESTART, 0, 1ul << draw(s, 64)}, old = {9, 0, 0, 0};
    int number = (int)draw(s, 67);

    tell(s, " %d %lu", number, next.handler);
    if (number == SIGCHLD || number == SIGSEGV)
        return; /* children would vanish; the harness needs to see a fault */
    answer(s, raw4(SYS_rt_sigaction, number, draw(s, 2) ? &next : NULL, &old, SET_NBYTES));
    tell(s, " %lu %#lx", old.handler, old.handler == 9 ? 0 : old.mask);
}

static void do_mask(struct sequence *s)
{
    unsigned long set = draw(s, 2) ? ~0ul : 1ul << draw(s, 64), old = 0;
    int how = (int)draw(s, 4);

    tell(s, " %d %#lx", how, set);
    answer(s, raw4(SYS_rt_sigprocmask, how, draw(s, 4) ? &set : NULL, &old, SET_NBYTES));
    tell(s, " %#lx", old);
}

/* To itself, where it is blocked: ending is no answer. */
static void do_raise(struct sequence *s)
{
    const int signals[] = {SIGUSR1, SIGUSR2, SIGRTMIN, SIGWINCH, SIGHUP, SIGRTMAX};
    unsigned long set = 0, pending = 0;
    int number = signals[draw(s, 6)];

    raw4(SYS_rt_sigprocmask, SIG_BLOCK, 0, &set, SET_NBYTES);
    tell(s, " %d", number);
    if (set & 1ul << (number - 1))
        answer(s, raw2(SYS_kill, s->self, number));
    raw2(SYS_rt_sigpending, &pending, SET_NBYTES);
    tell(s, " pending %#lx", pending & ~(1ul << (SIGCHLD - 1)));
}

static void do_take(struct sequence *s)
{
    unsigned long set = ~0ul & ~(1ul << (SIGCHLD - 1));
    struct timespec zero = {0, 0};
    siginfo_t info;

    memset(&info, 0, sizeof(info));
    answer(s, raw4(SYS_rt_sigtimedwait, &set, &info, &zero, SET_NBYTES));
    tell(s, " code %d", info.si_code);
}

static void do_prctl(struct sequence *s)
{
    static const int options[] = {
        PR_GET_DUMPABLE, PR_SET_DUMPABLE,     PR_SET_PDEATHSIG,    PR_GET_KEEPCAPS,
        PR_SET_KEEPCAPS, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, 9999};
    int option = options[draw(s, 8)];
    long value = draw(s, 4);

    if (option == PR_SET_PDEATHSIG && value)
        value = 64 + value;
    tell(s, " %d %ld", option, value);
    answer(s, raw6(SYS_prctl, option, value, 0, 0, 0, 0));
}

static void do_policy(struct sequence *s)
{
    long pid = pid_of(s), policy = draw(s, 8);
    int priority = (int)draw(s, 3);

    tell(s, " policy %ld priority %d", policy, priority);
    if (draw(s, 2))
        answer(s, raw1(SYS_sched_getscheduler, pid));
    else if (policy == 0 || policy > 2) /* none that keeps a processor */
        answer(s, raw3(SYS_sched_setscheduler, pid, policy, &priority));
}

static void do_timer(struct sequence *s)
{
    int id = (int)draw(s, 4), made = -1;
    struct itimerspec value = {{0, 0}, {draw(s, 2) ? 1000 : 0, draw(s, 4) ? 0 : 1000000000}};
    struct sigevent event;

    memset(&event, 0, sizeof(event));
    event.sigev_notify = draw(s, 3) ? SIGEV_NONE : SIGEV_SIGNAL + 7;
    tell(s, " %d", id);
    switch (draw(s, 4)) {
    case 0:
        answer(s, raw3(SYS_timer_create, (int)draw(s, 20) - 1, &event, &made));
        break;
    case 1:
        answer(s, raw4(SYS_timer_settime, id, 0, &value, 0));
        break;
    case 2:
        answer(s, raw1(SYS_timer_getoverrun, id));
        break;
    default:
        answer(s, raw1(SYS_timer_delete, id));
    }
}

static void do_futex(struct sequence *s)
{
    static volatile unsigned words[2] = {1, 1};
    struct timespec zero = {0, draw(s, 8) ? 0 : -1};
    long operation = draw(s, 14), value = draw(s, 3);
    long fourth = operation == 0 || operation == 9 ? (long)&zero : (long)draw(s, 3);

    tell(s, " operation %ld value %ld", operation, value);
    if ((operation >= 6 && operation <= 8) || operation >= 11)
        return; /* locks with inheritance: Firstlight has none, and to take one waits */
    answer(s, raw6(SYS_futex, &words[0], operation | (draw(s, 2) ? 128 : 0), value, fourth,
                   &words[1], draw(s, 3)));
}

const struct call process_calls[] = {{"fork", do_fork},         {"fork", do_fork},
                                     {"kill", do_kill},         {"kill", do_kill},
                                     {"wait4", do_wait},        {"waitid", do_waitid},
                                     {"setpgid", do_setpgid},   {"getpgid", do_getpgid},
                                     {"setsid", do_setsid},     {"prlimit", do_limit},
                                     {"priority", do_priority}, {"identity", do_identity},
                                     {"groups", do_groups},     {"sigaction", do_action},
                                     {"sigprocmask", do_mask},  {"raise", do_raise},
                                     {"sigtimedwait", do_take}, {"prctl", do_prctl},
                                     {"scheduler", do_policy},  {"timer", do_timer},
                                     {"futex", do_futex},       {NULL, NULL}};
