# SPDX-License-Identifier: MIT
# efi-loader/loader.mk - the EFI applications \EFI\BOOT\BOOTX64.EFI, the loader, and BOOTIA32.EFI,
# which only says that firmware of 32 bits is of no use
#
# Always built by clang and lld-link, whatever CC is: they make PE files natively. The files of
# kernel/lib are the kernel's own, compiled for this target. build/efi/loader.debug.efi is the
# same image with DWARF, for gdb; the loader prints where the firmware put it.

LOADER_CLANG  ?= clang
LOADER_LINK   ?= lld-link
LOADER_EFI    := $(B)/efi/BOOTX64.EFI
LOADER_IA32   := $(B)/efi/BOOTIA32.EFI
LOADER_DEBUG  := $(B)/efi/loader.debug.efi
LOADER_OBJDIR := $(B)/efi/obj

LOADER_SRCS := \
    efi-loader/main.c \
    efi-loader/log.c \
    efi-loader/screen.c \
    efi-loader/keys.c \
    efi-loader/options.c \
    efi-loader/menu.c \
    efi-loader/payload.c \
    efi-loader/fold.c \
    efi-loader/files.c \
    efi-loader/connect.c \
    efi-loader/section.c \
    efi-loader/memory.c \
    efi-loader/image.c \
    efi-loader/loops.c \
    efi-loader/inventory.c \
    efi-loader/ask.c \
    efi-loader/ask_switch.S \
    efi-loader/disks.c \
    efi-loader/disk_health.c \
    efi-loader/devices.c \
    efi-loader/json.c \
    efi-loader/archive.c \
    efi-loader/handover.c \
    efi-loader/report.c \
    efi-loader/report_file.c \
    efi-loader/report_head.c \
    efi-loader/verdict.c \
    efi-loader/junit.c \
    efi-loader/text.c \
    efi-loader/firmware.c \
    efi-loader/graphics.c \
    efi-loader/seed.c \
    efi-loader/memmap.c \
    efi-loader/paging.c \
    efi-loader/bridge.c \
    efi-loader/exit.c \
    efi-loader/pci.c \
    efi-loader/cpu.c \
    efi-loader/jump.S \
    kernel/lib/bootinfo.c \
    kernel/lib/cfg.c \
    kernel/lib/cksum.c \
    kernel/lib/cpio.c \
    kernel/lib/elf.c \
    kernel/lib/fmt.c \
    kernel/lib/lines.c \
    kernel/lib/smbios.c \
    kernel/lib/string.c \
    kernel/lib/utf8.c

LOADER_OBJS := $(patsubst %,$(LOADER_OBJDIR)/%.o,$(LOADER_SRCS)) $(LOADER_OBJDIR)/font.o

LOADER_TARGET := -target x86_64-unknown-windows
# Without these two the EFI headers take clang for a compiler without __attribute__, and define
# the word away for everybody.
LOADER_CFLAGS := $(LOADER_TARGET) -fgnuc-version=4.2.1 -fno-ms-extensions -std=gnu17 -ffreestanding -fshort-wchar -mno-red-zone \
    -mno-stack-arg-probe -mgeneral-regs-only -fno-strict-aliasing -fno-common -O2 -gdwarf-4 \
    -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
    -Wpointer-arith -Wundef -Wwrite-strings \
    -I. -isystem /usr/include/efi '-ffile-prefix-map=$(CURDIR)/='
LOADER_LDFLAGS := /subsystem:efi_application /entry:efi_main /nodefaultlib /dynamicbase \
    /nxcompat /Brepro /opt:ref /opt:icf

# What runs once, between waits for a disk, is made small.
LOADER_SMALL := report report_file report_head verdict junit text \
    inventory ask disks disk_health devices json archive
$(LOADER_SMALL:%=$(LOADER_OBJDIR)/efi-loader/%.c.o): LOADER_CFLAGS += -Oz

$(LOADER_OBJDIR)/%.c.o: %.c efi-loader/loader.mk
	@mkdir -p $(@D)
	$(Q)$(LOADER_CLANG) $(LOADER_CFLAGS) -MMD -MP -c -o $@ $<

$(LOADER_OBJDIR)/%.S.o: %.S efi-loader/loader.mk
	@mkdir -p $(@D)
	$(Q)$(LOADER_CLANG) $(LOADER_TARGET) -gdwarf-4 -MMD -MP -c -o $@ $<

# The letters of the last words come from a Debian package, as the kernel's do.
$(B)/efi/font.c: tools/mkfont.py
	@mkdir -p $(@D)
	$(Q)tools/mkfont.py --loader /usr/share/consolefonts/Unifont-APL8x16.psf.gz $@

$(LOADER_OBJDIR)/font.o: $(B)/efi/font.c efi-loader/loader.mk
	@mkdir -p $(@D)
	$(Q)$(LOADER_CLANG) $(LOADER_CFLAGS) -c -o $@ $<

$(LOADER_EFI): $(LOADER_OBJS)
	$(Q)$(LOADER_LINK) $(LOADER_LDFLAGS) /debug:none /out:$@ $^

$(LOADER_DEBUG): $(LOADER_OBJS)
	$(Q)$(LOADER_LINK) $(LOADER_LDFLAGS) /debug:dwarf /out:$@ $^

# /safeseh needs a table that only Microsoft's compilers make; firmware knows no such handlers.
LOADER_IA32_OBJ := $(LOADER_OBJDIR)/efi-loader/ia32.c.o
$(LOADER_IA32_OBJ): LOADER_CFLAGS := $(subst x86_64-unknown,i686-unknown,$(LOADER_CFLAGS))
$(LOADER_IA32): $(LOADER_IA32_OBJ)
	$(Q)$(LOADER_LINK) $(LOADER_LDFLAGS) /safeseh:no /debug:none /out:$@ $^

.PHONY: loader
loader: $(LOADER_EFI) $(LOADER_IA32) $(LOADER_DEBUG)

# gdb wants the symbols, nobody else does.
debug: $(LOADER_DEBUG)

-include $(LOADER_OBJS:.o=.d) $(LOADER_IA32_OBJ:.o=.d)
