/* SPDX-License-Identifier: MIT */
/*
 * shared/report.h - the verdict in EFI variables, from one start of the machine to the next
 *
 * Owns:    names and layout of the variables: a header, then text; the name of the count of boots,
 *          which is the loader's (efi-loader/loops.c) and which the kernel deletes.
 * Used by: the kernel, which writes them after the verdict; the loader, which moves their text into
 *          the report on the boot volume and deletes them.
 * Rule:    at most REPORT_VARIABLES variables of at most REPORT_VARIABLE_SIZE bytes, non-volatile
 *          and readable in both phases. The first one is written first and holds the verdict: one
 *          that is missing only cuts the text.
 * Text:    lines of KTAP: the verdict line, failed results, all other results, as far as they fit.
 * Tests:   tests/host/loader_verdict_test.c, tests/system/test_reports.py
 */
#pragma once

#include <stdint.h>

/* 6b2f0c5e-9d4a-4f7b-8b52-f1257117e5a1 */
#define REPORT_GUID                                                                                \
    {                                                                                              \
        0x6b2f0c5e, 0x9d4a, 0x4f7b,                                                                \
        {                                                                                          \
            0x8b, 0x52, 0xf1, 0x25, 0x71, 0x17, 0xe5, 0xa1                                         \
        }                                                                                          \
    }
/* A digit from 0 on follows. */
#define REPORT_VARIABLE_NAME u"FirstlightReport"
#define REPORT_BOOTS_NAME    u"FirstlightBoots"
#define REPORT_VARIABLES     4
#define REPORT_VARIABLE_SIZE 1024
#define REPORT_ATTRIBUTES    7u /* non-volatile, boot services, runtime */
#define REPORT_KEEP_FREE     5120
#define REPORT_MAGIC         0x31545250u /* "PRT1" */

/* What the loader does once it has the verdict. */
enum report_action {
    REPORT_GO_ON = 0, /* starts the kernel as usual */
    REPORT_POWER_OFF,
    REPORT_REBOOT,
    REPORT_NACTIONS
};

struct report_header {
    uint32_t magic;
    uint8_t index;  /* of this variable */
    uint8_t count;  /* of all */
    uint8_t action; /* enum report_action */
    uint8_t reserved;
    uint64_t id;     /* of the boot: bootinfo.report.id */
    uint32_t number; /* of the report file */
    uint32_t nbytes; /* of text in this variable */
    uint32_t stay;   /* seconds for which the loader shows the verdict, unless a key is pressed */
    uint32_t reserved2;
};

#define REPORT_VARIABLE_TEXT (REPORT_VARIABLE_SIZE - sizeof(struct report_header))

_Static_assert(sizeof(struct report_header) == 32, "loader and kernel must agree");
