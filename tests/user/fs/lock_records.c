/* SPDX-License-Identifier: MIT */
/* Record locks that nobody waits for: ranges, who owns them, when they end, what is refused. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define NAME "/tmp/lock_records"

static int lock(int fd, int command, int type, off_t start, off_t nbytes)
{
    struct flock l = {.l_type = (short)type, .l_start = start, .l_len = nbytes};

    return fcntl(fd, command, &l);
}

static int set(int fd, int type, off_t start, off_t nbytes)
{
    return lock(fd, F_SETLK, type, start, nbytes);
}

static int open_it(void)
{
    return (int)CHECK_OK(open(NAME, O_RDWR | O_CREAT, 0600));
}

static void describe(char *text, size_t size, const struct flock *l)
{
    char line[64], *p = line + sizeof(line);
    long numbers[2] = {l->l_len ? l->l_start + l->l_len - 1 : -1, l->l_start};

    *--p = '\0';
    *--p = ' ';
    for (int i = 0; i < 2; i++) {
        long n = numbers[i];
        if (n < 0)
            *--p = '$';
        for (long left = n; left > 0 || (n == 0 && left == 0); left = left ? left / 10 : -1)
            *--p = (char)('0' + left % 10);
        if (i == 0)
            *--p = '-';
    }
    *--p = l->l_type == F_WRLCK ? 'W' : 'R';
    CHECK(strlen(text) + strlen(p) < size);
    strcat(text, p);
}

/* What another process sees, lock by lock: "W0-9 R20-$ ". */
static void expect(const char *want)
{
    int pid = (int)CHECK_OK(fork()), owner = getppid(), status;
    char text[256] = "";
    off_t at = 0;

    if (pid) {
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK_EQ(status, 0);
        return;
    }
    owner = getppid();
    int fd = open_it();
    for (;;) {
        struct flock l = {.l_type = F_WRLCK, .l_start = at};
        CHECK_OK(fcntl(fd, F_GETLK, &l));
        if (l.l_type == F_UNLCK) {
            CHECK(l.l_start == at && l.l_len == 0 && l.l_pid == 0); /* as it was */
            break;
        }
        CHECK_EQ(l.l_whence, SEEK_SET);
        CHECK(l.l_pid == owner || l.l_pid == -1);
        describe(text, sizeof(text), &l);
        if (l.l_len == 0)
            break;
        at = l.l_start + l.l_len;
    }
    if (strcmp(text, want) != 0) {
        say(2, text);
        check_fail(__FILE__, __LINE__, want);
    }
    _exit(0);
}

static void check_ranges(int fd)
{
    expect("");
    CHECK_OK(set(fd, F_WRLCK, 0, 10));
    expect("W0-9 ");
    CHECK_OK(set(fd, F_WRLCK, 10, 10)); /* neighbours become one */
    expect("W0-19 ");
    CHECK_OK(set(fd, F_RDLCK, 5, 5)); /* one becomes three */
    expect("W0-4 R5-9 W10-19 ");
    CHECK_OK(set(fd, F_UNLCK, 12, 3));
    expect("W0-4 R5-9 W10-11 W15-19 ");
    CHECK_OK(set(fd, F_UNLCK, 3, 10));
    expect("W0-2 W15-19 ");
    CHECK_OK(set(fd, F_WRLCK, 2, 13));
    expect("W0-19 ");
    CHECK_OK(set(fd, F_RDLCK, 0, 0));
    expect("R0-$ ");
    CHECK_OK(set(fd, F_UNLCK, 100, 1));
    expect("R0-99 R101-$ ");
    CHECK_OK(set(fd, F_UNLCK, 50, -20)); /* the 20 bytes before 50 */
    expect("R0-29 R50-99 R101-$ ");
    CHECK_OK(set(fd, F_UNLCK, 0, 0));
    expect("");
    for (int i = 9; i >= 0; i--) /* in order, whatever the order of setting */
        CHECK_OK(set(fd, i % 2 ? F_RDLCK : F_WRLCK, i * 10, 5));
    expect("W0-4 R10-14 W20-24 R30-34 W40-44 R50-54 W60-64 R70-74 W80-84 R90-94 ");
    CHECK_OK(set(fd, F_WRLCK, 0, LONG_MAX));
    expect("W0-9223372036854775806 ");
    CHECK_OK(set(fd, F_WRLCK, LONG_MAX, 1)); /* and with the last byte, all of it */
    expect("W0-$ ");
    CHECK_OK(set(fd, F_UNLCK, 0x500000000, 0x500000000));
    expect("W0-21474836479 W42949672960-$ ");
    CHECK_OK(set(fd, F_UNLCK, 0, 0));
}

static void check_whence(int fd)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_start = -5, .l_len = 3};

    CHECK_OK(ftruncate(fd, 1000));
    CHECK_EQ(lseek(fd, 100, SEEK_SET), 100);
    CHECK_OK(fcntl(fd, F_SETLK, &l));
    l.l_whence = SEEK_END;
    CHECK_OK(fcntl(fd, F_SETLK, &l));
    expect("W95-97 W995-997 ");
    CHECK_OK(set(fd, F_UNLCK, 0, 0));
    l = (struct flock){.l_type = F_WRLCK, .l_whence = 3};
    CHECK_ERR(fcntl(fd, F_SETLK, &l), EINVAL);
    l = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_start = -101};
    CHECK_ERR(fcntl(fd, F_SETLK, &l), EINVAL);
    l.l_start = LONG_MAX;
    CHECK_ERR(fcntl(fd, F_SETLK, &l), EOVERFLOW);
    l.l_start = LONG_MAX - 100;
    CHECK_OK(fcntl(fd, F_SETLK, &l));
    l.l_len = 2;
    CHECK_ERR(fcntl(fd, F_SETLK, &l), EOVERFLOW);
    CHECK_OK(set(fd, F_UNLCK, 0, 0));
}

static void check_refused(int fd)
{
    int in = (int)CHECK_OK(open(NAME, O_RDONLY)), out = (int)CHECK_OK(open(NAME, O_WRONLY));
    int path = (int)CHECK_OK(open(NAME, O_PATH));

    CHECK_ERR(set(in, F_WRLCK, 0, 1), EBADF);
    CHECK_OK(set(in, F_RDLCK, 0, 1));
    CHECK_ERR(set(out, F_RDLCK, 0, 1), EBADF);
    CHECK_OK(set(out, F_WRLCK, 0, 1));
    CHECK_ERR(set(path, F_RDLCK, 0, 1), EBADF);
    CHECK_ERR(set(99, F_RDLCK, 0, 1), EBADF);
    CHECK_ERR(set(fd, 3, 0, 1), EINVAL);
    CHECK_ERR(set(fd, -1, 0, 1), EINVAL);
    CHECK_ERR(lock(fd, F_GETLK, F_UNLCK, 0, 1), EINVAL);
    CHECK_ERR(set(fd, F_RDLCK, -1, 1), EINVAL);
    CHECK_ERR(set(fd, F_RDLCK, 5, -6), EINVAL);
    CHECK_ERR(set(fd, F_RDLCK, LONG_MAX, 2), EOVERFLOW);
    CHECK_ERR(set(fd, F_RDLCK, 0, LONG_MIN), EINVAL);
    CHECK_EQ(raw3(SYS_fcntl, fd, F_SETLK, 0), -EFAULT);
    CHECK_EQ(raw3(SYS_fcntl, fd, F_GETLK, 0x800000000000), -EFAULT);
    CHECK_OK(close(path));
    CHECK_OK(close(in));
    CHECK_OK(close(out));
    expect("");
}

/* In a child: what conflicts with the parent's W0-9 R10-19. */
static void check_conflicts(int fd)
{
    int pid, status;

    CHECK_OK(set(fd, F_WRLCK, 0, 10));
    CHECK_OK(set(fd, F_RDLCK, 10, 10));
    pid = (int)CHECK_OK(fork());
    if (pid == 0) { /* locks are not inherited */
        CHECK_ERR(set(fd, F_RDLCK, 9, 1), EAGAIN);
        CHECK_ERR(set(fd, F_WRLCK, 5, 100), EAGAIN);
        CHECK_ERR(set(fd, F_WRLCK, 19, 1), EAGAIN);
        CHECK_OK(set(fd, F_RDLCK, 15, 10));
        CHECK_OK(set(fd, F_WRLCK, 20, 10));
        CHECK_OK(set(fd, F_UNLCK, 0, 15)); /* nothing of its own there */
        CHECK_ERR(set(fd, F_RDLCK, 9, 1), EAGAIN);
        struct flock l = {.l_type = F_RDLCK, .l_start = 0};
        CHECK_OK(fcntl(fd, F_GETLK, &l));
        CHECK(l.l_type == F_WRLCK && l.l_start == 0 && l.l_len == 10 && l.l_pid == getppid());
        l = (struct flock){.l_type = F_RDLCK, .l_start = 10};
        CHECK_OK(fcntl(fd, F_GETLK, &l));
        CHECK_EQ(l.l_type, F_UNLCK);
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    expect("W0-9 R10-19 "); /* the child's have gone with it */
    CHECK_OK(set(fd, F_UNLCK, 0, 0));
}

static void check_ends(int fd)
{
    int other = open_it(), copy = dup(fd);

    CHECK_OK(set(fd, F_WRLCK, 0, 10));
    CHECK_OK(close(other)); /* any descriptor of that file */
    expect("");
    CHECK_OK(set(fd, F_WRLCK, 0, 10));
    CHECK_OK(close(copy));
    expect("");
    other = open_it();
    CHECK_OK(set(fd, F_WRLCK, 0, 10));
    CHECK_EQ(dup2(0, other), other);
    expect("");
    CHECK_OK(close(other));
    other = open_it();
    CHECK_OK(set(fd, F_WRLCK, 0, 10));
    CHECK_OK(raw3(SYS_close_range, other, other, 0));
    expect("");
    for (int i = 0; i < 1000; i++) /* as many as one likes; they go with the file */
        CHECK_OK(set(fd, i % 2 ? F_RDLCK : F_WRLCK, i, 1));
}

/* The same program, executed: locks stay, but for those of descriptors closed on exec. */
static void check_exec(const char *self)
{
    int pid = (int)CHECK_OK(fork()), status;

    if (pid == 0) {
        int keep = (int)CHECK_OK(open(NAME, O_RDWR | O_CREAT, 0600));
        int gone = (int)CHECK_OK(open(NAME "2", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        CHECK_OK(set(keep, F_WRLCK, 7, 3));
        CHECK_OK(set(gone, F_WRLCK, 7, 3));
        CHECK_OK(execl(self, self, "executed", NULL));
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK_OK(unlink(NAME "2"));
}

static void check_executed(void)
{
    int pid, status;

    expect("W7-9 ");
    pid = (int)CHECK_OK(fork());
    if (pid == 0) {
        int fd = (int)CHECK_OK(open(NAME "2", O_RDWR));
        CHECK_OK(set(fd, F_WRLCK, 0, 0));
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

static int ofd(int fd, int type, off_t start, off_t nbytes)
{
    return lock(fd, F_OFD_SETLK, type, start, nbytes);
}

/* Locks of open files: shared by dup and fork, not by another open of the same process. */
static void check_ofd(void)
{
    int a = open_it(), b = open_it(), copy = dup(a), pid, status;
    struct flock l = {.l_type = F_WRLCK};

    CHECK_OK(ofd(a, F_WRLCK, 0, 10));
    CHECK_ERR(ofd(b, F_RDLCK, 0, 5), EAGAIN);
    CHECK_ERR(set(a, F_WRLCK, 0, 5), EAGAIN); /* the process is another owner */
    CHECK_OK(ofd(copy, F_RDLCK, 0, 5));
    expect("R0-4 W5-9 ");
    CHECK_OK(fcntl(b, F_OFD_GETLK, &l));
    CHECK(l.l_type == F_RDLCK && l.l_start == 0 && l.l_len == 5 && l.l_pid == -1);
    l = (struct flock){.l_type = F_WRLCK, .l_pid = 1};
    CHECK_ERR(fcntl(b, F_OFD_GETLK, &l), EINVAL);
    CHECK_ERR(fcntl(b, F_OFD_SETLK, &l), EINVAL);
    CHECK_OK(close(copy));
    expect("R0-4 W5-9 "); /* a is still open */
    pid = (int)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(ofd(a, F_UNLCK, 0, 3)); /* the child has the same open file */
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    expect("R3-4 W5-9 ");
    CHECK_OK(close(a));
    expect("");
    CHECK_OK(close(b));
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        check_executed();
        return 0;
    }
    int fd = open_it();
    check_ranges(fd);
    check_whence(fd);
    check_refused(fd);
    check_conflicts(fd);
    check_exec(argv[0]);
    check_ends(fd);
    CHECK_OK(close(fd));
    expect("");
    check_ofd();
    CHECK_OK(unlink(NAME));
    return 0;
}
