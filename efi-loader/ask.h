/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/ask.h - questions to firmware's drivers, which may never come back
 *
 * Owns:    the time that they get: for each, and for all of them together.
 * Used by: inventory.c, and the questions: disks.c, disk_health.c, devices.c.
 * Rule:    a question only reads. After one that did not come back no other is asked.
 * Tests:   tests/quirk (inventory-hangs); tests/host/loader_inventory_test.c
 */
#pragma once

#include "efi-loader/efi.h"

#define ASK_SECONDS     10 /* for a question */
#define ASK_ALL_SECONDS 30

enum ask_result {
    ASK_DONE,
    ASK_LATE,  /* not asked: the time for all is over, or a question has hung before */
    ASK_HANGS, /* given up */
};

/* False: the firmware has no timer, and nothing may be asked. */
bool ask_begin(EFI_BOOT_SERVICES *bs);
/* Calls that. If it hangs, what it has stored so far is there, and may be half a thing. */
enum ask_result ask(void (*question)(void *argument), void *argument);
/* True: after a hang, the level is TPL_CALLBACK from now on, as the firmware's interrupts need it.
 */
bool ask_end(void);

/* A protocol of that handle; EFI_ACCESS_DENIED: another driver has it for itself. */
EFI_STATUS ask_protocol(EFI_BOOT_SERVICES *bs, EFI_HANDLE handle, EFI_GUID *guid, void **out);
