/* SPDX-License-Identifier: MIT */
/*
 * The verdict stays until it has been seen; boots of after=reboot are counted.
 *
 * The count has to survive the reset, so it is the loader's: it keeps an EFI variable and says
 * boot=K/N on the command line, K being this boot (efi-loader/loops.c). Without that word the boots
 * cannot be counted, and a machine that started again could do so for ever: then it does not.
 */
#include "kernel/selftest/stay.h"

#include "kernel/core/cmdline.h"
#include "kernel/core/output.h"
#include "kernel/dev/input.h"
#include "kernel/lib/klog.h"
#include "kernel/plat/power.h"

#define VERDICT_SECONDS 600
#define AGAIN_SECONDS   10 /* enough to stop a row of boots by a key */
#define SECONDS_MAX     100000000ULL
#define SECOND_NS       1000000000ULL

/* stay=, or so many where a person may be there. */
static uint64_t stay_seconds(uint64_t person)
{
    return MIN(cmdline_number("stay", power_debug_exit_present() ? 0 : person), SECONDS_MAX);
}

/* Behind everything that was printed, so that the pause is visible while it lasts. */
static bool key_came(uint32_t count, uint64_t seconds)
{
    output_flush();
    return seconds && input_key_wait(count, seconds * SECOND_NS);
}

void stay_verdict(void)
{
    uint64_t seconds = stay_seconds(VERDICT_SECONDS);
    uint32_t count = input_key_count();

    if (!seconds)
        return;
    klog("verdict: stays until a key is pressed, for %llu s at most; then power off",
         (unsigned long long)seconds);
    key_came(count, seconds);
}

/* K/N of the loader's word; false: there is none. */
static bool boots_counted(uint32_t *boot, uint32_t *boots)
{
    char word[24];
    uint32_t *number = boot;

    *boot = *boots = 0;
    if (!cmdline_find("boot", word, sizeof(word)))
        return false;
    for (const char *c = word; *c; c++) {
        if (*c == '/')
            number = boots;
        else
            *number = *number * 10 + (uint32_t)(*c - '0');
    }
    return number == boots;
}

bool stay_starts_again(bool passed)
{
    uint64_t seconds = stay_seconds(AGAIN_SECONDS);
    uint32_t count = input_key_count(), boot, boots;

    if (!boots_counted(&boot, &boots)) {
        klog("reboot: none, because the boots cannot be counted (no EFI variables)");
        return false;
    }
    if (boot >= boots || !passed) {
        klog("reboot: none, this was boot %u of %u%s", boot, boots, passed ? "" : ", a FAIL");
        return false;
    }
    klog("reboot: after boot %u of %u, in %llu s; a key stops it", boot, boots,
         (unsigned long long)seconds);
    if (!key_came(count, seconds))
        return true;
    klog("reboot: stopped by a key");
    return false;
}
