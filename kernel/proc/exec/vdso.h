/* SPDX-License-Identifier: MIT */
/*
 * proc/exec/vdso.h - the vDSO in the address space of every program
 *
 * Owns:    two pages that all programs share: the clock's (shared/vdso.h) and, above it, the object
 *          that kernel/vdso makes. Programs may unmap, move or protect them as they like.
 * Used by: exec (maps them anew), procfs (their names).
 * Context: threads.
 * Fails:   as vm_map.
 * Tests:   tests/user/start/vdso.c
 */
#pragma once

#include "kernel/lib/util.h"

struct vm_area;
struct vm_space;

void vdso_init(void);

/* Where mmap would put it; *out is the address of the object, for AT_SYSINFO_EHDR. */
MUST_CHECK int vdso_map(struct vm_space *space, uint64_t *out);

/* "[vdso]", "[vvar]", or NULL for an area that is neither. */
const char *vdso_area_name(const struct vm_area *area);
