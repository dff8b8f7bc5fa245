# SPDX-License-Identifier: MIT
#
# tests/host/output.mk - host test of core/output.c with the kernel's spinlocks, above a printing
# thread that is made up. Included by host.mk, which explains the variables.

HOST_TESTS += output_test
HOST_SRC_output_test := tests/host/output_test.c $(addprefix kernel/core/,output.c spinlock.c lock_stat.c)
# irq.h without interrupts.
HOST_CFLAGS_output_test := -iquote tests/host/mm_fake -fno-strict-aliasing
