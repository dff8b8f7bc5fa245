/* SPDX-License-Identifier: MIT */
/*
 * growth [ROW...] - what an operation costs among n others of its kind: n is 10 to 10,000
 *
 * Prints lines as /bin/bench does (tests/user/bench.c), the name with n behind it:
 *     bench NAME@N ticks=T n=OPERATIONS overhead=0
 *     bench NAME@N failed errno=E
 * As the first program of a Linux it says `bench boot` and `bench end`, too. The cheapest of a few
 * batches counts. An operation changes nothing that the next one would see.
 *
 * Long because all operations have to be in one program: the same file runs on both kernels.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define MOST    10000
#define BATCHES 3
#define PAGE    4096ul

uint64_t bench_stamp(void);

static int failure;
static long count; /* n */
static pid_t pids[MOST], extra;
static struct pollfd list[MOST];
static int ends[MOST], timers[MOST], last_fd, file_fd;
static char *areas;
static unsigned long set[3 * MOST / 64 + 1]; /* longer than an fd_set */
static int set_max;
static volatile unsigned *words;
static int to_readers[2], from_readers[2];

static void expect(long got)
{
    if (got < 0 && failure == 0)
        failure = (int)-got;
}

/* ---- n processes ----------------------------------------------------------------------------- */

/* Until what was started sleeps or has ended. */
static void settle(void)
{
    struct timespec time = {count / 5000, 100000000 + count % 5000 * 200000};

    raw2(SYS_nanosleep, &time, 0);
}

static void start_children(void)
{
    struct timespec forever = {100000, 0};

    for (long i = 0; i < count && failure == 0; i++) {
        long pid = raw0(SYS_fork);
        if (pid == 0) {
            for (;;)
                raw2(SYS_nanosleep, &forever, 0);
        }
        expect(pid);
        pids[i] = (pid_t)(pid > 0 ? pid : 0);
    }
    settle();
}

static void start_group(void)
{
    start_children();
    for (long i = 0; i < count && pids[i]; i++)
        expect(raw2(SYS_setpgid, pids[i], pids[0]));
}

/* Each waits on a word of its own. */
static void start_waiters(void)
{
    words = mmap(NULL, MOST * sizeof(*words), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                 -1, 0);
    for (long i = 0; i < count && failure == 0; i++) {
        long pid = raw0(SYS_fork);
        if (pid == 0) {
            for (;;)
                raw6(SYS_futex, &words[i], 0, 0, 0, 0, 0);
        }
        expect(pid);
        pids[i] = (pid_t)(pid > 0 ? pid : 0);
    }
    settle();
}

static void end_children(void)
{
    for (long i = 0; i < count; i++)
        if (pids[i] > 0)
            kill(pids[i], SIGKILL);
    for (long i = 0; i < count; i++)
        if (pids[i] > 0)
            waitpid(pids[i], NULL, 0);
    memset(pids, 0, sizeof(pids));
    if (words)
        munmap((void *)(uintptr_t)words, MOST * sizeof(*words));
    words = NULL;
}

static void do_nanosleep(void)
{
    struct timespec time = {0, 1000};

    expect(raw2(SYS_nanosleep, &time, 0));
}

static void do_wait(void)
{
    expect(raw4(SYS_wait4, -1, 0, WNOHANG, 0));
}

static void do_wait_one(void)
{
    expect(raw4(SYS_wait4, pids[count / 2], 0, WNOHANG, 0));
}

static void do_wait_group(void)
{
    expect(raw4(SYS_wait4, -pids[0], 0, WNOHANG, 0));
}

static void start_zombies(void)
{
    for (long i = 0; i < count && failure == 0; i++) {
        long pid = raw0(SYS_fork);
        if (pid == 0)
            raw1(SYS_exit_group, 0);
        expect(pid);
        pids[i] = (pid_t)(pid > 0 ? pid : 0);
    }
    settle();
}

/* Each is another user. */
static void start_users(void)
{
    for (long i = 0; i < count && failure == 0; i++) {
        long pid = raw0(SYS_fork);
        if (pid == 0) {
            raw3(SYS_setresuid, 1000 + i, 1000 + i, 1000 + i);
            for (;;)
                raw0(SYS_pause);
        }
        expect(pid);
        pids[i] = (pid_t)(pid > 0 ? pid : 0);
    }
    settle();
}

static void do_setuid(void)
{
    expect(raw3(SYS_setresuid, 1000 + count / 2, 0, 0));
    expect(raw3(SYS_setresuid, 0, 0, 0));
}

/* All read one pipe and answer by another. */
static void start_readers(void)
{
    char byte;

    expect(raw2(SYS_pipe2, to_readers, 0));
    expect(raw2(SYS_pipe2, from_readers, 0));
    for (long i = 0; i < count && failure == 0; i++) {
        long pid = raw0(SYS_fork);
        if (pid == 0)
            for (;;) {
                raw3(SYS_read, to_readers[0], &byte, 1);
                raw3(SYS_write, from_readers[1], &byte, 1);
            }
        expect(pid);
        pids[i] = (pid_t)(pid > 0 ? pid : 0);
    }
    settle();
}

static void do_reader(void)
{
    char byte = 'x';

    expect(raw3(SYS_write, to_readers[1], &byte, 1));
    expect(raw3(SYS_read, from_readers[0], &byte, 1));
}

static void end_readers(void)
{
    end_children();
    for (int i = 0; i < 2; i++) {
        close(to_readers[i]);
        close(from_readers[i]);
    }
}

static void do_proc_stat(void)
{
    char path[32], text[512];
    long fd;

    snprintf(path, sizeof(path), "/proc/%d/stat", pids[count / 2]);
    fd = raw3(SYS_open, path, O_RDONLY, 0);
    expect(fd);
    expect(raw3(SYS_read, fd, text, sizeof(text)));
    raw1(SYS_close, fd);
}

static void do_kill(void)
{
    expect(raw2(SYS_kill, pids[count / 2], 0));
}

static void do_killpg(void)
{
    expect(raw2(SYS_kill, -pids[0], 0));
}

static void do_lookup(void)
{
    expect(raw1(SYS_getpgid, pids[count / 2]));
}

static void do_setpgid(void)
{
    expect(raw2(SYS_setpgid, pids[count / 2], pids[count / 2]));
    expect(raw2(SYS_setpgid, pids[count / 2], raw1(SYS_getpgid, 0)));
}

static void do_wake(void)
{
    expect(raw6(SYS_futex, words + MOST - 1, 1, 1, 0, 0, 0));
}

static void do_fork(void)
{
    long pid = raw0(SYS_fork);

    if (pid == 0)
        raw1(SYS_exit_group, 0);
    expect(pid);
    expect(raw4(SYS_wait4, pid, 0, 0, 0));
}

/* Those of one batch, before there are more. */
static void end_orphans(void)
{
    if (last_fd)
        close(last_fd);
    last_fd = 0;
    settle();
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

/* A parent of n ends: they go to process 1. */
static void do_orphans(void)
{
    int status, to[2];
    long pid;
    char byte;

    end_orphans();
    expect(raw2(SYS_pipe2, to, 0));
    pid = raw0(SYS_fork);
    if (pid == 0) {
        for (long i = 0; i < count; i++) {
            long child = raw0(SYS_fork);
            if (child == 0) {
                raw1(SYS_close, to[1]);
                raw3(SYS_read, to[0], &byte, 1); /* until the benchmark closes its end */
                raw1(SYS_exit_group, 0);
            }
            if (child < 0)
                raw1(SYS_exit_group, 1);
        }
        raw1(SYS_close, to[1]);
        raw2(SYS_kill, raw0(SYS_getpid), SIGSTOP);
        raw1(SYS_exit_group, 0);
    }
    extra = (pid_t)pid;
    expect(raw4(SYS_wait4, pid, &status, WUNTRACED, 0));
    last_fd = to[1];
    close(to[0]);
    settle();
}

static void do_exit(void)
{
    expect(raw2(SYS_kill, extra, SIGKILL));
    expect(raw4(SYS_wait4, extra, 0, 0, 0));
}

/* ---- n descriptors, locks, names ------------------------------------------------------------- */

static void open_pipes(void)
{
    memset(set, 0, sizeof(set));
    set_max = 0;
    for (long i = 0; i < count; i++) {
        int pair[2] = {-1, -1};
        expect(raw2(SYS_pipe2, pair, 0));
        list[i] = (struct pollfd){pair[0], POLLIN, 0};
        ends[i] = pair[1];
        if (pair[0] >= 0) {
            set[pair[0] / 64] |= 1ul << pair[0] % 64;
            set_max = pair[0];
        }
    }
    if (failure == 0)
        expect(write(ends[count - 1], "x", 1));
}

static void close_pipes(void)
{
    for (long i = 0; i < count; i++) {
        close(list[i].fd);
        close(ends[i]);
    }
}

static void do_poll(void)
{
    expect(raw3(SYS_poll, list, count, -1));
}

static void do_select(void)
{
    static unsigned long in[sizeof(set) / sizeof(set[0])];

    memcpy(in, set, (size_t)(set_max / 64 + 1) * 8);
    expect(raw_call(SYS_select, set_max + 1, (long)in, 0, 0, 0, 0));
}

static void open_many(void)
{
    for (long i = 0; i < count; i++) {
        ends[i] = (int)raw3(SYS_open, "/dev/null", O_RDWR, 0);
        expect(ends[i]);
    }
}

static void close_many(void)
{
    for (long i = 0; i < count; i++)
        close(ends[i]);
}

static void do_dup(void)
{
    long fd = raw1(SYS_dup, 0);

    expect(fd);
    raw1(SYS_close, fd);
}

static void do_flock(void)
{
    expect(raw2(SYS_flock, file_fd, LOCK_SH));
    expect(raw2(SYS_flock, file_fd, LOCK_UN));
}

static void hold_flocks(void)
{
    file_fd = open("/tmp/bench.locks", O_RDWR | O_CREAT, 0600);
    for (long i = 0; i < count; i++) {
        ends[i] = open("/tmp/bench.locks", O_RDWR);
        expect(raw2(SYS_flock, ends[i], LOCK_SH));
    }
}

static void drop_flocks(void)
{
    close_many();
    close(file_fd);
    unlink("/tmp/bench.locks");
}

static void lock(short type, long start)
{
    struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start * 2, .l_len = 1};

    expect(raw3(SYS_fcntl, file_fd, F_SETLK, &l));
}

static void hold_records(void)
{
    file_fd = open("/tmp/bench.locks", O_RDWR | O_CREAT, 0600);
    for (long i = 0; i < count && failure == 0; i++)
        lock(F_WRLCK, i);
}

static void drop_records(void)
{
    close(file_fd);
    unlink("/tmp/bench.locks");
}

static void do_record(void)
{
    lock(F_UNLCK, count / 2);
    lock(F_WRLCK, count / 2);
}

static void name_of(char text[64], long i)
{
    snprintf(text, 64, "/tmp/bench.d/name%ld", i);
}

static void make_names(void)
{
    char text[64];

    mkdir("/tmp/bench.d", 0755);
    for (long i = 0; i < count; i++) {
        name_of(text, i);
        close(open(text, O_WRONLY | O_CREAT, 0600));
    }
}

static void remove_names(void)
{
    char text[64];

    for (long i = 0; i < count; i++) {
        name_of(text, i);
        unlink(text);
    }
    rmdir("/tmp/bench.d");
}

static void do_open(void)
{
    long fd = raw3(SYS_open, "/tmp/bench.d/name5", O_RDONLY, 0);

    expect(fd);
    raw1(SYS_close, fd);
}

static void do_create(void)
{
    long fd = raw3(SYS_open, "/tmp/bench.d/new", O_WRONLY | O_CREAT, 0600);

    expect(fd);
    raw1(SYS_close, fd);
    expect(raw1(SYS_unlink, "/tmp/bench.d/new"));
}

static void do_missing(void)
{
    struct stat status;

    expect(raw2(SYS_stat, "/tmp/bench.d/none", &status) == -ENOENT ? 0 : -EPROTO);
}

static void do_rename(void)
{
    expect(raw2(SYS_rename, "/tmp/bench.d/name5", "/tmp/bench.d/other"));
    expect(raw2(SYS_rename, "/tmp/bench.d/other", "/tmp/bench.d/name5"));
}

static void make_dirs(void)
{
    make_names();
    file_fd = open("/tmp/bench.d", O_RDONLY | O_DIRECTORY);
}

/* As much as fits: the first few names. */
static void do_readdir(void)
{
    char block[200];

    expect(raw3(SYS_lseek, file_fd, 0, SEEK_SET));
    expect(raw3(SYS_getdents64, file_fd, block, sizeof(block)));
}

static void remove_dirs(void)
{
    close(file_fd);
    remove_names();
}

/* Names that are looked for and not there: the kernel may remember each. */
static void miss_names(void)
{
    struct stat status;
    char text[64];

    mkdir("/tmp/bench.d", 0755);
    for (long i = 0; i < count; i++) {
        name_of(text, i);
        stat(text, &status);
    }
}

static void open_one(void)
{
    file_fd = open("/tmp/bench.locks", O_RDWR | O_CREAT, 0600);
    for (long i = 0; i < count; i++) {
        ends[i] = (int)raw3(SYS_open, "/tmp/bench.locks", O_RDWR, 0);
        expect(ends[i]);
    }
}

static void do_open_one(void)
{
    long fd = raw3(SYS_open, "/tmp/bench.locks", O_RDONLY, 0);

    expect(fd);
    raw1(SYS_close, fd);
}

static void do_pipe(void)
{
    int pair[2];

    expect(raw2(SYS_pipe2, pair, 0));
    raw1(SYS_close, pair[0]);
    raw1(SYS_close, pair[1]);
}

static void write_pages(void)
{
    file_fd = open("/tmp/bench.locks", O_RDWR | O_CREAT, 0600);
    for (long i = 0; i < count && failure == 0; i++)
        expect(raw4(SYS_pwrite64, file_fd, "x", 1, i * (long)PAGE));
}

static void do_pread(void)
{
    char byte;

    expect(raw4(SYS_pread64, file_fd, &byte, 1, count / 2 * (long)PAGE));
}

static void mount_many(void)
{
    char text[64];

    mkdir("/tmp/bench.d", 0755);
    mkdir("/tmp/bench.m", 0755);
    for (long i = 0; i < count && failure == 0; i++) {
        name_of(text, i);
        mkdir(text, 0755);
        expect(mount("none", text, "tmpfs", 0, NULL) ? -errno : 0);
    }
}

static void do_mount(void)
{
    expect(raw6(SYS_mount, "none", "/tmp/bench.m", "tmpfs", 0, 0, 0));
    expect(raw2(SYS_umount2, "/tmp/bench.m", 0));
}

static void do_mount_stat(void)
{
    struct stat status;

    expect(raw2(SYS_stat, "/tmp/bench.d/name5/.", &status));
}

static void unmount_many(void)
{
    char text[64];

    for (long i = 0; i < count; i++) {
        name_of(text, i);
        umount2(text, 0);
        rmdir(text);
    }
    rmdir("/tmp/bench.d");
    rmdir("/tmp/bench.m");
}

/* ---- n areas, timers, signals ---------------------------------------------------------------- */

static void make_areas(void)
{
    areas = mmap(NULL, (2 * MOST + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect(areas == MAP_FAILED ? -errno : 0);
    for (long i = 0; i < count; i++)
        expect(raw3(SYS_mprotect, areas + 2 * i * (long)PAGE, PAGE, PROT_READ | PROT_WRITE));
}

static void remove_areas(void)
{
    munmap(areas, (2 * MOST + 2) * PAGE);
}

static void do_map(void)
{
    long at = raw_call(SYS_mmap, 0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    expect(at);
    expect(raw2(SYS_munmap, at, PAGE));
}

static void do_protect(void)
{
    char *page = areas + count / 2 * 2 * (long)PAGE;

    expect(raw3(SYS_mprotect, page, PAGE, PROT_READ));
    expect(raw3(SYS_mprotect, page, PAGE, PROT_READ | PROT_WRITE));
}

/* Areas of one file, with a hole behind each, that they are not joined. */
static void map_file(void)
{
    file_fd = open("/tmp/bench.locks", O_RDWR | O_CREAT, 0600);
    expect(ftruncate(file_fd, PAGE) ? -errno : 0);
    areas = mmap(NULL, (2 * MOST + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (long i = 0; i < count && failure == 0; i++)
        expect(raw6(SYS_mmap, areas + 2 * i * (long)PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED,
                    file_fd, 0));
}

static void do_map_file(void)
{
    long at = raw_call(SYS_mmap, 0, PAGE, PROT_READ, MAP_SHARED, file_fd, 0);

    expect(at);
    expect(raw2(SYS_munmap, at, PAGE));
}

static void unmap_file(void)
{
    munmap(areas, (2 * MOST + 2) * PAGE);
    drop_records();
}

static void do_fault(void)
{
    char *page = areas + count / 2 * 2 * (long)PAGE;

    *(volatile char *)page = 1;
    expect(raw3(SYS_madvise, page, PAGE, MADV_DONTNEED));
}

static void arm_timers(void)
{
    struct itimerspec far = {{0, 0}, {100000, 0}};
    struct sigevent none;

    memset(&none, 0, sizeof(none));
    none.sigev_notify = SIGEV_NONE;
    for (long i = 0; i < count && failure == 0; i++) {
        timers[i] = -1;
        expect(raw3(SYS_timer_create, CLOCK_MONOTONIC, &none, &timers[i]));
        far.it_value.tv_sec = 100000 + i;
        expect(raw4(SYS_timer_settime, timers[i], 0, &far, 0));
    }
}

static void delete_timers(void)
{
    for (long i = 0; i < count; i++)
        raw1(SYS_timer_delete, timers[i]);
}

static void do_settime(void)
{
    struct itimerspec far = {{0, 0}, {100000 + count / 2, 0}};

    expect(raw4(SYS_timer_settime, timers[count / 2], 0, &far, 0));
}

static void do_timer(void)
{
    struct sigevent none;
    int timer;

    memset(&none, 0, sizeof(none));
    none.sigev_notify = SIGEV_NONE;
    expect(raw3(SYS_timer_create, CLOCK_MONOTONIC, &none, &timer));
    expect(raw1(SYS_timer_delete, timer));
}

static void queue(int number)
{
    siginfo_t info;

    memset(&info, 0, sizeof(info));
    info.si_code = SI_QUEUE;
    expect(raw3(SYS_rt_sigqueueinfo, raw0(SYS_getpid), number, &info));
}

static void queue_signals(void)
{
    unsigned long all = ~0ul;

    raw4(SYS_rt_sigprocmask, SIG_BLOCK, &all, 0, 8);
    for (long i = 0; i < count && failure == 0; i++)
        queue(40);
}

static void take_signals(void)
{
    unsigned long one = 1ul << 39, none = 0;
    struct timespec zero = {0, 0};

    while (raw4(SYS_rt_sigtimedwait, &one, 0, &zero, 8) > 0)
        ;
    raw4(SYS_rt_sigprocmask, SIG_SETMASK, &none, 0, 8);
}

static void do_signal(void)
{
    unsigned long one = 1ul << 39;
    struct timespec zero = {0, 0};

    queue(40);
    expect(raw4(SYS_rt_sigtimedwait, &one, 0, &zero, 8));
}

/* Behind n of another number. */
static void do_other_signal(void)
{
    unsigned long one = 1ul << 40;
    struct timespec zero = {0, 0};

    queue(41);
    expect(raw4(SYS_rt_sigtimedwait, &one, 0, &zero, 8));
}

static void nothing(void)
{
}

/* ---- n sockets of the loopback -----------------------------------------------------------------
 */

static struct sockaddr_in listener_name, datagram_name;

static int named_socket(int type, struct sockaddr_in *name)
{
    socklen_t nbytes = sizeof(*name);
    int fd = (int)raw3(SYS_socket, AF_INET, type, 0);

    *name = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    expect(raw3(SYS_bind, fd, name, nbytes));
    expect(raw3(SYS_getsockname, fd, name, &nbytes));
    return fd;
}

/* The peer's first program finds the loopback down. */
static void bring_up_loopback(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    long fd = raw3(SYS_socket, AF_INET, SOCK_DGRAM, 0);

    if (getpid() == 1)
        raw3(SYS_ioctl, fd, SIOCSIFFLAGS, &request);
    raw1(SYS_close, fd);
}

static long connect_one(void)
{
    long fd = raw3(SYS_socket, AF_INET, SOCK_STREAM, 0);

    expect(raw3(SYS_connect, fd, &listener_name, sizeof(listener_name)));
    return fd;
}

/* Connections of one listener, both ends open; a reset at the end leaves nothing behind. */
static void open_connections(void)
{
    const struct linger reset = {1, 0};

    bring_up_loopback();
    file_fd = named_socket(SOCK_STREAM, &listener_name);
    raw6(SYS_setsockopt, file_fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset), 0);
    expect(raw2(SYS_listen, file_fd, 10));
    for (long i = 0; i < count; i++) {
        ends[i] = (int)connect_one();
        timers[i] = (int)raw3(SYS_accept, file_fd, 0, 0);
        expect(timers[i]);
    }
}

static void close_connections(void)
{
    raw1(SYS_close, file_fd);
    for (long i = 0; i < count; i++) {
        raw1(SYS_close, timers[i]);
        raw1(SYS_close, ends[i]);
    }
}

static void do_connect(void)
{
    long fd = connect_one(), accepted = raw3(SYS_accept, file_fd, 0, 0);

    expect(accepted);
    raw1(SYS_close, accepted);
    raw1(SYS_close, fd);
}

static void open_datagrams(void)
{
    bring_up_loopback();
    for (long i = 0; i < count; i++)
        ends[i] = named_socket(SOCK_DGRAM, &datagram_name);
}

/* To the last one, and out of it. */
static void do_datagram(void)
{
    int fd = ends[count - 1];
    char byte = 0;

    expect(raw6(SYS_sendto, fd, &byte, 1, 0, &datagram_name, sizeof(datagram_name)));
    expect(raw3(SYS_read, fd, &byte, 1));
}

static void do_bind(void)
{
    struct sockaddr_in name;

    raw1(SYS_close, named_socket(SOCK_DGRAM, &name));
}

static const struct row {
    const char *name;
    void (*before)(void), (*operation)(void), (*after)(void);
    void (*each)(void); /* before each operation, not timed */
    long operations, most;
} rows[] = {
    {"tcp_connect", open_connections, do_connect, close_connections, NULL, 20, MOST},
    {"udp_send", open_datagrams, do_datagram, close_many, NULL, 50, MOST},
    {"udp_bind", open_datagrams, do_bind, close_many, NULL, 50, MOST},
    {"record_lock", hold_records, do_record, drop_records, NULL, 50, MOST},
    {"flock", hold_flocks, do_flock, drop_flocks, NULL, 50, MOST},
    {"timer_settime", arm_timers, do_settime, delete_timers, NULL, 100, MOST},
    {"nanosleep", start_children, do_nanosleep, end_children, NULL, 20, MOST},
    {"poll", open_pipes, do_poll, close_pipes, NULL, 10, MOST},
    {"select", open_pipes, do_select, close_pipes, NULL, 10, MOST},
    {"dup_close", open_many, do_dup, close_many, NULL, 100, MOST},
    {"wait4", start_children, do_wait, end_children, NULL, 10, MOST},
    {"wait4_one", start_children, do_wait_one, end_children, NULL, 20, MOST},
    {"wait4_group", start_group, do_wait_group, end_children, NULL, 5, MOST},
    {"wait4_zombies", start_zombies, do_fork, end_children, NULL, 5, MOST},
    {"fork", start_children, do_fork, end_children, NULL, 5, MOST},
    {"setuid", start_users, do_setuid, end_children, NULL, 20, MOST},
    {"pipe_readers", start_readers, do_reader, end_readers, NULL, 20, MOST},
    {"proc_stat", start_children, do_proc_stat, end_children, NULL, 20, MOST},
    {"kill", start_children, do_kill, end_children, NULL, 100, MOST},
    {"killpg", start_group, do_killpg, end_children, NULL, 10, MOST},
    {"getpgid", start_children, do_lookup, end_children, NULL, 100, MOST},
    {"setpgid", start_children, do_setpgid, end_children, NULL, 50, MOST},
    {"futex_wake", start_waiters, do_wake, end_children, NULL, 100, MOST},
    {"parent_exit", nothing, do_exit, end_orphans, do_orphans, 1, MOST},
    {"open", make_names, do_open, remove_names, NULL, 100, MOST},
    {"create", make_names, do_create, remove_names, NULL, 100, MOST},
    {"missing", make_names, do_missing, remove_names, NULL, 50, MOST},
    {"negative", miss_names, do_missing, remove_names, NULL, 50, MOST},
    {"rename", make_names, do_rename, remove_names, NULL, 50, MOST},
    {"readdir", make_dirs, do_readdir, remove_dirs, NULL, 20, MOST},
    {"open_one", open_one, do_open_one, drop_flocks, NULL, 50, MOST},
    {"pipe", open_pipes, do_pipe, close_pipes, NULL, 50, MOST},
    {"pread", write_pages, do_pread, drop_records, NULL, 50, MOST},
    {"mount", mount_many, do_mount, unmount_many, NULL, 5, MOST},
    {"mount_stat", mount_many, do_mount_stat, unmount_many, NULL, 50, MOST},
    {"mmap_munmap", make_areas, do_map, remove_areas, NULL, 50, MOST},
    {"mprotect", make_areas, do_protect, remove_areas, NULL, 50, MOST},
    {"mmap_file", map_file, do_map_file, unmap_file, NULL, 50, MOST},
    {"fault", make_areas, do_fault, remove_areas, NULL, 50, MOST},
    {"sigqueue", queue_signals, do_signal, take_signals, NULL, 50, MOST},
    {"sigqueue_other", queue_signals, do_other_signal, take_signals, NULL, 50, MOST},
    {"timer_create", arm_timers, do_timer, delete_timers, NULL, 50, MOST},
    {"fork_areas", make_areas, do_fork, remove_areas, NULL, 5, MOST},
    {"fork_files", open_many, do_fork, close_many, NULL, 5, MOST},
};

static void measure(const struct row *row)
{
    uint64_t best = ~0ul;
    char line[100];

    failure = 0;
    row->before();
    for (int batch = 0; batch <= BATCHES && failure == 0; batch++) {
        uint64_t ticks = 0;
        for (long i = 0; i < row->operations && failure == 0; i++) {
            uint64_t start;
            if (row->each)
                row->each();
            start = bench_stamp();
            row->operation();
            ticks += bench_stamp() - start;
        }
        if (batch > 0 && ticks < best)
            best = ticks;
    }
    row->after();
    if (failure)
        snprintf(line, sizeof(line), "bench %s@%ld failed errno=%d\n", row->name, count, failure);
    else
        snprintf(line, sizeof(line), "bench %s@%ld ticks=%lu n=%ld overhead=0\n", row->name, count,
                 best, row->operations);
    say(1, line);
}

static bool is_wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], name))
            return true;
    return argc <= 1;
}

int main(int argc, char **argv)
{
    struct rlimit many = {3 * MOST, 3 * MOST};
    bool first = getpid() == 1;

    if (first) {
        mkdir("/proc", 0755);
        mount("proc", "/proc", "proc", 0, NULL);
        say(1, "bench boot ticks=0 n=1 overhead=0\n");
        sleep(3);
    }
    /* All of this program's own memory is there from the start: a fork copies it with each n. */
    memset(pids, 0, sizeof(pids));
    memset(list, 0, sizeof(list));
    memset(ends, 0, sizeof(ends));
    memset(timers, 0, sizeof(timers));
    setrlimit(RLIMIT_NOFILE, &many);
    setrlimit(RLIMIT_SIGPENDING, &many);
    setrlimit(RLIMIT_NPROC, &many);
    for (count = 10; count <= MOST; count *= 10)
        for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
            if (count <= rows[i].most && is_wanted(rows[i].name, argc, argv))
                measure(&rows[i]);
    say(1, "bench end\n");
    while (first)
        pause();
    return 0;
}
