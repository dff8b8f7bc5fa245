/* SPDX-License-Identifier: MIT */
/*
 * stress_ptrace [SECONDS]: tracers against tracees that fork, execute, make threads, stop and die,
 * and against each other. Nothing is checked but that all of it comes to an end: what a request
 * answers depends on who was quicker.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "tests/user/lib/child.h"
#include "tests/user/lib/ptrace.h"

#define VICTIMS 4
#define TRACERS 3

static struct {
    volatile pid_t victims[VICTIMS];
} * shared;

static pid_t tracers[TRACERS];
static unsigned seed;
static char *program;
static volatile long word;

static unsigned draw(unsigned below)
{
    return (unsigned)rand_r(&seed) % below;
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void handler(int number)
{
    (void)number;
}

/* ---- victims ---- */

static void *count(void *argument)
{
    for (int i = 0; i < 100; i++)
        word++;
    if (argument)
        raw1(SYS_exit, 3);
    return NULL;
}

static void make_thread(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, count, draw(2) ? &seed : NULL) != 0)
        return;
    if (draw(2))
        pthread_join(thread, NULL);
    else
        pthread_detach(thread);
}

static void make_child(void)
{
    pid_t pid = draw(2) ? fork() : vfork();

    if (pid == 0)
        _exit(2);
    if (pid > 0)
        while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
            continue;
}

static void execute(void)
{
    static char mode[] = "victim";
    char *args[] = {program, mode, NULL};

    execv(program, args);
}

static void *from_thread(void *argument)
{
    (void)argument;
    if (draw(2))
        execute();
    raise(SIGUSR1);
    if (draw(4) == 0)
        _exit(4);
    return NULL;
}

static void be_victim(void)
{
    pthread_t thread;

    signal(SIGUSR1, handler);
    seed = (unsigned)getpid() ^ (unsigned)(now() * 1e6);
    for (;;) {
        switch (draw(32)) {
        case 0:
            execute();
            break;
        case 1:
            if (pthread_create(&thread, NULL, from_thread, NULL) == 0)
                pthread_detach(thread);
            break;
        case 2:
            kill(getpid(), SIGSTOP);
            break;
        case 3:
            __asm__ volatile("int3");
            break;
        case 4:
            trace(PTRACE_TRACEME, 0, 0, 0);
            break;
        case 5:
            if (draw(8) == 0)
                _exit(1);
            break;
        case 6 ... 10:
            make_thread();
            break;
        case 11 ... 14:
            make_child();
            break;
        default:
            raise(SIGUSR1);
            sched_yield();
        }
    }
}

/* ---- tracers ---- */

/* What they make comes by the options alone: no other process of a host is touched. */
static pid_t some_victim(void)
{
    return shared->victims[draw(VICTIMS)];
}

static void act_on(pid_t pid)
{
    static const long resumes[] = {PTRACE_CONT, PTRACE_SYSCALL, PTRACE_SINGLESTEP};
    struct user_regs_struct regs;
    unsigned long value;

    if (trace(PTRACE_GETREGS, pid, 0, (unsigned long)&regs) == 0)
        trace(PTRACE_SETREGS, pid, 0, (unsigned long)&regs);
    if (trace(PTRACE_PEEKDATA, pid, (unsigned long)&word, (unsigned long)&value) == 0)
        trace(PTRACE_POKEDATA, pid, (unsigned long)&word, value);
    switch (draw(16)) {
    case 0:
        trace(PTRACE_DETACH, pid, 0, draw(2) ? 0 : SIGCONT);
        return;
    case 1:
        trace(PTRACE_SETOPTIONS, pid, 0, draw(2) ? 0xff : 0x1000fe);
        break;
    case 2:
        if (trace(PTRACE_LISTEN, pid, 0, 0) == 0)
            return;
    }
    trace(resumes[draw(3)], pid, 0, draw(4) ? 0 : SIGUSR1);
}

static void be_tracer(void)
{
    seed = (unsigned)getpid() ^ (unsigned)(now() * 1e6);
    while (draw(2000) != 0) {
        int status;
        pid_t pid = waitpid(-1, &status, __WALL | WNOHANG);

        if (pid > 0 && WIFSTOPPED(status)) {
            act_on(pid);
            continue;
        }
        switch (draw(8)) {
        case 0:
            trace(PTRACE_ATTACH, some_victim(), 0, 0);
            break;
        case 1:
            trace(PTRACE_SEIZE, some_victim(), 0, draw(2) ? 0 : 0xff);
            break;
        case 2:
            trace(PTRACE_INTERRUPT, some_victim(), 0, 0);
            break;
        case 3:
            act_on(some_victim());
            break;
        default:
            sched_yield();
        }
    }
    _exit(0);
}

/* ---- the parent of all ---- */

static pid_t start(void (*function)(void))
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0)
        function();
    return pid;
}

static void start_missing(pid_t gone)
{
    for (int i = 0; i < VICTIMS; i++)
        if (shared->victims[i] == gone)
            shared->victims[i] = start(be_victim);
    for (int i = 0; i < TRACERS; i++)
        if (tracers[i] == gone)
            tracers[i] = start(be_tracer);
}

static void disturb(void)
{
    switch (draw(32)) {
    case 0:
        kill(shared->victims[draw(VICTIMS)], SIGKILL);
        break;
    case 1:
        kill(tracers[draw(TRACERS)], SIGKILL);
        break;
    default:
        kill(shared->victims[draw(VICTIMS)], SIGCONT);
    }
    usleep(500);
}

/* Children of victims are orphans then, and end by themselves. */
static void end_all(void)
{
    int status;
    pid_t pid;

    for (int i = 0; i < TRACERS; i++)
        kill(tracers[i], SIGKILL);
    for (int i = 0; i < VICTIMS; i++)
        kill(shared->victims[i], SIGKILL);
    do {
        pid = waitpid(-1, &status, __WALL);
        if (pid > 0 && WIFSTOPPED(status)) { /* one that asked to be traced by this process */
            kill(pid, SIGKILL);
            trace(PTRACE_CONT, pid, 0, 0); /* it may have stopped at its exit */
        }
    } while (pid > 0 || errno == EINTR);
    CHECK_EQ(errno, ECHILD);
}

int main(int argc, char **argv)
{
    double end;

    program = argv[0];
    if (argc == 2 && strcmp(argv[1], "victim") == 0) {
        shared = NULL;
        be_victim();
    }
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    end = now() + (argc == 2 ? atoi(argv[1]) : 2);
    for (int i = 0; i < VICTIMS; i++)
        shared->victims[i] = start(be_victim);
    for (int i = 0; i < TRACERS; i++)
        tracers[i] = start(be_tracer);
    while (now() < end) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG | __WALL);

        if (pid > 0 && WIFSTOPPED(status))
            act_on(pid);
        else if (pid > 0)
            start_missing(pid);
        else
            disturb();
    }
    end_all();
    return 0;
}
