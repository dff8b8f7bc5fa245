/* SPDX-License-Identifier: MIT */
/*
 * tests/host/plat_mtrr_test.c - the memory types of one processor on another, which may refuse them
 */
#include "tests/host/plat_fake.h"

#include "kernel/arch/x86_64/features.h"
#include "kernel/arch/x86_64/msr.h"
#include "kernel/arch/x86_64/mtrr.h"

#define CAP          0xfeu
#define DEFAULT_TYPE 0x2ffu
#define ENABLE       0x800u
#define FIXED        0x250u /* the first */
#define SYSCFG       0xc0010010u
#define MODIFY       (1ull << 19)
#define DRAM_BITS    0x1818181818181818ull

struct features features;

static struct processor {
    uint64_t variable[16], fixed[32], default_type, syscfg;
    bool amd, stubborn; /* SYSCFG takes no writes */
    unsigned faults;
} the_first, the_other, *the_one;

/* NULL: there is no such register. */
static uint64_t *register_of(uint32_t msr)
{
    if (msr == SYSCFG)
        return the_one->amd ? &the_one->syscfg : NULL;
    if (msr == DEFAULT_TYPE)
        return &the_one->default_type;
    if (msr >= FIXED && msr < FIXED + 32)
        return &the_one->fixed[msr - FIXED];
    return msr >= 0x200 && msr < 0x210 ? &the_one->variable[msr - 0x200] : NULL;
}

bool arch_msr_read_safe(uint32_t msr, uint64_t *out_value)
{
    if (msr == CAP)
        *out_value = 8 | 0x100;
    else if (!register_of(msr))
        return false;
    else
        *out_value = *register_of(msr);
    if (msr >= FIXED && msr < FIXED + 32 && !(the_one->syscfg & MODIFY))
        *out_value &= ~DRAM_BITS;
    return true;
}

bool arch_msr_write_safe(uint32_t msr, uint64_t value)
{
    uint64_t *to = register_of(msr);
    bool fixed = msr >= FIXED && msr < FIXED + 32;

    if (!to || (msr == SYSCFG && the_one->stubborn) ||
        (fixed && value & DRAM_BITS && !(the_one->syscfg & MODIFY))) {
        the_one->faults++;
        return false;
    }
    *to = fixed && !(the_one->syscfg & MODIFY) ? value | (*to & DRAM_BITS) : value;
    return true;
}

static uint64_t msr_in(uint32_t msr)
{
    uint64_t value = 0;

    assert_true(arch_msr_read_safe(msr, &value));
    return value;
}

/* A fault of it is the end of the machine. */
static void msr_out(uint32_t msr, uint64_t value)
{
    assert_true(arch_msr_write_safe(msr, value));
}

static int set_up(void **state)
{
    plat_fake_reset(state);
    plat_fake.msr_in = msr_in;
    plat_fake.msr_out = msr_out;
    features.hwcap = 1u << 12;
    the_first = (struct processor){.default_type = ENABLE | 6};
    the_first.variable[0] = 0xc0000000;
    the_first.variable[1] = 0x3c0000800;
    the_first.fixed[0] = 0x0606060606060606;
    the_other = the_first;
    return 0;
}

static enum mtrr_fate copy(void)
{
    the_one = &the_first;
    mtrr_save();
    the_one = &the_other;
    return mtrr_copy();
}

static void one_that_agrees_is_left_alone(void **state)
{
    (void)state;
    assert_int_equal(copy(), MTRR_SAME);
    assert_int_equal(plat_fake.cache_flushes, 0);
}

static void one_that_differs_takes_all(void **state)
{
    (void)state;
    memset(&the_other, 0, sizeof(the_other));
    assert_int_equal(copy(), MTRR_COPIED);
    assert_memory_equal(&the_other, &the_first, sizeof(the_first));
    assert_int_equal(plat_fake.cache_flushes, 2);
    assert_int_equal(plat_fake.cr0, 0);
}

/* The first shows them, the other would fault at them. */
static void bits_for_dram_are_hidden_first(void **state)
{
    (void)state;
    the_first.amd = the_other.amd = true;
    the_first.syscfg = MODIFY | 1;
    the_first.fixed[0] |= DRAM_BITS;
    assert_int_equal(copy(), MTRR_SAME);
    assert_int_equal(the_first.syscfg, 1);
    the_other.fixed[8] = 0x1e;
    the_other.syscfg = MODIFY; /* nor are they changed where the other shows them alone */
    assert_int_equal(copy(), MTRR_COPIED);
    assert_int_equal(the_other.fixed[8], 0x18);
    assert_int_equal(the_other.syscfg, 0);
    assert_int_equal(the_other.faults + the_first.faults, 0);
}

static void a_fault_costs_one_register(void **state)
{
    (void)state;
    the_first.amd = the_other.amd = the_first.stubborn = true;
    the_first.syscfg = MODIFY;
    the_first.fixed[0] |= DRAM_BITS;
    the_other.variable[0] = the_other.default_type = 0;
    assert_int_equal(copy(), MTRR_REFUSED);
    assert_int_equal(the_other.faults, 1);
    assert_int_equal(the_other.variable[0], 0xc0000000);
    assert_int_equal(the_other.default_type, ENABLE | 6);
    assert_int_equal(plat_fake.cr0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_that_agrees_is_left_alone, set_up),
        cmocka_unit_test_setup(one_that_differs_takes_all, set_up),
        cmocka_unit_test_setup(bits_for_dram_are_hidden_first, set_up),
        cmocka_unit_test_setup(a_fault_costs_one_register, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
