# SPDX-License-Identifier: MIT
#
# tests/user/user.mk - programs that run in ring 3, and the tree of the root filesystem
#
# Everything lands in $(B)/user/rootfs, which the image builder lays over rootfs/ and Debian's
# busybox: /bin/minimal, /bin/bench and the tests in /bin/t.
#
#   make user              build the tree
#   make user-test-linux   run the default plan on this machine's Linux, the oracle

USER_TREE := $(B)/user/rootfs
USER_T    := $(USER_TREE)/usr/bin/t
USER_CC   := musl-gcc

USER_CFLAGS := -std=gnu17 -Os -g0 -I. -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
               -Wmissing-prototypes -Wvla -Wpointer-arith -Wundef -Wwrite-strings \
               -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables
# One read-and-execute segment less: a test is a third of the size, and two segments that share
# a page of the file are the normal case (traps of the ELF loader live there).
USER_LDFLAGS := -static -s -Wl,--gc-sections -Wl,-z,noseparate-code -Wl,--build-id=none

# Programs of one C file and the check library.
USER_PLAIN := args call_numbers clocks devices endless ending file_data file_listing file_names \
              file_status file_table file_vectors hello identity mem_brk mem_dirty mem_file \
              mem_many mem_map mem_protect output pipe_alone sig_state tls
# Programs with an assembly part NAME_ops.S, and programs that record their first instruction.
USER_ASM   := fault regs
# Assembly alone: no libc, so that nothing but the kernel decides.
USER_BARE  := top_page
USER_FIRST := selectors start

USER_LIB     := tests/user/lib/check.c
USER_HEADERS := $(wildcard tests/user/*.h tests/user/lib/*.h)

USER_PROGRAMS := $(addprefix $(USER_T)/,$(USER_PLAIN) $(USER_ASM) $(USER_BARE) \
                 $(USER_FIRST)) \
                 $(USER_TREE)/usr/bin/minimal $(USER_TREE)/usr/bin/bench

# The tree has no time stamp of its own: it is as new as its programs.
.PHONY: user user-test-linux $(USER_TREE)
user: $(USER_TREE)
$(USER_TREE): $(USER_PROGRAMS)

$(USER_PROGRAMS): | $(B)/user/stamp
$(B)/user/stamp:
	$(Q)mkdir -p $(USER_T) && touch $@

$(addprefix $(USER_T)/,$(USER_PLAIN)): $(USER_T)/%: tests/user/%.c $(USER_LIB) $(USER_HEADERS)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(USER_LDFLAGS) -o $@ $< $(USER_LIB)

$(addprefix $(USER_T)/,$(USER_ASM)): $(USER_T)/%: tests/user/%.c tests/user/%_ops.S $(USER_LIB) \
    $(USER_HEADERS)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(USER_LDFLAGS) -o $@ $< tests/user/$*_ops.S $(USER_LIB)

$(addprefix $(USER_T)/,$(USER_FIRST)): $(USER_T)/%: tests/user/%.c tests/user/lib/first.S \
    $(USER_LIB) $(USER_HEADERS)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(USER_LDFLAGS) -Wl,-e,first_start -o $@ $< \
	    tests/user/lib/first.S $(USER_LIB)

USER_BARE_FLAGS := -nostdlib -static -s -Wl,-z,noseparate-code -Wl,-z,max-page-size=4096 \
                   -Wl,--build-id=none
$(addprefix $(USER_T)/,$(USER_BARE)): $(USER_T)/%: tests/user/%.S
	$(Q)gcc $(USER_BARE_FLAGS) -o $@ $<

$(USER_TREE)/usr/bin/minimal: rootfs/usr/src/minimal.S
	$(Q)gcc $(USER_BARE_FLAGS) -o $@ $<
	$(Q)test $$(stat -c %s $@) -lt 1024

$(USER_TREE)/usr/bin/bench: tests/user/bench.c tests/user/bench_ops.S $(USER_LIB) \
    $(USER_HEADERS)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(USER_LDFLAGS) -o $@ $(filter %.c %.S,$^)

user-test-linux: user
	$(Q)python3 tests/user/run_on_linux.py --base rootfs --base $(USER_TREE) \
	    --work $(B)/user/linux
