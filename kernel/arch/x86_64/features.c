/* SPDX-License-Identifier: MIT */
/*
 * Processor features, and the control registers that follow from them.
 *
 * CPUID is asked once, on the boot processor; the others get the same CR0, CR4, EFER and PAT by
 * features_enable. A CR4 or MSR bit is set only after CPUID has reported it: setting an absent one
 * is #GP on a processor and a hang under some emulators.
 */
#include "kernel/arch/x86_64/features.h"

#include "kernel/arch/x86_64/cpuid.h"
#include "kernel/arch/x86_64/fpu.h"
#include "kernel/arch/x86_64/msr.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/lib/string.h"

#define TCG_SIGNATURE 0x54474354 /* "TCGT": QEMU emulates the processor */

struct features features;
/* By themselves, as bytes: the entry and copy code reads them in assembly. */
uint8_t features_smap;
uint8_t features_wide_copy;

static bool bit(uint32_t word, unsigned n)
{
    return (word >> n) & 1;
}

/* Leaf 0 gives the vendor as EBX, EDX, ECX. */
static void brand_read(uint32_t max_extended)
{
    struct cpuid_result r = cpuid_query(0, 0);

    memcpy(features.vendor, &r.ebx, 4);
    memcpy(features.vendor + 4, &r.edx, 4);
    memcpy(features.vendor + 8, &r.ecx, 4);
    if (max_extended < 0x80000004)
        return;
    for (uint32_t i = 0; i < 3; i++) {
        r = cpuid_query(0x80000002 + i, 0);
        memcpy(features.brand + 16 * i, &r, 16);
    }
}

/* Leaf 0xD (Intel SDM vol. 1, chapter 13). Components beyond AVX-512 stay off: each would enlarge
 * the area of every program. AVX-512 is three components, which are valid only together and with
 * AVX. */
static void xsave_detect(void)
{
    struct cpuid_result r = cpuid_query(0xd, 0);
    uint64_t wanted = XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512;
    uint64_t offered = (r.eax | (uint64_t)r.edx << 32) & wanted;

    if ((offered & XCR0_AVX512) != XCR0_AVX512 || !(offered & XCR0_AVX))
        offered &= ~XCR0_AVX512;
    features.xcr0 = offered;
    features.avx = (offered & XCR0_AVX) != 0;
}

COLD void features_detect(void)
{
    uint32_t max_basic = cpuid_query(0, 0).eax;
    uint32_t max_extended = cpuid_query(0x80000000, 0).eax;
    struct cpuid_result r = cpuid_query(1, 0);

    features.hwcap = r.edx;
    features.pge = bit(r.edx, 13);
    features.x2apic = bit(r.ecx, 21);
    features.tsc_deadline = bit(r.ecx, 24);
    features.xsave = bit(r.ecx, 26);
    features.rdrand = bit(r.ecx, 30);
    features.hypervisor = bit(r.ecx, 31);
    features.tcg = features.hypervisor && cpuid_query(0x40000000, 0).ebx == TCG_SIGNATURE;
    if (max_basic >= 7) {
        r = cpuid_query(7, 0);
        features.fsgsbase = bit(r.ebx, 0);
        features.smep = bit(r.ebx, 7);
        features.erms = bit(r.ebx, 9);
        features.smap = bit(r.ebx, 20);
        features.umip = bit(r.ecx, 2);
    }
    if (max_extended >= 0x80000001) {
        r = cpuid_query(0x80000001, 0);
        features.nx = bit(r.edx, 20);
        features.gb_pages = bit(r.edx, 26);
        features.rdtscp = bit(r.edx, 27);
    }
    if (max_extended >= 0x80000007)
        features.invariant_tsc = bit(cpuid_query(0x80000007, 0).edx, 8);
    /* What a processor without leaf 80000008h has (Intel SDM vol. 3, section 4.1.4). */
    features.max_physical_bits = 36;
    if (max_extended >= 0x80000008)
        features.max_physical_bits = cpuid_query(0x80000008, 0).eax & 0xff;
    if (features.xsave && max_basic >= 0xd)
        xsave_detect();
    else
        features.xsave = false;
    brand_read(max_extended);
}

COLD void features_enable(void)
{
    uint64_t cr4 = CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT;

    /* PAT slot 4 becomes write-combining, the others stay at their reset values. Before the flush
     * of all translations that comes next: those of the screen have the old type. */
    msr_write(MSR_PAT, (0x0007040600070406ULL & ~(0xffULL << 32)) | (0x01ULL << 32));
    /* Global translations of the firmware's go with the bit; then it is set for our own. */
    cr4_write(cr4_read() & ~CR4_PGE);
    if (features.pge)
        cr4 |= CR4_PGE;
    if (features.umip)
        cr4 |= CR4_UMIP;
    if (features.fsgsbase)
        cr4 |= CR4_FSGSBASE;
    if (features.smep)
        cr4 |= CR4_SMEP;
    if (features.smap)
        cr4 |= CR4_SMAP;
    if (features.xsave)
        cr4 |= CR4_OSXSAVE;
    cr4_write(cr4);
    features_smap = features.smap;
    /* Where rep movsb is slow and AVX is there without the frequency cost of AVX-512. */
    features_wide_copy = features.avx && !features.erms && !(features.xcr0 & XCR0_AVX512);

    /* AM lets ring 3 ask for alignment checks; CD and NW are off for normal caching. */
    cr0_write(CR0_PG | CR0_PE | CR0_ET | CR0_MP | CR0_NE | CR0_WP | CR0_AM);
    msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_SCE | (features.nx ? EFER_NXE : 0));
    fpu_enable();
}
