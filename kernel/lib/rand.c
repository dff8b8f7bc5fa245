/* SPDX-License-Identifier: MIT */
/*
 * Random generator: ChaCha20 with fast key erasure.
 *
 * The state is one key. A refill turns it into a block run, whose first 32 bytes replace the key
 * and whose rest is given out; each byte is wiped as it leaves. So a state that leaks gives no
 * earlier output away (D. J. Bernstein, "Fast-key-erasure random-number generators", 2017).
 */
#include "kernel/lib/rand.h"

#include "kernel/lib/string.h"

static inline uint32_t rotate_left(uint32_t value, unsigned bits)
{
    return (value << bits) | (value >> (32 - bits));
}

/* RFC 8439, section 2.1. */
static inline void quarter_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
    *a += *b;
    *d = rotate_left(*d ^ *a, 16);
    *c += *d;
    *b = rotate_left(*b ^ *c, 12);
    *a += *b;
    *d = rotate_left(*d ^ *a, 8);
    *c += *d;
    *b = rotate_left(*b ^ *c, 7);
}

/* RFC 8439, section 2.3: ten double rounds, columns then diagonals, and the start added at the end.
 */
void rand_chacha20_block(const uint32_t key[8], uint32_t counter, const uint32_t nonce[3],
                         uint8_t out[64])
{
    const uint32_t start[16] = {
        0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, /* "expand 32-byte k" */
        key[0],     key[1],     key[2],     key[3],     key[4],   key[5],
        key[6],     key[7],     counter,    nonce[0],   nonce[1], nonce[2],
    };
    uint32_t x[16];

    memcpy(x, start, sizeof(x));
    for (int i = 0; i < 10; i++) {
        quarter_round(&x[0], &x[4], &x[8], &x[12]);
        quarter_round(&x[1], &x[5], &x[9], &x[13]);
        quarter_round(&x[2], &x[6], &x[10], &x[14]);
        quarter_round(&x[3], &x[7], &x[11], &x[15]);
        quarter_round(&x[0], &x[5], &x[10], &x[15]);
        quarter_round(&x[1], &x[6], &x[11], &x[12]);
        quarter_round(&x[2], &x[7], &x[8], &x[13]);
        quarter_round(&x[3], &x[4], &x[9], &x[14]);
    }
    for (int i = 0; i < 16; i++) {
        uint32_t word = x[i] + start[i];

        memcpy(out + 4 * i, &word, sizeof(word)); /* little-endian, as x86 is */
    }
}

/* Fills the buffer from the key, takes the next key from its start, and wipes that part. Every key
 * is used once, so counter and nonce may start at 0 each time. */
static void refill(struct rand_generator *generator)
{
    static const uint32_t nonce[3];

    for (uint32_t i = 0; i < sizeof(generator->buffer) / 64; i++)
        rand_chacha20_block(generator->key, i, nonce, generator->buffer + 64 * i);
    memcpy(generator->key, generator->buffer, sizeof(generator->key));
    memset(generator->buffer, 0, sizeof(generator->key));
    generator->used = sizeof(generator->key);
}

void rand_init(struct rand_generator *generator, const uint8_t seed[RAND_SEED_SIZE])
{
    memcpy(generator->key, seed, sizeof(generator->key));
    refill(generator);
}

/* 32 bytes at a time are added to the key, and a new key is derived: a permutation of the state
 * for an observer of the input, a loss of all knowledge for any other. */
void rand_mix(struct rand_generator *generator, const void *bytes, size_t nbytes)
{
    const uint8_t *at = bytes;

    while (nbytes > 0) {
        size_t n = MIN(nbytes, sizeof(generator->key));
        uint8_t *key = (uint8_t *)generator->key;

        for (size_t i = 0; i < n; i++)
            key[i] ^= at[i];
        refill(generator);
        at += n;
        nbytes -= n;
    }
}

/* From the buffer; bytes are wiped there as they are copied. */
static void fill_small(struct rand_generator *generator, uint8_t *dst, size_t nbytes)
{
    while (nbytes > 0) {
        size_t n;

        if (generator->used == sizeof(generator->buffer))
            refill(generator);
        n = MIN(nbytes, sizeof(generator->buffer) - generator->used);
        memcpy(dst, generator->buffer + generator->used, n);
        memset(generator->buffer + generator->used, 0, n);
        generator->used += (uint32_t)n;
        dst += n;
        nbytes -= n;
    }
}

/* A large request is one run of blocks under a key made for it, straight into dst. The copy goes to
 * dst alone, so nothing is left to wipe but the key. The block counter has 32 bits; its carry goes
 * into the nonce. */
static void fill_large(struct rand_generator *generator, uint8_t *dst, size_t nbytes)
{
    uint32_t key[8];
    uint32_t nonce[3] = {0};
    uint64_t block = 0;

    fill_small(generator, (uint8_t *)key, sizeof(key));
    for (; nbytes >= 64; nbytes -= 64, dst += 64, block++) {
        nonce[0] = (uint32_t)(block >> 32);
        rand_chacha20_block(key, (uint32_t)block, nonce, dst);
    }
    memset(key, 0, sizeof(key));
    __asm__ volatile("" : : "r"(key) : "memory"); /* the wipe must not be optimised away */
    fill_small(generator, dst, nbytes);
}

void rand_fill(struct rand_generator *generator, void *dst, size_t nbytes)
{
    if (nbytes < sizeof(generator->buffer))
        fill_small(generator, dst, nbytes);
    else
        fill_large(generator, dst, nbytes);
}
