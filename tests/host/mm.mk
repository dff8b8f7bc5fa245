# SPDX-License-Identifier: MIT
#
# tests/host/mm.mk - host tests of the frame allocator: the kernel's own files and its spinlocks,
# above an arena as the direct map. Each thread of a test is a processor. Included by host.mk, which
# explains the variables.

HOST_TESTS += pmm_test
HOST_SRC_pmm_test := tests/host/pmm_test.c tests/host/bootinfo_builder.c kernel/mm/pmm.c \
    kernel/mm/pmm_init.c kernel/core/spinlock.c kernel/core/lock_stat.c

# The quoted paths put irq.h without interrupts, and the arena's addrmap.h, before the kernel's own.
HOST_CFLAGS_pmm_test := -iquote tests/host/mm_fake -iquote tests/host/fs_fake -fno-strict-aliasing
