/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tests/user/lib/stress.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

static uint64_t deadline_ns;
static bool begun;
static cpu_set_t cpus;

uint64_t now_ns(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void sleep_ns(uint64_t ns)
{
    struct timespec time = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};

    while (nanosleep(&time, &time))
        CHECK_EQ(errno, EINTR);
}

void stress_begin(int argc, char **argv)
{
    long ms = argc > 1 ? (long)(strtod(argv[1], NULL) * 1000) : 1000;

    CHECK(ms > 0);
    deadline_ns = now_ns() + (uint64_t)ms * 1000000;
    CHECK_OK(sched_getaffinity(0, sizeof(cpus), &cpus));
}

bool stress_goes_on(void)
{
    bool first = !begun;

    begun = true;
    return first || now_ns() < deadline_ns;
}

unsigned stress_cpus(void)
{
    return (unsigned)CPU_COUNT(&cpus);
}

unsigned stress_mib(void)
{
    struct sysinfo info;

    CHECK_OK(sysinfo(&info));
    return (unsigned)((uint64_t)info.totalram * info.mem_unit >> 20);
}

void stress_pin(unsigned n)
{
    cpu_set_t one;

    n %= stress_cpus();
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &cpus) && n-- == 0)
            CPU_SET(cpu, &one);
    CHECK_OK(sched_setaffinity(0, sizeof(one), &one));
}

void *shared_new(size_t nbytes)
{
    void *memory = mmap(NULL, nbytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    CHECK(memory != MAP_FAILED);
    return memory;
}

pid_t child_start(void (*function)(void *argument), void *argument)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid)
        return pid;
    function(argument);
    _exit(0);
}

void child_await(pid_t pid, int status)
{
    int got = -1;

    while (waitpid(pid, &got, 0) != pid)
        CHECK_EQ(errno, EINTR);
    CHECK_EQ(got, status);
}

void children_await(unsigned n)
{
    while (n--) {
        int status = -1;

        while (wait(&status) < 0)
            CHECK_EQ(errno, EINTR);
        CHECK_EQ(status, 0);
    }
}
