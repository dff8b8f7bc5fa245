# SPDX-License-Identifier: MIT
#
# tests/host/reports.mk - host tests of the kernel's half of a report: the page table of runtime
# services, and what is stored when. Included by host.mk, which explains the variables.

HOST_TESTS += plat_efi_test report_keep_test
HOST_SRC_plat_efi_test := tests/host/plat_efi_test.c kernel/plat/efi_tables.c
# The direct map is an arena.
HOST_CFLAGS_plat_efi_test := -iquote tests/host/fs_fake

HOST_SRC_report_keep_test := tests/host/report_keep_test.c kernel/selftest/report_keep.c
HOST_CFLAGS_report_keep_test := -Dklog=keep_klog -fshort-wchar
