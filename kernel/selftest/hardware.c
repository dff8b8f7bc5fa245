/* SPDX-License-Identifier: MIT */
/*
 * Results of the baseline about the machine itself.
 *
 * They come from what the rooms below found while they drove the machine; little is tried here, so
 * that no boot takes longer for it. Each is one result: ok, not ok with a sentence that names what
 * was found, or skipped with the reason why nothing can be said. What agrees within its tolerance
 * is shown in the log with its numbers: how far off it is may be of interest, too.
 */
#include "kernel/selftest/hardware.h"

#include "kernel/core/cmdline.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/klog.h"
#include "kernel/plat/acpi.h"
#include "kernel/plat/clocks.h"
#include "kernel/plat/mca.h"
#include "kernel/plat/smbios.h"
#include "kernel/selftest/report.h"
#include "kernel/selftest/untouched.h"

#define PROCESSORS       "processors"
#define MEMORY_INSTALLED "memory-installed"
#define CLOCKS_AGREE     "clocks-agree"
#define MEMORY_UNTOUCHED "memory-untouched"
#define MACHINE_CHECKS   "machine-checks"
#define REASON_SIZE      480

/* Those that are missing are named by APIC id, as in the MADT. */
static void report_processors(const struct cpu_census *census)
{
    char reason[REASON_SIZE];
    unsigned left_off = cpu_census_count(census, CPU_FATE_OPTION);

    if (!cpu_census_check(census, acpi_info(), reason, sizeof(reason))) {
        report_not_ok(PROCESSORS, 0, reason);
    } else if (!census->known) {
        report_skip(PROCESSORS, "no MADT: nothing is known of other processors");
    } else if (left_off) {
        fmt_print(reason, sizeof(reason), "%u left off by the option cpus=%u", left_off,
                  census->running);
        report_skip(PROCESSORS, reason);
    } else {
        report_ok(PROCESSORS, 0);
    }
}

/* Why the sum of the modules is not known. */
static const char *const memory_skips[] = {
    [SMBIOS_NONE] = "no SMBIOS table",
    [SMBIOS_BROKEN] = "the SMBIOS table is broken",
    [SMBIOS_SILENT] = "the SMBIOS table lists no memory module",
    [SMBIOS_UNKNOWN] = "the SMBIOS table does not tell the size of a module",
};

/* The tolerance is in smbios_memory_fits. The map counts memory of any use, the firmware's own as
 * well: that is installed, too. */
static void report_memory_installed(uint64_t map_bytes)
{
    const struct smbios_memory *memory = smbios_memory();
    char reason[REASON_SIZE];

    if (memory->status != SMBIOS_KNOWN) {
        report_skip(MEMORY_INSTALLED, memory_skips[memory->status]);
        return;
    }
    fmt_print(reason, sizeof(reason), "SMBIOS: %u modules, %llu MiB; memory map: %llu MiB",
              memory->modules, (unsigned long long)(memory->installed >> 20),
              (unsigned long long)(map_bytes >> 20));
    if (smbios_memory_fits(memory, map_bytes)) {
        klog("%s", reason);
        report_ok(MEMORY_INSTALLED, 0);
    } else {
        report_not_ok(MEMORY_INSTALLED, 0, reason);
    }
}

/* One line for all: how far each is ahead of the TSC. Those that cannot be compared are not in it:
 * they are absent, or the time was too short or too long for them. */
static void report_clocks(void)
{
    static const char *const words[] = {
        [CLOCK_NOT_COMPARED] = "",
        [CLOCK_AGREES] = " agrees",
        [CLOCK_DIFFERS] = " DIFFERS",
        [CLOCK_JUMPED] = " jumped, and goes at its rate",
    };
    struct clock_result results[CLOCKS_OTHER];
    unsigned found[ARRAY_SIZE(words)] = {0};
    char reason[REASON_SIZE], skew[16] = "";
    size_t used;
    uint64_t ns;

    cmdline_find("skew", skew, sizeof(skew));
    ns = clocks_end(acpi_info(), skew, results);
    used =
        fmt_print(reason, sizeof(reason), "in %llu us by the TSC", (unsigned long long)(ns / 1000));
    for (unsigned i = 0; i < CLOCKS_OTHER; i++) {
        found[results[i].verdict]++;
        if (results[i].verdict != CLOCK_NOT_COMPARED)
            used +=
                fmt_print(reason + used, sizeof(reason) - used, ", %s%s: %lld us", results[i].name,
                          words[results[i].verdict], (long long)results[i].off_us);
    }
    if (found[CLOCK_DIFFERS]) {
        report_not_ok(CLOCKS_AGREE, 0, reason);
    } else if (found[CLOCK_AGREES] || found[CLOCK_JUMPED]) {
        klog("clocks: %s", reason);
        report_ok(CLOCKS_AGREE, 0);
    } else {
        report_skip(CLOCKS_AGREE, "no other clock to compare the TSC with");
    }
}

/* Firmware may have left a device running whose driver it was told to stop. */
static void report_memory_untouched(void)
{
    struct untouched_change change;
    char reason[REASON_SIZE];

    if (!untouched_check(&change)) {
        report_skip(MEMORY_UNTOUCHED, "no memory could be set aside for it");
    } else if (!change.words) {
        report_ok(MEMORY_UNTOUCHED, 0);
    } else {
        fmt_print(reason, sizeof(reason),
                  "%llu words of free memory, the first at %llx (now %llx), were written by a "
                  "device or firmware",
                  (unsigned long long)change.words, (unsigned long long)change.physical,
                  (unsigned long long)change.value);
        report_not_ok(MEMORY_UNTOUCHED, 0, reason);
    }
}

/* An uncorrected error never gets here: it is a panic. */
static void report_machine_checks(void)
{
    char reason[REASON_SIZE], text[MCA_TEXT_SIZE];
    struct mca_record first;
    unsigned count;

    if (!mca_banks_count()) {
        report_skip(MACHINE_CHECKS, "the processor has no machine-check banks");
        return;
    }
    count = mca_take_all(&first);
    if (!count) {
        report_ok(MACHINE_CHECKS, 0);
        return;
    }
    mca_format(&first, text, sizeof(text));
    fmt_print(reason, sizeof(reason), "corrected errors: %u, the first: %s", count, text);
    report_not_ok(MACHINE_CHECKS, 0, reason);
}

COLD void hardware_report_start(const struct cpu_census *census, uint64_t map_bytes)
{
    report_processors(census);
    report_memory_installed(map_bytes);
    untouched_fill();
}

COLD void hardware_report_end(void)
{
    report_clocks();
    report_memory_untouched();
    report_machine_checks();
}
