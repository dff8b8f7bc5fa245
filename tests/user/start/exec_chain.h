/* SPDX-License-Identifier: MIT */
/*
 * tests/user/start/exec_chain.h - the code of a link, in exec_chain.c
 */
#pragma once

extern const char link_begin[], link_where[], link_last[], link_path[], link_end[];
