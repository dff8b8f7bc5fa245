# SPDX-License-Identifier: MIT
#
# tests/host/host.mk - the kernel's pure code, and whatever else needs no machine, on this host
#
#   make host-test    every cmocka program; the last line is `host: N passed, N failed`
#   make fuzz-short   every fuzz target with a fixed number of runs; `fuzz: N passed, N failed`
#   make fuzz         every fuzz target for FUZZ_SECONDS (default 600) each, keeping what it finds
#                     in $(B)/host/found/NAME
#
# To add a test, add its program's name to HOST_TESTS (fuzz target: HOST_FUZZERS); for NAME these
# may be set, here or in a fragment included below:
#   HOST_SRC_NAME     its C sources, default tests/host/NAME.c
#   HOST_CFLAGS_NAME  more flags for them
#   HOST_RUNS_NAME    runs of a fuzz target in fuzz-short
# Everything is linked with all of kernel/lib and the ports in tests/host/port_*.c. plat.mk builds its
# programs by itself, on a fake machine, and lists them in HOST_PLAT_TESTS.

HOST_OUT := $(B)/host
HOST_CC  := clang

HOST_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
HOST_CFLAGS   := -std=gnu17 -O1 -g -fno-omit-frame-pointer -I. -Wall -Wextra -Werror -Wshadow \
                 -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith -Wundef \
                 -Wwrite-strings $(HOST_SANITIZE)
HOST_FUZZ     := -fsanitize=fuzzer-no-link

HOST_TESTS := string_test fmt_test list_test rbtree_test interval_test bitmap_test cpumask_test \
              ring_test utf8_test bpf_test \
              rand_test elf_test symtab_test cpio_test plan_test cfg_test cksum_test ktap_test \
              keyboard_test bootinfo_test smbios_test pci_config_test abi_test
HOST_FUZZERS := elf_fuzz cpio_fuzz plan_fuzz cfg_fuzz cksum_fuzz ktap_fuzz bootinfo_fuzz

HOST_SRC_elf_test      := tests/host/elf_test.c tests/host/elf_builder.c
HOST_SRC_cpumask_test  := tests/host/cpumask_test.c kernel/arch/x86_64/cpumask.c
HOST_SRC_cksum_test    := tests/host/cksum_test.c efi-loader/fold.c
HOST_SRC_symtab_test   := tests/host/symtab_test.c tests/host/elf_builder.c
HOST_SRC_cpio_test     := tests/host/cpio_test.c tests/host/cpio_builder.c
HOST_SRC_bootinfo_test := tests/host/bootinfo_test.c tests/host/bootinfo_builder.c

HOST_RUNS_cpio_fuzz     := 1000000
HOST_RUNS_bootinfo_fuzz := 1000000

# The Linux ABI against this host's headers: abi.py writes static assertions. What the compiler says
# of them is a failed test of abi_test, not the end of the build.
HOST_ABI := $(HOST_OUT)/abi
HOST_CFLAGS_abi_test := -I$(HOST_ABI) -DABI_ERRORS='"$(abspath $(HOST_ABI))/errors"'
$(HOST_ABI)/errors: tests/host/abi.py $(wildcard shared/linux/*.h) shared/elf64.h \
                    $(wildcard kernel/syscall/table.def)
	$(Q)tests/host/abi.py $(HOST_ABI)
	$(Q)for file in $(HOST_ABI)/*.c; do \
	    $(HOST_CC) -std=gnu17 -I. -fsyntax-only $$file; done >$@ 2>&1 || true

-include $(filter-out tests/host/host.mk,$(sort $(wildcard tests/host/*.mk)))

HOST_LIB := $(sort $(wildcard kernel/lib/*.c))

# $(1): name  $(2): its sources  $(3): more flags. Gives HOST_OBJ_$(1) and the rule for them.
define HOST_OBJECTS
HOST_OBJ_$(1) := $$(patsubst %.c,$(HOST_OUT)/obj/$(1)/%.o,$(2))
$$(HOST_OBJ_$(1)): $(HOST_OUT)/obj/$(1)/%.o: %.c tests/host/host.mk
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(HOST_CC) $(HOST_CFLAGS) $(3) -MMD -MP -c $$< -o $$@
-include $$(HOST_OBJ_$(1):.o=.d)
endef

# $(1): program. cmocka reports failed assertions of the code as failed tests.
define HOST_TEST
$(call HOST_OBJECTS,$(1),$(or $(HOST_SRC_$(1)),tests/host/$(1).c),$(HOST_CFLAGS_$(1)))
$(HOST_OUT)/$(1): $$(HOST_OBJ_$(1)) $$(HOST_OBJ_port_test) $(HOST_OUT)/lib.a
	@echo '  HOST    $$@'
	$$(Q)$(HOST_CC) $(HOST_SANITIZE) $$(filter %.o,$$^) $(HOST_OUT)/lib.a -lcmocka -o $$@
endef

define HOST_FUZZER
$(call HOST_OBJECTS,$(1),$(or $(HOST_SRC_$(1)),tests/host/$(1).c),$(HOST_FUZZ) $(HOST_CFLAGS_$(1)))
$(HOST_OUT)/$(1): $$(HOST_OBJ_$(1)) $$(HOST_OBJ_port_fuzz) $(HOST_OUT)/lib-fuzz.a
	@echo '  FUZZER  $$@'
	$$(Q)$(HOST_CC) $(HOST_SANITIZE) -fsanitize=fuzzer $$(filter %.o,$$^) $(HOST_OUT)/lib-fuzz.a -o $$@
endef

$(eval $(call HOST_OBJECTS,lib,$(HOST_LIB)))
$(eval $(call HOST_OBJECTS,lib-fuzz,$(HOST_LIB),$(HOST_FUZZ)))
$(eval $(call HOST_OBJECTS,port_test,tests/host/port_test.c))
$(eval $(call HOST_OBJECTS,port_fuzz,tests/host/port_fuzz.c))
$(foreach name,$(HOST_TESTS),$(eval $(call HOST_TEST,$(name))))
$(foreach name,$(HOST_FUZZERS),$(eval $(call HOST_FUZZER,$(name))))

$(HOST_OUT)/lib.a: $(HOST_OBJ_lib)
$(HOST_OUT)/lib-fuzz.a: $(HOST_OBJ_lib-fuzz)
$(HOST_OUT)/lib.a $(HOST_OUT)/lib-fuzz.a:
	$(Q)rm -f $@
	$(Q)ar rcs $@ $^

# string.c as the kernel compiles it, under other names than the C library's.
$(HOST_OUT)/string_kernel.o: kernel/lib/string.c kernel/lib/string.h tests/host/string_names.h \
                             tests/host/host.mk
	$(Q)mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -ffreestanding -include tests/host/string_names.h -c $< -o $@
$(HOST_OUT)/string_test: $(HOST_OUT)/string_kernel.o

$(HOST_OBJ_abi_test): $(HOST_ABI)/errors

# Seeds: text is kept in tests/host/corpus, binary files are written by the tests' own builders.
$(eval $(call HOST_OBJECTS,seeds,tests/host/seeds.c tests/host/elf_builder.c \
                tests/host/cpio_builder.c tests/host/bootinfo_builder.c))
$(HOST_OUT)/seeds: $(HOST_OBJ_seeds) $(HOST_OBJ_port_fuzz) $(HOST_OUT)/lib.a
	$(Q)$(HOST_CC) $(HOST_SANITIZE) $(filter %.o,$^) $(HOST_OUT)/lib.a -o $@
$(HOST_OUT)/corpus/stamp: $(HOST_OUT)/seeds $(wildcard tests/host/corpus/*/*)
	$(Q)rm -rf $(@D) && mkdir -p $(@D)
	$(Q)cp -r tests/host/corpus/. $(@D)
	$(Q)$(HOST_OUT)/seeds $(@D)
	$(Q)touch $@

FUZZ_SECONDS ?= 600

.PHONY: host-test fuzz-short fuzz
host-test: $(addprefix $(HOST_OUT)/,$(HOST_TESTS)) $(HOST_PLAT_TESTS)
	$(Q)tests/host/run_tests.sh $^

fuzz-short: $(addprefix $(HOST_OUT)/,$(HOST_FUZZERS)) $(HOST_OUT)/corpus/stamp
	$(Q)tests/host/run_fuzzers.sh short $(HOST_OUT) \
	    $(foreach name,$(HOST_FUZZERS),$(name):$(or $(HOST_RUNS_$(name)),300000))

fuzz: $(addprefix $(HOST_OUT)/,$(HOST_FUZZERS)) $(HOST_OUT)/corpus/stamp
	$(Q)tests/host/run_fuzzers.sh long $(HOST_OUT) $(addsuffix :$(FUZZ_SECONDS),$(HOST_FUZZERS))
