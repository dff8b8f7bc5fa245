/* SPDX-License-Identifier: MIT */
/* seccomp_race: descriptors that a supervisor gives while signals end the call; processes that have
 * old filters in common and set new ones in all threads; a supervisor that goes in the middle. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/child.h"
#include "tests/user/lib/race.h"
#include "tests/user/lib/seccomp.h"

#define NUMBER       40 /* of a descriptor */
#define LARGE_NBYTES (1 << 20)

static long ask(int fd, unsigned request, void *argument)
{
    return raw3(SYS_ioctl, fd, request, argument);
}

static int listener_set(void)
{
    FILTER_ONE(one, TRIED, LX_SECCOMP_RET_USER_NOTIF);

    forgo_rights();
    return (int)FILTER_SET(one, LX_SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

/* ---- descriptors ---- */

static atomic_int *given; /* shared: how often it was */

static void on_signal(int number)
{
    (void)number;
}

/* Its release takes a while: so long is a supervisor busy that replaces it. */
static void large_file_open(void)
{
    static char bytes[LARGE_NBYTES];
    int fd = (int)CHECK_OK(memfd_create("large", 0));

    CHECK_EQ(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
    CHECK_EQ(dup2(fd, NUMBER), NUMBER);
    CHECK_OK(close(fd));
}

static bool number_is_large_file(void)
{
    struct stat about;

    CHECK_OK(fstat(NUMBER, &about));
    return S_ISREG(about.st_mode);
}

/* What comes is the result of a call; what has no such call does not come, also not later. */
static void take_descriptors(int lowest)
{
    struct sigaction act = {.sa_handler = on_signal};

    CHECK_OK(sigaction(SIGUSR1, &act, NULL));
    while (!race_is_over()) {
        long result;

        large_file_open();
        result = raw1(TRIED, 0);
        if (result == lowest)
            CHECK_OK(close(lowest));
        else
            CHECK(result == NUMBER || result == -EINTR);
        for (int i = 0; i < 3; i++) {
            CHECK_ERR(fcntl(lowest, F_GETFD), EBADF);
            CHECK_EQ(number_is_large_file(), result != NUMBER);
            sched_yield();
        }
        CHECK_OK(close(NUMBER));
    }
    raw1(SYS_exit_group, 0);
}

static void give_descriptors(int listener, int file)
{
    for (unsigned i = 0;; i++) {
        const bool replaces = i % 4;
        struct lx_seccomp_notif told = {0};
        struct lx_seccomp_notif_addfd what = {
            .srcfd = (uint32_t)file,
            .flags = LX_SECCOMP_ADDFD_FLAG_SEND | (replaces ? LX_SECCOMP_ADDFD_FLAG_SETFD : 0),
            .newfd = replaces ? NUMBER : 0,
        };

        if (ask(listener, LX_SECCOMP_IOCTL_NOTIF_RECV, &told))
            continue;
        what.id = told.id;
        if (ask(listener, LX_SECCOMP_IOCTL_NOTIF_ADDFD, &what) >= 0)
            atomic_fetch_add(given, 1);
    }
}

static void send_signals(pid_t target)
{
    unsigned state = 1;

    for (;;) {
        CHECK_OK(kill(target, SIGUSR1));
        for (unsigned n = race_number(&state) % 512; n; n--)
            __asm__ volatile("pause");
        sched_yield();
    }
}

static void kill_and_wait(pid_t pid)
{
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(child_end(pid), SIGKILL);
}

static void calls_end_meanwhile(void)
{
    int listener = listener_set(), file = (int)CHECK_OK(open("/dev/null", O_RDONLY));
    int lowest = (int)CHECK_OK(dup(file));
    pid_t target, supervisor, sender;

    CHECK_OK(close(lowest));
    given = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(given != MAP_FAILED);
    clock_gettime(CLOCK_MONOTONIC, &race_begin);
    CHECK(signal(SIGUSR1, SIG_IGN) != SIG_ERR); /* until the target has its handler */
    target = (pid_t)CHECK_OK(fork());
    if (target == 0)
        take_descriptors(lowest);
    supervisor = (pid_t)CHECK_OK(fork());
    if (supervisor == 0)
        give_descriptors(listener, file);
    sender = (pid_t)CHECK_OK(fork());
    if (sender == 0)
        send_signals(target);
    CHECK_OK(waitid(P_PID, (id_t)target, NULL, WEXITED | WNOWAIT));
    kill_and_wait(sender); /* while the number is the target's still */
    kill_and_wait(supervisor);
    CHECK_EQ(child_end(target), 0);
    CHECK(atomic_load(given) > 0);
}

/* ---- filters in common ---- */

static atomic_int done;

static void *waits(void *unused)
{
    while (!atomic_load(&done))
        sched_yield();
    return unused;
}

static void set_in_all(int times)
{
    FILTER_ONE(one, TRIED, LX_SECCOMP_RET_ERRNO | 5);

    for (int i = 0; i < times; i++)
        CHECK_EQ(FILTER_SET(one, LX_SECCOMP_FILTER_FLAG_TSYNC), 0);
}

/* Threads that are behind by different numbers of them. */
static void set_beside_others(void)
{
    FILTER_ONE(one, TRIED, LX_SECCOMP_RET_ERRNO | 5);
    pthread_t threads[4];

    for (int round = 0; round < 20; round++) {
        atomic_store(&done, 0);
        for (int i = 0; i < 4; i++) {
            CHECK_EQ(pthread_create(&threads[i], NULL, waits, NULL), 0);
            CHECK_EQ(FILTER_SET(one, 0), 0);
        }
        set_in_all(4);
        atomic_store(&done, 1);
        for (int i = 0; i < 4; i++)
            CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
}

static void filters_in_common(void)
{
    pid_t pids[4];

    forgo_rights();
    set_in_all(30);
    for (int i = 0; i < 4; i++) {
        pids[i] = (pid_t)CHECK_OK(fork());
        if (pids[i] == 0) {
            set_beside_others();
            _exit(0);
        }
    }
    for (int i = 0; i < 4; i++)
        CHECK_EQ(child_end(pids[i]), 0);
}

/* ---- one that goes ---- */

static void supervisor_goes(void)
{
    int listener = listener_set();
    pid_t target = (pid_t)CHECK_OK(fork()), supervisor;

    if (target == 0) {
        close(listener);
        while (raw1(TRIED, 0) >= 0)
            ;
        CHECK_EQ(raw1(TRIED, 0), -ENOSYS);
        raw1(SYS_exit_group, 0);
    }
    supervisor = (pid_t)CHECK_OK(fork());
    if (supervisor == 0)
        give_descriptors(listener, 0);
    close(listener);
    while (atomic_load(given) == 0 && kill(target, 0) == 0)
        sched_yield();
    kill_and_wait(supervisor);
    CHECK_EQ(child_end(target), 0);
}

int main(void)
{
    for (int i = 0; i < 3; i++)
        CHECK_EQ(child_status(calls_end_meanwhile), 0);
    CHECK_EQ(child_status(filters_in_common), 0);
    given = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 10; i++) {
        atomic_store(given, 0);
        CHECK_EQ(child_status(supervisor_goes), 0);
    }
    return 0;
}
