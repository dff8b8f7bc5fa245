/* SPDX-License-Identifier: MIT */
/*
 * stress_seccomp [SECONDS]: processes whose threads set filters for themselves and for all, begin,
 * end, fork and execute, while a supervisor answers some of their calls, and a tracer reads their
 * filters and kills them. Nothing is checked but that all of it comes to an end: what a call
 * answers depends on who was quicker.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/linux/ptrace.h"
#include "tests/user/lib/ptrace.h"
#include "tests/user/lib/seccomp.h"
#include "tests/user/lib/stress.h"

#define VICTIMS 3
#define THREADS 4
#define SET     20 /* filters that a process sets, about: each call runs through all of them */

static char *program;

static unsigned draw(uint64_t *state, unsigned below)
{
    return random_next(state) % below;
}

/* ---- victims ---- */

static void set_some(uint64_t *state)
{
    static const uint32_t actions[] = {
        LX_SECCOMP_RET_ALLOW,       LX_SECCOMP_RET_ALLOW,      LX_SECCOMP_RET_USER_NOTIF,
        LX_SECCOMP_RET_ERRNO | 5,   LX_SECCOMP_RET_TRACE,      LX_SECCOMP_RET_ALLOW,
        LX_SECCOMP_RET_KILL_THREAD, LX_SECCOMP_RET_USER_NOTIF, LX_SECCOMP_RET_KILL_PROCESS};
    FILTER_ONE(one, draw(state, 40) ? TRIED : SYS_sched_yield,
               actions[draw(state, draw(state, 10) ? 6 : 9)]);

    FILTER_SET(one, draw(state, 4) ? LX_SECCOMP_FILTER_FLAG_TSYNC : 0);
}

static void *begin_and_end(void *unused)
{
    raw1(TRIED, 0);
    return unused;
}

static void make_thread(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, begin_and_end, NULL) == 0)
        pthread_detach(thread);
}

static void make_child(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        raw1(TRIED, 0);
        _exit(0);
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

static void *be_victim(void *argument)
{
    uint64_t state = (uint64_t)argument ^ now_ns();

    for (;;) {
        switch (draw(&state, 64)) {
        case 0 ... 3:
            if (draw(&state, THREADS * 64) < SET)
                set_some(&state);
            break;
        case 4 ... 9:
            make_thread();
            break;
        case 10 ... 12:
            make_child();
            break;
        case 13:
            if (draw(&state, 40) == 0)
                execl(program, program, "victim", NULL);
            break;
        case 14:
            if (draw(&state, 40) == 0)
                return NULL;
            break;
        default:
            raw1(TRIED, 0);
            sched_yield();
        }
    }
}

/* Answers, or does not, and goes away now and then. */
static void supervise(int fd)
{
    uint64_t state = now_ns();
    struct pollfd one = {fd, POLLIN, 0};

    while (poll(&one, 1, 1000) == 1 && !(one.revents & POLLHUP) && draw(&state, 500)) {
        struct lx_seccomp_notif told = {0};
        struct lx_seccomp_notif_resp reply = {.error = -5};
        struct lx_seccomp_notif_addfd what = {.flags = LX_SECCOMP_ADDFD_FLAG_SEND};

        if (raw3(SYS_ioctl, fd, LX_SECCOMP_IOCTL_NOTIF_RECV, &told))
            continue;
        what.id = reply.id = told.id;
        if (draw(&state, 4) == 0)
            reply = (struct lx_seccomp_notif_resp){.id = told.id, .flags = 1};
        if (draw(&state, 8) == 0)
            raw3(SYS_ioctl, fd, LX_SECCOMP_IOCTL_NOTIF_ADDFD, &what);
        raw3(SYS_ioctl, fd, LX_SECCOMP_IOCTL_NOTIF_SEND, &reply);
    }
    _exit(0);
}

static void victims_run(void *unused)
{
    FILTER_ONE(one, TRIED, LX_SECCOMP_RET_ALLOW);
    long fd;

    (void)unused;
    setpgid(0, 0); /* with all that it makes */
    forgo_rights();
    fd = FILTER_SET(one, LX_SECCOMP_FILTER_FLAG_NEW_LISTENER);
    if (fd >= 0 && fork() == 0)
        supervise((int)fd);
    if (fd >= 0)
        close((int)fd);
    for (uint64_t i = 1; i < THREADS; i++) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, be_victim, (void *)(i << 32)) == 0)
            pthread_detach(thread);
    }
    be_victim(NULL);
    for (;;)
        pause();
}

/* ---- the tracer ---- */

static void look(pid_t pid, uint64_t *state)
{
    struct lx_sock_filter insns[4096];
    int status = 0;

    if (trace(LX_PTRACE_SEIZE, pid, 0, 1ul << LX_PTRACE_EVENT_SECCOMP))
        return;
    trace(LX_PTRACE_INTERRUPT, pid, 0, 0);
    for (int stops = 0; stops < 8; stops++) {
        /* A leader that was killed alone has no stop and, before the others end, no end to tell. */
        int tries = 0;

        while (waitpid(pid, &status, __WALL | WNOHANG) == 0 && tries++ < 100)
            sleep_ns(100000);
        if (tries > 100 || !WIFSTOPPED(status))
            return;
        for (unsigned i = 0; i < 30; i++)
            trace(LX_PTRACE_SECCOMP_GET_FILTER, pid, draw(state, 40), (unsigned long)insns);
        trace(stops < 7 ? LX_PTRACE_CONT : LX_PTRACE_DETACH, pid, 0, 0);
        trace(LX_PTRACE_INTERRUPT, pid, 0, 0);
    }
}

int main(int argc, char **argv)
{
    uint64_t state = now_ns();

    program = argv[0];
    if (argc > 1 && !strcmp(argv[1], "victim"))
        victims_run(NULL);
    stress_begin(argc, argv);
    CHECK_OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    while (stress_goes_on()) {
        pid_t victims[VICTIMS];

        for (int i = 0; i < VICTIMS; i++)
            victims[i] = child_start(victims_run, NULL);
        for (int i = 0; i < 10; i++) {
            sleep_ns(random_next(&state) % 5000000);
            look(victims[draw(&state, VICTIMS)], &state);
        }
        for (int i = 0; i < VICTIMS; i++) {
            setpgid(victims[i], 0);
            kill(-victims[i], SIGKILL);
        }
        while (waitpid(-1, NULL, __WALL) > 0)
            continue;
    }
    return 0;
}
