/* SPDX-License-Identifier: MIT */
/*
 * Results of the baseline about the machine itself.
 *
 * They come from what the rooms below found while they drove the machine; nothing is tried here.
 */
#include "kernel/selftest/hardware.h"

#include "kernel/lib/fmt.h"
#include "kernel/plat/acpi.h"
#include "kernel/plat/mca.h"
#include "kernel/selftest/report.h"

#define PROCESSORS     "processors"
#define MACHINE_CHECKS "machine-checks"
#define REASON_SIZE    480

/* Skipped where the answer is not known: a choice of the user is no fault of the machine, and no
 * proof of its health either. */
void hardware_report_processors(const struct cpu_census *census)
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

/* An uncorrected error never gets here: it is a panic. */
void hardware_report_machine_checks(void)
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
