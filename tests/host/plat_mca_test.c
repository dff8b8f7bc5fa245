/* SPDX-License-Identifier: MIT */
/*
 * tests/host/plat_mca_test.c - machine-check banks of a made-up processor
 */
#include "tests/host/plat_fake.h"

#include "kernel/plat/mca_banks.h"

#define MCG_CAP 0x179u
#define MCG_CTL 0x17bu
#define MC0_CTL 0x400u
#define BANKS   6u
#define PLACES  32u /* behind them are registers of other things */

static uint32_t cpuid_eax, cpuid_edx;
static uint64_t cap, mcg_ctl;
static uint64_t bank_msrs[PLACES * 4];
static unsigned strange; /* accesses to registers that are not there */

static struct cpuid_result fake_cpuid(uint32_t leaf)
{
    return (struct cpuid_result){.eax = leaf == 1 ? cpuid_eax : 0,
                                 .edx = leaf == 1 ? cpuid_edx : 0};
}

static uint64_t fake_in(uint32_t msr)
{
    if (msr == MCG_CAP)
        return cap;
    if (msr >= MC0_CTL && msr < MC0_CTL + PLACES * 4) {
        uint64_t status = bank_msrs[(msr & ~3u) - MC0_CTL + 1];

        /* As on models that have these only while they mean something. */
        strange += (msr & 3) == 2 && !(status >> 58 & 1);
        strange += (msr & 3) == 3 && !(status >> 59 & 1);
        return bank_msrs[msr - MC0_CTL];
    }
    strange++;
    return 0;
}

static void fake_out(uint32_t msr, uint64_t value)
{
    if (msr == MCG_CTL) {
        strange += !(cap >> 8 & 1);
        mcg_ctl = value;
    } else if (msr >= MC0_CTL && msr < MC0_CTL + PLACES * 4) {
        strange += (msr & 3) != 0 && value != 0;
        bank_msrs[msr - MC0_CTL] = value;
    } else {
        strange++;
    }
}

static int start(void **state)
{
    plat_fake_reset(state);
    plat_fake.cpuid = fake_cpuid;
    plat_fake.msr_in = fake_in;
    plat_fake.msr_out = fake_out;
    cpuid_eax = 0x000506e3; /* family 6, model 0x5e */
    cpuid_edx = 1u << 7 | 1u << 14;
    cap = BANKS | 1u << 8;
    mcg_ctl = strange = 0;
    memset(bank_msrs, 0, sizeof(bank_msrs));
    return 0;
}

static void absent(void **state)
{
    (void)state;
    cpuid_edx = 1u << 7;
    assert_int_equal(mca_banks_count(), 0);
    cpuid_edx = 1u << 14;
    assert_int_equal(mca_banks_count(), 0);
    mca_banks_enable();
    assert_int_equal(mcg_ctl, 0);
    assert_int_equal(strange, 0);
}

static void enabled(void **state)
{
    (void)state;
    assert_int_equal(mca_banks_count(), BANKS);
    mca_banks_enable();
    assert_true(mcg_ctl == UINT64_MAX);
    for (unsigned bank = 0; bank < BANKS; bank++)
        assert_true(bank_msrs[4 * bank] == UINT64_MAX);
    /* Without the global register; and an old model, whose bank 0 belongs to the BIOS. */
    start(state);
    cap = BANKS;
    cpuid_eax = 0x000006f6;
    mca_banks_enable();
    assert_int_equal(mcg_ctl, 0);
    assert_true(bank_msrs[0] == 0 && bank_msrs[4] == UINT64_MAX);
    assert_int_equal(strange, 0);
}

/* More banks than there are places for their registers. */
static void many(void **state)
{
    struct mca_record record;

    (void)state;
    cap = 64;
    bank_msrs[4 * (PLACES - 1) + 1] = 1ULL << 63;
    mca_banks_enable();
    for (unsigned bank = 0; bank < mca_banks_count(); bank++)
        assert_true(mca_bank_read(bank, &record) == (bank == PLACES - 1));
    assert_int_equal(mca_banks_count(), PLACES);
    assert_int_equal(strange, 0);
}

static void errors_read(void **state)
{
    struct mca_record record;
    char text[MCA_TEXT_SIZE];

    (void)state;
    bank_msrs[4 * 2 + 1] = 0x8c00000000000150; /* valid, with misc and address */
    bank_msrs[4 * 2 + 2] = 0x1234000;
    bank_msrs[4 * 2 + 3] = 0x86;
    bank_msrs[4 * 3 + 1] = 0xa000000000000135; /* valid, uncorrected, neither of them */
    bank_msrs[4 * 3 + 2] = 77;
    bank_msrs[4 * 4 + 1] = 0x2000000000000135; /* not valid */
    assert_false(mca_bank_read(0, &record));
    assert_false(mca_bank_read(4, &record));
    assert_true(mca_bank_read(2, &record));
    assert_false(mca_is_uncorrected(&record));
    record.cpu = 1;
    assert_int_equal(mca_format(&record, text, sizeof(text)), strlen(text));
    assert_string_equal(text,
                        "processor 1 bank 2: status 8c00000000000150, address 1234000, misc 86");
    assert_true(mca_bank_read(3, &record));
    assert_true(mca_is_uncorrected(&record));
    assert_true(record.address == 0 && record.misc == 0);
    /* Reading leaves it; clearing ends it. */
    assert_true(mca_bank_read(2, &record));
    mca_bank_clear(2);
    assert_false(mca_bank_read(2, &record));
    assert_int_equal(strange, 0);
}

/* All numbers as long as they can be. */
static void text_fits(void **state)
{
    struct mca_record record = {999, 255, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    char text[MCA_TEXT_SIZE];

    (void)state;
    assert_true(mca_format(&record, text, sizeof(text)) < sizeof(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(absent, start),    cmocka_unit_test_setup(enabled, start),
        cmocka_unit_test_setup(many, start),      cmocka_unit_test_setup(errors_read, start),
        cmocka_unit_test_setup(text_fits, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
