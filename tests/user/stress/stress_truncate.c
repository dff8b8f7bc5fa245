/* SPDX-License-Identifier: MIT */
/*
 * A file that becomes shorter and longer while others touch their mappings of it: SIGBUS exactly
 * behind its end, what was written in front of it, zeros where it grew. What a processor still
 * remembers of a page that has gone would show as an old value.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define PATH    "/tmp/stress_truncate"
#define PAGE    4096UL
#define PAGES   24UL
#define ALWAYS  2UL /* pages that never go */
#define TOUCHER 3
#define CHANGES 150

static struct {
    uint32_t turn; /* odd while the file is being changed */
    uint32_t npages, written, value;
    uint32_t enough;
    uint32_t faults, reads; /* that nothing changed during: what was seen must be exact */
} * all;

static sigjmp_buf before;
static volatile uintptr_t faulted_at;

static void on_bus(int sig, siginfo_t *info, void *context)
{
    (void)context;
    CHECK_EQ(sig, SIGBUS);
    CHECK_EQ(info->si_code, BUS_ADRERR);
    faulted_at = (uintptr_t)info->si_addr;
    siglongjmp(before, 1);
}

/* The word there, or -1: SIGBUS. */
static int64_t word_at(const volatile char *place)
{
    if (sigsetjmp(before, 0)) {
        CHECK_EQ(faulted_at, place);
        return -1;
    }
    return *(const volatile uint32_t *)place;
}

static uint32_t load(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

/* One touch. Only what happened while nothing changed says anything about pages that come and go.
 */
static void touch(const char *map, uint64_t page)
{
    uint32_t turn = load(&all->turn);
    int64_t got = word_at(map + page * PAGE + 8 * (turn % 400));

    if (page < ALWAYS) {
        CHECK_EQ(got, 0x10101010 * (page + 1));
        return;
    }
    if (turn & 1) /* anything but nonsense */
        return;
    {
        uint32_t npages = load(&all->npages), written = load(&all->written);
        uint32_t value = load(&all->value);

        if (load(&all->turn) != turn)
            return;
        CHECK_EQ(got, page >= npages ? -1 : page < written ? (int64_t)value : 0);
        __atomic_fetch_add(page >= npages ? &all->faults : &all->reads, 1, __ATOMIC_SEQ_CST);
    }
}

static void touch_all(void *argument)
{
    unsigned id = (unsigned)(uintptr_t)argument;
    struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO | SA_NODEFER};
    int fd = (int)CHECK_OK(open(PATH, O_RDWR));
    const char *maps[2];
    uint64_t random = id + 1;

    stress_pin(id);
    CHECK_OK(sigaction(SIGBUS, &action, NULL));
    maps[0] = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    maps[1] = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK((const void *)maps[0] != MAP_FAILED && (const void *)maps[1] != MAP_FAILED);
    while (!load(&all->enough)) {
        touch(maps[random_next(&random) & 1], random_next(&random) % PAGES);
        if (random_next(&random) % 64 == 0)
            raw0(SYS_sched_yield);
    }
}

static void fill(int fd, uint64_t from, uint64_t to, uint32_t value)
{
    static uint32_t words[PAGE / 4];

    for (unsigned i = 0; i < PAGE / 4; i++)
        words[i] = value;
    for (uint64_t page = from; page < to; page++)
        CHECK_EQ(pwrite(fd, words, PAGE, (off_t)(page * PAGE)), PAGE);
}

static void change(int fd, uint64_t *random)
{
    uint32_t npages = ALWAYS + 1 + random_next(random) % (PAGES - ALWAYS);
    uint32_t written = ALWAYS + random_next(random) % (npages - ALWAYS + 1);
    uint32_t value = random_next(random) & 0x7fffffff;

    __atomic_fetch_add(&all->turn, 1, __ATOMIC_SEQ_CST);
    /* The end is somewhere in the last page that stays; what is behind it there becomes zero. */
    CHECK_OK(ftruncate(fd, (off_t)(ALWAYS * PAGE)));
    CHECK_OK(ftruncate(fd, (off_t)((npages - 1) * PAGE + 1 + random_next(random) % PAGE)));
    fill(fd, ALWAYS, written, value);
    __atomic_store_n(&all->npages, npages, __ATOMIC_SEQ_CST);
    __atomic_store_n(&all->written, written, __ATOMIC_SEQ_CST);
    __atomic_store_n(&all->value, value, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&all->turn, 1, __ATOMIC_SEQ_CST);
}

static void check_touched(uint64_t *random)
{
    int fd = (int)CHECK_OK(open(PATH, O_RDWR | O_CREAT | O_EXCL, 0600));
    uint64_t patience = now_ns() + 20000000000;

    all->turn = all->enough = all->faults = all->reads = 0;
    for (uint32_t i = 0; i < ALWAYS; i++)
        fill(fd, i, i + 1, 0x10101010 * (i + 1));
    all->npages = all->written = ALWAYS;
    for (uintptr_t i = 0; i < TOUCHER; i++)
        child_start(touch_all, (void *)i);
    for (unsigned i = 0; i < CHANGES || load(&all->faults) < 100 || load(&all->reads) < 100; i++) {
        change(fd, random);
        for (unsigned n = random_next(random) % 4; n; n--)
            raw0(SYS_sched_yield);
        if (now_ns() > patience)
            break;
    }
    all->enough = 1;
    children_await(TOUCHER);
    CHECK(all->faults >= 100 && all->reads >= 100);
    CHECK_OK(close(fd));
    CHECK_OK(unlink(PATH));
}

int main(int argc, char **argv)
{
    uint64_t random;

    stress_begin(argc, argv);
    random = (uint64_t)getpid();
    all = shared_new(sizeof(*all));
    do
        check_touched(&random);
    while (stress_goes_on());
    return 0;
}
