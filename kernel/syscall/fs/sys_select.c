/* SPDX-License-Identifier: MIT */
/*
 * select and pselect6: three bit sets, copied in and out.
 *
 * How files are scanned and how a call waits is in poll_scan.c. The sets that were asked for and
 * those that are answered lie one after the other in one array, on the stack when they are short. A
 * word of all three sets is scanned at a time, so that each descriptor is looked at once even if it
 * is in several sets.
 *
 * select changes the program's time-out to the time left, also when a signal ended the call:
 * Linux's behaviour, which POSIX allows. The answers are not written when the call fails.
 */
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/fs/poll_scan.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/system.h"
#include "shared/linux/time.h"

#define FEW_WORDS 4 /* of a bit set that need no memory but the stack */

/* A descriptor without a file counts as ready for everything, as on Linux. */
#define SELECT_IN                                                                                  \
    (LX_POLLRDNORM | LX_POLLRDBAND | LX_POLLIN | LX_POLLHUP | LX_POLLERR | LX_POLLNVAL)
#define SELECT_OUT (LX_POLLWRBAND | LX_POLLWRNORM | LX_POLLOUT | LX_POLLERR | LX_POLLNVAL)
#define SELECT_EX  (LX_POLLPRI | LX_POLLNVAL)
#define NSETS      3
#define SCAN_WORDS 16 /* of a set between two preemption points */

/* One word of each of the three bit sets. Asked and answered lie behind each other in memory. */
struct set_words {
    uint64_t of[NSETS];
};

struct sets {
    struct poll_scan scan;
    struct uptr user[NSETS]; /* as the program gave them; NULL: empty */
    size_t nwords;           /* of each */
    uint64_t *asked;         /* NSETS * nwords, one set after the other */
    uint64_t *ready;         /* likewise */
};

static const uint32_t set_events[NSETS] = {SELECT_IN, SELECT_OUT, SELECT_EX};

/* One word of each set. */
static struct set_words asked_at(const struct sets *sets, size_t i)
{
    const uint64_t *word = sets->asked + i;

    return (struct set_words){{word[0], word[sets->nwords], word[2 * sets->nwords]}};
}

/* Notes in which sets a descriptor that is ready has been asked for: few are, mostly. */
static NOINLINE int select_note(struct sets *sets, unsigned fd, uint32_t events)
{
    uint64_t bit = 1ull << (fd % 64);
    int bits = 0;

    for (unsigned set = 0; set < NSETS; set++) {
        size_t i = set * sets->nwords + fd / 64;

        if ((events & set_events[set]) && (sets->asked[i] & bit)) {
            sets->ready[i] |= bit;
            bits++;
        }
    }
    return bits;
}

/* The order of the descriptors must be that of select_hold: nth counts through `held`. */
static int select_scan(struct poll_scan *scan, struct poll_waiter *waiter)
{
    struct sets *sets = container_of(scan, struct sets, scan);
    unsigned nth = 0; /* descriptor of the scan: the place in `held` */
    int ready = 0;

    for (size_t i = 0; i < sets->nwords; i++) {
        struct set_words word = asked_at(sets, i);

        if (i % SCAN_WORDS == SCAN_WORDS - 1)
            sched_preempt_point();
        for (uint64_t any = word.of[0] | word.of[1] | word.of[2]; any; any &= any - 1) {
            unsigned fd = (unsigned)(i * 64) + (unsigned)__builtin_ctzll(any);
            uint32_t events = poll_scan_events(scan, nth++, (int)fd, waiter);

            if (events)
                ready += select_note(sets, fd, events);
            if (ready)
                waiter = NULL; /* there will be no waiting */
        }
    }
    return ready;
}

/* In the order of select_scan, a reference for each descriptor that is in any set. */
static unsigned select_hold(struct poll_scan *scan)
{
    const struct sets *sets = container_of(scan, struct sets, scan);
    unsigned nth = 0;

    for (size_t i = 0; i < sets->nwords; i++) {
        struct set_words word = asked_at(sets, i);

        for (uint64_t any = word.of[0] | word.of[1] | word.of[2]; any; any &= any - 1)
            scan->held[nth++] = fd_get(scan->table, (int)(i * 64) + (int)__builtin_ctzll(any));
    }
    return nth;
}

/* Bits behind the last descriptor do not come back. All descriptors asked for must be open. */
static int sets_read(struct sets *sets)
{
    unsigned rest = sets->scan.count % 64;
    uint64_t all;

    for (unsigned set = 0; set < NSETS; set++) {
        uint64_t *words = sets->asked + set * sets->nwords;
        if (sets->user[set].va &&
            vm_user_read(words, sets->user[set], sets->nwords * sizeof(*words)))
            return -EFAULT;
        if (rest)
            words[sets->nwords - 1] &= ~0ull >> (64 - rest);
    }
    for (size_t i = 0; i < sets->nwords; i++) {
        struct set_words word = asked_at(sets, i);

        all = word.of[0] | word.of[1] | word.of[2];
        if (all && (all & ~fd_used_word(sets->scan.table, i)))
            return -EBADF;
    }
    return 0;
}

/* A failure in the second set leaves the first one written, as on Linux. */
static int sets_write(const struct sets *sets)
{
    for (unsigned set = 0; set < NSETS; set++)
        if (sets->user[set].va && vm_user_write(sets->user[set], sets->ready + set * sets->nwords,
                                                sets->nwords * sizeof(*sets->ready)))
            return -EFAULT;
    return 0;
}

/* The count is cut to the table's capacity: bits behind it cannot name an open descriptor. Linux
 * does the same, and does not report EBADF for them. */
static int64_t select_user(struct task *self, int count, const struct uptr user[NSETS],
                           struct poll_timeout timeout)
{
    struct sets sets = {.scan = {.scan = select_scan, .hold = select_hold},
                        .user = {user[0], user[1], user[2]}};
    uint64_t few[2 * NSETS * FEW_WORDS];
    int64_t result;
    size_t nwords;

    if (count < 0)
        return -EINVAL;
    poll_scan_init(&sets.scan, self, MIN((unsigned)count, self->files->capacity));
    sets.nwords = (sets.scan.count + 63) / 64;
    nwords = 2 * NSETS * sets.nwords;
    sets.asked = sets.nwords > FEW_WORDS ? kmalloc(nwords * sizeof(few[0])) : few;
    if (!sets.asked)
        return -ENOMEM;
    memset(sets.asked, 0, nwords * sizeof(few[0]));
    sets.ready = sets.asked + nwords / 2;
    result = sets_read(&sets);
    if (!result)
        result = poll_scan_wait(&sets.scan, timeout);
    if (result >= 0 && sets_write(&sets))
        result = -EFAULT;
    if (sets.asked != few)
        kfree(sets.asked);
    return result;
}

int64_t sys_select(struct task *self, int count, struct uptr in, struct uptr out,
                   struct uptr except, struct uptr user_time)
{
    const struct uptr user[NSETS] = {in, out, except};
    struct poll_timeout timeout = {.deadline_ns = POLL_FOREVER};
    struct lx_timeval time;
    int64_t result, left;

    if (user_time.va) {
        if (vm_user_read(&time, user_time, sizeof(time)))
            return -EFAULT;
        if (time.sec < 0 || time.usec < 0)
            return -EINVAL;
        timeout = poll_timeout_after(MIN(time.sec, SECONDS_MAX) * NS_PER_S +
                                     MIN(time.usec, NS_PER_S) * NS_PER_US);
    }
    result = select_user(self, count, user, timeout);
    left = poll_timeout_left(&timeout);
    time = (struct lx_timeval){left / NS_PER_S, left % NS_PER_S / NS_PER_US};
    if (user_time.va && !(self->inherited.personality & LX_STICKY_TIMEOUTS) &&
        vm_user_write(user_time, &time, sizeof(time)))
        return result; /* as on Linux: a failed copy of the time left is no error */
    return result;
}

/* The sixth argument points to a pointer to the mask, and its size. */
int64_t sys_pselect6(struct task *self, int count, struct uptr in, struct uptr out,
                     struct uptr except, struct uptr time, struct uptr mask)
{
    const struct uptr user[NSETS] = {in, out, except};
    struct {
        struct uptr set;
        uint64_t nbytes;
    } pack = {{0}, 0};
    struct poll_timeout timeout;
    uint64_t saved;
    int64_t result = mask.va ? vm_user_read(&pack, mask, sizeof(pack)) : 0;

    if (!result)
        result = poll_timeout_read(time, &timeout);
    if (!result)
        result = poll_mask_begin(self, pack.set, pack.nbytes, &saved);
    if (result)
        return result;
    result = select_user(self, count, user, timeout);
    poll_mask_end(self, result, saved);
    poll_timeout_write(time, &timeout);
    return result;
}
