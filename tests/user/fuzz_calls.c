/* SPDX-License-Identifier: MIT */
/*
 * fuzz_calls SEED ROUNDS DIRECTORY - system calls with arguments made of trouble
 *
 * Any answer is right as long as the kernel gives one and goes on: what is tested is that no
 * combination of bad, good and nearly good arguments brings the kernel down, hangs it or lets it
 * write where it must not. The sequence is the same for the same seed. Calls that would only end,
 * stop or slow down this program or change its machine are left out; addresses for mapping calls
 * stay within an arena.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE    4096UL
#define ARENA   (64 * PAGE)
#define GUARD   (16 * PAGE)
#define CANARY  0x5c
#define SLOW_MS 3000
#define SAVED   60 /* descriptors that no call is given */

/* One letter an argument: f descriptor, p path, b buffer, n small number, x anything, z size,
 * o offset, a arena address, g flags or mode, v vector of buffers, c clock or small id, 0 zero. */
static const struct {
    short number;
    const char *args;
} calls[] = {
    {SYS_read, "fbz"},
    {SYS_write, "fbz"},
    {SYS_open, "pgg"},
    {SYS_close, "f"},
    {SYS_stat, "pb"},
    {SYS_fstat, "fb"},
    {SYS_lstat, "pb"},
    {SYS_poll, "bn0"},
    {SYS_lseek, "fon"},
    {SYS_mmap, "azgxfo"},
    {SYS_mprotect, "azn"},
    {SYS_munmap, "az"},
    {SYS_brk, "a"},
    {SYS_rt_sigaction, "nbbz"},
    {SYS_rt_sigpending, "bz"},
    {SYS_ioctl, "fxb"},
    {SYS_pread64, "fbzo"},
    {SYS_pwrite64, "fbzo"},
    {SYS_readv, "fvn"},
    {SYS_writev, "fvn"},
    {SYS_access, "pg"},
    {SYS_pipe2, "bg"},
    {SYS_madvise, "azn"},
    {SYS_msync, "azn"},
    {SYS_dup, "f"},
    {SYS_dup2, "ff"},
    {SYS_dup3, "ffg"},
    {SYS_sendfile, "ffbz"},
    {SYS_fcntl, "fnx"},
    {SYS_ftruncate, "fo"},
    {SYS_truncate, "po"},
    {SYS_getdents64, "fbz"},
    {SYS_getcwd, "bz"},
    {SYS_chdir, "p"},
    {SYS_fchdir, "f"},
    {SYS_rename, "pp"},
    {SYS_mkdir, "pg"},
    {SYS_rmdir, "p"},
    {SYS_link, "pp"},
    {SYS_unlink, "p"},
    {SYS_symlink, "pp"},
    {SYS_readlink, "pbz"},
    {SYS_chmod, "pg"},
    {SYS_fchmod, "fg"},
    {SYS_gettimeofday, "bb"},
    {SYS_getrlimit, "nb"},
    {SYS_getrusage, "nb"},
    {SYS_sysinfo, "b"},
    {SYS_times, "b"},
    {SYS_uname, "b"},
    {SYS_getgroups, "nb"},
    {SYS_statfs, "pb"},
    {SYS_prlimit64, "0n0b"},
    {SYS_arch_prctl, "xb"},
    {SYS_sched_getaffinity, "0zb"},
    {SYS_clock_gettime, "cb"},
    {SYS_clock_getres, "cb"},
    {SYS_openat, "fpgg"},
    {SYS_mkdirat, "fpg"},
    {SYS_newfstatat, "fpbg"},
    {SYS_unlinkat, "fpg"},
    {SYS_renameat2, "fpfpn"},
    {SYS_linkat, "fpfpg"},
    {SYS_symlinkat, "pfp"},
    {SYS_readlinkat, "fpbz"},
    {SYS_faccessat, "fpg"},
    {SYS_utimensat, "fpbg"},
    {SYS_fallocate, "fnoz"},
    {SYS_getrandom, "bzg"},
    {SYS_copy_file_range, "fbfbzn"},
    {SYS_statx, "fpgxb"},
    {SYS_set_robust_list, "bz"},
    {SYS_preadv, "fvnox"},
    {SYS_pwritev, "fvnox"},
    {999, "xxxxxx"},
};

static uint64_t state;
static char *arena, *hole, *buffers;

static uint64_t draw(void)
{
    state = state * 6364136223846793005UL + 1442695040888963407UL;
    return state >> 24;
}

static uint64_t any(void)
{
    static const uint64_t special[] = {0,
                                       1,
                                       2,
                                       7,
                                       8,
                                       4095,
                                       4096,
                                       0x7fffffff,
                                       0x80000000,
                                       0xffffffff,
                                       1UL << 32,
                                       0x7fffffffffffffff,
                                       1UL << 63,
                                       -1UL,
                                       -2UL,
                                       -4096UL,
                                       -100UL,
                                       0x7ffffffff000,
                                       0x800000000000,
                                       0xffff800000000000,
                                       0xffffffff80000000};

    return draw() % 4 ? special[draw() % (sizeof(special) / sizeof(special[0]))] : draw();
}

static uint64_t buffer(void)
{
    switch (draw() % 8) {
    case 0:
        return any();
    case 1:
        return (uint64_t)hole - draw() % 300;
    case 2:
        return (uint64_t)hole;
    default:
        return (uint64_t)buffers + draw() % (GUARD / 2);
    }
}

static const char *path(void)
{
    static const char *const paths[] = {"a",      "b",       "dir",  "dir/c", "dir/../a", ".",
                                        "..",     "",        "sym",  "sym/x", "dir/d/e",  "loop",
                                        "//./a",  "a/",      "dir/", "b/",    "dir/d",    "dir/d/",
                                        "./b/..", "../../b", "/",    "/dir/c"};

    if (draw() % 16 == 0)
        return (const char *)buffer();
    return paths[draw() % (sizeof(paths) / sizeof(paths[0]))];
}

/* Pieces for readv and writev, some of them bad. */
static uint64_t vector(void)
{
    static uint64_t pieces[32];

    for (int i = 0; i < 32; i += 2) {
        pieces[i] = buffer();
        pieces[i + 1] = draw() % 5 ? draw() % 5000 : any();
    }
    return draw() % 8 ? (uint64_t)pieces : buffer();
}

static uint64_t size(void)
{
    static const uint64_t sizes[] = {0, 1, 7, 8, 16, 100, 4095, 4096, 4097, 20000};

    return draw() % 8 ? sizes[draw() % 10] : any();
}

/* Not so far into a file that filling it would take all memory. */
static uint64_t offset(void)
{
    return draw() % 4 ? draw() % 100000 : -(draw() % 3) * 4096;
}

static uint64_t argument(char kind)
{
    switch (kind) {
    case 'f': /* not 0 to 2: the report goes there */
        return draw() % 8 ? 3 + draw() % 12 : draw() % 2 ? (uint64_t)AT_FDCWD : any() | 8;
    case 'p':
        return (uint64_t)path();
    case 'b':
        return buffer();
    case 'n':
        return draw() % 8 ? draw() % 40 : any();
    case 'z':
        return size();
    case 'o':
        return offset();
    case 'a':
        return (uint64_t)arena + draw() % 62 * PAGE + (draw() % 8 ? 0 : draw() % PAGE);
    case 'g':
        return draw() % 4 ? draw() % 0x1000 : any() & ~(uint64_t)O_ASYNC;
    case 'v':
        return vector();
    case 'c':
        return draw() % 16;
    case 'x':
        return any();
    default:
        return 0;
    }
}

/* Mapping calls get whole pages inside the arena, whatever else is wrong with them. */
static void tame(long number, uint64_t *a)
{
    if (number == SYS_mmap) {
        a[2] &= 7;
        a[3] = draw() % 2 ? 0x32 : draw() & 0x100033;
        if ((a[3] & 0x10) != 0 || a[1] > 16 * PAGE)
            a[1] = draw() % 2 * PAGE;
        a[2] &= ~(uint64_t)PROT_EXEC;
    }
    if (number == SYS_munmap || number == SYS_mprotect || number == SYS_madvise ||
        number == SYS_msync) {
        if (a[1] > 2 * PAGE)
            a[1] = draw() % 3 * PAGE;
    }
    if (number == SYS_mprotect)
        a[2] &= 3;
    if (number == SYS_arch_prctl && ((a[0] & ~1UL) == 0x1002 || a[0] == 0x1001))
        a[0] = 0; /* FS carries this program's own thread pointer */
    if (number == SYS_prlimit64 || number == SYS_getrlimit)
        a[2] = number == SYS_prlimit64 ? 0 : a[2];
    if (number == SYS_rt_sigaction)
        a[1] = 0; /* no handlers yet that point anywhere */
    if (number == SYS_fcntl && (a[1] == F_SETLKW || a[1] == F_SETSIG || a[1] == F_SETOWN))
        a[1] = F_GETFD;
    if (number == SYS_brk)
        a[0] = 0;
    /* Copying a file onto its own end, or reserving for it, would only fill the disk. */
    if (number == SYS_sendfile || (number == SYS_fallocate && a[3] < 1UL << 63))
        a[3] %= 100000;
    if (number == SYS_copy_file_range)
        a[4] %= 100000;
    /* A read from an empty pipe would wait for ever. */
    if (number == SYS_pipe2)
        a[1] |= O_NONBLOCK;
    if (number == SYS_fcntl && a[1] == F_SETFL)
        a[2] |= O_NONBLOCK;
}

/* What the calls have closed, removed or turned into something else comes back now and then, or
 * after a while every call would end at its first argument. Failing is no harm here. */
static void refresh(void)
{
    int made;

    raw1(SYS_chdir, "/");
    raw2(SYS_mkdir, "dir", 0755);
    raw2(SYS_mkdir, "dir/d", 0755);
    raw2(SYS_symlink, "dir", "sym");
    raw2(SYS_symlink, "loop", "loop");
    raw2(SYS_chmod, "dir", 0755);
    raw2(SYS_dup2, SAVED, 3);
    raw2(SYS_dup2, SAVED + 1, 4);
    for (int fd = 5; fd < 8; fd++) {
        made = (int)raw3(SYS_open,
                         fd == 5   ? "a"
                         : fd == 6 ? "."
                                   : "dir/c",
                         fd == 6 ? O_RDONLY : O_RDWR | O_CREAT, 0644);
        raw2(SYS_dup2, made, fd);
        if (made != fd)
            raw1(SYS_close, made);
    }
    raw2(SYS_ftruncate, 5, 10000);
}

static void prepare(const char *directory)
{
    CHECK_EQ(dup2((int)CHECK_OK(open("/dev/zero", O_RDWR)), SAVED), SAVED);
    CHECK_EQ(dup2((int)CHECK_OK(open("/dev/null", O_RDWR)), SAVED + 1), SAVED + 1);
    CHECK_OK(mkdir(directory, 0755));
    CHECK_OK(chroot(directory)); /* no path leads out of it, however many dots it has */
    CHECK(signal(SIGPIPE, SIG_IGN) == SIG_DFL);
    arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(arena != MAP_FAILED);
    buffers = mmap(NULL, 3 * GUARD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(buffers != MAP_FAILED);
    memset(buffers, CANARY, 2 * GUARD);
    hole = buffers + 2 * GUARD;
    CHECK_OK(munmap(hole, GUARD));
}

static long now_ms(void)
{
    struct timespec t;

    CHECK_EQ(raw2(SYS_clock_gettime, CLOCK_MONOTONIC, &t), 0);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* None of these calls may block, so none may take seconds. */
static _Noreturn void complain(long number, const uint64_t *a, long got)
{
    say(2, "slow call ");
    say_number(2, number);
    for (int i = 0; i < 6; i++) {
        say(2, " ");
        say_hex(2, a[i]);
    }
    say(2, " gave ");
    say_number(2, got);
    check_fail(__FILE__, __LINE__, " in time");
}

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 4);
    long rounds = atol(argv[2]);

    state = strtoul(argv[1], NULL, 10) * 0x9e3779b97f4a7c15UL + 1;
    prepare(argv[3]);
    for (long i = 0; i < rounds; i++) {
        size_t which = draw() % (sizeof(calls) / sizeof(calls[0]));
        uint64_t a[6] = {0};
        if (i % 200 == 0)
            refresh();
        for (size_t k = 0; calls[which].args[k] != '\0'; k++)
            a[k] = argument(calls[which].args[k]);
        tame(calls[which].number, a);
        long begin = now_ms();
        long got = raw_call(calls[which].number, (long)a[0], (long)a[1], (long)a[2], (long)a[3],
                            (long)a[4], (long)a[5]);
        if (now_ms() - begin > SLOW_MS)
            complain(calls[which].number, a, got);
        CHECK(got > -4096); /* a number, not an address of the kernel's */
        CHECK(got != -512 && got != -513 && got != -514); /* codes that Linux keeps to itself */
    }
    say(1, "calls made: ");
    say_number(1, rounds);
    say(1, "\n");
    return 0;
}
