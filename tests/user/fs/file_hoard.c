/* SPDX-License-Identifier: MIT */
/* An ordinary user makes as many pipes, open files and locks as it gets: it is refused in order,
 * and root goes on all the while. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PATH    "/tmp/file_hoard"
#define USER    1000
#define OPENERS 12
#define LOCKERS 3
#define FILES   4000
#define LOCKS   24000

static int ready[2];

static void become_user(void)
{
    CHECK_OK(setgroups(0, NULL));
    CHECK_OK(setresgid(USER, USER, USER));
    CHECK_OK(setresuid(USER, USER, USER));
    CHECK_OK(prctl(PR_SET_PDEATHSIG, SIGKILL));
}

static void report_and_wait(void)
{
    CHECK_EQ(write(ready[1], "x", 1), 1);
    for (;;)
        pause();
}

/* Half of them pipes, so that there is memory in them, too. */
static void open_all(void)
{
    int ends[2], n = 0;

    for (; n < FILES / 2; n++)
        if (pipe(ends))
            break;
    CHECK(n == FILES / 2 || errno == ENFILE);
    for (; n < FILES; n++)
        if (open("/", O_PATH) < 0)
            break;
    CHECK(n == FILES || errno == ENFILE || errno == EMFILE);
    report_and_wait();
}

/* Single bytes, not too many a file: other systems search them one by one. */
static void lock_all(void)
{
    int fds[LOCKS / 1000];

    for (int file = 0; file < LOCKS / 1000; file++) /* while there is no lack of files */
        fds[file] = (int)CHECK_OK(open("/tmp", O_RDWR | O_TMPFILE, 0600));
    become_user();
    for (int file = 0; file < LOCKS / 1000; file++) {
        for (int i = 0; i < 1000; i++) {
            struct flock l = {.l_type = F_WRLCK, .l_start = 2L * i, .l_len = 1};

            if (fcntl(fds[file], F_SETLK, &l)) {
                CHECK_EQ(errno, ENOLCK);
                report_and_wait();
            }
        }
    }
    report_and_wait();
}

/* The harness and root's programs need all of this. */
static void check_root(void)
{
    struct flock l = {.l_type = F_WRLCK};
    int fd, ends[2], pid, status;

    fd = (int)CHECK_OK(open(PATH, O_RDWR | O_CREAT, 0600));
    CHECK_OK(fcntl(fd, F_SETLK, &l));
    CHECK_OK(pipe(ends));
    CHECK_EQ(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20), 1 << 20);
    CHECK_EQ(write(ends[1], &l, sizeof(l)), sizeof(l));
    pid = (int)CHECK_OK(fork());
    if (!pid) {
        execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
        _exit(1);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 7 << 8);
    CHECK_OK(close(ends[0]));
    CHECK_OK(close(ends[1]));
    CHECK_OK(close(fd));
    CHECK_OK(unlink(PATH));
}

int main(void)
{
    const struct rlimit many = {FILES + 16, FILES + 16};
    int pids[OPENERS + LOCKERS];
    char byte;

    CHECK_OK(pipe(ready));
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &many));
    for (int i = 0; i < OPENERS + LOCKERS; i++) {
        pids[i] = (int)CHECK_OK(fork());
        if (pids[i])
            continue;
        if (i >= OPENERS)
            lock_all();
        become_user();
        open_all();
    }
    CHECK_OK(close(ready[1])); /* a child that fails ends the reading */
    for (int i = 0; i < OPENERS + LOCKERS; i++)
        CHECK_EQ(read(ready[0], &byte, 1), 1);
    check_root();
    for (int i = 0; i < OPENERS + LOCKERS; i++) {
        int status;

        CHECK_OK(kill(pids[i], SIGKILL));
        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        CHECK_EQ(status, SIGKILL);
    }
    return 0;
}
