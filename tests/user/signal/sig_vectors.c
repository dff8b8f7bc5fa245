/* SPDX-License-Identifier: MIT */
/*
 * Vector registers across a handler whose frame comes to lie on memory that is not there yet, while
 * other processes change the same address space. So the kernel has to wait in the middle of writing
 * the frame, and other programs run meanwhile: the registers in the frame must be this program's
 * all the same.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE    4096UL
#define OTHERS  3
#define STACK   (16 * PAGE)
#define AREA    (64 * PAGE)
#define ROUNDS  1500
#define SECONDS 2 /* or fewer rounds */
#define VECTORS 16
#define WIDTH   32

static unsigned char before[VECTORS * WIDTH], after[VECTORS * WIDTH];
static volatile unsigned handled;
static volatile bool over;
static bool avx;

#define EACH(instruction)                                                                          \
    ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n" instruction "\n.endr\n"

/* A signal to itself with the registers loaded, which are stored when the handler has run. */
static void signal_with_vectors(pid_t self)
{
    long result = SYS_kill;

    if (avx)
        __asm__ volatile(EACH("vmovdqu 32 * \\n(%1), %%ymm\\n") "syscall\n" EACH(
                             "vmovdqu %%ymm\\n, 32 * \\n(%2)") "vzeroupper"
                         : "+a"(result)
                         : "b"(before), "r"(after), "D"(self), "S"(SIGUSR1)
                         : "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
                           "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
                           "xmm14", "xmm15");
    else
        __asm__ volatile(
            EACH("movdqu 32 * \\n(%1), %%xmm\\n") "syscall\n" EACH("movdqu %%xmm\\n, 32 * \\n(%2)")
            : "+a"(result)
            : "b"(before), "r"(after), "D"(self), "S"(SIGUSR1)
            : "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
              "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    CHECK_EQ(result, 0);
}

static void on_signal(int sig)
{
    (void)sig;
    handled = handled + 1;
}

/* Another process in this memory: its own pages change all the time. No libc: errno is shared. */
static int disturb(void *argument)
{
    while (!over) {
        raw3(SYS_mprotect, argument, AREA, PROT_READ);
        raw3(SYS_mprotect, argument, AREA, PROT_READ | PROT_WRITE);
    }
    return 0;
}

static char *map(size_t nbytes)
{
    char *at = mmap(NULL, nbytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(at != MAP_FAILED);
    return at;
}

static double seconds(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The frame's end lies `beyond` bytes behind the last page that stays. */
static void choose_stack(char *stack, size_t beyond)
{
    stack_t alternate = {.ss_sp = stack, .ss_size = STACK / 2 + beyond};

    CHECK_OK(sigaltstack(&alternate, NULL));
    CHECK_OK(madvise(stack + STACK / 2, PAGE, MADV_DONTNEED));
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    char *stack = map(STACK);
    pid_t others[OTHERS];
    double start = seconds();
    size_t width;
    int status;

    __builtin_cpu_init();
    avx = __builtin_cpu_supports("avx");
    width = avx ? WIDTH : WIDTH / 2;
    memset(stack, 1, STACK);
    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
    for (unsigned i = 0; i < OTHERS; i++)
        others[i] = (pid_t)CHECK_OK(
            clone(disturb, map(STACK) + STACK, CLONE_VM | SIGCHLD, memset(map(AREA), 1, AREA)));
    for (unsigned round = 0; round < ROUNDS && seconds() < start + SECONDS; round++) {
        for (unsigned i = 0; i < sizeof(before); i++)
            before[i] = (unsigned char)(i * 7 + round);
        choose_stack(stack, 64 + round * 64 % 1024);
        signal_with_vectors(getpid());
        CHECK_EQ(handled, round + 1);
        for (unsigned i = 0; i < VECTORS; i++)
            CHECK(memcmp(before + i * WIDTH, after + i * WIDTH, width) == 0);
    }
    over = true;
    for (unsigned i = 0; i < OTHERS; i++) {
        CHECK_EQ(waitpid(others[i], &status, 0), others[i]);
        CHECK_EQ(status, 0);
    }
    return 0;
}
