/* SPDX-License-Identifier: MIT */
/*
 * /proc/cpuinfo: what lscpu, libraries that choose code by processor, and people read.
 *
 * A block a processor, with its own place in packages and cores; name and features are those of the
 * one that the reader runs on. Features are shown as CPUID reports them, whether the kernel uses
 * them or not; words of Linux for its own doings ("pti", "bugs") are not made up here.
 */
#include "kernel/arch/x86_64/cpuid.h"
#include "kernel/arch/x86_64/features.h"
#include "kernel/core/clock.h"
#include "kernel/plat/cpu_topology.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "kernel/sched/sched.h"

#define EXTENDED 0x80000000u

enum reg { REG_EAX, REG_EBX, REG_ECX, REG_EDX };

/* Linux's names of the bits of a register of CPUID, from bit 0 on, in Linux's order of registers;
 * "-": none. `leaf` with EXTENDED: of those leaves the highest counts. */
static const struct flag_word {
    uint32_t leaf;
    uint8_t subleaf, reg; /* enum reg */
    const char *names;
} flag_words[] = {
    {1, 0, REG_EDX,
     "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts "
     "acpi mmx fxsr sse sse2 ss ht tm ia64 pbe"},
    {EXTENDED | 1, 0, REG_EDX,
     "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - lm "
     "3dnowext 3dnow"},
    {EXTENDED | 7, 0, REG_EDX, "- - - - - - - - constant_tsc"},
    {0, 0, REG_EDX, "rep_good - - nopl"}, /* leaf 0 holds the maker's name: see flag_word_read */
    {EXTENDED | 7, 0, REG_EDX, "- - - - - - - - nonstop_tsc"},
    {0, 0, REG_EDX, "cpuid"},
    {6, 0, REG_ECX, "aperfmperf"},
    {1, 0, REG_ECX,
     "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid "
     "dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand "
     "hypervisor"},
    {EXTENDED | 1, 0, REG_ECX,
     "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop "
     "skinit wdt - lwp fma4 tce - nodeid_msr - tbm topoext perfctr_core perfctr_nb - bpext ptsc "
     "perfctr_llc mwaitx"},
    {7, 0, REG_EBX,
     "fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f "
     "avx512dq rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd "
     "sha_ni avx512bw avx512vl"},
    {13, 1, REG_EAX, "xsaveopt xsavec xgetbv1 xsaves"},
    {7, 1, REG_EAX, "- - - - avx_vnni avx512_bf16"},
    {EXTENDED | 8, 0, REG_EBX, "clzero irperf xsaveerptr - rdpru - - - - wbnoinvd"},
    {6, 0, REG_EAX,
     "dtherm ida arat - pln - pts hwp hwp_notify hwp_act_window hwp_epp hwp_pkg_req"},
    {EXTENDED | 10, 0, REG_EDX,
     "npt lbrv svm_lock nrip_save tsc_scale vmcb_clean flushbyasid decodeassists - - pausefilter - "
     "pfthreshold avic - v_vmsave_vmload vgif"},
    {7, 0, REG_ECX,
     "- avx512vbmi umip pku ospke waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni "
     "avx512_bitalg tme avx512_vpopcntdq - la57 - - - - - rdpid - bus_lock_detect cldemote - "
     "movdiri movdir64b enqcmd sgx_lc"},
    {7, 0, REG_EDX,
     "- - avx512_4vnniw avx512_4fmaps fsrm - - - avx512_vp2intersect - md_clear - - - serialize - "
     "tsxldtrk - pconfig arch_lbr ibt - amx_bf16 avx512_fp16 amx_tile amx_int8 - - flush_l1d "
     "arch_capabilities"},
};

static COLD void flags_print(struct procfs_text *text, uint32_t word, const char *names)
{
    for (unsigned bit = 0; *names; bit++) {
        const char *end = names;

        while (*end && *end != ' ')
            end++;
        if ((word >> bit & 1) && *names != '-')
            procfs_print(text, " %.*s", (int)(end - names), names);
        names = *end ? end + 1 : end;
    }
}

static COLD uint32_t flag_word_read(const struct flag_word *word)
{
    struct cpuid_result at;

    /* Linux's own words for what every x86-64 processor can do. */
    if (!word->leaf)
        return ~0u;
    if (cpuid_query(word->leaf & EXTENDED, 0).eax < word->leaf)
        return 0;
    at = cpuid_query(word->leaf, word->subleaf);
    return word->reg == REG_EAX   ? at.eax
           : word->reg == REG_EBX ? at.ebx
           : word->reg == REG_ECX ? at.ecx
                                  : at.edx;
}

/* Linux shows AMD's second level here, and of others the last one. */
static COLD uint32_t cache_kib(const struct cpu_topology *topology)
{
    uint32_t kib = 0;

    for (unsigned i = 0; i < topology->ncaches; i++)
        if (topology->caches[i].level < 3 || features.vendor[0] != 'A')
            kib = cpu_cache_nbytes(&topology->caches[i]) / 1024;
    return kib;
}

static COLD void show_place(unsigned cpu, struct procfs_text *text)
{
    const struct cpu_topology *at = cpu_topology(cpu);
    struct cpumask package = cpu_topology_mask(cpu, at->package_shift);
    struct cpumask core = cpu_topology_mask(cpu, at->thread_shift);
    unsigned siblings = cpumask_count(&package), threads = cpumask_count(&core);

    procfs_print(text, "cache size\t: %u KB\nphysical id\t: %u\nsiblings\t: %u\n", cache_kib(at),
                 cpu_topology_package(cpu), siblings);
    procfs_print(text, "core id\t\t: %u\ncpu cores\t: %u\n", cpu_topology_core(cpu),
                 threads ? siblings / threads : 1);
    procfs_print(text, "apicid\t\t: %u\ninitial apicid\t: %u\n", at->apic_id, at->apic_id);
}

/* In pieces, a processor each: many of them are more than one buffer holds. */
COLD int procfs_show_cpuinfo(const struct procfs_node *node, struct procfs_text *text)
{
    struct cpuid_result one = cpuid_query(1, 0);
    uint32_t family = one.eax >> 8 & 15, model = one.eax >> 4 & 15;
    uint64_t khz = clock_tsc_hz() / 1000, bogomips = khz * 2 / 10; /* in hundredths */
    uint32_t sizes = cpuid_query(EXTENDED, 0).eax >= (EXTENDED | 8)
                         ? cpuid_query(EXTENDED | 8, 0).eax
                         : 48u << 8 | features.max_physical_bits;

    (void)node;
    /* Extended model and family count for some families only (Intel SDM vol. 2, CPUID, leaf 1). */
    if (family == 6 || family == 15)
        model |= one.eax >> 12 & 0xf0;
    if (family == 15)
        family += one.eax >> 20 & 0xff;
    procfs_print(text, "processor\t: %lu\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n",
                 text->cursor, features.vendor, family, model);
    procfs_print(text, "model name\t: %s\nstepping\t: %u\ncpu MHz\t\t: %lu.%03lu\n", features.brand,
                 one.eax & 15, khz / 1000, khz % 1000);
    show_place((unsigned)text->cursor, text);
    procfs_print(text, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\n",
                 cpuid_query(0, 0).eax);
    procfs_print(text, "flags\t\t:");
    for (unsigned i = 0; i < ARRAY_SIZE(flag_words); i++)
        flags_print(text, flag_word_read(&flag_words[i]), flag_words[i].names);
    procfs_print(text, "\nbogomips\t: %lu.%02lu\nclflush size\t: %u\ncache_alignment\t: %u\n",
                 bogomips / 100, bogomips % 100, (one.ebx >> 8 & 0xff) * 8,
                 (one.ebx >> 8 & 0xff) * 8);
    procfs_print(text, "address sizes\t: %u bits physical, %u bits virtual\npower management:\n\n",
                 sizes & 0xff, sizes >> 8 & 0xff);
    text->more = ++text->cursor < sched_cpus_online();
    return 0;
}
