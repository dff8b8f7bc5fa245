/* SPDX-License-Identifier: MIT */
/*
 * bad_arguments - what each system call says to each kind of wrong argument
 *
 * A line for each argument of each call: the number of the call, that of the argument, and what
 * came of each wrong value in turn; the other arguments are as right as one value for all calls can
 * be. The output is the result: it must be the same on Linux, byte for byte (output.plan).
 *
 *   ok    not negative     N    an errno     sN   ended by a signal     end   did not come back
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/fuzz.h"

#define DIRECTORY "/tmp/bad_arguments"
#define VECTOR    ((long)(FUZZ_PLACE + 8 * FUZZ_PAGE)) /* one piece, then empty ones */
#define NOT_BACK  (-5000)
#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))

/* Calls and arguments for which Linux is no measure, and why. */
static const struct {
    short number;
    signed char which; /* -1: all */
    const char *why;
} left_out[] = {
    {15, -1, "sigreturn: whatever the stack happens to hold"},
    {34, -1, "pause: waits"},
    {56, -1, "clone: the child goes on with this program's own memory"},
    {57, -1, "fork: nothing to be wrong"},
    {58, -1, "vfork: nothing to be wrong"},
    {60, -1, "exit"},
    {231, -1, "exit_group"},
    {62, 0, "kill: the machine's other processes"},
    {109, -1, "setpgid: the order of numbers of processes"},
    {234, 0, "tgkill: as kill"},
    {200, 0, "tkill: as kill"},
    {435, -1, "clone3: as clone"},
    {9, 1, "mmap: how much memory there is"},
    {9, 2, "mmap: writable and executable is refused here"},
    {25, 1, "mremap: Linux's own answer has changed over time"},
    {25, 2, "mremap: as the argument before"},
    {40, 1, "sendfile: not from /dev/null on Linux, which some values lead to"},
    {160, 0, "setrlimit: no time at all may run out before the call is back"},
    {302, 1, "prlimit64: as setrlimit"},
    {202, 0, "futex: Linux refuses to wake at private memory that is read-only"},
    {190, -1, "fsetxattr: Linux since 6.13 takes AT_FDCWD for a descriptor"},
    {193, -1, "fgetxattr: as fsetxattr"},
    {240, 1, "mq_open: makes a queue, which stays"},
    {272, -1, "unshare: name spaces that are not there"},
    {308, -1, "setns: as unshare"},
    {310, 0, "process_vm_readv: which numbers are in use"},
    {311, 0, "process_vm_writev: as process_vm_readv"},
    {312, -1, "kcmp: as process_vm_readv, and Linux may be built without it"},
    {440, -1, "process_madvise: advice that later ones have"},
    {285, 3, "fallocate: how much space there is"},
    {319, 1, "memfd_create: later ones know more flags"},
    {131, -1, "sigaltstack: for no stack at all Linux's answer depends on the ancestors"},
    {334, -1, "rseq: with one processor only"},
    {449, -1, "futex_waitv: waits"},
    {424, -1, "pidfd_send_signal: flags that later ones have"},
    {434, -1, "pidfd_open: which numbers are in use"},
    {324, -1, "membarrier: commands that later ones have"},
};

/* Better values than those of the letters. */
static const struct {
    short number, which;
    long value;
} better[] = {
    {8, 2, SEEK_SET},     {13, 0, SIGUSR1},   {16, 1, 0x541b},
    {72, 1, F_GETLK},     {73, 1, LOCK_SH},   {217, 2, 4096},
    {78, 2, 4096},        {79, 1, 4096},      {273, 1, 24},
    {437, 3, 24},         {204, 1, 128},      {203, 1, 128},
    {9, 3, 0x22},         {9, 2, 3},          {10, 2, 3},
    {28, 2, MADV_NORMAL}, {7, 1, 1},          {267, 3, 100},
    {89, 2, 100},         {326, 5, 0},        {285, 1, 0},
    {285, 3, 1},          {316, 4, 0},        {327, 5, 0},
    {328, 5, 0},          {230, 1, 0},        {202, 1, 1},
    {334, 1, 32},         {322, 0, AT_FDCWD}, {322, 1, (long)"exe"},
    {59, 0, (long)"exe"}, {302, 1, 7},        {97, 0, 7},
    {160, 0, 7},          {98, 0, 0},         {436, 0, 50},
    {436, 1, 60},         {247, 0, 0},        {23, 0, 1},
    {270, 0, 1},
};

static volatile long *answer;

static int is_left_out(int number, int which)
{
    for (size_t i = 0; i < COUNT(left_out); i++)
        if (left_out[i].number == number && (left_out[i].which < 0 || left_out[i].which == which))
            return 1;
    return 0;
}

static long good_value(int number, const char *letters, int which)
{
    static const char *const strings[] = {"a", NULL};
    static const long times[2] = {0, 1000};

    for (size_t i = 0; i < COUNT(better); i++)
        if (better[i].number == number && better[i].which == which)
            return better[i].value;
    switch (letters[which]) {
    case 'f':
        return letters[which + 1] == 'p' ? AT_FDCWD : 5;
    case 'p':
        return (long)"a";
    case 'b':
        return FUZZ_PLACE + 512 * (which + 1);
    case 'n':
    case 'c':
        return 1;
    case 'z':
        return 8;
    case 'a':
        return FUZZ_ARENA;
    case 'v':
        return VECTOR;
    case 't':
        return (long)times;
    case 'A':
        return (long)strings;
    default:
        return 0;
    }
}

/* In a child: a few files, descriptors 3 to 6, memory of zeros. */
static void prepare(void)
{
    int ends[2];

    fuzz_prepare(1, 1);
    CHECK_OK(mprotect((void *)FUZZ_READ_ONLY, FUZZ_PAGE, PROT_READ | PROT_WRITE));
    memset((void *)FUZZ_READ_ONLY, 0, FUZZ_PAGE);
    CHECK_OK(mprotect((void *)FUZZ_READ_ONLY, FUZZ_PAGE, PROT_READ));
    memset((void *)FUZZ_PLACE, 0, FUZZ_GOOD);
    ((uint64_t *)VECTOR)[0] = FUZZ_PLACE + FUZZ_PAGE;
    ((uint64_t *)VECTOR)[1] = 16;
    memset((void *)(FUZZ_HOLE - FUZZ_PAGE), 'x', FUZZ_PAGE);
    close((int)CHECK_OK(open("exe", O_RDWR | O_CREAT, 0755)));
    CHECK_EQ(open("/dev/zero", O_RDONLY), 3);
    CHECK_EQ(open("/dev/null", O_WRONLY), 4);
    CHECK_EQ(open("a", O_RDWR | O_CREAT, 0755), 5);
    CHECK_EQ(write(5, "0123456789abcdefghijklmnopqrstuvwxyz", 36), 36);
    CHECK_EQ(lseek(5, 0, SEEK_SET), 0);
    CHECK_OK(pipe(ends));
}

static void try(int number, const char *letters, int which, long value)
{
    const struct itimerval soon = {.it_value = {4, 0}}; /* a busy host may hold it up for 2 s */
    int pid = (int)CHECK_OK(fork()), status;
    long args[6] = {0};

    if (pid == 0) {
        prepare();
        for (int i = 0; letters[i]; i++)
            args[i] = i == which ? value : good_value(number, letters, i);
        CHECK_OK(setitimer(ITIMER_REAL, &soon, NULL));
        *answer = NOT_BACK;
        *answer = raw_call(number, args[0], args[1], args[2], args[3], args[4], args[5]);
        raw1(SYS_exit_group, 0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        say(1, " s");
        say_number(1, WTERMSIG(status));
    } else if (*answer == NOT_BACK) {
        say(1, " end");
    } else if (*answer >= 0 || *answer < -4095) {
        say(1, " ok");
    } else {
        say(1, " ");
        say_number(1, -*answer);
    }
    unlink("a");
    unlink("x");
    unlink("exe");
    rmdir("a");
}

static void try_all(int number, const char *letters, int which)
{
    static const long pointers[] = {0,
                                    8,
                                    FUZZ_HOLE,
                                    FUZZ_NO_ACCESS,
                                    FUZZ_READ_ONLY,
                                    FUZZ_HOLE - 1,
                                    FUZZ_HOLE - 7,
                                    0x7ffffffff000,
                                    0x800000000000,
                                    (long)0xffff800000000000,
                                    (long)0xffffffff81000000,
                                    -4096,
                                    -1};
    static const long numbers[] = {
        -1, 0x7fffffff, 0x80000000, 1l << 32, 0x7fffffffffffffff, (long)(1ul << 63), 999};
    /* How large a file may be depends on the file system: the largest number is not tried. */
    int is_offset = letters[which] == 'o' || number == 76 || number == 77;
    int is_pointer = strchr("bpvtAax", letters[which]) != NULL;
    int is_number = strchr("bpvtA", letters[which]) == NULL;

    say_number(1, number);
    say(1, ".");
    say_number(1, which);
    for (size_t i = 0; is_pointer && i < COUNT(pointers); i++)
        try(number, letters, which, pointers[i]);
    for (size_t i = 0; is_number && i < COUNT(numbers); i++)
        if (!is_offset || numbers[i] != 0x7fffffffffffffff)
            try(number, letters, which, numbers[i]);
    say(1, "\n");
}

int main(void)
{
    const char *letters;
    int number;

    answer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(answer != MAP_FAILED);
    CHECK_OK(mkdir(DIRECTORY, 0755));
    CHECK_OK(chdir(DIRECTORY));
    for (unsigned i = 0; (letters = fuzz_known(i, &number)) != NULL; i++)
        for (int which = 0; letters[which]; which++)
            if (!is_left_out(number, which))
                try_all(number, letters, which);
    CHECK_OK(chdir("/"));
    rmdir(DIRECTORY);
    return 0;
}
