/* SPDX-License-Identifier: MIT */
/* Who a program runs as: set-user-ID and set-group-ID files, and what exec forgets. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/copy.h"

#define COPY "/tmp/exec-identity"
#define FS   "/tmp/exec-identity-fs"

/* The three users, the three groups, and whether the C library is to be careful. */
static void tell(char *text, size_t size)
{
    uid_t u[3];
    gid_t g[3];

    CHECK_OK(getresuid(&u[0], &u[1], &u[2]));
    CHECK_OK(getresgid(&g[0], &g[1], &g[2]));
    snprintf(text, size, "%u %u %u, %u %u %u, %lu", u[0], u[1], u[2], g[0], g[1], g[2],
             getauxval(AT_SECURE));
}

struct start {
    const char *file;
    uid_t user[3];
    int mode;
    unsigned owner, group;
    int kind; /* one of these */
};
enum { PLAIN, NO_NEW_PRIVS, SHARED };

static int wait_shared(void *unused)
{
    (void)unused;
    pause();
    return 0;
}

/* Starts the copy, in group 5, and has it compare what it is with what is expected. */
static void run(const struct start *s, const char *expected)
{
    static char stack[16384] __attribute__((aligned(16)));
    int status;
    pid_t pid;

    CHECK_OK(chown(s->file, s->owner, s->group));
    CHECK_OK(chmod(s->file, (mode_t)s->mode));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(setgroups(0, NULL));
        CHECK_OK(setresgid(5, 5, 5));
        CHECK_OK(setresuid(s->user[0], s->user[1], s->user[2]));
        if (s->kind == NO_NEW_PRIVS)
            CHECK_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        if (s->kind == SHARED)
            CHECK_OK(clone(wait_shared, stack + sizeof(stack), CLONE_FS | SIGCHLD, NULL));
        execl(s->file, "copy", expected, NULL);
        _exit(127);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

/* What is told of the stack's limit holds for arguments, too. */
static void arguments(void)
{
    static char word[] = "0123456789", *words[10002];
    int status;
    pid_t pid;

    for (int i = 0; i < 10001; i++)
        words[i] = word;
    words[10001] = NULL; /* about 190 KiB, with the pointers */
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        struct rlimit limit = {512 << 10, 512 << 10};

        CHECK_OK(setrlimit(RLIMIT_STACK, &limit));
        CHECK_ERR(execv("/bin/minimal", words), E2BIG);
        words[5000] = NULL;
        execv("/bin/minimal", words);
        _exit(127);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

/* Interpreters that are scripts: five of them, not six. */
static void scripts(void)
{
    char path[32], text[64];
    int status;

    for (int i = 0; i < 6; i++) {
        snprintf(path, sizeof(path), COPY "-%d", i);
        if (i)
            snprintf(text, sizeof(text), "#!" COPY "-%d\n", i - 1);
        else
            snprintf(text, sizeof(text), "#!/bin/minimal\n");
        program_make(path, text, strlen(text));
        pid_t pid = (pid_t)CHECK_OK(fork());
        if (pid == 0) {
            execl(path, path, NULL);
            _exit(errno);
        }
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK_EQ(status, i < 5 ? 0 : ELOOP << 8);
    }
    for (int i = 0; i < 6; i++) {
        snprintf(path, sizeof(path), COPY "-%d", i);
        CHECK_OK(unlink(path));
    }
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        char text[100];

        tell(text, sizeof(text));
        if (strncmp(text, argv[1], strlen(argv[1])))
            printf("is %s, not %s\n", text, argv[1]);
        return strncmp(text, argv[1], strlen(argv[1])) != 0;
    }
    program_copy(argv[0], COPY);
    run(&(struct start){COPY, {8, 8, 8}, 0755, 7, 7, PLAIN}, "8 8 8, 5 5 5, 0");
    run(&(struct start){COPY, {8, 8, 0}, 0755, 7, 7, PLAIN}, "8 8 8, 5 5 5, 0");
    run(&(struct start){COPY, {8, 9, 0}, 0755, 7, 7, PLAIN}, "8 9 9, 5 5 5, 1");
    run(&(struct start){COPY, {8, 8, 8}, 04755, 7, 7, PLAIN}, "8 7 7, 5 5 5, 1");
    run(&(struct start){COPY, {8, 8, 8}, 02755, 7, 7, PLAIN}, "8 8 8, 5 7 7, 1");
    run(&(struct start){COPY, {8, 8, 8}, 02745, 7, 7, PLAIN}, "8 8 8, 5 5 5, 0");
    run(&(struct start){COPY, {8, 8, 8}, 06755, 0, 0, PLAIN}, "8 0 0, 5 0 0, 1");
    run(&(struct start){COPY, {8, 8, 8}, 06755, 0, 0, NO_NEW_PRIVS}, "8 8 8, 5 5 5, 0");
    run(&(struct start){COPY, {8, 8, 8}, 06755, 0, 0, SHARED}, "8 8 8, 5 5 5");
    CHECK_OK(mkdir(FS, 0755));
    CHECK_OK(mount("fs", FS, "tmpfs", MS_NOSUID, NULL));
    program_copy(argv[0], FS "/copy");
    run(&(struct start){FS "/copy", {8, 8, 8}, 06755, 0, 0, PLAIN}, "8 8 8, 5 5 5, 0");
    CHECK_OK(umount(FS));
    CHECK_OK(rmdir(FS));
    CHECK_OK(unlink(COPY));
    arguments();
    scripts();
    return 0;
}
