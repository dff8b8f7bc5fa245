/* SPDX-License-Identifier: MIT */
/*
 * tests/host/syscall_trace_test.c - syscall/trace.c: which calls are printed and recorded, and
 * whether before or after they are made
 *
 * What an earlier test switched on stays on, as in the kernel: the tests only add to it.
 */
#include "tests/host/check.h"

#include "kernel/arch/x86_64/regs.h"
#include "kernel/core/cmdline.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/klog.h"
#include "kernel/lib/restart.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/audit.h"
#include "kernel/syscall/call_text.h"
#include "kernel/syscall/dispatch.h"
#include "kernel/syscall/trace.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"

enum { READ = 0, WRITE = 1, RT_SIGRETURN = 15, EXIT = 60, EXIT_GROUP = 231, NONE = 600 };

static char log_text[8192];
static size_t log_used;
static unsigned diverted, made, nrecords;
static struct call_record last_record;
/* As it was when the last call was made. */
static size_t log_before;
static unsigned records_before;
static int64_t result;
static int audit_error;

void klog(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_used += fmt_vprint(log_text + log_used, sizeof(log_text) - log_used, format, args);
    va_end(args);
    assert_true(log_used + 1 < sizeof(log_text));
    log_text[log_used++] = '\n';
    log_text[log_used] = '\0';
}

int64_t dispatch_make(struct task *self, const struct trap_frame *frame, uint32_t number)
{
    assert_int_equal(self->tid, 7);
    assert_int_equal(frame->error, number);
    made++;
    log_before = log_used;
    records_before = nrecords;
    return result;
}

void dispatch_trace_calls(void)
{
    diverted++;
}

int audit_init(void)
{
    return audit_error;
}

void audit_add(const struct call_record *record)
{
    last_record = *record;
    nrecords++;
}

int64_t vm_user_read_string(char *dst, struct uptr src, size_t size)
{
    (void)dst, (void)src, (void)size;
    return -EFAULT;
}

/* Forgets what was counted, and starts with these boot options. */
static void start(const char *words)
{
    log_used = 0;
    log_text[0] = '\0';
    diverted = nrecords = 0;
    cmdline_init(words);
    trace_init();
}

/* Makes the call once, with 3, 4096 and 5 as arguments; the lines that were printed for it. */
static const char *lines_of(uint32_t number, int64_t its_result)
{
    struct task task = {.tid = 7};
    struct trap_frame frame = {.error = number, .rdi = 3, .rsi = 4096, .rdx = 5};

    made = 0;
    log_used = 0;
    log_text[0] = '\0';
    result = its_result;
    assert_int_equal(trace_call(&task, &frame), its_result);
    assert_int_equal(made, 1);
    return log_text;
}

static void test_not_asked_for(void **state)
{
    (void)state;
    start("after=reboot");
    assert_int_equal(diverted, 0);
    start("trace=syscalls audit=all");
    assert_int_equal(diverted, 0);
    assert_non_null(strstr(log_text, "trace=syscalls is not understood"));
    assert_non_null(strstr(log_text, "audit=all is not understood"));
    audit_error = -ENOMEM;
    start("audit=syscall");
    assert_int_equal(diverted, 0); /* there are no rings */
    assert_string_equal(lines_of(READ, 5), "");
    assert_int_equal(nrecords, 0);
    audit_error = 0;
}

static void test_single_calls(void **state)
{
    (void)state;
    start("trace=syscall,read,nosuch,exit_group");
    assert_int_equal(diverted, 1);
    assert_non_null(strstr(log_text, "there is no system call 'nosuch'"));
    assert_null(strstr(log_text, "'read'"));
    assert_null(strstr(log_text, "'exit_group'"));
    assert_string_equal(lines_of(READ, 5), "[pid 7] read(3, 0x1000, 5) = 5\n");
    assert_int_equal(log_before, 0);
    assert_string_equal(lines_of(EXIT_GROUP, 0), "[pid 7] exit_group(3) = ?\n");
    assert_int_equal(log_before, log_used);
    assert_string_equal(lines_of(WRITE, 5), "");
    assert_string_equal(lines_of(EXIT, 0), "");
    assert_string_equal(lines_of(NONE, -ENOSYS), "");
}

static void test_records(void **state)
{
    (void)state;
    start("audit=syscall");
    assert_int_equal(diverted, 1);
    assert_string_equal(lines_of(WRITE, 5), "");
    assert_int_equal(nrecords, 1);
    assert_int_equal(records_before, 0);
    assert_int_equal(last_record.pid, 7);
    assert_int_equal(last_record.number, WRITE);
    assert_int_equal(last_record.args[2], 5);
    assert_int_equal(last_record.result, 5);
    lines_of(WRITE, -ERESTARTSYS);
    assert_int_equal(nrecords, 2);
    assert_int_equal(last_record.result, -EINTR);
    /* These do not come back. */
    lines_of(EXIT, 0);
    assert_int_equal(nrecords, 3);
    assert_int_equal(records_before, 3);
    lines_of(RT_SIGRETURN, 9);
    assert_int_equal(nrecords, 4);
    assert_int_equal(records_before, 4);
}

static void test_all_calls(void **state)
{
    (void)state;
    start("trace=syscall");
    assert_string_equal(lines_of(WRITE, -EPIPE), "[pid 7] write(3, 0x1000, 5) = -EPIPE\n");
    assert_string_equal(lines_of(READ, -ERESTARTSYS), "[pid 7] read(3, 0x1000, 5) = ? -EINTR\n");
    assert_string_equal(lines_of(EXIT, 0), "[pid 7] exit(3) = ?\n");
    assert_int_equal(log_before, log_used);
    assert_string_equal(lines_of(RT_SIGRETURN, 9), "[pid 7] rt_sigreturn() = ?\n");
    assert_string_equal(lines_of(NONE, -ENOSYS),
                        "[pid 7] syscall_600(0x3, 0x1000, 0x5, 0x0, 0x0, 0x0) = -ENOSYS\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_asked_for),
        cmocka_unit_test(test_single_calls),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_all_calls),
    };

    return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
