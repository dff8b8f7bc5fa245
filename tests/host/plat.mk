# SPDX-License-Identifier: MIT
#
# Host tests of the PC platform and of the framebuffer terminal: the kernel's own files, compiled
# for the host under sanitizers, on a machine made of hooks (plat_fake.h). Included by host.mk,
# which builds and runs what HOST_PLAT_TESTS lists.

HOST_PLAT_DIR := $(B)/host/plat
HOST_PLAT_CC := gcc
HOST_PLAT_CFLAGS := -std=gnu17 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
    -fno-omit-frame-pointer -fno-strict-aliasing -Wall -Wextra -Werror -Wshadow \
    -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith -Wundef -Wwrite-strings \
    -Itests/host/plat_fake -I.

HOST_PLAT_FONT := /usr/share/consolefonts/Unifont-APL8x16.psf.gz
HOST_PLAT_HEADERS := tests/host/plat_fake.h $(wildcard tests/host/plat_fake/*/*/*.h \
    tests/host/plat_fake/*/*/*/*.h kernel/plat/*.h kernel/dev/f*.h kernel/lib/*.h \
    kernel/mm/*.h kernel/arch/x86_64/*.h shared/*.h)

# Name of the test: the sources that it tests.
HOST_PLAT_acpi := kernel/plat/acpi.c kernel/plat/acpi_parse.c kernel/plat/acpi_fadt.c
HOST_PLAT_tsc := kernel/plat/tsc_rate.c kernel/plat/tsc_measure.c
HOST_PLAT_rtc := kernel/plat/rtc.c
HOST_PLAT_serial := kernel/plat/serial.c
HOST_PLAT_lapic := kernel/plat/lapic.c
HOST_PLAT_power := kernel/plat/power.c
HOST_PLAT_fbterm := kernel/dev/fbterm.c kernel/dev/fbterm_pixels.c kernel/lib/utf8.c \
    $(HOST_PLAT_DIR)/font.c
HOST_PLAT_NAMES := acpi tsc rtc serial lapic power fbterm
HOST_PLAT_TESTS := $(HOST_PLAT_NAMES:%=$(HOST_PLAT_DIR)/plat_%_test)

$(HOST_PLAT_DIR)/font.c: tools/mkfont.py $(HOST_PLAT_FONT)
	@mkdir -p $(@D)
	$(Q)tools/mkfont.py $(HOST_PLAT_FONT) $@

define HOST_PLAT_RULE
$$(HOST_PLAT_DIR)/plat_$(1)_test: tests/host/plat_$(1)_test.c tests/host/plat_fake.c \
        $$(HOST_PLAT_$(1)) $$(HOST_PLAT_HEADERS) tests/host/plat.mk
	@mkdir -p $$(@D)
	$$(Q)$$(HOST_PLAT_CC) $$(HOST_PLAT_CFLAGS) -o $$@ $$(filter %.c,$$^) -lcmocka
endef
$(foreach name,$(HOST_PLAT_NAMES),$(eval $(call HOST_PLAT_RULE,$(name))))

.PHONY: host-plat-test
host-plat-test: $(HOST_PLAT_TESTS)
	$(Q)failed=0; for test in $^; do $$test || failed=1; done; exit $$failed
