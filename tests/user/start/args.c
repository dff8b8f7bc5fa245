/* SPDX-License-Identifier: MIT */
/*
 * args [LENGTH:TEXT]... - each argument says what it should be
 *
 * TEXT is LENGTH characters of the alphabet over and over, so that a word copied from the wrong
 * place, cut at a page border or doubled is seen without knowing what the plan line said.
 * tests/user/start/args_plan.py makes lines that put a string at every offset within a page.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/user/lib/check.h"

static void check_argument(const char *arg)
{
    char *text;
    long length = strtol(arg, &text, 10);

    CHECK(text != arg && *text == ':');
    text++;
    for (long k = 0; k < length; k++) {
        if (text[k] != 'a' + k % 26) {
            say(2, "wrong character at ");
            say_number(2, k);
            say(2, "\n");
            check_fail(__FILE__, __LINE__, arg);
        }
    }
    CHECK_EQ(text[length], '\0');
}

int main(int argc, char **argv)
{
    CHECK(argc >= 1);
    CHECK(strcmp(argv[0], "/bin/t/args") == 0);
    for (int i = 1; i < argc; i++)
        check_argument(argv[i]);
    CHECK(argv[argc] == NULL);
    return 0;
}
