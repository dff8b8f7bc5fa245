/* SPDX-License-Identifier: MIT */
/*
 * Checksums by carry-less multiplication: many bytes to sixteen with the same remainder.
 *
 * A lane is 128 bits of the message, the first bit of its first byte the highest power.
 * To move a lane on by n bits is to multiply it by x^n; since only the remainder by the polynomial
 * counts, each of its halves is multiplied by the remainder of the power in question, which has 32
 * bits, and the product fits into a lane again.
 */
#include "efi-loader/fold.h"

#include <immintrin.h>

#define POLYNOMIAL 0x04c11db7u
#define LANE_BITS  128u
#define LANES      4u

#define CPUID_1_ECX_PCLMULQDQ (1u << 1)
#define CPUID_1_ECX_SSSE3     (1u << 9)

#define VECTORS __attribute__((target("ssse3,pclmul")))

bool fold_possible(void)
{
    const uint32_t wanted = CPUID_1_ECX_PCLMULQDQ | CPUID_1_ECX_SSSE3;
    uint32_t eax = 1, ebx, ecx = 0, edx;

    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return (ecx & wanted) == wanted;
}

/* The remainder of x^n. Modulo the polynomial, bit by bit: n is small and this runs a few times. */
static uint32_t power(unsigned n)
{
    uint32_t remainder = 1;

    while (n-- > 0)
        remainder = remainder << 1 ^ (remainder >> 31 ? POLYNOMIAL : 0);
    return remainder;
}

/* What moves a lane on by so many bits: the factors of its high and low half. */
VECTORS static __m128i mover(unsigned nbits)
{
    return _mm_set_epi64x(power(nbits + LANE_BITS / 2), power(nbits));
}

VECTORS static inline __m128i move_on(__m128i lane, __m128i mover)
{
    return _mm_xor_si128(_mm_clmulepi64_si128(lane, mover, 0x11),
                         _mm_clmulepi64_si128(lane, mover, 0x00));
}

/* cksum takes the first byte as the highest power; a lane loaded from memory has it lowest. */
VECTORS static inline __m128i swap_bytes(__m128i lane)
{
    return _mm_shuffle_epi8(lane,
                            _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

VECTORS static inline __m128i load(const __m128i *from)
{
    return swap_bytes(_mm_loadu_si128(from));
}

/* Four lanes at a time hide the latency of the multiplication. */
VECTORS size_t fold(const void *bytes, size_t nbytes, unsigned char out[FOLD_NBYTES])
{
    const __m128i *at = bytes, *end = at + nbytes / sizeof(__m128i) / LANES * LANES;
    const __m128i by_all = mover(LANES * LANE_BITS), by_one = mover(LANE_BITS);
    __m128i lanes[LANES], sum;

    if (at == end)
        return 0;
    for (unsigned i = 0; i < LANES; i++)
        lanes[i] = load(at + i);
    for (at += LANES; at < end; at += LANES)
        for (unsigned i = 0; i < LANES; i++)
            lanes[i] = _mm_xor_si128(move_on(lanes[i], by_all), load(at + i));
    sum = lanes[0];
    for (unsigned i = 1; i < LANES; i++)
        sum = _mm_xor_si128(move_on(sum, by_one), lanes[i]);
    _mm_storeu_si128((__m128i *)(void *)out, swap_bytes(sum));
    return (size_t)((const char *)end - (const char *)bytes);
}
