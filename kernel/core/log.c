/* SPDX-License-Identifier: MIT */
/*
 * The log: one line for each message, with the time since the kernel's start.
 *
 * Lines go out by way of core/output.c, and into a ring for programs. The ring's lock is a word of
 * its own, for which nothing waits without an end: a processor may be stopped while it has it.
 */
#include "kernel/core/log.h"

#include "kernel/arch/x86_64/irq.h"
#include "kernel/core/clock.h"
#include "kernel/core/output.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/klog.h"
#include "kernel/lib/ktap.h"

#define LINE_SIZE  400
#define LEVEL      "<6>" /* in place of KTAP's mark: information, syslog(2) */
#define TURNS_MAX  1000000
#define MARK_BYTES 2 /* "# " */

static char ring[LOG_SIZE]; /* [busy] */
static uint64_t ring_end;   /* [busy] read without it as a hint */
static bool busy;           /* [a] */

static bool log_lock(uint64_t *flags)
{
    *flags = irq_save();
    for (uint32_t turns = 0; __atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE); turns++) {
        if (turns == TURNS_MAX) {
            irq_restore(*flags);
            return false;
        }
        cpu_pause();
    }
    return true;
}

static void log_unlock(uint64_t flags)
{
    __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
    irq_restore(flags);
}

/* [busy] */
static void log_append(const char *bytes, size_t nbytes)
{
    for (size_t i = 0; i < nbytes; i++)
        ring[(ring_end + i) % LOG_SIZE] = bytes[i];
    __atomic_store_n(&ring_end, ring_end + nbytes, __ATOMIC_RELAXED);
}

uint64_t log_end(void)
{
    return __atomic_load_n(&ring_end, __ATOMIC_RELAXED);
}

size_t log_read(uint64_t *position, char *bytes, size_t size)
{
    uint64_t flags, oldest;
    size_t nbytes;

    if (!log_lock(&flags))
        return 0;
    oldest = ring_end > LOG_SIZE ? ring_end - LOG_SIZE : 0;
    *position = MIN(MAX(*position, oldest), ring_end);
    nbytes = MIN(size, (size_t)(ring_end - *position));
    for (size_t i = 0; i < nbytes; i++)
        bytes[i] = ring[(*position + i) % LOG_SIZE];
    log_unlock(flags);
    *position += nbytes;
    return nbytes;
}

/* "# [   0.001234] text": KTAP takes it for a comment. Text may quote what a file or a program
 * said, so it is cleaned of control characters. */
void klog(const char *format, ...)
{
    char text[LINE_SIZE];
    char line[LINE_SIZE + 32];
    uint64_t us = clock_monotonic_ns() / 1000;
    size_t length, used;
    uint64_t flags;
    va_list args;

    va_start(args, format);
    length = fmt_vprint(text, sizeof(text), format, args);
    va_end(args);
    length = MIN(length, sizeof(text) - 1);

    used = fmt_print(line, sizeof(line), "# [%4llu.%06llu] ", (unsigned long long)(us / 1000000),
                     (unsigned long long)(us % 1000000));
    used += ktap_clean(line + used, sizeof(line) - used - 1, text, length);
    line[used++] = '\n';
    output_line(line, used);
    if (log_lock(&flags)) {
        log_append(LEVEL, sizeof(LEVEL) - 1);
        log_append(line + MARK_BYTES, used - MARK_BYTES);
        log_unlock(flags);
    }
}
