# SPDX-License-Identifier: MIT
#
# rootfs/usr/src/check/check.mk - the program that looks at the machine, a step of the plan each
#
# /bin/check of the root filesystem, static. Its flags are its own: known answers need floating point
# without contraction, and the memory test's loops are measured (tests/bench/memory.py).

CHECK_DIR    := rootfs/usr/src/check
CHECK_SRCS   := $(sort $(wildcard $(CHECK_DIR)/*.c)) kernel/lib/smbios.c
CHECK_CFLAGS := -std=gnu17 -O2 -g0 -I. -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
                 -Wmissing-prototypes -Wvla -Wpointer-arith -Wundef -Wwrite-strings -Wno-psabi \
                 -ffp-contract=off -fno-math-errno -ffunction-sections -fdata-sections \
                 -fno-asynchronous-unwind-tables
CHECK_OBJS   := $(CHECK_SRCS:%.c=$(B)/%.o)

$(CHECK_OBJS): $(B)/%.o: %.c $(wildcard $(CHECK_DIR)/*.h) kernel/lib/smbios.h $(CHECK_DIR)/check.mk
	$(Q)mkdir -p $(@D)
	$(Q)$(USER_CC) $(CHECK_CFLAGS) -c -o $@ $<

$(USER_TREE)/usr/bin/check: $(CHECK_OBJS)
	$(Q)$(USER_CC) $(USER_LDFLAGS) -o $@ $^
