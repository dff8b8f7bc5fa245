/* SPDX-License-Identifier: MIT */
/*
 * lib/image.h - where the parts of the kernel image begin and end (kernel.ld)
 */
#pragma once

extern const char image_text_begin[], image_text_end[];
extern const char image_rodata_begin[], image_rodata_end[];
extern const char image_data_begin[], image_data_end[]; /* with bss; pages */
