# SPDX-License-Identifier: MIT
#
# checks/checks.mk - the program that looks at the machine, a step of the plan each
#
# /bin/check of the root filesystem, static. Its flags are its own: known answers need floating point
# without contraction, and the memory test's loops are measured (tests/bench/memory.py).

CHECKS_SRCS   := $(sort $(wildcard checks/*.c))
CHECKS_CFLAGS := -std=gnu17 -O2 -g0 -I. -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
                 -Wmissing-prototypes -Wvla -Wpointer-arith -Wundef -Wwrite-strings -Wno-psabi \
                 -ffp-contract=off -fno-math-errno -ffunction-sections -fdata-sections \
                 -fno-asynchronous-unwind-tables
CHECKS_OBJS   := $(CHECKS_SRCS:%.c=$(B)/%.o)

$(CHECKS_OBJS): $(B)/%.o: %.c $(wildcard checks/*.h) checks/checks.mk
	$(Q)mkdir -p $(@D)
	$(Q)$(USER_CC) $(CHECKS_CFLAGS) -c -o $@ $<

$(USER_TREE)/usr/bin/check: $(CHECKS_OBJS)
	$(Q)$(USER_CC) $(USER_LDFLAGS) -o $@ $^
