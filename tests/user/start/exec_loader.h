/* SPDX-License-Identifier: MIT */
/*
 * tests/user/start/exec_loader.h - the code of both files, in exec_loader.c
 */
#pragma once

extern const char loader_begin[], loader_end[], program_begin[], program_end[], base_begin[],
    base_end[];
