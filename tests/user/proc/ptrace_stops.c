/* SPDX-License-Identifier: MIT */
/* ptrace_stops: what a tracer sees of its tracees and does to them, stop by stop.
 * Long because the behaviours are many and share what starts and steers a tracee. */
#define _GNU_SOURCE
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "shared/linux/ptrace.h"
#include "tests/user/lib/asleep.h"
#include "tests/user/lib/child.h"
#include "tests/user/lib/ptrace.h"

#define EVENT_OF(status) ((status) >> 16)
#define SYSGOOD          (SIGTRAP | 0x80)
#define NOT_THERE        0x3fffffff

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

static volatile long shared_word = 0x1122334455667788;
static volatile int handled;

/* The next stop of that one; its whole status. */
static int next_stop(pid_t pid)
{
    int status;

    CHECK_EQ(waitpid(pid, &status, __WALL), pid);
    CHECK(WIFSTOPPED(status));
    return status;
}

static void expect_end(pid_t pid, int code)
{
    int status;

    CHECK_EQ(waitpid(pid, &status, __WALL), pid);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), code);
}

static void expect_killed(pid_t pid, int signal)
{
    int status;

    CHECK_EQ(waitpid(pid, &status, __WALL), pid);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), signal);
}

/* A child that is traced and has stopped itself; in the child this returns once it is let go on. */
static pid_t traced_child(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        CHECK_OK(ptrace(PTRACE_TRACEME, 0, 0, 0));
        CHECK_EQ(trace(PTRACE_TRACEME, 0, 0, 0), -EPERM);
        CHECK_OK(raise(SIGSTOP));
        return 0;
    }
    CHECK_EQ(next_stop(pid) >> 8, SIGSTOP);
    return pid;
}

static void handler(int number)
{
    handled += number;
}

/* ---- signals ---- */

static void signals_are_the_tracers(void)
{
    pid_t pid = traced_child();
    siginfo_t info;

    if (pid == 0) {
        CHECK(signal(SIGUSR1, handler) != SIG_ERR && signal(SIGWINCH, SIG_IGN) != SIG_ERR);
        CHECK_OK(raise(SIGUSR1)); /* kept from it */
        CHECK_EQ(handled, 0);
        CHECK_OK(raise(SIGWINCH)); /* becomes another */
        CHECK_EQ(handled, SIGUSR1);
        CHECK_OK(raise(SIGUSR1)); /* as it is */
        _exit(handled == 2 * SIGUSR1 ? 5 : 6);
    }
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
    CHECK_EQ(next_stop(pid) >> 8, SIGUSR1);
    CHECK_EQ(trace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info), 0);
    CHECK_EQ(info.si_signo, SIGUSR1);
    CHECK_EQ(info.si_code, SI_TKILL);
    CHECK_EQ(info.si_pid, pid);
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
    CHECK_EQ(next_stop(pid) >> 8, SIGWINCH);
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, SIGUSR1), 0);
    CHECK_EQ(next_stop(pid) >> 8, SIGUSR1);
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 65), -EIO);
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, SIGUSR1), 0);
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), -ESRCH); /* it runs, or has ended */
    expect_end(pid, 5);
}

static void a_fatal_one_is_seen_first(void)
{
    pid_t pid = traced_child();

    if (pid == 0) {
        raise(SIGTERM);
        _exit(1);
    }
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
    CHECK_EQ(next_stop(pid) >> 8, SIGTERM);
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, SIGTERM), 0);
    expect_killed(pid, SIGTERM);
    pid = traced_child();
    if (pid == 0)
        _exit(1);
    CHECK_OK(kill(pid, SIGKILL)); /* out of the stop, without one */
    expect_killed(pid, SIGKILL);
}

/* ---- memory and registers ---- */

/* Read-only and executable: written all the same, for this process alone. */
static __attribute__((noinline)) long seven(void)
{
    long value;

    __asm__ volatile("movl $7, %k0" : "=r"(value));
    return value;
}

static void memory_is_read_and_written(void)
{
    pid_t pid = traced_child();
    unsigned long word = 0, text = (unsigned long)seven;

    if (pid == 0) {
        CHECK_EQ(shared_word, 42);
        _exit((int)seven());
    }
    CHECK_EQ(trace(PTRACE_PEEKDATA, pid, (unsigned long)&shared_word, (unsigned long)&word), 0);
    CHECK_EQ(word, 0x1122334455667788);
    CHECK_EQ(trace(PTRACE_POKEDATA, pid, (unsigned long)&shared_word, 42), 0);
    CHECK_EQ(shared_word, 0x1122334455667788);
    CHECK_EQ(trace(PTRACE_PEEKDATA, pid, 16, (unsigned long)&word), -EIO);
    CHECK_EQ(trace(PTRACE_POKEDATA, pid, ~7UL, 1), -EIO);
    CHECK_EQ(trace(PTRACE_PEEKDATA, pid, (unsigned long)&shared_word, 8), -EFAULT);
    for (int i = 0; i < 32; i++) { /* the 7 of its instruction becomes 9 */
        CHECK_EQ(trace(PTRACE_PEEKTEXT, pid, text + (unsigned long)i, (unsigned long)&word), 0);
        if ((word & 0xffffffff) != 7)
            continue;
        CHECK_EQ(trace(PTRACE_POKETEXT, pid, text + (unsigned long)i, word + 2), 0);
        break;
    }
    CHECK_EQ(seven(), 7);
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
    expect_end(pid, 9);
}

static void registers_are_read_and_written(void)
{
    pid_t pid = traced_child();
    struct user_regs_struct regs, again;
    struct user_fpregs_struct fpu;
    struct iovec part = {&again, sizeof(again)};
    unsigned long word;

    if (pid == 0) {
        long value = 0;

        /* A breakpoint; RBX, which no call may change, is changed behind it. */
        __asm__ volatile("xorl %%ebx, %%ebx\n\tint3\n\tmovq %%rbx, %0" : "=r"(value)::"rbx");
        _exit((int)value);
    }
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
    CHECK_EQ(next_stop(pid) >> 8, SIGTRAP);
    regs = regs_of(pid);
    CHECK_EQ(regs.rbx, 0);
    CHECK_EQ(regs.orig_rax, -1);
    CHECK_EQ(regs.cs, 0x33);
    CHECK_EQ(trace(PTRACE_PEEKTEXT, pid, regs.rip - 1, (unsigned long)&word), 0);
    CHECK_EQ(word & 0xff, 0xcc);
    CHECK_EQ(trace(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.rip), (unsigned long)&word), 0);
    CHECK_EQ(word, regs.rip);
    CHECK_EQ(trace(PTRACE_PEEKUSER, pid, 4, (unsigned long)&word), -EIO);
    CHECK_EQ(trace(PTRACE_PEEKUSER, pid, 1 << 20, (unsigned long)&word), -EIO);
    CHECK_EQ(trace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[7]), 0), 0);
    regs.rbx = 33;
    CHECK_EQ(trace(PTRACE_SETREGS, pid, 0, (unsigned long)&regs), 0);
    CHECK_EQ(trace(PTRACE_GETREGSET, pid, 1, (unsigned long)&part), 0);
    CHECK_EQ(part.iov_len, sizeof(again));
    CHECK_EQ(memcmp(&again, &regs, sizeof(regs)), 0);
    CHECK_EQ(trace(PTRACE_GETREGSET, pid, 99, (unsigned long)&part), -EINVAL);
    regs.cs = 0x10; /* no tracer makes it run as the kernel */
    CHECK_EQ(trace(PTRACE_SETREGS, pid, 0, (unsigned long)&regs), -EIO);
    CHECK_EQ(trace(PTRACE_GETFPREGS, pid, 0, (unsigned long)&fpu), 0);
    CHECK_EQ(fpu.cwd, 0x37f);
    fpu.mxcsr = 0xffffffff;
    CHECK_EQ(trace(PTRACE_SETFPREGS, pid, 0, (unsigned long)&fpu), -EINVAL);
    CHECK_EQ(trace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.rbx), 34), 0);
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
    expect_end(pid, 34);
}

static void a_step_is_one_instruction(void)
{
    pid_t pid = traced_child();
    unsigned long rip, steps = 0;

    if (pid == 0) {
        __asm__ volatile("int3\n\tnop\n\tnop\n\tnop\n\tint3" ::: "memory");
        _exit(3);
    }
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
    CHECK_EQ(next_stop(pid) >> 8, SIGTRAP);
    rip = regs_of(pid).rip;
    for (; regs_of(pid).rip < rip + 3; steps++) {
        CHECK_EQ(trace(PTRACE_SINGLESTEP, pid, 0, 0), 0);
        CHECK_EQ(next_stop(pid) >> 8, SIGTRAP);
        CHECK_EQ(regs_of(pid).eflags & 0x100, 0);
    }
    CHECK_EQ(steps, 3);
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
    CHECK_EQ(next_stop(pid) >> 8, SIGTRAP);
    /* Through the call of exit, too, one at a time. */
    for (int status = 0, i = 0; !WIFEXITED(status); i++) {
        CHECK(i < 10000);
        CHECK_EQ(trace(PTRACE_SINGLESTEP, pid, 0, 0), 0);
        CHECK_EQ(waitpid(pid, &status, __WALL), pid);
        if (WIFEXITED(status))
            CHECK_EQ(WEXITSTATUS(status), 3);
        else
            CHECK_EQ(status >> 8, SIGTRAP);
    }
}

/* ---- calls ---- */

static void calls_are_seen_and_changed(void)
{
    pid_t pid = traced_child();
    struct user_regs_struct regs;
    struct lx_syscall_info info; /* not every libc has it */
    int own = 0;

    if (pid == 0) {
        own = getpid();
        CHECK_EQ(raw3(SYS_lseek, 77, 0x1234567, 2), -EBADF);
        CHECK_EQ(raw0(SYS_getppid), 4711); /* the result is changed */
        CHECK_EQ(raw0(SYS_getppid), own);  /* another call is made */
        CHECK_EQ(raw0(SYS_getppid), 815);  /* none is made */
        _exit(7);
    }
    CHECK_EQ(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD), 0);
    CHECK_EQ(trace(PTRACE_SETOPTIONS, pid, 0, 1UL << 40), -EINVAL);
    do {
        CHECK_EQ(trace(PTRACE_SYSCALL, pid, 0, 0), 0);
        CHECK_EQ(next_stop(pid) >> 8, SYSGOOD);
        regs = regs_of(pid);
    } while (regs.orig_rax != SYS_lseek);
    CHECK_EQ(regs.rax, -ENOSYS);
    CHECK_EQ(regs.rdi, 77);
    CHECK_EQ(trace(LX_PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), (unsigned long)&info), 80);
    CHECK_EQ(info.op, 1);
    CHECK_EQ(info.entry.number, SYS_lseek);
    CHECK_EQ(info.entry.args[1], 0x1234567);
    CHECK_EQ(trace(PTRACE_SYSCALL, pid, 0, 0), 0);
    CHECK_EQ(next_stop(pid) >> 8, SYSGOOD);
    CHECK_EQ(regs_of(pid).rax, -EBADF);
    CHECK_EQ(trace(LX_PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), (unsigned long)&info), 33);
    CHECK_EQ(info.op, 2);
    CHECK_EQ(info.exit.value, -EBADF);
    CHECK_EQ(info.exit.is_error, 1);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(trace(PTRACE_SYSCALL, pid, 0, 0), 0);
        CHECK_EQ(next_stop(pid) >> 8, SYSGOOD);
        regs = regs_of(pid);
        CHECK_EQ(regs.orig_rax, SYS_getppid);
        if (i == 1)
            regs.orig_rax = SYS_getpid;
        if (i == 2)
            regs.orig_rax = (unsigned long)-1, regs.rax = 815;
        CHECK_EQ(trace(PTRACE_SETREGS, pid, 0, (unsigned long)&regs), 0);
        CHECK_EQ(trace(PTRACE_SYSCALL, pid, 0, 0), 0);
        CHECK_EQ(next_stop(pid) >> 8, SYSGOOD);
        regs = regs_of(pid);
        if (i == 0)
            regs.rax = 4711;
        CHECK_EQ(trace(PTRACE_SETREGS, pid, 0, (unsigned long)&regs), 0);
    }
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
    expect_end(pid, 7);
}

/* ---- events ---- */

static void new_children_are_traced(void)
{
    pid_t pid = traced_child(), grandchild;
    unsigned long message;
    int status;

    if (pid == 0) {
        grandchild = (pid_t)CHECK_OK(fork());
        if (grandchild == 0)
            _exit(11);
        CHECK_EQ(WEXITSTATUS(child_end(grandchild)), 11);
        _exit(12);
    }
    CHECK_EQ(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK | PTRACE_O_TRACEEXIT), 0);
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
    status = next_stop(pid);
    CHECK_EQ(status >> 8, SIGTRAP | PTRACE_EVENT_FORK << 8);
    CHECK_EQ(trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&message), 0);
    grandchild = (pid_t)message;
    CHECK_EQ(next_stop(grandchild) >> 8, SIGSTOP);
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
    CHECK_EQ(trace(PTRACE_CONT, grandchild, 0, 0), 0);
    CHECK_EQ(EVENT_OF(next_stop(grandchild)), PTRACE_EVENT_EXIT);
    CHECK_EQ(trace(PTRACE_GETEVENTMSG, grandchild, 0, (unsigned long)&message), 0);
    CHECK_EQ(message, 11 << 8);
    /* Its parent does not hear of the end before this tracer does. */
    CHECK_EQ(trace(PTRACE_CONT, grandchild, 0, 0), 0);
    expect_end(grandchild, 11);
    status = next_stop(pid);
    if (status >> 8 == SIGCHLD) {
        CHECK_EQ(trace(PTRACE_CONT, pid, 0, SIGCHLD), 0);
        status = next_stop(pid);
    }
    CHECK_EQ(EVENT_OF(status), PTRACE_EVENT_EXIT);
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
    expect_end(pid, 12);
}

static void exec_is_an_event(void)
{
    static char name[] = "/proc/self/exe", argument[] = "end";
    char *args[] = {name, argument, NULL};
    pid_t pid = traced_child();

    if (pid == 0) {
        execv(name, args);
        _exit(1);
    }
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
    CHECK_EQ(next_stop(pid) >> 8, SIGTRAP); /* without the option: a plain signal */
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
    expect_end(pid, 9);
    pid = traced_child();
    if (pid == 0) {
        execv(name, args);
        _exit(1);
    }
    CHECK_EQ(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXEC), 0);
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
    CHECK_EQ(next_stop(pid) >> 8, SIGTRAP | PTRACE_EVENT_EXEC << 8);
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
    expect_end(pid, 9);
}

/* ---- attach, seize, detach ---- */

static pid_t endless_child(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    while (pid == 0)
        pause();
    asleep_await(pid);
    return pid;
}

static void attached_and_let_go(void)
{
    pid_t pid = endless_child();

    CHECK_EQ(trace(PTRACE_ATTACH, getpid(), 0, 0), -EPERM);
    CHECK_EQ(trace(PTRACE_ATTACH, NOT_THERE, 0, 0), -ESRCH);
    CHECK_EQ(trace(PTRACE_PEEKDATA, pid, (unsigned long)&shared_word, 0), -ESRCH);
    CHECK_EQ(trace(PTRACE_ATTACH, pid, 0, 0), 0);
    CHECK_EQ(trace(PTRACE_ATTACH, pid, 0, 0), -EPERM);
    CHECK_EQ(next_stop(pid) >> 8, SIGSTOP);
    CHECK_EQ(trace(PTRACE_INTERRUPT, pid, 0, 0), -EIO);
    CHECK_EQ(trace(PTRACE_DETACH, pid, 0, 0), 0);
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), -ESRCH);
    /* One that is stopped already. */
    CHECK_OK(kill(pid, SIGSTOP));
    CHECK_EQ(waitpid(pid, NULL, WUNTRACED), pid);
    CHECK_EQ(trace(PTRACE_ATTACH, pid, 0, 0), 0);
    CHECK_EQ(next_stop(pid) >> 8, SIGSTOP);
    CHECK_EQ(trace(PTRACE_DETACH, pid, 0, SIGKILL),
             0); /* the signal counts at a signal's stop alone */
    CHECK_OK(kill(pid, SIGTERM));
    usleep(1000);
    CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0); /* its group is stopped still */
    CHECK_OK(kill(pid, SIGKILL));
    expect_killed(pid, SIGKILL);
}

static void seized_and_interrupted(void)
{
    pid_t pid = endless_child();
    siginfo_t info;
    int status;

    CHECK_EQ(trace(PTRACE_SEIZE, pid, 1, 0), -EIO);
    CHECK_EQ(trace(PTRACE_SEIZE, pid, 0, 1UL << 40), -EIO);
    CHECK_EQ(trace(PTRACE_SEIZE, pid, 0, PTRACE_O_EXITKILL), 0);
    CHECK_EQ(waitpid(pid, &status, __WALL | WNOHANG), 0);
    CHECK_EQ(trace(PTRACE_INTERRUPT, pid, 0, 0), 0);
    CHECK_EQ(next_stop(pid) >> 8, SIGTRAP | PTRACE_EVENT_STOP << 8);
    CHECK_EQ(regs_of(pid).orig_rax, SYS_pause); /* which goes on afterwards */
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
    /* A stop of its group: seen, left in effect, and its end is told. */
    CHECK_OK(kill(pid, SIGSTOP));
    CHECK_EQ(next_stop(pid) >> 8, SIGSTOP);
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, SIGSTOP), 0);
    CHECK_EQ(next_stop(pid) >> 8, SIGSTOP | PTRACE_EVENT_STOP << 8);
    CHECK_EQ(trace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info), 0);
    CHECK_EQ(trace(PTRACE_LISTEN, pid, 0, 0), 0);
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), -ESRCH);
    CHECK_EQ(waitpid(pid, &status, __WALL | WNOHANG), 0);
    CHECK_OK(kill(pid, SIGCONT));
    status = next_stop(pid);
    CHECK_EQ(status >> 8, SIGTRAP | PTRACE_EVENT_STOP << 8);
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
    CHECK_EQ(next_stop(pid) >> 8, SIGCONT);
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, SIGCONT), 0);
    CHECK_OK(kill(pid, SIGKILL));
    expect_killed(pid, SIGKILL);
}

/* The tracer is not the parent: who is told what, and what its end does. */
static void a_tracer_that_goes(unsigned long options, int killed)
{
    pid_t pid = endless_child(), tracer = (pid_t)CHECK_OK(fork());
    int status;

    if (tracer == 0) {
        CHECK_EQ(trace(PTRACE_SEIZE, pid, 0, options), 0);
        CHECK_EQ(trace(PTRACE_INTERRUPT, pid, 0, 0), 0);
        CHECK_EQ(waitpid(pid, &status, __WALL), pid);
        _exit(0);
    }
    expect_end(tracer, 0);
    if (!killed) {
        CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
        CHECK_OK(kill(pid, SIGTERM));
    }
    expect_killed(pid, killed ? SIGKILL : SIGTERM);
}

static void the_tracer_hears_of_the_end_first(void)
{
    pid_t pid = endless_child(), tracer;
    int status, ready[2];
    char byte;

    CHECK_OK(pipe(ready));
    tracer = (pid_t)CHECK_OK(fork());
    if (tracer == 0) {
        CHECK_EQ(trace(PTRACE_SEIZE, pid, 0, 0), 0);
        CHECK_OK(kill(pid, SIGKILL));
        CHECK_EQ(waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT | __WALL), 0);
        CHECK_EQ(write(ready[1], "x", 1), 1);
        pause();
    }
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    CHECK_EQ(waitpid(pid, &status, WNOHANG), 0); /* a zombie, but not for its parent */
    CHECK_OK(kill(tracer, SIGKILL));
    expect_killed(tracer, SIGKILL);
    expect_killed(pid, SIGKILL);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc == 2)
        return 9;
    signals_are_the_tracers();
    a_fatal_one_is_seen_first();
    memory_is_read_and_written();
    registers_are_read_and_written();
    a_step_is_one_instruction();
    calls_are_seen_and_changed();
    new_children_are_traced();
    exec_is_an_event();
    attached_and_let_go();
    seized_and_interrupted();
    a_tracer_that_goes(0, 0);
    a_tracer_that_goes(PTRACE_O_EXITKILL, 1);
    the_tracer_hears_of_the_end_first();
    return 0;
}
