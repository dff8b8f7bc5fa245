/* SPDX-License-Identifier: MIT */
/*
 * The MTRRs of the first processor, on the others.
 *
 * Some firmware sets those of the first alone, and a processor comes back from sleep, or from an
 * INIT on some machines, without. Then its memory is uncached, or of another type than for the
 * rest. One that agrees, as nearly all do, is left alone.
 *
 * The order of writing is that of Intel SDM vol. 3, section 12.11.8: caches and translations are
 * emptied and caching is off while the registers change. That section stops all other processors as
 * well, since they would see the old types meanwhile; here the one that changes has just started,
 * and has touched nothing but its own stack and data.
 *
 * On AMD's processors a fixed range has two more bits for each part, RdMem and WrMem, which show
 * and take writes only while MtrrFixDramModEn is set in SYSCFG; otherwise they read as 0, and
 * writing 1 is #GP. Firmware should have cleared that bit on all, and has on some: it is cleared
 * first (AMD APM vol. 2, section 7.9.1). A write that faults all the same leaves its register as it
 * was.
 */
#include "kernel/arch/x86_64/mtrr.h"

#include "kernel/arch/x86_64/features.h"
#include "kernel/arch/x86_64/msr.h"
#include "kernel/arch/x86_64/regs.h"

#define HAS_MTRR      (1u << 12) /* in CPUID.1:EDX */
#define CAP           0xfeU
#define CAP_COUNT     0xffU
#define CAP_FIXED     0x100U
#define DEFAULT_TYPE  0x2ffU
#define ENABLE        (1ULL << 11) /* in the default type */
#define VARIABLE      0x200U       /* base and mask of each range */
#define VARIABLE_MAX  32U          /* registers; the next number is that of something else */
#define CR0_CD        (1ULL << 30)
#define SYSCFG        0xc0010010U
#define SYSCFG_MODIFY (1ULL << 19) /* MtrrFixDramModEn */

/* Each has the types of 8 parts of the first MiB. */
static const uint16_t fixed[] = {0x250, 0x258, 0x259, 0x268, 0x269, 0x26a,
                                 0x26b, 0x26c, 0x26d, 0x26e, 0x26f};

/* Constant after mtrr_save: variable ones, fixed ones, the default type. */
static uint64_t values[VARIABLE_MAX + ARRAY_SIZE(fixed) + 1];
static uint64_t capabilities;
static unsigned nvariable, count; /* 0: there are none */

static uint32_t mtrr_of(unsigned i)
{
    if (i < nvariable)
        return VARIABLE + i;
    return i + 1 < count ? fixed[i - nvariable] : DEFAULT_TYPE;
}

/* No other processors than AMD's have the register. */
static void dram_bits_hide(void)
{
    uint64_t value;

    if (!arch_msr_read_safe(SYSCFG, &value) || !(value & SYSCFG_MODIFY))
        return;
    if (!arch_msr_write_safe(SYSCFG, value & ~SYSCFG_MODIFY))
        return; /* the writes below may fault then, which is seen */
}

COLD void mtrr_save(void)
{
    if (!(features.hwcap & HAS_MTRR))
        return;
    dram_bits_hide();
    capabilities = msr_read(CAP);
    nvariable = MIN(2 * (unsigned)(capabilities & CAP_COUNT), VARIABLE_MAX);
    count = nvariable + (capabilities & CAP_FIXED ? ARRAY_SIZE(fixed) : 0) + 1;
    for (unsigned i = 0; i < count; i++)
        values[i] = msr_read(mtrr_of(i));
}

static void caches_flush(void)
{
    uint64_t cr4 = cr4_read();

    cache_flush_all();
    cr4_write(cr4 & ~CR4_PGE);
    cr3_write(cr3_read());
    cr4_write(cr4);
}

COLD enum mtrr_fate mtrr_copy(void)
{
    uint64_t cr0 = cr0_read();
    bool same = true, taken;

    if (!count || msr_read(CAP) != capabilities)
        return MTRR_SAME;
    dram_bits_hide();
    for (unsigned i = 0; i < count; i++)
        same = same && msr_read(mtrr_of(i)) == values[i];
    if (same)
        return MTRR_SAME;
    cr0_write(cr0 | CR0_CD);
    caches_flush();
    taken = arch_msr_write_safe(DEFAULT_TYPE, values[count - 1] & ~ENABLE);
    for (unsigned i = 0; i < count; i++) /* the default type, which switches them on, last */
        taken &= arch_msr_write_safe(mtrr_of(i), values[i]);
    caches_flush(); /* also of what the TLB has learnt meanwhile, when all was uncached */
    cr0_write(cr0);
    return taken ? MTRR_COPIED : MTRR_REFUSED;
}
