/* SPDX-License-Identifier: MIT */
/* The output ring: everything that is added comes out once and in order, whatever its length, over
 * the end of the ring too; what does not fit is counted; a panic loses nothing. */
#include "tests/host/check.h"

#include <asm/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/core/clock.h"
#include "kernel/core/output.h"
#include "kernel/core/panic.h"

#define RING  65536u
#define TOTAL (1u << 20)

bool fake_irqs_off;
unsigned cpu_count = 1;
uint64_t cpu_percpu_offset[CPU_MAX];
static struct cpu cpu = {.lock_id = 1};
static uint64_t now_ns = 1000000000;

/* What was to come out, and what did. */
static char wanted[TOTAL], out[TOTAL], panicked[TOTAL];
static size_t nwanted, nout, npanicked;
static unsigned flushes, wakes, waits;

uint64_t clock_monotonic_ns(void)
{
    return now_ns;
}

void panic(const char *format, ...)
{
    fail_msg("panic: %s", format);
    abort();
}

static void device_write(const char *bytes, size_t nbytes)
{
    assert_true(nout + nbytes <= TOTAL);
    memcpy(out + nout, bytes, nbytes);
    nout += nbytes;
}

static void device_panic_write(const char *bytes, size_t nbytes)
{
    memcpy(panicked + npanicked, bytes, nbytes);
    npanicked += nbytes;
}

static void device_flush(void)
{
    flushes++;
}

static const struct output_ops device = {
    .write = device_write, .panic_write = device_panic_write, .flush = device_flush};

/* The printing thread: one round of it. */
static void print_some(size_t most)
{
    static char bytes[RING];
    size_t nbytes = output_next(bytes, most);

    assert_true(nbytes <= most);
    device_write(bytes, nbytes);
    output_printed(nbytes);
}

static void printer_wake(void)
{
    wakes++;
}

static void printer_wait(void)
{
    waits++;
    print_some(1000);
    if (output_take_flush())
        flushes++;
}

static const struct output_printer printer = {.wake = printer_wake, .wait = printer_wait};

/* The kernel finds its processor by GS. */
static int start(void **state)
{
    (void)state;
    if (syscall(SYS_arch_prctl, ARCH_SET_GS, &cpu))
        abort();
    return 0;
}

static int setup(void **state)
{
    (void)state;
    nwanted = nout = npanicked = 0;
    wakes = waits = flushes = 0;
    return 0;
}

/* Without a printing thread. */
static int setup_alone(void **state)
{
    output_set_printer(NULL);
    output_set_ops(&device);
    return setup(state);
}

/* With one, which has nothing to print yet. */
static int setup_printer(void **state)
{
    setup_alone(state);
    output_set_printer(&printer);
    return 0;
}

static void want(const char *bytes, size_t nbytes)
{
    assert_true(nwanted + nbytes <= TOTAL);
    memcpy(wanted + nwanted, bytes, nbytes);
    nwanted += nbytes;
}

static void expect_all_out(void)
{
    assert_int_equal(nout, nwanted);
    for (size_t i = 0; i < nout; i++) /* of a difference its place, not a million bytes */
        if (out[i] != wanted[i])
            fail_msg("byte %zu is another one", i);
}

/* Whole lines of that many bytes, each another one, as often as the ring is long twice. */
static void add_lines(size_t nbytes)
{
    static char line[RING];

    for (size_t i = 0; i < 2 * RING / nbytes + 1; i++) {
        for (size_t k = 0; k < nbytes; k++)
            line[k] = (char)('a' + (i + k) % 26);
        line[nbytes - 1] = '\n';
        want(line, nbytes);
        if (i % 2)
            output_line(line, nbytes);
        else
            output_program(line, nbytes, "");
    }
}

static void test_over_the_end(void **state)
{
    (void)state;
    add_lines(7);
    add_lines(1000);
    add_lines(RING / 4 + 3); /* more than one piece where a program writes it */
    expect_all_out();
}

static void test_over_the_end_by_the_printer(void **state)
{
    (void)state;
    add_lines(7);
    add_lines(1000);
    output_flush();
    expect_all_out();
    assert_true(waits > 0 && wakes > 0 && flushes > 0);
    assert_int_equal(output_dropped(), 0);
}

/* A handler of an interrupt cannot wait: what does not fit is counted, and told behind it. */
static void test_dropped(void **state)
{
    char line[100];
    uint64_t before = output_dropped();
    unsigned added = 0;

    (void)state;
    memset(line, 'x', sizeof(line));
    line[99] = '\n';
    cpu.irq_depth = 1;
    for (; output_dropped() == before; added++)
        output_line(line, sizeof(line));
    output_line(line, sizeof(line));
    cpu.irq_depth = 0;
    assert_int_equal(waits, 0);
    assert_int_equal(output_dropped(), before + 2);
    for (unsigned i = 1; i < added; i++)
        want(line, sizeof(line));
    assert_true(nwanted > RING - 400 && nwanted < RING);
    output_flush();
    want("# log: 2 lines did not fit\n", 27);
    want("next\n", 5);
    output_line("next\n", 5);
    want("last\n", 5);
    output_line("last\n", 5); /* told once */
    output_flush();
    expect_all_out();
}

/* A log line does not begin within a program's line; the rest of that follows behind its mark. */
static void test_lines_are_whole(void **state)
{
    static const char all[] = "half \n# log\n#: of it\n# more\nnext\n";

    (void)state;
    output_program("half ", 5, "#: ");
    output_line("# log\n", 6);
    output_program("of it\n", 6, "#: ");
    output_line("# more\n", 7);
    output_program("next\n", 5, "#: ");
    want(all, sizeof(all) - 1);
    expect_all_out();
}

/* Last: the rest of the ring, over its end, and then the panic's own lines, once. */
static void test_panic(void **state)
{
    static char line[RING / 2];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        memset(line, 'a' + (int)i, sizeof(line));
        line[sizeof(line) - 1] = '\n';
        output_line(line, sizeof(line) - 200);
        want(line, sizeof(line) - 200);
        if (i < 2)
            output_flush();
    }
    assert_int_equal(nout, 2 * (sizeof(line) - 200));
    output_panic("end\n", 4);
    output_panic("of all\n", 7);
    want("end\nof all\n", 11);
    assert_int_equal(nout + npanicked, nwanted);
    assert_memory_equal(panicked, wanted + nout, npanicked);
}

/* The screen is drawn ten times a second at most, and at once where somebody waits for it. */
static void test_drawing(void **state)
{
    (void)state;
    now_ns += 100000000;
    assert_true(output_take_flush());
    assert_false(output_take_flush());
    now_ns += 99999999;
    assert_false(output_take_flush());
    now_ns += 1;
    assert_true(output_take_flush());
    assert_false(output_take_flush());
    output_flush(); /* there is nothing to print */
    assert_true(flushes == 1 && waits == 1);
    assert_false(output_take_flush());
}

/* The same without a printing thread: each line is printed, not each is drawn. */
static void test_drawing_alone(void **state)
{
    (void)state;
    now_ns += 100000000;
    for (unsigned i = 0; i < 9; i++) {
        output_line("line\n", 5);
        now_ns += 20000000;
    }
    assert_true(nout == 45 && flushes == 2);
    output_flush();
    assert_int_equal(flushes, 3);
}

static void dead_wait(void)
{
    waits++;
}

/* A device that takes nothing any more stops nobody for good. */
static void test_dead_device(void **state)
{
    static const struct output_printer dead = {.wake = printer_wake, .wait = dead_wait};
    static char line[RING / 4];
    uint64_t before = output_dropped();

    (void)state;
    output_set_printer(&dead);
    memset(line, 'd', sizeof(line));
    line[sizeof(line) - 1] = '\n';
    for (unsigned i = 0; i < 4; i++)
        output_line(line, sizeof(line)); /* the last does not fit */
    assert_int_equal(output_dropped(), before + 1);
    assert_int_equal(waits, 200);
    output_flush();
    assert_int_equal(waits, 400);
    output_set_printer(&printer); /* it works again */
    output_line("back\n", 5);
    output_flush();
    assert_int_equal(nout, 3 * sizeof(line) + 27 + 5); /* and how many did not fit */
}

#define TEST(name, before) cmocka_unit_test_setup_teardown(name, before, NULL)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_over_the_end, setup_alone),
        TEST(test_over_the_end_by_the_printer, setup_printer),
        TEST(test_dropped, setup_printer),
        TEST(test_lines_are_whole, setup_alone),
        TEST(test_drawing, setup_printer),
        TEST(test_drawing_alone, setup_alone),
        TEST(test_dead_device, setup_printer),
        TEST(test_panic, setup_printer),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
