/* SPDX-License-Identifier: MIT */
/*
 * Random calls that write wherever their arguments point do not change what decides which calls are
 * made: root's would otherwise come to reboot the machine or to end the test itself.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/fuzz.h"

#define DRAWS 20000
#define SIZE  9999           /* the largest of the sizes drawn on purpose */
#define STACK 0x7f0000000000 /* from here on the stack may lie: to lose that ends the child */

/* What the kernel does for a call that gives an answer there. */
static void overwrite(int zero, uint64_t address)
{
    if (address < STACK && read(zero, (void *)address, SIZE) < 0)
        CHECK_EQ(errno, EFAULT);
}

static void check_call(const struct fuzz_call *call)
{
    int self = getpid();

    CHECK(call->number != SYS_reboot && call->number != SYS_settimeofday);
    if (call->number == SYS_kill)
        CHECK((int)call->args[0] == self || (int)call->args[0] == -self || (int)call->args[0] == 0);
}

/* Private memory that is given back reads as zeros. Holes on the way are no obstacle. */
static void give_back(void)
{
    CHECK_ERR(madvise((void *)FUZZ_STATE, FUZZ_PLACE + FUZZ_GOOD - FUZZ_STATE, MADV_DONTNEED),
              ENOMEM);
}

int main(void)
{
    struct fuzz_call call, same;
    int zero;

    fuzz_prepare(0, 1);
    zero = (int)CHECK_OK(open("/dev/zero", O_RDONLY));
    for (uint64_t i = 0; i < DRAWS; i++) {
        fuzz_draw(&call, 9004, i);
        check_call(&call);
        for (int n = 0; n < 6; n++)
            overwrite(zero, (uint64_t)call.args[n]);
        fuzz_draw(&same, 9004, i);
        CHECK_EQ(same.number, call.number);
        for (int n = 0; n < 6; n++)
            CHECK_EQ(same.args[n], call.args[n]);
    }
    give_back();
    for (uint64_t i = 0; i < DRAWS; i++) {
        fuzz_draw(&call, 9005, i);
        check_call(&call);
    }
    return 0;
}
