/* SPDX-License-Identifier: MIT */
/*
 * Measurement of the TSC against another timer, to some parts in ten thousand.
 *
 * A measurement runs from one tick of the timer to another, and both are caught the same way: read
 * until the count changes. What that misses the tick by cancels out; what is left is one read of
 * the timer, and of several ticks the one with the quickest read is taken, so that an interruption
 * by firmware or a hypervisor costs a sample and not the accuracy.
 */
#include "kernel/plat/tsc_measure.h"

#include "kernel/arch/x86_64/tsc.h"

#define EDGE_TRIES     6
#define STANDING_READS 2000u     /* reads without a change: the timer stands still */
#define MEASURE_READS  2000000u  /* bound of the whole wait */
#define MEASURE_TICKS  40000000u /* TSC ticks, likewise: 2 ms at 20 GHz */

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

uint64_t tsc_measure(const struct tsc_reference *reference)
{
    uint64_t nticks = reference->hz * TSC_MEASURE_NS / 1000000000u;
    uint64_t elapsed, ticks;
    struct edge start, end;

    if (!nticks || !edge_best(reference, &start))
        return 0;
    if (!ticks_wait(reference, &start, nticks) || !edge_best(reference, &end))
        return 0;

    elapsed = tsc_elapsed(start.count, end.count, reference->nbits);
    ticks = end.tsc - start.tsc;

    /* Much more than was waited for: the timer jumped. The product below stays under 2^63, with
     * ticks under 2^29 and references under 2^32 Hz. */
    if (!elapsed || elapsed > nticks * 16 || ticks >> 29)
        return 0;
    return ticks * reference->hz / elapsed;
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

/* Only sources that cost no time are compared; for the log, the choice stays. */
static void disagreement_find(const struct tsc_probe probes[TSC_NSOURCES],
                              const struct acpi_info *info, struct tsc_choice *choice)
{
    for (int i = 0; i < TSC_NSOURCES; i++) {
        uint64_t hz;

        if (i == choice->source || !probes[i].free)
            continue;
        hz = probes[i].hz(info);
        if (!plausible(hz))
            continue;
        choice->other = i;
        choice->other_ppm = ((int64_t)hz - (int64_t)choice->hz) * 1000000 / (int64_t)choice->hz;
        return;
    }
}

/* In the order of the enumeration, best first; the first plausible rate wins. */
struct tsc_choice tsc_choose(const struct tsc_probe probes[TSC_NSOURCES],
                             const struct acpi_info *info)
{
    struct tsc_choice choice = {.source = TSC_NSOURCES, .other = TSC_NSOURCES};

    for (int i = 0; i < TSC_NSOURCES; i++) {
        uint64_t hz = probes[i].hz(info);

        if (plausible(hz)) {
            choice.source = i;
            choice.hz = hz;
            disagreement_find(probes, info, &choice);
            break;
        }
    }
    return choice;
}
