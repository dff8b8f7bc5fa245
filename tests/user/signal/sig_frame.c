/* SPDX-License-Identifier: MIT */
/*
 * The frame of a handler: where it lies, what is in it, and that nothing of the interrupted
 * program's registers is lost, whatever the handler does to them.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/signal/sig_frame_ops.h"

#define MAGIC1 0x46505853U
#define MAGIC2 0x46505845U

static volatile int calls;
static uint64_t rsp_inside, rsp_outside;
static ucontext_t seen;
static uint32_t words[12]; /* of the FPU area, from byte 464 */
static uint32_t magic2;
static uint64_t header[8];
static unsigned mxcsr_inside;
static unsigned short control_inside;

static void handler(int sig, siginfo_t *info, void *context)
{
    const ucontext_t *uc = context;
    const char *fpu = (const char *)uc->uc_mcontext.fpregs;

    (void)sig;
    calls++;
    rsp_inside = frame_entry_rsp;
    seen = *uc;
    CHECK((uint64_t)info == (uint64_t)uc + 304);
    CHECK_EQ((uint64_t)fpu % 64, 0);
    memcpy(words, fpu + 464, sizeof(words));
    memcpy(header, fpu + 512, sizeof(header));
    if (words[0] == MAGIC1)
        memcpy(&magic2, fpu + words[4], sizeof(magic2));
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr_inside));
    __asm__ volatile("fnstcw %0" : "=m"(control_inside));
    frame_spoil();
}

/* The kernel enters frame_handler, which notes RSP and goes on to this. */
void frame_handler_c(int sig, siginfo_t *info, void *context);
void frame_handler_c(int sig, siginfo_t *info, void *context)
{
    handler(sig, info, context);
}

static void install(void)
{
    struct sigaction action = {.sa_sigaction = frame_handler, .sa_flags = SA_SIGINFO};

    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
}

static void check_registers(void)
{
    struct frame_registers before, after;

    for (unsigned i = 0; i < 1000; i++) {
        for (unsigned j = 0; j < FRAME_REGISTERS; j++)
            before.general[j] = (i + 1) * 0x0101010101010101UL + j;
        for (unsigned j = 0; j < sizeof(before.vector); j++)
            before.vector[j] = (unsigned char)(i + j * 3);
        memset(&after, 0, sizeof(after));
        calls = 0;
        rsp_outside = frame_signal_self(getpid(), SIGUSR1, &before, &after, frame_has_avx());
        CHECK_EQ(calls, 1);
        CHECK_EQ(memcmp(before.general, after.general, sizeof(before.general)), 0);
        CHECK_EQ(memcmp(before.vector, after.vector, frame_has_avx() ? 512 : 256), 0);
        CHECK_EQ(bytes_are(after.red_zone, 0x5a, sizeof(after.red_zone)), 1);
    }
}

static void check_place(void)
{
    CHECK_EQ(rsp_inside % 16, 8);
    CHECK(rsp_inside < rsp_outside - 128);
    CHECK_EQ(seen.uc_mcontext.gregs[REG_RSP], rsp_outside);
    CHECK((uint64_t)seen.uc_mcontext.fpregs < rsp_outside - 128);
    CHECK_EQ((unsigned long)seen.uc_mcontext.gregs[REG_CSGSFS] & 0xffff, 0x33);
    CHECK_EQ((unsigned long)seen.uc_mcontext.gregs[REG_CSGSFS] >> 48, 0x2b);
    CHECK(seen.uc_link == NULL);
    CHECK_EQ(mxcsr_inside, 0x1f80);
    CHECK_EQ(control_inside, 0x37f);
}

static void check_fpu_area(void)
{
    if (!(seen.uc_flags & 1)) {
        CHECK_EQ(seen.uc_flags, 6);
        return;
    }
    CHECK_EQ(seen.uc_flags, 7);
    CHECK_EQ(words[0], MAGIC1);
    CHECK_EQ(words[1], words[4] + 4);
    CHECK_EQ(words[2] & 3, 3);
    CHECK_EQ(magic2, MAGIC2);
    CHECK_EQ(header[0] & 3, 3);
    CHECK_EQ(header[0] & ~(uint64_t)words[2], 0);
    CHECK_EQ(header[1], 0);
}

int main(void)
{
    install();
    check_registers();
    check_place();
    check_fpu_area();
    return 0;
}
