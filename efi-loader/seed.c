/* SPDX-License-Identifier: MIT */
/*
 * Random bytes for the kernel's generator.
 *
 * The firmware's generator (EFI_RNG_PROTOCOL), RDRAND and the time stamp counter are combined by
 * XOR, so that a source that fails or is predictable takes nothing away from the others. The
 * quality that is reported counts the first two only: a counter that is read a few times has little
 * randomness, however well it is spread.
 */
#include "efi-loader/seed.h"
#include "efi-loader/cpu.h"
#include "kernel/lib/string.h"

#define SEED_WORDS (SEED_SIZE / 8)

/* The default algorithm of the firmware (UEFI 2.10 section 37.5). */
static bool ask_firmware(EFI_BOOT_SERVICES *bs, uint64_t words[SEED_WORDS])
{
    static EFI_GUID guid = EFI_RNG_PROTOCOL_GUID;
    EFI_RNG_PROTOCOL *rng;

    if (EFI_ERROR(bs->LocateProtocol(&guid, NULL, (void **)&rng)))
        return false;
    return !EFI_ERROR(rng->GetRNG(rng, NULL, SEED_SIZE, (UINT8 *)words));
}

/* All words or none: a generator that stops in the middle counts as none. */
static bool ask_processor(uint64_t words[SEED_WORDS])
{
    for (size_t i = 0; i < SEED_WORDS; i++) {
        uint64_t value;

        if (!cpu_read_random(&value))
            return false;
        words[i] ^= value;
    }
    return true;
}

/* A step of splitmix64: spreads the few bits that change from boot to boot over the word. It adds
 * no randomness, and the quality says so. */
static uint64_t spread(uint64_t x)
{
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

uint32_t seed_collect(EFI_BOOT_SERVICES *bs, bool rdrand, uint8_t seed[SEED_SIZE])
{
    uint64_t words[SEED_WORDS] = {0};
    bool good = ask_firmware(bs, words);

    if (!good)
        memset(words, 0, sizeof(words));
    if (rdrand && ask_processor(words))
        good = true;
    for (size_t i = 0; i < SEED_WORDS; i++)
        words[i] ^= spread(cpu_read_tsc() + i);
    memcpy(seed, words, SEED_SIZE);
    return good;
}
