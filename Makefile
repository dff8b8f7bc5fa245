# SPDX-License-Identifier: MIT
#
# Firstlight: the commands (`make help`) and what all parts of the build share.
#
# One make, not a tree of them: the folders' fragments are included below and use these variables:
#   CC       gcc (default) or clang, for the kernel        O  its optimisation level (default -O2)
#   B        where everything is built; default build. To keep two builds apart, give two of them:
#            make B=build/clang-O0 CC=clang O=-O0 image
#   Q        @, or nothing with V=1                        ROOTDIR  the top of the checkout
#   FLAGS    a file that changes when CC or O does: every object that they shape depends on it

.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc) # unless -j is given: that wins
endif
SHELL := /bin/bash

ROOTDIR := $(CURDIR)
B ?= build
O ?= -O2
ifeq ($(origin CC),default)
CC := gcc
endif
Q := $(if $(filter 1,$(V)),,@)
PYTHON ?= /usr/bin/python3
IMAGE := $(B)/firstlight.img
FLAGS := $(B)/flags

.DEFAULT_GOAL := help

# ---- Debian packages: installed before anything else is looked at ------------------------------
# The fragments ask compilers and packages where things are, so this comes before they are read.
GOALS := $(or $(MAKECMDGOALS),help)
GROUPS_image := build
GROUPS_run := build run
GROUPS_shell := build run
GROUPS_run-screen := build run $(if $(DISPLAY)$(WAYLAND_DISPLAY),screen)
GROUPS_screenshots := build run
GROUPS_usb := build
GROUPS_debug := build debug
GROUPS_regression := build run
GROUPS_repeat := build run
GROUPS_stress := build run test
GROUPS_bench := build run
GROUPS_test-programs := build run
GROUPS_test-programs-linux := build
GROUPS_test-hardware := build run
GROUPS_lint := lint
GROUPS_test := build run test lint debug
GROUPS_system-test := build run test lint debug
GROUPS_matrix := build
GROUPS_host-test := build test
GROUPS_fuzz := build test
GROUPS_fuzz-short := build test
GROUPS_fuzz-syscalls := build run
GROUPS_user-test-linux := build
GROUPS_race := build run
GROUPS_fuzz-linux := build run
GROUPS_mutants := build run test
GROUPS_test-debian := debian
NO_GROUPS := help clean
PACKAGE_GROUPS := $(sort $(foreach goal,$(filter-out $(NO_GROUPS),$(GOALS)),\
                    $(or $(GROUPS_$(goal)),build)))
DRY_RUN := $(findstring n,$(filter-out --%,$(firstword -$(MAKEFLAGS))))
ifneq ($(PACKAGE_GROUPS),)
ifeq ($(DRY_RUN),)
$(shell tools/deps.sh $(PACKAGE_GROUPS) >&2)
ifneq ($(.SHELLSTATUS),0)
$(error the packages above are needed)
endif
endif
endif

# ---- The parts -----------------------------------------------------------------------------------
ifneq ($(GOALS),help)
-include kernel/kernel.mk
-include efi-loader/loader.mk
-include tests/host/host.mk
-include tests/user/user.mk
-include rootfs/usr/src/check/check.mk
-include tests/quirk/quirk.mk
-include tests/programs/programs.mk
-include tests/hardware/hardware.mk
endif

# Rewritten only when its content changes; then everything compiled with the old flags is stale.
$(FLAGS): force
	@mkdir -p $(@D)
	@echo '$(CC) $(O)' | cmp -s - $@ || echo '$(CC) $(O)' >$@
.PHONY: force
force:

# ---- Commands ------------------------------------------------------------------------------------
.PHONY: help image run run-screen screenshots shell usb debug bench race fuzz-linux mutants fuzz-syscalls lint test system-test stress \
        regression repeat test-debian clean

help:
	@echo 'make run          build, boot in QEMU, show the report; succeeds only on PASS'
	@echo 'make run-screen   the same in a window, which stays until it is closed'
	@echo 'make shell        boot into a shell here; leaving it switches the machine off'
	@echo 'make test         every test there is; ends with the number passed and failed'
	@echo 'make image        build the image: $(IMAGE)'
	@echo 'make usb DEV=/dev/NAME   write the image to a stick, which is erased; asks before'
	@echo 'make debug        boot with gdb attached, symbols of kernel and loader loaded'
	@echo 'make bench        count the instructions of boot and system calls, beside Linux'"'"'s'
	@echo 'make screenshots  take pictures of the screen, into docs/'
	@echo 'make lint         the house style, checked'
	@echo 'make host-test    the tests that need no machine'
	@echo 'make fuzz-short   the fuzz targets for a few seconds; make fuzz: at length'
	@echo 'make fuzz-syscalls   100,000 random system calls from each of SEEDS=1-10'
	@echo 'make race         calls that share an object, in pairs; SECONDS_PER_PAIR=1 PAIRS="table" SEED=1'
	@echo 'make fuzz-linux   random sequences of calls, here and on Linux; SEEDS=1-100 CALLS=200'
	@echo 'make mutants      break the kernel line by line, see what the tests notice; N=100 SEED=1'
	@echo 'make user-test-linux   the test programs, on this Linux'
	@echo 'make system-test  whole machines in QEMU; PYTEST_ARGS="-k NAME" runs a few'
	@echo 'make stress       many processes at once, for minutes; STRESS=N for longer'
	@echo 'make regression   boot every plan that judges the kernel, on CPUS=2 processors'
	@echo 'make repeat       the same TIMES=20 times, on CPUS=4 processors'
	@echo 'make test-programs   Debian'"'"'s own programs, on Linux and here; CASES="NAME..." for a few'
	@echo 'make test-debian  as root: the README and make test in bare roots of Debian releases;'
	@echo '                  RELEASES="bookworm trixie", GOAL=run|test, RIGHTS=root|user|no-admin'
	@echo 'make clean        remove $(B)/'
	@echo
	@echo 'CC=gcc|clang  O=-O0|-O2|-Os  B=DIRECTORY  V=1'
	@echo 'make test-hardware   what Debian'"'"'s programs find in a machine: under Linux in QEMU, and here'
	@echo 'Own programs on an image: tools/mkimg.sh --help. Boot an image: tools/run.sh --help.'

image: $(IMAGE)

# Programs and trees are found by the script, so this always runs it: it takes a second.
$(IMAGE): $(B)/kernel/kernel.elf $(B)/efi/BOOTX64.EFI $(B)/efi/BOOTIA32.EFI user force
	$(Q)tools/mkimg.sh -b $(B) -o $@

run: $(IMAGE)
	$(Q)tools/run.sh $(RUN_ARGS) $(IMAGE)

# It stays when the plan has ended, until it is closed.
$(B)/screen.img: $(IMAGE)
	$(Q)tools/mkimg.sh -b $(B) -o $@ -c after=halt
run-screen: $(B)/screen.img
	$(Q)tools/run.sh -w -t 0 $(RUN_ARGS) $<

screenshots: $(IMAGE)
	$(Q)$(PYTHON) tools/screenshots.py -b $(B)

shell: $(IMAGE)
	$(Q)tools/shell.py -b $(B) $(SHELL_ARGS)

usb: $(IMAGE)
	$(Q)tools/usb.sh "$(DEV)" $(IMAGE)

debug: $(IMAGE) $(B)/efi/loader.debug.efi
	$(Q)tools/debug.sh $(B)

bench: $(IMAGE)
	$(Q)$(PYTHON) tools/bench.py -b $(B) --linux
	$(Q)$(PYTHON) tests/bench/growth.py -b $(B)
	$(Q)$(PYTHON) tests/bench/scale.py -b $(B) --linux
	$(Q)$(PYTHON) tests/bench/memory.py -b $(B) --linux

SEEDS ?= 1-10
fuzz-syscalls: $(IMAGE)
	$(Q)$(PYTHON) tests/user/fuzz_boots.py -b $(B) --seeds "$(SEEDS)" $(FUZZ_ARGS)

SEED ?= 1
race: $(IMAGE) poison
	$(Q)$(PYTHON) tests/race/race.py -b $(B)/matrix/poison --programs $(B) --seed $(SEED) \
	    --seconds $(or $(SECONDS_PER_PAIR),1) $(RACE_ARGS) $(PAIRS)
	$(Q)$(PYTHON) tests/race/race.py -b $(B) --programs $(B) --seed $(SEED) --probe $(PAIRS)

CALLS ?= 200
fuzz-linux: $(IMAGE)
	$(Q)$(PYTHON) tests/fuzz_linux/fuzz_linux.py -b $(B) --seeds "$(SEEDS)" --calls $(CALLS) $(FUZZ_ARGS)

N ?= 100
mutants: $(IMAGE)
	$(Q)$(PYTHON) tools/mutants.py -b $(B) -n $(N) --seed $(SEED) $(MUTANTS_ARGS)

lint:
	$(Q)$(PYTHON) tools/lint.py

# One kernel for each compiler and optimisation level, each in a build directory of its own.
MATRIX := $(foreach cc,gcc clang,$(foreach o,-O0 -O2 -Os,$(cc)$(o)))
.PHONY: matrix poison $(MATRIX)
matrix: $(MATRIX) poison
poison: # freed memory is overwritten
	$(Q)+$(MAKE) --no-print-directory B=$(B)/matrix/$@ POISON=1 $(B)/matrix/$@/kernel/kernel.elf
$(MATRIX):
	$(Q)+$(MAKE) --no-print-directory B=$(B)/matrix/$@ CC=$(firstword $(subst -, ,$@)) \
	    O=-$(lastword $(subst -, ,$@)) $(B)/matrix/$@/kernel/kernel.elf

# Machines side by side: half as many as processors, since each of them keeps QEMU's threads busy.
PYTEST_JOBS ?= $(shell n=$$(nproc); echo $$((n < 4 ? n : n / 2)))
system-test: $(IMAGE) $(B)/efi/loader.debug.efi $(B)/user/args.plan matrix
	$(Q)B=$(B) $(PYTHON) -m pytest -q -rs -p no:cacheprovider -n $(PYTEST_JOBS) \
	    tests/system $(PYTEST_ARGS)

STRESS ?= 20
stress: $(IMAGE)
	$(Q)B=$(B) STRESS=$(STRESS) $(PYTHON) -m pytest -q -p no:cacheprovider \
	    tests/system/test_stress.py $(PYTEST_ARGS)

# An image whose plan is all that judges the kernel by single tests.
REGRESSION_PLANS := tests/user/basic.plan tests/user/regression.plan tests/user/long.plan
$(B)/regression.img: $(IMAGE) $(REGRESSION_PLANS)
	$(Q)cat $(REGRESSION_PLANS) >$(B)/regression.plan
	$(Q)tools/mkimg.sh -b $(B) -p $(B)/regression.plan -o $@

regression: $(B)/regression.img
	$(Q)tools/run.sh -s $(or $(CPUS),2) $(RUN_ARGS) $<

TIMES ?= 20
repeat: $(B)/regression.img
	$(Q)tests/repeat.sh $(TIMES) -s $(or $(CPUS),4) $(RUN_ARGS) $<

test:
	$(Q)+$(PYTHON) tests/run.py

test-debian:
	$(Q)RELEASES="$(RELEASES)" GOAL="$(GOAL)" RIGHTS="$(RIGHTS)" \
		WORK=$(abspath $(B))/debian tests/debian.sh

clean:
	rm -rf $(B)
