/* SPDX-License-Identifier: MIT */
/*
 * Registers of many processes that take turns on few processors: general ones, XMM or YMM, and the
 * base of GS, while timers interrupt, a handler spoils all of them, and in both sides of a fork.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define ARCH_SET_GS 0x1001

struct registers {
    uint64_t vector[16][4];
    uint64_t general[6]; /* RBX RBP R12-R15 */
};

struct hold {
    struct registers in, out;
    uint64_t spins, call, result; /* call: number of a system call to make behind the spins */
};

void hold_xmm(struct hold *hold);
void hold_ymm(struct hold *hold);

/* Loads everything, stays in a loop for a while, makes a call, stores everything. RDI survives. */
__asm__(".macro each_vector op, prefix, at\n"
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
        ".ifc \\op, load\n"
        "    .ifc \\prefix, x\n"
        "    movdqu \\at + 32 * \\n(%rdi), %xmm\\n\n"
        "    .else\n"
        "    vmovdqu \\at + 32 * \\n(%rdi), %ymm\\n\n"
        "    .endif\n"
        ".else\n"
        "    .ifc \\prefix, x\n"
        "    movdqu %xmm\\n, \\at + 32 * \\n(%rdi)\n"
        "    .else\n"
        "    vmovdqu %ymm\\n, \\at + 32 * \\n(%rdi)\n"
        "    .endif\n"
        ".endif\n"
        ".endr\n"
        ".endm\n"
        ".macro hold prefix\n"
        "    .globl hold_\\prefix\\()mm\n"
        "hold_\\prefix\\()mm:\n"
        "    pushq %rbx; pushq %rbp; pushq %r12; pushq %r13; pushq %r14; pushq %r15\n"
        "    each_vector load, \\prefix, 0\n"
        "    movq 512(%rdi), %rbx; movq 520(%rdi), %rbp; movq 528(%rdi), %r12\n"
        "    movq 536(%rdi), %r13; movq 544(%rdi), %r14; movq 552(%rdi), %r15\n"
        "    movq 1120(%rdi), %rcx\n"
        "1:  decq %rcx\n"
        "    jnz 1b\n"
        "    movq 1128(%rdi), %rax\n"
        "    syscall\n"
        "    movq %rax, 1136(%rdi)\n"
        "    each_vector store, \\prefix, 560\n"
        "    movq %rbx, 1072(%rdi); movq %rbp, 1080(%rdi); movq %r12, 1088(%rdi)\n"
        "    movq %r13, 1096(%rdi); movq %r14, 1104(%rdi); movq %r15, 1112(%rdi)\n"
        "    popq %r15; popq %r14; popq %r13; popq %r12; popq %rbp; popq %rbx\n"
        "    ret\n"
        ".endm\n"
        ".text\n"
        "hold x\n"
        "hold y\n");

_Static_assert(offsetof(struct hold, out) == 560 && offsetof(struct hold, spins) == 1120,
               "as the assembly has it");

static bool avx;
static volatile unsigned handled;

static void hold(struct hold *hold)
{
    if (avx)
        hold_ymm(hold);
    else
        hold_xmm(hold);
}

static void spoil(int sig)
{
    struct hold other;

    (void)sig;
    memset(&other, 0x99, sizeof(other));
    other.spins = 1;
    other.call = SYS_getppid;
    hold(&other);
    handled++;
}

static void fill(struct hold *hold, uint64_t seed)
{
    uint64_t *word = (uint64_t *)&hold->in;

    for (unsigned i = 0; i < sizeof(hold->in) / 8; i++)
        word[i] = seed * 0x9e3779b97f4a7c15ULL + i;
}

static void compare(const struct hold *hold)
{
    for (unsigned n = 0; n < 16; n++)
        CHECK(!memcmp(hold->in.vector[n], hold->out.vector[n], avx ? 32 : 16));
    CHECK(!memcmp(hold->in.general, hold->out.general, sizeof(hold->in.general)));
}

static uint64_t gs_word(void)
{
    uint64_t word;

    __asm__ volatile("movq %%gs:0, %0" : "=r"(word));
    return word;
}

static void worker(void *argument)
{
    unsigned id = (unsigned)(uintptr_t)argument;
    struct itimerval often = {{0, 900}, {0, 900}}, never = {0};
    struct sigaction action = {.sa_handler = spoil, .sa_flags = SA_RESTART};
    uint64_t word = 0x1234567800000000ULL + id, random = id;
    struct hold held;

    stress_pin(id);
    CHECK_EQ(raw2(SYS_arch_prctl, ARCH_SET_GS, &word), 0);
    CHECK_OK(sigaction(SIGALRM, &action, NULL));
    do {
        CHECK_OK(setitimer(ITIMER_REAL, &often, NULL));
        for (unsigned i = 0; i < 20; i++) {
            fill(&held, random_next(&random));
            held.spins = 1 + random_next(&random) % 200000;
            held.call = i & 1 ? SYS_sched_yield : SYS_getpid;
            hold(&held);
            CHECK_EQ(held.result, i & 1 ? 0 : getpid());
            compare(&held);
            CHECK_EQ(gs_word(), word);
        }
        CHECK_OK(setitimer(ITIMER_REAL, &never, NULL));
        held.spins = 1;
        held.call = SYS_fork;
        hold(&held);
        CHECK((int64_t)held.result >= 0);
        compare(&held);
        CHECK_EQ(gs_word(), word);
        if (!held.result)
            _exit(0);
        child_await((pid_t)held.result, 0);
    } while (stress_goes_on() || !handled); /* it has been interrupted */
}

int main(int argc, char **argv)
{
    unsigned nworkers;

    stress_begin(argc, argv);
    avx = __builtin_cpu_supports("avx");
    nworkers = 2 * stress_cpus();
    for (uintptr_t i = 0; i < nworkers; i++)
        child_start(worker, (void *)i);
    children_await(nworkers);
    return 0;
}
