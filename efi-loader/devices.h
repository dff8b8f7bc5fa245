/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/devices.h - network cards, panels, controllers, TPM and Secure Boot, as the firmware
 * knows them
 *
 * Used by: inventory.c.
 * Rule:    a network card's Mode is read and no function of it called; EDIDs are copies that the
 *          firmware made; of variables and TPM only what is there anyway is read.
 * Tests:   tests/host/loader_inventory_test.c, tests/quirk, tests/system/test_inventory.py
 */
#pragma once

#include "efi-loader/efi.h"
#include "efi-loader/text.h"

#define EDID_SIZE 128 /* the base block */

struct network {
    bool found;
    uint8_t address[32];
    uint32_t address_nbytes;
    bool link_known, link;
};

struct panel {
    bool found;
    uint8_t edid[EDID_SIZE];
};

struct controller {
    const char *kind; /* NULL: none of interest, or a driver has it */
    UINTN segment, bus, device, function;
};

struct security {
    int8_t secure_boot, setup_mode; /* -1: the firmware has no such variable */
    bool tpm_2, tpm_1;
    bool tpm_answers;
    uint8_t manufacturer[4];
    uint32_t pcr_banks;
};

/* What is asked with ask(): the handle of a device, the result zeroed by the caller. */
struct device_question {
    EFI_SYSTEM_TABLE *st;
    EFI_HANDLE handle;
    void *result;
};

void network_ask(void *question);    /* struct network */
void panel_ask(void *question);      /* struct panel */
void controller_ask(void *question); /* struct controller */
void security_ask(void *question);   /* struct security; no handle */

/* A JSON object each; of security its members. */
void network_write(struct text *out, const struct network *network);
void panel_write(struct text *out, const struct panel *panel);
void controller_write(struct text *out, const struct controller *controller);
void security_write(struct text *out, const struct security *security);
