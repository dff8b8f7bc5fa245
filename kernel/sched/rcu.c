/* SPDX-License-Identifier: MIT */
/*
 * RCU: grace periods and deferred frees.
 *
 * The kernel is not preempted: a reader runs from rcu_read_lock to rcu_read_unlock
 * on one processor without a context switch. So a processor that switches threads, is idle, or is
 * about to return to ring 3 has no reader: a quiescent state. A grace period is over when every
 * processor has been in one since it began.
 *
 * Each processor keeps two lists: `next` takes what comes; when it is long enough it becomes
 * `wait`, which is freed after a grace period that began afterwards. gp.started and gp.done count
 * grace periods, one at a time; `asked` has a bit for each processor that the present one waits
 * for, and rcu_waiting is their number. The processor itself clears its bit, then counts down
 * (rcu_report); the last one ends the period, and starts the next if one was asked for. The number
 * is stored before the bits: no processor counts down a number that is not there yet.
 *
 * Why a reader is never missed: the writer took the pointer away before rcu_call, and gp.lock
 * orders that before the stores of the bits. A processor clears its bit by an atomic operation
 * after its readers (they are behind it in program order), and what it reads later it reads after
 * that operation, so it sees that the pointer is gone. Processors in their idle thread are left
 * out: their bit in the idle mask is read after a full fence, and they leave that state by an
 * atomic operation on the same word; the idle thread is never a reader. A processor whose bit was
 * taken out of the idle mask by a waker counts as busy; it reports from the idle loop.
 *
 * Each barrier takes the lists of all processors for itself: objects that another one has taken are
 * freed by that one, whenever it comes to it. So barriers come one after the other.
 *
 * A busy processor in ring 3 would never report: the start of a period sends it an interrupt, whose
 * handler asks for a turn of the scheduler on the way back (rcu_ask_here). No timer is needed,
 * and nothing happens where nothing is freed.
 */
#include "kernel/sched/rcu.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/core/ipi.h"
#include "kernel/lib/assert.h"
#include "kernel/sched/sched_internal.h"

#define BATCH 256 /* objects that a processor collects before it asks for a grace period */

struct rcu_cpu {
    struct rcu_head *next; /* newest first */
    struct rcu_head *wait;
    unsigned count;                /* in next; read by others as a hint */
    unsigned waiting;              /* in wait; likewise */
    uint64_t wait_for;             /* number of the grace period that frees `wait` */
    struct rcu_head *collected[2]; /* of the barrier whose turn it is */
} ALIGNED(64);

static PERCPU struct rcu_cpu cpus; /* each its own processor's, interrupts off */
static struct cpumask asked;       /* [a] */
unsigned rcu_waiting;

static struct {
    struct spinlock lock;
    uint64_t started; /* [lock] number of the latest grace period */
    uint64_t done;    /* [lock] of the latest that is over; read without */
    bool again;       /* [lock] one more has been asked for */
    uint64_t tickets; /* [a] barriers that have begun ... */
    uint64_t turn;    /* [a] ... and ended: whose turn it is */
} gp = {.lock = SPINLOCK_INIT(SPIN_RCU)};

static bool is_reader(void)
{
    return CPU_OWN->spin_mask & 1u << SPIN_RCU_READER;
}

void rcu_read_lock(void)
{
    ASSERT(!is_reader());
    CPU_OWN->spin_mask |= 1u << SPIN_RCU_READER;
}

void rcu_read_unlock(void)
{
    ASSERT(is_reader());
    CPU_OWN->spin_mask &= ~(1u << SPIN_RCU_READER);
}

/* Those that are busy are told by rcu_ask_processors. */
static void gp_start_locked(struct cpumask *busy)
{
    ASSERT(spin_is_held(&gp.lock) && gp.started == gp.done);
    gp.started++;
    gp.again = false;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    sched_cpus_busy(busy);
    cpumask_set(busy, cpu_self()->index);
    __atomic_store_n(&rcu_waiting, cpumask_count(busy), __ATOMIC_SEQ_CST);
    for (unsigned word = 0; word < cpumask_words; word++)
        __atomic_store_n(&asked.words[word], busy->words[word], __ATOMIC_SEQ_CST);
}

void rcu_ask_here(void)
{
    if (cpumask_test(&asked, cpu_self()->index))
        arch_thread_add_work(cpu_self()->thread, TIF_RESCHED);
}

/* Sends each of them into the scheduler before it is in ring 3 again. No spinlock of rank RUNQ or
 * later is held. */
static void rcu_ask_processors(struct cpumask *busy)
{
    cpumask_clear(busy, cpu_self()->index);
    rcu_ask_here();
    sched_kick_set(busy);
}

/* The number of a grace period that begins after this call. */
static uint64_t gp_request(void)
{
    uint64_t flags = spin_lock_irqsave(&gp.lock), number;
    bool begins = gp.started == gp.done;
    struct cpumask busy;

    if (begins)
        gp_start_locked(&busy);
    else
        gp.again = true;
    number = begins ? gp.started : gp.started + 1;
    spin_unlock_irqrestore(&gp.lock, flags);
    if (begins)
        rcu_ask_processors(&busy);
    return number;
}

static bool gp_is_done(uint64_t number)
{
    return __atomic_load_n(&gp.done, __ATOMIC_ACQUIRE) >= number;
}

static void gp_end(void)
{
    struct cpumask busy;
    bool again;

    spin_lock(&gp.lock);
    __atomic_store_n(&gp.done, gp.started, __ATOMIC_RELEASE);
    again = gp.again;
    if (again)
        gp_start_locked(&busy);
    spin_unlock(&gp.lock);
    if (again)
        rcu_ask_processors(&busy);
}

void rcu_report(void)
{
    unsigned self = cpu_self()->index;

    ASSERT(!is_reader());
    /* The end of one period may begin the next, which waits for this processor, too: an idle one
     * that went on to halt would keep it waiting until some interrupt. It still has no reader. */
    while (cpumask_test(&asked, self) && cpumask_clear(&asked, self))
        if (__atomic_sub_fetch(&rcu_waiting, 1, __ATOMIC_SEQ_CST) == 0)
            gp_end();
}

/* --- the lists --- */

static void rcu_free_all(struct rcu_head *head)
{
    while (head) {
        struct rcu_head *next = head->next;

        head->free(head);
        head = next;
    }
}

/* Own processor, interrupts off: what may be freed now, if anything. */
static struct rcu_head *rcu_advance(struct rcu_cpu *own)
{
    struct rcu_head *ready = NULL;

    if (own->wait && gp_is_done(own->wait_for)) {
        ready = own->wait;
        own->wait = NULL;
        own->waiting = 0;
    }
    if (!own->wait) {
        own->wait = own->next;
        own->waiting = own->count;
        own->next = NULL;
        own->count = 0;
        own->wait_for = gp_request();
    }
    return ready;
}

void rcu_call(struct rcu_head *head, void (*free)(struct rcu_head *head))
{
    struct rcu_head *ready = NULL;
    uint64_t flags = irq_save();
    struct rcu_cpu *own = percpu_own(cpus);

    head->free = free;
    head->next = own->next;
    own->next = head;
    if (unlikely(++own->count >= BATCH))
        ready = rcu_advance(own);
    irq_restore(flags);
    rcu_free_all(ready);
}

/* Into fields that the barrier reads; it has its turn, so they are free. */
static void rcu_collect(void *argument)
{
    uint64_t flags = irq_save();
    struct rcu_cpu *own = percpu_own(cpus);

    (void)argument;
    own->collected[0] = own->next;
    own->collected[1] = own->wait;
    own->next = own->wait = NULL;
    own->count = own->waiting = 0;
    irq_restore(flags);
}

/* Another processor may have joined since the lists were collected: it has none yet. */
static void rcu_free_collected(void)
{
    for (unsigned cpu = 0; cpu < sched_cpus_online(); cpu++) {
        struct rcu_cpu *of = percpu_of(cpus, cpu);

        for (unsigned i = 0; i < ARRAY_SIZE(of->collected); i++) {
            struct rcu_head *list = of->collected[i];

            of->collected[i] = NULL;
            rcu_free_all(list);
        }
    }
}

unsigned rcu_pending(void)
{
    unsigned sum = 0;

    for (unsigned cpu = 0; cpu < sched_cpus_online(); cpu++)
        sum += percpu_of(cpus, cpu)->count + percpu_of(cpus, cpu)->waiting;
    return sum;
}

void rcu_barrier(void)
{
    uint64_t ticket = __atomic_fetch_add(&gp.tickets, 1, __ATOMIC_RELAXED), number;

    ASSERT(!spin_any_held());
    /* No mutex: a caller may hold some of any rank. In the order in which they came. */
    while (__atomic_load_n(&gp.turn, __ATOMIC_ACQUIRE) != ticket) {
        sched_yield_cpu();
        cpu_pause();
    }
    ipi_call_all(rcu_collect, NULL);
    number = gp_request();
    while (!gp_is_done(number)) {
        sched_yield_cpu();
        cpu_pause();
    }
    rcu_free_collected();
    __atomic_store_n(&gp.turn, ticket + 1, __ATOMIC_RELEASE);
}
