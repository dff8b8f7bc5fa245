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

# Programs of one C file and the check library.
USER_PLAIN := args audit call_numbers clocks closed_under cow_fork devices ending endless exec exec_chain exec_files exec_futex file_archive \
              file_data file_extents file_listing file_names file_rights file_status file_table \
              file_vectors fork futex_end futex_wait hello identity kill_points lock_records lock_waiting mem_advise \
              mem_brk mem_by_turns mem_dirty mem_file mem_grow mem_hungry mem_limits mem_many mem_map mem_oom \
              mem_protect mem_remap mem_shared mem_sparse mem_stack mem_truncate mount_errors mount_left nice orphan_adopt output cpu_time cpu_limit file_limit file_mixed limits \
              copy_wide pipe_alone pipe_size poll_alone proc_state sig_handler sig_race sig_restart sig_return \
              sig_send signal_fd splice_null sig_stack sig_state sig_stop sig_timer sig_vectors tls user_copy vdso wait xattr
# Many processes at work for a time, with a result that adds up.
USER_STRESS := fork_signal left_behind number_kept stress_exit stress_fair stress_fork stress_futex stress_many stress_names stress_oom \
               stress_pipe stress_pty stress_regs stress_replace stress_signal stress_timer stress_tlb \
               stress_truncate stress_wake
# Programs that play both ends of a terminal.
USER_PTY := pty_line pty_raw pty_job pty_hangup
# Programs that read /proc.
USER_PROCFS := proc_self proc_maps proc_fd proc_others proc_race proc_system mount_tmpfs
# Random calls.
USER_FUZZ := bad_arguments fuzz_syscalls
# Programs that make programs.
USER_COPY := exec_busy exec_descriptor exec_identity exec_unreadable
# Programs that try wrong pointers by table.
USER_BADPTR := badptr_files badptr_rest
# Programs with an assembly part NAME_ops.S, and programs that record their first instruction.
USER_ASM   := fault regs rseq sig_frame
# Assembly alone: no libc, so that nothing but the kernel decides.
USER_BARE  := top_page
USER_FIRST := selectors start
# glibc's static programs, and position-independent ones of both libcs.
USER_GLIBC := libc_glibc
USER_PIE   := libc_pie_musl libc_pie_glibc
USER_MUSL_LIB := /usr/lib/x86_64-linux-musl

USER_LIB     := tests/user/lib/check.c tests/user/lib/asleep.c
USER_HEADERS := $(wildcard tests/user/*.h tests/user/lib/*.h)

USER_PROGRAMS := $(addprefix $(USER_T)/,$(USER_PLAIN) $(USER_STRESS) $(USER_PTY) $(USER_PROCFS) $(USER_FUZZ) $(USER_COPY) \
                 $(USER_ASM) $(USER_BADPTR) $(USER_BARE) \
                 $(USER_FIRST) $(USER_GLIBC) $(USER_PIE)) $(USER_T)/elf \
                 $(USER_TREE)/usr/bin/minimal $(USER_TREE)/usr/bin/bench \
                 $(USER_TREE)/usr/share/firstlight/pattern

# The tree has no time stamp of its own: it is as new as its programs.
.PHONY: user user-test-linux $(USER_TREE)
user: $(USER_TREE)
$(USER_TREE): $(USER_PROGRAMS)

$(USER_PROGRAMS): | $(B)/user/stamp
$(B)/user/stamp:
	$(Q)mkdir -p $(USER_T) && touch $@

$(addprefix $(USER_T)/,$(USER_PLAIN)): $(USER_T)/%: tests/user/%.c $(USER_LIB) $(USER_HEADERS)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(USER_LDFLAGS) -o $@ $< $(USER_LIB)

$(addprefix $(USER_T)/,$(USER_STRESS)): $(USER_T)/%: tests/user/%.c tests/user/lib/stress.c \
    tests/user/lib/pty.c $(USER_LIB) $(USER_HEADERS)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(USER_LDFLAGS) -o $@ $(filter %.c,$^)

$(addprefix $(USER_T)/,$(USER_PTY)): $(USER_T)/%: tests/user/%.c tests/user/lib/pty.c $(USER_LIB) \
    $(USER_HEADERS)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(USER_LDFLAGS) -o $@ $< tests/user/lib/pty.c $(USER_LIB)

$(addprefix $(USER_T)/,$(USER_PROCFS)): $(USER_T)/%: tests/user/%.c tests/user/lib/procfs.c \
    $(USER_LIB) $(USER_HEADERS)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(USER_LDFLAGS) -o $@ $< tests/user/lib/procfs.c $(USER_LIB)

$(addprefix $(USER_T)/,$(USER_COPY)): $(USER_T)/%: tests/user/%.c tests/user/lib/copy.c \
    $(USER_LIB) $(USER_HEADERS)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(USER_LDFLAGS) -o $@ $< tests/user/lib/copy.c $(USER_LIB)

$(addprefix $(USER_T)/,$(USER_FUZZ)): $(USER_T)/%: tests/user/%.c tests/user/lib/fuzz.c \
    $(USER_LIB) $(USER_HEADERS)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(USER_LDFLAGS) -o $@ $< tests/user/lib/fuzz.c $(USER_LIB)

$(addprefix $(USER_T)/,$(USER_ASM)): $(USER_T)/%: tests/user/%.c tests/user/%_ops.S $(USER_LIB) \
    $(USER_HEADERS)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(USER_LDFLAGS) -o $@ $< tests/user/$*_ops.S $(USER_LIB)

$(addprefix $(USER_T)/,$(USER_BADPTR)): $(USER_T)/%: tests/user/%.c tests/user/lib/badptr.c \
    $(USER_LIB) $(USER_HEADERS)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(USER_LDFLAGS) -o $@ $< tests/user/lib/badptr.c $(USER_LIB)

$(addprefix $(USER_T)/,$(USER_FIRST)): $(USER_T)/%: tests/user/%.c tests/user/lib/first.S \
    $(USER_LIB) $(USER_HEADERS)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(USER_LDFLAGS) -Wl,-e,first_start -o $@ $< \
	    tests/user/lib/first.S $(USER_LIB)

$(addprefix $(USER_T)/,$(USER_GLIBC)): $(USER_T)/%: tests/user/%.c
	$(Q)gcc $(USER_CFLAGS) -static -s -Wl,--gc-sections -o $@ $< -lm

$(USER_T)/libc_pie_glibc: tests/user/libc_pie.c
	$(Q)gcc $(USER_CFLAGS) -fPIE -static-pie -s -Wl,--gc-sections -o $@ $<

# musl-gcc knows no -static-pie: the start file and the linker's flags say it.
$(USER_T)/libc_pie_musl: tests/user/libc_pie.c
	$(Q)$(USER_CC) $(USER_CFLAGS) -fPIE -static -nostartfiles -s -Wl,--gc-sections \
	    -Wl,-pie,--no-dynamic-linker,-z,text -o $@ $(USER_MUSL_LIB)/rcrt1.o $<

# A directory of executables, one for each layout.
$(USER_T)/elf: tests/user/elf/check.S tests/user/elf/corpus.py
	$(Q)rm -rf $@
	$(Q)gcc -c -o $(B)/user/elf_check.o $<
	$(Q)objcopy -O binary -j .text $(B)/user/elf_check.o $(B)/user/elf_check.bin
	$(Q)$(USER_PYTHON) tests/user/elf/corpus.py $(B)/user/elf_check.bin $@

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

# What file_archive wants: byte i is i modulo 251.
$(USER_TREE)/usr/share/firstlight/pattern:
	$(Q)mkdir -p $(@D)
	$(Q)$(USER_PYTHON) -c 'import sys; sys.stdout.buffer.write(bytes(i % 251 for i in range(20000)))' >$@

$(B)/user/args.plan: tests/user/args_plan.py | $(B)/user/stamp
	$(Q)$(USER_PYTHON) $< >$@

USER_PLANS := rootfs/etc/firstlight/plan tests/user/hardware.plan tests/user/output.plan \
              tests/user/stress.plan \
              $(B)/user/args.plan
user-test-linux: user $(B)/user/args.plan
	$(Q)$(USER_PYTHON) tests/user/run_on_linux.py --base rootfs --base $(USER_TREE) \
	    --work $(B)/user/linux $(addprefix --plan ,$(USER_PLANS))
