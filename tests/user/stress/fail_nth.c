/* SPDX-License-Identifier: MIT */
/*
 * Each call with its first, second, third... allocation failing, until none is left to fail.
 *
 * A call that has no memory fails with ENOMEM or does without; it changes nothing by halves: the
 * same call, made again with memory, succeeds. What it took on the way is given back, which the
 * harness sees by the frames. Page faults never fail for it: the kernel finds memory and tries
 * again. Needs /proc/self/fail-nth, which kernels for tests have.
 *
 * Each attempt is a process and a directory of its own.
 *
 * Long because it is a list of calls, each with a function of a few lines.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/linux/capability.h"
#include "tests/user/lib/rights.h"

#define OWN_PATH     "/bin/t/fail_nth"
#define PLACE        "/tmp/fail_nth"
#define PAGE         4096
#define ATTEMPTS_MAX 2000
#define CHUNK        (256 * 1024)

enum end { END_LEFT = 10, END_HIT, END_REFUSED }; /* exit status of an attempt */

struct operation {
    const char *name;
    int (*run)(void);      /* 0 or more: done; -1 and errno */
    void (*prepare)(void); /* before, with all memory; may be NULL */
    int error;             /* what stands for ENOMEM, too; where files are memory, ENOSPC */
};

static int fd_a = -1, fd_b = -1, pair[2] = {-1, -1};
static char *area;
static char bytes[CHUNK];

/* Opened before anything is to fail. Its text is made when it is read from the start. */
static int fail_fd = -1;

static void fail_set(unsigned count)
{
    char text[16];
    int length = snprintf(text, sizeof(text), "%u", count);

    CHECK_EQ(pwrite(fail_fd, text, (size_t)length, 0), length);
}

static unsigned fail_left(void)
{
    char text[16] = "";

    for (int tries = 0; tries < 3 && !text[0]; tries++) /* the read itself may be what fails */
        if (pread(fail_fd, text, sizeof(text) - 1, 0) < 0)
            CHECK_EQ(errno, ENOMEM);
    CHECK(text[0]);
    return (unsigned)strtoul(text, NULL, 10);
}

/* --- names --- */

static void two_files(void)
{
    fd_a = (int)CHECK_OK(open("a", O_RDWR | O_CREAT, 0644));
    fd_b = (int)CHECK_OK(open("b", O_RDWR | O_CREAT, 0644));
}

static int run_creat(void)
{
    return open("new", O_RDWR | O_CREAT | O_EXCL, 0644);
}
/* What is taken back was seen to come, and is seen to go. */
static int run_creat_watched(void)
{
    char events[4096];
    int file = run_creat(), error = errno, balance = 0;
    ssize_t nbytes;

    if (file >= 0)
        return file;
    nbytes = read(fd_a, events, sizeof(events));
    for (ssize_t at = 0; at < nbytes;) {
        const struct inotify_event *event = (void *)(events + at);

        balance += (event->mask & IN_CREATE ? 1 : 0) - (event->mask & IN_DELETE ? 1 : 0);
        at += (ssize_t)(sizeof(*event) + event->len);
    }
    CHECK_EQ(balance, 0);
    errno = error;
    return -1;
}
static void one_watch(void)
{
    fd_a = (int)CHECK_OK(inotify_init1(IN_NONBLOCK));
    CHECK_OK(inotify_add_watch(fd_a, ".", IN_CREATE | IN_DELETE));
}
static int run_lease(void)
{
    return fcntl(fd_a, F_SETLEASE, F_WRLCK);
}
static void one_file(void)
{
    fd_a = (int)CHECK_OK(open("a", O_RDWR | O_CREAT, 0644));
}
static int run_notify(void)
{
    return fcntl(fd_a, F_NOTIFY, DN_CREATE);
}
static void this_directory(void)
{
    fd_a = (int)CHECK_OK(open(".", O_RDONLY));
}
static int run_async(void)
{
    if (fcntl(pair[0], F_SETFL, O_ASYNC))
        return -1;
    return fcntl(pair[0], F_SETOWN, getpid());
}
static int run_watch_signals(void)
{
    struct epoll_event event = {.events = EPOLLIN};

    return epoll_ctl(fd_b, EPOLL_CTL_ADD, fd_a, &event);
}
static void two_event_files(void)
{
    sigset_t none;

    sigemptyset(&none);
    fd_a = (int)CHECK_OK(signalfd(-1, &none, 0));
    fd_b = (int)CHECK_OK(epoll_create1(0));
}
static int run_tmpfile(void)
{
    return open(".", O_RDWR | O_TMPFILE, 0600);
}
static int run_mkdir(void)
{
    return mkdir("new", 0755);
}
static int run_mkfifo(void)
{
    return mkfifo("new", 0644);
}
static int run_symlink(void)
{
    return symlink("a/rather/long/target/of/a/link", "new");
}
static int run_link(void)
{
    return link("a", "new");
}
static int run_rename(void)
{
    return rename("a", "a-name-that-is-longer-than-before-by-some");
}
static int run_rename_over(void)
{
    return rename("a", "b");
}
static int run_exchange(void)
{
    return (int)syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "b", 2 /* RENAME_EXCHANGE */);
}
static int run_unlink(void)
{
    return unlink("a");
}
static int run_stat(void)
{
    struct stat st;

    return stat("../fail_nth/../fail_nth/a", &st);
}
static int run_listing(void)
{
    DIR *dir = opendir("/proc");

    if (!dir)
        return -1;
    errno = 0;
    while (readdir(dir)) {
    }
    closedir(dir);
    return errno ? -1 : 0;
}
static int run_chdir(void)
{
    return chdir("/proc/self");
}
static int run_readlink(void)
{
    char text[64];

    return (int)readlink("/proc/self/exe", text, sizeof(text));
}
static int run_fifo(void)
{
    return open("f", O_RDWR);
}
static void one_fifo(void)
{
    CHECK_OK(mkfifo("f", 0644));
}

/* --- data of files --- */

static int all_of(ssize_t done, size_t wanted) /* a short count says that something failed */
{
    if (done >= 0 && (size_t)done < wanted)
        errno = ENOMEM;
    return done == (ssize_t)wanted ? 0 : -1;
}

static void full_file(void)
{
    two_files();
    CHECK_EQ(write(fd_a, bytes, CHUNK), CHUNK);
}

static int run_write(void)
{
    return all_of(pwrite(fd_a, bytes, CHUNK, 0), CHUNK);
}
static int run_write_far(void)
{
    return all_of(pwrite(fd_a, bytes, 10, 1L << 36), 10);
}
static int run_grow(void)
{
    return ftruncate(fd_a, 1L << 30);
}
static int run_shrink(void)
{
    return ftruncate(fd_a, 100);
}
static int run_fallocate(void)
{
    return fallocate(fd_a, 0, 0, CHUNK);
}
static int run_punch(void)
{
    return fallocate(fd_a, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, CHUNK / 2);
}
static int run_sendfile(void)
{
    off_t offset = 0;

    return all_of(sendfile(fd_b, fd_a, &offset, CHUNK), CHUNK);
}
static int run_read(void)
{
    return all_of(pread(fd_a, bytes, CHUNK, 0), CHUNK);
}

/* --- pipes, descriptors, waiting --- */

static void one_pipe(void)
{
    CHECK_OK(pipe(pair));
}

static int run_pipe(void)
{
    return pipe(pair);
}
static int run_pipe_size(void)
{
    return fcntl(pair[1], F_SETPIPE_SZ, 1 << 18);
}
static int run_pipe_write(void)
{
    return all_of(write(pair[1], bytes, 1 << 15), 1 << 15);
}
static int run_dup(void)
{
    return dup2(0, 900);
}
static int run_close_range(void)
{
    return (int)syscall(SYS_close_range, 500, 600, 2 /* CLOSE_RANGE_UNSHARE */);
}
static int run_poll(void)
{
    struct pollfd set[100];

    for (int i = 0; i < 100; i++)
        set[i] = (struct pollfd){.fd = pair[0], .events = POLLIN};
    return poll(set, 100, 1);
}
static int run_select(void)
{
    struct timeval tv = {.tv_usec = 1000};
    fd_set set;

    FD_ZERO(&set);
    FD_SET(pair[0], &set);
    return select(pair[0] + 1, &set, NULL, NULL, &tv);
}
/* --- sockets of the loopback: EAGAIN, too, means that there was no port to be had --- */

static int no_memory(void)
{
    if (errno == EAGAIN)
        errno = ENOMEM;
    return -1;
}

static int run_tcp(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    socklen_t nbytes = sizeof(name);
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);

    if (listener < 0 || fd < 0 || bind(listener, (struct sockaddr *)&name, nbytes) ||
        listen(listener, 1) || getsockname(listener, (struct sockaddr *)&name, &nbytes) ||
        connect(fd, (struct sockaddr *)&name, nbytes) || accept(listener, NULL, NULL) < 0)
        return -1;
    return all_of(send(fd, bytes, 1 << 15, 0), 1 << 15);
}

/* One more than the backlog takes. */
static int run_tcp_waiting(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    socklen_t nbytes = sizeof(name);
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    if (listener < 0 || bind(listener, (struct sockaddr *)&name, nbytes) || listen(listener, 0) ||
        getsockname(listener, (struct sockaddr *)&name, &nbytes))
        return -1;
    for (int i = 0; i < 3; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

        if (fd < 0 || (connect(fd, (struct sockaddr *)&name, nbytes) && errno != EINPROGRESS))
            return -1;
    }
    return accept(listener, NULL, NULL);
}

static int run_udp(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    socklen_t nbytes = sizeof(name);
    int fd = socket(AF_INET, SOCK_DGRAM, 0), other = socket(AF_INET, SOCK_DGRAM, 0);

    if (fd < 0 || other < 0 || bind(fd, (struct sockaddr *)&name, nbytes) ||
        getsockname(fd, (struct sockaddr *)&name, &nbytes) ||
        connect(other, (struct sockaddr *)&name, nbytes) || send(other, bytes, 5000, 0) != 5000)
        return no_memory();
    return (int)recv(fd, bytes, 5000, MSG_DONTWAIT);
}

static int run_flock(void)
{
    return flock(fd_a, LOCK_EX | LOCK_NB);
}
static int run_lock(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_start = 10, .l_len = 100};

    return fcntl(fd_a, F_SETLK, &lock);
}
static int run_unlock_middle(void)
{
    struct flock lock = {.l_type = F_UNLCK, .l_start = 50, .l_len = 10};

    return fcntl(fd_a, F_SETLK, &lock);
}
static void locked_file(void)
{
    two_files();
    CHECK_OK(run_lock());
}
static int run_futex(void)
{
    static int word;
    struct timespec ts = {.tv_nsec = 1000000};

    return syscall(SYS_futex, &word, 0, 0, &ts, NULL, 0) == -1 && errno != ETIMEDOUT ? -1 : 0;
}

/* --- memory --- */

static void one_area(void)
{
    area = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(area != MAP_FAILED);
    memset(area, 1, 64 * PAGE);
}

static int run_map(void)
{
    char *start = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (start == MAP_FAILED)
        return -1;
    memset(start, 1, 64 * PAGE);
    return munmap(start, 64 * PAGE);
}
static int run_map_populate(void)
{
    return mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
                -1, 0) == MAP_FAILED
               ? -1
               : 0;
}
static int run_map_shared(void)
{
    char *start = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_SHARED, fd_a, 0);

    if (start == MAP_FAILED)
        return -1;
    for (size_t i = 0; i < CHUNK; i += PAGE)
        start[i] = 2;
    return munmap(start, CHUNK);
}
static int run_map_private(void)
{
    char *start = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd_a, 0);

    if (start == MAP_FAILED)
        return -1;
    for (size_t i = 0; i < CHUNK; i += PAGE)
        start[i] = 2;
    return munmap(start, CHUNK);
}
static int run_protect(void)
{
    return mprotect(area + 8 * PAGE, 8 * PAGE, PROT_READ);
}
static int run_unmap(void)
{
    return munmap(area + 8 * PAGE, 8 * PAGE);
}
static int run_remap(void)
{
    return mremap(area, 16 * PAGE, 512 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0;
}
static int run_advise(void)
{
    return madvise(area + PAGE, 8 * PAGE, MADV_DONTNEED) || (memset(area, 2, 64 * PAGE), 0);
}
static int run_brk(void)
{
    char *old = sbrk(0);

    return syscall(SYS_brk, old + (16 << 20)) == (long)old ? (errno = ENOMEM, -1) : 0;
}

/* --- processes --- */

static int child_waited(pid_t pid)
{
    int status;

    if (pid < 0)
        return -1;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    return 0;
}

static int run_fork(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(fail_left() != 0); /* nothing of the count is inherited */
    return child_waited(pid);
}
static int run_vfork(void)
{
    pid_t pid = vfork();

    if (pid == 0)
        _exit(0);
    return child_waited(pid);
}
static int run_clone(void)
{
    long pid = syscall(SYS_clone, CLONE_FILES | CLONE_FS | SIGCHLD, 0, 0, 0, 0);

    if (pid == 0)
        _exit(0);
    return child_waited((pid_t)pid);
}
static int run_setsid(void)
{
    return setsid();
}
static int run_setpgid(void)
{
    return setpgid(0, 0);
}
static void one_child(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0)
        _exit(setsid() < 0); /* so that the caller may begin a group or session of its own */
    child_waited(pid);
}
static int run_setuid(void)
{
    return (int)syscall(SYS_setresuid, 1000, -1, -1);
}
static int run_capset(void)
{
    struct lx_cap_header header = {LX_CAPABILITY_VERSION_3, 0};
    struct lx_cap_data data[2] = {{0}};

    if (syscall(SYS_capget, &header, data) < 0)
        return -1;
    data[0].inheritable ^= 1; /* the others stay: fail-nth takes one of them */
    return (int)syscall(SYS_capset, &header, data);
}
static int run_setgroups(void)
{
    gid_t groups[100] = {1, 2, 3};

    return (int)syscall(SYS_setgroups, 100, groups);
}
static int run_timer(void)
{
    timer_t timer;
    struct itimerspec when = {.it_value = {.tv_sec = 100}};

    if (timer_create(CLOCK_MONOTONIC, NULL, &timer))
        return -1;
    return timer_settime(timer, 0, &when, NULL);
}
static int run_sigqueue(void)
{
    return sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 1});
}
static void blocked(void)
{
    sigset_t set;

    sigfillset(&set);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
}
static int run_affinity(void)
{
    unsigned long mask[16] = {1};

    return (int)syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask);
}
static int run_name(void)
{
    return prctl(PR_SET_NAME, "another");
}

/* --- sockets --- */

static const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};

static int run_socketpair(void)
{
    return socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}
static void one_pair(void)
{
    CHECK_OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
}
static void one_socket(void)
{
    fd_a = (int)CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));
}
static int run_bind(void)
{
    return bind(fd_a, (const struct sockaddr *)&address, sizeof(address));
}
static void one_listener(void)
{
    one_socket();
    CHECK_OK(run_bind());
    CHECK_OK(listen(fd_a, 5));
    fd_b = (int)CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));
}
static int run_connect(void)
{
    return connect(fd_b, (const struct sockaddr *)&address, sizeof(address));
}
/* Each other, so that what fails leaves no ring behind, and what does not leaves one. */
static int run_send_rights(void)
{
    return (int)rights_send(pair[0], "x", 1, pair, 2);
}
static void one_message(void)
{
    one_pair();
    CHECK_EQ(run_send_rights(), 1);
    CHECK_EQ(run_send_rights(), 1);
    CHECK_OK(dup2(0, 62)); /* so that the table has to grow for what comes */
    for (int fd = 3; fd < 62; fd++)
        dup(0);
}
static int receive_rights(int flags)
{
    struct rights_got got;

    rights_receive(pair[1], 1, CMSG_SPACE(2 * sizeof(int)), flags, &got);
    return (int)got.nbytes;
}
static int run_receive_rights(void)
{
    return receive_rights(0);
}
static int run_peek_rights(void)
{
    return receive_rights(MSG_PEEK);
}

/* --- terminals, mounts, /proc --- */

static int run_ptmx(void)
{
    return open("/dev/ptmx", O_RDWR | O_NOCTTY);
}
static int run_mount(void)
{
    return mount("none", "d", "tmpfs", 0, "size=1m");
}
static int run_mount_proc(void)
{
    return mount("none", "d", "proc", 0, NULL);
}
static int run_mount_mqueue(void)
{
    return mount("none", "d", "mqueue", 0, NULL);
}
static int run_unshare(void)
{
    return unshare(CLONE_NEWIPC | CLONE_NEWNS);
}
static int run_mq_open(void)
{
    return (int)syscall(SYS_mq_open, "queue", O_RDWR | O_CREAT, 0600, NULL);
}
static void own_queues(void)
{
    CHECK_OK(unshare(CLONE_NEWIPC));
}
static void one_directory(void)
{
    CHECK_OK(mkdir("d", 0755));
}
static void one_mount(void)
{
    one_directory();
    CHECK_OK(run_mount());
}
static int run_umount(void)
{
    return umount2("d", MNT_DETACH);
}

static int read_whole(const char *path)
{
    int fd = open(path, O_RDONLY);
    ssize_t done;

    if (fd < 0)
        return -1;
    while ((done = read(fd, bytes, PAGE)) > 0) {
    }
    return (int)done;
}
static int run_maps(void)
{
    return read_whole("/proc/self/maps");
}
static int run_status(void)
{
    return read_whole("/proc/self/status");
}
static int run_smaps(void)
{
    return read_whole("/proc/self/smaps");
}
static int run_mountinfo(void)
{
    return read_whole("/proc/self/mountinfo");
}
static int run_meminfo(void)
{
    return read_whole("/proc/meminfo");
}

/* --- exec: the new program, this one again, says what is left; returns only when it failed --- */

static int exec_path(const char *path)
{
    char *argv[] = {(char *)path, (char *)"left", NULL};
    char *envp[] = {(char *)"PATH=/bin", NULL};

    CHECK_EQ(execve(path, argv, envp), -1); /* 0 would be the old program in the new one's place */
    return -1;
}
static int run_exec(void)
{
    return exec_path(OWN_PATH);
}
static int run_exec_script(void)
{
    return exec_path("script");
}
static void one_script(void)
{
    fd_a = (int)CHECK_OK(open("script", O_WRONLY | O_CREAT | O_CLOEXEC, 0755));
    CHECK(dprintf(fd_a, "#!%s left\n", OWN_PATH) > 0);
    CHECK_OK(close(fd_a));
}
/* The table is shared with a child that waits until this process is gone. */
static void shared_table(void)
{
    CHECK_OK(pipe2(pair, O_CLOEXEC));
    CHECK_OK(dup2(0, 900)); /* so that a copy of the table is more than one allocation */
    if (CHECK_OK(syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0)) == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (getppid() != 1)
            usleep(1000);
        _exit(0);
    }
}

static const struct operation operations[] = {
    {"creat", run_creat, NULL, 0},
    {"creat-watched", run_creat_watched, one_watch, 0},
    {"lease", run_lease, one_file, 0},
    {"notify", run_notify, this_directory, 0},
    {"async", run_async, one_pipe, 0},
    {"watch-signals", run_watch_signals, two_event_files, 0},
    {"tmpfile", run_tmpfile, NULL, 0},
    {"mkdir", run_mkdir, NULL, 0},
    {"mkfifo", run_mkfifo, NULL, 0},
    {"symlink", run_symlink, NULL, 0},
    {"link", run_link, two_files, 0},
    {"rename", run_rename, two_files, 0},
    {"rename-over", run_rename_over, two_files, 0},
    {"exchange", run_exchange, two_files, 0},
    {"unlink", run_unlink, two_files, 0},
    {"stat", run_stat, two_files, 0},
    {"listing", run_listing, NULL, 0},
    {"chdir", run_chdir, NULL, 0},
    {"readlink", run_readlink, NULL, 0},
    {"fifo", run_fifo, one_fifo, 0},
    {"write", run_write, two_files, ENOSPC},
    {"write-far", run_write_far, two_files, ENOSPC},
    {"grow", run_grow, full_file, 0},
    {"shrink", run_shrink, full_file, 0},
    {"fallocate", run_fallocate, two_files, ENOSPC},
    {"punch", run_punch, full_file, 0},
    {"sendfile", run_sendfile, full_file, ENOSPC},
    {"read", run_read, full_file, 0},
    {"pipe", run_pipe, NULL, 0},
    {"pipe-size", run_pipe_size, one_pipe, 0},
    {"pipe-write", run_pipe_write, one_pipe, 0},
    {"dup", run_dup, NULL, 0},
    {"close-range", run_close_range, shared_table, 0},
    {"poll", run_poll, one_pipe, 0},
    {"select", run_select, one_pipe, 0},
    {"flock", run_flock, two_files, 0},
    {"tcp", run_tcp, NULL, ENOBUFS},
    {"tcp-waiting", run_tcp_waiting, NULL, ENOBUFS},
    {"udp", run_udp, NULL, ENOBUFS},
    {"lock", run_lock, two_files, ENOLCK},
    {"unlock-middle", run_unlock_middle, locked_file, ENOLCK},
    {"futex", run_futex, NULL, 0},
    {"map", run_map, NULL, 0},
    {"map-populate", run_map_populate, NULL, 0},
    {"map-shared", run_map_shared, full_file, 0},
    {"map-private", run_map_private, full_file, 0},
    {"protect", run_protect, one_area, 0},
    {"unmap", run_unmap, one_area, 0},
    {"remap", run_remap, one_area, 0},
    {"advise", run_advise, one_area, 0},
    {"brk", run_brk, NULL, 0},
    {"fork", run_fork, one_area, 0},
    {"vfork", run_vfork, NULL, 0},
    {"clone", run_clone, NULL, 0},
    {"setsid", run_setsid, one_child, 0},
    {"setpgid", run_setpgid, one_child, 0},
    {"setuid", run_setuid, NULL, EAGAIN},
    {"capset", run_capset, NULL, EAGAIN},
    {"setgroups", run_setgroups, NULL, 0},
    {"timer", run_timer, NULL, EAGAIN},
    {"sigqueue", run_sigqueue, blocked, EAGAIN},
    {"affinity", run_affinity, NULL, 0},
    {"name", run_name, NULL, 0},
    {"socketpair", run_socketpair, NULL, 0},
    {"bind", run_bind, one_socket, 0},
    {"connect", run_connect, one_listener, 0},
    {"send-rights", run_send_rights, one_pair, ENOBUFS},
    {"receive-rights", run_receive_rights, one_message, 0},
    {"peek-rights", run_peek_rights, one_message, 0},
    {"ptmx", run_ptmx, NULL, 0},
    {"mount", run_mount, one_directory, 0},
    {"mount-proc", run_mount_proc, one_directory, 0},
    {"mount-mqueue", run_mount_mqueue, one_directory, 0},
    {"mq_open", run_mq_open, own_queues, 0},
    {"unshare", run_unshare, NULL, 0},
    {"umount", run_umount, one_mount, 0},
    {"maps", run_maps, NULL, 0},
    {"status", run_status, NULL, 0},
    {"smaps", run_smaps, NULL, 0},
    {"mountinfo", run_mountinfo, NULL, 0},
    {"meminfo", run_meminfo, NULL, 0},
    {"exec", run_exec, NULL, 0},
    {"exec-script", run_exec_script, one_script, 0},
    {"exec-shared", run_exec, shared_table, 0},
};

/* --- attempts --- */

/* One attempt, the n-th allocation failing. Does not return. */
static void attempt(const struct operation *op, unsigned n)
{
    int done, error;
    unsigned left;

    CHECK_OK(mkdir(PLACE, 0755));
    CHECK_OK(chdir(PLACE));
    if (op->prepare)
        op->prepare();
    fail_set(n);
    done = op->run();
    error = errno;
    left = fail_left();
    fail_set(0);
    if (done >= 0)
        _exit(left ? END_LEFT : END_HIT);
    if (left || (error != ENOMEM && error != op->error)) {
        say(2, op->name);
        say(2, ": fails with ");
        say_number(2, error);
        say(2, ", allocation ");
        say_number(2, n);
        say(2, "\n");
        _exit(1);
    }
    done =
        op->run(); /* an exec does not return, and says that nothing is left: refused is enough */
    if (done < 0) {
        say(2, op->name);
        say(2, ": fails the second time with ");
        say_number(2, errno);
        say(2, "\n");
        _exit(1);
    }
    _exit(END_REFUSED);
}

static void place_remove(void)
{
    static const char *const names[] = {
        "a", "b", "new", "socket", "f", "script", "a-name-that-is-longer-than-before-by-some"};

    umount2(PLACE "/d", MNT_DETACH);
    rmdir(PLACE "/d");
    rmdir(PLACE "/new");
    CHECK_OK(chdir(PLACE));
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        unlink(names[i]);
    CHECK_OK(chdir("/"));
    CHECK_OK(rmdir(PLACE));
}

/* The number of allocations that could fail; those that the call could not do without. */
static unsigned operation_try(const struct operation *op, unsigned *refused)
{
    for (unsigned n = 1; n < ATTEMPTS_MAX; n++) {
        pid_t pid = (pid_t)CHECK_OK(fork());
        int status = 0;

        if (pid == 0)
            attempt(op, n);
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        place_remove();
        if (!WIFEXITED(status) || WEXITSTATUS(status) < END_LEFT) {
            say(2, op->name);
            say(2, ": ended badly at allocation ");
            say_number(2, n);
            say(2, ", status ");
            say_hex(2, (uint64_t)status);
            say(2, "\n");
            _exit(1);
        }
        if (WEXITSTATUS(status) == END_LEFT)
            return n - 1;
        *refused += WEXITSTATUS(status) == END_REFUSED;
    }
    say(2, op->name);
    say(2, ": no end of allocations\n");
    _exit(1);
}

int main(int argc, char **argv)
{
    for (int tries = 0; tries < 10 && fail_fd < 0; tries++) /* as a new program, it may fail */
        fail_fd = open("/proc/self/fail-nth", O_RDWR);
    CHECK(fail_fd >= 0);
    if (argc > 1 && strcmp(argv[1], "left") == 0)
        return fail_left() ? END_LEFT : END_HIT;
    for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
        unsigned refused = 0, tried;

        if (argc > 1 && strcmp(argv[1], operations[i].name) != 0)
            continue;
        tried = operation_try(&operations[i], &refused);
        say(1, operations[i].name);
        say(1, ": ");
        say_number(1, tried);
        say(1, " allocations, refused for ");
        say_number(1, refused);
        say(1, " of them\n");
    }
    return 0;
}
