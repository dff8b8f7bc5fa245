/* SPDX-License-Identifier: MIT */
/* ptrace_corners: stops that meet, tracees that go on in a stopped process, the end of a call from
 * an event on, memory that is closed to others, signals that wait, the last stop of a tracee.
 * Long because the corners are many, and share what starts and steers a tracee. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <time.h>

#include "shared/linux/ptrace.h"
#include "tests/user/lib/asleep.h"
#include "tests/user/lib/child.h"
#include "tests/user/lib/ptrace.h"

#define EVENT(event) (SIGTRAP | (event) << 8)
#define SYSGOOD      (SIGTRAP | 0x80)
#define USER         1000
#define PERIOD_NS    1000000
#define STOPPED      0x7f /* a status that is no end */

static volatile int *words; /* shared with children */
static const char *program;

static void sleep_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    while (nanosleep(&time, &time) != 0)
        ;
}

static int next_stop(pid_t pid)
{
    int status;

    CHECK_EQ(waitpid(pid, &status, __WALL), pid);
    CHECK(WIFSTOPPED(status));
    return status >> 8;
}

static void go_on(pid_t pid, int signal)
{
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, (unsigned long)signal), 0);
}

static void expect_end(pid_t pid, int status)
{
    int got;

    CHECK_EQ(waitpid(pid, &got, __WALL), pid);
    CHECK_EQ(got, status);
}

static pid_t traced_child(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        CHECK_OK(ptrace(PTRACE_TRACEME, 0, 0, 0));
        CHECK_OK(raise(SIGSTOP));
        return 0;
    }
    CHECK_EQ(next_stop(pid), SIGSTOP);
    return pid;
}

/* ---- stops ---- */

static void *spin(void *argument)
{
    words[1] = (int)raw0(SYS_gettid);
    for (;;)
        if (argument)
            sched_yield();
    return NULL;
}

/* Two tasks take one stop signal each: whatever becomes of the other, the process stops. The group
 * is its own, with its parent outside, so it is not orphaned. */
static void stops_meet(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());
    pthread_t thread;
    int status;

    if (pid == 0) {
        CHECK_OK(setpgid(0, 0));
        CHECK_EQ(pthread_create(&thread, NULL, spin, NULL), 0);
        words[0] = 1;
        for (;;)
            ;
    }
    while (!words[0] || !words[1])
        sched_yield();
    for (int i = 0; i < 200; i++) {
        CHECK_EQ(raw3(SYS_tgkill, pid, pid, SIGSTOP), 0);
        CHECK_EQ(raw3(SYS_tgkill, pid, words[1], SIGTSTP), 0);
        CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
        CHECK(WIFSTOPPED(status));
        CHECK_OK(kill(pid, SIGCONT));
        CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
        CHECK(WIFCONTINUED(status));
    }
    CHECK_OK(kill(pid, SIGKILL));
    expect_end(pid, SIGKILL);
}

static void *note(void *argument)
{
    words[2] = 1;
    return argument;
}

/* It makes a thread while its process is stopped; that one begins when SIGCONT comes. */
static void thread_of_a_stopped_process(void)
{
    pid_t pid = traced_child();
    pthread_t thread;

    if (pid == 0) {
        raise(SIGSTOP);
        CHECK_EQ(pthread_create(&thread, NULL, note, NULL), 0);
        for (int i = 0; i < 50; i++)
            sched_yield();
        CHECK_EQ(words[2], 0);
        CHECK_EQ(raw3(SYS_tgkill, getpid(), getpid(), SIGCONT), 0);
        CHECK_EQ(pthread_join(thread, NULL), 0);
        CHECK_EQ(words[2], 1);
        _exit(5);
    }
    go_on(pid, 0);
    CHECK_EQ(next_stop(pid), SIGSTOP);
    go_on(pid, SIGSTOP);
    CHECK_EQ(next_stop(pid), SIGSTOP); /* its group's */
    go_on(pid, 0);
    CHECK_EQ(next_stop(pid), SIGCONT);
    go_on(pid, SIGCONT);
    expect_end(pid, 5 << 8);
}

/* ---- calls, timers ---- */

/* The call was not watched when it began. */
static void end_of_a_call_from_an_event(void)
{
    pid_t pid = traced_child();
    unsigned long child;

    if (pid == 0) {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGCHLD);
        CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
        pid = (pid_t)raw0(SYS_fork);
        if (pid == 0)
            _exit(0);
        CHECK_EQ(child_end(pid), 0);
        CHECK_EQ(raw0(SYS_getppid), getppid());
        _exit(7);
    }
    CHECK_EQ(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK), 0);
    go_on(pid, 0);
    CHECK_EQ(next_stop(pid), EVENT(PTRACE_EVENT_FORK));
    CHECK_EQ(trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&child), 0);
    CHECK_EQ(trace(PTRACE_SYSCALL, pid, 0, 0), 0);
    CHECK_EQ(next_stop(pid), SYSGOOD);
    CHECK_EQ(regs_of(pid).orig_rax, SYS_fork);
    CHECK_EQ(regs_of(pid).rax, child);
    CHECK_EQ(next_stop((pid_t)child), SIGSTOP);
    CHECK_EQ(trace(PTRACE_DETACH, (pid_t)child, 0, 0), 0);
    CHECK_EQ(trace(PTRACE_SYSCALL, pid, 0, 0), 0);
    CHECK_EQ(next_stop(pid), SYSGOOD); /* the next one's beginning */
    CHECK_EQ(regs_of(pid).orig_rax, SYS_wait4);
    CHECK_EQ(regs_of(pid).rax, -ENOSYS);
    for (int status = STOPPED; !WIFEXITED(status);) { /* SIGCHLD among them */
        CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
        CHECK_EQ(waitpid(pid, &status, __WALL), pid);
        if (WIFEXITED(status))
            CHECK_EQ(WEXITSTATUS(status), 7);
    }
}

static void overrun_note(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    if (!words[3])
        words[3] = 1 + info->si_overrun;
}

/* What the tracer sees of a timer's signal is what the handler gets, though the timer has gone off
 * again meanwhile. */
static void overruns_are_counted_once(void)
{
    struct sigaction action = {.sa_sigaction = overrun_note, .sa_flags = SA_SIGINFO};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    struct itimerspec period = {{0, PERIOD_NS}, {0, PERIOD_NS}};
    pid_t pid = traced_child();
    siginfo_t info;
    timer_t timer;
    sigset_t set;

    if (pid == 0) {
        sigemptyset(&set);
        sigaddset(&set, SIGRTMIN);
        CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
        CHECK_OK(sigaction(SIGRTMIN, &action, NULL));
        CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
        CHECK_OK(timer_settime(timer, 0, &period, NULL));
        sleep_ms(50);
        CHECK_OK(sigprocmask(SIG_UNBLOCK, &set, NULL));
        _exit(words[3] > 0 ? 0 : 1);
    }
    go_on(pid, 0);
    CHECK_EQ(next_stop(pid), SIGRTMIN);
    CHECK_EQ(trace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info), 0);
    CHECK_EQ(info.si_code, SI_TIMER);
    CHECK(info.si_overrun > 0);
    sleep_ms(20);
    go_on(pid, SIGRTMIN);
    for (int status = STOPPED; !WIFEXITED(status);) {
        CHECK_EQ(waitpid(pid, &status, __WALL), pid);
        if (WIFEXITED(status))
            CHECK_EQ(WEXITSTATUS(status), 0);
        else
            go_on(pid, 0);
    }
    CHECK_EQ(words[3], 1 + info.si_overrun);
}

/* ---- memory ---- */

static void memory_closed_to_others(void)
{
    pid_t pid = traced_child();
    unsigned long word = 0, at = (unsigned long)&program;

    if (pid == 0)
        _exit(0);
    CHECK_EQ(trace(PTRACE_PEEKDATA, pid, at, (unsigned long)&word), 0);
    CHECK_EQ(trace(PTRACE_KILL, pid, 0, 0), 0);
    expect_end(pid, SIGKILL);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        /* What its tracer may do goes by what it could do itself when it asked. */
        if (getuid() == 0)
            CHECK_EQ(raw3(SYS_setresuid, USER, USER, USER), 0);
        CHECK_OK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
        CHECK_OK(ptrace(PTRACE_TRACEME, 0, 0, 0));
        CHECK_OK(raise(SIGSTOP));
        CHECK_OK(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
        CHECK_OK(raise(SIGSTOP));
        _exit(3);
    }
    CHECK_EQ(next_stop(pid), SIGSTOP);
    CHECK_EQ(trace(PTRACE_PEEKDATA, pid, at, (unsigned long)&word), 0);
    go_on(pid, 0);
    CHECK_EQ(next_stop(pid), SIGSTOP);
    CHECK_EQ(trace(PTRACE_PEEKDATA, pid, at, (unsigned long)&word), -EIO);
    CHECK_EQ(trace(PTRACE_POKEDATA, pid, at, 0), -EIO);
    CHECK_EQ(regs_of(pid).rip != 0, 1);
    go_on(pid, 0);
    expect_end(pid, 3 << 8);
}

static void shared_memory_without_rights(void)
{
    unsigned long *page =
                      mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
                  word = 0;
    pid_t pid;

    CHECK(page != MAP_FAILED);
    *page = 4711;
    CHECK_OK(mprotect(page, 4096, PROT_NONE));
    pid = traced_child();
    if (pid == 0)
        _exit(0);
    CHECK_EQ(trace(PTRACE_PEEKDATA, pid, (unsigned long)page, (unsigned long)&word), 0);
    CHECK_EQ(word, 4711);
    CHECK_EQ(trace(PTRACE_POKEDATA, pid, (unsigned long)page, 1), -EIO);
    go_on(pid, 0);
    expect_end(pid, 0);
    CHECK_OK(munmap(page, 4096));
}

/* ---- signals that wait ---- */

static long peek(pid_t pid, uint64_t first, uint32_t flags, int count, siginfo_t *to)
{
    struct lx_peeksiginfo which = {first, flags, count};

    return trace(LX_PTRACE_PEEKSIGINFO, pid, (unsigned long)&which, (unsigned long)to);
}

static void waiting_signals_are_seen(void)
{
    const uint32_t shared = LX_PTRACE_PEEKSIGINFO_SHARED;
    pid_t pid = traced_child();
    siginfo_t info[8];
    sigset_t set;

    if (pid == 0) {
        sigfillset(&set);
        sigdelset(&set, SIGINT);
        CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
        for (int i = 0; i < 5; i++)
            CHECK_OK(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 10 + i}));
        CHECK_EQ(raw3(SYS_tgkill, getpid(), raw0(SYS_gettid), SIGUSR1), 0);
        CHECK_EQ(raw3(SYS_tgkill, getpid(), raw0(SYS_gettid), SIGINT), 0);
        _exit(0);
    }
    go_on(pid, 0);
    CHECK_EQ(next_stop(pid), SIGINT);
    CHECK_EQ(peek(pid, 0, shared, 8, info), 5);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(info[i].si_signo, SIGRTMIN);
        CHECK_EQ(info[i].si_code, SI_QUEUE);
        CHECK_EQ(info[i].si_pid, pid);
        CHECK_EQ(info[i].si_value.sival_int, 10 + i);
    }
    CHECK_EQ(peek(pid, 3, shared, 8, info), 2);
    CHECK_EQ(info[0].si_value.sival_int, 13);
    CHECK_EQ(peek(pid, 1, shared, 2, info), 2);
    CHECK_EQ(peek(pid, 5, shared, 2, info), 0);
    CHECK_EQ(peek(pid, ~0ULL, shared, 2, info), 0);
    CHECK_EQ(peek(pid, 0, 0, 8, info), 1);
    CHECK_EQ(info[0].si_signo, SIGUSR1);
    CHECK_EQ(info[0].si_code, SI_TKILL);
    CHECK_EQ(peek(pid, 0, 2, 8, info), -EINVAL);
    CHECK_EQ(peek(pid, 0, 0, -1, info), -EINVAL);
    CHECK_EQ(peek(pid, 0, shared, 1, (siginfo_t *)8), -EFAULT);
    CHECK_EQ(trace(LX_PTRACE_PEEKSIGINFO, pid, 8, (unsigned long)info), -EFAULT);
    go_on(pid, 0);
    expect_end(pid, 0);
}

/* ---- ends ---- */

static void killed_and_seen_at_the_end(void)
{
    pid_t pid = traced_child();
    unsigned long message = 0;

    if (pid == 0)
        for (;;)
            pause();
    CHECK_EQ(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT), 0);
    go_on(pid, 0);
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(next_stop(pid), EVENT(PTRACE_EVENT_EXIT));
    CHECK_EQ(trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&message), 0);
    CHECK_EQ(message, SIGKILL);
    CHECK(regs_of(pid).rip != 0);
    CHECK_OK(kill(pid, SIGKILL)); /* it is dying already */
    sleep_ms(5);
    CHECK(regs_of(pid).rip != 0);
    go_on(pid, 0);
    expect_end(pid, SIGKILL);
}

/* Three that trace each other in a circle: on Linux their ends would wait for each other. */
static void killed_in_a_circle(void)
{
    struct utsname name;
    pid_t pids[3];

    CHECK_OK(uname(&name));
    if (!strstr(name.release, "firstlight"))
        return;
    for (int i = 0; i < 3; i++)
        words[4 + i] = 0;
    for (int i = 0; i < 3; i++) {
        pids[i] = (pid_t)CHECK_OK(fork());
        if (pids[i] != 0)
            continue;
        while (!words[8])
            sched_yield();
        CHECK_EQ(trace(PTRACE_SEIZE, words[5 + (i + 1) % 3], 0, PTRACE_O_TRACEEXIT), 0);
        __atomic_fetch_add(&words[4], 1, __ATOMIC_SEQ_CST);
        for (;;)
            pause();
    }
    for (int i = 0; i < 3; i++)
        words[5 + i] = pids[i];
    words[8] = 1;
    while (words[4] < 3)
        sched_yield();
    for (int i = 0; i < 3; i++)
        CHECK_OK(kill(pids[i], SIGKILL));
    for (int i = 0; i < 3; i++)
        expect_end(pids[i], SIGKILL);
    words[8] = 0;
}

/* ---- families ---- */

/* The child was made by another program, which had asked for SIGUSR1. */
static int parent_has_changed(void)
{
    const struct timespec patience = {20, 0};
    siginfo_t info;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGCHLD);
    CHECK_OK(close(9));
    CHECK_EQ(CHECK_OK(sigtimedwait(&set, &info, &patience)), SIGCHLD);
    CHECK_EQ(info.si_code, CLD_EXITED);
    CHECK_EQ(waitpid(-1, NULL, __WALL), info.si_pid);
    return 0;
}

static void exec_parent(void)
{
    static char argument[] = "parent";
    char *args[] = {argument, argument, NULL};
    sigset_t set;
    char byte;
    int fds[2];

    sigfillset(&set);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    CHECK_OK(pipe(fds));
    CHECK_EQ(dup2(fds[1], 9), 9);
    CHECK_OK(close(fds[1]));
    if (CHECK_OK(raw6(SYS_clone, SIGUSR1, 0, 0, 0, 0, 0)) == 0) {
        CHECK_OK(close(9));
        CHECK_EQ(read(fds[0], &byte, 1), 0);
        _exit(0);
    }
    execv("/proc/self/exe", args);
    execv(program, args);
}

/* Waiting by group passes over many others. */
static void groups_are_waited_for(void)
{
    pid_t pids[40];

    for (int i = 0; i < 40; i++) {
        pids[i] = (pid_t)CHECK_OK(fork());
        if (pids[i] == 0) {
            CHECK_OK(ptrace(PTRACE_TRACEME, 0, 0, 0));
            if (i == 39)
                CHECK_OK(setpgid(0, 0));
            raise(SIGSTOP);
            _exit(i);
        }
    }
    for (int i = 0; i < 40; i++) {
        siginfo_t info;

        CHECK_EQ(waitid(P_PID, (id_t)pids[i], &info, WSTOPPED | WNOWAIT), 0);
    }
    CHECK_EQ(waitpid(-pids[39], NULL, 0), pids[39]);
    CHECK_EQ(waitpid(-pids[39], NULL, WNOHANG), 0);
    CHECK_ERR(waitpid(-pids[38], NULL, WNOHANG), ECHILD);
    go_on(pids[39], 0);
    CHECK_EQ(waitpid(-pids[39], NULL, 0), pids[39]);
    CHECK_ERR(waitpid(-pids[39], NULL, 0), ECHILD);
    for (int i = 0; i < 39; i++) {
        pid_t pid = (pid_t)CHECK_OK(waitpid(0, NULL, 0));

        go_on(pid, 0);
        CHECK_EQ(waitpid(pid, NULL, 0), pid);
    }
}

/* ---- a sleep that a stop has interrupted ---- */

static uint64_t now_ms(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* It goes on by restart_syscall(2), with what is left of its time, as often as it is stopped. */
static void sleep_goes_on(void)
{
    struct lx_syscall_info info;
    uint64_t begin = now_ms();
    pid_t pid;

    CHECK_EQ(raw0(SYS_restart_syscall), -EINTR);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        struct timespec time = {0, 700000000};

        _exit((int)-raw4(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &time, 0));
    }
    asleep_await(pid);
    CHECK_EQ(trace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(trace(PTRACE_INTERRUPT, pid, 0, 0), 0);
        CHECK_EQ(next_stop(pid), EVENT(PTRACE_EVENT_STOP));
        CHECK_EQ(trace(PTRACE_SYSCALL, pid, 0, 0), 0);
        CHECK_EQ(next_stop(pid), SYSGOOD);
        CHECK(trace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), (unsigned long)&info) > 0);
        CHECK_EQ(info.op, PTRACE_SYSCALL_INFO_ENTRY);
        CHECK_EQ(info.entry.number, SYS_restart_syscall);
        go_on(pid, 0);
        sleep_ms(50);
    }
    expect_end(pid, 0);
    CHECK(now_ms() - begin >= 690);
    CHECK(now_ms() - begin < 60000);
}

int main(int argc, char **argv)
{
    if (argc == 2)
        return parent_has_changed();
    program = argv[0];
    words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(words != MAP_FAILED);
    stops_meet();
    thread_of_a_stopped_process();
    end_of_a_call_from_an_event();
    overruns_are_counted_once();
    memory_closed_to_others();
    shared_memory_without_rights();
    waiting_signals_are_seen();
    killed_and_seen_at_the_end();
    killed_in_a_circle();
    CHECK_EQ(child_status(exec_parent), 0);
    groups_are_waited_for();
    sleep_goes_on();
    return 0;
}
