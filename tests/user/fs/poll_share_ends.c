/* SPDX-License-Identifier: MIT */
/* A task that shares the table of descriptors ends while another one's poll begins: what is open is
 * polled all the same, whichever of the two was first. */
#define _GNU_SOURCE
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define NFDS   4096u /* so many that reading them takes a while; at most what the limit allows */
#define STACK  65536
#define ROUNDS 300
#define DELAYS 150 /* of the end, in steps of some ten instructions */

static volatile unsigned go;
static struct pollfd list[NFDS];

/* From here on there is no memory of its own: it shares everything. */
static int end_soon(void *argument)
{
    while (!go)
        ;
    for (volatile uintptr_t i = (uintptr_t)argument * 20; i > 0; i--)
        ;
    return 0;
}

static int share_start(char *stack, unsigned round)
{
    go = 0;
    return (int)CHECK_OK(clone(end_soon, stack + STACK, CLONE_VM | CLONE_FILES | SIGCHLD,
                               (void *)(uintptr_t)(round % DELAYS)));
}

static void poll_once(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        list[i].revents = 0;
    go = 1;
    CHECK_EQ(poll(list, count, 0), (int)count);
    for (unsigned i = 0; i < count; i++)
        CHECK_EQ(list[i].revents, POLLOUT);
}

int main(void)
{
    char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct rlimit limit;
    unsigned count = NFDS;
    int ends[2], status;

    CHECK(stack != MAP_FAILED);
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
    if (limit.rlim_max < count)
        count = (unsigned)limit.rlim_max;
    limit.rlim_cur = limit.rlim_max;
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
    CHECK_OK(pipe(ends));
    for (unsigned i = 0; i < count; i++)
        list[i] = (struct pollfd){.fd = ends[1], .events = POLLOUT};
    for (unsigned i = 0; i < ROUNDS; i++) {
        int pid = share_start(stack, i);

        poll_once(count);
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK_EQ(status, 0);
    }
    return 0;
}
