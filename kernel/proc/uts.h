/* SPDX-License-Identifier: MIT */
/*
 * proc/uts.h - what the system is called: uname(2)
 *
 * Owns:    the names of host and domain, which programs with CAP_SYS_ADMIN set.
 * Used by: uname, sethostname, setdomainname, /proc/sys/kernel.
 * Locks:   one of its own, a mutex, rank PIPE.
 * Context: threads.
 * Tests:   tests/user/proc/proc_sys.c
 */
#pragma once

#include "kernel/lib/util.h"

#define UTS_NAME_MAX 64

enum uts_name { UTS_HOST, UTS_DOMAIN, UTS_NAMES };

/* With its NUL, and NULs behind that. */
void uts_get(enum uts_name which, char text[UTS_NAME_MAX + 1]);
/* nbytes at most UTS_NAME_MAX. */
void uts_set(enum uts_name which, const char *text, size_t nbytes);
