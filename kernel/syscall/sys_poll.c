/* SPDX-License-Identifier: MIT */
/*
 * poll and select. A waiter registers with every file on the first look only; after that it looks,
 * sleeps, and looks again.
 *
 * Long because poll and select share their waiting and their time-outs.
 */
#include "kernel/core/clock.h"
#include "kernel/fs/fdtable.h"
#include "kernel/fs/file.h"
#include "kernel/fs/poll.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/poll.h"
#include "shared/linux/time.h"

#define ALWAYS_READY  (LX_POLLIN | LX_POLLOUT | LX_POLLRDNORM | LX_POLLWRNORM)
#define ALWAYS_WANTED (LX_POLLERR | LX_POLLHUP)
#define FEW           16 /* descriptors that need no memory but the stack */
#define FEW_WORDS     4  /* of a bit set, likewise */
#define NS_PER_MS     1000000LL
#define NS_PER_S      1000000000LL
#define NS_PER_US     1000LL
#define SIGSET_NBYTES 8
#define FOREVER       0
#define SECONDS_MAX   (INT64_MAX / NS_PER_S - 1)

/* When to give up. A deadline in the past is one look without sleeping. */
struct patience {
    uint64_t deadline_ns; /* monotonic; FOREVER */
    bool no_wait;
};

static struct patience patience_for(int64_t ns)
{
    struct patience patience = {.no_wait = ns <= 0};
    uint64_t now = clock_monotonic_ns();

    if (ns > 0 && (uint64_t)ns < UINT64_MAX - now)
        patience.deadline_ns = now + (uint64_t)ns;
    return patience;
}

/* What is being waited for: the descriptors of poll, or those of select. */
struct watch {
    struct fd_table *table;
    unsigned count; /* descriptors, or more */
    bool shared;    /* the table: files are counted while they are used */
    /* Notes what is ready, and returns how much. */
    int (*look)(struct watch *watch, struct poll_waiter *waiter);
    /* The first descriptor at or behind place *at, which moves on behind it; negative: no more. */
    int (*next)(const struct watch *watch, unsigned *at);
};

static void watch_init(struct watch *watch, struct task *self, unsigned count)
{
    watch->table = self->files;
    watch->count = count;
    watch->shared = __atomic_load_n(&self->files->users, __ATOMIC_ACQUIRE) > 1;
}

static inline uint32_t file_events(struct file *file, struct poll_waiter *waiter)
{
    if (!file || unlikely(file->access & FILE_PATH))
        return LX_POLLNVAL;
    return file->ops->poll ? file->ops->poll(file, waiter) : ALWAYS_READY;
}

static NOINLINE uint32_t shared_events(struct fd_table *table, int fd, struct poll_waiter *waiter)
{
    struct file *file = fd_get(table, fd);
    uint32_t events = file_events(file, waiter);

    if (file)
        file_put(file);
    return events;
}

static inline uint32_t events_of(const struct watch *watch, int fd, struct poll_waiter *waiter)
{
    struct fd_table *table = watch->table;

    if (unlikely(watch->shared))
        return shared_events(table, fd, waiter);
    return file_events((unsigned)fd < table->capacity ? table->slots[fd] : NULL, waiter);
}

/* The files stay registered while their descriptors are open elsewhere or here: the reference that
 * matters is taken by hold_files. */
static int wait_until_ready(struct watch *watch, struct patience patience)
{
    struct poll_waiter waiter;
    int ready, err = 0;

    if (patience.no_wait) { /* a signal that the call's own mask lets in is let in all the same */
        ready = watch->look(watch, NULL);
        return ready == 0 && waitq_interrupted() ? -EINTR : ready;
    }
    poll_waiter_init(&waiter);
    ready = watch->look(watch, &waiter);
    while (ready == 0 && !err) {
        err = waiter.error;
        if (!err)
            err = poll_waiter_wait(&waiter, patience.deadline_ns);
        if (!err || (err == -EINTR && task_current()->sig_wait))
            ready = watch->look(watch, NULL);
    }
    poll_waiter_finish(&waiter);
    if (unlikely(task_current()->sig_wait)) /* a file of signals was among them */
        signal_set_wait(task_current(), 0);
    return ready > 0 || err == -ETIMEDOUT ? ready : err;
}

/* With a shared table another thread may close a file that this one waits on: hold them all. */
static unsigned hold_files(const struct watch *watch, struct file **held)
{
    unsigned at = 0, count = 0;
    int fd;

    while ((fd = watch->next(watch, &at)) >= 0) {
        held[count] = fd_get(watch->table, fd);
        count += held[count] != NULL;
    }
    return count;
}

static int wait_shared(struct watch *watch, struct patience patience)
{
    struct file *few[FEW], **held = few;
    unsigned count;
    int result;

    if (watch->count > FEW)
        held = kmalloc(watch->count * sizeof(*held));
    if (!held)
        return -ENOMEM;
    count = hold_files(watch, held);
    result = wait_until_ready(watch, patience);
    while (count > 0)
        file_put(held[--count]);
    if (held != few)
        kfree(held);
    return result;
}

static int watch_wait(struct watch *watch, struct patience patience)
{
    return watch->shared && !patience.no_wait ? wait_shared(watch, patience)
                                              : wait_until_ready(watch, patience);
}

/* --- poll --- */

struct poll_list {
    struct watch watch;
    struct lx_pollfd *entries;
};

static int poll_look(struct watch *watch, struct poll_waiter *waiter)
{
    struct lx_pollfd *entry = container_of(watch, struct poll_list, watch)->entries;
    int ready = 0;

    for (struct lx_pollfd *end = entry + watch->count; entry < end; entry++) {
        uint32_t mask = 0;

        if (entry->fd >= 0)
            mask = events_of(watch, entry->fd, waiter) &
                   ((uint16_t)entry->events | ALWAYS_WANTED | LX_POLLNVAL);
        entry->revents = (int16_t)mask;
        if (mask) {
            ready++;
            waiter = NULL; /* there will be no waiting */
        }
    }
    return ready;
}

static int poll_next(const struct watch *watch, unsigned *at)
{
    const struct lx_pollfd *entries = container_of(watch, struct poll_list, watch)->entries;

    while (*at < watch->count) {
        int fd = entries[(*at)++].fd;

        if (fd >= 0)
            return fd;
    }
    return -ENOENT;
}

/* Only the answers are written: another thread may be filling in the questions of its next call.
 * Alone, the program cannot tell that the questions are written back as they were. */
static int answer_poll(const struct poll_list *list, struct uptr user)
{
    const struct lx_pollfd *entries = list->entries;

    if (!list->watch.shared)
        return vm_user_write(user, entries, list->watch.count * sizeof(*entries));
    for (unsigned i = 0; i < list->watch.count; i++) {
        struct uptr at = {user.va + i * sizeof(*entries) + offsetof(struct lx_pollfd, revents)};
        int err = vm_user_write(at, &entries[i].revents, sizeof(entries[i].revents));
        if (err)
            return err;
    }
    return 0;
}

static int64_t poll_user(struct task *self, struct uptr user, unsigned count,
                         struct patience patience)
{
    struct poll_list list = {.watch = {.look = poll_look, .next = poll_next}};
    struct lx_pollfd few[FEW];
    int64_t result;

    if (count > __atomic_load_n(&self->files->limit, __ATOMIC_RELAXED))
        return -EINVAL;
    watch_init(&list.watch, self, count);
    list.entries = count > FEW ? kmalloc(count * sizeof(few[0])) : few;
    if (!list.entries)
        return -ENOMEM;
    result = vm_user_read(list.entries, user, count * sizeof(few[0]));
    if (!result)
        result = watch_wait(&list.watch, patience);
    if (result >= 0) {
        int err = answer_poll(&list, user);
        result = err ? err : result;
    }
    if (list.entries != few)
        kfree(list.entries);
    return result;
}

int64_t sys_poll(struct task *self, struct uptr list, unsigned count, int timeout_ms)
{
    struct patience patience = {.deadline_ns = FOREVER};
    int64_t result;

    if (timeout_ms >= 0)
        patience = patience_for(timeout_ms * NS_PER_MS);
    if (self->restart_deadline_ns) /* started anew: the time goes on from where it was */
        patience.deadline_ns = self->restart_deadline_ns;
    result = poll_user(self, list, count, patience);
    self->restart_deadline_ns = result == -EINTR ? patience.deadline_ns : 0;
    return result;
}

/* --- time-outs and masks of ppoll and pselect6 --- */

static int patience_from_timespec(struct uptr user, struct patience *patience)
{
    struct lx_timespec time;
    int err;

    *patience = (struct patience){.deadline_ns = FOREVER};
    if (!user.va)
        return 0;
    err = vm_user_read(&time, user, sizeof(time));
    if (err)
        return err;
    if (time.sec < 0 || time.nsec < 0 || time.nsec >= NS_PER_S)
        return -EINVAL;
    *patience = patience_for(MIN(time.sec, SECONDS_MAX) * NS_PER_S + time.nsec);
    return 0;
}

static int64_t time_left(const struct patience *patience)
{
    uint64_t now = clock_monotonic_ns();

    return patience->no_wait || now >= patience->deadline_ns
               ? 0
               : (int64_t)(patience->deadline_ns - now);
}

/* Linux tells how much time was left, and does not mind when that cannot be written. */
static void tell_timespec(struct uptr user, const struct patience *patience)
{
    int64_t left = time_left(patience);
    struct lx_timespec time = {left / NS_PER_S, left % NS_PER_S};
    int err = user.va && (patience->deadline_ns || patience->no_wait)
                  ? vm_user_write(user, &time, sizeof(time))
                  : 0;
    (void)err;
}

/* Sets the mask for the time of the call. When a signal ended it, the mask stays as it is until
 * that has been acted on. */
static int mask_begin(struct task *self, struct uptr user, size_t nbytes, uint64_t *saved)
{
    uint64_t mask;
    int err;

    *saved = self->sig_mask;
    if (!user.va)
        return 0;
    if (nbytes != SIGSET_NBYTES)
        return -EINVAL;
    err = vm_user_read(&mask, user, sizeof(mask));
    if (!err)
        signal_set_mask(self, mask);
    return err;
}

static void mask_end(struct task *self, int64_t result, uint64_t saved)
{
    if (self->sig_mask == saved)
        return;
    if (result == -EINTR)
        signal_restore_mask_later(self, saved);
    else
        signal_set_mask(self, saved);
}

int64_t sys_ppoll(struct task *self, struct uptr list, unsigned count, struct uptr timeout,
                  struct uptr mask, size_t mask_nbytes)
{
    struct patience patience;
    uint64_t saved;
    int64_t result = patience_from_timespec(timeout, &patience);

    if (!result)
        result = mask_begin(self, mask, mask_nbytes, &saved);
    if (result)
        return result;
    result = poll_user(self, list, count, patience);
    mask_end(self, result, saved);
    tell_timespec(timeout, &patience);
    return result;
}

/* --- select --- */

/* A descriptor without a file counts as ready for everything, as on Linux. */
#define SELECT_IN                                                                                  \
    (LX_POLLRDNORM | LX_POLLRDBAND | LX_POLLIN | LX_POLLHUP | LX_POLLERR | LX_POLLNVAL)
#define SELECT_OUT (LX_POLLWRBAND | LX_POLLWRNORM | LX_POLLOUT | LX_POLLERR | LX_POLLNVAL)
#define SELECT_EX  (LX_POLLPRI | LX_POLLNVAL)
#define NSETS      3

/* One word of each of the three bit sets. Asked and answered lie behind each other in memory. */
struct set_words {
    uint64_t of[NSETS];
};

struct sets {
    struct watch watch;
    struct uptr user[NSETS]; /* as the program gave them; NULL: empty */
    size_t nwords;           /* of each */
    uint64_t *asked;         /* NSETS * nwords, one set after the other */
    uint64_t *ready;         /* likewise */
};

static const uint32_t set_events[NSETS] = {SELECT_IN, SELECT_OUT, SELECT_EX};

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

static int select_look(struct watch *watch, struct poll_waiter *waiter)
{
    struct sets *sets = container_of(watch, struct sets, watch);
    int ready = 0;

    for (size_t i = 0; i < sets->nwords; i++) {
        struct set_words word = asked_at(sets, i);

        for (uint64_t any = word.of[0] | word.of[1] | word.of[2]; any; any &= any - 1) {
            unsigned fd = (unsigned)(i * 64) + (unsigned)__builtin_ctzll(any);
            uint32_t events = events_of(watch, (int)fd, waiter);

            if (events)
                ready += select_note(sets, fd, events);
            if (ready)
                waiter = NULL; /* there will be no waiting */
        }
    }
    return ready;
}

static int select_next(const struct watch *watch, unsigned *at)
{
    const struct sets *sets = container_of(watch, struct sets, watch);

    for (; *at < watch->count; *at += 1) {
        struct set_words word = asked_at(sets, *at / 64);

        if ((word.of[0] | word.of[1] | word.of[2]) >> (*at % 64) & 1)
            return (int)(*at)++;
    }
    return -ENOENT;
}

/* Bits behind the last descriptor do not come back. All descriptors asked for must be open. */
static int sets_read(struct sets *sets)
{
    unsigned rest = sets->watch.count % 64;
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
        if (all && (all & ~fd_used_word(sets->watch.table, i)))
            return -EBADF;
    }
    return 0;
}

static int sets_write(const struct sets *sets)
{
    for (unsigned set = 0; set < NSETS; set++)
        if (sets->user[set].va && vm_user_write(sets->user[set], sets->ready + set * sets->nwords,
                                                sets->nwords * sizeof(*sets->ready)))
            return -EFAULT;
    return 0;
}

static int64_t select_user(struct task *self, int count, const struct uptr user[NSETS],
                           struct patience patience)
{
    struct sets sets = {.watch = {.look = select_look, .next = select_next},
                        .user = {user[0], user[1], user[2]}};
    uint64_t few[2 * NSETS * FEW_WORDS];
    int64_t result;
    size_t nwords;

    if (count < 0)
        return -EINVAL;
    watch_init(&sets.watch, self, MIN((unsigned)count, self->files->capacity));
    sets.nwords = (sets.watch.count + 63) / 64;
    nwords = 2 * NSETS * sets.nwords;
    sets.asked = sets.nwords > FEW_WORDS ? kmalloc(nwords * sizeof(few[0])) : few;
    if (!sets.asked)
        return -ENOMEM;
    memset(sets.asked, 0, nwords * sizeof(few[0]));
    sets.ready = sets.asked + nwords / 2;
    result = sets_read(&sets);
    if (!result)
        result = watch_wait(&sets.watch, patience);
    if (result >= 0 && sets_write(&sets))
        result = -EFAULT;
    if (sets.asked != few)
        kfree(sets.asked);
    return result;
}

int64_t sys_select(struct task *self, int count, struct uptr in, struct uptr out,
                   struct uptr except, struct uptr timeout)
{
    const struct uptr user[NSETS] = {in, out, except};
    struct patience patience = {.deadline_ns = FOREVER};
    struct lx_timeval time;
    int64_t result, left;

    if (timeout.va) {
        if (vm_user_read(&time, timeout, sizeof(time)))
            return -EFAULT;
        if (time.sec < 0 || time.usec < 0)
            return -EINVAL;
        patience = patience_for(MIN(time.sec, SECONDS_MAX) * NS_PER_S +
                                MIN(time.usec, NS_PER_S) * NS_PER_US);
    }
    result = select_user(self, count, user, patience);
    left = time_left(&patience);
    time = (struct lx_timeval){left / NS_PER_S, left % NS_PER_S / NS_PER_US};
    if (timeout.va && vm_user_write(timeout, &time, sizeof(time)))
        return result; /* as Linux: what could not be told is not missed */
    return result;
}

/* The sixth argument points to a pointer to the mask, and its size. */
int64_t sys_pselect6(struct task *self, int count, struct uptr in, struct uptr out,
                     struct uptr except, struct uptr timeout, struct uptr mask)
{
    const struct uptr user[NSETS] = {in, out, except};
    struct {
        struct uptr set;
        uint64_t nbytes;
    } pack = {{0}, 0};
    struct patience patience;
    uint64_t saved;
    int64_t result = mask.va ? vm_user_read(&pack, mask, sizeof(pack)) : 0;

    if (!result)
        result = patience_from_timespec(timeout, &patience);
    if (!result)
        result = mask_begin(self, pack.set, pack.nbytes, &saved);
    if (result)
        return result;
    result = select_user(self, count, user, patience);
    mask_end(self, result, saved);
    tell_timespec(timeout, &patience);
    return result;
}
