/* SPDX-License-Identifier: MIT */
/*
 * tests/user/lib/spaces.h - name spaces of processes, as /proc shows them
 *
 * Used by: tests of unshare and setns.
 */
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

static int *shared; /* a word that children share */

static inline long unshare_raw(unsigned long flags)
{
    return raw1(SYS_unshare, flags);
}

static inline long setns_raw(int fd, int flags)
{
    return raw2(SYS_setns, fd, flags);
}

static inline ino_t number_of(pid_t pid, const char *kind)
{
    char path[64], text[64], want[64];
    struct stat st;
    ssize_t length;

    snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kind);
    CHECK_OK(stat(path, &st));
    length = CHECK_OK(readlink(path, text, sizeof(text) - 1));
    text[length] = '\0';
    snprintf(want, sizeof(want), "%s:[%lu]", kind, (unsigned long)st.st_ino);
    CHECK_EQ(strcmp(text, want), 0);
    return st.st_ino;
}

static inline int open_space(pid_t pid, const char *kind)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kind);
    return (int)CHECK_OK(open(path, O_RDONLY | O_CLOEXEC));
}

static inline void shared_make(void)
{
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
}

/* Runs the function in a child, until that has set `shared`. */
static inline pid_t start(void (*function)(void))
{
    pid_t pid;

    __atomic_store_n(shared, 0, __ATOMIC_RELEASE);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0)
        function();
    while (!__atomic_load_n(shared, __ATOMIC_ACQUIRE)) {
        CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
        usleep(1000);
    }
    return pid;
}

static inline void end(pid_t pid)
{
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(child_end(pid), SIGKILL);
}
