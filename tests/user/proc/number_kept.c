/* SPDX-License-Identifier: MIT */
/*
 * The number of a process that is gone is given to no other while it is still that of a group or
 * of a session: all numbers come round once.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define TRIES 40000 /* more than 32,768; a Linux may have more numbers */

/* A leader of a group, or of a session, that ends and leaves a member behind. */
struct left {
    pid_t leader, member;
};

static struct left leave(bool session)
{
    struct left *left = shared_new(sizeof(*left));
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        if (session)
            CHECK_OK(setsid());
        else
            CHECK_OK(setpgid(0, 0));
        pid = (pid_t)CHECK_OK(fork());
        if (pid) {
            left->member = pid;
            _exit(0);
        }
        if (session) /* the session alone keeps it */
            CHECK_OK(setpgid(0, 0));
        for (;;)
            pause();
    }
    left->leader = pid;
    child_await(pid, 0);
    return *left;
}

/* The number of a child that ends at once. */
static pid_t next_number(void)
{
    pid_t pid = vfork();

    if (pid == 0)
        _exit(0);
    CHECK(pid > 0);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    return pid;
}

int main(void)
{
    struct left group = leave(false), session = leave(true);
    pid_t first = next_number(), pid = first, last;
    bool round = false;

    for (unsigned i = 0; i < TRIES && (!round || pid < first); i++) {
        last = pid;
        pid = next_number();
        round |= pid < last;
        CHECK(pid != group.leader && pid != session.leader);
    }
    CHECK_EQ(getpgid(group.member), group.leader);
    CHECK_EQ(getsid(session.member), session.leader);
    CHECK_OK(kill(group.member, SIGKILL));
    CHECK_OK(kill(session.member, SIGKILL));
    return 0;
}
