/* SPDX-License-Identifier: MIT */
/*
 * check - looks at the machine it runs on, one part at a time
 *
 * One program for all of them, as they share most of their code. Each is a step of the plan.
 */
#include <stdio.h>
#include <string.h>

#include "rootfs/usr/src/check/check.h"

static const struct {
    const char *name;
    int (*run)(const struct options *options);
    const char *options, *text;
} checks[] = {
    {"found", check_found, "[--dmi=FILE] [--inventory=FILE]", "shows what is in the machine"},
    {"cpu", check_cpu, "[--rounds=N] [--seconds=N] [--together]",
     "computes known answers on every processor"},
    {"traffic", check_traffic, "[--seconds=N]", "sends memory between all processors"},
    {"memory", check_memory,
     "[--size=N] [--patterns=NAME,...] [--seconds=N | --at-most=N] [--rate] [--dmi=FILE]",
     "writes patterns to nearly all free memory and reads them back"},
    {"bandwidth", check_bandwidth, "[--size=N]", "shows the speed of caches and memory"},
    {"clocks", check_clocks, "[--ms=N]", "compares the clocks"},
    {"random", check_random, "", "looks for a pattern in random numbers"},
    {"disks", check_disks, "[--inventory=FILE]", "reads what the disks said of their health"},
    {"thermal", check_thermal, "[--cpus=DIR] [--any]", "asks the processors whether they are hot"},
};

static int usage(void)
{
    say("usage: check NAME [OPTION...]     exit status: 0 passed, 1 failed, 4 cannot be asked "
        "here,\n       or not all of it in its time");
    for (size_t i = 0; i < COUNT(checks); i++)
        say("  %-9s %s\n            %s", checks[i].name, checks[i].text, checks[i].options);
    return CHECK_USAGE;
}

/* Whether the word begins with an option of the check: one that is misspelt must not silently leave
 * out what was asked for. Each check has --fault, for its tests. */
static bool option_known(const char *options, const char *word)
{
    size_t length = strcspn(word, "=");
    const char *at = options;

    if (length == strlen("--fault") && strncmp(word, "--fault", length) == 0)
        return true;
    while (length > 2 && (at = strstr(at, "--")) != NULL) {
        if (strcspn(at, "=]") == length && strncmp(at, word, length) == 0)
            return true;
        at += 2;
    }
    return false;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < COUNT(checks); i++) {
        struct options options = {argc - 2, argv + 2};

        if (strcmp(argv[1], checks[i].name) != 0)
            continue;
        for (int k = 2; k < argc; k++)
            if (!option_known(checks[i].options, argv[k])) {
                say("check %s has no option %s", argv[1], argv[k]);
                return CHECK_USAGE;
            }
        return checks[i].run(&options);
    }
    return usage();
}
