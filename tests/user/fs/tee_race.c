/* SPDX-License-Identifier: MIT */
/*
 * tee(2) that may wait, on a pipe whose bytes another reader takes as well: it copies, or finds
 * nothing (Linux says 0 then), but does not say that it would have to wait.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define ROUNDS 3000

static pid_t child(void (*work)(int fd), int fd)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0)
        for (;;)
            work(fd);
    return pid;
}

static void write_byte(int fd)
{
    if (write(fd, "a", 1) != 1)
        _exit(1);
}

static void read_bytes(int fd)
{
    char bytes[64];

    if (read(fd, bytes, sizeof(bytes)) <= 0)
        _exit(1);
}

int main(void)
{
    int in[2], out[2];
    pid_t children[3];

    CHECK_OK(pipe(in));
    CHECK_OK(pipe(out));
    children[0] = child(write_byte, in[1]);
    children[1] = child(read_bytes, in[0]);
    children[2] = child(read_bytes, out[0]);
    for (int i = 0; i < ROUNDS; i++)
        CHECK_OK(tee(in[0], out[1], 64, 0));
    for (int i = 0; i < 3; i++) {
        CHECK_OK(kill(children[i], SIGKILL));
        CHECK_EQ(waitpid(children[i], NULL, 0), children[i]);
    }
    return 0;
}
