/* SPDX-License-Identifier: MIT */
/*
 * Known-answer computations: integers, x87 and vectors.
 *
 * The vector code is written once, for 64 bytes, in the compiler's portable vectors; each function
 * below has it compiled for another instruction set. IEEE 754 fixes every bit of the results of
 * addition, multiplication, division and square root, so all widths have one answer (this file is
 * compiled without contraction to fused multiply-add).
 */
#include "rootfs/usr/src/check/arith.h"

#include <immintrin.h>
#include <string.h>

#define STEPS    4000
#define INLINE   static inline __attribute__((always_inline))
#define FOR(isa) __attribute__((target(isa), noinline))

typedef uint64_t lanes __attribute__((vector_size(64)));
typedef uint32_t half_lanes __attribute__((vector_size(64)));
typedef double doubles __attribute__((vector_size(64)));
typedef float floats __attribute__((vector_size(64)));

static const uint64_t lane_seed[8] = {
    0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb, 0xd6e8feb86659fd93,
    0xa0761d6478bd642f, 0xe7037ed1a0b428db, 0x8ebc6af09c88c6e3, 0x589965cc75374cc3,
};

INLINE uint64_t rotate(uint64_t value, unsigned n)
{
    return value << n | value >> (-n & 63);
}

INLINE uint64_t fold(const void *bytes, unsigned nwords)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < nwords; i++) {
        uint64_t word;

        memcpy(&word, (const char *)bytes + 8 * i, sizeof(word));
        sum = rotate(sum, 7) * 0x2545f4914f6cdd1d + word;
    }
    return sum;
}

__attribute__((noinline)) uint64_t arith_integer(void)
{
    uint64_t a = lane_seed[0], b = lane_seed[1], sum = 0;

    for (unsigned i = 0; i < 8 * STEPS; i++) {
        unsigned __int128 product = (unsigned __int128)a * (b | 1);

        a = rotate(a, 13) + (uint64_t)(product >> 64);
        b = (b ^ (uint64_t)product) - (a << (i & 31));
        sum = rotate(sum, 5) ^ (a + (b >> 17)) ^ (a < b);
    }
    return sum;
}

__attribute__((noinline)) uint64_t arith_divide(void)
{
    uint64_t a = lane_seed[2], sum = 0;

    for (unsigned i = 0; i < STEPS; i++) {
        uint64_t b = (a >> (i % 61)) | 1;
        int32_t low = (int32_t)a, divisor = (int32_t)(b | 2) & 0xffff;

        sum = rotate(sum, 9) + a / b + a % b + (uint64_t)(int64_t)(low / divisor);
        a = a * 6364136223846793005u + 1442695040888963407u;
    }
    return sum;
}

/* All 80 bits count. */
__attribute__((noinline)) uint64_t arith_x87(void)
{
    long double value = 1.0L, sum = 0.0L;
    uint64_t words[2] = {0, 0};

    for (unsigned i = 1; i <= STEPS; i++) {
        value = value * 1.00390625L + 0.1L / (long double)i;
        if (value > 1000.0L)
            value = value / 977.0L;
        sum += __builtin_sqrtl(value) - value * 0.25L;
    }
    memcpy(words, &sum, 10);
    return fold(words, 2);
}

INLINE uint64_t lanes_integer(void)
{
    lanes x, y = {0}, seed;
    half_lanes z;

    memcpy(&seed, lane_seed, sizeof(seed));
    x = seed;
    z = (half_lanes)seed;
    for (unsigned i = 0; i < STEPS; i++) {
        x = (x << 13) ^ (x >> 7) ^ (x + seed);
        z = z * 2654435761u + (half_lanes)x;
        y += (x & (lanes)z) ^ ((x | seed) >> 3);
        y ^= (lanes)((half_lanes)y > z);
    }
    x = (x + y) ^ (lanes)z;
    return fold(&x, 8);
}

INLINE uint64_t lanes_float(void)
{
    doubles x = {1.0, 1.5, 2.25, 3.125, 0.1, 0.7, 5.5, 9.75}, sum = {0};
    floats y = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, total = {0};
    uint64_t words[16];

    /* Both iterations stay near a fixed point: no overflow, no denormal numbers. */
    for (unsigned i = 0; i < STEPS; i++) {
        x = x * 0.75 + 3.0 / (x + 1.0);
        sum = (sum + x) * 0.999;
        y = y * 0.5f + 2.0f / (y + 0.25f);
        total = (total - y) * 0.875f;
    }
    memcpy(words, &sum, 64);
    memcpy(words + 8, &total, 64);
    return fold(words, 16);
}

__attribute__((noinline)) uint64_t arith_sse_integer(void)
{
    return lanes_integer();
}

__attribute__((noinline)) uint64_t arith_sse_float(void)
{
    return lanes_float();
}

FOR("avx") uint64_t arith_avx_float(void)
{
    return lanes_float();
}

FOR("avx2") uint64_t arith_avx2_integer(void)
{
    return lanes_integer();
}

FOR("avx512f,avx512bw,avx512dq,avx512vl") uint64_t arith_avx512_integer(void)
{
    return lanes_integer();
}

FOR("avx512f,avx512bw,avx512dq,avx512vl") uint64_t arith_avx512_float(void)
{
    return lanes_float();
}

/* The product is not rounded: 1 + 2^-52 squared shows it in every step. */
FOR("avx,fma") uint64_t arith_fma(void)
{
    __m256d x = _mm256_set_pd(1.5, 1.25, 0.3, 0.9), c = _mm256_set1_pd(1.0 + 0x1p-52);
    __m256d sum = _mm256_setzero_pd();
    uint64_t words[4];

    for (unsigned i = 0; i < STEPS; i++) {
        x = _mm256_fmadd_pd(x, c, _mm256_set1_pd(-0x1p-30));
        sum = _mm256_fnmadd_pd(x, x, sum);
    }
    _mm256_storeu_pd((double *)words, sum);
    return fold(words, 4);
}

FOR("popcnt") uint64_t arith_popcount(void)
{
    uint64_t x = lane_seed[3], sum = 0;

    for (unsigned i = 0; i < STEPS; i++) {
        sum = rotate(sum, 3) + (uint64_t)__builtin_popcountll(x);
        x = x * 6364136223846793005u + i;
    }
    return sum;
}

FOR("bmi,bmi2,lzcnt") uint64_t arith_bmi(void)
{
    uint64_t x = lane_seed[4], sum = 0;

    for (unsigned i = 0; i < STEPS; i++) {
        uint64_t mask = rotate(x, 23) ^ lane_seed[5];

        sum = rotate(sum, 11) + _pdep_u64(x, mask) + (_pext_u64(x, mask) ^ _andn_u64(x, mask));
        sum += _lzcnt_u64(x >> (i & 63)) + _tzcnt_u64(x << (i & 63));
        x = x * 6364136223846793005u + sum;
    }
    return sum;
}

/* CRC-32C: the first answer is that of every description of it, the rest goes on from there. */
FOR("sse4.2") uint64_t arith_crc(void)
{
    uint32_t crc = 0xffffffff;
    uint64_t chain;

    for (unsigned i = 0; i < 9; i++)
        crc = _mm_crc32_u8(crc, (unsigned char)"123456789"[i]);
    if (~crc != 0xe3069283)
        return ~crc;
    chain = crc;
    for (unsigned i = 0; i < STEPS; i++)
        chain = _mm_crc32_u64(chain, rotate(lane_seed[i & 7], i & 31)) | (uint64_t)i << 40;
    return chain;
}

FOR("pclmul") uint64_t arith_clmul(void)
{
    __m128i x = _mm_set_epi64x((long long)lane_seed[6], (long long)lane_seed[7]);
    __m128i c = _mm_set_epi64x((long long)lane_seed[0], (long long)lane_seed[1]);
    uint64_t words[2];

    for (unsigned i = 0; i < STEPS; i++)
        x = _mm_xor_si128(_mm_clmulepi64_si128(x, c, 0x01), _mm_shuffle_epi32(x, 0x93));
    _mm_storeu_si128((__m128i *)words, x);
    return fold(words, 2);
}
