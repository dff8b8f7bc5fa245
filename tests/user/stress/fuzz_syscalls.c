/* SPDX-License-Identifier: MIT */
/*
 * fuzz_syscalls SEED CALLS - random system calls with random arguments
 *
 * Any answer is right as long as the kernel gives one and goes on: what is tested is that nothing
 * a program can ask for brings the kernel down, hangs it, lets it write where it must not or keep
 * what nobody has any more. Children make the calls, since many of these end who makes them: a
 * crash, an exit or a call that waits costs one child. The calls are the same for the same seed.
 *
 * Half of the calls are made by root, half by nobody. Root does not make the few calls that would
 * end the test or change the machine for the tests behind it (`spared`). On Linux everything is
 * done by nobody, and only calls that Firstlight has are made.
 *
 * On a kernel that has /proc/self/fail-nth, one in four of root's calls lacks memory for one of its
 * first allocations.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/fuzz.h"

#define BATCH     1000      /* calls by one user before the other has its turn */
#define IDLE_NS   20000000L /* a call that takes so long waits for something */
#define IDLE_MAX  2
#define DEATH_MAX 500 /* times IDLE_NS, until a child that was killed must be gone */
#define NOBODY    65534
#define MEGABYTE  (1ul << 20)
#define FAIL_FD   99 /* above those of the calls */
#define FAIL_MASK 3  /* one call in so many, less one, */
#define FAIL_MAX  32 /* fails at one of so many allocations */

static volatile uint64_t *progress; /* calls begun; a page that parent and children have */
static volatile long *wrong;        /* there: an answer of the last that is no program's to see */
static int on_linux;

static void fill_directory(void)
{
    static const char *const names[] = {"a", "dir/c", "exe"};
    char text[2048];
    int from = (int)CHECK_OK(open("/bin/minimal", O_RDONLY)), fd;
    ssize_t size = CHECK_OK(read(from, text, sizeof(text)));

    close(from);
    chmod(".", 0777);
    mkdir("dir", 0777);
    mkdir("dir/d", 0777);
    for (int i = 0; i < 3; i++) {
        unlink(names[i]); /* it may be something else by now */
        fd = open(names[i], O_RDWR | O_CREAT | O_EXCL, 0777);
        if (fd >= 0 && write(fd, text, (size_t)size) != size)
            check_fail(__FILE__, __LINE__, "a file in the directory");
        close(fd);
    }
    chmod("dir", 0777);
    unlink("fifo");
    mkfifo("fifo", 0666);
    if (symlink("dir", "sym") || symlink("loop", "loop"))
        return; /* there already */
}

/* The same descriptors for every child, whatever the one before has done to its own. */
static void open_descriptors(void)
{
    int ends[2] = {-1, -1};

    for (int fd = 3; fd < 40; fd++)
        close(fd);
    dup2(open("/dev/null", O_RDWR), 0);
    dup2(0, 1);
    dup2(0, 2);
    open("/dev/zero", O_RDWR);
    open("a", O_RDWR | O_NONBLOCK);
    open("dir/c", O_RDONLY | O_NONBLOCK);
    open("dir", O_RDONLY | O_NONBLOCK);
    CHECK_OK(pipe(ends));
    CHECK_OK(pipe2(ends, O_NONBLOCK));
    open("fifo", O_RDWR);
    open("/dev/ptmx", O_RDWR | O_NOCTTY);
    open("/dev/full", O_RDWR);
    open("/dev/urandom", O_RDONLY);
    open("sym", O_PATH);
}

static void limit(int resource, rlim_t value)
{
    struct rlimit r = {value, value};

    CHECK_OK(setrlimit(resource, &r));
}

/* fd: of /proc/self/fail-nth, if the kernel has it and no call before has closed it. */
static void memory_fail(int fd, uint64_t seed, uint64_t index)
{
    uint64_t mixed = (seed * 1000003 + index) * 0x9e3779b97f4a7c15ul >> 32;
    unsigned nth = 1 + (unsigned)(mixed >> 8) % FAIL_MAX;
    char text[2] = {(char)('0' + nth / 10), (char)('0' + nth % 10)};

    if ((mixed & FAIL_MASK) == 0)
        raw4(SYS_pwrite64, fd, text, sizeof(text), 0);
}

static _Noreturn void run_child(uint64_t seed, uint64_t first, uint64_t end)
{
    int root = !on_linux && first / BATCH % 2 == 0;
    int self, fail_fd = open("/proc/self/fail-nth", O_RDWR);

    CHECK_OK(setpgid(0, 0));
    if (fail_fd >= 0)
        fail_fd = (int)CHECK_OK(dup2(fail_fd, FAIL_FD));
    open_descriptors();
    CHECK_OK(chroot("."));
    limit(RLIMIT_AS, 64 * MEGABYTE);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 4 * MEGABYTE);
    signal(SIGPIPE, SIG_IGN);
    if (!root) {
        CHECK_OK(setgroups(0, NULL));
        CHECK_OK(setresgid(NOBODY, NOBODY, NOBODY));
        limit(RLIMIT_NPROC, 64);
        CHECK_OK(setresuid(NOBODY, NOBODY, NOBODY));
    }
    fuzz_prepare(on_linux, root);
    self = getpid();
    for (uint64_t i = first; i < end; i++) {
        struct fuzz_call call;
        long got;

        fuzz_draw(&call, seed, i);
        *progress = i + 1;
        if (fail_fd >= 0)
            memory_fail(fail_fd, seed, i);
        got = raw_call(call.number, call.args[0], call.args[1], call.args[2], call.args[3],
                       call.args[4], call.args[5]);
        if (raw0(SYS_getpid) != self)
            raw1(SYS_exit_group, 0);       /* a child of fork, or of clone in some form */
        if (got <= -512 && got >= -1000) { /* codes that Linux keeps to itself */
            *wrong = got;
            break;
        }
    }
    raw1(SYS_exit_group, 0);
    abort();
}

/* True when somebody has ended meanwhile, or may have. */
static int nap(void)
{
    const struct timespec time = {0, IDLE_NS};
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    return sigtimedwait(&set, NULL, &time) > 0;
}

/* What is prepared may differ from the child's, whose calls change its memory. */
static _Noreturn void complain(const char *what, uint64_t seed, uint64_t index)
{
    struct fuzz_call call;

    fuzz_prepare(on_linux, !on_linux && index / BATCH % 2 == 0);
    fuzz_draw(&call, seed, index);
    say(2, "answer ");
    say_number(2, *wrong);
    say(2, " seed ");
    say_number(2, (long)seed);
    say(2, " index ");
    say_number(2, (long)index);
    say(2, " call ");
    say_number(2, call.number);
    for (int i = 0; i < 6; i++) {
        say(2, " ");
        say_hex(2, (uint64_t)call.args[i]);
    }
    check_fail(__FILE__, __LINE__, what);
}

/* Until it has ended; a call that waits is ended. */
static void watch(int pid, uint64_t seed)
{
    uint64_t seen = 0;
    int idle = 0, status;

    while (waitpid(pid, &status, WNOHANG | __WALL) != pid) {
        if (nap())
            continue;
        idle = *progress == seen ? idle + 1 : 0;
        seen = *progress;
        if (idle >= IDLE_MAX)
            kill(pid, SIGKILL);
        if (idle >= IDLE_MAX + DEATH_MAX)
            complain("ends when it is killed", seed, seen - 1);
    }
    kill(-pid, SIGKILL); /* what it has started */
    while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
        ;
    if (*wrong)
        complain("an answer that Linux gives", seed, *progress - 1);
}

static void remove_all(const char *directory)
{
    static const char *const names[] = {"rm", "-rf", NULL};
    int pid = (int)CHECK_OK(fork()), status;

    if (pid == 0) {
        const char *argv[] = {names[0], names[1], directory, NULL};
        execv("/bin/rm", (char *const *)argv);
        _exit(127);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

/* System V objects outlive all that made them. No others are on Firstlight, or in a name space of
 * its own on Linux. */
static void remove_ipc(void)
{
    union {
        struct msqid_ds msg;
        struct semid_ds sem;
        struct shmid_ds shm;
    } stat;
    const char *name;
    int id;

    for (unsigned i = 0; (name = fuzz_queue_name(i)) != NULL; i++)
        raw1(SYS_mq_unlink, name);
    for (int i = 0; i < 32768; i++) {
        if ((id = (int)raw3(SYS_shmctl, i, SHM_STAT, &stat)) >= 0)
            raw3(SYS_shmctl, id, IPC_RMID, 0);
        if ((id = (int)raw3(SYS_msgctl, i, MSG_STAT, &stat)) >= 0)
            raw3(SYS_msgctl, id, IPC_RMID, 0);
        if ((id = (int)raw4(SYS_semctl, i, 0, SEM_STAT, &stat)) >= 0)
            raw4(SYS_semctl, id, 0, IPC_RMID, 0);
    }
}

/* The test itself has got a signal that ends it: from where? */
static void on_end(int number, siginfo_t *info, void *context)
{
    say(2, "the test got signal ");
    say_number(2, number);
    say(2, ", code ");
    say_number(2, info->si_code);
    say(2, ", of process or at ");
    say_hex(2, (uint64_t)info->si_addr);
    say(2, ", instruction at ");
    say_hex(2, (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP]);
    say(2, "\n");
    _exit(1);
}

int main(int argc, char **argv)
{
    struct sigaction act = {.sa_sigaction = on_end, .sa_flags = SA_SIGINFO};
    int own_ipc;
    char directory[64] = "/tmp/fuzz_syscalls-";
    struct utsname name;
    uint64_t seed, calls;
    long lives = 0;
    sigset_t set;

    CHECK_EQ(argc, 3);
    seed = strtoul(argv[1], NULL, 10);
    calls = strtoul(argv[2], NULL, 10);
    CHECK_OK(uname(&name));
    on_linux = strstr(name.release, "firstlight") == NULL;
    own_ipc = !on_linux || unshare(CLONE_NEWIPC) == 0;
    strncat(directory, argv[1], 20);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    progress = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(progress != MAP_FAILED);
    wrong = (volatile long *)progress + 1;
    CHECK_OK(mkdir(directory, 0777));
    CHECK_OK(chdir(directory));
    CHECK_OK(sigaction(SIGSEGV, &act, NULL));
    CHECK_OK(sigaction(SIGBUS, &act, NULL));
    for (uint64_t next = 0; next < calls; lives++) {
        uint64_t end = (next / BATCH + 1) * BATCH;
        int pid;

        end = end < calls ? end : calls;
        fill_directory();
        *progress = next + 1; /* at least one call is behind us, whatever happens */
        pid = (int)CHECK_OK(fork());
        if (pid == 0) {
            signal(SIGSEGV, SIG_DFL);
            signal(SIGBUS, SIG_DFL);
            CHECK_OK(sigprocmask(SIG_UNBLOCK, &set, NULL));
            run_child(seed, next, end);
        }
        watch(pid, seed);
        next = *progress > next && *progress <= end ? *progress : next + 1;
    }
    CHECK_OK(chdir("/"));
    remove_all(directory);
    if (own_ipc)
        remove_ipc();
    say(1, "calls made: ");
    say_number(1, (long)calls);
    say(1, " by ");
    say_number(1, lives);
    say(1, " processes\n");
    return 0;
}
