/* SPDX-License-Identifier: MIT */
/* The segment selectors a program starts with. Emulators and debuggers compare them with Linux's.
 */
#include "tests/user/lib/check.h"
#include "tests/user/lib/first.h"

int main(void)
{
    CHECK_EQ(first_state.cs, 0x33);
    CHECK_EQ(first_state.ss, 0x2b);
    CHECK_EQ(first_state.ds, 0);
    CHECK_EQ(first_state.es, 0);
    CHECK_EQ(first_state.fs, 0);
    CHECK_EQ(first_state.gs, 0);
    return 0;
}
