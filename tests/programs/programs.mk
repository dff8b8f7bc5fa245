# SPDX-License-Identifier: MIT
#
# tests/programs/programs.mk - Debian's own programs on Linux and on Firstlight, compared
#
#   make test-programs                        all cases
#   make test-programs CASES="pipeline here"  some: by name, by a part of it, by pattern
#   make test-programs SERIAL=1               shows the serial line as it comes
#   make test-programs-linux                  on Linux alone, twice: do the cases repeat?
#   CPUS=N  MEMORY=SIZE                       the machine (1, 3G)

PROGRAMS_RUN := $(PYTHON) tests/programs/programs.py -b $(B) -s $(or $(CPUS),1) \
                -m $(or $(MEMORY),3G) $(if $(SERIAL),--serial)

.PHONY: test-programs test-programs-linux
test-programs: $(IMAGE)
	$(Q)set -f; $(PROGRAMS_RUN) $(CASES)

test-programs-linux: user
	$(Q)set -f; $(PROGRAMS_RUN) --linux-only $(CASES)
