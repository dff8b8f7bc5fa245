/* SPDX-License-Identifier: MIT */
/*
 * tests/host/abi_test.c - what abi.py cannot compare at compile time, and that it compared at all
 *
 * The bulk is in the files that abi.py writes, static assertions all of them. What the compiler
 * said about those files is in ABI_ERRORS: nothing, if they hold.
 */
#define _GNU_SOURCE
#include "tests/host/check.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <ucontext.h>
#include <unistd.h>

#include "counts.h"
#include "shared/elf64.h"
#include "shared/linux/auxv.h"
#include "shared/linux/dirent.h"
#include "shared/linux/limits.h"
#include "shared/linux/sigframe.h"
#include "shared/linux/signal.h"
#include "shared/linux/stat.h"

static void test_static_assertions_hold(void **state)
{
    FILE *errors = fopen(ABI_ERRORS, "r");
    char text[400];
    bool any = false;

    (void)state;
    assert_non_null(errors);
    while (fgets(text, sizeof(text), errors)) {
        print_error("%s", text);
        any = true;
    }
    fclose(errors);
    assert_false(any);
}

/* A generator that finds nothing finds no fault either. */
static void test_enough_was_compared(void **state)
{
    (void)state;
    print_message("%d names compared in %d files, %d have no host counterpart\n", ABI_COMPARED,
                  ABI_FILES, ABI_NO_HOST);
    assert_true(ABI_COMPARED > 800);
    assert_true(ABI_FILES > 15);
    assert_true(ABI_NO_HOST < 45);
}

static void test_values_known_at_run_time(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(LX_CLOCK_TICKS, sysconf(_SC_CLK_TCK));
    assert_int_equal(LX_SIG_DFL, (uintptr_t)SIG_DFL);
    assert_int_equal(LX_SIG_IGN, (uintptr_t)SIG_IGN);
    assert_int_equal(LX_S_IALL, S_ISUID | S_ISGID | S_ISVTX | S_IRWXU | S_IRWXG | S_IRWXO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(LX_PIPE_SIZE, fcntl(ends[0], F_GETPIPE_SZ));
    close(ends[0]);
    close(ends[1]);
    assert_memory_equal(ELF_MAGIC, ELFMAG, SELFMAG);
}

static void test_directory_types(void **state)
{
    static const unsigned modes[] = {S_IFREG, S_IFDIR, S_IFLNK, S_IFCHR,
                                     S_IFBLK, S_IFIFO, S_IFSOCK};

    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        assert_int_equal(LX_DT_FROM_MODE(modes[i] | 0755), IFTODT(modes[i]));
}

static volatile ptrdiff_t frame_info_from_uc, frame_fpu_from_uc;
static volatile uint64_t frame_uc_flags;
static struct lx_fp_sw frame_sw;
static uint32_t frame_magic2;

static void look_at_frame(int number, siginfo_t *info, void *context)
{
    const struct lx_ucontext *uc = context;
    const uint8_t *fpu = (const uint8_t *)uc->context.fpu;

    (void)number;
    frame_info_from_uc = (uint8_t *)info - (uint8_t *)context;
    frame_fpu_from_uc = fpu - (uint8_t *)context;
    frame_uc_flags = uc->flags;
    memcpy(&frame_sw, fpu + LX_FP_SW_OFFSET, sizeof(frame_sw));
    if (frame_sw.magic1 == LX_FP_XSTATE_MAGIC1)
        memcpy(&frame_magic2, fpu + frame_sw.xstate_nbytes, sizeof(frame_magic2));
}

/* Linux keeps the frame's structure to itself, so one of its frames is looked at. */
static void test_signal_frame(void **state)
{
    struct sigaction action = {.sa_sigaction = look_at_frame, .sa_flags = SA_SIGINFO};
    struct sigaction old;

    (void)state;
    assert_int_equal(sigaction(SIGUSR1, &action, &old), 0);
    assert_int_equal(raise(SIGUSR1), 0);
    assert_int_equal(sigaction(SIGUSR1, &old, NULL), 0);
    assert_int_equal(frame_info_from_uc,
                     offsetof(struct lx_sigframe, info) - offsetof(struct lx_sigframe, uc));
    assert_true(frame_fpu_from_uc >=
                (ptrdiff_t)(sizeof(struct lx_sigframe) - offsetof(struct lx_sigframe, uc)));
    if (!(frame_uc_flags & LX_UC_FP_XSTATE)) {
        print_message("no XSAVE here: the frame's FPU area is not compared\n");
        skip();
    }
    assert_int_equal(frame_sw.magic1, LX_FP_XSTATE_MAGIC1);
    assert_int_equal(frame_sw.extended_nbytes, frame_sw.xstate_nbytes + sizeof(frame_magic2));
    assert_int_equal(frame_magic2, LX_FP_XSTATE_MAGIC2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_static_assertions_hold),
        cmocka_unit_test(test_enough_was_compared),
        cmocka_unit_test(test_values_known_at_run_time),
        cmocka_unit_test(test_directory_types),
        cmocka_unit_test(test_signal_frame),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
