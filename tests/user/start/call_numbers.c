/* SPDX-License-Identifier: MIT */
/* Numbers that are no system calls give ENOSYS; only the low 32 bits of RAX count. */
#include "tests/user/lib/check.h"

int main(void)
{
    static const unsigned long none[] = {
        400, /* in a gap of the table, and the last of it */
        423,        999,        5000,
        0x3fffffff, 0x40000027, /* the x32 bit: not another ABI's getpid */
        0x7fffffff, 0x80000000, 0xffffffff,
        -1UL,       -100UL,
    };
    long pid = raw0(SYS_getpid);

    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        CHECK_EQ(raw0((long)none[i]), -ENOSYS);
    CHECK_EQ(raw0((long)(SYS_getpid | (1UL << 32))), pid);
    CHECK_EQ(raw0((long)(SYS_getpid | (0xdeadbeefUL << 32))), pid);
    CHECK_EQ(raw1((long)(SYS_close | (1UL << 63)), -1), -EBADF);
    return 0;
}
