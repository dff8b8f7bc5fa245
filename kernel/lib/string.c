/* SPDX-License-Identifier: MIT */
/*
 * Memory and string functions without SSE, for the kernel and the loader.
 *
 * Blocks up to 32 bytes are moved by at most four loads and four stores that may overlap each
 * other; larger ones in steps of 32 bytes; from REP_MIN on by the string instructions, which move
 * eight bytes an iteration and are the fastest way on every processor since 2008.
 *
 * Why not a simple loop: the compiler would turn it into a call of the function it stands in.
 * Names in parentheses are the functions themselves, not the macros of string.h.
 */
#include "kernel/lib/string.h"

/* On the host the C library's functions are used, so that sanitizers see every access. */
#if !__STDC_HOSTED__

/* Below this the instruction's start-up costs more than the loop. */
#define REP_MIN 128

/* Unaligned words, exempt from the aliasing rules. A structure rather than __builtin_memcpy, which
 * without optimisation is a call of memcpy. */
struct word64 {
    uint64_t value;
} __attribute__((packed, may_alias));

struct word32 {
    uint32_t value;
} __attribute__((packed, may_alias));

struct word16 {
    uint16_t value;
} __attribute__((packed, may_alias));

static inline uint64_t load64(const void *where)
{
    return ((const struct word64 *)where)->value;
}

/* Loads and stores have no alignment requirement on x86; a page crossing costs some cycles. */
static inline void store64(void *where, uint64_t value)
{
    ((struct word64 *)where)->value = value;
}

/* The same for four bytes, and two. */
static inline uint32_t load32(const void *where)
{
    return ((const struct word32 *)where)->value;
}

static inline uint16_t load16(const void *where)
{
    return ((const struct word16 *)where)->value;
}

static inline void store32(void *where, uint32_t value)
{
    ((struct word32 *)where)->value = value;
}

/* At most 32 bytes. Every load comes before the first store: right for any overlap. Overlapping
 * loads instead of a loop: one branch for each size class, none for each byte. */
static inline void move_small(char *dst, const char *src, size_t n)
{
    if (n >= 16) {
        uint64_t a = load64(src), b = load64(src + 8);
        uint64_t c = load64(src + n - 16), d = load64(src + n - 8);

        store64(dst, a);
        store64(dst + 8, b);
        store64(dst + n - 16, c);
        store64(dst + n - 8, d);
    } else if (n >= 8) {
        uint64_t a = load64(src), b = load64(src + n - 8);

        store64(dst, a);
        store64(dst + n - 8, b);
    } else if (n >= 4) {
        uint32_t a = load32(src), b = load32(src + n - 4);

        store32(dst, a);
        store32(dst + n - 4, b);
    } else if (n > 0) {
        char a = src[0], b = src[n / 2], c = src[n - 1];

        dst[0] = a;
        dst[n / 2] = b;
        dst[n - 1] = c;
    }
}

/* More than 32 bytes, from the lowest address up: right unless dst lies inside src. The tail is
 * loaded first because the loop may overwrite it. */
static inline void move_up(char *dst, const char *src, size_t n)
{
    uint64_t tail0 = load64(src + n - 32), tail1 = load64(src + n - 24);
    uint64_t tail2 = load64(src + n - 16), tail3 = load64(src + n - 8);
    char *end = dst + n;

    if (n >= REP_MIN) {
        size_t nwords = n / 8;

        __asm__ volatile("rep movsq" : "+D"(dst), "+S"(src), "+c"(nwords) : : "memory");
        /* What the whole words left, up to seven bytes, overlapping the last word. */
        store64(end - 8, tail3);
        return;
    }
    for (; n > 32; n -= 32, src += 32, dst += 32) {
        uint64_t a = load64(src), b = load64(src + 8);
        uint64_t c = load64(src + 16), d = load64(src + 24);

        store64(dst, a);
        store64(dst + 8, b);
        store64(dst + 16, c);
        store64(dst + 24, d);
    }
    store64(end - 32, tail0);
    store64(end - 24, tail1);
    store64(end - 16, tail2);
    store64(end - 8, tail3);
}

/* More than 32 bytes, from the highest address down: right unless src lies inside dst. No string
 * instruction: those are slow backwards. */
static void move_down(char *dst, const char *src, size_t n)
{
    uint64_t head0 = load64(src), head1 = load64(src + 8);
    uint64_t head2 = load64(src + 16), head3 = load64(src + 24);

    for (; n > 32; n -= 32) {
        uint64_t a = load64(src + n - 8), b = load64(src + n - 16);
        uint64_t c = load64(src + n - 24), d = load64(src + n - 32);

        store64(dst + n - 8, a);
        store64(dst + n - 16, b);
        store64(dst + n - 24, c);
        store64(dst + n - 32, d);
    }
    store64(dst, head0);
    store64(dst + 8, head1);
    store64(dst + 16, head2);
    store64(dst + 24, head3);
}

/* move_up is right for memcpy, whose operands never overlap. */
void *(memcpy)(void *restrict dst, const void *restrict src, size_t nbytes)
{
    if (nbytes <= 32)
        move_small(dst, src, nbytes);
    else
        move_up(dst, src, nbytes);
    return dst;
}

/* The unsigned difference is at least nbytes also when dst lies below src: it wraps around. */
void *(memmove)(void *dst, const void *src, size_t nbytes)
{
    if (nbytes <= 32)
        move_small(dst, src, nbytes);
    else if ((uintptr_t)dst - (uintptr_t)src >= nbytes) /* below src, or not overlapping */
        move_up(dst, src, nbytes);
    else
        move_down(dst, src, nbytes);
    return dst;
}

/* As move_small: overlapping stores. */
static inline void set_small(char *dst, uint64_t pattern, size_t n)
{
    if (n >= 16) {
        store64(dst, pattern);
        store64(dst + 8, pattern);
        store64(dst + n - 16, pattern);
        store64(dst + n - 8, pattern);
    } else if (n >= 8) {
        store64(dst, pattern);
        store64(dst + n - 8, pattern);
    } else if (n >= 4) {
        store32(dst, (uint32_t)pattern);
        store32(dst + n - 4, (uint32_t)pattern);
    } else if (n > 0) {
        dst[0] = (char)pattern;
        dst[n / 2] = (char)pattern;
        dst[n - 1] = (char)pattern;
    }
}

/* The multiplication repeats the byte in all eight places. */
void *(memset)(void *dst, int byte, size_t nbytes)
{
    uint64_t pattern = (uint8_t)byte * 0x0101010101010101ULL;
    char *at = dst;
    char *end = at + nbytes;

    if (nbytes <= 32) {
        set_small(at, pattern, nbytes);
        return dst;
    }
    if (nbytes >= REP_MIN) {
        size_t nwords = nbytes / 8;

        __asm__ volatile("rep stosq" : "+D"(at), "+c"(nwords) : "a"(pattern) : "memory");
        store64(end - 8, pattern);
        return dst;
    }
    for (; end - at > 32; at += 32) {
        store64(at, pattern);
        store64(at + 8, pattern);
        store64(at + 16, pattern);
        store64(at + 24, pattern);
    }
    set_small(end - 32, pattern, 32);
    return dst;
}

/* The order of two different words is that of their first differing byte: of the words read as
 * big-endian numbers. */
static inline int compare_words(uint64_t one, uint64_t other)
{
    return __builtin_bswap64(one) < __builtin_bswap64(other) ? -1 : 1;
}

/* Eight bytes at a time until two words differ; the order is decided once, at the end. */
int memcmp(const void *one, const void *other, size_t nbytes)
{
    const uint8_t *a = one, *b = other;

    for (; nbytes >= 8; nbytes -= 8, a += 8, b += 8) {
        uint64_t x = load64(a), y = load64(b);

        if (x != y)
            return compare_words(x, y);
    }
    if (nbytes & 4) {
        uint32_t x = load32(a), y = load32(b);

        if (x != y)
            return compare_words(x, y);
        a += 4;
        b += 4;
    }
    if (nbytes & 2) {
        uint16_t x = load16(a), y = load16(b);

        if (x != y)
            return compare_words(x, y);
        a += 2;
        b += 2;
    }
    return nbytes & 1 ? *a - *b : 0;
}

/* Bit 7 of each byte that is 0; the lowest of them is exact, higher ones may be a carry's. */
static inline uint64_t zero_bytes(uint64_t word)
{
    return (word - 0x0101010101010101ULL) & ~word & 0x8080808080808080ULL;
}

/* The exclusive or makes the byte that is searched zero; the machine is little-endian, so the
 * lowest zero byte is the first one. */
void *memchr(const void *bytes, int byte, size_t nbytes)
{
    uint64_t pattern = (uint8_t)byte * 0x0101010101010101ULL;
    const uint8_t *at = bytes;

    for (; nbytes >= 8; nbytes -= 8, at += 8) {
        uint64_t zeroes = zero_bytes(load64(at) ^ pattern);

        if (zeroes)
            return (void *)(uintptr_t)(at + __builtin_ctzll(zeroes) / 8);
    }
    for (; nbytes > 0; nbytes--, at++) {
        if (*at == (uint8_t)byte)
            return (void *)(uintptr_t)at;
    }
    return NULL;
}

/* Aligned words: one may reach past the NUL, but never into the next page. AddressSanitizer
 * cannot know that this is harmless: it is off in this function (and so load64 is not used). */
__attribute__((no_sanitize_address)) size_t strlen(const char *text)
{
    const char *at = text;

    for (; (uintptr_t)at % 8 != 0; at++) {
        if (!*at)
            return (size_t)(at - text);
    }
    for (;; at += 8) {
        uint64_t zeroes = zero_bytes(((const struct word64 *)at)->value);

        if (zeroes)
            return (size_t)(at - text) + (size_t)__builtin_ctzll(zeroes) / 8;
    }
}

/* memchr reads no byte behind max: text need not end. */
size_t strnlen(const char *text, size_t max)
{
    const char *nul = memchr(text, 0, max);

    return nul ? (size_t)(nul - text) : max;
}

/* Bytes compare as unsigned, as in C. */
int strcmp(const char *one, const char *other)
{
    for (; *one && *one == *other; one++, other++)
        ;
    return (uint8_t)*one - (uint8_t)*other;
}

/* Stops at the NUL of both, so that max may be larger than either text. */
int strncmp(const char *one, const char *other, size_t max)
{
    for (; max > 0; max--, one++, other++) {
        if (*one != *other || !*one)
            return (uint8_t)*one - (uint8_t)*other;
    }
    return 0;
}

/* The NUL belongs to the text: it can be searched for. */
char *strchr(const char *text, int byte)
{
    for (; *text != (char)byte; text++) {
        if (!*text)
            return NULL;
    }
    return (char *)(uintptr_t)text;
}

/* One pass: remembers the last match until the NUL. */
char *strrchr(const char *text, int byte)
{
    const char *found = NULL;

    for (;; text++) {
        if (*text == (char)byte)
            found = text;
        if (!*text)
            return (char *)(uintptr_t)found;
    }
}

#endif /* !__STDC_HOSTED__ */

/* Like strlcpy: always a NUL, and the length that would have been needed. */
size_t str_copy(char *dst, size_t size, const char *src)
{
    size_t length = strlen(src);

    if (size > 0) {
        size_t ncopied = MIN(length, size - 1);

        memcpy(dst, src, ncopied);
        dst[ncopied] = '\0';
    }
    return length;
}
