/* SPDX-License-Identifier: MIT */
/*
 * Sets of processors against a plain array of flags, with one to four words in use.
 */
#include "tests/host/check.h"

#include "kernel/arch/x86_64/cpumask.h"

unsigned cpumask_words;

static uint64_t seed = 1;

static unsigned draw(unsigned below)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)(seed >> 33) % below;
}

static void same_as(const struct cpumask *mask, const bool flags[CPU_MAX])
{
    unsigned count = 0, next = 0;

    for (unsigned cpu = 0; cpu < cpumask_words * 64; cpu++) {
        assert_int_equal(cpumask_test(mask, cpu), flags[cpu]);
        count += flags[cpu];
    }
    assert_int_equal(cpumask_count(mask), count);
    assert_int_equal(cpumask_is_empty(mask), count == 0);
    cpumask_each(cpu, mask)
    {
        while (!flags[next])
            next++;
        assert_int_equal(cpu, next++);
        count--;
    }
    assert_int_equal(count, 0);
}

static void random_sets(void **state)
{
    (void)state;
    for (cpumask_words = 1; cpumask_words <= CPUMASK_WORDS; cpumask_words++) {
        struct cpumask one = {{0}}, other = {{0}}, both;
        bool in_one[CPU_MAX] = {0}, in_other[CPU_MAX] = {0}, in_both[CPU_MAX];

        for (unsigned round = 0; round < 2000; round++) {
            unsigned cpu = draw(cpumask_words * 64), first = CPU_MAX, any_but = 0;

            cpumask_set(&one, cpu);
            in_one[cpu] = true;
            cpu = draw(cpumask_words * 64);
            assert_int_equal(cpumask_clear(&one, cpu), in_one[cpu]);
            in_one[cpu] = false;
            cpu = draw(cpumask_words * 64);
            cpumask_set(&other, cpu);
            in_other[cpu] = true;
            cpumask_clear(&other, cpu = draw(cpumask_words * 64));
            in_other[cpu] = false;
            for (unsigned i = cpumask_words * 64; i-- > 0;) {
                in_both[i] = in_one[i] && in_other[i];
                if (in_both[i])
                    first = i;
                any_but += in_one[i] && i != cpu;
            }
            same_as(&one, in_one);
            assert_int_equal(cpumask_and(&both, &one, &other), first != CPU_MAX);
            same_as(&both, in_both);
            assert_int_equal(cpumask_first_and(&one, &other), first);
            assert_int_equal(cpumask_any_but(&one, cpu), any_but != 0);
        }
    }
}

/* The edges of words, and words that are not in use. */
static void edges(void **state)
{
    static const unsigned cpus[] = {0, 63, 64, 127, 128, 191, 192, 255};

    (void)state;
    cpumask_words = CPUMASK_WORDS;
    for (size_t i = 0; i < ARRAY_SIZE(cpus); i++) {
        struct cpumask mask = cpumask_of(cpus[i]);

        assert_int_equal(cpumask_next(&mask, 0), cpus[i]);
        assert_int_equal(cpumask_next(&mask, cpus[i]), cpus[i]);
        assert_int_equal(cpumask_next(&mask, cpus[i] + 1), CPU_MAX);
        assert_false(cpumask_any_but(&mask, cpus[i]));
        assert_true(cpumask_any_but(&mask, 1));
        assert_int_equal(cpumask_count(&mask), 1);
    }
    cpumask_words = 1;
    assert_int_equal(cpumask_next(&(struct cpumask){{0, 1, 1, 1}}, 0), CPU_MAX);
    assert_true(cpumask_is_empty(&(struct cpumask){{0, 1, 1, 1}}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_sets),
        cmocka_unit_test(edges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
