/* SPDX-License-Identifier: MIT */
/*
 * lib/klog.h - one line in the kernel's log
 *
 * A port: lib declares it, core/log.c provides it in the kernel, the tests on the host.
 * Format:  as printf, with the conversions of lib/fmt.h; no trailing newline.
 * Context: any but NMI and the entry and exit code. Never blocks.
 */
#pragma once

#include "kernel/lib/util.h"

PRINTF_LIKE(1, 2) void klog(const char *format, ...);
