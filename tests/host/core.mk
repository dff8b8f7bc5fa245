# SPDX-License-Identifier: MIT
#
# tests/host/core.mk - host tests of core's clock, timers and output ring, with the kernel's own spinlocks.
# Included by host.mk, which explains the variables.

# $(1): what is tested. The quoted path puts irq.h without interrupts before the kernel's own.
define HOST_CORE_TEST
HOST_TESTS += $(1)_test
HOST_SRC_$(1)_test := tests/host/$(1)_test.c $(addprefix kernel/core/,$(1).c spinlock.c lock_stat.c)
HOST_CFLAGS_$(1)_test := -iquote tests/host/core_fake -fno-strict-aliasing
endef

$(foreach name,clock output timer,$(eval $(call HOST_CORE_TEST,$(name))))
