/* SPDX-License-Identifier: MIT */
/*
 * bench [ROUNDS] - what the way into the kernel and back costs
 *
 * Prints one line a measurement: ticks of the time stamp counter for `calls` operations, and for
 * the same loop without them. Under `-icount` a tick is a fixed number of instructions, so the
 * difference divided by the calls is what one operation executes, the same on every run.
 *
 *     bench getppid ticks=T calls=N loop_ticks=L
 */
#include <stdlib.h>

#include "tests/user/lib/check.h"

#define UNROLL 100

/* bench_ops.S: each runs `rounds` times UNROLL operations and gives the ticks that took. */
uint64_t bench_getppid(uint64_t rounds);
uint64_t bench_getppid_loop(uint64_t rounds);

static const struct {
    const char *name;
    uint64_t (*operation)(uint64_t rounds);
    uint64_t (*loop)(uint64_t rounds);
} benches[] = {
    {"getppid", bench_getppid, bench_getppid_loop},
};

static void report(const char *name, uint64_t ticks, uint64_t calls, uint64_t loop_ticks)
{
    say(1, "bench ");
    say(1, name);
    say(1, " ticks=");
    say_number(1, (long)ticks);
    say(1, " calls=");
    say_number(1, (long)calls);
    say(1, " loop_ticks=");
    say_number(1, (long)loop_ticks);
    say(1, "\n");
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? atol(argv[1]) : 100;

    CHECK(rounds > 0);
    for (size_t i = 0; i < sizeof(benches) / sizeof(benches[0]); i++) {
        uint64_t loop_ticks, ticks;

        benches[i].operation(1); /* first use: page faults, cold caches */
        benches[i].loop(1);
        loop_ticks = benches[i].loop((uint64_t)rounds);
        ticks = benches[i].operation((uint64_t)rounds);
        report(benches[i].name, ticks, (uint64_t)rounds * UNROLL, loop_ticks);
    }
    return 0;
}
