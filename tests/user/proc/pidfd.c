/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of processes: made by clone, clone3 and pidfd_open; poll, waiting, signals and files
 * by them; what they lead to once the process has gone, and its number to another.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"
#include "tests/user/lib/procfs.h"

#define OPEN      434
#define SEND      424
#define GET       438
#define CLONE3    435
#define BY_PIDFD  ((idtype_t)3) /* P_PIDFD */
#define PIDFD     0x1000        /* CLONE_PIDFD */
#define NO_NUMBER 0x7fffffff

struct clone3_args {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

static int open_pidfd(pid_t pid)
{
    return (int)CHECK_OK(raw2(OPEN, pid, 0));
}

static int is_ready(int fd)
{
    struct pollfd one = {fd, POLLIN, 0};

    CHECK_OK(poll(&one, 1, 0));
    return (one.revents & POLLIN) != 0;
}

static void await_ready(int fd)
{
    struct pollfd one = {fd, POLLIN, 0};

    CHECK_EQ(poll(&one, 1, 10000), 1);
    CHECK(one.revents & POLLIN);
}

/* A child that waits to be killed. */
static pid_t sleeper(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    while (pid == 0)
        pause();
    return pid;
}

static void end(pid_t pid)
{
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(child_end(pid), SIGKILL);
}

static int thread_tid, thread_may_end;

static void *thread_main(void *argument)
{
    __atomic_store_n(&thread_tid, (int)raw0(SYS_gettid), __ATOMIC_RELEASE);
    while (!__atomic_load_n(&thread_may_end, __ATOMIC_ACQUIRE))
        usleep(1000);
    return argument;
}

static void opening_checks_its_arguments(void)
{
    pthread_t thread;
    pid_t pid = sleeper();
    int fd = (int)CHECK_OK(raw2(OPEN, pid, O_NONBLOCK));
    long err;

    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR | O_NONBLOCK);
    CHECK_ERR(read(fd, &err, sizeof(err)), EINVAL);
    CHECK_EQ(raw2(OPEN, pid, 1), -EINVAL);
    CHECK_EQ(raw2(OPEN, pid, O_CLOEXEC), -EINVAL);
    CHECK_EQ(raw2(OPEN, 0, 0), -EINVAL);
    CHECK_EQ(raw2(OPEN, -pid, 0), -EINVAL);
    CHECK_EQ(raw2(OPEN, NO_NUMBER, 0), -ESRCH);
    CHECK_OK(close(fd));
    end(pid);
    CHECK_EQ(raw2(OPEN, pid, 0), -ESRCH);
    CHECK_OK(close((int)CHECK_OK(raw2(OPEN, 1, 0))));

    CHECK_EQ(pthread_create(&thread, NULL, thread_main, NULL), 0);
    while (!__atomic_load_n(&thread_tid, __ATOMIC_ACQUIRE))
        usleep(1000);
    err = raw2(OPEN, thread_tid, 0); /* newer ones than Linux 6.1 say ENOENT */
    CHECK(err == -EINVAL || err == -ENOENT);
    __atomic_store_n(&thread_may_end, 1, __ATOMIC_RELEASE);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* The number of a process that is gone is in use as its group's. */
static void number_of_a_group_is_no_process(void)
{
    pid_t leader = sleeper(), member = sleeper();
    long err;

    CHECK_OK(setpgid(leader, leader));
    CHECK_OK(setpgid(member, leader));
    end(leader);
    err = raw2(OPEN, leader, 0);
    CHECK(err == -EINVAL || err == -ENOENT || err == -ESRCH);
    end(member);
}

static void poll_tells_the_end(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    pid_t pid = sleeper();
    int fd = open_pidfd(pid), again = open_pidfd(pid), epoll = epoll_create1(0), late;

    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, again, &event));
    CHECK(!is_ready(fd));
    CHECK_EQ(epoll_wait(epoll, &event, 1, 0), 0);
    CHECK_OK(kill(pid, SIGSTOP));
    CHECK(!is_ready(fd));
    CHECK_OK(kill(pid, SIGKILL));
    await_ready(fd);
    CHECK_EQ(epoll_wait(epoll, &event, 1, 10000), 1);
    late = open_pidfd(pid); /* it has not been waited for */
    CHECK(is_ready(late));
    CHECK_EQ(child_end(pid), SIGKILL);
    CHECK(is_ready(fd) && is_ready(late));
    CHECK_EQ(epoll_wait(epoll, &event, 1, 0), 1);
    CHECK_OK(close(fd));
    CHECK_OK(close(again));
    CHECK_OK(close(late));
    CHECK_OK(close(epoll));
}

/* It is the end of all threads that counts. */
static void *outlive(void *argument)
{
    char byte;

    CHECK_EQ(read(*(int *)argument, &byte, 1), 1);
    _exit(3);
}

static void leader_among_threads(int end_of_pipe)
{
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, outlive, &end_of_pipe), 0);
    raw1(SYS_exit, 0);
}

static void end_is_that_of_all_threads(void)
{
    int ends[2], fd;
    siginfo_t info;
    pid_t pid;

    CHECK_OK(pipe(ends));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0)
        leader_among_threads(ends[0]);
    fd = open_pidfd(pid);
    usleep(20000); /* mostly enough for the leader to have ended */
    CHECK(!is_ready(fd));
    CHECK_EQ(write(ends[1], "x", 1), 1);
    await_ready(fd);
    CHECK_OK(waitid(BY_PIDFD, (id_t)fd, &info, WEXITED));
    CHECK_EQ(info.si_status, 3);
    CHECK_OK(close(fd));
    CHECK_OK(close(ends[0]));
    CHECK_OK(close(ends[1]));
}

static void waiting(void)
{
    pid_t pid = sleeper(), other = sleeper();
    int fd = open_pidfd(pid), quick = (int)CHECK_OK(raw2(OPEN, pid, O_NONBLOCK)), null;
    siginfo_t info;

    memset(&info, 1, sizeof(info));
    CHECK_OK(waitid(BY_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG));
    CHECK_EQ(info.si_pid, 0);
    CHECK_ERR(waitid(BY_PIDFD, (id_t)quick, &info, WEXITED), EAGAIN);
    CHECK_OK(waitid(BY_PIDFD, (id_t)quick, &info, WEXITED | WNOHANG));
    CHECK_ERR(waitid(BY_PIDFD, (id_t)-1, &info, WEXITED), EINVAL);
    CHECK_ERR(waitid(BY_PIDFD, 1000, &info, WEXITED), EBADF);
    null = (int)CHECK_OK(open("/dev/null", O_RDONLY));
    CHECK_ERR(waitid(BY_PIDFD, (id_t)null, &info, WEXITED), EBADF);
    CHECK_ERR(waitid(BY_PIDFD, (id_t)fd, &info, 0), EINVAL);

    CHECK_OK(kill(pid, SIGSTOP));
    CHECK_OK(waitid(BY_PIDFD, (id_t)fd, &info, WSTOPPED));
    CHECK_EQ(info.si_pid, pid);
    CHECK_EQ(info.si_status, SIGSTOP);
    CHECK_OK(kill(other, SIGKILL));
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_OK(waitid(BY_PIDFD, (id_t)fd, &info, WEXITED | WNOWAIT));
    CHECK_EQ(info.si_pid, pid);
    CHECK_OK(waitid(BY_PIDFD, (id_t)quick, &info, WEXITED));
    CHECK_EQ(info.si_code, CLD_KILLED);
    CHECK_ERR(waitid(BY_PIDFD, (id_t)fd, &info, WEXITED), ECHILD);
    CHECK_EQ(child_end(other), SIGKILL);
    CHECK_OK(close(fd));
    fd = open_pidfd(getppid()); /* no child */
    CHECK_ERR(waitid(BY_PIDFD, (id_t)fd, &info, WEXITED), ECHILD);
    CHECK_OK(close(fd));
    CHECK_OK(close(quick));
    CHECK_OK(close(null));
}

static volatile sig_atomic_t got;
static siginfo_t got_info;

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    got = number;
    got_info = *info;
}

static void signals(void)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    pid_t pid = sleeper();
    int fd = open_pidfd(pid), own = open_pidfd(getpid());
    siginfo_t info;

    CHECK_EQ(raw4(SEND, fd, 0, 0, 0), 0);
    CHECK_EQ(raw4(SEND, fd, 0, 0, 0x100), -EINVAL);
    CHECK_EQ(raw4(SEND, fd, 99, 0, 0), -EINVAL);
    CHECK_EQ(raw4(SEND, 1000, 0, 0, 0), -EBADF);
    CHECK_EQ(raw4(SEND, 1, 0, 0, 0), -EBADF);
    CHECK_EQ(raw4(SEND, fd, SIGUSR1, 16, 0), -EFAULT);
    memset(&info, 0, sizeof(info));
    info.si_signo = SIGUSR1;
    info.si_code = SI_QUEUE;
    CHECK_EQ(raw4(SEND, fd, SIGUSR2, &info, 0), -EINVAL);
    info.si_code = SI_USER; /* only to oneself */
    CHECK_EQ(raw4(SEND, fd, SIGUSR1, &info, 0), -EPERM);
    info.si_code = SI_TKILL;
    CHECK_EQ(raw4(SEND, fd, SIGUSR1, &info, 0), -EPERM);

    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
    info.si_code = SI_USER;
    info.si_pid = 4711;
    CHECK_EQ(raw4(SEND, own, SIGUSR1, &info, 0), 0);
    CHECK_EQ(got, SIGUSR1);
    CHECK_EQ(got_info.si_pid, 4711);
    CHECK_EQ(raw4(SEND, own, SIGUSR1, 0, 0), 0);
    CHECK_EQ(got_info.si_pid, getpid());
    CHECK_EQ(got_info.si_code, SI_USER);

    CHECK_EQ(raw4(SEND, fd, SIGKILL, 0, 0), 0);
    await_ready(fd);
    CHECK_EQ(raw4(SEND, fd, 0, 0, 0), 0); /* a zombie is there */
    CHECK_EQ(child_end(pid), SIGKILL);
    CHECK_EQ(raw4(SEND, fd, 0, 0, 0), -ESRCH);
    CHECK_EQ(raw4(SEND, fd, SIGKILL, 0, 0), -ESRCH);
    CHECK_OK(close(fd));
    CHECK_OK(close(own));
}

/* The directory of a process in /proc does as well, for signals alone. */
static void signals_by_directory(void)
{
    pid_t pid = sleeper();
    siginfo_t info;
    int fd, sub;

    fd = open(proc_path(pid, ""), O_RDONLY | O_DIRECTORY);
    if (fd < 0) { /* Linux without /proc */
        end(pid);
        return;
    }
    sub = (int)CHECK_OK(open(proc_path(pid, "fd"), O_RDONLY | O_DIRECTORY));
    CHECK_EQ(raw4(SEND, sub, 0, 0, 0), -EBADF);
    CHECK_EQ(raw4(SEND, fd, 0, 0, 0), 0);
    CHECK_ERR(waitid(BY_PIDFD, (id_t)fd, &info, WEXITED), EBADF);
    CHECK_EQ(raw4(SEND, fd, SIGTERM, 0, 0), 0);
    CHECK_EQ(child_end(pid), SIGTERM);
    CHECK_EQ(raw4(SEND, fd, SIGTERM, 0, 0), -ESRCH);
    CHECK_OK(close(fd));
    CHECK_OK(close(sub));
}

static void files_of_others(void)
{
    int ends[2], fd, copy, other;
    struct rlimit none, limit;
    struct stat here, there;
    pid_t pid;
    char byte;

    CHECK_OK(pipe(ends));
    pid = sleeper();
    fd = open_pidfd(pid);
    copy = (int)CHECK_OK(raw3(GET, fd, ends[1], 0));
    CHECK_EQ(fcntl(copy, F_GETFD), FD_CLOEXEC);
    CHECK_OK(fstat(copy, &there));
    CHECK_OK(fstat(ends[1], &here));
    CHECK_EQ(here.st_ino, there.st_ino);
    CHECK_EQ(write(copy, "y", 1), 1);
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    CHECK_EQ(raw3(GET, fd, 999, 0), -EBADF);
    CHECK_EQ(raw3(GET, fd, -1, 0), -EBADF);
    CHECK_EQ(raw3(GET, fd, 0, 1), -EINVAL);
    CHECK_EQ(raw3(GET, 999, 0, 0), -EBADF);
    CHECK_EQ(raw3(GET, ends[0], 0, 0), -EBADF);
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
    none = (struct rlimit){3, limit.rlim_max};
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &none));
    CHECK_EQ(raw3(GET, fd, 0, 0), -EMFILE);
    CHECK_EQ(raw2(OPEN, pid, 0), -EMFILE);
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
    other = open_pidfd(getpid());
    CHECK_OK(close((int)CHECK_OK(raw3(GET, other, 0, 0))));
    end(pid);
    CHECK_EQ(raw3(GET, fd, 0, 0), -ESRCH);
    CHECK_OK(close(other));
    CHECK_OK(close(copy));
    CHECK_OK(close(fd));
    CHECK_OK(close(ends[0]));
    CHECK_OK(close(ends[1]));
}

static void as_stranger(void)
{
    int fd;

    if (geteuid() != 0 || setresuid(1234, 1234, 1234) != 0)
        return;
    fd = open_pidfd(getppid());
    CHECK_EQ(raw4(SEND, fd, 0, 0, 0), -EPERM);
    CHECK_EQ(raw3(GET, fd, 0, 0), -EPERM);
}

/* What the child has of the descriptor and of its number in memory: neither. */
static void child_of_clone(const volatile int *fd)
{
    CHECK_EQ(*fd, -1);
    CHECK_ERR(fcntl(3, F_GETFD), EBADF);
    _exit(5);
}

static void clone_makes_one(void)
{
    struct clone3_args args = {.flags = PIDFD, .exit_signal = SIGCHLD};
    volatile int fd = -1, tid = -1;
    siginfo_t info;
    long pid = raw6(SYS_clone, PIDFD | SIGCHLD, 0, &fd, 0, 0, 0);

    if (pid == 0)
        child_of_clone(&fd);
    CHECK_OK(pid);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR);
    CHECK_OK(waitid(BY_PIDFD, (id_t)fd, &info, WEXITED));
    CHECK_EQ(info.si_pid, pid);
    CHECK_EQ(info.si_status, 5);
    CHECK_OK(close(fd));

    fd = -1;
    args.pidfd = (uint64_t)&fd;
    args.parent_tid = (uint64_t)&tid;
    args.flags |= CLONE_PARENT_SETTID;
    pid = raw2(CLONE3, &args, sizeof(args));
    if (pid == 0)
        child_of_clone(&fd);
    CHECK_OK(pid);
    CHECK_EQ(tid, pid);
    CHECK_OK(waitid(BY_PIDFD, (id_t)fd, &info, WEXITED));
    CHECK_EQ(info.si_pid, pid);
    CHECK_OK(close(fd));
}

static void clone_refuses(void)
{
    struct clone3_args args = {.flags = PIDFD | CLONE_PARENT_SETTID, .exit_signal = SIGCHLD};
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct rlimit none, limit;
    int fd = -1;

    CHECK(page != MAP_FAILED);
    CHECK_EQ(raw6(SYS_clone, PIDFD | CLONE_PARENT_SETTID | SIGCHLD, 0, &fd, 0, 0, 0), -EINVAL);
    args.pidfd = args.parent_tid = (uint64_t)&fd;
    CHECK_EQ(raw2(CLONE3, &args, sizeof(args)), -EINVAL);
    CHECK_EQ(raw6(SYS_clone, PIDFD | 0x00400000 | SIGCHLD, 0, &fd, 0, 0, 0), -EINVAL);
    CHECK_EQ(raw6(SYS_clone, PIDFD | SIGCHLD, 0, page, 0, 0, 0), -EFAULT);
    CHECK_EQ(raw6(SYS_clone, PIDFD | SIGCHLD, 0, 0, 0, 0, 0), -EFAULT);
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
    none = (struct rlimit){3, limit.rlim_max};
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &none));
    CHECK_EQ(raw6(SYS_clone, PIDFD | SIGCHLD, 0, &fd, 0, 0, 0), -EMFILE);
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
    CHECK_ERR(fcntl(3, F_GETFD), EBADF);
    CHECK_ERR(waitpid(-1, NULL, 0), ECHILD);
    CHECK_OK(munmap(page, 4096));
}

static void fdinfo_has_the_number(void)
{
    char text[1024], name[64] = "fdinfo/";
    pid_t pid = sleeper();
    int fd = open_pidfd(pid), plain;

    name[7] = (char)('0' + fd); /* few are open */
    plain = text_read(proc_path(getpid(), name), text, sizeof(text)) < 0;
    if (!plain) {
        CHECK_EQ(line_number(text, "Pid:"), pid);
        CHECK_EQ(line_number(text, "NSpid:"), pid);
        name[2] = '/';
        name[3] = name[7];
        name[4] = 0;
        link_is(proc_path(getpid(), name), "anon_inode:[pidfd]");
    }
    end(pid);
    if (!plain) {
        name[2] = 'i';
        name[3] = 'n';
        name[4] = 'f';
        text_of(proc_path(getpid(), name), text, sizeof(text));
        CHECK(line_is(text, "Pid:", "-1"));
        CHECK(line_is(text, "NSpid:", "-1"));
    }
    CHECK_OK(close(fd));
}

int main(void)
{
    opening_checks_its_arguments();
    number_of_a_group_is_no_process();
    poll_tells_the_end();
    end_is_that_of_all_threads();
    waiting();
    signals();
    signals_by_directory();
    files_of_others();
    CHECK_EQ(child_status(as_stranger), 0);
    clone_makes_one();
    clone_refuses();
    fdinfo_has_the_number();
    return 0;
}
