/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/verdict.h - the verdict that a kernel has left in EFI variables
 *
 * Used by: report.c.
 * Rule:    read defensively: variables outlive sticks, versions and power failures.
 * Tests:   tests/host/loader_verdict_test.c
 */
#pragma once

#include "efi-loader/efi.h"
#include "kernel/lib/util.h"
#include "shared/report.h"

struct verdict {
    uint64_t id;
    uint32_t number;
    enum report_action action;
    uint32_t stay;
    bool cut;      /* a later variable is missing, or of another boot */
    size_t length; /* of text, NUL-terminated */
    char text[REPORT_VARIABLES * REPORT_VARIABLE_TEXT + 1];
};

/* -ENOENT: there is none. -EINVAL: there is something that is no verdict. */
MUST_CHECK int verdict_read(EFI_RUNTIME_SERVICES *rs, struct verdict *verdict);

/* All variables of that name, whatever is in them. -EIO: one is still there. */
MUST_CHECK int verdict_delete(EFI_RUNTIME_SERVICES *rs);

/* The verdict stays for another start, which it does not end any more. */
MUST_CHECK int verdict_defer(EFI_RUNTIME_SERVICES *rs);
