/* SPDX-License-Identifier: MIT */
/*
 * POSIX message queues: waiting, for messages and for room; times, signals, which waiter is first.
 */
#define _GNU_SOURCE
#include "tests/user/lib/mqueue.h"

#include <sched.h>
#include <sys/resource.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/child.h"

#define NAME  "mqueue_wait"
#define TASKS 4

static int queue;
static char text[16];

static void on_signal(int number)
{
    (void)number;
}

static void handle(int number, int flags)
{
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};

    CHECK_OK(sigaction(number, &action, NULL));
}

static pid_t waiter(void (*function)(int), int argument)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        function(argument);
        _exit(0);
    }
    asleep_await(pid);
    return pid;
}

static void times(void)
{
    struct timespec until = real_time_in(60), now;

    CHECK_ERR(queue_receive(queue, text, 16, NULL, &until), ETIMEDOUT);
    CHECK_OK(clock_gettime(CLOCK_REALTIME, &now));
    CHECK(now.tv_sec > until.tv_sec ||
          (now.tv_sec == until.tv_sec && now.tv_nsec >= until.tv_nsec));
    CHECK_OK(queue_send(queue, "1", 1, 0, NULL));
    CHECK_OK(queue_send(queue, "2", 1, 0, NULL));
    until = real_time_in(20);
    CHECK_ERR(queue_send(queue, "3", 1, 0, &until), ETIMEDOUT);
    CHECK_EQ(queue_receive(queue, text, 16, NULL, NULL), 1);
    CHECK_EQ(queue_receive(queue, text, 16, NULL, NULL), 1);
    CHECK_EQ(text[0], '2');
}

static void interrupted_receive(int restarts)
{
    handle(SIGUSR1, restarts ? SA_RESTART : 0);
    if (restarts)
        CHECK_EQ(queue_receive(queue, text, 16, NULL, NULL), 3);
    else
        CHECK_ERR(queue_receive(queue, text, 16, NULL, NULL), EINTR);
}

static void interrupted_send(int restarts)
{
    handle(SIGUSR1, restarts ? SA_RESTART : 0);
    if (restarts)
        CHECK_OK(queue_send(queue, "late", 4, 1, NULL));
    else
        CHECK_ERR(queue_send(queue, "late", 4, 1, NULL), EINTR);
}

static void signals(void)
{
    for (int restarts = 0; restarts < 2; restarts++) {
        pid_t pid = waiter(interrupted_receive, restarts);

        CHECK_OK(kill(pid, SIGUSR1));
        if (restarts) {
            asleep_await(pid);
            CHECK_OK(queue_send(queue, "get", 3, 0, NULL));
        }
        CHECK_EQ(child_end(pid), 0);
        CHECK_OK(queue_send(queue, "one", 3, 0, NULL));
        CHECK_OK(queue_send(queue, "two", 3, 0, NULL));
        pid = waiter(interrupted_send, restarts);
        CHECK_OK(kill(pid, SIGUSR1));
        if (restarts)
            asleep_await(pid);
        else
            CHECK_EQ(child_end(pid), 0);
        CHECK_EQ(queue_receive(queue, text, 16, NULL, NULL), 3);
        CHECK_EQ(text[0], 'o');
        if (restarts) {
            CHECK_EQ(child_end(pid), 0);
            CHECK_EQ(queue_receive(queue, text, 16, NULL, NULL), 4);
            CHECK_EQ(text[0], 'l');
        }
        CHECK_EQ(queue_receive(queue, text, 16, NULL, NULL), 3);
        CHECK_EQ(text[0], 't');
    }
}

/* Ended while it waits, in either way: nothing of it stays. */
static void killed(void)
{
    pid_t pid = waiter(interrupted_receive, 1);

    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(child_end(pid), SIGKILL);
    CHECK_OK(queue_send(queue, "one", 3, 0, NULL));
    CHECK_OK(queue_send(queue, "two", 3, 0, NULL));
    pid = waiter(interrupted_send, 1);
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(child_end(pid), SIGKILL);
    CHECK_EQ(queue_receive(queue, text, 16, NULL, NULL), 3);
    CHECK_EQ(queue_receive(queue, text, 16, NULL, NULL), 3);
    CHECK_OK(fcntl(queue, F_SETFL, O_NONBLOCK));
    CHECK_ERR(queue_receive(queue, text, 16, NULL, NULL), EAGAIN);
    CHECK_OK(fcntl(queue, F_SETFL, 0));
}

/* Gets the message of its place, if waiters are served in order. */
static void receive_one(int expected)
{
    CHECK_EQ(queue_receive(queue, text, 16, NULL, NULL), 1);
    CHECK_EQ(text[0], expected);
}

static void send_one(int byte)
{
    char value = (char)byte;

    CHECK_OK(queue_send(queue, &value, 1, 0, NULL));
}

static void ranks(int is_rt, void (*function)(int))
{
    /* Whether it waits first or last: 2 and 3 are alike, so the earlier comes first. */
    static const int nice[TASKS] = {10, 5, 5, 0}, place[TASKS] = {3, 1, 2, 0};
    pid_t children[TASKS];

    if (function == send_one) {
        send_one('x');
        send_one('y');
    }
    for (int i = 0; i < TASKS; i++) {
        children[i] = (pid_t)CHECK_OK(fork());
        if (children[i] == 0) {
            struct sched_param param = {.sched_priority = 40 - nice[i]};

            if (is_rt)
                CHECK_OK(sched_setscheduler(0, SCHED_FIFO, &param));
            else
                CHECK_OK(setpriority(PRIO_PROCESS, 0, nice[i]));
            function('0' + place[i]);
            _exit(0);
        }
        asleep_await(children[i]);
    }
    if (function == send_one) {
        receive_one('x');
        receive_one('y');
    }
    for (int i = 0; i < TASKS; i++)
        function == send_one ? receive_one('0' + i) : send_one('0' + i);
    for (int i = 0; i < TASKS; i++)
        CHECK_EQ(child_end(children[i]), 0);
}

int main(void)
{
    struct sched_param param = {.sched_priority = 1};
    int may_rt = sched_setscheduler(0, SCHED_FIFO, &param) == 0;

    if (may_rt) {
        param.sched_priority = 0;
        CHECK_OK(sched_setscheduler(0, SCHED_OTHER, &param));
    }
    queue = queue_new(NAME, O_RDWR, 2, 16);
    times();
    signals();
    killed();
    ranks(0, receive_one);
    ranks(0, send_one);
    if (may_rt) {
        ranks(1, receive_one);
        ranks(1, send_one);
    }
    CHECK_OK(queue_unlink(NAME));
    return 0;
}
