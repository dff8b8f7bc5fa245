/* SPDX-License-Identifier: MIT */
/*
 * /sys/devices/system/cpu and node: what lscpu reads.
 *
 * A processor's directory has topology/ and cache/indexN/. Sets of processors come as a mask and as
 * a list; the files of a set are told apart by how many low bits of the APIC id its members may
 * differ in (plat/cpu_topology.h). Memory is shown as one node: the SRAT is not read.
 */
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/dev/sysfs/sysfs_internal.h"
#include "kernel/lib/fmt.h"
#include "kernel/plat/cpu_topology.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define WORD_BITS 32u

/* All that run: none is ever taken off. */
static COLD struct cpumask online_mask(void)
{
    struct cpumask mask = {{0}};

    for (unsigned cpu = 0; cpu < sched_cpus_online(); cpu++)
        cpumask_set(&mask, cpu);
    return mask;
}

/* Groups of 32 bits, highest first, as wide as all processors need. */
static COLD void mask_print(struct procfs_text *text, const struct cpumask *mask)
{
    unsigned bits = sched_cpus_online();

    for (unsigned at = ALIGN_DOWN(bits - 1, WORD_BITS); bits; bits = at, at -= WORD_BITS)
        procfs_print(text, "%0*lx%c", (int)(bits - at + 3) / 4,
                     mask->words[at / 64] >> at % 64 & 0xffffffffu, at ? ',' : '\n');
}

/* "0-3,8": ranges. */
static COLD void list_print(struct procfs_text *text, const struct cpumask *mask)
{
    const char *comma = "";
    unsigned last;

    for (unsigned first = cpumask_next(mask, 0); first < CPU_MAX;
         first = cpumask_next(mask, last + 1)) {
        for (last = first; last + 1 < CPU_MAX && cpumask_test(mask, last + 1);)
            last++;
        procfs_print(text, first == last ? "%s%u" : "%s%u-%u", comma, first, last);
        comma = ",";
    }
    procfs_put(text, "\n", 1);
}

/* As a mask or, where the entry's argument has SET_LIST, as a list. */
enum { SET_CORE, SET_PACKAGE, SET_LIST = 0x10 };

static COLD void set_print(const struct procfs_node *node, struct procfs_text *text,
                           const struct cpumask *mask)
{
    (node->entry->arg & SET_LIST ? list_print : mask_print)(text, mask);
}

/* --- cpuN/topology --- */

static COLD int show_set(const struct procfs_node *node, struct procfs_text *text)
{
    unsigned cpu = (unsigned)node->pid, what = node->entry->arg & ~(unsigned)SET_LIST;
    const struct cpu_topology *at = cpu_topology(cpu);
    struct cpumask mask =
        cpu_topology_mask(cpu, what == SET_CORE ? at->thread_shift : at->package_shift);

    set_print(node, text, &mask);
    return 0;
}

/* As the APIC id has them, so with holes, as on Linux. */
enum { ID_CORE, ID_PACKAGE };

static COLD int show_id(const struct procfs_node *node, struct procfs_text *text)
{
    unsigned cpu = (unsigned)node->pid;
    const uint32_t ids[] = {cpu_topology_core(cpu), cpu_topology_package(cpu)};

    procfs_print(text, "%u\n", ids[node->entry->arg]);
    return 0;
}

static const struct procfs_entry topology_files[] = {
    SYSFS_TEXT("core_id", 0444, show_id, ID_CORE),
    SYSFS_TEXT("physical_package_id", 0444, show_id, ID_PACKAGE),
    SYSFS_TEXT("thread_siblings", 0444, show_set, SET_CORE),
    SYSFS_TEXT("thread_siblings_list", 0444, show_set, SET_CORE | SET_LIST),
    SYSFS_TEXT("core_siblings", 0444, show_set, SET_PACKAGE),
    SYSFS_TEXT("core_siblings_list", 0444, show_set, SET_PACKAGE | SET_LIST),
};
static const struct procfs_dir topology_dir = {.entries = topology_files,
                                               .count = ARRAY_SIZE(topology_files)};

/* --- cpuN/cache/indexN --- */

static COLD const struct cpu_cache *cache_of(const struct procfs_node *node)
{
    return &cpu_topology((unsigned)node->pid)->caches[node->number];
}

/* In the order of the values below. */
enum { CACHE_LEVEL, CACHE_LINE, CACHE_PARTITIONS, CACHE_WAYS, CACHE_SETS, CACHE_ID };

static COLD int show_cache(const struct procfs_node *node, struct procfs_text *text)
{
    const struct cpu_cache *at = cache_of(node);
    const uint32_t values[] = {
        at->level, at->line, at->partitions,
        at->ways,  at->sets, cpu_topology((unsigned)node->pid)->apic_id >> at->id_shift};

    procfs_print(text, "%u\n", values[node->entry->arg]);
    return 0;
}

/* Linux shows whole KiB of every size. */
static COLD int show_cache_size(const struct procfs_node *node, struct procfs_text *text)
{
    procfs_print(text, "%uK\n", cpu_cache_nbytes(cache_of(node)) / 1024);
    return 0;
}

static COLD int show_cache_type(const struct procfs_node *node, struct procfs_text *text)
{
    static const char *const names[] = {"Data", "Instruction", "Unified"};
    unsigned type = cache_of(node)->type;

    procfs_print(text, "%s\n", type <= CPU_CACHE_UNIFIED ? names[type - 1] : "Unknown");
    return 0;
}

/* With those whose APIC ids differ in the low bits alone. */
static COLD int show_cache_set(const struct procfs_node *node, struct procfs_text *text)
{
    struct cpumask mask = cpu_topology_mask((unsigned)node->pid, cache_of(node)->share_shift);

    set_print(node, text, &mask);
    return 0;
}

static const struct procfs_entry cache_files[] = {
    SYSFS_TEXT("coherency_line_size", 0444, show_cache, CACHE_LINE),
    SYSFS_TEXT("id", 0444, show_cache, CACHE_ID),
    SYSFS_TEXT("level", 0444, show_cache, CACHE_LEVEL),
    SYSFS_TEXT("number_of_sets", 0444, show_cache, CACHE_SETS),
    SYSFS_TEXT("physical_line_partition", 0444, show_cache, CACHE_PARTITIONS),
    SYSFS_TEXT("shared_cpu_list", 0444, show_cache_set, SET_LIST),
    SYSFS_TEXT("shared_cpu_map", 0444, show_cache_set, 0),
    SYSFS_TEXT("size", 0444, show_cache_size, 0),
    SYSFS_TEXT("type", 0444, show_cache_type, 0),
    SYSFS_TEXT("ways_of_associativity", 0444, show_cache, CACHE_WAYS),
};
static const struct procfs_dir cache_dir = {.entries = cache_files,
                                            .count = ARRAY_SIZE(cache_files)};
static const struct procfs_entry cache_entry = SYSFS_DIR(NULL, &cache_dir);

/* Caches have numbers from 0 on: index0, index1, ... */
static COLD int cache_next(const struct procfs_node *dir, int number)
{
    return number < cpu_topology((unsigned)dir->pid)->ncaches ? number : PROCFS_NONE;
}

static COLD int cache_find(const struct procfs_node *dir, int number, struct procfs_node *out)
{
    if (cache_next(dir, number) < 0)
        return -ENOENT;
    out->entry = &cache_entry;
    out->number = number;
    return 0;
}

static COLD void cache_name(const struct procfs_node *node, char *text, size_t size)
{
    fmt_print(text, size, "index%d", node->number);
}

static const struct procfs_dir caches_dir = {
    .next = cache_next, .find = cache_find, .name_of = cache_name};

/* --- cpuN, and what is about all of them --- */

/* Those that do not run have no directory. */
static COLD int show_cpu_online(const struct procfs_node *node, struct procfs_text *text)
{
    (void)node;
    procfs_print(text, "1\n");
    return 0;
}

/* The last file is not in the directory of the first processor, which cannot be taken away. */
static const struct procfs_entry cpu_files[] = {
    SYSFS_DIR("cache", &caches_dir),
    SYSFS_DIR("topology", &topology_dir),
    SYSFS_TEXT("online", 0444, show_cpu_online, 0),
};
static const struct procfs_dir cpu_dirs[] = {
    {.entries = cpu_files, .count = ARRAY_SIZE(cpu_files) - 1},
    {.entries = cpu_files, .count = ARRAY_SIZE(cpu_files)},
};
static const struct procfs_entry cpu_entries[] = {SYSFS_DIR(NULL, &cpu_dirs[0]),
                                                  SYSFS_DIR(NULL, &cpu_dirs[1])};

/* So have processors, without holes. */
static COLD int cpu_next(const struct procfs_node *dir, int number)
{
    (void)dir;
    return number < (int)sched_cpus_online() ? number : PROCFS_NONE;
}

static COLD int cpu_find(const struct procfs_node *dir, int number, struct procfs_node *out)
{
    if (cpu_next(dir, number) < 0)
        return -ENOENT;
    out->entry = &cpu_entries[number > 0];
    out->pid = number;
    return 0;
}

static COLD void cpu_name_of(const struct procfs_node *node, char *text, size_t size)
{
    fmt_print(text, size, "cpu%d", node->pid);
}

/* What the files about all processors, and those about nodes, show. */
enum { CPUS_ALL, CPUS_NONE, CPUS_MAX, CPUS_MASK, NODES };

static COLD int show_cpus(const struct procfs_node *node, struct procfs_text *text)
{
    struct cpumask online = online_mask();

    switch (node->entry->arg) {
    case CPUS_ALL:
        list_print(text, &online);
        break;
    case CPUS_MASK:
        mask_print(text, &online);
        break;
    case CPUS_NONE:
        procfs_print(text, "\n");
        break;
    default:
        procfs_print(text, "%u\n", node->entry->arg == CPUS_MAX ? CPU_MAX - 1 : 0);
    }
    return 0;
}

static const struct procfs_entry cpus_files[] = {
    SYSFS_TEXT("kernel_max", 0444, show_cpus, CPUS_MAX),
    SYSFS_TEXT("offline", 0444, show_cpus, CPUS_NONE),
    SYSFS_TEXT("online", 0444, show_cpus, CPUS_ALL),
    SYSFS_TEXT("possible", 0444, show_cpus, CPUS_ALL),
    SYSFS_TEXT("present", 0444, show_cpus, CPUS_ALL),
};
const struct procfs_dir sysfs_cpu_dir = {.entries = cpus_files,
                                         .count = ARRAY_SIZE(cpus_files),
                                         .next = cpu_next,
                                         .find = cpu_find,
                                         .name_of = cpu_name_of};
/* --- node --- */

static const struct procfs_entry node0_files[] = {
    SYSFS_TEXT("cpulist", 0444, show_cpus, CPUS_ALL),
    SYSFS_TEXT("cpumap", 0444, show_cpus, CPUS_MASK),
};
static const struct procfs_dir node0_dir = {.entries = node0_files,
                                            .count = ARRAY_SIZE(node0_files)};

static const struct procfs_entry nodes_files[] = {
    SYSFS_TEXT("has_cpu", 0444, show_cpus, NODES),
    SYSFS_TEXT("has_memory", 0444, show_cpus, NODES),
    SYSFS_DIR("node0", &node0_dir),
    SYSFS_TEXT("online", 0444, show_cpus, NODES),
    SYSFS_TEXT("possible", 0444, show_cpus, NODES),
};
const struct procfs_dir sysfs_node_dir = {.entries = nodes_files, .count = ARRAY_SIZE(nodes_files)};
