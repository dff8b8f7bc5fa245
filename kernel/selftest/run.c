/* SPDX-License-Identifier: MIT */
/*
 * The self-test: baseline, plan, verdict.
 *
 * Order: /bin/minimal twice by boot return, what the machine has (hardware.c), the checks inside
 * the kernel (ktest.c), then the plan line by line, and last what the machine
 * says of errors of its own. The number of results is announced first (the
 * KTAP plan line), counted by a pass over the plan that runs nothing; the verdict is PASS only if
 * exactly that many results came and none is "not ok". A plan that ends early, a test that is lost,
 * no plan at all or one whose tests are all skipped is therefore a FAIL.
 *
 * It runs on the boot thread, as process 1, and is the only thing that does.
 */
#include "kernel/selftest/run.h"

#include "kernel/arch/x86_64/tsc.h"
#include "kernel/core/clock.h"
#include "kernel/core/cmdline.h"
#include "kernel/dev/input.h"
#include "kernel/fs/vfs/open.h"
#include "kernel/lib/cfg.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/klog.h"
#include "kernel/lib/ktap.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/usermode.h"
#include "kernel/selftest/hardware.h"
#include "kernel/selftest/inject.h"
#include "kernel/selftest/ktest.h"
#include "kernel/selftest/report.h"
#include "kernel/selftest/test_run.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

#define PLAN_MAX_NBYTES (4u << 20)
#define PLAN_DEFAULT    "/etc/firstlight/plan"
/* The second run shows that the first left the way into ring 3 intact. */
#define BASELINE_RUNS 2
#define SECOND_NS     1000000000ULL

/* The plan's text. owned is what to free: NULL for the loader's. */
struct plan_text {
    const char *text;
    size_t nbytes;
    void *owned;
};

/* The plan is read whole before the first test: no test can change what is still to be run. */
static int plan_read_file(struct file *file, struct plan_text *plan)
{
    uint64_t size = file_size(file);
    int64_t got;

    if (size > PLAN_MAX_NBYTES)
        return -EFBIG;
    plan->owned = kmalloc(size + 1);
    if (!plan->owned)
        return -ENOMEM;
    got = file_read_kernel(file, plan->owned, size, 0);
    if (got < 0)
        return (int)got;
    plan->text = plan->owned;
    plan->nbytes = (size_t)got;
    return 0;
}

/* With a context of its own, as no process is the caller. */
static int plan_read(const char *path, struct plan_text *plan)
{
    struct fs_context *context;
    struct file *file;
    int err = fs_context_create(&context);

    if (err)
        return err;
    err = fs_open_path(context, path, LX_O_RDONLY, 0, &file);
    fs_context_destroy(context);
    if (err)
        return err;
    err = plan_read_file(file, plan);
    file_put(file);
    return err;
}

/* An explicit plan=PATH wins over plan.txt of the boot volume, which wins over the one in the root
 * file system. */
static void plan_find(const struct selftest_input *input, struct plan_text *plan)
{
    char path[CFG_WORD_MAX + 1];
    /* An empty word: the loader has another plan, which wins over an earlier word. */
    bool named = cmdline_find("plan", path, sizeof(path)) && path[0];
    int err;

    if (!named && input->plan) {
        *plan = (struct plan_text){input->plan, input->plan_nbytes, NULL};
        return;
    }
    err = plan_read(named ? path : PLAN_DEFAULT, plan);
    if (err)
        klog("plan: %s cannot be read (error %d): no tests", named ? path : PLAN_DEFAULT, -err);
}

/* The same reader as plan_run: what is malformed counts as a test, since it is reported as a failed
 * one. */
static unsigned plan_count(const struct plan_text *plan, struct plan_line *line)
{
    struct plan_reader reader;
    unsigned count = 0;

    plan_init(&reader, plan->text, plan->nbytes);
    while (plan_next(&reader, line) != PLAN_END)
        count++;
    return count;
}

/* The quoted line is cleaned: a plan may contain bytes that would forge a line of the report. */
static void malformed_report(const struct plan_line *line)
{
    char quoted[200], reason[300];

    ktap_clean(quoted, sizeof(quoted), line->line, line->line_length);
    fmt_print(reason, sizeof(reason), "malformed: %s: '%s'", line->reason, quoted);
    fmt_print(quoted, sizeof(quoted), "plan-line-%u", line->line_number);
    report_not_ok(quoted, 0, reason);
}

/* For inject=lose only. */
static bool plan_is_last(const struct plan_reader *reader)
{
    struct plan_reader ahead = *reader;
    struct plan_line *line = kmalloc(sizeof(*line));
    bool last = line && plan_next(&ahead, line) == PLAN_END;

    kfree(line);
    return last;
}

static void plan_run(const struct plan_text *plan, struct plan_line *line)
{
    uint64_t longest = MAX(cmdline_number("limit", PLAN_LIMIT_MAX), 1);
    struct plan_reader reader;
    enum plan_kind kind;

    plan_init(&reader, plan->text, plan->nbytes);
    while ((kind = plan_next(&reader, line)) != PLAN_END) {
        struct test_case test = {
            .name = line->name,
            .argv = (const char *const *)line->argv,
            .limit_ns = MIN(line->limit_s, longest) * SECOND_NS,
            .expect = line->expect,
            .expect_value = line->expect_value,
            .skip_code = (int)line->skip_code,
            .uid = line->uid,
            .env = line->env,
        };

        if (inject_is("lose") && plan_is_last(&reader))
            return;
        if (kind == PLAN_MALFORMED)
            malformed_report(line);
        else if (line->skip)
            report_skip(line->name, line->skip);
        else
            test_run(&test);
    }
}

/* Boot return itself, before anything else is believed. */
static void baseline_run(void)
{
    static const char *const argv[] = {"/bin/minimal", NULL};
    char name[16];

    for (unsigned i = 1; i <= BASELINE_RUNS; i++) {
        struct test_case test = {
            .name = name, .argv = argv, .env = plan_env_default, .limit_ns = 10000000000ULL};

        fmt_print(name, sizeof(name), "baseline-%u", i);
        test_run(&test);
    }
}

/* For tools/bench.py: times in ticks of the TSC, from the loader's entry to the verdict. */
static void stamps_print(const struct selftest_input *input)
{
    report_comment(
        "firstlight: stamp loader_entry=%llu kernel_entry=%llu clock_wait=%llu "
        "first_ring3=%llu verdict=%llu tsc_hz=%llu",
        (unsigned long long)input->loader_entry_tsc, (unsigned long long)input->kernel_entry_tsc,
        (unsigned long long)input->clock_wait_tsc, (unsigned long long)usermode_first_entry_tsc(),
        (unsigned long long)tsc_read(), (unsigned long long)clock_tsc_hz());
}

/* For tests that go on until a person has had enough: a key is the limit of the one that runs. */
static void key_stops_test(void)
{
    klog("key: the test that is running has reached its limit");
    usermode_expire();
}

/* Without memory for a line of the plan, the plan counts as empty: a FAIL, not a crash. */
COLD bool selftest_run(const struct selftest_input *input)
{
    struct report_machine machine = {input->processors->running, input->processors->enabled,
                                     input->memory_bytes, input->firmware};
    struct plan_line *line = kmalloc(sizeof(*line));
    struct plan_text plan = {0};
    unsigned planned = 0, before, plan_passed;
    char word[8];
    bool passed;

    if (line) {
        plan_find(input, &plan);
        planned = plan_count(&plan, line);
    }
    /* Announced before anything runs, so that a report that stops here is recognised as incomplete.
     */
    report_begin(BASELINE_RUNS + HARDWARE_RESULTS + ktest_count() + planned);
    /* Boot return before anything else: the checks below run programs as well. */
    baseline_run();
    hardware_report_start(input->processors, input->map_bytes);
    inject_start();
    ktest_run();
    if (cmdline_find("stop", word, sizeof(word)) && !strcmp(word, "key")) {
        klog("stop: a key of the %s ends the test that is running",
             input_present() ? "PS/2 keyboard or the serial line"
                             : "serial line, as there is "
                               "no PS/2 keyboard,");
        input_set_hook(key_stops_test);
    }
    before = report_passed();
    if (line)
        plan_run(&plan, line);
    plan_passed = report_passed() - before;
    if (planned && !plan_passed)
        report_comment("firstlight: no test of the plan passed");
    input_set_hook(NULL);
    hardware_report_end();
    stamps_print(input);
    passed = report_verdict(&machine, plan_passed);
    kfree(plan.owned);
    kfree(line);
    return passed;
}
