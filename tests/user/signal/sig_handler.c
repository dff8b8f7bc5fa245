/* SPDX-License-Identifier: MIT */
/* Handlers: what they are told, what is blocked while they run, and how often they stay. */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/signal_mask.h"

static volatile int calls, order[8];
static siginfo_t last;
static sigset_t mask_inside;
static int raise_inside;

static void note(int sig, siginfo_t *info, void *context)
{
    (void)context;
    order[calls & 7] = sig;
    calls++;
    last = *info;
    CHECK_EQ(sigprocmask(SIG_BLOCK, NULL, &mask_inside), 0);
    if (raise_inside && calls < 3)
        CHECK_EQ(raise(raise_inside), 0);
    order[(calls + 3) & 7] = -sig;
}

static void install(int sig, int flags, int also_blocked)
{
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | flags};

    sigemptyset(&action.sa_mask);
    if (also_blocked)
        sigaddset(&action.sa_mask, also_blocked);
    CHECK_OK(sigaction(sig, &action, NULL));
    calls = 0;
    memset(&last, 0, sizeof(last));
}

static int is_blocked(int sig)
{
    sigset_t set;

    CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &set));
    return sigismember(&set, sig);
}

static void check_info(void)
{
    install(SIGUSR1, 0, 0);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(calls, 1);
    CHECK_EQ(last.si_signo, SIGUSR1);
    CHECK_EQ(last.si_code, SI_USER);
    CHECK_EQ(last.si_pid, getpid());
    CHECK_EQ(last.si_uid, getuid());
    CHECK_EQ(raw2(SYS_tkill, raw0(SYS_gettid), SIGUSR1), 0);
    CHECK_EQ(last.si_code, SI_TKILL);
    CHECK_EQ(last.si_pid, getpid());
    CHECK_OK(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_ptr = (void *)0x123456789a}));
    CHECK_EQ(last.si_code, SI_QUEUE);
    CHECK(last.si_value.sival_ptr == (void *)0x123456789a);
    CHECK_EQ(calls, 3);
}

static void check_masks(void)
{
    install(SIGUSR1, 0, SIGUSR2);
    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ(sigismember(&mask_inside, SIGUSR1), 1);
    CHECK_EQ(sigismember(&mask_inside, SIGUSR2), 1);
    CHECK_EQ(sigismember(&mask_inside, SIGTERM), 0);
    CHECK_EQ(is_blocked(SIGUSR1), 0);
    CHECK_EQ(is_blocked(SIGUSR2), 0);
    install(SIGUSR1, SA_NODEFER, 0);
    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ(sigismember(&mask_inside, SIGUSR1), 0);
    signal_mask_change(SIG_BLOCK, SIGUSR1);
    CHECK_OK(raise(SIGUSR1));
    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ(calls, 1);
    signal_mask_change(SIG_UNBLOCK, SIGUSR1);
    CHECK_EQ(calls, 2);
}

/* Without NODEFER one after the other, with it one inside the other. */
static void check_defer(void)
{
    raise_inside = SIGUSR1;
    install(SIGUSR1, 0, 0);
    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ(calls, 3);
    install(SIGUSR1, SA_NODEFER, 0);
    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ(calls, 3);
    raise_inside = 0;
}

static void check_reset(void)
{
    struct sigaction now;

    install(SIGUSR2, SA_RESETHAND, 0);
    CHECK_OK(raise(SIGUSR2));
    CHECK_EQ(calls, 1);
    CHECK_OK(sigaction(SIGUSR2, NULL, &now));
    CHECK(now.sa_handler == SIG_DFL);
}

/* Several at once: each runs, the lowest on top of the others' frames is entered last. */
static void check_many(void)
{
    sigset_t all, none;

    sigfillset(&all);
    sigemptyset(&none);
    CHECK_OK(sigprocmask(SIG_SETMASK, &all, NULL));
    install(SIGUSR1, 0, 0);
    install(SIGTERM, 0, 0);
    install(SIGHUP, 0, 0);
    CHECK_OK(raise(SIGTERM));
    CHECK_OK(raise(SIGUSR1));
    CHECK_OK(raise(SIGHUP));
    CHECK_OK(sigprocmask(SIG_SETMASK, &none, NULL));
    CHECK_EQ(calls, 3);
    CHECK_EQ(order[0], SIGTERM);
    CHECK_EQ(order[1], SIGUSR1);
    CHECK_EQ(order[2], SIGHUP);
}

static volatile int fault_code, fault_signal;
static void *volatile fault_address;
static volatile uint64_t fault_trap, fault_cr2;
static char *page;

/* Leaves out the faulting instruction where it cannot be repaired. */
static void on_fault(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;

    fault_signal = sig;
    fault_code = info->si_code;
    fault_address = info->si_addr;
    fault_trap = (uint64_t)uc->uc_mcontext.gregs[REG_TRAPNO];
    fault_cr2 = (uint64_t)uc->uc_mcontext.gregs[REG_CR2];
    uc->uc_mcontext.gregs[REG_RIP] = uc->uc_mcontext.gregs[REG_RBX];
}

/* Runs one instruction that faults; the handler goes on behind it. */
#define FAULTING(instruction, ...)                                                                 \
    __asm__ volatile("leaq 1f(%%rip), %%rbx\n" instruction "\n1:"                                  \
                     :                                                                             \
                     : __VA_ARGS__                                                                 \
                     : "rbx", "rcx", "rdx", "memory", "cc")

static void fault_is(int sig, int code, const void *address)
{
    CHECK_EQ(fault_signal, sig);
    CHECK_EQ(fault_code, code);
    CHECK_EQ(fault_address, address);
    fault_signal = 0;
}

static void check_faults(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    static const int sigs[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};

    for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
        CHECK_OK(sigaction(sigs[i], &action, NULL));
    page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    FAULTING("movb $1, 5(%0)", "r"(page));
    fault_is(SIGSEGV, SEGV_ACCERR, page + 5);
    CHECK_EQ(fault_trap, 14);
    CHECK_EQ(fault_cr2, page + 5);
    CHECK_OK(munmap(page, 4096));
    FAULTING("movb (%0), %%cl", "r"(page + 7));
    fault_is(SIGSEGV, SEGV_MAPERR, page + 7);
    FAULTING("movb (%0), %%cl", "r"(0xffffffff80000000UL));
    fault_is(SIGSEGV, SEGV_MAPERR, (void *)0xffffffff80000000UL);
    FAULTING("movb (%0), %%cl", "r"(0x800000000000UL));
    fault_is(SIGSEGV, SI_KERNEL, NULL);
    CHECK_EQ(fault_trap, 13);
    FAULTING("hlt", "r"(0));
    fault_is(SIGSEGV, SI_KERNEL, NULL);
    FAULTING("int3", "r"(0));
    fault_is(SIGTRAP, SI_KERNEL, NULL);
    FAULTING("xorl %%edx, %%edx; movl %%edx, %%ecx; divl %%ecx", "a"(1));
    CHECK_EQ(fault_signal, SIGFPE);
    CHECK_EQ(fault_code, FPE_INTDIV);
    CHECK(fault_address != NULL);
    FAULTING("ud2", "r"(0));
    CHECK_EQ(fault_signal, SIGILL);
    CHECK_EQ(fault_code, ILL_ILLOPN);
}

/* Of x87: emulators do not raise the exceptions of SSE. The wait raises what the division left. */
static void check_x87(void)
{
    unsigned short control = 0x37f & ~4; /* division by zero raises */

    fault_signal = 0;
    __asm__ volatile("fninit; fldcw %0; fldz; fld1; fdivp" : : "m"(control) : "cc");
    FAULTING("fwait", "r"(0));
    CHECK_EQ(fault_signal, SIGFPE);
    CHECK_EQ(fault_code, FPE_FLTDIV);
    __asm__ volatile("fnclex; fninit");
}

static void child_says(int status, int code, int value)
{
    int pid;

    install(SIGCHLD, 0, 0);
    signal_mask_change(SIG_BLOCK, SIGCHLD);
    pid = (int)CHECK_OK(fork());
    if (!pid) {
        if (status < 0)
            raise(-status);
        _exit(status);
    }
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    signal_mask_change(SIG_UNBLOCK, SIGCHLD);
    CHECK_EQ(calls, 1);
    CHECK_EQ(last.si_signo, SIGCHLD);
    CHECK_EQ(last.si_code, code);
    CHECK_EQ(last.si_pid, pid);
    CHECK_EQ(last.si_uid, getuid());
    CHECK_EQ(last.si_status, value);
}

/* Ignored, SIGCHLD is not sent and children leave no trace. */
static void check_child_ignored(void)
{
    CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    if (!CHECK_OK(fork()))
        _exit(3);
    CHECK_ERR(wait(NULL), ECHILD);
    install(SIGCHLD, SA_NOCLDWAIT, 0);
    if (!CHECK_OK(fork()))
        _exit(3);
    while (wait(NULL) != -1 || errno == EINTR)
        ;
    CHECK_EQ(errno, ECHILD);
    CHECK_EQ(calls, 1);
    CHECK(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
}

int main(void)
{
    check_info();
    check_masks();
    check_defer();
    check_reset();
    check_many();
    check_faults();
    check_x87();
    child_says(7, CLD_EXITED, 7);
    child_says(-SIGKILL, CLD_KILLED, SIGKILL);
    check_child_ignored();
    return 0;
}
