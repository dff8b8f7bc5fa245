/* SPDX-License-Identifier: MIT */
/*
 * Contexts of asynchronous input and output.
 *
 * A context lives as long as its page is mapped: the page's area is found by its address, which is
 * the context's number, and holds a reference by way of its pager. So a program that ends, or
 * executes another, or unmaps the page, needs no word to be told: the area goes, and the context
 * with it. A child made by fork does not get the page. Calls hold references of their own.
 *
 * The page reads as zeroes. Linux has its ring of events there, with a magic number, which
 * libraries look for before they read events without a call; not finding it they make the call.
 *
 * A place for the event is reserved before a request begins, so no event is ever without one. There
 * are as many as on Linux: twice those asked for, in whole pages. The number asked for is bounded
 * for all contexts together; each counts for a few at least, for its page.
 */
#include "kernel/fs/event/aio_context.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/waitq.h"
#include "kernel/vm/vm_attach.h"
#include "kernel/vm/vm_pager.h"
#include "kernel/vm/vm_space.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/mman.h"

#define RESERVE_SHIFT 5       /* a thirty-second of memory is left to others */
#define RING_MOST     131072u /* of events: what kmalloc gives */
/* Linux has four places a processor, whatever was asked for. Here no more than fit into a page:
 * that is what a small context is charged for, and all together must not take more where processors
 * are many. */
#define CPUS_MOST 15u

/* I constant   a atomic   c its lock */
struct aio_context {
    struct vm_pager pager;
    uint32_t refs; /* [a] */
    struct mutex lock;
    struct waitq done;
    struct frame *page;         /* [I] counted */
    uint32_t charge;            /* [I] of the bound for all */
    uint32_t max;               /* [I] places */
    uint32_t reserved;          /* [c] for requests that are under way */
    uint32_t head, count;       /* [c] of the events that are to be read */
    bool dead;                  /* [c] io_destroy was called */
    struct lx_io_event *events; /* [c] a ring of max places */
};

static uint64_t nplaces; /* atomic: of all contexts */

uint64_t aio_requests(void)
{
    return __atomic_load_n(&nplaces, __ATOMIC_RELAXED);
}

static struct aio_context *context_of(struct vm_pager *pager)
{
    return container_of(pager, struct aio_context, pager);
}

/* --- the page --- */

static int aio_map_range(struct vm_pager *pager, struct vm_page_range *range)
{
    if (range->index + range->needed != 0)
        return -ENXIO;
    for (unsigned i = 0; i < range->count; i++)
        range->frames[i] = NULL;
    range->frames[range->needed] = context_of(pager)->page;
    frame_get(context_of(pager)->page);
    return 0;
}

static void aio_pager_get(struct vm_pager *pager, struct dentry *name)
{
    (void)name;
    __atomic_fetch_add(&context_of(pager)->refs, 1, __ATOMIC_RELAXED);
}

static void aio_pager_put(struct vm_pager *pager, struct dentry *name)
{
    (void)name;
    aio_context_put(context_of(pager));
}

static const struct vm_pager_ops aio_pager_ops = {
    .map_range = aio_map_range,
    .get = aio_pager_get,
    .put = aio_pager_put,
    .label = "/[aio] (deleted)",
};

/* --- life --- */

/* Maybe under the lock of an address space: nothing here waits. */
void aio_context_put(struct aio_context *context)
{
    if (__atomic_sub_fetch(&context->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    __atomic_fetch_sub(&nplaces, context->charge, __ATOMIC_RELAXED);
    if (context->page)
        frame_put(context->page);
    kfree(context->events);
    kfree(context);
}

/* Counted first: two at once may both be refused, but never go beyond the bound together. */
COLD static int aio_context_alloc(uint32_t wanted, struct aio_context **out_context)
{
    /* A page of Linux's ring begins with a header of an event's size. */
    const uint32_t per_page = PAGE_SIZE / sizeof(struct lx_io_event);
    uint32_t ring = ALIGN_UP(2 * MAX(wanted, 4 * MIN(cpu_count, CPUS_MOST)) + 3, per_page);
    struct aio_context *context;

    if (!pmm_has_more_than(pmm_total_count() >> RESERVE_SHIFT))
        return -EAGAIN;
    context = kzalloc(sizeof(*context));
    if (!context)
        return -ENOMEM;
    context->refs = 1;
    context->charge = MAX(wanted, per_page / 4);
    context->max = MIN(ring, RING_MOST) - 2;
    context->pager.ops = &aio_pager_ops;
    mutex_init(&context->lock, MUTEX_EXEC);
    waitq_init(&context->done);
    if (__atomic_add_fetch(&nplaces, context->charge, __ATOMIC_RELAXED) > AIO_MAX_NR) {
        aio_context_put(context);
        return -EAGAIN;
    }
    context->events = kmalloc(context->max * sizeof(context->events[0]));
    context->page = pmm_alloc(0, PMM_ZERO);
    if (!context->events || !context->page) {
        aio_context_put(context);
        return -ENOMEM;
    }
    *out_context = context;
    return 0;
}

COLD int aio_context_create(struct vm_space *space, uint32_t nrequests, uint64_t *out_id)
{
    struct vm_request request = {.nbytes = PAGE_SIZE, .prot = LX_PROT_READ, .shared = true};
    struct aio_context *context;
    int err;

    if (nrequests > AIO_MAX_NR)
        return -EAGAIN;
    err = aio_context_alloc(nrequests, &context);
    if (err)
        return err;
    request.pager = &context->pager;
    *out_id = 0;
    err = vm_map(space, &request, out_id);
    if (!err)
        err = vm_set_fork_rule(space, *out_id, PAGE_SIZE, VM_FORK_DONT);
    if (err && *out_id)
        aio_context_kill(space, context, *out_id);
    aio_context_put(context); /* the area has one now */
    return err;
}

struct aio_context *aio_context_find(struct vm_space *space, uint64_t id)
{
    struct vm_pager *pager = vm_pager_find(space, id, &aio_pager_ops);

    return pager ? context_of(pager) : NULL;
}

uint32_t aio_context_places(const struct aio_context *context)
{
    return context->max + 1; /* Linux never fills its last one */
}

COLD bool aio_context_kill(struct vm_space *space, struct aio_context *context, uint64_t id)
{
    bool was_dead;
    int err;

    mutex_lock(&context->lock);
    was_dead = context->dead;
    context->dead = true;
    mutex_unlock(&context->lock);
    /* Its page may be another mapping's by now. */
    if (was_dead)
        return false;
    waitq_wake_all(&context->done);
    /* Where there is no memory to split an area the page stays, of a context that is dead. */
    err = vm_unmap(space, id, PAGE_SIZE);
    (void)err;
    return true;
}

/* --- events --- */

bool aio_event_reserve(struct aio_context *context)
{
    bool good;

    mutex_lock(&context->lock);
    good = !context->dead && context->count + context->reserved < context->max;
    if (good)
        context->reserved++;
    mutex_unlock(&context->lock);
    return good;
}

void aio_event_unreserve(struct aio_context *context)
{
    mutex_lock(&context->lock);
    context->reserved--;
    mutex_unlock(&context->lock);
}

void aio_event_complete(struct aio_context *context, const struct lx_io_event *event)
{
    mutex_lock(&context->lock);
    ASSERT(context->reserved > 0);
    context->reserved--;
    context->events[(context->head + context->count++) % context->max] = *event;
    mutex_unlock(&context->lock);
    if (!waitq_is_empty(&context->done))
        waitq_wake_all(&context->done);
}

/* As many as lie behind each other. Those that cannot be copied stay. */
static int64_t events_take_locked(struct aio_context *context, int64_t most, struct uptr user)
{
    uint32_t piece = MIN(context->count, context->max - context->head);
    int err;

    ASSERT(mutex_is_held(&context->lock));
    piece = (uint32_t)MIN((uint64_t)most, piece);
    err = vm_user_write(user, &context->events[context->head], piece * sizeof(context->events[0]));
    if (err)
        return err;
    context->head = (context->head + piece) % context->max;
    context->count -= piece;
    return piece;
}

int64_t aio_events_read(struct aio_context *context, int64_t least, int64_t most, struct uptr user,
                        bool no_wait, uint64_t deadline_ns)
{
    int64_t total = 0;
    int64_t err = 0;

    mutex_lock(&context->lock);
    while (total < most && !err) {
        struct uptr at = {user.va + (uint64_t)total * sizeof(struct lx_io_event)};

        if (context->count) {
            int64_t taken = events_take_locked(context, most - total, at);

            if (taken < 0)
                err = taken;
            else
                total += taken;
        } else if (total >= least || no_wait) {
            break;
        } else if (context->dead) {
            err = -EINVAL;
        } else {
            err = waitq_wait(&context->done, &context->lock, deadline_ns);
        }
    }
    mutex_unlock(&context->lock);
    if (err == -ETIMEDOUT || total)
        err = 0;
    return err ? err : total;
}
