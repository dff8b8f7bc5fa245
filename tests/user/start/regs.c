/* SPDX-License-Identifier: MIT */
/*
 * regs WHAT - registers, flags and stack pointer across system calls, interrupts and page faults
 *
 * WHAT is one of calls, spin, vectors, initial, flags, stack. The spinning ones run until the clock
 * has moved on by some ticks of any timer, so that interrupts do arrive in between.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/start/regs_ops.h"

#define PAGE      4096UL
#define SPIN_NS   100000000L
#define NO_NUMBER 999

static long now_ns(void)
{
    struct timespec t;

    CHECK_EQ(raw2(SYS_clock_gettime, CLOCK_MONOTONIC, &t), 0);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void check_calls(void)
{
    CHECK_EQ(regs_call(SYS_getppid, 20000), 0);
    CHECK_EQ(regs_call(NO_NUMBER, 5000), 0);
    CHECK_EQ(regs_call(SYS_close, 5000), 0); /* fails: EBADF */
}

static void check_spin(void)
{
    long end = now_ns() + SPIN_NS;

    do
        CHECK_EQ(regs_spin(200000), 0);
    while (now_ns() < end);
}

static int has_avx(void)
{
    unsigned a, b, c, d;

    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & bit_OSXSAVE) == 0 || (c & bit_AVX) == 0)
        return 0;
    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    return (a & 6) == 6;
}

/* The low 16 bytes of each vector, or all 32. */
static void compare_vectors(const unsigned char *got, size_t width)
{
    for (size_t i = 0; i < VECTORS_SIZE; i += 32) {
        if (memcmp(got + i, vectors_wanted + i, width) != 0) {
            say(2, "vector register ");
            say_number(2, (long)(i / 32));
            check_fail(__FILE__, __LINE__, " changed");
        }
    }
}

/* The upper halves at the start: nothing of the program before is left in them. This libc has not
 * used them by now. */
static void check_initial(void)
{
    static unsigned char got[VECTORS_SIZE];

    if (!has_avx())
        return;
    vectors_store_avx(got);
    for (size_t i = 0; i < VECTORS_SIZE; i += 32)
        CHECK(bytes_are(got + i + 16, 0, 16));
}

/* No libc between fill and store: it may use vector registers itself. */
static void vectors_round(int avx, unsigned char *got, long number)
{
    volatile long spin = 20000;

    if (avx)
        vectors_fill_avx();
    else
        vectors_fill_sse();
    raw0(number);
    while (spin > 0)
        spin--;
    if (avx)
        vectors_store_avx(got);
    else
        vectors_store_sse(got);
}

static void check_vectors(void)
{
    static unsigned char got[VECTORS_SIZE];
    long end = now_ns() + SPIN_NS;

    do {
        vectors_round(0, got, SYS_getppid);
        compare_vectors(got, 16);
        if (has_avx()) {
            vectors_round(1, got, NO_NUMBER);
            compare_vectors(got, 32);
        }
    } while (now_ns() < end);
}

/* A page fault, in a handler that has a frame to clear: a dirty one, most likely, because one was
 * given back just before. */
static void check_fault(uint64_t flags)
{
    const int rw = PROT_READ | PROT_WRITE, anonymous = MAP_PRIVATE | MAP_ANONYMOUS;

    for (int i = 0; i < 8; i++) {
        char *page = mmap(NULL, PAGE, rw, anonymous, -1, 0);
        CHECK(page != MAP_FAILED);
        memset(page, 0xff, PAGE);
        CHECK_OK(munmap(page, PAGE));
        page = mmap(NULL, PAGE, rw, anonymous, -1, 0);
        CHECK(page != MAP_FAILED);
        touch_with_flags(flags, page);
        CHECK(page[0] == 1 && bytes_are(page + 1, 0, PAGE - 1));
        CHECK_OK(munmap(page, PAGE));
    }
}

static void check_flags(void)
{
    static const uint64_t sets[] = {0,
                                    FLAG_DF,
                                    FLAG_NT,
                                    FLAG_AC,
                                    FLAG_ID,
                                    FLAG_DF | FLAG_AC,
                                    FLAG_NT | FLAG_DF,
                                    0x8d5UL,
                                    FLAG_DF | FLAG_NT | FLAG_AC | FLAG_ID | 0x8d5UL};
    const uint64_t watched = FLAG_DF | FLAG_NT | FLAG_AC | FLAG_ID;
    static unsigned char out[5000], in[5000];
    int p[2];
    uint64_t after;

    CHECK_OK(pipe(p));
    for (size_t i = 0; i < sizeof(out); i++)
        out[i] = (unsigned char)(i * 11 + i / 256);
    for (size_t s = 0; s < sizeof(sets) / sizeof(sets[0]); s++) {
        CHECK(call_with_flags(sets[s], &after, SYS_getpid, 0, 0, 0) > 0);
        CHECK_EQ(after & watched, sets[s] & watched);
        CHECK_EQ(call_with_flags(sets[s], &after, NO_NUMBER, 0, 0, 0), -ENOSYS);
        CHECK_EQ(after & watched, sets[s] & watched);
        /* Copies must go upwards in the kernel whatever the direction was here. */
        memset(in, 0, sizeof(in));
        CHECK_EQ(call_with_flags(sets[s], &after, SYS_write, p[1], (long)out, 5000), 5000);
        CHECK_EQ(call_with_flags(sets[s], &after, SYS_read, p[0], (long)in, 5000), 5000);
        CHECK(memcmp(in, out, sizeof(in)) == 0);
        CHECK_EQ(call_with_flags(sets[s], &after, SYS_write, p[1], 8, 10), -EFAULT);
        CHECK_EQ(after & watched, sets[s] & watched);
        check_fault(sets[s]);
    }
}

/* A program may do with RSP what it likes as long as it does not use it. */
static void check_stack(void)
{
    static const uint64_t stacks[] = {
        0,
        8,
        0x7ffffffff000,
        0x0000800000000000,
        0x8000000000000000,
        0xffff7fffffffffff,
        0xffff800000000000,
        0xffffffff80000000,
        0xfffffffffffffff8,
    };
    long pid = raw0(SYS_getpid);

    for (size_t i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++) {
        long end = now_ns() + SPIN_NS / 5;
        CHECK_EQ(call_with_stack(stacks[i], SYS_getpid), pid);
        do
            CHECK_EQ(spin_with_stack(stacks[i], 200000), 0);
        while (now_ns() < end);
    }
}

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 2);
    if (strcmp(argv[1], "calls") == 0)
        check_calls();
    else if (strcmp(argv[1], "spin") == 0)
        check_spin();
    else if (strcmp(argv[1], "vectors") == 0)
        check_vectors();
    else if (strcmp(argv[1], "initial") == 0)
        check_initial();
    else if (strcmp(argv[1], "flags") == 0)
        check_flags();
    else if (strcmp(argv[1], "stack") == 0)
        check_stack();
    else
        return 2;
    return 0;
}
