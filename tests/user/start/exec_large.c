/* SPDX-License-Identifier: MIT */
/*
 * How much argv and envp may be together: a quarter of the stack's limit, 128 KiB at least and 6
 * MiB at most, and 128 KiB for each string. All of it arrives, whatever boundaries it lies across.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define STRINGS_MAX 170010
#define STRING_MAX  131072 /* with its NUL */

static char text[26][STRING_MAX + 2];
static char *arguments[STRINGS_MAX], *variables[STRINGS_MAX];
static char self[4096];

/* Strings of so many bytes, NUL included: each of one letter, the next of the next. */
static void list_fill(char **list, long count, long nbytes)
{
    for (int i = 0; i < 26; i++) {
        memset(text[i], 'a' + i, sizeof(text[i]));
        text[i][nbytes - 1] = 0;
    }
    for (long i = 0; i < count; i++)
        list[i] = text[i % 26];
    list[count] = NULL;
}

static long list_check(char **list, long nbytes)
{
    long count = 0;

    for (; list[count]; count++) {
        CHECK_EQ(strlen(list[count]), nbytes - 1);
        CHECK(bytes_are(list[count], 'a' + (int)(count % 26), (size_t)nbytes - 1));
    }
    return count;
}

/* As the new program: argv[1] tells how long, argv[2] and argv[3] how many there should be. */
static int arrived(char **argv)
{
    long nbytes = atol(argv[1]);

    CHECK_EQ(list_check(argv + 4, nbytes), atol(argv[2]));
    CHECK_EQ(list_check(environ, nbytes), atol(argv[3]));
    return 7;
}

/* 0 if they arrive, or the error of execve. */
static int attempt(rlim_t stack, long nbytes, long argc, long envc)
{
    char words[3][16] = {""};
    pid_t pid = (pid_t)CHECK_OK(fork());
    int status;

    if (pid == 0) {
        struct rlimit limit = {stack, RLIM_INFINITY};
        long values[3] = {nbytes, argc, envc};

        CHECK_OK(setrlimit(RLIMIT_STACK, &limit));
        for (int i = 0; i < 3; i++) {
            char *end = words[i] + sizeof(words[i]) - 1;

            do
                *--end = (char)('0' + values[i] % 10);
            while (values[i] /= 10);
            arguments[1 + i] = end;
        }
        arguments[0] = self;
        list_fill(arguments + 4, argc, nbytes);
        list_fill(variables, envc, nbytes);
        execve(self, arguments, variables);
        _exit(100 + errno);
    }
    status = child_end(pid);
    CHECK(WIFEXITED(status));
    if (WEXITSTATUS(status) == 7)
        return 0;
    return WEXITSTATUS(status) - 100;
}

int main(int argc, char **argv)
{
    const rlim_t none = RLIM_INFINITY;

    if (argc >= 4)
        return arrived(argv);
    CHECK(realpath(argv[0], self) != NULL);
    CHECK_EQ(attempt(none, STRING_MAX, 40, 7), 0);
    CHECK_EQ(attempt(none, STRING_MAX, 0, 48), E2BIG);
    CHECK_EQ(attempt(none, STRING_MAX + 1, 1, 0), E2BIG);
    CHECK_EQ(attempt(none, STRING_MAX + 1, 0, 1), E2BIG);
    CHECK_EQ(attempt(none, 5003, 700, 550), 0);
    CHECK_EQ(attempt(none, 70001, 20, 60), 0);
    CHECK_EQ(attempt(none, 16, 100000, 160000), 0);
    CHECK_EQ(attempt(none, 16, 100000, 165000), E2BIG);
    CHECK_EQ(attempt(8 << 20, STRING_MAX, 15, 0), 0);
    CHECK_EQ(attempt(8 << 20, STRING_MAX, 8, 8), E2BIG);
    CHECK_EQ(attempt(256 << 10, 1000, 60, 60), 0);
    CHECK_EQ(attempt(256 << 10, 1000, 70, 70), E2BIG);
    return 0;
}
