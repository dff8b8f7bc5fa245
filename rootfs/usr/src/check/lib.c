/* SPDX-License-Identifier: MIT */
/*
 * What all checks need: options, processors, workers.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rootfs/usr/src/check/check.h"

#define PROGRESS_NS   10000000000ull
#define LEAF_TOPOLOGY 0x0b /* Intel SDM vol. 2, CPUID: EDX is the x2APIC id */
#define LEAF_HYBRID   0x1a /* EAX[31:24] is the core's type */
#define HYBRID_ATOM   0x20
#define HYBRID_CORE   0x40

const char *option_find(const struct options *options, const char *name)
{
    size_t length = strlen(name);

    for (int i = 0; i < options->argc; i++) {
        const char *word = options->argv[i];

        if (strncmp(word, "--", 2) != 0 || strncmp(word + 2, name, length) != 0)
            continue;
        if (word[2 + length] == '=')
            return word + 3 + length;
        if (!word[2 + length])
            return "";
    }
    return NULL;
}

bool option_is(const struct options *options, const char *name, const char *value)
{
    const char *given = option_find(options, name);

    return given && strcmp(given, value) == 0;
}

uint64_t option_number(const struct options *options, const char *name, uint64_t without)
{
    static const char units[] = "KMG";
    const char *text = option_find(options, name);
    const char *unit;
    char *end;
    uint64_t value;

    if (!text)
        return without;
    value = strtoull(text, &end, 0);
    unit = *end ? strchr(units, *end) : NULL;
    if (unit) {
        value <<= 10 * (unit - units + 1);
        end++;
    }
    if (end == text || *end) {
        say("--%s=%s is no number", name, text);
        exit(CHECK_USAGE);
    }
    return value;
}

void cpus_find(struct cpus *cpus)
{
    cpu_set_t set;

    cpus->count = 0;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) < 0) {
        say("the kernel does not say which processors there are");
        exit(CHECK_FAILED);
    }
    for (unsigned i = 0; i < CPU_SETSIZE && cpus->count < CPUS_MAX; i++)
        if (CPU_ISSET(i, &set))
            cpus->number[cpus->count++] = i;
}

bool cpu_pin(unsigned number)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(number, &set);
    /* The second question is whether it came true: a check that names a processor was there. */
    return sched_setaffinity(0, sizeof(set), &set) == 0 && sched_getcpu() == (int)number;
}

const char *cpu_text(unsigned number)
{
    static char text[80];
    unsigned a, b, c, d, id, kind = 0;

    /* Leaf 1 knows the low 8 bits only, which is all there is where leaf 0Bh says nothing. */
    if (!__get_cpuid(1, &a, &b, &c, &d))
        b = 0;
    id = b >> 24;
    if (__get_cpuid_count(LEAF_TOPOLOGY, 0, &a, &b, &c, &d) && b)
        id = d;
    if (__get_cpuid_count(LEAF_HYBRID, 0, &a, &b, &c, &d))
        kind = a >> 24;
    snprintf(text, sizeof(text), "processor %u (APIC id 0x%x%s)", number, id,
             kind == HYBRID_ATOM   ? ", efficiency core"
             : kind == HYBRID_CORE ? ", performance core"
                                   : "");
    return text;
}

static uint32_t *broken; /* shared by the workers */

bool workers_broken(void)
{
    return __atomic_load_n(broken, __ATOMIC_ACQUIRE) != 0;
}

static void worker_start(unsigned index, unsigned cpu, int (*work)(unsigned, void *),
                         void *argument)
{
    int code = CHECK_FAILED;

    if (cpu_pin(cpu))
        code = work(index, argument);
    else
        say("processor %u does not take this program", cpu);
    _exit(code);
}

/* Any of those that were started, as the others may wait for one that has died. */
static bool worker_wait(const struct cpus *cpus, const pid_t *pids)
{
    int status;
    pid_t pid = wait(&status);
    bool passed = pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == CHECK_PASSED;

    if (pid > 0 && WIFSIGNALED(status))
        for (unsigned i = 0; i < cpus->count; i++)
            if (pids[i] == pid)
                say("the program on processor %u was ended by signal %d", cpus->number[i],
                    WTERMSIG(status));
    if (!passed)
        __atomic_store_n(broken, 1, __ATOMIC_RELEASE);
    return passed;
}

bool workers_run(const struct cpus *cpus, enum turns turns, int (*work)(unsigned, void *),
                 void *argument)
{
    static pid_t pids[CPUS_MAX];
    unsigned running = 0;
    bool passed = true;

    broken = shared_alloc(sizeof(*broken));
    for (unsigned i = 0; i < cpus->count; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            worker_start(i, cpus->number[i], work, argument);
        if (pids[i] < 0) {
            say("processor %u gets no program: out of processes or memory", cpus->number[i]);
            __atomic_store_n(broken, 1, __ATOMIC_RELEASE);
            passed = false;
            continue;
        }
        running++;
        for (; turns == IN_TURN && running; running--)
            passed &= worker_wait(cpus, pids);
    }
    for (; running; running--)
        passed &= worker_wait(cpus, pids);
    return passed;
}

void *shared_alloc(size_t nbytes)
{
    void *memory = mmap(NULL, nbytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        say("no memory for %zu bytes", nbytes);
        exit(CHECK_FAILED);
    }
    return memory;
}

bool progress_due(void)
{
    static uint64_t last;
    uint64_t now = now_ns();

    if (!last)
        last = now;
    if (now - last < PROGRESS_NS)
        return false;
    last = now;
    return true;
}

uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void say(const char *format, ...)
{
    char line[1000];
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(line, sizeof(line) - 1, format, args);
    va_end(args);
    length = MIN(length, (int)sizeof(line) - 2);
    line[length++] = '\n';
    if (write(STDOUT_FILENO, line, (size_t)length) != length)
        _exit(CHECK_FAILED); /* what nobody can read is no result */
}

long file_read(const char *path, void *buffer, size_t size)
{
    int fd = open(path, O_RDONLY);
    size_t total = 0;
    ssize_t got = -1;

    if (fd < 0)
        return -1;
    while (total < size - 1 && (got = read(fd, (char *)buffer + total, size - 1 - total)) > 0)
        total += (size_t)got;
    close(fd);
    ((char *)buffer)[total] = '\0';
    return got < 0 ? -1 : (long)total;
}

uint64_t memory_available(void)
{
    char text[4096];
    const char *line;

    if (file_read("/proc/meminfo", text, sizeof(text)) < 0)
        return 0;
    line = strstr(text, "MemAvailable:");
    return line ? strtoull(line + 13, NULL, 10) << 10 : 0;
}
