/* SPDX-License-Identifier: MIT */
/*
 * tests/host/plat_features_test.c - arch/x86_64/features.c: what CPUID says, on processors that say
 * less than those at hand, and nothing is read beyond the last leaf. Of switching it on, which is
 * every boot's matter, what no boot would notice: the memory type of the screen.
 */
#include "tests/host/check.h"

#include "kernel/arch/x86_64/features.h"
#include "kernel/arch/x86_64/fpu.h"
#include "kernel/arch/x86_64/msr.h"
#include "kernel/arch/x86_64/regs.h"
#include "tests/host/plat_fake.h"

static uint32_t max_basic, max_extended;
static uint32_t leaf1_ecx, leaf7_ebx, leaf7_ecx, extended_edx, components, physical_bits;

static struct cpuid_result cpuid(uint32_t leaf)
{
    /* The hypervisor's first leaf has no maximum to be asked before. */
    assert_true(leaf <= max_basic || leaf == 0x80000000 ||
                (leaf == 0x40000000 && (leaf1_ecx & 1u << 31)) ||
                (leaf > 0x80000000 && leaf <= max_extended));
    switch (leaf) {
    case 0:
        return (struct cpuid_result){max_basic, 0x756e6547, 0x6c65746e, 0x49656e69};
    case 1:
        return (struct cpuid_result){.ecx = leaf1_ecx, .edx = 1u << 13};
    case 7:
        return (struct cpuid_result){.ebx = leaf7_ebx, .ecx = leaf7_ecx};
    case 0xd:
        return (struct cpuid_result){.eax = components};
    case 0x80000000:
        return (struct cpuid_result){.eax = max_extended};
    case 0x80000001:
        return (struct cpuid_result){.edx = extended_edx};
    case 0x80000007:
        return (struct cpuid_result){.edx = 1u << 8};
    case 0x80000008:
        return (struct cpuid_result){.eax = 0x3000 | physical_bits};
    default:
        return (struct cpuid_result){0x20202020, 0x20202020, 0x20202020, 0x20202020};
    }
}

void fpu_enable(void)
{
}

/* A processor with everything. */
static int reset(void **state)
{
    int err = plat_fake_reset(state);

    memset(&features, 0, sizeof(features));
    max_basic = 0x16;
    max_extended = 0x80000008;
    leaf1_ecx = 1u << 21 | 1u << 24 | 1u << 26 | 1u << 30 | 1u << 31;
    leaf7_ebx = 1u << 0 | 1u << 7 | 1u << 9 | 1u << 20;
    leaf7_ecx = 1u << 2;
    extended_edx = 1u << 20 | 1u << 26 | 1u << 27;
    components = 0xff;
    physical_bits = 46;
    plat_fake.cpuid = cpuid;
    return err;
}

static void test_everything(void **state)
{
    (void)state;
    features_detect();
    assert_true(features.nx && features.smep && features.smap && features.umip);
    assert_true(features.fsgsbase && features.pge && features.xsave && features.avx);
    assert_true(features.gb_pages && features.x2apic && features.tsc_deadline && features.rdrand);
    assert_true(features.invariant_tsc && features.hypervisor && features.erms && features.rdtscp);
    assert_int_equal(features.xcr0, XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512);
    assert_int_equal(features.max_physical_bits, 46);
    assert_int_equal(features.hwcap, 1u << 13);
    assert_string_equal(features.vendor, "GenuineIntel");
    assert_int_equal(strlen(features.brand), 48);
}

static void test_each_by_itself(void **state)
{
    leaf1_ecx = leaf7_ebx = leaf7_ecx = 0;
    features_detect();
    assert_false(features.x2apic || features.tsc_deadline || features.rdrand ||
                 features.hypervisor || features.smep || features.smap || features.umip ||
                 features.erms || features.fsgsbase || features.xsave || features.avx);
    reset(state);
    leaf7_ebx = 1u << 7;
    leaf7_ecx = 0;
    features_detect();
    assert_true(features.smep && !features.smap && !features.umip && !features.erms);
    reset(state);
    extended_edx = 1u << 26;
    features_detect();
    assert_true(features.gb_pages && !features.nx && !features.rdtscp);
    extended_edx = 1u << 27;
    features_detect();
    assert_true(features.rdtscp && !features.nx && !features.gb_pages);
}

/* Firmware may cut CPUID off behind leaf 3, for old systems, with XSAVE among the features. */
static void test_few_leaves(void **state)
{
    (void)state;
    max_basic = 3;
    max_extended = 0x80000000;
    features_detect();
    assert_true(features.x2apic && features.hypervisor && features.pge);
    assert_false(features.xsave || features.avx || features.smep || features.smap);
    assert_int_equal(features.xcr0, 0);
    assert_false(features.nx || features.gb_pages || features.invariant_tsc);
    assert_int_equal(features.max_physical_bits, 36);
    assert_string_equal(features.brand, "");
}

static void test_last_leaves(void **state)
{
    max_basic = 7;
    features_detect();
    assert_true(features.smep && !features.xsave);
    reset(state);
    max_basic = 0xd;
    max_extended = 0x80000001;
    features_detect();
    assert_true(features.xsave && features.avx && features.nx && !features.invariant_tsc);
    assert_int_equal(features.max_physical_bits, 36);
}

/* AVX-512 is three components, and nothing without AVX. */
static void test_components(void **state)
{
    static const struct {
        uint32_t offered;
        uint64_t taken;
    } cases[] = {
        {0x3, 0x3}, {0x7, 0x7}, {0xe7, 0xe7}, {0x67, 0x7}, {0xa7, 0x7}, {0xe3, 0x3}, {0x207, 0x7},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        reset(state);
        components = cases[i].offered;
        features_detect();
        assert_int_equal(features.xcr0, cases[i].taken);
        assert_int_equal(features.avx, (cases[i].taken & XCR0_AVX) != 0);
    }
}

static uint64_t the_pat;

static void msr_out(uint32_t msr, uint64_t value)
{
    if (msr == MSR_PAT)
        the_pat = value;
}

/* Slot 4 alone is another than at reset (Intel SDM vol. 3, 12.12.4): 1 is write-combining. */
static void test_pat(void **state)
{
    (void)state;
    plat_fake.msr_out = msr_out;
    plat_fake.cr4 = CR4_PGE;
    features_enable();
    assert_int_equal(the_pat, 0x0007040100070406ull);
    assert_int_equal(plat_fake.cr0, CR0_PG | CR0_PE | CR0_ET | CR0_MP | CR0_NE | CR0_WP | CR0_AM);
    assert_true(plat_fake.cr4 & CR4_OSFXSR && plat_fake.cr4 & CR4_MCE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_everything, reset),
        cmocka_unit_test_setup(test_each_by_itself, reset),
        cmocka_unit_test_setup(test_few_leaves, reset),
        cmocka_unit_test_setup(test_last_leaves, reset),
        cmocka_unit_test_setup(test_components, reset),
        cmocka_unit_test_setup(test_pat, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
