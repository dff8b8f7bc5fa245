/* SPDX-License-Identifier: MIT */
/*
 * lib/bpf.h - classic BPF programs of seccomp(2): checked, and run
 *
 * Rule:    only a program that bpf_check has let pass is run: it ends after at most its own number
 *          of steps, and reads and writes nothing but its data, its registers and its 16 words.
 * Context: any; no state.
 * Tests:   tests/host/bpf_test.c, tests/user/proc/seccomp_programs.c (against Linux)
 */
#pragma once

#include "kernel/lib/util.h"
#include "shared/linux/seccomp.h"

#define BPF_INSNS_MAX 4096

/* count: 1 to BPF_INSNS_MAX. scratch: room for as many. */
MUST_CHECK bool bpf_check(const struct lx_sock_filter *insns, unsigned count, uint16_t *scratch);
uint32_t bpf_run(const struct lx_sock_filter *insns, const struct lx_seccomp_data *data);
