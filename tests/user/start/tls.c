/* SPDX-License-Identifier: MIT */
/* Thread-local storage of a static program, and the bases of FS and GS that carry it. */
#define _GNU_SOURCE
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004

static _Thread_local int initialised = 1234567;
static _Thread_local char zeros[3000];
static _Thread_local long aligned __attribute__((aligned(64))) = -5;
static _Thread_local char text[] = "copied from the file";

static uint64_t gs_word[2] = {0x1122334455667788, 0x99aabbccddeeff00};

static uint64_t base_of(int code)
{
    uint64_t base = 1;

    CHECK_EQ(raw2(SYS_arch_prctl, code, &base), 0);
    return base;
}

static uint64_t read_gs(void)
{
    uint64_t value;

    __asm__ volatile("mov %%gs:0, %0" : "=r"(value));
    return value;
}

static void check_variables(void)
{
    CHECK_EQ(initialised, 1234567);
    CHECK(bytes_are(zeros, 0, sizeof(zeros)));
    CHECK_EQ(aligned, -5);
    CHECK_EQ((uintptr_t)&aligned % 64, 0);
    CHECK(strcmp(text, "copied from the file") == 0);
    memset(zeros, 1, sizeof(zeros));
    initialised = 7;
    CHECK(aligned == -5 && text[0] == 'c');
}

static void check_bases(void)
{
    uint64_t fs = base_of(ARCH_GET_FS), self;

    __asm__ volatile("mov %%fs:0, %0" : "=r"(self));
    CHECK_EQ(self, fs); /* the ABI: the first word of the block points at itself */
    CHECK_EQ(base_of(ARCH_GET_GS), 0);
    CHECK_EQ(raw2(SYS_arch_prctl, ARCH_SET_GS, gs_word), 0);
    CHECK_EQ(base_of(ARCH_GET_GS), gs_word);
    CHECK_EQ(read_gs(), 0x1122334455667788);
    CHECK_EQ(base_of(ARCH_GET_FS), fs);
    CHECK_EQ(raw2(SYS_arch_prctl, ARCH_SET_FS, fs), 0);
    CHECK_EQ(base_of(ARCH_GET_FS), fs);
}

static void check_refusals(void)
{
    uint64_t gs = base_of(ARCH_GET_GS);

    CHECK_EQ(raw2(SYS_arch_prctl, ARCH_SET_GS, 0x0000800000000000), -EPERM);
    CHECK_EQ(raw2(SYS_arch_prctl, ARCH_SET_GS, 0x7ffffffff000), -EPERM);
    CHECK_EQ(raw2(SYS_arch_prctl, ARCH_SET_GS, 0xffffffff80000000), -EPERM);
    CHECK_EQ(raw2(SYS_arch_prctl, ARCH_SET_FS, 0x8000000000000000), -EPERM);
    CHECK_EQ(raw2(SYS_arch_prctl, ARCH_SET_FS, -1), -EPERM);
    CHECK_EQ(raw2(SYS_arch_prctl, ARCH_GET_FS, 8), -EFAULT);
    CHECK_EQ(raw2(SYS_arch_prctl, ARCH_GET_GS, 0xffff800000000000), -EFAULT);
    CHECK_EQ(raw2(SYS_arch_prctl, 0x7777, 0), -EINVAL);
    CHECK_EQ(base_of(ARCH_GET_GS), gs);
}

static long now_ns(void)
{
    struct timespec t;

    CHECK_EQ(raw2(SYS_clock_gettime, CLOCK_MONOTONIC, &t), 0);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

/* The kernel's own use of GS, on interrupts and calls, never shows. */
static void check_under_interrupts(void)
{
    long end = now_ns() + 50000000;

    do {
        for (int i = 0; i < 2000; i++)
            CHECK_EQ(read_gs(), 0x1122334455667788);
    } while (now_ns() < end);
}

/* Where the kernel says so (AT_HWCAP2 bit 1), programs may write the bases themselves. */
static void check_instructions(void)
{
    uint64_t value = 0;

    if ((getauxval(AT_HWCAP2) & 2) == 0)
        return;
    __asm__ volatile("wrgsbase %0" : : "r"(&gs_word[1]));
    CHECK_EQ(read_gs(), 0x99aabbccddeeff00);
    CHECK_EQ(base_of(ARCH_GET_GS), &gs_word[1]);
    __asm__ volatile("rdgsbase %0" : "=r"(value));
    CHECK_EQ(value, &gs_word[1]);
    /* A base in the kernel's half is legal to hold; the kernel must not trust its sign. */
    __asm__ volatile("wrgsbase %0" : : "r"(0xffff800000000000));
    long end = now_ns() + 20000000;
    while (now_ns() < end)
        raw0(SYS_getppid);
    __asm__ volatile("rdgsbase %0" : "=r"(value));
    CHECK_EQ(value, 0xffff800000000000);
    __asm__ volatile("wrgsbase %0" : : "r"(gs_word));
}

int main(void)
{
    check_variables();
    check_bases();
    check_refusals();
    check_under_interrupts();
    check_instructions();
    return 0;
}
