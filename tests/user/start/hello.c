/* SPDX-License-Identifier: MIT */
/* The first program of every book, through a libc's stdio: buffers, writev or write, exit. */
#include <stdio.h>

int main(void)
{
    if (printf("hello, world: %d %s %#x\n", -42, "text", 0xbeefu) != 30)
        return 1;
    return fflush(stdout) == 0 ? 0 : 2;
}
