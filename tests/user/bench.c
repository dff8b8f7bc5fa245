/* SPDX-License-Identifier: MIT */
/*
 * bench [ROUNDS] - what the way into the kernel and back costs
 * bench all      - what a list of operations costs
 *
 * Prints one line an operation: ticks of the time stamp counter for n operations, and for the same
 * loop without them. Under `-icount` a tick is a fixed number of instructions, so the difference
 * divided by n is what one operation executes.
 *
 *     bench NAME ticks=T n=N overhead=L
 *     bench NAME missing                     the kernel has no such call (ENOSYS)
 *     bench NAME failed errno=E
 *
 * The same binary runs on Linux as the first program of the machine (process 1): it does `all`,
 * says `bench end` and sleeps. Of several batches the cheapest counts: the others had a timer tick
 * or work of the kernel's own in them.
 *
 * Long because all operations have to be in one program: the same file runs on both kernels.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define UNROLL     100
#define BATCHES    5
#define PAGE       4096
#define FAULTS     256 /* pages a batch: 1 MiB, too little for a huge page */
#define BLOCK      65536
#define WATCHED    100
#define FILE_PATH  "/tmp/bench.data"
#define OWN_PATH   "/bin/bench"
#define SHELL_PATH "/bin/sh"

/* bench_ops.S: each runs `rounds` times UNROLL operations and gives the ticks that took. */
uint64_t bench_getppid(uint64_t rounds);
uint64_t bench_getppid_loop(uint64_t rounds);
uint64_t bench_stamp(void);

/* errno of the first call in this operation that did not do what it should; 0: none. */
static int failure;

/* What the operations work on. */
static int file_fd, zero_fd, null_fd;
static int to_child[2], to_parent[2];
static pid_t child;
static char *pages, *next_page;
static volatile uint64_t *rounds_of_child; /* in memory that both share */
static uint64_t rounds_at_start;
static struct pollfd watched[WATCHED];
static struct epoll_event event;
static uint64_t event_count = 1;
static int event_fd;
static int watched_ends[WATCHED];
static fd_set watched_set;
static int watched_max;
static char block[BLOCK];
static volatile sig_atomic_t signals_seen;

static void expect(bool good)
{
    if (!good && failure == 0)
        failure = errno != 0 ? errno : EPROTO;
}

/* The same for a call without libc in between. */
static void expect_value(long got, long wanted)
{
    if (got != wanted && failure == 0)
        failure = got < 0 ? (int)-got : EPROTO;
}

/* ---- operations: one call each, without libc: the kernels are compared ---------------------- */

static void do_nothing(void)
{
    __asm__ volatile("");
}

static void do_read(void)
{
    expect_value(raw3(SYS_read, zero_fd, block, 1), 1);
}

static void do_write(void)
{
    expect_value(raw3(SYS_write, null_fd, block, 1), 1);
}

static void do_stat(void)
{
    struct stat status; /* as the kernel has it, on this machine */

    expect_value(raw2(SYS_stat, FILE_PATH, &status), 0);
}

static void do_open_close(void)
{
    long fd = raw2(SYS_open, FILE_PATH, O_RDONLY);

    expect_value(raw1(SYS_close, fd), 0);
}

static void do_mmap(void)
{
    long page =
        raw6(SYS_mmap, NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page > 0)
        *(volatile char *)page = 1;
    expect_value(raw2(SYS_munmap, page, PAGE), 0);
}

/* Takes writing away and gives it back: every call changes something. */
static void do_mprotect(void)
{
    static bool writable = true;

    writable = !writable;
    expect_value(raw3(SYS_mprotect, pages, PAGE, PROT_READ | (writable ? PROT_WRITE : 0)), 0);
}

static void do_fault(void)
{
    *(volatile char *)next_page = 1;
    next_page += PAGE;
}

static void await(pid_t pid)
{
    int status;

    expect(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void do_fork(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    expect(pid > 0);
    if (pid > 0)
        await(pid);
}

static void do_vfork_exec(void)
{
    static char name[] = OWN_PATH, word[] = "exit";
    static char *const argv[] = {name, word, NULL};
    static char *const envp[] = {NULL};
    pid_t pid = vfork();

    if (pid == 0) {
        execve(OWN_PATH, argv, envp);
        _exit(errno == ENOSYS ? 2 : 1);
    }
    expect(pid > 0);
    if (pid > 0)
        await(pid);
}

static void do_spawn_shell(void)
{
    static char name[] = "sh", option[] = "-c", script[] = ":";
    static char *const argv[] = {name, option, script, NULL};
    static char *const envp[] = {NULL};
    pid_t pid;
    int err = posix_spawn(&pid, SHELL_PATH, NULL, NULL, argv, envp);

    errno = err;
    expect(err == 0);
    if (err == 0)
        await(pid);
}

static void do_pipe_round_trip(void)
{
    expect_value(raw3(SYS_write, to_child[1], block, 1), 1);
    expect_value(raw3(SYS_read, to_parent[0], block, 1), 1);
}

static void do_yield(void)
{
    expect_value(raw0(SYS_sched_yield), 0);
}

static void on_signal(int number)
{
    (void)number;
    signals_seen++;
}

/* The kernel's own structure. */
struct action {
    void (*handler)(int number);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

static void do_sigaction(void)
{
    static struct action caught = {.handler = on_signal}, ignored = {.handler = SIG_IGN};
    static bool other;

    other = !other;
    expect_value(
        raw4(SYS_rt_sigaction, SIGUSR2, other ? &caught : &ignored, NULL, sizeof(caught.mask)), 0);
}

static void do_signal(void)
{
    sig_atomic_t seen = signals_seen;

    expect_value(raw2(SYS_kill, child, SIGUSR1), 0);
    expect_value(signals_seen, seen + 1);
}

static void do_pipe_block(void)
{
    long left = BLOCK;

    while (left > 0) {
        long n = raw3(SYS_read, to_parent[0], block, left);
        if (n <= 0) {
            expect_value(n, left);
            return;
        }
        left -= n;
    }
}

static void do_file_block(void)
{
    expect_value(raw4(SYS_pread64, file_fd, block, BLOCK, 0), BLOCK);
}

static void do_poll(void)
{
    expect_value(raw3(SYS_poll, watched, WATCHED, 0), 0);
}

static void do_select(void)
{
    fd_set set = watched_set;
    struct timeval now = {0, 0};

    expect_value(raw_call(SYS_select, watched_max + 1, (long)&set, 0, 0, (long)&now, 0), 0);
}

/* ---- before and after a batch: not timed ---------------------------------------------------- */

static void open_pipes(void)
{
    expect(pipe(to_child) == 0 && pipe(to_parent) == 0);
}

static void close_pipes(void)
{
    for (int i = 0; i < 2; i++) {
        close(to_child[i]);
        close(to_parent[i]);
    }
}

static void map_pages(void)
{
    pages = mmap(NULL, FAULTS * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect(pages != MAP_FAILED);
    next_page = pages;
}

static void map_touched_page(void)
{
    map_pages();
    if (failure == 0)
        *pages = 1;
}

static void unmap_pages(void)
{
    if (pages != MAP_FAILED)
        munmap(pages, FAULTS * PAGE);
}

static void kill_child(void)
{
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    child = 0;
    close_pipes();
}

/* Answers each byte with a byte. */
static void start_echo_child(void)
{
    child = fork();
    expect(child >= 0);
    if (child != 0)
        return;
    for (;;) {
        char byte;
        if (read(to_child[0], &byte, 1) != 1 || write(to_parent[1], &byte, 1) != 1)
            _exit(1);
    }
}

static void start_echo(void)
{
    open_pipes();
    start_echo_child();
}

/* The same over one connection: each end is read and written. */
static void start_echo_between(const int ends[2])
{
    to_child[1] = ends[0];
    to_parent[0] = dup(ends[0]);
    to_child[0] = ends[1];
    to_parent[1] = dup(ends[1]);
    start_echo_child();
}

static void start_socket_echo(void)
{
    int ends[2];

    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    start_echo_between(ends);
}

/* The peer's first program finds the loopback without an address, and down. */
static void bring_up_loopback(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    if (fd >= 0 && getpid() == 1)
        ioctl(fd, SIOCSIFFLAGS, &request);
    close(fd);
}

/* Small segments are sent at once, as programs that answer each other ask for. */
static void start_tcp_echo(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM, 0), ends[2], one = 1;
    socklen_t nbytes = sizeof(name);

    bring_up_loopback();
    expect(bind(listener, (struct sockaddr *)&name, nbytes) == 0 && listen(listener, 1) == 0);
    expect(getsockname(listener, (struct sockaddr *)&name, &nbytes) == 0);
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    expect(connect(ends[0], (struct sockaddr *)&name, nbytes) == 0);
    ends[1] = accept(listener, NULL, NULL);
    expect(ends[1] >= 0);
    setsockopt(ends[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(ends[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    close(listener);
    start_echo_between(ends);
}

/* Fills the pipe as fast as it is emptied. */
static void start_writer(void)
{
    open_pipes();
    child = fork();
    expect(child >= 0);
    if (child == 0)
        for (;;)
            if (write(to_parent[1], block, BLOCK) < 0)
                _exit(1);
}

/* First come, first served, where the kernel offers that: Linux's usual policy lets a thread that
 * yields go on for a millisecond or more before the other one gets its turn. */
static void choose_policy(int policy)
{
    struct sched_param param = {.sched_priority = policy == SCHED_FIFO ? 1 : 0};

    syscall(SYS_sched_setscheduler, 0, policy, &param); /* musl's own function only fails */
}

static void start_yielder(void)
{
    open_pipes();
    choose_policy(SCHED_FIFO);
    rounds_of_child = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    expect(rounds_of_child != MAP_FAILED);
    if (failure != 0)
        return;
    *rounds_of_child = 0;
    child = fork();
    expect(child >= 0);
    if (child == 0)
        for (;;) {
            *rounds_of_child = *rounds_of_child + 1;
            sched_yield();
        }
    for (int i = 0; i < 1000 && failure == 0 && *rounds_of_child < 10; i++)
        sched_yield();
    rounds_at_start = *rounds_of_child;
}

static void end_yielder(void)
{
    choose_policy(SCHED_OTHER);
    kill_child();
    munmap((void *)rounds_of_child, PAGE);
}

static void catch_signal(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    child = getpid();
    expect(sigaction(SIGUSR1, &action, NULL) == 0);
}

/* One of the watched pipes has a byte. */
static void do_epoll(void)
{
    expect_value(raw4(SYS_epoll_wait, event_fd, &event, 1, 0), 1);
}

static void do_eventfd(void)
{
    expect_value(raw3(SYS_write, event_fd, &event_count, sizeof(event_count)), 8);
    expect_value(raw3(SYS_read, event_fd, &event_count, sizeof(event_count)), 8);
}

static void forget_signal(void)
{
    child = 0;
}

static void open_watched(void)
{
    FD_ZERO(&watched_set);
    watched_max = 0;
    for (int i = 0; i < WATCHED; i++) {
        int ends[2] = {-1, -1};
        expect(pipe(ends) == 0);
        watched[i] = (struct pollfd){.fd = ends[0], .events = POLLIN};
        watched_ends[i] = ends[1];
        if (ends[0] >= 0)
            FD_SET(ends[0], &watched_set);
        if (ends[0] > watched_max)
            watched_max = ends[0];
    }
}

static void close_watched(void)
{
    for (int i = 0; i < WATCHED; i++) {
        close(watched[i].fd);
        close(watched_ends[i]);
    }
}

static void open_epoll(void)
{
    open_watched();
    event_fd = epoll_create1(0);
    expect(event_fd >= 0);
    for (int i = 0; i < WATCHED; i++) {
        event = (struct epoll_event){.events = EPOLLIN};
        expect(epoll_ctl(event_fd, EPOLL_CTL_ADD, watched[i].fd, &event) == 0);
    }
    expect(write(watched_ends[WATCHED / 2], "x", 1) == 1);
}

static void close_epoll(void)
{
    close_watched();
    close(event_fd);
}

static void open_eventfd(void)
{
    event_fd = eventfd(0, 0);
    expect(event_fd >= 0);
}

static void close_event(void)
{
    close(event_fd);
}

/* ---- the list ------------------------------------------------------------------------------- */

static const struct bench {
    const char *name;
    void (*operation)(void);
    uint64_t n; /* operations a batch */
    void (*before)(void);
    void (*after)(void);
} benches[] = {
    {"read_zero", do_read, 1000, do_nothing, do_nothing},
    {"write_null", do_write, 1000, do_nothing, do_nothing},
    {"stat", do_stat, 1000, do_nothing, do_nothing},
    {"open_close", do_open_close, 1000, do_nothing, do_nothing},
    {"mmap_touch_munmap", do_mmap, 500, do_nothing, do_nothing},
    {"mprotect", do_mprotect, 1000, map_touched_page, unmap_pages},
    {"page_fault", do_fault, FAULTS, map_pages, unmap_pages},
    {"fork_exit_wait", do_fork, 30, do_nothing, do_nothing},
    {"vfork_exec_wait", do_vfork_exec, 30, do_nothing, do_nothing},
    {"spawn_shell", do_spawn_shell, 20, do_nothing, do_nothing},
    {"pipe_round_trip", do_pipe_round_trip, 200, start_echo, kill_child},
    {"unix_round_trip", do_pipe_round_trip, 200, start_socket_echo, kill_child},
    {"tcp_round_trip", do_pipe_round_trip, 200, start_tcp_echo, kill_child},
    {"yield_round_trip", do_yield, 500, start_yielder, end_yielder},
    {"signal_install", do_sigaction, 1000, do_nothing, do_nothing},
    {"signal_delivery", do_signal, 500, catch_signal, forget_signal},
    {"pipe_64k", do_pipe_block, 40, start_writer, kill_child},
    {"file_64k", do_file_block, 100, do_nothing, do_nothing},
    {"poll_100", do_poll, 200, open_watched, close_watched},
    {"select_100", do_select, 200, open_watched, close_watched},
    {"epoll_100", do_epoll, 1000, open_epoll, close_epoll},
    {"eventfd", do_eventfd, 1000, open_eventfd, close_event},
};

static void say_field(const char *name, uint64_t value)
{
    say(1, name);
    say_number(1, (long)value);
}

/* Written at once and sent before anything else is measured: no line is on its way meanwhile. */
static void report(const char *name, uint64_t ticks, uint64_t n, uint64_t overhead)
{
    say(1, "bench ");
    say(1, name);
    if (failure == ENOSYS) {
        say(1, " missing");
    } else if (failure != 0) {
        say_field(" failed errno=", (uint64_t)failure);
    } else {
        say_field(" ticks=", ticks);
        say_field(" n=", n);
        say_field(" overhead=", overhead);
    }
    say(1, "\n");
    tcdrain(1); /* fails on a pipe, which needs it not */
}

static uint64_t time_loop(void (*operation)(void), uint64_t n)
{
    uint64_t start = bench_stamp();

    for (uint64_t i = 0; i < n && failure == 0; i++)
        operation();
    return bench_stamp() - start;
}

/* Whether a batch with these numbers is cheaper for each operation than the best one so far. */
static bool is_cheaper(uint64_t ticks, uint64_t n, uint64_t best, uint64_t best_n)
{
    return best_n == 0 || ticks * best_n < best * n;
}

static void measure(const struct bench *bench)
{
    uint64_t best = 0, best_n = 0, overhead;

    failure = 0;
    for (int batch = 0; batch <= BATCHES && failure == 0; batch++) {
        uint64_t ticks, n = bench->n;
        errno = 0;
        bench->before();
        if (failure == 0)
            bench->operation(); /* first use; of page faults, one page less */
        ticks = time_loop(bench->operation, bench->operation == do_fault ? n - 1 : n);
        if (bench->operation == do_fault)
            n--;
        if (bench->operation == do_yield)
            n = *rounds_of_child -
                rounds_at_start; /* what was there and back, not what was asked */
        bench->after();
        expect(n > 0);
        if (batch > 0 && is_cheaper(ticks, n, best, best_n)) { /* the first batch warms up */
            best = ticks;
            best_n = n;
        }
    }
    time_loop(do_nothing, 1);
    overhead = failure == 0 ? time_loop(do_nothing, best_n) : 0;
    report(bench->name, best, best_n, overhead);
}

/* The call alone, from assembly, without libc. */
static void measure_call(uint64_t rounds)
{
    uint64_t overhead, ticks;

    bench_getppid(1); /* first use: page faults, cold caches */
    bench_getppid_loop(1);
    overhead = bench_getppid_loop(rounds);
    ticks = bench_getppid(rounds);
    report("getppid", ticks, rounds * UNROLL, overhead);
}

static void measure_all(void)
{
    memset(block, 'x', BLOCK);
    file_fd = (int)CHECK_OK(open(FILE_PATH, O_RDWR | O_CREAT | O_TRUNC, 0644));
    CHECK_EQ(write(file_fd, block, BLOCK), BLOCK);
    zero_fd = (int)CHECK_OK(open("/dev/zero", O_RDONLY));
    null_fd = (int)CHECK_OK(open("/dev/null", O_WRONLY));
    measure_call(100);
    for (size_t i = 0; i < sizeof(benches) / sizeof(benches[0]); i++)
        measure(&benches[i]);
    close(file_fd);
    CHECK_OK(unlink(FILE_PATH));
    say(1, "bench end\n");
}

int main(int argc, char **argv)
{
    uint64_t first = bench_stamp();
    long rounds;

    if (argc > 1 && strcmp(argv[1], "exit") == 0) /* what vfork_exec_wait runs */
        return 0;
    if (getpid() == 1) {
        report("boot", first, 1, 0);
        sleep(3); /* the kernel may still have things to put in order */
        measure_all();
        for (;;)
            pause();
    }
    if (argc > 1 && strcmp(argv[1], "all") == 0) {
        measure_all();
        return 0;
    }
    rounds = argc > 1 ? atol(argv[1]) : 100;
    CHECK(rounds > 0);
    measure_call((uint64_t)rounds);
    return 0;
}
