/* SPDX-License-Identifier: MIT */
/*
 * lib/version.h - what this kernel calls itself, and which Linux it speaks like
 */
#pragma once

#define VERSION_TEXT      "0.1.0"
#define VERSION_LINUX_ABI "6.1.0"
#define VERSION_LINUX_26  "2.6.61" /* of the same release: UNAME26 of personality(2) */
