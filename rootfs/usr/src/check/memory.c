/* SPDX-License-Identifier: MIT */
/*
 * check memory - nearly all free memory, written and read back by all processors at once
 *
 * Each worker takes its share, pinned to its processor. All of a share is written before any of it
 * is read: it is far larger than the caches, and a wrong address line shows only then. For the
 * same reason all workers wait for each other between writing and reading addresses, which are
 * those of one long row of all shares.
 *
 * What memory of the firmware, the kernel and this program is in use is not tested.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "rootfs/usr/src/check/check.h"
#include "rootfs/usr/src/check/memory.h"
#include "rootfs/usr/src/check/patterns.h"

#define LEFT_MIN      (12u * MIB)  /* for the kernel and other programs */
#define LEFT_WORKER   (256u << 10) /* and for each worker */
#define LEFT_SHARE    32           /* of it, on large machines */
#define PATTERNS_MAX  32
#define QUICK_DEFAULT "address,quick-walk,quick-inversions,quick-random"

static struct job {
    struct cpus cpus;
    size_t share; /* bytes of each worker */
    const struct pattern *selected[PATTERNS_MAX];
    unsigned nselected;
    uint64_t until_ns; /* time is up then, 0: never */
    bool repeat;       /* until that, else once through */
    bool rate;
    const char *fault;
    struct common {
        uint32_t arrived; /* at the barrier, in all rounds */
        uint32_t stop;    /* time is up */
        uint32_t cut;     /* before all of the patterns had been run once */
        uint32_t late;    /* time was up before a pattern that has barriers */
    } * common;
} job;

/* A worker's own. */
static struct share {
    unsigned index, cpu;
    char *memory;
    const struct pattern *pattern;
    uint64_t moved; /* bytes written and read */
    uint32_t barriers, rounds;
} own;

/* False: a worker is gone, and what was to be waited for will never be. */
static bool barrier(void)
{
    uint32_t target = ++own.barriers * job.cpus.count;

    __atomic_fetch_add(&job.common->arrived, 1, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(&job.common->arrived, __ATOMIC_ACQUIRE) < target) {
        if (workers_broken())
            return false;
        sched_yield();
    }
    return true;
}

/* --- one block: what it should be, and what is wrong in it --- */

struct content {
    enum pattern_kind kind;
    pair words;
    uint64_t key, flip; /* of the block */
};

static uint64_t block_differ(const void *block, const struct content *content)
{
    if (content->kind == ADDRESS)
        return address_differ(block, PATTERN_BLOCK, content->key, content->flip);
    if (content->kind == RANDOM)
        return random_differ(block, PATTERN_BLOCK, content->key, content->flip);
    return words_differ(block, PATTERN_BLOCK, content->words);
}

static uint64_t block_word(const struct content *content, size_t i)
{
    if (content->kind == ADDRESS)
        return (content->key + 8 * i) ^ content->flip;
    if (content->kind == RANDOM)
        return random_word(content->key, i) ^ content->flip;
    return content->words[i & 1];
}

/* Word by word, as memory is now. */
static void block_report(const uint64_t *block, const struct content *content, uint64_t bits)
{
    const volatile uint64_t *words = block;
    unsigned found = 0;

    for (size_t i = 0; i < PATTERN_BLOCK / 8; i++) {
        uint64_t expected = block_word(content, i), first = words[i];

        if (first == expected)
            continue;
        __builtin_ia32_clflush((const void *)(block + i)); /* again from memory, not the cache */
        __builtin_ia32_mfence();
        errors_add(own.cpu, &(struct memory_error){.pattern = own.pattern->name,
                                                   .address = block + i,
                                                   .expected = expected,
                                                   .first = first,
                                                   .again = words[i]});
        found++;
    }
    if (!found)
        errors_add_vanished(own.cpu, own.pattern->name, block, bits);
}

static void block_fill(void *block, const struct content *content)
{
    if (content->kind == ADDRESS)
        address_fill(block, PATTERN_BLOCK, content->key, content->flip);
    else if (content->kind == RANDOM)
        random_fill(block, PATTERN_BLOCK, content->key, content->flip);
    else
        words_fill(block, PATTERN_BLOCK, content->words);
}

static void block_compare(void *block, const struct content *content)
{
    uint64_t bits;

    if (job.fault)
        fault_before(own.memory, block, PATTERN_BLOCK);
    bits = block_differ(block, content);
    if (job.fault)
        fault_after(own.memory, block, PATTERN_BLOCK);
    if (bits)
        block_report(block, content, bits);
}

/* --- a pattern over the whole share --- */

static struct content content_at(unsigned step, size_t offset)
{
    const struct pattern *pattern = own.pattern;
    uint64_t place = own.index * job.share + offset;
    struct content content = {.kind = pattern->kind, .flip = step & 1 ? ~0ull : 0};

    if (pattern->kind == ADDRESS)
        content.key = place;
    else if (pattern->kind == RANDOM)
        content.key = place / PATTERN_BLOCK * 2 + (step / 2 + 1) * 0x100000001ull;
    else
        content.words = pattern->words(step);
    return content;
}

static void share_fill(unsigned step)
{
    for (size_t at = 0; at < job.share; at += PATTERN_BLOCK) {
        struct content content = content_at(step, at);

        block_fill(own.memory + at, &content);
    }
    own.moved += job.share;
}

static void share_compare(unsigned step)
{
    for (size_t at = 0; at < job.share; at += PATTERN_BLOCK) {
        struct content content = content_at(step, at);

        block_compare(own.memory + at, &content);
    }
    own.moved += job.share;
}

/* A block's turn: old contents compared, its complement written. */
static void block_invert(size_t at, struct content *content)
{
    block_compare(own.memory + at, content);
    content->words = ~content->words;
    block_fill(own.memory + at, content);
    content->words = ~content->words;
}

static void share_invert(unsigned step)
{
    struct content content = content_at(step, 0);

    share_fill(step);
    for (size_t at = 0; at < job.share; at += PATTERN_BLOCK)
        block_invert(at, &content);
    content.words = ~content.words;
    for (size_t at = job.share; at > 0; at -= PATTERN_BLOCK)
        block_invert(at - PATTERN_BLOCK, &content);
    own.moved += 4 * job.share;
}

/* Before each step, so that none is begun whose time is over. Workers whose clock passes the limit
 * between the same two steps make one step more or less than others, which costs nothing; where
 * they wait for each other in a step, all have to do it or none. Then the first decides, before a
 * barrier that all pass; it decides anew behind the step's own barriers alone, when all have read
 * this. */
static bool step_is_due(const struct pattern *pattern, unsigned step, bool *due)
{
    bool late = job.until_ns && now_ns() > job.until_ns;

    if (pattern->kind == ADDRESS) {
        if (own.index == 0 && late)
            __atomic_store_n(&job.common->late, 1, __ATOMIC_RELEASE);
        if (!barrier())
            return false;
        late = __atomic_load_n(&job.common->late, __ATOMIC_ACQUIRE);
    }
    *due = !late;
    if (*due || own.rounds > 0)
        return true;
    __atomic_store_n(&job.common->cut, 1, __ATOMIC_RELEASE);
    if (own.index == 0)
        say("%s: time is up after step %u of %u", pattern->name, step, pattern->steps);
    return true;
}

/* One worker speaks for all, as they do the same. */
static void progress(unsigned step)
{
    if (own.index == 0 && progress_due())
        say("%s: step %u of %u", own.pattern->name, step + 1, own.pattern->steps);
}

static bool pattern_run(const struct pattern *pattern)
{
    uint64_t began = now_ns(), ns;

    own.pattern = pattern;
    own.moved = 0;
    for (unsigned step = 0; step < pattern->steps; step++) {
        bool due;

        if (!step_is_due(pattern, step, &due))
            return false;
        if (!due)
            break;
        if (pattern->kind == INVERSIONS) {
            share_invert(step);
        } else {
            share_fill(step);
            if (pattern->kind == ADDRESS && !barrier())
                return false;
            share_compare(step);
            /* Nor is it written again while another still compares. */
            if (pattern->kind == ADDRESS && !barrier())
                return false;
        }
        progress(step);
        /* Without this, a key or a limit that is expected (memory.plan) would end a test that has
         * something to tell. The workers that wait for this one see that it has failed. */
        if (job.repeat && errors_seen())
            return false;
    }
    ns = now_ns() - began;
    if (own.index == 0 && own.moved && (own.rounds == 0 || progress_due()))
        say("%s: %llu MiB by %u processors, %llu MiB/s", pattern->name,
            (unsigned long long)job.share * job.cpus.count / MIB, job.cpus.count,
            (unsigned long long)rate_mib(own.moved * job.cpus.count, ns));
    if (job.rate && own.index == 0)
        say("bench %s ticks=%llu n=%llu overhead=0", pattern->name, (unsigned long long)ns,
            (unsigned long long)own.moved);
    return true;
}

static int share_test(unsigned index, void *argument)
{
    bool passed = true;

    (void)argument;
    own = (struct share){.index = index, .cpu = job.cpus.number[index]};
    if (index != job.cpus.count - 1)
        job.fault = NULL;
    own.memory = mmap(NULL, job.share, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (own.memory == MAP_FAILED) {
        say("no memory for %zu MiB", job.share / MIB);
        passed = false;
    }
    do {
        for (unsigned i = 0; passed && i < job.nselected; i++)
            passed = pattern_run(job.selected[i]);
        own.rounds++;
        /* All workers make equally many rounds: one of them decides, before the barrier. */
        if (index == 0 && now_ns() >= job.until_ns)
            __atomic_store_n(&job.common->stop, 1, __ATOMIC_RELEASE);
        passed = passed && barrier();
    } while (passed && job.repeat && !__atomic_load_n(&job.common->stop, __ATOMIC_ACQUIRE));
    if (index == 0 && own.rounds > 1)
        say("%u rounds", own.rounds);
    return passed ? CHECK_PASSED : CHECK_FAILED;
}

static bool patterns_select(const char *names)
{
    char word[64];
    int n;

    for (; *names; names += names[n] == ',' ? n + 1 : n) {
        unsigned before = job.nselected;

        if (sscanf(names, "%63[^,]%n", word, &n) != 1)
            return false;
        for (unsigned i = 0; i < patterns_count; i++) {
            if (strcmp(word, "all") == 0 ? strncmp(patterns[i].name, "quick-", 6) == 0
                                         : strcmp(patterns[i].name, word) != 0)
                continue;
            if (job.nselected == PATTERNS_MAX)
                return false;
            job.selected[job.nselected++] = &patterns[i];
        }
        /* Each word has to mean something: one that is misspelt would not be tested. */
        if (job.nselected == before)
            return false;
    }
    return job.nselected > 0;
}

int check_memory(const struct options *options)
{
    const char *names = option_find(options, "patterns");
    uint64_t available = memory_available(), left, size, seconds;
    bool passed;

    if (!patterns_select(names ? names : QUICK_DEFAULT)) {
        say("--patterns=: no such pattern, or too many");
        return CHECK_USAGE;
    }
    job.fault = option_find(options, "fault");
    if (job.fault && !fault_set(job.fault)) {
        say("--fault=: not understood");
        return CHECK_USAGE;
    }
    cpus_find(&job.cpus);
    left = LEFT_MIN + job.cpus.count * LEFT_WORKER;
    if (available / LEFT_SHARE > left)
        left = available / LEFT_SHARE;
    size = option_number(options, "size", available > left ? available - left : 0);
    seconds = option_number(options, "seconds", 0);
    job.repeat = seconds != 0;
    seconds = option_number(options, "at-most", seconds);
    /* --at-most=0 is over at once; without the option, nothing is. */
    job.until_ns =
        seconds || option_find(options, "at-most") ? now_ns() + seconds * 1000000000u : 0;
    job.rate = option_find(options, "rate") != NULL;
    job.share = size / job.cpus.count / PATTERN_BLOCK * PATTERN_BLOCK;
    if (!job.share) {
        say("no memory is free to be tested");
        return CHECK_FAILED;
    }
    job.common = shared_alloc(sizeof(*job.common));
    errors_init(option_find(options, "dmi"));
    say("%llu MiB of %llu MiB that are available, %u processors",
        (unsigned long long)job.share * job.cpus.count / MIB, (unsigned long long)available / MIB,
        job.cpus.count);
    passed = workers_run(&job.cpus, TOGETHER, share_test, NULL);
    if (!errors_summarise() || !passed)
        return CHECK_FAILED;
    return job.common->cut ? CHECK_SKIPPED : CHECK_PASSED;
}
