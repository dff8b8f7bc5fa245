# SPDX-License-Identifier: MIT
#
# tests/user/user.mk - programs that run in ring 3, and the tree of the root filesystem
#
# Everything lands in $(B)/user/rootfs, which the image builder lays over rootfs/ and Debian's
# busybox: /bin/minimal, /bin/bench and the tests in /bin/t.
#
#   make user              build the tree
#   make user-test-linux   run every plan of this folder on this machine's Linux, the oracle

USER_TREE := $(B)/user/rootfs
USER_T    := $(USER_TREE)/usr/bin/t
USER_CC   := musl-gcc
USER_PYTHON := $(or $(PYTHON),python3)

USER_CFLAGS := -std=gnu17 -Os -g0 -I. -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
               -Wmissing-prototypes -Wvla -Wpointer-arith -Wundef -Wwrite-strings \
               -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables
# One read-and-execute segment less: a test is a third of the size, and two segments that share
# a page of the file are the normal case (traps of the ELF loader live there).
USER_LDFLAGS := -static -s -Wl,--gc-sections -Wl,-z,noseparate-code -Wl,--build-id=none

# A program is a C file in the folder of its topic. NAME_ops.S beside it belongs to it; NAME.mk beside
# it sets what is special: USER_LIBC_NAME (glibc instead of musl), USER_FLAGS_NAME. The library is an
# archive, of which the linker takes what a program uses.
USER_TOPICS  := start mem signal fs event net proc ipc tty time sched stress
-include $(wildcard $(USER_TOPICS:%=tests/user/%/*.mk))
USER_SRCS    := $(sort $(wildcard $(USER_TOPICS:%=tests/user/%/*.c)))
USER_LIB     := $(B)/user/libtest.a
USER_HEADERS := $(wildcard tests/user/*/*.h)
USER_MUSL_LIB := /usr/lib/x86_64-linux-musl

# No libc, so that nothing but the kernel decides.
USER_BARE  := top_page
USER_PIE   := libc_pie_musl libc_pie_glibc
USER_NAMES := $(filter-out libc_pie,$(basename $(notdir $(USER_SRCS))))
USER_PROGRAMS := $(addprefix $(USER_T)/,$(USER_NAMES) $(USER_BARE) $(USER_PIE)) $(USER_T)/elf $(USER_T)/race $(USER_T)/fuzz_linux $(USER_T)/growth \
                 $(USER_TREE)/usr/bin/minimal $(USER_TREE)/usr/bin/bench $(USER_TREE)/usr/bin/check \
                 $(USER_TREE)/usr/share/firstlight/pattern $(USER_TREE)/usr/lib/firstlight/verdict-code \
                 $(USER_TREE)/etc/firstlight/keymaps

# The tree has no time stamp of its own: it is as new as its programs.
.PHONY: user user-test-linux $(USER_TREE)
user: $(USER_TREE)
$(USER_TREE): $(USER_PROGRAMS)

$(USER_PROGRAMS): | $(B)/user/stamp
$(B)/user/stamp:
	$(Q)mkdir -p $(USER_T) && touch $@

USER_LIB_OBJS := $(patsubst tests/user/lib/%,$(B)/user/lib/%.o,$(wildcard tests/user/lib/*.c tests/user/lib/*.S))
$(USER_LIB_OBJS): $(B)/user/lib/%.o: tests/user/lib/% $(USER_HEADERS) tests/user/user.mk
	$(Q)mkdir -p $(@D)
	$(Q)$(USER_CC) $(USER_CFLAGS) -c -o $@ $<
$(USER_LIB): $(USER_LIB_OBJS)
	$(Q)rm -f $@ && ar rcs $@ $^

USER_BUILD_glibc = gcc $(USER_CFLAGS) $(USER_LDFLAGS) -o $@ $(filter %.c %.S,$^) $(USER_LIB) -lm
USER_BUILD_musl = $(USER_CC) $(USER_CFLAGS) $(USER_LDFLAGS) $(USER_FLAGS_$(@F)) -o $@ \
    $(filter %.c %.S,$^) $(USER_LIB)

# $(1): the source of a program
define USER_PROGRAM
$(USER_T)/$(basename $(notdir $(1))): $(1) $(wildcard $(basename $(1))_ops.S $(basename $(1)).mk) \
    $(USER_LIB) $(USER_HEADERS)
	$(Q)$$(USER_BUILD_$(or $(USER_LIBC_$(basename $(notdir $(1)))),musl))
endef
$(foreach source,$(filter-out %/libc_pie.c,$(USER_SRCS)),$(eval $(call USER_PROGRAM,$(source))))

# Pairs of calls against each other (tests/race): one program of many files.
$(USER_T)/race: $(wildcard tests/race/*.c) tests/race/race.h $(USER_LIB)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(USER_LDFLAGS) -o $@ $(filter %.c,$^) $(USER_LIB)

# Sequences of calls for comparison with Linux (tests/fuzz_linux).
$(USER_T)/fuzz_linux: $(wildcard tests/fuzz_linux/*.c) tests/fuzz_linux/sequence.h $(USER_LIB)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(USER_LDFLAGS) -o $@ $(filter %.c,$^) $(USER_LIB)

# What an operation costs among n others (tests/bench/growth.py).
$(USER_T)/growth: tests/bench/growth.c tests/user/bench_ops.S $(USER_LIB)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(USER_LDFLAGS) -o $@ $(filter %.c %.S,$^) $(USER_LIB)

$(USER_T)/libc_pie_glibc: tests/user/start/libc_pie.c
	$(Q)gcc $(USER_CFLAGS) -fPIE -static-pie -s -Wl,--gc-sections -o $@ $<

# musl-gcc knows no -static-pie: the start file and the linker's flags say it.
$(USER_T)/libc_pie_musl: tests/user/start/libc_pie.c
	$(Q)$(USER_CC) $(USER_CFLAGS) -fPIE -static -nostartfiles -s -Wl,--gc-sections \
	    -Wl,-pie,--no-dynamic-linker,-z,text -o $@ $(USER_MUSL_LIB)/rcrt1.o $<

# A directory of executables, one for each layout.
$(USER_T)/elf: tests/user/start/elf/check.S tests/user/start/elf/corpus.py
	$(Q)rm -rf $@
	$(Q)gcc -c -o $(B)/user/elf_check.o $<
	$(Q)objcopy -O binary -j .text $(B)/user/elf_check.o $(B)/user/elf_check.bin
	$(Q)$(USER_PYTHON) tests/user/start/elf/corpus.py $(B)/user/elf_check.bin $@

USER_BARE_FLAGS := -nostdlib -static -s -Wl,-z,noseparate-code -Wl,-z,max-page-size=4096 \
                   -Wl,--build-id=none
$(addprefix $(USER_T)/,$(USER_BARE)): $(USER_T)/%: tests/user/start/%.S
	$(Q)gcc $(USER_BARE_FLAGS) -o $@ $<

$(USER_TREE)/usr/bin/minimal: rootfs/usr/src/minimal.S
	$(Q)gcc $(USER_BARE_FLAGS) -o $@ $<
	$(Q)test $$(stat -c %s $@) -lt 1024

$(USER_TREE)/usr/bin/bench: tests/user/bench.c tests/user/bench_ops.S $(USER_LIB) \
    $(USER_HEADERS)
	$(Q)$(USER_BUILD_musl)

# The verdict as a QR code on the screen: run by the kernel after the plan. Debian's library is made
# for glibc; what it calls beyond musl is in the program.
$(USER_TREE)/usr/lib/firstlight/verdict-code: tests/user/verdict_code.c | $(B)/user/stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(USER_LDFLAGS) -I/usr/include/qrcodegen -o $@ $< \
	    $$(gcc -print-file-name=libqrcodegen.a)

# Keyboard layouts, from Debian packages (keymap= of the kernel's command line).
$(USER_TREE)/etc/firstlight/keymaps: tools/mkkeymaps.py
	$(Q)mkdir -p $(@D)
	$(Q)tools/mkkeymaps.py -o $@

# What file_archive wants: byte i is i modulo 251.
$(USER_TREE)/usr/share/firstlight/pattern:
	$(Q)mkdir -p $(@D)
	$(Q)$(USER_PYTHON) -c 'import sys; sys.stdout.buffer.write(bytes(i % 251 for i in range(20000)))' >$@

$(B)/user/args.plan: tests/user/start/args_plan.py | $(B)/user/stamp
	$(Q)$(USER_PYTHON) $< >$@

USER_PLANS := tests/user/basic.plan tests/user/regression.plan tests/user/long.plan \
              tests/user/checks.plan rootfs/etc/firstlight/plan tests/user/hardware.plan \
              tests/user/output.plan tests/user/stress.plan \
              $(B)/user/args.plan
user-test-linux: user $(B)/user/args.plan
	$(Q)$(USER_PYTHON) tests/user/run_on_linux.py --base rootfs --base $(USER_TREE) \
	    --work $(B)/user/linux $(addprefix --plan ,$(USER_PLANS))
