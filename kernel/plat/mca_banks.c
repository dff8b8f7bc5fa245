/* SPDX-License-Identifier: MIT */
/*
 * The machine-check banks of this processor, by their MSRs.
 *
 * The bits of a status are architectural from 57 up; the rest is the model's and shown as it is.
 */
#include "kernel/plat/mca_banks.h"

#include "kernel/arch/x86_64/cpuid.h"
#include "kernel/arch/x86_64/msr.h"
#include "kernel/lib/fmt.h"

#define CPUID_MCE (1u << 7)  /* leaf 1, EDX */
#define CPUID_MCA (1u << 14) /* likewise */

#define MCG_CAP_COUNT 0xffu
#define MCG_CAP_CTL   (1u << 8) /* MSR_MCG_CTL exists */

/* Four registers a bank. */
#define MSR_BANK_CTL(bank)     (MSR_MC0_CTL + 4 * (bank))
#define MSR_BANK_STATUS(bank)  (MSR_MC0_CTL + 4 * (bank) + 1)
#define MSR_BANK_ADDRESS(bank) (MSR_MC0_CTL + 4 * (bank) + 2)
#define MSR_BANK_MISC(bank)    (MSR_MC0_CTL + 4 * (bank) + 3)

#define STATUS_VALID       (1ULL << 63)
#define STATUS_UNCORRECTED (1ULL << 61)
#define STATUS_MISC        (1ULL << 59)
#define STATUS_ADDRESS     (1ULL << 58)

/* Behind the registers of so many banks are those of other things. Processors with more have the
 * rest elsewhere (AMD's scalable MCA); those are left as the firmware set them. */
#define BANKS_MAX 32u

/* Before that model, bank 0's control register of the family is the BIOS's. */
#define FAMILY_P6       6
#define MODEL_BANK0_OWN 0x1a

unsigned mca_banks_count(void)
{
    uint32_t edx = cpuid_query(1, 0).edx;

    if (!(edx & CPUID_MCE) || !(edx & CPUID_MCA))
        return 0;
    return MIN((unsigned)msr_read(MSR_MCG_CAP) & MCG_CAP_COUNT, BANKS_MAX);
}

static bool bank0_is_ours(void)
{
    uint32_t eax = cpuid_query(1, 0).eax;
    unsigned family = eax >> 8 & 15, model = (eax >> 4 & 15) | (eax >> 12 & 0xf0);

    return family != FAMILY_P6 || model >= MODEL_BANK0_OWN;
}

COLD void mca_banks_enable(void)
{
    unsigned count = mca_banks_count();

    if (!count)
        return;
    if (msr_read(MSR_MCG_CAP) & MCG_CAP_CTL)
        msr_write(MSR_MCG_CTL, UINT64_MAX);
    for (unsigned bank = bank0_is_ours() ? 0 : 1; bank < count; bank++)
        msr_write(MSR_BANK_CTL(bank), UINT64_MAX);
}

/* Address and misc may be read only where the status says that they are there: else it is #GP on
 * some models. */
bool mca_bank_read(unsigned bank, struct mca_record *record)
{
    uint64_t status = msr_read(MSR_BANK_STATUS(bank));

    if (!(status & STATUS_VALID))
        return false;
    *record = (struct mca_record){
        .bank = bank,
        .status = status,
        .address = status & STATUS_ADDRESS ? msr_read(MSR_BANK_ADDRESS(bank)) : 0,
        .misc = status & STATUS_MISC ? msr_read(MSR_BANK_MISC(bank)) : 0,
    };
    return true;
}

/* Anything but 0 is #GP. */
void mca_bank_clear(unsigned bank)
{
    msr_write(MSR_BANK_STATUS(bank), 0);
}

bool mca_is_uncorrected(const struct mca_record *record)
{
    return record->status & STATUS_UNCORRECTED;
}

COLD size_t mca_format(const struct mca_record *record, char *text, size_t size)
{
    return fmt_print(text, size, "processor %u bank %u: status %llx, address %llx, misc %llx",
                     record->cpu, record->bank, (unsigned long long)record->status,
                     (unsigned long long)record->address, (unsigned long long)record->misc);
}
