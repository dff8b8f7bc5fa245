/* SPDX-License-Identifier: MIT */
/*
 * selftest/ktest.h - checks inside the kernel, for what only the kernel can see
 *
 * A check registers itself by section: KTEST or KTEST_BOOT at file level. Those of the second kind
 * run on every boot; the others where ktest=PATTERN of the command line names them (`*` stands for
 * any characters). A pattern that fits no check is a failed test. Frames are accounted for.
 * Context: the boot thread, after the baseline.
 */
#pragma once

#include "kernel/lib/util.h"

#define KTEST_REASON_SIZE 200

struct ktest {
    const char *name;
    /* True: passed. Else a sentence is in reason. */
    bool (*run)(char reason[KTEST_REASON_SIZE]);
};

#define KTEST_REGISTER(id, text, kind)                                                             \
    static COLD bool ktest_##id(char reason[KTEST_REASON_SIZE]);                                   \
    static const struct ktest ktest_entry_##id SECTION(".ktests." kind)                            \
        ALIGNED(8) = {text, ktest_##id};                                                           \
    static bool ktest_##id(char reason[KTEST_REASON_SIZE])

#define KTEST(id, text)      KTEST_REGISTER(id, text, "named")
#define KTEST_BOOT(id, text) KTEST_REGISTER(id, text, "boot")

/* False, with a sentence for the reason. */
PRINTF_LIKE(2, 3) bool ktest_fail(char reason[KTEST_REASON_SIZE], const char *format, ...);

/* Inside a check: what must hold, and the printf-like text that says what did not. */
#define KTEST_EXPECT(condition, ...)                                                               \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            return ktest_fail(reason, __VA_ARGS__);                                                \
        }                                                                                          \
    } while (0)

extern const struct ktest ktest_begin[]; /* kernel.ld: those of every boot come first */
extern const struct ktest ktest_named_begin[];
extern const struct ktest ktest_end[];

/* Inside a check: wait until interrupts have counted so far. False: not in 10 s, which is longer
 * than any host keeps a machine from running. */
bool ktest_await(const volatile unsigned *count, unsigned wanted);

unsigned ktest_count(void); /* result lines that ktest_run will print */
void ktest_run(void);
