/* SPDX-License-Identifier: MIT */
/*
 * mm/config.h - choices at build time, as values for plain `if`
 *
 * CONFIG_POISON: freed frames and objects are overwritten, so that code that still uses them fails
 *                soon (make POISON=1; costs time on every free). Such a kernel also lets
 *                allocations fail on request (mm/fail_nth.h).
 */
#pragma once

#if !defined(CONFIG_POISON)
#define CONFIG_POISON 0
#endif
