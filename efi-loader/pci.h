/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/pci.h - no device writes to memory any more
 *
 * Owns:    configuration space, by the ports that every PC has: segment 0 alone.
 * Used by: handover.c, when boot services are gone.
 * Tests:   tests/host/loader_pci_test.c, tests/quirk (device-writes)
 */
#pragma once

#include "shared/bootinfo.h"

/* Takes bus mastering from the bridges, and from the devices that have no reason to keep it. Counts
 * those that had it. */
void pci_stop_masters(struct bootinfo_dma *out);
