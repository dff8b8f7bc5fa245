/* SPDX-License-Identifier: MIT */
/*
 * proc/exec/vdso_image.h - the bytes of the shared object that kernel.mk makes of kernel/vdso
 */
#pragma once

extern const char vdso_image_begin[];
extern const char vdso_image_end[];
