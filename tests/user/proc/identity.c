/* SPDX-License-Identifier: MIT */
/* What a program is told about itself and its machine: ids, names, limits, memory, randomness. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

static void check_ids(void)
{
    CHECK(getpid() > 0);
    CHECK_EQ(raw0(SYS_gettid), getpid());
    CHECK(getppid() >= 0 && getppid() != getpid());
    CHECK_EQ(getuid(), 0);
    CHECK_EQ(geteuid(), 0);
    CHECK_EQ(getgid(), 0);
    CHECK_EQ(getegid(), 0);
    /* The thread's own id is what set_tid_address gives back. */
    static int word;
    CHECK_EQ(raw1(SYS_set_tid_address, &word), getpid());
}

static void check_names(void)
{
    struct utsname u;

    memset(&u, 'x', sizeof(u));
    CHECK_OK(uname(&u));
    CHECK(strcmp(u.machine, "x86_64") == 0);
    CHECK(memchr(u.sysname, 0, sizeof(u.sysname)) != NULL && u.sysname[0] != '\0');
    CHECK(memchr(u.release, 0, sizeof(u.release)) != NULL);
    CHECK(memchr(u.version, 0, sizeof(u.version)) != NULL);
    CHECK(memchr(u.nodename, 0, sizeof(u.nodename)) != NULL);
    /* glibc refuses to start on a release before 3.2. */
    CHECK(atoi(u.release) > 3);
}

static void check_limits(void)
{
    struct rlimit limit, again;

    CHECK_OK(getrlimit(RLIMIT_STACK, &limit));
    CHECK(limit.rlim_cur >= 1 << 20 && limit.rlim_cur <= limit.rlim_max);
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
    CHECK(limit.rlim_cur >= 64);
    CHECK_EQ(raw2(SYS_getrlimit, 99, &limit), -EINVAL);
    CHECK_EQ(raw4(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &again), 0);
    CHECK_EQ(again.rlim_cur, limit.rlim_cur);
    limit.rlim_cur = 50;
    CHECK_EQ(raw4(SYS_prlimit64, getpid(), RLIMIT_NOFILE, &limit, &again), 0);
    CHECK_EQ(raw2(SYS_getrlimit, RLIMIT_NOFILE, &again), 0);
    CHECK_EQ(again.rlim_cur, 50);
    limit.rlim_cur = limit.rlim_max;
    limit.rlim_max = 10;
    CHECK_EQ(raw4(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, NULL), -EINVAL);
    CHECK_EQ(raw4(SYS_prlimit64, 0x3fffffff, RLIMIT_NOFILE, NULL, &again), -ESRCH);
}

static void check_machine(void)
{
    struct sysinfo info;

    CHECK_OK(sysinfo(&info));
    CHECK(info.mem_unit > 0);
    CHECK(info.totalram * info.mem_unit >= 16UL << 20);
    CHECK(info.freeram > 0 && info.freeram <= info.totalram);
    CHECK(info.procs >= 1);
}

static void check_random(void)
{
    static unsigned char a[100000];
    unsigned char b[64], c[64] = {0};

    CHECK_EQ(raw3(SYS_getrandom, b, 64, 0), 64);
    CHECK_EQ(raw3(SYS_getrandom, c, 64, 1), 64); /* GRND_NONBLOCK */
    CHECK(memcmp(b, c, 64) != 0);
    CHECK_EQ(raw3(SYS_getrandom, c, 16, 2), 16); /* GRND_RANDOM */
    CHECK_EQ(raw3(SYS_getrandom, c, 0, 0), 0);
    CHECK_EQ(raw3(SYS_getrandom, c, 1, 8), -EINVAL);
    CHECK_EQ(raw3(SYS_getrandom, a, sizeof(a), 0), (long)sizeof(a));
    /* Every value turns up about 390 times. */
    unsigned count[256] = {0};
    for (size_t i = 0; i < sizeof(a); i++)
        count[a[i]]++;
    for (int v = 0; v < 256; v++)
        CHECK(count[v] > 200 && count[v] < 600);
}

/* PR_SET_KEEPCAPS: a child has it, a new program has not. The answer is the status of both. */
static int keep_caps_of_child(const char *program)
{
    int pid = (int)CHECK_OK(fork()), status;

    if (pid == 0) {
        if (program)
            execl(program, "identity", "keep-caps", (char *)NULL);
        _exit(prctl(PR_GET_KEEPCAPS));
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void check_keep_caps(void)
{
    CHECK_EQ(prctl(PR_GET_KEEPCAPS), 0);
    CHECK_ERR(prctl(PR_SET_KEEPCAPS, 2L), EINVAL);
    CHECK_ERR(prctl(PR_SET_KEEPCAPS, -1L), EINVAL);
    CHECK_OK(prctl(PR_SET_KEEPCAPS, 1L));
    CHECK_EQ(prctl(PR_GET_KEEPCAPS), 1);
    CHECK_EQ(keep_caps_of_child(NULL), 1);
    CHECK_EQ(keep_caps_of_child("/proc/self/exe"), 0);
    CHECK_EQ(prctl(PR_GET_KEEPCAPS), 1);
    CHECK_OK(prctl(PR_SET_KEEPCAPS, 0L));
    CHECK_EQ(prctl(PR_GET_KEEPCAPS), 0);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "keep-caps") == 0)
        return prctl(PR_GET_KEEPCAPS);
    check_ids();
    check_keep_caps();
    check_names();
    check_limits();
    check_machine();
    check_random();
    return 0;
}
