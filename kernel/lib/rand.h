/* SPDX-License-Identifier: MIT */
/*
 * lib/rand.h - random bytes from a seed: ChaCha20 (RFC 8439) with fast key erasure
 *
 * Rule:    the first 32 bytes of every block run become the next key, and bytes are wiped as they
 *          are given out: a state that leaks gives away nothing of the past.
 * Used by: core/random.c, which owns the seed, the lock and /dev/urandom's state.
 * Context: any; the caller serialises uses of one generator.
 * Tests:   tests/host/rand_test.c (RFC 8439 vectors)
 */
#pragma once

#include "kernel/lib/util.h"

#define RAND_SEED_SIZE 32

struct rand_generator {
    uint32_t key[8];
    uint8_t buffer[256]; /* for small requests: 4 blocks, the first half block is the next key */
    uint32_t used;       /* bytes of buffer already given out or wiped */
};

void rand_init(struct rand_generator *generator, const uint8_t seed[RAND_SEED_SIZE]);

/* Mixes in anything: it can only make the state harder to guess. */
void rand_mix(struct rand_generator *generator, const void *bytes, size_t nbytes);

void rand_fill(struct rand_generator *generator, void *dst, size_t nbytes);

/* One block of key stream: the bare function, for the test vectors. */
void rand_chacha20_block(const uint32_t key[8], uint32_t counter, const uint32_t nonce[3],
                         uint8_t out[64]);
