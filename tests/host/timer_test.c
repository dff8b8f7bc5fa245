/* SPDX-License-Identifier: MIT */
/* Timers: which fire, when, in what order, and what the hardware is set to meanwhile. Time stands
 * still but where a test moves it on. */
#include "tests/host/check.h"

#include <asm/prctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/core/clock.h"
#include "kernel/core/ipi.h"
#include "kernel/core/timer.h"
#include "tests/host/linker_names.h"

#define MANY 200

bool fake_irqs_off;

static struct cpu cpus[2] = {{.index = 0, .lock_id = 1}, {.index = 1, .lock_id = 2}};
unsigned cpu_count = 2;
uint64_t cpu_percpu_offset[CPU_MAX];
static uint64_t now_ns;
static int64_t realtime_offset = 1000000000000;
static uint64_t alarm_ns[2]; /* what each processor's hardware is set to; 0: nothing */
static unsigned settings;    /* how often it was set */

static struct timer timers[MANY];
static unsigned fired[10000]; /* which, in this order */
static unsigned nfired;
static uint64_t takes_ns; /* how long each function runs */

uint64_t clock_monotonic_ns(void)
{
    return now_ns;
}

uint64_t clock_realtime_ns(void)
{
    return now_ns + (uint64_t)realtime_offset;
}

uint64_t clock_monotonic_of_realtime(uint64_t realtime_ns)
{
    return realtime_ns - (uint64_t)realtime_offset;
}

static void run_on(unsigned cpu)
{
    if (syscall(SYS_arch_prctl, ARCH_SET_GS, &cpus[cpu]))
        abort();
}

/* The second processor's variables: a copy of all that the linker puts among the zeros. */
static void percpu_make(void)
{
    uint64_t begin = ALIGN_DOWN((uint64_t)__bss_start, 4096);
    void *copy = mmap(NULL, (uint64_t)_end - begin, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (copy == MAP_FAILED)
        abort();
    cpus[1].percpu_offset = cpu_percpu_offset[1] = (uint64_t)copy - begin;
}

/* The processor that runs. */
static unsigned here(void)
{
    return CPU_OWN->index;
}

void ipi_call_all(void (*function)(void *argument), void *argument)
{
    unsigned self = here();

    for (unsigned cpu = 0; cpu < 2; cpu++) {
        run_on(cpu);
        function(argument);
    }
    run_on(self);
}

static void oneshot(uint64_t ns)
{
    assert_false(irq_enabled());
    alarm_ns[here()] = now_ns + ns;
    settings++;
}

static void hardware_stop(void)
{
    alarm_ns[here()] = 0;
    settings++;
}

static const struct timer_ops hardware = {.oneshot = oneshot, .stop = hardware_stop};

static void fire(struct timer *timer)
{
    assert_false(irq_enabled());
    assert_false(timer_pending(timer));
    fired[nfired++] = (unsigned)(timer - timers);
    now_ns += takes_ns;
}

static void fire_again(struct timer *timer)
{
    fire(timer);
    timer_start(timer, timer->deadline_ns + 1000);
}

/* Time goes on until then, with the interrupts that the hardware was asked for on this processor.
 */
static void run_until(uint64_t until_ns)
{
    while (alarm_ns[here()] && alarm_ns[here()] <= until_ns) {
        now_ns = MAX(now_ns, alarm_ns[here()]);
        alarm_ns[here()] = 0;
        fake_irqs_off = true;
        timer_interrupt();
        fake_irqs_off = false;
    }
    now_ns = MAX(now_ns, until_ns);
}

static int setup(void **state)
{
    (void)state;
    run_on(0);
    now_ns += 1000000000;
    nfired = 0;
    takes_ns = 0;
    for (unsigned i = 0; i < MANY; i++)
        timer_init(&timers[i], fire);
    settings = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MANY; i++)
        timer_stop(&timers[i]);
    assert_true(alarm_ns[0] == 0 && alarm_ns[1] == 0);
    return 0;
}

static int start(void **state)
{
    (void)state;
    percpu_make();
    run_on(1);
    timer_join();
    run_on(0);
    timer_set_ops(&hardware);
    return 0;
}

static void expect_fired(unsigned count, const unsigned *which)
{
    assert_int_equal(nfired, count);
    assert_memory_equal(fired, which, count * sizeof(*which));
    nfired = 0;
}

static void test_in_order(void **state)
{
    uint64_t base = now_ns;

    (void)state;
    timer_start(&timers[0], base + 3000);
    timer_start(&timers[1], base + 1000);
    timer_start(&timers[2], base + 2000);
    assert_int_equal(alarm_ns[0], base + 1000);
    run_until(base + 999);
    assert_int_equal(nfired, 0);
    run_until(base + 1000);
    expect_fired(1, (unsigned[]){1});
    assert_int_equal(alarm_ns[0], base + 2000);
    run_until(base + 5000);
    expect_fired(2, (unsigned[]){2, 0});
    assert_int_equal(alarm_ns[0], 0);
}

/* Of one time, the first that was started is the first to fire. */
static void test_of_one_time(void **state)
{
    uint64_t base = now_ns;

    (void)state;
    for (unsigned i = 0; i < MANY; i++)
        timer_start(&timers[i], base + 1000);
    assert_int_equal(settings, 1);
    run_until(base + 1000);
    assert_int_equal(nfired, MANY);
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(fired[i], i);
}

static void test_stopped(void **state)
{
    uint64_t base = now_ns;

    (void)state;
    timer_start(&timers[0], base + 1000);
    timer_start(&timers[1], base + 2000);
    timer_start(&timers[2], base + 3000);
    timer_stop(&timers[0]);
    assert_false(timer_pending(&timers[0]));
    assert_int_equal(alarm_ns[0], base + 2000);
    timer_stop(&timers[2]);
    timer_stop(&timers[2]); /* when it is not pending, too */
    assert_int_equal(alarm_ns[0], base + 2000);
    run_until(base + 9000);
    expect_fired(1, (unsigned[]){1});
}

/* Earlier at once; later without a word to the hardware, and then not before its time. */
static void test_moved(void **state)
{
    uint64_t base = now_ns;

    (void)state;
    timer_start(&timers[0], base + 5000);
    timer_start(&timers[0], base + 1000);
    assert_int_equal(alarm_ns[0], base + 1000);
    assert_int_equal(settings, 2);
    timer_start(&timers[0], base + 7000);
    timer_start(&timers[1], base + 6000);
    assert_int_equal(settings, 2);
    run_until(base + 6999);
    expect_fired(1, (unsigned[]){1});
    run_until(base + 7000);
    expect_fired(1, (unsigned[]){0});
}

static void test_started_again(void **state)
{
    uint64_t base = now_ns;

    (void)state;
    timer_init(&timers[0], fire_again);
    timer_start(&timers[0], base + 1000);
    run_until(base + 10000);
    assert_int_equal(nfired, 10);
    timer_stop(&timers[0]);
    run_until(base + 20000);
    assert_int_equal(nfired, 10);
}

/* When the clock is set, timers of real time follow it on every processor, others do not. */
static void test_real_time(void **state)
{
    uint64_t base = now_ns, real = clock_realtime_ns();

    (void)state;
    timer_start(&timers[0], base + 4000);
    timer_start_realtime(&timers[1], real + 5000);
    run_on(1);
    timer_start_realtime(&timers[2], real + 6000);
    run_on(0);
    assert_int_equal(alarm_ns[0], base + 4000);
    assert_int_equal(alarm_ns[1], base + 6000);
    realtime_offset += 2000;
    timer_clock_was_set();
    assert_int_equal(alarm_ns[0], base + 3000);
    assert_int_equal(alarm_ns[1], base + 4000);
    run_until(base + 9000);
    expect_fired(2, (unsigned[]){1, 0});
    run_on(1);
    run_until(base + 9000);
    expect_fired(1, (unsigned[]){2});
    run_on(0);
    realtime_offset -= 2000;
}

/* A timer goes to the processor that starts it, and can be stopped from any. */
static void test_other_processor(void **state)
{
    uint64_t base = now_ns;

    (void)state;
    timer_start(&timers[0], base + 1000);
    timer_start(&timers[1], base + 2000);
    run_on(1);
    timer_start(&timers[0], base + 3000);
    timer_stop(&timers[1]);
    assert_int_equal(alarm_ns[1], base + 3000);
    run_on(0);
    run_until(base + 9000); /* the interrupt that was asked for comes, and finds nothing */
    assert_int_equal(nfired, 0);
    assert_int_equal(alarm_ns[0], 0);
    run_on(1);
    now_ns = base + 2500;
    run_until(base + 9000);
    expect_fired(1, (unsigned[]){0});
    run_on(0);
}

/* Many at once: after a tenth of a millisecond of them the program has its turn. */
static void test_slices(void **state)
{
    uint64_t base = now_ns;

    (void)state;
    takes_ns = 30000;
    for (unsigned i = 0; i < 10; i++)
        timer_start(&timers[i], base);
    fake_irqs_off = true;
    timer_interrupt();
    fake_irqs_off = false;
    assert_int_equal(nfired, 4);
    assert_int_equal(now_ns, base + 120000);
    assert_int_equal(alarm_ns[0], base + 170000);
    run_until(base + 10000000);
    expect_fired(10, (unsigned[]){0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
}

/* The same for timers that were moved on and only have to be sorted in again. */
static void test_many_moved(void **state)
{
    uint64_t base = now_ns, interrupts = timer_interrupts();

    (void)state;
    for (unsigned i = 0; i < MANY; i++) {
        timer_start(&timers[i], base + 1000);
        timer_start(&timers[i], base + 1000000);
    }
    run_until(base + 999999);
    assert_int_equal(nfired, 0);
    assert_int_equal(timer_interrupts() - interrupts, 4); /* 64 in each */
    run_until(base + 1000000);
    assert_int_equal(nfired, MANY);
}

static void test_lateness(void **state)
{
    struct timer_lateness before = timer_lateness();

    (void)state;
    timer_start(&timers[0], now_ns + 1000);
    now_ns += 1000 + TIMER_LATE_NS - 1;
    run_until(now_ns);
    assert_int_equal(timer_lateness().count, before.count);
    timer_start(&timers[0], now_ns + 1000);
    now_ns += 1000 + TIMER_LATE_NS;
    run_until(now_ns);
    assert_int_equal(timer_lateness().count, before.count + 1);
    assert_int_equal(timer_lateness().max_ns, TIMER_LATE_NS);
    assert_int_equal(nfired, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_in_order),        TEST(test_of_one_time),   TEST(test_stopped),
        TEST(test_moved),           TEST(test_started_again), TEST(test_real_time),
        TEST(test_other_processor), TEST(test_slices),        TEST(test_many_moved),
        TEST(test_lateness),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
