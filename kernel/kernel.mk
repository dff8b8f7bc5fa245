# SPDX-License-Identifier: MIT
# kernel/kernel.mk - the kernel: build/kernel/kernel.elf
#
# Sources stand in the reading order of kernel/README.md. `make POISON=1` overwrites freed memory.
# Long because it lists them.

KERNEL_ELF := $(B)/kernel/kernel.elf
KERNEL_DIR := $(B)/kernel
POISON     ?= 0

KERNEL_SRCS := \
    kernel/arch/x86_64/boot.S \
    kernel/main.c \
    kernel/arch/x86_64/features.c \
    kernel/arch/x86_64/mtrr.c \
    kernel/arch/x86_64/cpumask.c \
    kernel/arch/x86_64/cpu.c \
    kernel/arch/x86_64/idt.c \
    kernel/arch/x86_64/entry.S \
    kernel/arch/x86_64/traps.c \
    kernel/arch/x86_64/efi_call.S \
    kernel/arch/x86_64/efi_call.c \
    kernel/arch/x86_64/switch.S \
    kernel/arch/x86_64/thread.c \
    kernel/arch/x86_64/trampoline.S \
    kernel/arch/x86_64/fpu.c \
    kernel/arch/x86_64/usercopy.S \
    kernel/arch/x86_64/msr_safe.S \
    kernel/lib/string.c \
    kernel/lib/fmt.c \
    kernel/lib/utf8.c \
    kernel/lib/keyboard.c \
    kernel/lib/lines.c \
    kernel/lib/bitmap.c \
    kernel/lib/rbtree.c \
    kernel/lib/interval.c \
    kernel/lib/ring.c \
    kernel/lib/rand.c \
    kernel/lib/cksum.c \
    kernel/lib/bootinfo.c \
    kernel/lib/cfg.c \
    kernel/lib/symtab.c \
    kernel/lib/elf.c \
    kernel/lib/cpio.c \
    kernel/lib/smbios.c \
    kernel/lib/plan.c \
    kernel/lib/ktap.c \
    kernel/lib/bpf.c \
    kernel/core/spinlock.c \
    kernel/core/lock_stat.c \
    kernel/core/output.c \
    kernel/core/log.c \
    kernel/core/backtrace.c \
    kernel/core/panic.c \
    kernel/core/clock.c \
    kernel/core/timer.c \
    kernel/core/watchdog.c \
    kernel/core/irq.c \
    kernel/core/ipi.c \
    kernel/core/random.c \
    kernel/core/cmdline.c \
    kernel/mm/tables.c \
    kernel/mm/pmm.c \
    kernel/mm/pmm_init.c \
    kernel/mm/slab.c \
    kernel/mm/vmalloc.c \
    kernel/mm/user_charge.c \
    kernel/plat/serial.c \
    kernel/plat/acpi_parse.c \
    kernel/plat/acpi_fadt.c \
    kernel/plat/acpi.c \
    kernel/plat/tsc_rate.c \
    kernel/plat/tsc_measure.c \
    kernel/plat/lapic.c \
    kernel/plat/ioapic.c \
    kernel/plat/interrupts.c \
    kernel/plat/mca_banks.c \
    kernel/plat/mca.c \
    kernel/plat/cpu_census.c \
    kernel/plat/smp.c \
    kernel/plat/rtc.c \
    kernel/plat/clocks.c \
    kernel/plat/smbios.c \
    kernel/plat/efi_tables.c \
    kernel/plat/efi_runtime.c \
    kernel/plat/i8042.c \
    kernel/plat/power.c \
    kernel/plat/pci_parse.c \
    kernel/plat/pci.c \
    kernel/plat/cpu_topology.c \
    kernel/sched/thread.c \
    kernel/sched/sched.c \
    kernel/sched/sched_queue.c \
    kernel/sched/sched_rt.c \
    kernel/sched/sched_balance.c \
    kernel/sched/sched_idle.c \
    kernel/sched/sched_time.c \
    kernel/sched/mutex.c \
    kernel/sched/waitq.c \
    kernel/sched/deferred.c \
    kernel/sched/rcu.c \
    kernel/sched/hazard.c \
    kernel/vm/vm_space.c \
    kernel/vm/vm_area.c \
    kernel/vm/vm_map.c \
    kernel/vm/vm_brk.c \
    kernel/vm/vm_protect.c \
    kernel/vm/vm_advise.c \
    kernel/vm/vm_remap.c \
    kernel/vm/vm_table.c \
    kernel/vm/vm_fault.c \
    kernel/vm/vm_remote.c \
    kernel/vm/vm_shared.c \
    kernel/vm/vm_attach.c \
    kernel/vm/vm_rmap.c \
    kernel/vm/vm_user.c \
    kernel/fs/vfs/namebuf.c \
    kernel/fs/page_cache/radix.c \
    kernel/fs/page_cache/page_cache.c \
    kernel/fs/page_cache/page_state.c \
    kernel/fs/vfs/inode.c \
    kernel/fs/vfs/dentry.c \
    kernel/fs/vfs/dir.c \
    kernel/fs/vfs/mount.c \
    kernel/fs/vfs/mount_change.c \
    kernel/fs/vfs/mount_remove.c \
    kernel/fs/vfs/mount_tree.c \
    kernel/fs/vfs/fs_context.c \
    kernel/fs/vfs/path.c \
    kernel/fs/vfs/path_rcu.c \
    kernel/fs/ramfs/ramfs.c \
    kernel/fs/ramfs/ramfs_charge.c \
    kernel/fs/ramfs/ramfs_file.c \
    kernel/fs/ramfs/ramfs_rename.c \
    kernel/fs/ramfs/memfd.c \
    kernel/fs/ramfs/ramfs_mount.c \
    kernel/fs/vfs/file.c \
    kernel/fs/vfs/open.c \
    kernel/fs/vfs/namespace.c \
    kernel/fs/vfs/attr.c \
    kernel/fs/vfs/xattr.c \
    kernel/fs/vfs/fdtable.c \
    kernel/fs/vfs/flock.c \
    kernel/fs/vfs/lease.c \
    kernel/fs/vfs/lock_tree.c \
    kernel/fs/pipe/pipe.c \
    kernel/fs/pipe/pipe_packet.c \
    kernel/fs/pipe/pipe_splice.c \
    kernel/fs/pipe/pipe_open.c \
    kernel/fs/pipe/pipe_size.c \
    kernel/fs/vfs/poll.c \
    kernel/fs/event/event_file.c \
    kernel/fs/event/epoll.c \
    kernel/fs/event/epoll_scan.c \
    kernel/fs/event/aio_context.c \
    kernel/fs/event/notify.c \
    kernel/fs/event/inotify.c \
    kernel/fs/event/inotify_watch.c \
    kernel/fs/event/dnotify.c \
    kernel/fs/devfs/devfs.c \
    kernel/fs/devfs/devpts.c \
    kernel/fs/procfs/procfs.c \
    kernel/fs/procfs/procfs_file.c \
    kernel/fs/ramfs/initrd.c \
    kernel/net/socket.c \
    kernel/net/socket_option.c \
    kernel/net/interface.c \
    kernel/net/net_procfs.c \
    kernel/net/unix/unix_socket.c \
    kernel/net/unix/unix_name.c \
    kernel/net/unix/unix_connect.c \
    kernel/net/unix/unix_peer.c \
    kernel/net/unix/unix_message.c \
    kernel/net/unix/unix_rights.c \
    kernel/net/unix/unix_gc.c \
    kernel/net/unix/unix_procfs.c \
    kernel/net/unix/unix_send.c \
    kernel/net/unix/unix_receive.c \
    kernel/net/inet/inet_socket.c \
    kernel/net/inet/inet_address.c \
    kernel/net/inet/inet_port.c \
    kernel/net/inet/inet_connected.c \
    kernel/net/inet/inet_message.c \
    kernel/net/inet/tcp_connect.c \
    kernel/net/inet/tcp_data.c \
    kernel/net/inet/tcp_urgent.c \
    kernel/net/inet/tcp_end.c \
    kernel/net/inet/udp.c \
    kernel/net/inet/udp_control.c \
    kernel/net/inet/inet_option.c \
    kernel/net/inet/inet_multicast.c \
    kernel/net/inet/inet_procfs.c \
    kernel/net/netlink/netlink.c \
    kernel/net/netlink/netlink_request.c \
    kernel/net/netlink/netlink_route.c \
    kernel/net/netlink/netlink_diag.c \
    kernel/dev/mem.c \
    kernel/dev/mem_physical.c \
    kernel/dev/cpu_device.c \
    kernel/dev/sysfs/sysfs.c \
    kernel/dev/sysfs/sysfs_dmi.c \
    kernel/dev/sysfs/sysfs_firmware.c \
    kernel/dev/sysfs/sysfs_efi.c \
    kernel/dev/sysfs/sysfs_cpu.c \
    kernel/dev/sysfs/sysfs_pci.c \
    kernel/dev/console.c \
    kernel/dev/printer.c \
    kernel/dev/tty/tty_line.c \
    kernel/dev/tty/tty_output.c \
    kernel/dev/tty/tty.c \
    kernel/dev/tty/tty_read.c \
    kernel/dev/tty/tty_ioctl.c \
    kernel/dev/tty/pty.c \
    kernel/dev/input.c \
    kernel/dev/tty/tty_serial.c \
    kernel/dev/tty/tty_screen.c \
    kernel/dev/fb/fbterm.c \
    kernel/dev/fb/fbterm_text.c \
    kernel/dev/fb/fbterm_escape.c \
    kernel/dev/fb/fbterm_pixels.c \
    kernel/dev/fb/screen.c \
    kernel/dev/fb/fb_device.c \
    kernel/proc/process.c \
    kernel/proc/process_tasks.c \
    kernel/proc/task.c \
    kernel/proc/pid.c \
    kernel/proc/pidfd.c \
    kernel/proc/identity.c \
    kernel/proc/capability.c \
    kernel/proc/ns.c \
    kernel/proc/ns_file.c \
    kernel/proc/uts.c \
    kernel/proc/family.c \
    kernel/proc/wait.c \
    kernel/proc/exec/exec.c \
    kernel/proc/exec/exec_stack.c \
    kernel/proc/exec/vdso.c \
    kernel/vdso/vdso.c \
    kernel/proc/exec/exec_script.c \
    kernel/proc/exec/exec_args.c \
    kernel/proc/exec/exec_identity.c \
    kernel/proc/exec/exec_replace.c \
    kernel/proc/fork.c \
    kernel/proc/fork_task.c \
    kernel/proc/exit.c \
    kernel/proc/core/core_dump.c \
    kernel/proc/core/core_name.c \
    kernel/proc/core/core_elf.c \
    kernel/proc/usage.c \
    kernel/proc/futex/futex.c \
    kernel/proc/futex/futex_wait_many.c \
    kernel/proc/futex/futex_pi.c \
    kernel/proc/futex/futex_requeue_pi.c \
    kernel/proc/futex/futex_robust.c \
    kernel/proc/futex/rseq.c \
    kernel/proc/ipc/ipc.c \
    kernel/proc/ipc/ipc_control.c \
    kernel/proc/ipc/shm.c \
    kernel/proc/ipc/msg.c \
    kernel/proc/ipc/sem.c \
    kernel/proc/ipc/sem_ops.c \
    kernel/proc/ipc/sem_undo.c \
    kernel/proc/ipc/mqueue.c \
    kernel/proc/ipc/mqueue_life.c \
    kernel/proc/ipc/mqueue_name.c \
    kernel/proc/oom.c \
    kernel/proc/return_to_user.c \
    kernel/proc/user_fault.c \
    kernel/proc/terminal.c \
    kernel/proc/task_dump.c \
    kernel/proc/procfs/procfs.c \
    kernel/proc/procfs/procfs_text.c \
    kernel/proc/procfs/procfs_facts.c \
    kernel/proc/procfs/procfs_stat.c \
    kernel/proc/procfs/procfs_status.c \
    kernel/proc/procfs/procfs_maps.c \
    kernel/proc/procfs/procfs_smaps.c \
    kernel/proc/procfs/procfs_oom.c \
    kernel/proc/procfs/procfs_mem.c \
    kernel/proc/procfs/procfs_pagemap.c \
    kernel/proc/procfs/procfs_fd.c \
    kernel/proc/procfs/procfs_ns.c \
    kernel/proc/procfs/procfs_mounts.c \
    kernel/proc/procfs/procfs_timerslack.c \
    kernel/proc/procfs/procfs_fail_nth.c \
    kernel/proc/procfs/procfs_system.c \
    kernel/proc/procfs/procfs_setting.c \
    kernel/proc/procfs/procfs_sysctl.c \
    kernel/proc/procfs/procfs_cpuinfo.c \
    kernel/proc/procfs/procfs_hardware.c \
    kernel/proc/procfs/procfs_locks.c \
    kernel/proc/usermode.c \
    kernel/proc/signal/signal_queue.c \
    kernel/proc/signal/signal_send.c \
    kernel/proc/signal/signal_poll.c \
    kernel/proc/signal/file_owner.c \
    kernel/proc/signal/signal_mask.c \
    kernel/proc/signal/signal_share.c \
    kernel/proc/signal/signal_stop.c \
    kernel/proc/seccomp/seccomp.c \
    kernel/proc/seccomp/seccomp_call.c \
    kernel/proc/seccomp/seccomp_notify.c \
    kernel/proc/ptrace/ptrace.c \
    kernel/proc/ptrace/ptrace_stop.c \
    kernel/proc/ptrace/ptrace_end.c \
    kernel/proc/ptrace/ptrace_request.c \
    kernel/proc/ptrace/ptrace_regs.c \
    kernel/proc/ptrace/ptrace_debug.c \
    kernel/proc/ptrace/ptrace_signal.c \
    kernel/proc/signal/signal_timer.c \
    kernel/proc/signal/signal_timer_fire.c \
    kernel/proc/signal/signal_deliver.c \
    kernel/proc/signal/sigframe.c \
    kernel/proc/signal/sigframe_fpu.c \
    kernel/syscall/dispatch.c \
    kernel/syscall/trace.c \
    kernel/syscall/call_text.c \
    kernel/syscall/audit.c \
    kernel/syscall/fs/user_path.c \
    kernel/syscall/fs/sys_open.c \
    kernel/syscall/fs/user_vector.c \
    kernel/syscall/fs/sys_rw.c \
    kernel/syscall/fs/file_cursor.c \
    kernel/syscall/fs/sys_copy.c \
    kernel/syscall/fs/sys_splice.c \
    kernel/syscall/fs/fd_pair.c \
    kernel/syscall/fs/sys_pipe.c \
    kernel/syscall/fs/poll_scan.c \
    kernel/syscall/fs/sys_poll.c \
    kernel/syscall/fs/sys_select.c \
    kernel/syscall/fs/sys_memfd.c \
    kernel/syscall/fs/sys_eventfd.c \
    kernel/syscall/fs/sys_epoll.c \
    kernel/syscall/fs/sys_aio.c \
    kernel/syscall/fs/sys_inotify.c \
    kernel/syscall/fs/sys_fcntl.c \
    kernel/syscall/fs/owner_command.c \
    kernel/syscall/fs/sys_lock.c \
    kernel/syscall/fs/sys_path.c \
    kernel/syscall/fs/sys_dir.c \
    kernel/syscall/fs/sys_cwd.c \
    kernel/syscall/fs/sys_stat.c \
    kernel/syscall/fs/sys_mount.c \
    kernel/syscall/fs/sys_attr.c \
    kernel/syscall/fs/sys_utime.c \
    kernel/syscall/fs/sys_xattr.c \
    kernel/syscall/fs/sys_handle.c \
    kernel/syscall/net/sys_socket.c \
    kernel/syscall/net/user_rights.c \
    kernel/syscall/net/user_control.c \
    kernel/syscall/net/sys_message.c \
    kernel/syscall/mem/sys_mem.c \
    kernel/syscall/ipc/sys_shm.c \
    kernel/syscall/ipc/sys_msg.c \
    kernel/syscall/ipc/sys_sem.c \
    kernel/syscall/ipc/sys_mqueue.c \
    kernel/syscall/proc/sys_fork.c \
    kernel/syscall/proc/sys_pidfd.c \
    kernel/syscall/proc/sys_process_vm.c \
    kernel/syscall/proc/sys_kcmp.c \
    kernel/syscall/proc/sys_unshare.c \
    kernel/syscall/proc/sys_ptrace.c \
    kernel/syscall/proc/sys_futex.c \
    kernel/syscall/proc/sys_membarrier.c \
    kernel/syscall/proc/sys_proc.c \
    kernel/syscall/proc/sys_limit.c \
    kernel/syscall/proc/sys_sched.c \
    kernel/syscall/proc/sys_policy.c \
    kernel/syscall/proc/sys_ioprio.c \
    kernel/syscall/proc/sys_usage.c \
    kernel/syscall/proc/sys_group.c \
    kernel/syscall/proc/sys_cred.c \
    kernel/syscall/proc/sys_capability.c \
    kernel/syscall/proc/sys_prctl.c \
    kernel/syscall/proc/sys_seccomp.c \
    kernel/syscall/signal/sys_signal.c \
    kernel/syscall/signal/sys_signalfd.c \
    kernel/syscall/signal/sys_kill.c \
    kernel/syscall/time/sys_itimer.c \
    kernel/syscall/time/sys_time.c \
    kernel/syscall/time/sys_adjtime.c \
    kernel/syscall/time/sys_timerfd.c \
    kernel/syscall/proc/sys_info.c \
    kernel/syscall/proc/sys_syslog.c \
    kernel/selftest/run.c \
    kernel/selftest/stay.c \
    kernel/selftest/shell.c \
    kernel/selftest/test_run.c \
    kernel/selftest/capture.c \
    kernel/selftest/leak_check.c \
    kernel/selftest/untouched.c \
    kernel/selftest/hardware.c \
    kernel/selftest/report.c \
    kernel/selftest/verdict_code.c \
    kernel/selftest/report_keep.c \
    kernel/selftest/inject.c \
    kernel/selftest/ktest.c \
    kernel/selftest/probe.S \
    kernel/selftest/user_stubs.S \
    kernel/selftest/user_stub.c \
    kernel/selftest/core_checks.c \
    kernel/selftest/lock_checks.c \
    kernel/selftest/sched_checks.c \
    kernel/selftest/rcu_checks.c \
    kernel/selftest/deferred_checks.c \
    kernel/selftest/mm_checks.c \
    kernel/selftest/page_checks.c \
    kernel/selftest/boot_checks.c \
    kernel/selftest/return_checks.c

KERNEL_OBJS := $(patsubst %,$(KERNEL_DIR)/obj/%.o,$(KERNEL_SRCS)) $(KERNEL_DIR)/obj/font.o

KERNEL_WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
    -Wpointer-arith -Wundef -Wwrite-strings
KERNEL_COMMON := -I. -I$(B)/include -mno-red-zone -mcmodel=kernel -fno-pic -g \
    '-ffile-prefix-map=$(CURDIR)/=' -DCONFIG_POISON=$(POISON)
KERNEL_CFLAGS := -std=gnu17 $(O) -ffreestanding -fno-stack-protector -mgeneral-regs-only \
    -fno-omit-frame-pointer -fno-strict-aliasing -fno-common -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables \
    -fcf-protection=none $(KERNEL_WARNINGS) $(KERNEL_COMMON)
# Asked, as a compiler named cc may be either.
CC_IS_CLANG := $(findstring clang,$(shell $(CC) --version 2>/dev/null))
# Code and data are dense: what an aligned loop gains, a cache line of something else loses; what
# needs a line of its own says ALIGNED. Functions are copied into their callers when they are tiny or
# say `inline`; no code is doubled for a guess.
# Stacks are aligned to what general registers need (firmware wants more: efi_call.S), and no branch
# goes through a table.
KERNEL_CFLAGS += -fno-jump-tables
ifeq ($(CC_IS_CLANG),)
KERNEL_CFLAGS += -mpreferred-stack-boundary=3 \
    -falign-functions=1 -falign-jumps=1 -falign-loops=1 -falign-labels=1 \
    -malign-data=abi --param=max-inline-insns-auto=8 -freorder-blocks-algorithm=simple \
    -fno-ipa-cp -fno-tree-pre -fno-split-paths
else
KERNEL_CFLAGS += -mstack-alignment=8
endif
# Code is as small as the compiler makes it, unless it is named here: what rows of `make bench` go
# through, and passes over much memory. The rest is read from memory more often than from a cache.
KERNEL_FAST := $(addprefix kernel/, \
    main% selftest/untouched% mm/% sched/% \
    $(addprefix arch/x86_64/,fpu% thread% traps%) \
    $(addprefix core/,clock% ipi% irq% log.c output% random% spinlock% timer%) \
    dev/mem.c \
    $(addprefix fs/,event/epoll% event/event_file% page_cache/% pipe/pipe.c procfs/%) \
    $(addprefix fs/ramfs/,ramfs.c ramfs_charge% ramfs_file%) \
    $(addprefix fs/vfs/,dentry% dir% fdtable% file% fs_context% inode% namebuf% open% path% poll%) \
    $(addprefix lib/,bitmap% bpf% fmt% rand% rbtree% string%) \
    $(addprefix net/,socket.c inet/tcp_data% inet/udp.c) \
    $(addprefix net/unix/unix_,message% peer% receive% send%) \
    $(addprefix plat/,lapic% serial%) \
    $(addprefix proc/,exit% fork% identity% pid.c process.c process_tasks% return_to_user% task.c usage% wait%) \
    $(addprefix proc/,exec/exec.c exec/exec_args% exec/exec_replace% exec/exec_stack% exec/vdso%) \
    $(addprefix proc/,futex/futex.c futex/rseq% procfs/procfs.c \
        procfs/procfs_facts% procfs/procfs_stat.c) \
    $(addprefix proc/signal/sig,frame% nal_deliver% nal_mask% nal_queue% nal_send% nal_timer.c) \
    $(addprefix syscall/,dispatch% mem/% proc/sys_fork% proc/sys_futex% signal/sys_signal.c) \
    $(addprefix syscall/fs/,fd_pair% poll_scan% sys_epoll% sys_eventfd% sys_open% sys_pipe% \
        sys_poll% sys_rw% sys_select% sys_stat% user_path% user_vector%) \
    $(addprefix vm/vm_,area% brk% fault% map% protect% remote% rmap% space% table% user%))
KERNEL_SMALL_SRCS := $(filter-out $(KERNEL_FAST),$(filter %.c,$(KERNEL_SRCS)))
# gcc's -Oz still doubles paths and moves values ahead of loops. And without those steps it takes
# some variables for unset, which the builds with -Os go on watching.
KERNEL_DENSE := $(if $(CC_IS_CLANG),,-fno-thread-jumps -fno-tree-dominator-opts -fno-tree-ch -fno-caller-saves \
    -fno-move-loop-invariants -fno-tree-loop-im -fno-code-hoisting -Wno-maybe-uninitialized)
# Small files that rows go through for a few instructions, or the way to the first program: no more.
KERNEL_WARM := $(addprefix kernel/, \
    arch/x86_64/cpu.c arch/x86_64/idt.c $(addprefix dev/fb/,fbterm.c fbterm_pixels% fbterm_text%) \
    $(addprefix fs/,pipe/pipe_open% pipe/pipe_size% vfs/mount%) lib/cpio% lib/elf% \
    $(addprefix net/,inet/inet_message% inet/inet_socket% unix/unix_rights% unix/unix_socket%) \
    plat/acpi% plat/efi_tables% plat/pci.c \
    $(addprefix proc/,capability% exec/exec_identity% family% futex/futex_pi% ipc/sem_undo% \
        ns.c pidfd% ptrace/ptrace.c ptrace/ptrace_end% signal/signal_share% \
        signal/signal_stop% terminal% user_fault% usermode% uts%) \
    $(addprefix syscall/,fs/sys_cwd% fs/sys_fcntl% fs/sys_path% proc/sys_info% proc/sys_limit%) \
    $(addprefix syscall/,proc/sys_proc% proc/sys_sched% signal/sys_kill%) vm/vm_advise%)
ifeq ($(O),-O2)
$(KERNEL_SMALL_SRCS:%=$(KERNEL_DIR)/obj/%.o): KERNEL_CFLAGS += -Oz
$(patsubst %,$(KERNEL_DIR)/obj/%.o,$(filter-out $(KERNEL_WARM),$(KERNEL_SMALL_SRCS))): KERNEL_CFLAGS += $(KERNEL_DENSE)
endif
# lib's string functions must not be turned into calls of themselves.
KERNEL_NO_LOOPS := $(if $(CC_IS_CLANG),,-fno-tree-loop-distribute-patterns)
$(KERNEL_DIR)/obj/kernel/lib/string.c.o: KERNEL_CFLAGS += -fno-builtin $(KERNEL_NO_LOOPS)

KERNEL_OFFSETS := $(B)/include/kernel/offsets.h
KERNEL_FLAGS   := $(B)/kernel/flags

# Everything is stale when compiler or options change. The directory is no such option: the map takes
# it out of the objects, so they may be copied with the tree.
KERNEL_CFLAGS += $(KERNEL_EXTRA)
KERNEL_STAMP := $(CC) $(filter-out '-ffile-prefix-map=%,$(KERNEL_CFLAGS)) $(KERNEL_DENSE) $(KERNEL_WARM) \
    $(KERNEL_SMALL_SRCS)
$(KERNEL_FLAGS): force
	@mkdir -p $(@D)
	@echo '$(KERNEL_STAMP)' | cmp -s - $@ || echo '$(KERNEL_STAMP)' >$@

$(KERNEL_OFFSETS): kernel/arch/x86_64/offsets.c $(KERNEL_FLAGS)
	@mkdir -p $(@D) $(KERNEL_DIR)
	$(Q)$(CC) $(KERNEL_CFLAGS) -MMD -MP -MT $@ -MF $(KERNEL_DIR)/offsets.d -S -o $(KERNEL_DIR)/offsets.s $<
	$(Q){ echo '/* Generated from offsets.c: do not edit. */'; \
	    sed -n 's/^.*"->\([A-Z0-9_]*\) \$$*\(.*\)"$$/#define \1 \2/p' $(KERNEL_DIR)/offsets.s; } >$@

$(KERNEL_DIR)/obj/%.c.o: %.c $(KERNEL_FLAGS)
	@mkdir -p $(@D)
	$(Q)$(CC) $(KERNEL_CFLAGS) -MMD -MP -c -o $@ $<

# The vDSO is a shared object of its own, always optimised: it runs in programs. Its bytes become an
# object of the kernel, between vdso_image_begin and vdso_image_end.
VDSO_SO     := $(KERNEL_DIR)/vdso.so
VDSO_CFLAGS := -std=gnu17 -O2 -ffreestanding -fPIC -fno-stack-protector -mgeneral-regs-only \
    -fasynchronous-unwind-tables -fcf-protection=none $(KERNEL_WARNINGS) -I. -g0
VDSO_LDFLAGS := -shared -nostdlib -soname=linux-vdso.so.1 --hash-style=both --eh-frame-hdr \
    -Bsymbolic -z noexecstack --build-id=none -T kernel/vdso/vdso.ld

$(VDSO_SO): kernel/vdso/vdso.c kernel/vdso/vdso.ld $(KERNEL_FLAGS)
	@mkdir -p $(@D)
	$(Q)$(CC) $(VDSO_CFLAGS) -MMD -MP -MT $@ -MF $(KERNEL_DIR)/vdso.d -c -o $(KERNEL_DIR)/vdso.o $<
	$(Q)ld.lld $(VDSO_LDFLAGS) -o $@ $(KERNEL_DIR)/vdso.o
	$(Q)llvm-objcopy --strip-sections $@

$(KERNEL_DIR)/obj/kernel/vdso/vdso.c.o: $(VDSO_SO)
	@mkdir -p $(@D)
	$(Q){ echo '.section .rodata'; echo '.globl vdso_image_begin, vdso_image_end'; \
	    echo 'vdso_image_begin: .incbin "$<"'; echo 'vdso_image_end:'; \
	    echo '.section .note.GNU-stack, "", @progbits'; } >$(KERNEL_DIR)/vdso_image.s
	$(Q)$(CC) -c -o $@ $(KERNEL_DIR)/vdso_image.s

$(KERNEL_DIR)/obj/%.S.o: %.S $(KERNEL_FLAGS) $(KERNEL_OFFSETS)
	@mkdir -p $(@D)
	$(Q)$(CC) $(KERNEL_COMMON) -MMD -MP -c -o $@ $<

# The glyphs come from a Debian package, at build time.
KERNEL_FONT := /usr/share/consolefonts/Unifont-APL8x16.psf.gz
$(KERNEL_DIR)/font.c: tools/mkfont.py $(KERNEL_FLAGS)
	$(Q)tools/mkfont.py $(KERNEL_FONT) $@

$(KERNEL_DIR)/obj/font.o: $(KERNEL_DIR)/font.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(KERNEL_CFLAGS) -c -o $@ $<

# Functions of one code become one (--icf=all), so no two addresses of functions are compared: what a
# file is, say its operations, which are data.
$(KERNEL_ELF): $(KERNEL_OBJS) kernel/kernel.ld
	$(Q)ld.lld -O2 -static -nostdlib -z max-page-size=4096 -z noexecstack --build-id=none --gc-sections --icf=all \
	    -T kernel/kernel.ld -o $(KERNEL_DIR)/kernel.full.elf $(KERNEL_OBJS)
	$(Q)llvm-objcopy --strip-debug $(KERNEL_DIR)/kernel.full.elf $@

-include $(KERNEL_OBJS:.o=.d) $(KERNEL_DIR)/offsets.d $(KERNEL_DIR)/vdso.d
