/* SPDX-License-Identifier: MIT */
/*
 * One line of the plan: run the program, compare how it ended, check that nothing was left behind.
 *
 * A test passes if the program could be started, ended as expected and the leak check finds the
 * same counts as before it. Everything it printed has been written to the report before its result
 * line.
 */
#include "kernel/selftest/test_run.h"

#include "kernel/dev/mem.h"
#include "kernel/fs/vfs/open.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/klog.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/proc/usermode.h"
#include "kernel/selftest/capture.h"
#include "kernel/selftest/inject.h"
#include "kernel/selftest/leak_check.h"
#include "kernel/selftest/report.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

#define REASON_SIZE 300
#define PATH_SIZE   256

/* The directories of PLAN_PATH, in its order, whatever a line says: that is for the program. */
static const char *const search_path[] = {"/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/"};

/* Reasons in the report are for people: a number alone would send them to a header. */
static const char *errno_text(int err)
{
    static const struct {
        int number;
        const char *text;
    } texts[] = {
        {ENOENT, "ENOENT: no such file"},
        {EACCES, "EACCES: not a regular file that may be executed"},
        {ENOEXEC, "ENOEXEC: not a program for this machine"},
        {ENOMEM, "ENOMEM: not enough memory"},
        {E2BIG, "E2BIG: arguments too long"},
        {ENOTDIR, "ENOTDIR: part of the path is not a directory"},
        {ELOOP, "ELOOP: too many symbolic links"},
        {ENAMETOOLONG, "ENAMETOOLONG: name too long"},
        {EISDIR, "EISDIR: a directory"},
        {EPERM, "EPERM: not permitted"},
        {ENXIO, "ENXIO: no such device"},
        {ETXTBSY, "ETXTBSY: open for writing"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (texts[i].number == -err)
            return texts[i].text;
    return "unexpected error";
}

/* In the words of the plan: what is printed can be copied into an expect= option. */
static void describe_end(char *text, size_t size, const struct wait_status *status)
{
    const char *signal;

    if (status->end == PROCESS_EXITED) {
        fmt_print(text, size, "exit:%d", status->code);
        return;
    }
    signal = plan_signal_name(status->code);
    if (signal)
        fmt_print(text, size, "signal:%s", signal);
    else
        fmt_print(text, size, "signal:%d", status->code);
}

static bool is_skip(const struct test_case *test, const struct wait_status *status)
{
    return test->skip_code && status->end == PROCESS_EXITED && status->code == test->skip_code;
}

/* True if it ended as expected, or is skipped; else the reason is written.
 * The limit is an end of its own: a program that was killed by it has not "ended by SIGKILL". */
static bool as_expected(const struct test_case *test, const struct wait_status *status,
                        char *reason, size_t size)
{
    static const enum process_end ends[] = {
        [PLAN_EXPECT_EXIT] = PROCESS_EXITED,
        [PLAN_EXPECT_SIGNAL] = PROCESS_SIGNALED,
        [PLAN_EXPECT_LIMIT] = PROCESS_LIMIT,
    };
    char got[40], wanted[40] = "limit";
    struct wait_status expected = {.end = ends[test->expect], .code = test->expect_value};

    if (is_skip(test, status) ||
        (status->end == expected.end &&
         (status->end == PROCESS_LIMIT || status->code == test->expect_value)))
        return true;
    if (status->end == PROCESS_LIMIT) {
        fmt_print(reason, size, "killed: limit of %llu s",
                  (unsigned long long)(test->limit_ns / 1000000000ULL));
        return false;
    }
    describe_end(got, sizeof(got), status);
    if (test->expect != PLAN_EXPECT_LIMIT)
        describe_end(wanted, sizeof(wanted), &expected);
    fmt_print(reason, size, "expected %s, got %s", wanted, got);
    return false;
}

/* A word without a slash is looked for in the directories of PATH.
 * Only ENOENT moves the search on: a file that is there and cannot be run is the answer. */
static int program_start(const struct test_case *test, struct exec_request *request,
                         struct wait_status *status)
{
    /* Static, as tests run one at a time and the stack is small. */
    static char path[PATH_SIZE];
    int err = -ENOENT;

    if (strchr(test->argv[0], '/')) {
        request->path = test->argv[0];
        return usermode_run(request, status);
    }
    request->path = path;
    for (size_t i = 0; err == -ENOENT && i < ARRAY_SIZE(search_path); i++) {
        fmt_print(path, sizeof(path), "%s%s", search_path[i], test->argv[0]);
        err = usermode_run(request, status);
    }
    return err;
}

/* Standard input is always at its end; output and errors are captured in the order in which they
 * came. */
static int program_run(const struct test_case *test, struct exec_request *request,
                       struct wait_status *status)
{
    struct fs_context *context;
    struct file *input = NULL, *output = NULL;
    int err = fs_context_create(&context);

    if (err)
        return err;
    err = fs_open_device(context, MEM_DEVICE_NULL, LX_O_RDONLY, &input);
    fs_context_destroy(context);
    if (!err)
        err = capture_begin(&output);
    if (!err) {
        uint64_t dropped;

        request->stdio[0] = input;
        request->stdio[1] = output;
        request->stdio[2] = output;
        err = program_start(test, request, status);
        /* The filter bounds the output of a test, so that one cannot fill the report. */
        dropped = capture_end();
        if (dropped)
            report_comment("firstlight: output of %s cut: %llu bytes dropped", test->name,
                           (unsigned long long)dropped);
        file_put(output);
    }
    if (input)
        file_put(input);
    return err;
}

/* On purpose: see inject.h. */
static struct frame *leak_frame(void)
{
    return pmm_alloc(0, PMM_PLAIN);
}

COLD void test_run(const struct test_case *test)
{
    struct exec_request request = {
        .argv = test->argv,
        .envp = test->env,
        .limit_ns = test->limit_ns,
        .uid = test->uid,
    };
    struct wait_status status = {0};
    struct leak_counts before, after;
    char reason[REASON_SIZE];
    bool good;
    int err;

    report_start(test->name);
    /* Taken around everything, the capture's own file included. */
    leak_check_take(&before);
    err = program_run(test, &request, &status);
    /* The injected fault of the leak check. */
    if (inject_is("leak"))
        (void)leak_frame();
    /* usermode_run has returned: what the program left running or open shows here. */
    leak_check_take(&after);
    if (err) {
        fmt_print(reason, sizeof(reason), "could not start %s: %s%s%s", test->argv[0],
                  errno_text(err), request.reason ? ": " : "",
                  request.reason ? request.reason : "");
        report_not_ok(test->name, 0, reason);
        return;
    }
    /* A test that skips itself is to leave nothing behind either. */
    good = as_expected(test, &status, reason, sizeof(reason)) &&
           leak_check_compare(&before, &after, reason, sizeof(reason));
    if (!good)
        report_not_ok(test->name, status.time_ns, reason);
    else if (is_skip(test, &status))
        report_skip(test->name, "by its exit code");
    else
        report_ok(test->name, status.time_ns);
}
