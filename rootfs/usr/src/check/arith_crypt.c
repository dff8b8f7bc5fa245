/* SPDX-License-Identifier: MIT */
/*
 * Known-answer computations: AES and SHA-256, by the instructions for them.
 *
 * Each begins with the example of its standard, whose answer is compared here; a chain goes on from
 * it, and its end is the number that the caller compares.
 */
#include <immintrin.h>
#include <string.h>

#include "rootfs/usr/src/check/arith.h"

#define STEPS    300
#define FOR(isa) __attribute__((target(isa), noinline))
#define WRONG    0xbad /* what is returned when the standard's own example fails */

/* FIPS 197, appendix C.1. */
static const uint8_t aes_plain[16] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                      0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
static const uint8_t aes_cipher[16] = {0x69, 0xc4, 0xe0, 0xd8, 0x6a, 0x7b, 0x04, 0x30,
                                       0xd8, 0xcd, 0xb7, 0x80, 0x70, 0xb4, 0xc5, 0x5a};

FOR("aes") static __m128i key_next(__m128i key, __m128i assist)
{
    assist = _mm_shuffle_epi32(assist, 0xff);
    key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
    return _mm_xor_si128(key, assist);
}

/* The round constant is part of the instruction, hence no loop. The key is 00 01 .. 0f. */
FOR("aes") static void keys_expand(__m128i keys[11])
{
    keys[0] = _mm_set_epi64x(0x0f0e0d0c0b0a0908, 0x0706050403020100);
    keys[1] = key_next(keys[0], _mm_aeskeygenassist_si128(keys[0], 0x01));
    keys[2] = key_next(keys[1], _mm_aeskeygenassist_si128(keys[1], 0x02));
    keys[3] = key_next(keys[2], _mm_aeskeygenassist_si128(keys[2], 0x04));
    keys[4] = key_next(keys[3], _mm_aeskeygenassist_si128(keys[3], 0x08));
    keys[5] = key_next(keys[4], _mm_aeskeygenassist_si128(keys[4], 0x10));
    keys[6] = key_next(keys[5], _mm_aeskeygenassist_si128(keys[5], 0x20));
    keys[7] = key_next(keys[6], _mm_aeskeygenassist_si128(keys[6], 0x40));
    keys[8] = key_next(keys[7], _mm_aeskeygenassist_si128(keys[7], 0x80));
    keys[9] = key_next(keys[8], _mm_aeskeygenassist_si128(keys[8], 0x1b));
    keys[10] = key_next(keys[9], _mm_aeskeygenassist_si128(keys[9], 0x36));
}

FOR("aes") static __m128i encrypt(__m128i block, const __m128i keys[11])
{
    block = _mm_xor_si128(block, keys[0]);
    for (unsigned i = 1; i < 10; i++)
        block = _mm_aesenc_si128(block, keys[i]);
    return _mm_aesenclast_si128(block, keys[10]);
}

FOR("aes") static __m128i decrypt(__m128i block, const __m128i keys[11])
{
    block = _mm_xor_si128(block, keys[10]);
    for (unsigned i = 9; i > 0; i--)
        block = _mm_aesdec_si128(block, _mm_aesimc_si128(keys[i]));
    return _mm_aesdeclast_si128(block, keys[0]);
}

FOR("aes") uint64_t arith_aes(void)
{
    __m128i keys[11], block;
    uint64_t words[2];

    keys_expand(keys);
    block = encrypt(_mm_loadu_si128((const __m128i *)aes_plain), keys);
    if (memcmp(&block, aes_cipher, sizeof(block)) != 0)
        return WRONG;
    block = decrypt(block, keys);
    if (memcmp(&block, aes_plain, sizeof(block)) != 0)
        return WRONG;
    for (unsigned i = 0; i < STEPS; i++)
        block = encrypt(block, keys);
    memcpy(words, &block, sizeof(words));
    return words[0];
}

static const uint32_t sha_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
static const uint32_t sha_start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
/* FIPS 180-4's example "abc". */
static const uint32_t sha_abc[8] = {0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223,
                                    0xb00361a3, 0x96177a9c, 0xb410ff61, 0xf20015ad};

/* One block of 16 big-endian words, given as numbers. The instructions keep the state as ABEF and
 * CDGH (Intel SDM vol. 2, SHA256RNDS2). */
FOR("sha,sse4.1") static void sha_block(const uint32_t words[16], uint32_t out[8])
{
    __m128i w[16], abef, cdgh, start[2], dcba, hgfe;

    dcba = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)sha_start), 0xb1);
    hgfe = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(sha_start + 4)), 0x1b);
    start[0] = abef = _mm_alignr_epi8(dcba, hgfe, 8);
    start[1] = cdgh = _mm_blend_epi16(hgfe, dcba, 0xf0);
    for (unsigned i = 0; i < 16; i++) {
        __m128i sum;

        if (i < 4)
            w[i] = _mm_loadu_si128((const __m128i *)(words + 4 * i));
        else
            w[i] = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(w[i - 4], w[i - 3]),
                                                      _mm_alignr_epi8(w[i - 1], w[i - 2], 4)),
                                        w[i - 1]);
        sum = _mm_add_epi32(w[i], _mm_loadu_si128((const __m128i *)(sha_constants + 4 * i)));
        cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
        abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
    }
    abef = _mm_shuffle_epi32(_mm_add_epi32(abef, start[0]), 0x1b);
    cdgh = _mm_shuffle_epi32(_mm_add_epi32(cdgh, start[1]), 0xb1);
    _mm_storeu_si128((__m128i *)out, _mm_blend_epi16(abef, cdgh, 0xf0));
    _mm_storeu_si128((__m128i *)(out + 4), _mm_alignr_epi8(cdgh, abef, 8));
}

/* The hash of "abc", the hash of that hash, and so on. */
FOR("sha,sse4.1") uint64_t arith_sha(void)
{
    uint32_t words[16] = {0x61626380}, hash[8];

    words[15] = 3 * 8;
    sha_block(words, hash);
    if (memcmp(hash, sha_abc, sizeof(hash)) != 0)
        return WRONG;
    memset(words, 0, sizeof(words));
    words[8] = 0x80000000;
    words[15] = 32 * 8;
    for (unsigned i = 0; i < STEPS; i++) {
        memcpy(words, hash, sizeof(hash));
        sha_block(words, hash);
    }
    return (uint64_t)hash[0] << 32 | hash[1];
}
