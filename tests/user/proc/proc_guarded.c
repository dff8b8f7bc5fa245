/* SPDX-License-Identifier: MIT */
/* Who may look into a process by /proc: not into one that is not dumpable, whatever made it so, and
 * by a descriptor of before not into the program that it has executed since. And what the rights of
 * a file-system user alone are good for. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"

#define STRANGER 1000

static void become(unsigned uid)
{
    CHECK_OK(setresgid(uid, uid, uid));
    CHECK_OK(setresuid(uid, uid, uid));
}

static void child_ended_well(pid_t pid)
{
    int status;

    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

static void child_kill(pid_t pid)
{
    int status;

    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(waitpid(pid, &status, 0), pid);
}

static int open_file(pid_t pid, const char *name, int flags)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    return open(path, flags);
}

/* As that user: each file opens, or none does. */
static void look(pid_t pid, unsigned uid, int dumpable)
{
    static const char *const files[] = {"maps", "environ", "fd/0", "fdinfo/0"};
    char path[64], target[64];
    pid_t looker = (pid_t)CHECK_OK(fork());

    if (looker) {
        child_ended_well(looker);
        return;
    }
    become(uid);
    for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        int fd = open_file(pid, files[i], O_RDONLY);

        if (dumpable)
            CHECK_OK(fd);
        else
            CHECK_ERR(fd, EACCES);
    }
    snprintf(path, sizeof(path), "/proc/%d/exe", pid);
    if (dumpable)
        CHECK_OK(readlink(path, target, sizeof(target)));
    else
        CHECK_ERR(readlink(path, target, sizeof(target)), EACCES);
    if (dumpable)
        CHECK_OK(open_file(pid, "fd", O_RDONLY | O_DIRECTORY));
    else
        CHECK_ERR(open_file(pid, "fd", O_RDONLY | O_DIRECTORY), EACCES);
    CHECK_OK(open_file(pid, "status", O_RDONLY)); /* for everybody */
    _exit(0);
}

enum kind {
    PLAIN,
    ASKED, /* PR_SET_DUMPABLE */
    ASKED_TWICE,
    HAS_BEEN_ROOT,
};

static pid_t target_start(enum kind kind)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid)
        return pid;
    CHECK_OK(close(0));
    CHECK_EQ(open("/", O_RDONLY), 0); /* of everybody, whatever this program's own is */
    become(STRANGER);
    CHECK_EQ(prctl(PR_GET_DUMPABLE), 0);
    if (kind != HAS_BEEN_ROOT)
        CHECK_OK(prctl(PR_SET_DUMPABLE, kind == ASKED ? 0 : 1));
    CHECK_EQ(prctl(PR_GET_DUMPABLE), kind == PLAIN || kind == ASKED_TWICE);
    CHECK_ERR(prctl(PR_SET_DUMPABLE, 2), EINVAL);
    CHECK_OK(open_file(getpid(), "maps", O_RDONLY)); /* its own */
    CHECK_OK(open_file(getpid(), "fd", O_RDONLY | O_DIRECTORY));
    if (kind == ASKED || kind == HAS_BEEN_ROOT)
        CHECK_ERR(open_file(getpid(), "environ", O_RDONLY), EACCES); /* that is root's */
    for (;;)
        pause();
}

static void dumpable(void)
{
    for (enum kind kind = PLAIN; kind <= HAS_BEEN_ROOT; kind++) {
        pid_t pid = target_start(kind);

        asleep_await(pid);
        look(pid, STRANGER, kind == PLAIN || kind == ASKED_TWICE);
        look(pid, 0, 1);
        look(pid, STRANGER + 1, 0);
        child_kill(pid);
    }
}

/* What a descriptor of before reads after its process has executed a program: nothing. */
static void after_exec(const char *program)
{
    static const char *const files[] = {"maps", "environ"};
    int ready[2], go[2], before[2];
    char byte, text[256];
    pid_t pid;

    CHECK_OK(pipe2(ready, O_CLOEXEC));
    CHECK_OK(pipe(go));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        char *argv[] = {(char *)program, (char *)"sleep", NULL};
        char *envp[] = {(char *)"NAME=value", NULL};

        CHECK_EQ(read(go[0], &byte, 1), 1);
        execve(program, argv, envp);
        _exit(1);
    }
    CHECK_OK(close(ready[1]));
    for (unsigned i = 0; i < 2; i++) {
        before[i] = (int)CHECK_OK(open_file(pid, files[i], O_RDONLY));
        CHECK_OK(pread(before[i], text, sizeof(text), 0));
    }
    CHECK_EQ(write(go[1], "", 1), 1);
    CHECK_EQ(read(ready[0], &byte, 1), 0); /* closed by exec */
    asleep_await(pid);
    for (unsigned i = 0; i < 2; i++) {
        int now = (int)CHECK_OK(open_file(pid, files[i], O_RDONLY));

        CHECK_EQ(pread(before[i], text, sizeof(text), 0), 0);
        CHECK(pread(now, text, sizeof(text), 0) > 0);
        CHECK_OK(close(now));
        CHECK_OK(close(before[i]));
    }
    child_kill(pid);
    CHECK_OK(close(ready[0]));
    CHECK_OK(close(go[0]));
    CHECK_OK(close(go[1]));
}

/* The file-system user root and nothing else: rights over files alone. */
static void half_root(void)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY}, old;
    pid_t other = getpid(), pid = (pid_t)CHECK_OK(fork());
    cpu_set_t cpus;

    if (pid) {
        child_ended_well(pid);
        return;
    }
    CHECK_OK(getrlimit(RLIMIT_MEMLOCK, &old));
    old.rlim_cur = old.rlim_max = 4096;
    CHECK_OK(setrlimit(RLIMIT_MEMLOCK, &old));
    CHECK_OK(sched_getaffinity(0, sizeof(cpus), &cpus));
    CHECK_OK(setresuid(STRANGER, STRANGER, 0));
    setfsuid(0);
    CHECK_ERR(setpriority(PRIO_PROCESS, (id_t)other, 5), EPERM);
    CHECK_ERR(setpriority(PRIO_PROCESS, 0, -5), EACCES);
    CHECK_ERR(sched_setaffinity(other, sizeof(cpus), &cpus), EPERM);
    CHECK_ERR(raw4(SYS_prlimit64, other, RLIMIT_CORE, NULL, &old) == -EPERM ? (errno = EPERM, -1)
                                                                            : 0,
              EPERM);
    CHECK_ERR(setrlimit(RLIMIT_MEMLOCK, &limit), EPERM);
    CHECK_ERR(kill(other, 0), EPERM);
    _exit(0);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        for (;;)
            pause();
    dumpable();
    after_exec(argv[0]);
    half_root();
    return 0;
}
