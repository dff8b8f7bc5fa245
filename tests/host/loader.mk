# SPDX-License-Identifier: MIT
#
# tests/host/loader.mk - host tests of the EFI loader: its own files against a fake firmware.
# Included by host.mk, which explains the variables.

HOST_LOADER_CFLAGS := -isystem /usr/include/efi -DGNU_EFI_USE_MS_ABI -fshort-wchar

# $(1): what is tested  $(2): the loader's files, without ".c"  $(3): more sources
define HOST_LOADER_TEST
HOST_TESTS += loader_$(1)_test
HOST_SRC_loader_$(1)_test := tests/host/loader_$(1)_test.c tests/host/loader_fake.c \
    $(patsubst %,efi-loader/%.c,$(2)) $(3)
HOST_CFLAGS_loader_$(1)_test := $(HOST_LOADER_CFLAGS)
endef

$(eval $(call HOST_LOADER_TEST,memmap,memmap))
$(eval $(call HOST_LOADER_TEST,paging,paging memmap))
$(eval $(call HOST_LOADER_TEST,options,options))
$(eval $(call HOST_LOADER_TEST,firmware,firmware))
$(eval $(call HOST_LOADER_TEST,graphics,graphics))
$(eval $(call HOST_LOADER_TEST,exit,exit))
$(eval $(call HOST_LOADER_TEST,pci,pci))
$(eval $(call HOST_LOADER_TEST,memory,memory memmap))
$(eval $(call HOST_LOADER_TEST,files,files connect section memory memmap,tests/host/cpio_builder.c))
$(eval $(call HOST_LOADER_TEST,handover,handover exit memory memmap paging graphics firmware seed,\
    tests/host/loader_fake_keys.c))
$(eval $(call HOST_LOADER_TEST,payload,payload fold image files connect section memory memmap menu,\
    tests/host/loader_fake_keys.c))
$(eval $(call HOST_LOADER_TEST,menu,menu files connect section memory memmap,\
    tests/host/loader_fake_keys.c))
$(eval $(call HOST_LOADER_TEST,keys,keys))
$(eval $(call HOST_LOADER_TEST,loops,loops))
$(eval $(call HOST_LOADER_TEST,screen,screen))
$(eval $(call HOST_LOADER_TEST,verdict,verdict,tests/host/loader_volume.c))
$(eval $(call HOST_LOADER_TEST,report,report report_file report_head verdict junit text seed \
    memmap firmware,tests/host/loader_volume.c))
$(eval $(call HOST_LOADER_TEST,inventory,inventory ask disks disk_health devices json archive text \
    memory memmap))
HOST_TESTS += loader_junit_test
HOST_SRC_loader_junit_test := tests/host/loader_junit_test.c efi-loader/junit.c efi-loader/text.c

# The real log, on a fake serial port.
HOST_TESTS += loader_log_test
HOST_SRC_loader_log_test := tests/host/loader_log_test.c efi-loader/log.c
HOST_CFLAGS_loader_log_test := $(HOST_LOADER_CFLAGS)

HOST_FUZZERS += loader_memmap_fuzz loader_options_fuzz
HOST_SRC_loader_memmap_fuzz := tests/host/loader_memmap_fuzz.c efi-loader/memmap.c efi-loader/paging.c
HOST_CFLAGS_loader_memmap_fuzz := $(HOST_LOADER_CFLAGS)
HOST_RUNS_loader_memmap_fuzz := 20000
HOST_SRC_loader_options_fuzz := tests/host/loader_options_fuzz.c efi-loader/options.c
