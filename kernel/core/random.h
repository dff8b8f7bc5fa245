/* SPDX-License-Identifier: MIT */
/*
 * core/random.h - random bytes for the kernel and for programs
 *
 * Owns:    the one generator (lib/rand.h), seeded by the loader and the TSC.
 * Locks:   a spinlock, rank KLOG (a leaf), interrupts off.
 * Context: any but NMI.
 */
#pragma once

#include "kernel/lib/util.h"

/* The size of its state's secret, and what is known of it to nothing else: all of it. */
#define RANDOM_BITS 256

void random_init(const uint8_t seed[32]);
void random_fill(void *dst, size_t nbytes);
void random_mix(const void *bytes, size_t nbytes); /* what programs write to /dev/urandom */
