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
#include <sys/stat.h>
#include <unistd.h>

#include "counts.h"
#include "shared/elf64.h"
#include "shared/linux/auxv.h"
#include "shared/linux/dirent.h"
#include "shared/linux/limits.h"
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
    assert_true(ABI_NO_HOST < 40);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_static_assertions_hold),
        cmocka_unit_test(test_enough_was_compared),
        cmocka_unit_test(test_values_known_at_run_time),
        cmocka_unit_test(test_directory_types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
