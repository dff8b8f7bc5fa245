# SPDX-License-Identifier: MIT
# tests/quirk/quirk.mk - build/quirk/QUIRK.EFI; uses the rules and flags of
# efi-loader/loader.mk, which is included before it

QUIRK_EFI  := $(B)/quirk/QUIRK.EFI
QUIRK_SRCS := $(wildcard tests/quirk/*.c tests/quirk/*.S)
QUIRK_OBJS := $(patsubst %,$(LOADER_OBJDIR)/%.o,$(QUIRK_SRCS))
QUIRK_LIBS := $(patsubst %,$(LOADER_OBJDIR)/%.o,efi-loader/cpu.c efi-loader/jump.S \
    kernel/lib/string.c)

$(QUIRK_EFI): $(QUIRK_OBJS) $(QUIRK_LIBS)
	@mkdir -p $(@D)
	$(Q)$(LOADER_LINK) $(LOADER_LDFLAGS) /debug:none /out:$@ $^

.PHONY: quirk
quirk: $(QUIRK_EFI)

# The system tests start machines under it.
system-test: $(QUIRK_EFI)

-include $(QUIRK_OBJS:.o=.d)
