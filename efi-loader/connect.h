/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/connect.h - drivers for disks that the firmware has not started
 *
 * Used by: files.c, when no volume has the boot directory; not otherwise.
 * Rule:    storage and USB controllers alone, one after the other, each under the watchdog: any
 *          other driver may take minutes, or hang the machine, for nothing.
 * Tests:   tests/host/loader_files_test.c, tests/quirk (drivers-stopped, no-connect)
 */
#pragma once

#include "efi-loader/efi.h"

/* Has the firmware start its drivers, down to the volumes. */
void connect_storage(EFI_BOOT_SERVICES *bs);
