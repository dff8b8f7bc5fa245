# SPDX-License-Identifier: MIT
#
# tests/programs/programs.mk - Debian's own programs on Linux and on Firstlight, compared
#
#   make test-programs                        all cases
#   make test-programs CASES="pipeline here"  some: by name, by a part of it, by pattern
#   make test-programs-linux                  on Linux alone, twice: do the cases repeat?
#   CPUS=N  MEMORY=SIZE                       the machine (1, 512M)

PROGRAMS_DIR  := $(B)/programs
PROGRAMS_TREE := $(PROGRAMS_DIR)/tree
PROGRAMS_RUN  := $(PYTHON) tests/programs/programs.py -b $(B) --tree $(PROGRAMS_TREE) \
                 --work $(PROGRAMS_DIR)/work -s $(or $(CPUS),1) -m $(or $(MEMORY),512M)

.PHONY: test-programs test-programs-linux $(PROGRAMS_TREE)
# The script knows whether there is anything to do.
$(PROGRAMS_TREE):
	$(Q)mkdir -p $(PROGRAMS_DIR)
	$(Q)$(PYTHON) tests/programs/tree.py --packages tests/programs/packages.txt \
	    --debs $(PROGRAMS_DIR)/debs --tree $@

test-programs: $(IMAGE) $(PROGRAMS_TREE)
	$(Q)set -f; $(PROGRAMS_RUN) $(CASES)

test-programs-linux: $(PROGRAMS_TREE) user
	$(Q)set -f; $(PROGRAMS_RUN) --linux-only $(CASES)
