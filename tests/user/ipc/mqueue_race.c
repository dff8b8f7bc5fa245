/* SPDX-License-Identifier: MIT */
/*
 * Many senders, receivers and registrations at once: no message is lost, doubled or out of its
 * sender's order; then the same with signals, deadlines, names that come and go, and closing.
 */
#define _GNU_SOURCE
#include "tests/user/lib/mqueue.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "tests/user/lib/child.h"

#define NAME     "mqueue_race"
#define TASKS    4
#define MESSAGES 500
#define ROUNDS   96

struct message {
    unsigned sender, number;
};

static struct shared {
    int ends;
    unsigned received[TASKS];
    unsigned char seen[TASKS][MESSAGES];
} * shared;

static int queue;

static void on_signal(int number)
{
    (void)number;
}

static void start(void (*function)(unsigned), pid_t *children)
{
    for (unsigned i = 0; i < TASKS; i++) {
        children[i] = (pid_t)CHECK_OK(fork());
        if (children[i] == 0) {
            function(i);
            _exit(0);
        }
    }
}

static void send_all(unsigned task)
{
    for (unsigned i = 0; i < MESSAGES; i++) {
        struct message message = {task, i};

        CHECK_OK(queue_send(queue, &message, sizeof(message), task, NULL));
    }
}

/* Of one priority, and so of one sender, in order. The last message of all is empty. */
static void receive_all(unsigned task)
{
    unsigned next[TASKS] = {0}, priority;
    struct message message;
    long nbytes;

    (void)task;
    while ((nbytes = CHECK_OK(queue_receive(queue, &message, 16, &priority, NULL))) > 0) {
        CHECK_EQ(nbytes, sizeof(message));
        CHECK_EQ(priority, message.sender);
        CHECK(message.number >= next[message.sender]);
        next[message.sender] = message.number + 1;
        CHECK_EQ(
            __atomic_fetch_add(&shared->seen[message.sender][message.number], 1, __ATOMIC_RELAXED),
            0);
        __atomic_fetch_add(&shared->received[message.sender], 1, __ATOMIC_RELAXED);
    }
}

static void pass(void)
{
    pid_t senders[TASKS], receivers[TASKS];

    queue = queue_new(NAME, O_RDWR, 8, 16);
    start(receive_all, receivers);
    start(send_all, senders);
    for (int i = 0; i < TASKS; i++)
        CHECK_EQ(child_end(senders[i]), 0);
    for (int i = 0; i < TASKS; i++)
        CHECK_OK(queue_send(queue, "", 0, 0, NULL));
    for (int i = 0; i < TASKS; i++)
        CHECK_EQ(child_end(receivers[i]), 0);
    for (int i = 0; i < TASKS; i++)
        CHECK_EQ(shared->received[i], MESSAGES);
    CHECK_OK(close(queue));
}

static void use_once(unsigned task, unsigned turn, int netlink)
{
    struct sigevent event;
    struct timespec until = real_time_in(turn % 3);
    struct mq_attr attr = {.mq_maxmsg = 1 + turn % 3, .mq_msgsize = 16};
    int fd = queue_open(NAME, O_RDWR | O_CREAT, 0600, &attr);
    char cookie[32] = "";

    if (fd < 0) {
        CHECK(errno == ENOENT || errno == EMFILE || errno == EBUSY);
        return;
    }
    memset(&event, 0, sizeof(event));
    event.sigev_notify = turn % 2 ? SIGEV_SIGNAL : SIGEV_THREAD;
    event.sigev_signo = turn % 2 ? SIGUSR1 : netlink;
    if (!(turn % 2))
        event.sigev_value.sival_ptr = cookie;
    for (unsigned i = 0; i < 4; i++) {
        queue_notify(fd, i % 2 ? NULL : &event);
        if ((task + i) % 2)
            queue_send(fd, "message", 7, i, &until);
        else
            queue_receive(fd, cookie, 16, NULL, &until);
        while (recv(netlink, cookie, sizeof(cookie), MSG_DONTWAIT) > 0)
            ;
    }
    if (turn % 4 == 0)
        queue_unlink(NAME);
    CHECK_OK(close(fd));
}

static void use(unsigned task)
{
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    int netlink = (int)CHECK_OK(socket(AF_NETLINK, SOCK_RAW, 0));

    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
    for (unsigned turn = 0; !__atomic_load_n(&shared->ends, __ATOMIC_RELAXED); turn++)
        use_once(task, turn, netlink);
}

/* Some are killed in the middle, and others come. */
static void disturb(void)
{
    pid_t children[TASKS];

    CHECK(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
    start(use, children);
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned which = i % TASKS;

        CHECK_OK(kill(children[which], SIGUSR1));
        queue_unlink(NAME);
        raw0(SYS_sched_yield);
        if (i % 16 == 15) {
            CHECK_OK(kill(children[which], SIGKILL));
            CHECK_EQ(child_end(children[which]), SIGKILL);
            children[which] = (pid_t)CHECK_OK(fork());
            if (children[which] == 0) {
                use(which);
                _exit(0);
            }
        }
    }
    shared->ends = 1;
    for (int i = 0; i < TASKS; i++)
        CHECK_EQ(child_end(children[i]), 0);
    queue_unlink(NAME);
}

int main(void)
{
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    pass();
    disturb();
    return 0;
}
