/* SPDX-License-Identifier: MIT */
/*
 * Calls about much memory do not keep the processor: another process on it gets its turns while
 * one of them is under way.
 *
 * For each call a child repeats it; the parent, on the same processor, measures how much time the
 * child had in one go. A host may stop both while the child's time runs, for as long as that and
 * in most of the tries, so the best of many counts: a call without preemption points is late in
 * each.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define PAGE      4096UL
#define MIB       (1UL << 20)
#define MS        1000000UL
#define RW        (PROT_READ | PROT_WRITE)
#define ANON      (MAP_PRIVATE | MAP_ANONYMOUS)
#define POPULATE  22 /* MADV_POPULATE_READ; 23 writes */
#define WINDOW_NS (200 * MS)
#define LATE_NS   (100 * MS)
#define END_NS    (60 * MS) /* of the 100 and more that an end takes */
#define TRIES     20
#define FILE_MIB  4UL
#define AREAS     30000

static unsigned *ready; /* shared: calls begun */
static int file;

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec time;

    CHECK_OK(clock_gettime(clock, &time));
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static char *map(size_t nbytes, int prot, int flags)
{
    char *p = mmap(NULL, nbytes, prot, flags | MAP_NORESERVE, -1, 0);

    CHECK((void *)p != MAP_FAILED);
    return p;
}

/* Much to map that is little memory: one small file, again and again, all pages present. */
static char *map_many(size_t nbytes)
{
    char *p = map(nbytes, PROT_NONE, ANON);

    for (size_t at = 0; at < nbytes; at += FILE_MIB * MIB)
        CHECK(mmap(p + at, FILE_MIB * MIB, RW, MAP_SHARED | MAP_FIXED | MAP_POPULATE, file, 0) ==
              p + at);
    return p;
}

static char *map_areas(void)
{
    char *p = map(AREAS * PAGE, PROT_NONE, ANON);

    for (size_t i = 1; i < AREAS; i += 2)
        CHECK_OK(mprotect(p + i * PAGE, PAGE, PROT_READ));
    return p;
}

static void begin(void)
{
    __atomic_store_n(ready, 1, __ATOMIC_SEQ_CST);
}

static void mincore_holes(void)
{
    size_t nbytes = 1UL << 38;
    char *p = map(nbytes, PROT_NONE, ANON);
    char *state = map_many(nbytes / PAGE);

    for (begin();;)
        CHECK_OK(mincore(p, nbytes, (unsigned char *)state));
}

static void populate_read(void)
{
    char *p = map(64 * MIB, PROT_READ, ANON);

    for (begin();;) {
        CHECK_OK(madvise(p, 64 * MIB, POPULATE));
        CHECK_OK(madvise(p, 64 * MIB, MADV_DONTNEED));
    }
}

static void populate_write(void)
{
    char *p = map(64 * MIB, RW, ANON);

    for (begin();;) {
        CHECK_OK(madvise(p, 64 * MIB, POPULATE + 1));
        CHECK_OK(madvise(p, 64 * MIB, MADV_DONTNEED));
    }
}

static void map_populate(void)
{
    for (begin();;)
        CHECK_OK(munmap(map(64 * MIB, RW, ANON | MAP_POPULATE), 64 * MIB));
}

static void protect_all(void)
{
    char *p = map_many(1024 * MIB);

    for (begin();;) {
        CHECK_OK(mprotect(p, 1024 * MIB, PROT_READ));
        CHECK_OK(mprotect(p, 1024 * MIB, RW));
    }
}

static void move_all(void)
{
    char *to = map(64 * MIB, PROT_NONE, ANON), *p = map(64 * MIB, RW, ANON | MAP_POPULATE);

    for (begin();;) {
        char *from = p;

        CHECK(mremap(p, 64 * MIB, 64 * MIB, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
        p = to;
        to = from;
    }
}

static void areas_advise(void)
{
    char *p = map_areas();

    for (begin();;) {
        CHECK_OK(madvise(p, AREAS * PAGE, MADV_DONTNEED));
        CHECK_OK(msync(p, AREAS * PAGE, MS_SYNC));
    }
}

static void areas_protect(void)
{
    for (;;) {
        char *p = map_areas();

        begin();
        CHECK_OK(mprotect(p, AREAS * PAGE, PROT_WRITE));
        CHECK_OK(munmap(p, AREAS * PAGE));
    }
}

static void areas_fork(void)
{
    map_areas();
    for (begin();;) {
        pid_t pid = fork();

        CHECK(pid >= 0);
        if (!pid)
            _exit(0);
        CHECK_EQ(waitpid(pid, NULL, 0), pid);
    }
}

static void pages_fork(void)
{
    map(128 * MIB, RW, ANON | MAP_POPULATE);
    areas_fork();
}

/* The ends of a file that is mapped in many places. */
static void file_cut(void)
{
    int other = (int)CHECK_OK(open("/tmp/mem_long.cut", O_RDWR | O_CREAT | O_TRUNC, 0600));
    char *p = map(AREAS * PAGE, PROT_NONE, ANON);

    CHECK_OK(unlink("/tmp/mem_long.cut"));
    CHECK_OK(ftruncate(other, PAGE));
    for (size_t i = 0; i < AREAS; i++)
        CHECK((void *)mmap(p + i * PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED | MAP_POPULATE,
                           other, 0) != MAP_FAILED);
    for (begin();;) {
        CHECK_OK(ftruncate(other, 0));
        CHECK_OK(ftruncate(other, PAGE));
    }
}

/* A large copy whose pages come in one by one, and one whose pages are there. */
static void copy_out(void)
{
    int zero = (int)CHECK_OK(open("/dev/zero", O_RDONLY));
    char *p = map_many(1024 * MIB);

    for (begin();;)
        CHECK_EQ(read(zero, p, 1024 * MIB), 1024 * MIB);
}

static void random_bytes(void)
{
    char *p = map_many(1024 * MIB);

    for (begin();;)
        CHECK_EQ(getrandom(p, 1024 * MIB, 0), 1024 * MIB);
}

/* The most processor time that the child used while the caller did not get on: what others take
 * from both is not counted. */
static uint64_t longest_turn(pid_t pid)
{
    uint64_t start = now_ns(), last, longest = 0;
    clockid_t clock;

    CHECK_EQ(clock_getcpuclockid(pid, &clock), 0);
    last = clock_ns(clock);
    do {
        uint64_t now = clock_ns(clock);

        if (now - last > longest)
            longest = now - last;
        last = now;
    } while (now_ns() - start < WINDOW_NS || longest == 0);
    return longest;
}

/* Whether the call lets others have the processor. */
static bool check_call(const char *name, void (*call)(void))
{
    uint64_t turn = UINT64_MAX;

    for (int i = 0; i < TRIES && turn > LATE_NS; i++) {
        uint64_t longest;
        pid_t pid;

        *ready = 0;
        pid = (pid_t)CHECK_OK(fork());
        if (pid == 0) {
            call();
            _exit(1);
        }
        while (!__atomic_load_n(ready, __ATOMIC_SEQ_CST))
            sleep_ns(MS);
        longest = longest_turn(pid);
        CHECK_OK(kill(pid, SIGKILL));
        child_await(pid, SIGKILL);
        if (longest < turn)
            turn = longest;
    }
    say(1, name);
    say(1, ": at most ");
    say_number(1, (long)(turn / 1000));
    say(1, " us in one go\n");
    return turn <= LATE_NS;
}

/* The longest time without the processor while a child with many pages ends. */
static uint64_t end_once(void)
{
    uint64_t *begun = (uint64_t *)(void *)ready + 1, last, longest = 0; /* begun: by its clock */
    int status;
    pid_t pid;

    *ready = 0;
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        map_many(8192 * MIB);
        *begun = now_ns();
        begin();
        _exit(0);
    }
    while (!__atomic_load_n(ready, __ATOMIC_SEQ_CST))
        sleep_ns(MS);
    last = *begun;
    do {
        uint64_t now = now_ns();

        if (now - last > longest)
            longest = now - last;
        last = now;
    } while (waitpid(pid, &status, WNOHANG) == 0);
    CHECK_EQ(status, 0);
    return longest;
}

/* The same of an end: it has no call that could be repeated, so each try has a child of its own. */
static bool check_end(void)
{
    uint64_t turn = UINT64_MAX;

    for (int i = 0; i < TRIES && turn > END_NS; i++) {
        uint64_t longest = end_once();

        if (longest < turn)
            turn = longest;
    }
    say(1, "the end of a process: at most ");
    say_number(1, (long)(turn / 1000));
    say(1, " us in one go\n");
    return turn <= END_NS;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*call)(void);
    } calls[] = {
        {"mincore of what is not there", mincore_holes},
        {"MADV_POPULATE_READ", populate_read},
        {"MADV_POPULATE_WRITE", populate_write},
        {"MAP_POPULATE", map_populate},
        {"mprotect of many pages", protect_all},
        {"mremap of many pages", move_all},
        {"madvise and msync of many areas", areas_advise},
        {"mprotect and munmap of many areas", areas_protect},
        {"fork with many areas", areas_fork},
        {"fork with many pages", pages_fork},
        {"truncation of a file in many areas", file_cut},
        {"a long copy", copy_out},
        {"many random bytes", random_bytes},
    };
    unsigned late = 0;

    ready = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK((void *)ready != MAP_FAILED);
    stress_begin(argc, argv);
    stress_pin(0);
    file = (int)CHECK_OK(open("/tmp/mem_long.file", O_RDWR | O_CREAT | O_TRUNC, 0600));
    CHECK_OK(unlink("/tmp/mem_long.file"));
    CHECK_OK(ftruncate(file, FILE_MIB * MIB));
    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        late += !check_call(calls[i].name, calls[i].call);
    late += !check_end();
    CHECK_EQ(late, 0);
    return 0;
}
