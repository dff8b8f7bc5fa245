/* SPDX-License-Identifier: MIT */
/*
 * Frames that no kernel made: what a handler may change before it returns, and what ends in
 * SIGSEGV. Each runs in a child of its own.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define MAGIC1 0x46505853U
#define MAGIC2 0x46505845U

#define VECTOR_LOW  0x0123456789abcdefUL
#define VECTOR_HIGH 0xfedcba9876543210UL

static void (*volatile change)(ucontext_t *uc);

static void handler(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)info;
    change(context);
}

static char *fpu_of(ucontext_t *uc)
{
    return (char *)uc->uc_mcontext.fpregs;
}

static int has_xsave(ucontext_t *uc)
{
    uint32_t magic;

    memcpy(&magic, fpu_of(uc) + 464, sizeof(magic));
    return magic == MAGIC1;
}

static int xsave; /* whether there is a header to spoil */

static void look(ucontext_t *uc)
{
    xsave = has_xsave(uc);
}

static void bad_rip(ucontext_t *uc)
{
    uc->uc_mcontext.gregs[REG_RIP] = (long)0x8000000000000000UL;
}

static void edge_rip(ucontext_t *uc)
{
    uc->uc_mcontext.gregs[REG_RIP] = 0x0000800000000000L;
}

static void kernel_rip(ucontext_t *uc)
{
    uc->uc_mcontext.gregs[REG_RIP] = (long)0xffffffff80000000UL;
}

static void kernel_cs(ucontext_t *uc)
{
    uc->uc_mcontext.gregs[REG_CSGSFS] = 0x002b000000000010L;
}

static void null_cs(ucontext_t *uc)
{
    uc->uc_mcontext.gregs[REG_CSGSFS] = 0x002b000000000000L;
}

static void bad_ss(ucontext_t *uc)
{
    uc->uc_mcontext.gregs[REG_CSGSFS] = 0x0ff3000000000033L;
}

static void bad_mxcsr(ucontext_t *uc)
{
    memset(fpu_of(uc) + 24, 0xff, 4);
}

static void bad_features(ucontext_t *uc)
{
    memset(fpu_of(uc) + 512, 0xff, 8);
}

static void bad_header(ucontext_t *uc)
{
    memset(fpu_of(uc) + 528, 0xff, 48);
}

static void compact_header(ucontext_t *uc)
{
    memset(fpu_of(uc) + 527, 0x80, 1);
}

static void bad_fpu_pointer(ucontext_t *uc)
{
    uc->uc_mcontext.fpregs = (void *)0x1000;
}

static void kernel_fpu_pointer(ucontext_t *uc)
{
    uc->uc_mcontext.fpregs = (void *)0xffffffff80000000UL;
}

static void odd_fpu_pointer(ucontext_t *uc)
{
    uc->uc_mcontext.fpregs = (void *)(fpu_of(uc) + 8);
}

static void no_stack(ucontext_t *uc)
{
    (void)uc;
    __asm__ volatile("movq $0x1008, %%rsp; movl $15, %%eax; syscall" : : : "memory");
}

static void kernel_stack(ucontext_t *uc)
{
    (void)uc;
    __asm__ volatile("movq $0xffffffff80000008, %%rsp; movl $15, %%eax; syscall" : : : "memory");
}

static void nothing(ucontext_t *uc)
{
    (void)uc;
}

/* All flags at once: those that are not the program's are not taken. */
static void all_flags(ucontext_t *uc)
{
    uc->uc_mcontext.gregs[REG_EFL] = ~0x100L & ~0x40000L;
}

static void no_fpu(ucontext_t *uc)
{
    uc->uc_mcontext.fpregs = NULL;
}

static void no_magic(ucontext_t *uc)
{
    memset(fpu_of(uc) + 464, 0, 4);
}

static void other_size(ucontext_t *uc)
{
    uint32_t huge = 0x7fffffff;

    memcpy(fpu_of(uc) + 480, &huge, 4);
}

static void short_size(ucontext_t *uc)
{
    uint32_t legacy = 512;

    memcpy(fpu_of(uc) + 480, &legacy, 4);
}

/* The second magic number, behind the area. */
static void no_end(ucontext_t *uc)
{
    uint32_t nbytes;

    memcpy(&nbytes, fpu_of(uc) + 480, 4);
    if (has_xsave(uc))
        memset(fpu_of(uc) + nbytes, 0, 4);
}

/* The shortest area that XSAVE can write: it ends behind the header, which says that the vectors
 * have their first values. */
static void header_alone(ucontext_t *uc)
{
    const uint32_t nbytes = 576, end = MAGIC2;
    uint64_t features;

    memcpy(fpu_of(uc) + 480, &nbytes, 4);
    memcpy(fpu_of(uc) + nbytes, &end, 4);
    memcpy(&features, fpu_of(uc) + 512, 8);
    features &= 1;
    memcpy(fpu_of(uc) + 512, &features, 8);
}

static void random_fpu(ucontext_t *uc)
{
    unsigned x = (unsigned)getpid();

    for (unsigned i = 0; i < 400; i++) {
        x = x * 1103515245 + 12345;
        fpu_of(uc)[i] = (char)(x >> 16);
    }
    memset(fpu_of(uc) + 24, 0, 4);
}

static void install(int sig, void (*function)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = {.sa_sigaction = function, .sa_flags = SA_SIGINFO | flags};

    CHECK_OK(sigaction(sig, &action, NULL));
}

/* The signal that ended a child that ran `body`, or minus its exit status. */
static int ends_with(void (*body)(void))
{
    int status = child_status(body);

    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static void run_change(void)
{
    install(SIGUSR1, handler, 0);
    raise(SIGUSR1);
    raise(SIGUSR1);
}

static void is_fatal(void (*what)(ucontext_t *uc))
{
    change = what;
    CHECK_EQ(ends_with(run_change), SIGSEGV);
}

static void is_harmless(void (*what)(ucontext_t *uc))
{
    change = what;
    CHECK_EQ(ends_with(run_change), 0);
}

static uint64_t expected[2]; /* in XMM8 behind the handler's return */

static void run_vectors(void)
{
    const uint64_t before[2] = {VECTOR_LOW, VECTOR_HIGH};
    uint64_t after[2] = {1, 1};
    long result = SYS_kill;

    install(SIGUSR1, handler, 0);
    __asm__ volatile("movdqu %2, %%xmm8; syscall; movdqu %%xmm8, %0"
                     : "=m"(after), "+a"(result)
                     : "m"(before), "D"((long)getpid()), "S"((long)SIGUSR1)
                     : "rcx", "r11", "xmm8", "memory");
    CHECK_EQ(result, 0);
    CHECK_EQ(memcmp(after, expected, sizeof(expected)), 0);
}

static void gives_vectors(void (*what)(ucontext_t *uc), uint64_t low, uint64_t high)
{
    change = what;
    expected[0] = low;
    expected[1] = high;
    CHECK_EQ(ends_with(run_vectors), 0);
}

/* A frame with less than the kernel writes still holds x87 and SSE. */
static void keeps_vectors(void (*what)(ucontext_t *uc))
{
    gives_vectors(what, VECTOR_LOW, VECTOR_HIGH);
}

static void *handler_address;

static void run_handler_at(void)
{
    struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } action = {handler_address, 0x04000000, NULL, 0};

    CHECK_EQ(raw4(SYS_rt_sigaction, SIGUSR1, &action, NULL, 8), 0);
    raw2(SYS_kill, raw0(SYS_getpid), SIGUSR1);
}

static void run_no_restorer(void)
{
    struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } action = {(void *)nothing, 0, NULL, 0};

    CHECK_EQ(raw4(SYS_rt_sigaction, SIGUSR1, &action, NULL, 8), 0);
    raw2(SYS_kill, raw0(SYS_getpid), SIGUSR1);
}

static void run_bare_sigreturn(void)
{
    __asm__ volatile("movq $0x10008, %%rsp; movl $15, %%eax; syscall" : : : "memory");
}

/* A handler may still see the SIGSEGV of a return that went wrong. */
static void on_segv(int sig, siginfo_t *info, void *context)
{
    const ucontext_t *uc = context;

    (void)sig;
    _exit(info->si_code == SI_KERNEL && uc->uc_mcontext.gregs[REG_RIP] == 0x0000800000000000L ? 42
                                                                                              : 43);
}

static void run_caught(void)
{
    install(SIGSEGV, on_segv, 0);
    run_change();
}

/* What was refused is nowhere kept: the processor is given up and got back without it. */
static void on_segv_sleep(int sig, siginfo_t *info, void *context)
{
    const struct timespec moment = {0, 1000000};

    (void)sig;
    (void)info;
    (void)context;
    for (unsigned i = 0; i < 3; i++)
        raw2(SYS_nanosleep, &moment, NULL);
    _exit(42);
}

static void run_caught_sleep(void)
{
    install(SIGSEGV, on_segv_sleep, 0);
    run_change();
}

/* Blocked or without a stack to run on, the handler of SIGSEGV is passed over. */
static void run_no_room(void)
{
    install(SIGSEGV, handler, 0);
    __asm__ volatile("movq $0x1000, %%rsp; movb $0, 0" : : : "memory");
}

int main(void)
{
    change = look;
    run_change();
    is_harmless(nothing);
    is_harmless(all_flags);
    is_harmless(no_fpu);
    is_harmless(no_magic);
    is_harmless(other_size);
    is_harmless(random_fpu);
    keeps_vectors(nothing);
    keeps_vectors(no_magic);
    keeps_vectors(no_end);
    keeps_vectors(other_size);
    keeps_vectors(short_size);
    if (xsave)
        gives_vectors(header_alone, 0, 0);
    is_fatal(bad_rip);
    is_fatal(edge_rip);
    is_fatal(kernel_rip);
    is_fatal(kernel_cs);
    is_fatal(null_cs);
    is_fatal(bad_ss);
    is_fatal(bad_mxcsr);
    if (xsave) {
        is_fatal(bad_features);
        is_fatal(bad_header);
        is_fatal(compact_header);
    }
    is_fatal(bad_fpu_pointer);
    is_fatal(kernel_fpu_pointer);
    is_fatal(odd_fpu_pointer);
    is_fatal(no_stack);
    is_fatal(kernel_stack);
    handler_address = (void *)0x0000800000000000UL;
    CHECK_EQ(ends_with(run_handler_at), SIGSEGV);
    handler_address = (void *)0x8000000000000000UL;
    CHECK_EQ(ends_with(run_handler_at), SIGSEGV);
    handler_address = (void *)0xffffffff80000000UL;
    CHECK_EQ(ends_with(run_handler_at), SIGSEGV);
    CHECK_EQ(ends_with(run_no_restorer), SIGSEGV);
    CHECK_EQ(ends_with(run_bare_sigreturn), SIGSEGV);
    CHECK_EQ(ends_with(run_no_room), SIGSEGV);
    change = edge_rip;
    CHECK_EQ(ends_with(run_caught), -42);
    for (unsigned i = 0; i < (xsave ? 3 : 0); i++) {
        static void (*const refused[])(ucontext_t *) = {bad_features, bad_header, compact_header};

        change = refused[i];
        CHECK_EQ(ends_with(run_caught_sleep), -42);
    }
    return 0;
}
