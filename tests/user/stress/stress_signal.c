/* SPDX-License-Identifier: MIT */
/*
 * Signals from everywhere to everybody: what is queued arrives as often as it was sent, with its
 * value; what is thrown back and forth is never lost; and no end of a child is overheard.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define SENDERS  4
#define BURST    100
#define RING     6
#define CHILDREN 60

static volatile sig_atomic_t hits;
static struct {
    pid_t target;
    volatile uint64_t sent[SENDERS], sent_sum[SENDERS], got[SENDERS], got_sum[SENDERS];
} * queued;

static void on_value(int sig, siginfo_t *info, void *context)
{
    unsigned sender = (unsigned)info->si_value.sival_int >> 24;

    (void)context;
    CHECK_EQ(info->si_code, SI_QUEUE);
    CHECK(sender < SENDERS && sig >= SIGRTMIN);
    /* Each in one step: a handler of another signal may come in between. */
    __atomic_fetch_add(&queued->got_sum[sender], (unsigned)info->si_value.sival_int & 0xffffff,
                       __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&queued->got[sender], 1, __ATOMIC_SEQ_CST);
}

static void on_hit(int sig)
{
    (void)sig;
    hits++;
}

static void install(int sig, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

    CHECK_OK(sigaction(sig, &action, NULL));
}

/* The queue is bounded: a full one says so, and the sender tries again. */
static void value_sender(void *argument)
{
    unsigned id = (unsigned)(uintptr_t)argument;
    unsigned number = 0;

    do {
        while (queued->sent[id] - queued->got[id] > 2 * BURST)
            raw0(SYS_sched_yield);
        for (unsigned i = 0; i < BURST; i++, number++) {
            union sigval value = {.sival_int = (int)(id << 24 | (number & 0xffffff))};

            while (sigqueue(queued->target, SIGRTMIN + (int)(number % 5), value)) {
                CHECK_EQ(errno, EAGAIN);
                sleep_ns(100000);
            }
            queued->sent[id]++;
            queued->sent_sum[id] += number & 0xffffff;
        }
    } while (stress_goes_on());
}

/* The receiver works all the time, and is interrupted everywhere. */
static void check_queue(void)
{
    struct sigaction action = {.sa_sigaction = on_value, .sa_flags = SA_SIGINFO | SA_RESTART};
    unsigned ended = 0, work = 0, expected = 0;
    uint64_t limit;
    int ends[2];

    for (int i = 0; i < 5; i++)
        CHECK_OK(sigaction(SIGRTMIN + i, &action, NULL));
    CHECK_OK(pipe(ends));
    queued->target = getpid();
    for (uintptr_t i = 0; i < SENDERS; i++)
        child_start(value_sender, (void *)i);
    while (ended < SENDERS) {
        unsigned got;
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);

        CHECK(pid >= 0);
        if (pid) {
            CHECK_EQ(status, 0);
            ended++;
        }
        work = work * 17 + 3;
        CHECK_EQ(write(ends[1], &work, sizeof(work)), sizeof(work));
        CHECK_EQ(read(ends[0], &got, sizeof(got)), sizeof(got));
        expected = expected * 17 + 3;
        CHECK_EQ(got, expected);
    }
    limit = now_ns() + 20000000000;
    for (unsigned i = 0; i < SENDERS; i++) {
        while (queued->got[i] != queued->sent[i])
            CHECK(now_ns() < limit);
        CHECK_EQ(queued->got_sum[i], queued->sent_sum[i]);
    }
    CHECK_OK(close(ends[0]));
    CHECK_OK(close(ends[1]));
}

static struct {
    pid_t members[RING];
    volatile unsigned ready, last;
} * ring;

/* A token goes round; each waits with the signal blocked but in sigsuspend. */
static void ring_member(void *argument)
{
    unsigned id = (unsigned)(uintptr_t)argument;
    sigset_t open;

    ring->members[id] = getpid();
    __atomic_fetch_add(&ring->ready, 1, __ATOMIC_SEQ_CST);
    while (ring->ready != RING)
        sleep_ns(100000);
    sigemptyset(&open);
    for (bool last = false; !last;) {
        if (id == 0) {
            ring->last = !stress_goes_on();
            CHECK_OK(kill(ring->members[1], SIGUSR1));
        }
        while (!hits)
            CHECK_ERR(sigsuspend(&open), EINTR);
        CHECK_EQ(hits, 1);
        hits = 0;
        last = ring->last; /* it changes only when the token is back at the first */
        if (id != 0)
            CHECK_OK(kill(ring->members[(id + 1) % RING], SIGUSR1));
    }
}

static void check_ring(void)
{
    sigset_t usr1;

    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    CHECK_OK(sigprocmask(SIG_BLOCK, &usr1, NULL));
    install(SIGUSR1, on_hit, 0);
    for (uintptr_t i = 0; i < RING; i++)
        child_start(ring_member, (void *)i);
    alarm(20);
    children_await(RING);
    alarm(0);
    CHECK_OK(sigprocmask(SIG_UNBLOCK, &usr1, NULL));
}

static void end_at_once(void *argument)
{
    (void)argument;
}

/* Ends of children, heard of by SIGCHLD alone: one signal may stand for many, none for no one. */
static void check_ends(void)
{
    unsigned started = 0, reaped = 0;
    sigset_t chld, open;
    struct timespec limit = {20, 0};

    sigemptyset(&open);
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    CHECK_OK(sigprocmask(SIG_BLOCK, &chld, NULL));
    while (reaped < CHILDREN) {
        if (started < CHILDREN && started - reaped < 8) {
            child_start(end_at_once, NULL);
            started++;
            continue;
        }
        CHECK_EQ(sigtimedwait(&chld, NULL, &limit), SIGCHLD);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            reaped++;
    }
    CHECK_OK(sigprocmask(SIG_UNBLOCK, &chld, NULL));
}

/* Stopped and continued from two sides at once: afterwards it runs, and can be killed. */
static void stop_sender(void *argument)
{
    pid_t target = *(pid_t *)argument;

    for (unsigned i = 0; i < 300; i++)
        CHECK_OK(kill(target, i % 3 ? SIGCONT : SIGSTOP));
}

static void spin(void *argument)
{
    volatile unsigned *moves = argument;

    for (;;)
        (*moves)++;
}

static void check_stops(void)
{
    volatile unsigned *moves = shared_new(4096);
    pid_t target = child_start(spin, (void *)moves), one, two;
    unsigned before;
    uint64_t limit;

    one = child_start(stop_sender, &target);
    two = child_start(stop_sender, &target);
    child_await(one, 0);
    child_await(two, 0);
    CHECK_OK(kill(target, SIGCONT));
    before = *moves;
    limit = now_ns() + 20000000000;
    while (*moves - before < 1000) {
        CHECK(now_ns() < limit);
        sleep_ns(1000000);
    }
    CHECK_OK(kill(target, SIGSTOP));
    CHECK_OK(kill(target, SIGKILL));
    child_await(target, SIGKILL);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    queued = shared_new(sizeof(*queued));
    ring = shared_new(sizeof(*ring));
    check_queue();
    check_ring();
    for (unsigned i = 0; i < 5; i++)
        check_ends();
    check_stops();
    return 0;
}
