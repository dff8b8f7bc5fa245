# SPDX-License-Identifier: MIT
#
# tests/hardware/hardware.mk - what Debian's programs find in a machine, under Linux and here
#
#   make test-hardware                        all cases
#   make test-hardware CASES="lspci lscpu"    some
#   CPUS=N  MEMORY=SIZE  MACHINE=pc           the machine (2, 512M, q35)

.PHONY: test-hardware
test-hardware: $(IMAGE)
	$(Q)$(PYTHON) tests/hardware/hardware.py -b $(B) --work $(B)/hardware -s $(or $(CPUS),2) \
	    -m $(or $(MEMORY),512M) --machine $(or $(MACHINE),q35) $(CASES)
