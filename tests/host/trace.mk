# SPDX-License-Identifier: MIT
#
# tests/host/trace.mk - host test of syscall/trace.c, above calls that are made up. Included by
# host.mk, which explains the variables.

HOST_TESTS += syscall_trace_test
HOST_SRC_syscall_trace_test := tests/host/syscall_trace_test.c kernel/core/cmdline.c \
    $(addprefix kernel/syscall/,trace.c call_text.c)
# The log is the test's.
HOST_CFLAGS_syscall_trace_test := -Dklog=trace_klog
