/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/stat: the facts as one line of numbers.
 *
 * Readers find fields by position, so what this kernel has no facts for is printed as the constant
 * that Linux shows for a process without that feature.
 */
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/proc/procfs/procfs_facts.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "shared/addrmap.h"
#include "shared/linux/auxv.h"

#define TICK_NS          (1000000000ULL / LX_CLOCK_TICKS)
#define PF_EXITING       0x4u
#define PF_FORKED_NOEXEC 0x40u

static uint64_t stat_ticks(uint64_t ns)
{
    return ns / TICK_NS;
}

/* The numbers in /proc/PID/stat behind the letter of the state, as proc_pid_stat(5) counts them;
 * what has no name here is always 0. */
enum stat_field {
    STAT_PARENT = 4,
    STAT_GROUP,
    STAT_SESSION,
    STAT_TERMINAL,
    STAT_TERMINAL_GROUP,
    STAT_FLAGS,
    STAT_FAULTS,
    STAT_CHILDREN_FAULTS,
    STAT_USER = 14,
    STAT_SYSTEM,
    STAT_CHILDREN_USER,
    STAT_CHILDREN_SYSTEM,
    STAT_PRIORITY,
    STAT_NICE,
    STAT_THREADS,
    STAT_STARTED = 22,
    STAT_MAPPED,
    STAT_RESIDENT,
    STAT_RSS_LIMIT,
    STAT_CODE_START,
    STAT_CODE_END,
    STAT_STACK,
    STAT_PENDING = 31,
    STAT_BLOCKED,
    STAT_IGNORED,
    STAT_CAUGHT,
    STAT_SLEEPS_IN,
    STAT_EXIT_SIGNAL = 38,
    STAT_CPU,
    STAT_RT_PRIORITY,
    STAT_POLICY,
    STAT_DATA_START = 45,
    STAT_DATA_END,
    STAT_BRK_START,
    STAT_ARGS_START,
    STAT_ARGS_END,
    STAT_ENV_START,
    STAT_ENV_END,
    STAT_EXIT_CODE,
    STAT_FIELDS,
};
#define STAT_SIGNED                                                                                \
    (1UL << STAT_TERMINAL_GROUP | 1UL << STAT_PRIORITY | 1UL << STAT_NICE | 1UL << STAT_EXIT_SIGNAL)

/* Not by procfs_print: programs like ps read this line of every process, and a format costs several
 * times what the digits do. Backwards, as digits come. The name may hold any byte, so readers
 * search the last ")". */
static void stat_put_line(struct procfs_text *text, const struct procfs_facts *f,
                          const uint64_t *numbers)
{
    char line[STAT_FIELDS * sizeof(" 18446744073709551615") + sizeof(f->name)];
    char *end = line + sizeof(line), *at = end;
    size_t len = strlen(f->name);

    *--at = '\n';
    for (const uint64_t *from = numbers + STAT_FIELDS; from > numbers + STAT_PARENT;) {
        uint64_t number = *--from;

        if (number < 10) { /* most of them: one store */
            uint16_t both = (uint16_t)(' ' | ('0' + number) << 8);

            at -= sizeof(both);
            memcpy(at, &both, sizeof(both));
            continue;
        }
        if ((int64_t)number < 0 && STAT_SIGNED >> (from - numbers) & 1) {
            at = fmt_decimal_before(at, 0 - number);
            *--at = '-';
        } else {
            at = fmt_decimal_before(at, number);
        }
        *--at = ' ';
    }
    *--at = f->state;
    at -= 2;
    memcpy(at, ") ", 2);
    at -= len;
    memcpy(at, f->name, len);
    at -= 2;
    memcpy(at, " (", 2);
    at = fmt_decimal_before(at, (uint64_t)f->pid);
    procfs_put(text, at, (size_t)(end - at));
}

/* What only callers with the right to look into the process learn. */
static void stat_memory(const struct procfs_facts *facts, uint64_t *numbers)
{
    const struct exec_layout *l = &facts->layout;

    /* Permitted or not, no memory is shown as zeroes; 1 1 0 is Linux's "not permitted". */
    if (facts->space && !facts->permitted)
        numbers[STAT_CODE_START] = numbers[STAT_CODE_END] = 1;
    if (!facts->space || !facts->permitted)
        return;
    numbers[STAT_CODE_START] = l->code_start;
    numbers[STAT_CODE_END] = l->code_end;
    numbers[STAT_STACK] = l->stack;
    numbers[STAT_DATA_START] = l->data_start;
    numbers[STAT_DATA_END] = l->data_end;
    numbers[STAT_BRK_START] = facts->brk_start;
    numbers[STAT_ARGS_START] = l->args_start;
    numbers[STAT_ARGS_END] = numbers[STAT_ENV_START] = l->args_end;
    numbers[STAT_ENV_END] = l->env_end;
}

/* In ticks of the clock that programs count by (sysconf(_SC_CLK_TCK)), as proc_pid_stat(5) says. */
static void stat_times(const struct procfs_facts *facts, uint64_t *numbers)
{
    numbers[STAT_USER] = stat_ticks(facts->usage.user_ns);
    numbers[STAT_SYSTEM] = stat_ticks(facts->usage.system_ns);
    numbers[STAT_CHILDREN_USER] = stat_ticks(facts->children.user_ns);
    numbers[STAT_CHILDREN_SYSTEM] = stat_ticks(facts->children.system_ns);
    numbers[STAT_STARTED] = stat_ticks(facts->started_ns);
}

static void stat_signals(const struct procfs_facts *facts, uint64_t *numbers)
{
    /* The sets have 31 bits here. */
    numbers[STAT_PENDING] = facts->pending & 0x7fffffff;
    numbers[STAT_BLOCKED] = facts->blocked & 0x7fffffff;
    numbers[STAT_IGNORED] = facts->ignored & 0x7fffffff;
    numbers[STAT_CAUGHT] = facts->caught & 0x7fffffff;
    numbers[STAT_EXIT_SIGNAL] = (uint64_t)facts->exit_signal;
}

/* The numbers are kept until all are known: the line is made from its end. */
int procfs_show_stat(const struct procfs_node *node, struct procfs_text *text)
{
    uint64_t numbers[STAT_FIELDS] = {0};
    struct procfs_facts f;
    int err = procfs_facts_take(node, &f, false);

    if (err)
        return err;
    numbers[STAT_PARENT] = (uint64_t)f.parent;
    numbers[STAT_GROUP] = (uint64_t)f.group;
    numbers[STAT_SESSION] = (uint64_t)f.session;
    numbers[STAT_TERMINAL] = f.terminal;
    numbers[STAT_TERMINAL_GROUP] = (uint64_t)f.terminal_group;
    numbers[STAT_FLAGS] = (f.executed ? 0 : PF_FORKED_NOEXEC) | (f.alive ? 0 : PF_EXITING);
    numbers[STAT_FAULTS] = f.usage.faults;
    numbers[STAT_CHILDREN_FAULTS] = f.children.faults;
    numbers[STAT_PRIORITY] = f.prio ? -1 - (uint64_t)f.prio : (uint64_t)(20 + f.nice);
    numbers[STAT_RT_PRIORITY] = f.rt_own;
    numbers[STAT_POLICY] = f.policy;
    numbers[STAT_NICE] = (uint64_t)f.nice;
    numbers[STAT_THREADS] = f.threads;
    numbers[STAT_MAPPED] = f.mapped << PAGE_SHIFT;
    numbers[STAT_RESIDENT] = f.resident;
    numbers[STAT_RSS_LIMIT] = f.rss_limit;
    /* An address long ago; 1 for a task that sleeps. */
    numbers[STAT_SLEEPS_IN] = f.permitted && f.state != 'R';
    numbers[STAT_CPU] = f.cpu;
    numbers[STAT_EXIT_CODE] = f.permitted && !f.space ? (uint64_t)f.exit_code : 0;
    stat_times(&f, numbers);
    stat_signals(&f, numbers);
    stat_memory(&f, numbers);
    stat_put_line(text, &f, numbers);
    procfs_facts_drop(&f);
    return 0;
}
