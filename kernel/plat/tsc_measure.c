/* SPDX-License-Identifier: MIT */
/*
 * Measurement of the TSC against another timer, to some parts in ten thousand.
 *
 * A measurement runs from one tick of the timer to another, and both are caught the same way: read
 * until the count changes. What that misses the tick by cancels out; what is left is one read of
 * the timer, and of several ticks the one with the quickest read is taken, so that an interruption
 * by firmware or a hypervisor costs a sample and not the accuracy.
 *
 * One measurement alone is not believed: a host may stop the machine, or move it to a processor
 * whose TSC is another one, at the worst moment, and one of the two counters jumps. The wait is cut
 * into rounds, and only a run of them one behind the other that give the same rate counts, as a
 * whole. Where a source that costs nothing disagrees with a measured rate by far, another timer is
 * asked to decide.
 */
#include "kernel/plat/tsc_measure.h"

#include "kernel/arch/x86_64/tsc.h"

#define EDGE_TRIES     6
#define STANDING_READS 2000u     /* reads without a change: the timer stands still */
#define MEASURE_READS  2000000u  /* bound of the whole wait */
#define MEASURE_TICKS  40000000u /* TSC ticks, likewise: 2 ms at 20 GHz */

#define ROUNDS_AGREE 3   /* in a row */
#define ROUNDS_MAX   100 /* 20 ms */
#define AGREE_PART                                                                                 \
    256                 /* rounds differ by one part in so many, and by what their reads took, ... \
                         */
#define SLOW_PART 32    /* ... which is no more than this part */
#define APART_PPM 50000 /* sources that differ by more cannot both be right */

#define HZ_MIN 10000000ULL
#define HZ_MAX 20000000000ULL

struct edge {
    uint64_t count;
    uint64_t tsc;
    uint64_t width; /* TSC ticks that the read took */
};

uint64_t tsc_elapsed(uint64_t from, uint64_t to, unsigned nbits)
{
    return (to - from) & ((1ULL << nbits) - 1);
}

/* The time of an edge is the middle of the read that saw it. */
static bool edge_next(const struct tsc_reference *reference, struct edge *edge)
{
    uint64_t first = reference->read(reference);

    for (unsigned i = 0; i < STANDING_READS; i++) {
        uint64_t before = tsc_read();
        uint64_t count = reference->read(reference);
        uint64_t after = tsc_read();

        if (count != first) {
            *edge = (struct edge){
                .count = count,
                .tsc = before + (after - before) / 2,
                .width = after - before,
            };
            return true;
        }
    }
    return false;
}

/* The width of the read bounds the error of the edge. */
static bool edge_best(const struct tsc_reference *reference, struct edge *best)
{
    struct edge edge;

    if (!edge_next(reference, best))
        return false;
    for (unsigned i = 1; i < EDGE_TRIES; i++) {
        if (!edge_next(reference, &edge))
            return false;
        if (edge.width < best->width)
            *best = edge;
    }
    return true;
}

/* Until so many ticks of the timer have gone by. */
static bool ticks_wait(const struct tsc_reference *reference, const struct edge *start,
                       uint64_t nticks)
{
    for (unsigned i = 0; i < MEASURE_READS; i++) {
        uint64_t count = reference->read(reference);

        if (tsc_elapsed(start->count, count, reference->nbits) >= nticks)
            return true;
        if (tsc_read() - start->tsc > MEASURE_TICKS)
            return false;
    }
    return false;
}

/* From one edge to the next. */
struct round {
    uint64_t elapsed, ticks; /* of the timer, of the TSC */
    uint64_t error;          /* TSC ticks that the two edges may be wrong by */
};

/* False: it is none. The bounds keep the products below under 2^63, with ticks under 2^29 and
 * references under 2^32 Hz. Much more than was waited for: the timer jumped. */
static bool round_make(const struct tsc_reference *reference, const struct edge *start,
                       const struct edge *end, uint64_t nticks, struct round *round)
{
    *round = (struct round){
        .elapsed = tsc_elapsed(start->count, end->count, reference->nbits),
        .ticks = end->tsc - start->tsc,
        .error = (start->width + end->width) / 2,
    };
    return round->elapsed && round->elapsed <= nticks * 16 && round->ticks && !(round->ticks >> 29);
}

/* Whether both rounds are of one rate: the TSC ticks of the one, if it were as long as the other.
 */
static bool rounds_agree(const struct round *one, const struct round *other)
{
    uint64_t scaled = other->ticks * one->elapsed / other->elapsed;
    uint64_t apart = scaled > one->ticks ? scaled - one->ticks : one->ticks - scaled;
    uint64_t slack = one->error + other->error * one->elapsed / other->elapsed;

    return apart <= MIN(slack, one->ticks / SLOW_PART) + one->ticks / AGREE_PART;
}

/* Rates of single rounds, in rising order. */
struct rates {
    uint64_t hz[ROUNDS_MAX];
    unsigned count;
};

static void rate_add(struct rates *rates, uint64_t hz)
{
    unsigned at = rates->count++;

    for (; at > 0 && rates->hz[at - 1] > hz; at--)
        rates->hz[at] = rates->hz[at - 1];
    rates->hz[at] = hz;
}

/* From the edge that is given to the next one. False: the timer stands still, or the TSC does. */
static bool round_next(const struct tsc_reference *reference, struct edge *last, uint64_t nticks,
                       struct round *round, bool *valid)
{
    struct edge next;

    if (!ticks_wait(reference, last, nticks) || !edge_best(reference, &next))
        return false;
    *valid = round_make(reference, last, &next, nticks, round);
    *last = next;
    return true;
}

/* Each round starts where the one before ended: a run of them is one long measurement. Where none
 * agree, on a host that is never quiet, most are still about right: the one in the middle. */
uint64_t tsc_measure(const struct tsc_reference *reference)
{
    uint64_t nticks = reference->hz * (TSC_MEASURE_NS / ROUNDS_AGREE) / 1000000000u;
    struct round round, before = {0};
    struct rates rates = {.count = 0};
    struct edge first, last;
    unsigned run = 0;

    if (!nticks || !edge_best(reference, &last))
        return 0;
    first = last;
    for (unsigned i = 0; i < ROUNDS_MAX && run < ROUNDS_AGREE; i++) {
        struct edge start = last;
        bool valid;

        if (!round_next(reference, &last, nticks, &round, &valid))
            return 0;
        if (valid)
            rate_add(&rates, round.ticks * reference->hz / round.elapsed);
        if (!valid) {
            run = 0;
        } else if (!run || !rounds_agree(&before, &round)) {
            run = 1;
            first = start;
        } else {
            run++;
        }
        before = round;
    }
    if (run == ROUNDS_AGREE && round_make(reference, &first, &last, nticks * run, &round))
        return round.ticks * reference->hz / round.elapsed;
    return rates.count >= ROUNDS_AGREE ? rates.hz[rates.count / 2] : 0;
}

/* Intel SDM vol. 2, CPUID leaf 15H: rate = crystal * EBX / EAX. Some processors leave the crystal's
 * rate out; then it is the usual one that the nominal rate of leaf 16H comes close to. */
uint64_t tsc_from_leaf15(const struct tsc_leaves *leaves)
{
    static const uint32_t usual[] = {19200000, 24000000, 25000000, 38400000};
    uint64_t crystal = leaves->crystal_hz;

    if (!leaves->denominator || !leaves->numerator)
        return 0;
    /* Within one per cent: the nominal rate is given in whole MHz. */
    if (!crystal) {
        uint64_t about = leaves->base_mhz * 1000000ULL * leaves->denominator / leaves->numerator;

        for (unsigned i = 0; i < ARRAY_SIZE(usual); i++) {
            uint64_t slack = usual[i] / 100;

            if (about >= usual[i] - slack && about <= usual[i] + slack)
                crystal = usual[i];
        }
    }
    return crystal * leaves->numerator / leaves->denominator;
}

/* Guards against registers that read as zero or all ones. */
static bool plausible(uint64_t hz)
{
    return hz >= HZ_MIN && hz <= HZ_MAX;
}

static int64_t ppm_more(uint64_t hz, uint64_t than)
{
    return ((int64_t)hz - (int64_t)than) * 1000000 / (int64_t)than;
}

static bool is_far(uint64_t hz, uint64_t from)
{
    int64_t ppm = ppm_more(hz, from);

    return ppm > APART_PPM || ppm < -APART_PPM;
}

/* A source that costs no time, other than the one that is chosen; TSC_NSOURCES: none. */
static int free_source(const struct tsc_probe probes[TSC_NSOURCES], const struct acpi_info *info,
                       int chosen, uint64_t *hz)
{
    for (int i = 0; i < TSC_NSOURCES; i++) {
        if (i == chosen || !probes[i].free)
            continue;
        *hz = probes[i].hz(info);
        if (plausible(*hz))
            return i;
    }
    return TSC_NSOURCES;
}

/* A measured rate that is far from what another source reports: the next timer that does not agree
 * with it decides, if that agrees with the other source. */
static void measure_again(const struct tsc_probe probes[TSC_NSOURCES], const struct acpi_info *info,
                          uint64_t told, struct tsc_choice *choice)
{
    for (int i = choice->source + 1; i < TSC_NSOURCES; i++) {
        uint64_t hz = probes[i].free ? 0 : probes[i].hz(info);

        if (!plausible(hz))
            continue;
        if (is_far(hz, choice->hz) && !is_far(hz, told)) {
            choice->source = i;
            choice->hz = hz;
        }
        return;
    }
}

/* In the order of the enumeration, best first; the first plausible rate wins. */
COLD struct tsc_choice tsc_choose(const struct tsc_probe probes[TSC_NSOURCES],
                                  const struct acpi_info *info)
{
    struct tsc_choice choice = {.source = TSC_NSOURCES, .other = TSC_NSOURCES};
    uint64_t told = 0;

    for (int i = 0; i < TSC_NSOURCES && choice.source == TSC_NSOURCES; i++) {
        uint64_t hz = probes[i].hz(info);

        if (plausible(hz)) {
            choice.source = i;
            choice.hz = hz;
        }
    }
    if (choice.source == TSC_NSOURCES)
        return choice;
    choice.other = free_source(probes, info, choice.source, &told);
    if (choice.other == TSC_NSOURCES)
        return choice;
    if (!probes[choice.source].free && is_far(choice.hz, told))
        measure_again(probes, info, told, &choice);
    choice.other_ppm = ppm_more(told, choice.hz);
    return choice;
}
