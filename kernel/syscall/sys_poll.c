/* SPDX-License-Identifier: MIT */
/*
 * poll and select. A waiter registers with every file on the first look only; after that it looks,
 * sleeps, and looks again. Both calls work on a list of struct lx_pollfd.
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

static uint32_t look_at(struct task *self, struct lx_pollfd *entry, struct poll_waiter *waiter)
{
    struct fd_ref ref;
    uint32_t mask;

    if (entry->fd < 0)
        return 0;
    ref = fd_find(self->files, entry->fd);
    if (!ref.file)
        return LX_POLLNVAL;
    mask = ref.file->ops->poll ? ref.file->ops->poll(ref.file, waiter) : ALWAYS_READY;
    fd_ref_put(ref);
    return mask & ((uint16_t)entry->events | ALWAYS_WANTED);
}

/* Fills in what is ready, and returns how many are. */
static int look(struct task *self, struct lx_pollfd *list, unsigned count,
                struct poll_waiter *waiter)
{
    int ready = 0;

    for (unsigned i = 0; i < count; i++) {
        uint32_t mask = look_at(self, &list[i], ready ? NULL : waiter);
        list[i].revents = (int16_t)mask;
        ready += mask != 0;
    }
    return ready;
}

/* The files stay registered while their descriptors are open elsewhere or here: the reference that
 * matters is taken by hold_files. */
static int wait_until_ready(struct task *self, struct lx_pollfd *list, unsigned count,
                            struct patience patience)
{
    struct poll_waiter waiter;
    int ready, err = 0;

    if (patience.no_wait)
        return look(self, list, count, NULL);
    poll_waiter_init(&waiter);
    ready = look(self, list, count, &waiter);
    while (ready == 0 && !err) {
        err = waiter.error;
        if (!err)
            err = poll_waiter_wait(&waiter, patience.deadline_ns);
        if (!err)
            ready = look(self, list, count, NULL);
    }
    poll_waiter_finish(&waiter);
    return ready > 0 || err == -ETIMEDOUT ? ready : err;
}

/* With a shared table another thread may close a file that this one waits on: hold them all. */
static void hold_files(struct task *self, const struct lx_pollfd *list, unsigned count,
                       struct file **held)
{
    for (unsigned i = 0; i < count; i++)
        held[i] = list[i].fd >= 0 ? fd_get(self->files, list[i].fd) : NULL;
}

static void release_files(struct file **held, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (held[i])
            file_put(held[i]);
}

static int poll_list(struct task *self, struct lx_pollfd *list, unsigned count,
                     struct patience patience)
{
    bool shared = __atomic_load_n(&self->files->users, __ATOMIC_ACQUIRE) > 1;
    struct file *few[FEW], **held = few;
    int result;

    if (patience.no_wait || !shared)
        return wait_until_ready(self, list, count, patience);
    if (count > FEW)
        held = kmalloc(count * sizeof(*held));
    if (!held)
        return -ENOMEM;
    hold_files(self, list, count, held);
    result = wait_until_ready(self, list, count, patience);
    release_files(held, count);
    if (held != few)
        kfree(held);
    return result;
}

/* --- poll --- */

/* Only the answers are written: another thread may be filling in the questions of its next call.
 * Alone, the program cannot tell that the questions are written back as they were. */
static int answer_poll(struct task *self, const struct lx_pollfd *list, unsigned count,
                       struct uptr user)
{
    if (__atomic_load_n(&self->files->users, __ATOMIC_RELAXED) == 1)
        return vm_user_write(user, list, count * sizeof(*list));
    for (unsigned i = 0; i < count; i++) {
        struct uptr at = {user.va + i * sizeof(*list) + offsetof(struct lx_pollfd, revents)};
        int err = vm_user_write(at, &list[i].revents, sizeof(list[i].revents));
        if (err)
            return err;
    }
    return 0;
}

static int64_t poll_user(struct task *self, struct uptr user, unsigned count,
                         struct patience patience)
{
    struct lx_pollfd few[FEW], *list = few;
    int64_t result;

    if (count > __atomic_load_n(&self->files->limit, __ATOMIC_RELAXED))
        return -EINVAL;
    if (count > FEW)
        list = kmalloc(count * sizeof(*list));
    if (!list)
        return -ENOMEM;
    result = vm_user_read(list, user, count * sizeof(*list));
    if (!result)
        result = poll_list(self, list, count, patience);
    if (result >= 0) {
        int err = answer_poll(self, list, count, user);
        result = err ? err : result;
    }
    if (list != few)
        kfree(list);
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

#define SELECT_IN  (LX_POLLRDNORM | LX_POLLRDBAND | LX_POLLIN | LX_POLLHUP | LX_POLLERR)
#define SELECT_OUT (LX_POLLWRBAND | LX_POLLWRNORM | LX_POLLOUT | LX_POLLERR)
#define SELECT_EX  LX_POLLPRI
#define NSETS      3

/* Three bit sets of `nwords` words each, as the program gave them. */
struct sets {
    struct uptr user[NSETS];
    size_t nwords;
    unsigned nfds;
    uint64_t *words;        /* NSETS * nwords */
    struct lx_pollfd *list; /* one entry for each descriptor in any of them */
    unsigned count;
};

static const uint32_t set_events[NSETS] = {SELECT_IN, SELECT_OUT, SELECT_EX};
/* The bit of an entry's events that tells which sets asked for it. */
static const uint32_t set_marks[NSETS] = {LX_POLLIN, LX_POLLOUT, LX_POLLPRI};
static const int16_t asked_events[1 << NSETS] = {0,
                                                 SELECT_IN,
                                                 SELECT_OUT,
                                                 SELECT_IN | SELECT_OUT,
                                                 SELECT_EX,
                                                 SELECT_IN | SELECT_EX,
                                                 SELECT_OUT | SELECT_EX,
                                                 SELECT_IN | SELECT_OUT | SELECT_EX};

/* Bits behind the last descriptor do not come back. */
static int sets_read(struct sets *sets)
{
    uint64_t last = sets->nfds % 64 ? ~0ull >> (64 - sets->nfds % 64) : ~0ull;

    for (unsigned set = 0; set < NSETS; set++) {
        uint64_t *words = sets->words + set * sets->nwords;
        if (!sets->user[set].va)
            memset(words, 0, sets->nwords * sizeof(*words));
        else if (vm_user_read(words, sets->user[set], sets->nwords * sizeof(*words)))
            return -EFAULT;
        if (sets->nwords > 0)
            words[sets->nwords - 1] &= last;
    }
    return 0;
}

/* One entry for each descriptor in any set; they must all be open. */
static int sets_to_list(struct task *self, struct sets *sets)
{
    for (size_t i = 0; i < sets->nwords; i++) {
        const uint64_t *word = &sets->words[i];
        uint64_t any = word[0] | word[sets->nwords] | word[2 * sets->nwords];

        for (; any; any &= any - 1) {
            unsigned bit = (unsigned)__builtin_ctzll(any);
            int fd = (int)(i * 64 + bit);
            unsigned asked =
                (unsigned)((word[0] >> bit & 1) | (word[sets->nwords] >> bit & 1) << 1 |
                           (word[2 * sets->nwords] >> bit & 1) << 2);
            struct fd_ref ref = fd_find(self->files, fd);

            if (!ref.file)
                return -EBADF;
            fd_ref_put(ref);
            sets->list[sets->count++] = (struct lx_pollfd){.fd = fd, .events = asked_events[asked]};
        }
    }
    return 0;
}

/* What is both asked for and ready; returns the number of bits. Few descriptors are ready, mostly.
 */
static int list_to_sets(struct sets *sets)
{
    int bits = 0;

    memset(sets->words, 0, NSETS * sets->nwords * sizeof(*sets->words));
    for (unsigned i = 0; i < sets->count; i++) {
        const struct lx_pollfd *entry = &sets->list[i];

        for (unsigned set = 0; entry->revents && set < NSETS; set++) {
            uint64_t *word = &sets->words[set * sets->nwords + (unsigned)entry->fd / 64];
            if (!(entry->events & set_marks[set]) || !(entry->revents & set_events[set]))
                continue;
            *word |= 1ull << (entry->fd % 64);
            bits++;
        }
    }
    return bits;
}

static int sets_write(const struct sets *sets)
{
    for (unsigned set = 0; set < NSETS; set++)
        if (sets->user[set].va && vm_user_write(sets->user[set], sets->words + set * sets->nwords,
                                                sets->nwords * sizeof(*sets->words)))
            return -EFAULT;
    return 0;
}

static int64_t select_sets(struct task *self, struct sets *sets, struct patience patience)
{
    int64_t result = sets_read(sets);
    int bits;

    if (!result)
        result = sets_to_list(self, sets);
    if (!result)
        result = poll_list(self, sets->list, sets->count, patience);
    if (result < 0)
        return result;
    bits = list_to_sets(sets);
    result = sets_write(sets);
    return result ? result : bits;
}

static int64_t select_user(struct task *self, int count, const struct uptr user[NSETS],
                           struct patience patience)
{
    struct sets sets = {.user = {user[0], user[1], user[2]}};
    int64_t result;
    size_t nbytes;

    if (count < 0)
        return -EINVAL;
    sets.nfds = MIN((unsigned)count, self->files->capacity);
    sets.nwords = (sets.nfds + 63) / 64;
    nbytes = NSETS * sets.nwords * sizeof(uint64_t);
    sets.words = kmalloc(nbytes + sets.nfds * sizeof(struct lx_pollfd) + 1);
    if (!sets.words)
        return -ENOMEM;
    sets.list = (struct lx_pollfd *)((char *)sets.words + nbytes);
    result = select_sets(self, &sets, patience);
    kfree(sets.words);
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
