# SPDX-License-Identifier: MIT
#
# tests/host/fs.mk - host tests of files: the kernel's own fs, its memory devices and the system
# calls on files, above made-up memory, locks and user memory (fs_fake.h). Included by host.mk,
# which explains the variables.

HOST_FS_SRCS := $(filter-out kernel/fs/event/aio_context.c,$(sort $(wildcard kernel/fs/*/*.c))) kernel/dev/mem.c kernel/dev/console.c \
    $(addprefix kernel/syscall/fs/,user_path.c user_vector.c file_cursor.c poll_scan.c fd_pair.c) \
    kernel/mm/user_charge.c \
    $(addprefix kernel/syscall/fs/sys_,rw.c open.c fcntl.c pipe.c stat.c path.c cwd.c attr.c \
    xattr.c utime.c dir.c copy.c splice.c poll.c select.c lock.c)

# The quoted path puts one header before the kernel's own: the direct map is an arena.
HOST_FS_CFLAGS := -iquote tests/host/fs_fake -fno-strict-aliasing

# All of it is compiled once, and linked into one object that every test gets.
HOST_FS_OBJ := $(patsubst %.c,$(HOST_OUT)/obj/fs/%.o,$(HOST_FS_SRCS) tests/host/fs_fake.c \
    tests/host/fs_fake_user.c)
$(HOST_FS_OBJ): $(HOST_OUT)/obj/fs/%.o: %.c tests/host/fs.mk
	$(Q)mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) $(HOST_FS_CFLAGS) -MMD -MP -c $< -o $@
-include $(HOST_FS_OBJ:.o=.d)

$(HOST_OUT)/fs_all.o: $(HOST_FS_OBJ)
	$(Q)$(HOST_CC) -r -nostdlib $^ -o $@

# $(1): what is tested
define HOST_FS_TEST
HOST_TESTS += fs_$(1)_test
HOST_CFLAGS_fs_$(1)_test := $(HOST_FS_CFLAGS)
$(HOST_OUT)/fs_$(1)_test: $(HOST_OUT)/fs_all.o
endef

HOST_FS_TESTS := $(patsubst tests/host/fs_%_test.c,%,$(wildcard tests/host/fs_*_test.c))
$(foreach name,$(HOST_FS_TESTS),$(eval $(call HOST_FS_TEST,$(name))))

HOST_SRC_fs_initrd_test := tests/host/fs_initrd_test.c tests/host/cpio_builder.c
HOST_SRC_fs_tty_test := tests/host/fs_tty_test.c $(sort $(wildcard kernel/dev/tty/*.c))
