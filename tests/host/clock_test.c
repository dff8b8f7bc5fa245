/* SPDX-License-Identifier: MIT */
/* The clock, on this machine's TSC: what the kernel says, and what programs find in their page. */
#include "tests/host/check.h"

#include <asm/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/features.h"
#include "kernel/arch/x86_64/tsc.h"
#include "kernel/core/clock.h"
#include "shared/vdso.h"

#define HZ      2500000000ULL
#define EPOCH_S 1790000000ULL
#define NS      1000000000ULL

bool fake_irqs_off;
struct features features;

static struct cpu cpu = {.lock_id = 1};
unsigned cpu_count = 1;
uint64_t cpu_percpu_offset[CPU_MAX];

/* A real machine's TSC that never stops, from now on; nothing is published. */
static int setup(void **state)
{
    (void)state;
    if (syscall(SYS_arch_prctl, ARCH_SET_GS, &cpu))
        return -1;
    clock_publish(NULL);
    features = (struct features){.invariant_tsc = true};
    clock_init(HZ, tsc_read_ordered(), EPOCH_S);
    return 0;
}

/* As the vDSO reads it. */
static uint64_t monotonic_by_page(const struct vdso_data *page)
{
    unsigned __int128 product = tsc_read_ordered() - page->tsc_start;

    return (uint64_t)(product * page->mult >> 32);
}

/* A page has everything from the moment it is published, whatever was set before or is set later.
 */
static void test_published(void **state)
{
    struct vdso_data page = {0};
    uint64_t before, after;

    (void)state;
    clock_publish(&page);
    assert_int_equal(page.use_tsc, 1);
    assert_true(page.sequence > 0 && page.sequence % 2 == 0);
    before = clock_monotonic_ns();
    after = monotonic_by_page(&page);
    assert_true(before <= after && after <= clock_monotonic_ns());
    before = clock_realtime_ns();
    after = monotonic_by_page(&page) + page.realtime_offset_ns;
    assert_true(before <= after && after <= clock_realtime_ns());
    clock_set_realtime_ns(5 * NS);
    assert_true(page.sequence % 2 == 0);
    after = monotonic_by_page(&page) + page.realtime_offset_ns;
    assert_true(after >= 5 * NS && after <= clock_realtime_ns());
}

/* Programs ask the kernel then, and no answer is earlier than the one before. */
static void test_distrusted(void **state)
{
    struct vdso_data page = {0};
    uint64_t latest;

    (void)state;
    clock_publish(&page);
    latest = clock_monotonic_ns();
    clock_distrust();
    assert_int_equal(page.use_tsc, 0);
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t now = clock_monotonic_ns();

        assert_true(now >= latest);
        latest = now;
    }
    features.invariant_tsc = false;
    clock_init(HZ, tsc_read_ordered(), EPOCH_S);
    clock_publish(&page);
    assert_int_equal(page.use_tsc, 0);
    features.hypervisor = true;
    clock_init(HZ, tsc_read_ordered(), EPOCH_S);
    clock_publish(&page);
    assert_int_equal(page.use_tsc, 1);
}

static void test_real_time(void **state)
{
    uint64_t now;

    (void)state;
    now = clock_realtime_ns();
    assert_true(now >= EPOCH_S * NS && now < (EPOCH_S + 60) * NS);
    assert_int_equal(clock_monotonic_of_realtime(0), 0);
    clock_set_realtime_ns(1000 * NS);
    now = clock_monotonic_of_realtime(1001 * NS);
    assert_true(now >= NS && now <= clock_monotonic_ns() + NS);
    assert_int_equal(clock_monotonic_of_realtime(now + 1001 * NS) - now, now);
}

static void test_ticks(void **state)
{
    (void)state;
    assert_int_equal(clock_tsc_hz(), HZ);
    assert_int_equal(clock_ns_to_ticks(NS), HZ);
    assert_int_equal(clock_ns_to_ticks(10), 25);
    assert_int_equal(clock_ns_to_ticks(1000000 * NS + 2), 1000000 * HZ + 5);
    assert_in_range(clock_ticks_to_ns(HZ), NS - 10, NS);
    assert_in_range(clock_ticks_to_ns(3600 * HZ), 3600 * (NS - 10), 3600 * NS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_published, setup),
        cmocka_unit_test_setup(test_distrusted, setup),
        cmocka_unit_test_setup(test_real_time, setup),
        cmocka_unit_test_setup(test_ticks, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
