/* SPDX-License-Identifier: MIT */
/*
 * proc/uts.h - what the system is called: uname(2)
 *
 * Owns:    the names of host and domain, which programs with CAP_SYS_ADMIN set: a pair for each UTS
 *          name space.
 * Used by: uname, sethostname, setdomainname, /proc/sys/kernel; proc/ns.c.
 * Locks:   one of its own, a mutex, rank PIPE.
 * Context: threads. The names are those that the calling task sees.
 * Tests:   tests/user/proc/proc_sys.c, name_spaces.c
 */
#pragma once

#include "kernel/proc/ns.h"

#define UTS_NAME_MAX 64

enum uts_name { UTS_HOST, UTS_DOMAIN, UTS_NAMES };

struct uts_namespace {
    struct ns_common common;
    char names[UTS_NAMES][UTS_NAME_MAX + 1];
};

extern struct uts_namespace uts_initial;

/* With its NUL, and NULs behind that. */
void uts_get(enum uts_name which, char text[UTS_NAME_MAX + 1]);
/* nbytes at most UTS_NAME_MAX. */
void uts_set(enum uts_name which, const char *text, size_t nbytes);

/* Another name space with the same names, and the end of one. */
MUST_CHECK int uts_copy(struct ns_common *from, struct ns_common **out_space);
void uts_end(struct ns_common *space);
