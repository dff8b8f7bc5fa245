# SPDX-License-Identifier: MIT
#
# tests/host/plat.mk - host tests of the PC platform and of the framebuffer terminal: the kernel's
# own files on a machine made of hooks (plat_fake.h). Included by host.mk, which explains the
# variables.

HOST_PLAT_FONT := $(HOST_OUT)/plat_font.c

# The quoted path puts the made-up io.h, msr.h, regs.h, cpuid.h and tsc.h before the kernel's own. The log
# is the made-up machine's.
HOST_PLAT_CFLAGS := -iquote tests/host/plat_fake -Dklog=plat_fake_klog -fno-strict-aliasing

# $(1): what is tested  $(2): the kernel's files
define HOST_PLAT_TEST
HOST_TESTS += plat_$(1)_test
HOST_SRC_plat_$(1)_test := tests/host/plat_$(1)_test.c tests/host/plat_fake.c $(2)
HOST_CFLAGS_plat_$(1)_test := $(HOST_PLAT_CFLAGS)
endef

$(eval $(call HOST_PLAT_TEST,serial,kernel/plat/serial.c kernel/lib/ring.c))
$(eval $(call HOST_PLAT_TEST,acpi,$(addprefix kernel/plat/,acpi.c acpi_parse.c acpi_fadt.c \
    cpu_census.c)))
$(eval $(call HOST_PLAT_TEST,mca,kernel/plat/mca_banks.c))
$(eval $(call HOST_PLAT_TEST,tsc,kernel/plat/tsc_measure.c kernel/plat/tsc_rate.c))
$(eval $(call HOST_PLAT_TEST,clocks,kernel/plat/clocks.c kernel/plat/tsc_measure.c \
    kernel/plat/tsc_rate.c))
$(eval $(call HOST_PLAT_TEST,smbios,kernel/plat/smbios.c))
$(eval $(call HOST_PLAT_TEST,lapic,kernel/plat/lapic.c))
$(eval $(call HOST_PLAT_TEST,ioapic,kernel/plat/ioapic.c))
$(eval $(call HOST_PLAT_TEST,smp,kernel/plat/smp.c kernel/plat/cpu_census.c))
$(eval $(call HOST_PLAT_TEST,features,kernel/arch/x86_64/features.c))
$(eval $(call HOST_PLAT_TEST,mtrr,kernel/arch/x86_64/mtrr.c))
$(eval $(call HOST_PLAT_TEST,power,kernel/plat/power.c))
$(eval $(call HOST_PLAT_TEST,rtc,kernel/plat/rtc.c))
$(eval $(call HOST_PLAT_TEST,i8042,kernel/plat/i8042.c))
$(eval $(call HOST_PLAT_TEST,pci,$(addprefix kernel/plat/,pci.c pci_parse.c acpi.c acpi_parse.c \
    acpi_fadt.c)))
$(eval $(call HOST_PLAT_TEST,topology,kernel/plat/cpu_topology.c kernel/arch/x86_64/cpumask.c))
HOST_PLAT_FBTERM := $(addprefix kernel/dev/fb/,fbterm.c fbterm_text.c fbterm_escape.c \
    fbterm_pixels.c) $(HOST_PLAT_FONT)
$(eval $(call HOST_PLAT_TEST,fbterm,$(HOST_PLAT_FBTERM)))
$(eval $(call HOST_PLAT_TEST,escape,$(HOST_PLAT_FBTERM)))
$(eval $(call HOST_PLAT_TEST,screen,$(HOST_PLAT_FBTERM) kernel/dev/fb/screen.c))

# The direct map is an arena.
HOST_CFLAGS_plat_smp_test += -iquote tests/host/fs_fake

$(HOST_PLAT_FONT): tools/mkfont.py
	@mkdir -p $(@D)
	$(Q)tools/mkfont.py /usr/share/consolefonts/Unifont-APL8x16.psf.gz $@
