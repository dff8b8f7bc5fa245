/* SPDX-License-Identifier: MIT */
/*
 * check traffic - memory that goes back and forth between all processors
 *
 * Workers share memory, one on each processor. In round k worker i sends to worker i+k: every pair
 * of processors exchanges lines, in both directions at once. What is sent is known to the receiver.
 *   messages   a block of data, then a flag: data must be there when the flag is, and be right
 *   counters   locked additions by all to the same words: none may be lost
 *   exchange   a word of 16 bytes that all replace by compare-and-exchange, halves belong together
 *
 * --fault=message|counter|exchange: one bit of that is wrong on the last processor.
 */
#include <cpuid.h>
#include <sched.h>
#include <string.h>

#include "rootfs/usr/src/check/check.h"

#define WORDS      512   /* of a message: a page */
#define MESSAGES   64    /* from each sender in each round */
#define ADDITIONS  20000 /* by each worker in each round */
#define NCOUNTERS  4     /* two in one line, two in others */
#define EXCHANGES  2000
#define TIMEOUT_NS 30000000000ull /* for a partner */

struct box {
    _Alignas(64) uint32_t full;
    _Alignas(64) uint64_t words[WORDS];
};

struct job {
    struct cpus cpus;
    uint64_t until_ns;
    const char *fault;
    struct field {
        _Alignas(64) uint32_t arrived, stop;
        _Alignas(64) uint64_t counters[NCOUNTERS * 8];
        _Alignas(64) unsigned __int128 wide;
    } * field;
    struct box *boxes; /* one for each receiver */
};

static struct {
    unsigned index, cpu;
    uint32_t barriers;
    bool faulty_message, faulty_counter, faulty_exchange;
} own;

/* Waiting is bounded: a partner that does not come is a finding. */
static bool wait_word(const uint32_t *word, uint32_t value, bool at_least)
{
    uint64_t began = now_ns();

    for (unsigned turns = 0;; turns++) {
        uint32_t now = __atomic_load_n(word, __ATOMIC_ACQUIRE);

        if (at_least ? now >= value : now == value)
            return true;
        if (turns % 64 == 63) { /* there may be more workers than processors that run */
            sched_yield();
            if (workers_broken())
                return false;
            if (now_ns() - began > TIMEOUT_NS) {
                say("%s waited 30 s for another in vain", cpu_text(own.cpu));
                return false;
            }
        }
    }
}

static bool barrier(struct job *job)
{
    __atomic_fetch_add(&job->field->arrived, 1, __ATOMIC_ACQ_REL);
    return wait_word(&job->field->arrived, ++own.barriers * job->cpus.count, true);
}

static uint64_t message_word(unsigned sender, unsigned message, unsigned i)
{
    uint64_t x = (uint64_t)(sender + 1) << 40 | (uint64_t)message << 20 | i;

    x *= 0x9e3779b97f4a7c15;
    return x ^ x >> 29;
}

/* Sends when the box is empty, receives when the own one is full; the two do not wait for each
 * other, or two partners would for ever. */
static bool messages_exchange(struct job *job, unsigned distance)
{
    unsigned count = job->cpus.count, to = (own.index + distance) % count;
    unsigned from = (own.index + count - distance) % count;
    struct box *out = &job->boxes[to], *in = &job->boxes[own.index];

    for (unsigned m = 0; m < MESSAGES; m++) {
        if (!wait_word(&out->full, 0, false))
            return false;
        for (unsigned i = 0; i < WORDS; i++)
            out->words[i] = message_word(own.index, m, i);
        __atomic_store_n(&out->full, m + 1, __ATOMIC_RELEASE);
        if (!wait_word(&in->full, m + 1, false))
            return false;
        for (unsigned i = 0; i < WORDS; i++) {
            uint64_t got = __atomic_load_n(&in->words[i], __ATOMIC_RELAXED);
            uint64_t right = message_word(from, m, i);

            if (own.faulty_message && i == WORDS / 2)
                got ^= 1ull << 17;
            if (got == right)
                continue;
            say("message %u from processor %u: word %u is %016llx, right is %016llx, at %s", m,
                job->cpus.number[from], i, (unsigned long long)got, (unsigned long long)right,
                cpu_text(own.cpu));
            return false;
        }
        __atomic_store_n(&in->full, 0, __ATOMIC_RELEASE);
    }
    return true;
}

static bool counters_add(struct job *job)
{
    uint64_t right = (uint64_t)ADDITIONS * job->cpus.count;
    uint64_t before[NCOUNTERS];

    for (unsigned i = 0; i < NCOUNTERS; i++)
        before[i] = job->field->counters[i < 2 ? i : i * 8];
    if (!barrier(job))
        return false;
    for (unsigned n = 0; n < ADDITIONS; n++)
        for (unsigned i = 0; i < NCOUNTERS; i++)
            __atomic_fetch_add(&job->field->counters[i < 2 ? i : i * 8],
                               own.faulty_counter && n == 5 ? 0 : 1, __ATOMIC_RELAXED);
    if (!barrier(job))
        return false;
    for (unsigned i = 0; own.index == 0 && i < NCOUNTERS; i++) {
        uint64_t got = job->field->counters[i < 2 ? i : i * 8] - before[i];

        if (got != right) {
            say("counter %u: %llu additions arrived of %llu by all processors", i,
                (unsigned long long)got, (unsigned long long)right);
            return false;
        }
    }
    return barrier(job);
}

/* Both halves always hold the same number: half of another's exchange would show. */
__attribute__((target("cx16"))) static bool wide_exchange(struct job *job)
{
    unsigned __int128 *word = &job->field->wide, seen = 0, one = (unsigned __int128)1 << 64 | 1;

    for (unsigned n = 0; n < EXCHANGES;) {
        unsigned __int128 old = __sync_val_compare_and_swap(word, seen, seen + one);
        uint64_t high = (uint64_t)(old >> 64);

        if (own.faulty_exchange && n == 7)
            high ^= 4;
        if (high != (uint64_t)old) {
            say("a word of 16 bytes is %016llx %016llx, at %s", (unsigned long long)high,
                (unsigned long long)old, cpu_text(own.cpu));
            return false;
        }
        n += old == seen;
        seen = old == seen ? old + one : old;
    }
    return true;
}

static bool has_wide_exchange(void)
{
    unsigned a, b, c, d;

    return __get_cpuid(1, &a, &b, &c, &d) && c & bit_CMPXCHG16B;
}

static int traffic_work(unsigned index, void *argument)
{
    struct job *job = argument;
    bool last = index == job->cpus.count - 1, good = true;

    own.index = index;
    own.cpu = job->cpus.number[index];
    own.faulty_message = last && job->fault && strcmp(job->fault, "message") == 0;
    own.faulty_counter = last && job->fault && strcmp(job->fault, "counter") == 0;
    own.faulty_exchange = last && job->fault && strcmp(job->fault, "exchange") == 0;
    do {
        for (unsigned k = job->cpus.count > 1; good && k < job->cpus.count; k++)
            good = messages_exchange(job, k) && barrier(job);
        if (index == 0 && progress_due())
            say("all is well so far");
        good = good && counters_add(job) && (!has_wide_exchange() || wide_exchange(job));
        if (index == 0 && now_ns() >= job->until_ns)
            __atomic_store_n(&job->field->stop, 1, __ATOMIC_RELEASE);
        good = good && barrier(job);
    } while (good && !__atomic_load_n(&job->field->stop, __ATOMIC_ACQUIRE));
    return good ? CHECK_PASSED : CHECK_FAILED;
}

int check_traffic(const struct options *options)
{
    static struct job job;
    uint64_t began = now_ns(), seconds = option_number(options, "seconds", 0);
    bool passed;

    cpus_find(&job.cpus);
    job.fault = option_find(options, "fault");
    job.until_ns = seconds ? began + seconds * 1000000000u : 0;
    job.field = shared_alloc(sizeof(*job.field));
    job.boxes = shared_alloc(job.cpus.count * sizeof(*job.boxes));
    say("messages between %u processors, counters and exchanges by all%s", job.cpus.count,
        has_wide_exchange() ? "" : " (no 16-byte exchange here)");
    passed = workers_run(&job.cpus, TOGETHER, traffic_work, &job);
    say("%llu ms", (unsigned long long)(now_ns() - began) / 1000000);
    return passed ? CHECK_PASSED : CHECK_FAILED;
}
