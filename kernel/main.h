/* SPDX-License-Identifier: MIT */
/*
 * main.h - where the assembly entry hands over to C
 */
#pragma once

#include "kernel/lib/util.h"

struct bootinfo;

NORETURN void kernel_main(const struct bootinfo *info);
