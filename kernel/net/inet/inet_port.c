/* SPDX-License-Identifier: MIT */
/*
 * Ports: which sockets have them, which others may have them too, and how a socket is found by one.
 *
 * A port's number chooses a bucket. The bucket has a record for each port and address that is
 * bound, and for each set of rights to share it (SO_REUSEADDR, SO_REUSEPORT, the user); a record
 * has all its sockets in two lists. So what may be bound is decided by looking at records alone,
 * however many connections a listener has accepted, and ten thousand sockets with a port each are
 * spread over the buckets.
 *
 * Only listeners and sockets of UDP are looked up: connections find their peer by a pointer. Those
 * of UDP that are connected are found by both ends (inet_connected.c), and stay in their record for
 * what may be bound. A record goes with its last socket.
 *
 * The side that ends a connection keeps its port from being bound for a minute (TIME_WAIT) by those
 * that have not set SO_REUSEADDR. That is remembered once a bucket: the latest one counts.
 */
#include "kernel/core/clock.h"
#include "kernel/core/random.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_charge.h"
#include "kernel/net/inet/inet_internal.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define BUCKETS         INET_PORT_BUCKETS
#define EPHEMERAL_FIRST 32768u
#define EPHEMERAL_COUNT 28232u /* ip_local_port_range */
#define EPHEMERAL_STEP  7919u  /* without a common divisor: every port comes once */
#define TRIES_A_TURN    64u    /* between two preemption points */
#define TIME_WAIT_NS    60000000000ULL
#define BINDS_MAX       4096u /* records of a bucket: no more addresses are bound at its ports */
#define SHARERS_MAX     1024u /* of a port by SO_REUSEPORT, that a lookup chooses among */

/* l lock */
struct bucket {
    struct spinlock lock;
    struct list binds;           /* [l] struct inet_bind */
    uint32_t nbinds;             /* [l] */
    uint64_t changes;            /* [l] sockets that have left a list */
    uint64_t time_wait_until_ns; /* [l] 0: none */
    struct inet_end time_wait;   /* [l] */
    bool time_wait_reuse;        /* [l] */
};

static struct bucket buckets[INET_PROTOCOLS * BUCKETS];
static struct slab_cache *bind_cache;

void inet_ports_init(void)
{
    bind_cache = slab_cache_create("inet-bind", sizeof(struct inet_bind));
    for (unsigned i = 0; i < INET_PROTOCOLS * BUCKETS; i++) {
        spin_init(&buckets[i].lock, SPIN_SOCKNAME);
        list_init(&buckets[i].binds);
    }
}

/* Of that port alone: a lookup for one protocol never sees a socket of another. */
static struct bucket *port_bucket(enum inet_protocol protocol, uint16_t port)
{
    return &buckets[protocol * BUCKETS + port % BUCKETS];
}

struct inet_bind *inet_bind_alloc(void)
{
    return slab_alloc(bind_cache);
}

void inet_bind_free(struct inet_bind *bind)
{
    if (bind)
        slab_free(bind_cache, bind);
}

/* --- records --- */

/* What the socket would have at that port. */
static void describe(const struct inet_socket *sock, const struct inet_end *end,
                     struct inet_bind *out)
{
    out->nfound = 0;
    out->uid = sock->user->uid;
    out->ip = end->ip;
    out->port = end->port;
    out->protocol = inet_protocol_of(sock);
    out->v6only = sock->base.domain == LX_AF_INET6 && sock->v6only;
    out->reuse_address = sock->base.reuse_address;
    out->reuse_port = sock->base.reuse_port;
    list_init(&out->found);
    list_init(&out->others);
}

static bool is_same(const struct inet_bind *one, const struct inet_bind *other)
{
    return one->port == other->port && inet_ip_equal(&one->ip, &other->ip) &&
           one->v6only == other->v6only && one->uid == other->uid &&
           one->reuse_address == other->reuse_address && one->reuse_port == other->reuse_port;
}

/* Whether there is an address to which both would listen. */
static bool overlaps(const struct inet_ip *one, bool one_v6only, const struct inet_ip *other,
                     bool other_v6only)
{
    bool one_v4 = inet_ip_is_v4(one), other_v4 = inet_ip_is_v4(other);

    if (one_v4 == other_v4)
        return inet_ip_is_any(one) || inet_ip_is_any(other) || inet_ip_equal(one, other);
    return one_v4 ? inet_ip_is_any(other) && !other_v6only : inet_ip_is_any(one) && !one_v6only;
}

/* socket(7): SO_REUSEADDR lets all have it but a second listener, SO_REUSEPORT those of one user.
 */
static bool excludes(const struct inet_bind *old, const struct inet_bind *new)
{
    if (old->port != new->port || !overlaps(&old->ip, old->v6only, &new->ip, new->v6only))
        return false;
    if (old->reuse_address && new->reuse_address && (old->protocol != INET_TCP || old->nfound == 0))
        return false;
    return !(old->reuse_port && new->reuse_port && old->uid == new->uid);
}

static bool is_in_time_wait_locked(struct bucket *bucket, const struct inet_bind *new)
{
    ASSERT(spin_is_held(&bucket->lock));
    return bucket->time_wait_until_ns && bucket->time_wait.port == new->port &&
           !(bucket->time_wait_reuse && new->reuse_address) &&
           overlaps(&bucket->time_wait.ip, false, &new->ip, new->v6only) &&
           clock_monotonic_ns() < bucket->time_wait_until_ns;
}

/* alone: nothing at all may have the port. */
static bool is_taken_locked(struct bucket *bucket, const struct inet_bind *new, bool alone)
{
    ASSERT(spin_is_held(&bucket->lock));
    /* Some are root's: a user that takes all does not keep it from its ports. */
    if (bucket->nbinds >= (new->uid ? BINDS_MAX / 2 : BINDS_MAX))
        return true;
    list_for_each (node, &bucket->binds) {
        const struct inet_bind *old = list_entry(node, struct inet_bind, link);

        if (alone ? old->port == new->port : excludes(old, new))
            return true;
    }
    return is_in_time_wait_locked(bucket, new);
}

/* Into the record of its kind, or the new one, which is used up then. */
static void enter_locked(struct bucket *bucket, struct inet_socket *sock, struct inet_bind **spare)
{
    struct inet_bind *bind = NULL;

    ASSERT(spin_is_held(&bucket->lock));
    list_for_each (node, &bucket->binds)
        if (is_same(list_entry(node, struct inet_bind, link), *spare))
            bind = list_entry(node, struct inet_bind, link);
    if (!bind) {
        bind = *spare;
        *spare = NULL;
        list_push_back(&bucket->binds, &bind->link);
        bucket->nbinds++;
    }
    sock->bind = bind;
    if (bind->protocol != INET_TCP) {
        list_push_front(&bind->found, &sock->bind_link); /* the latest is found first */
        bind->nfound++;
    } else {
        list_push_back(&bind->others, &sock->bind_link);
    }
}

/* --- binding --- */

static bool try_port(struct inet_socket *sock, struct inet_bind **spare, bool alone)
{
    struct bucket *bucket = port_bucket((*spare)->protocol, (*spare)->port);
    uint16_t port = (*spare)->port;
    bool taken;

    spin_lock(&bucket->lock);
    taken = is_taken_locked(bucket, *spare, alone);
    if (!taken)
        enter_locked(bucket, sock, spare);
    spin_unlock(&bucket->lock);
    if (!taken)
        sock->local.port = port;
    return !taken;
}

/* From a random one on. */
static bool try_ephemeral(struct inet_socket *sock, struct inet_bind **spare)
{
    uint32_t at;

    random_fill(&at, sizeof(at));
    at %= EPHEMERAL_COUNT;
    for (unsigned i = 0; i < EPHEMERAL_COUNT; i++) {
        (*spare)->port = (uint16_t)(EPHEMERAL_FIRST + at);
        if (try_port(sock, spare, true))
            return true;
        at = (at + EPHEMERAL_STEP) % EPHEMERAL_COUNT;
        if (i % TRIES_A_TURN == TRIES_A_TURN - 1)
            sched_preempt_point();
    }
    return false;
}

int inet_port_bind(struct inet_socket *sock, const struct inet_end *end)
{
    struct inet_bind *spare = inet_bind_alloc();
    struct inet_ip before = sock->local.ip;
    bool done;

    ASSERT(mutex_is_held(&sock->lock) && !sock->bind);
    if (!spare)
        return -ENOMEM;
    describe(sock, end, spare);
    sock->local.ip = end->ip;
    done = end->port ? try_port(sock, &spare, false) : try_ephemeral(sock, &spare);
    inet_bind_free(spare);
    if (!done)
        sock->local.ip = before;
    return done ? 0 : -EADDRINUSE;
}

int inet_port_bind_any(struct inet_socket *sock)
{
    struct inet_end end = {sock->local.ip, 0};

    return inet_port_bind(sock, &end);
}

/* What a listener's record has let it have, at the address that was called; in a bucket that is
 * full, at the listener's. */
void inet_port_share(struct inet_socket *child, struct inet_socket *listener)
{
    struct bucket *bucket = port_bucket(INET_TCP, child->local.port);
    struct inet_bind *spare = child->bind;

    describe(child, &child->local, spare);
    spare->uid = listener->bind->uid; /* the listener's owner, not the caller */
    spin_lock(&bucket->lock);
    if (bucket->nbinds < BINDS_MAX) {
        enter_locked(bucket, child, &spare);
    } else {
        child->bind = listener->bind;
        list_push_back(&child->bind->others, &child->bind_link);
    }
    spin_unlock(&bucket->lock);
    inet_bind_free(spare);
}

/* Out of its record, which may go with it: then it is the caller's. */
static struct inet_bind *leave_locked(struct bucket *bucket, struct inet_socket *sock, bool found)
{
    struct inet_bind *bind = sock->bind;

    ASSERT(spin_is_held(&bucket->lock));
    list_remove(&sock->bind_link);
    bucket->changes++;
    if (found)
        bind->nfound--;
    if (!list_empty(&bind->found) || !list_empty(&bind->others))
        return NULL;
    list_remove(&bind->link);
    bucket->nbinds--;
    return bind;
}

/* No listener: that is unlisted first. */
void inet_port_release(struct inet_socket *sock)
{
    struct inet_bind *last, *bind = sock->bind;
    struct bucket *bucket;

    if (!bind)
        return;
    bucket = port_bucket(bind->protocol, bind->port);
    spin_lock(&bucket->lock);
    last = leave_locked(bucket, sock, bind->protocol != INET_TCP);
    spin_unlock(&bucket->lock);
    inet_bind_free(last);
    sock->bind = NULL;
    if (!inet_is_stream(sock)) /* a connection that is over still shows which it had */
        sock->local.port = 0;
}

/* A socket of UDP has got another address. */
COLD int inet_port_move(struct inet_socket *sock, const struct inet_ip *ip)
{
    struct inet_end end = {*ip, sock->local.port};
    struct bucket *bucket = port_bucket(sock->bind->protocol, sock->local.port);
    struct inet_bind *last = NULL, *spare = inet_bind_alloc();
    bool fits;

    ASSERT(mutex_is_held(&sock->lock) && sock->bind && !inet_is_stream(sock));
    if (!spare)
        return -ENOMEM;
    describe(sock, &end, spare);
    spin_lock(&bucket->lock);
    fits = bucket->nbinds < BINDS_MAX;
    if (fits) {
        last = leave_locked(bucket, sock, true);
        enter_locked(bucket, sock, &spare);
        sock->local.ip = *ip;
    }
    spin_unlock(&bucket->lock);
    inet_bind_free(last);
    inet_bind_free(spare);
    return fits ? 0 : -ENOBUFS;
}

/* --- listening --- */

/* Those that share the port may have let it be bound, and one of them may listen by now. */
COLD int inet_port_listen(struct inet_socket *sock)
{
    struct inet_bind *bind = sock->bind;
    struct bucket *bucket = port_bucket(INET_TCP, bind->port);
    bool taken = false;

    ASSERT(mutex_is_held(&sock->lock));
    spin_lock(&bucket->lock);
    list_for_each (node, &bucket->binds) {
        const struct inet_bind *old = list_entry(node, struct inet_bind, link);

        if (old->nfound && excludes(old, bind))
            taken = true;
    }
    if (!taken) {
        list_move_after(&bind->found, &sock->bind_link);
        bucket->changes++;
        bind->nfound++;
    }
    spin_unlock(&bucket->lock);
    return taken ? -EADDRINUSE : 0;
}

/* From now on lookups do not find it, but it keeps its port; and back. */
COLD void inet_port_hide(struct inet_socket *sock)
{
    struct bucket *bucket = port_bucket(sock->bind->protocol, sock->bind->port);

    ASSERT(mutex_is_held(&sock->lock));
    spin_lock(&bucket->lock);
    list_move_after(&sock->bind->others, &sock->bind_link);
    bucket->changes++;
    sock->bind->nfound--;
    spin_unlock(&bucket->lock);
}

COLD void inet_port_show(struct inet_socket *sock)
{
    struct bucket *bucket = port_bucket(sock->bind->protocol, sock->bind->port);

    ASSERT(mutex_is_held(&sock->lock));
    spin_lock(&bucket->lock);
    list_move_after(&sock->bind->found, &sock->bind_link);
    bucket->changes++;
    sock->bind->nfound++;
    spin_unlock(&bucket->lock);
}

void inet_port_time_wait(const struct inet_socket *sock)
{
    struct bucket *bucket = port_bucket(INET_TCP, sock->local.port);

    if (!sock->local.port)
        return;
    spin_lock(&bucket->lock);
    bucket->time_wait = sock->local;
    bucket->time_wait_reuse = sock->base.reuse_address;
    bucket->time_wait_until_ns = clock_monotonic_ns() + TIME_WAIT_NS;
    spin_unlock(&bucket->lock);
}

/* --- finding --- */

/* How well a record fits an address; 0: not at all. */
static unsigned fit(const struct inet_bind *bind, const struct inet_end *to)
{
    bool v4 = inet_ip_is_v4(&to->ip);

    if (bind->port != to->port || list_empty(&bind->found))
        return 0;
    if (inet_ip_equal(&bind->ip, &to->ip))
        return 3;
    if (!inet_ip_is_any(&bind->ip))
        return 0;
    if (inet_ip_is_v4(&bind->ip))
        return v4 ? 2 : 0;
    return v4 && bind->v6only ? 0 : 1;
}

/* Among those that share a port by SO_REUSEPORT the caller's end decides, so that one caller gets
 * to one socket. */
static struct inet_socket *choose(const struct inet_bind *bind, const struct inet_end *from)
{
    uint32_t nth = ((uint32_t)from->port * 2654435761u >> 16) % MIN(bind->nfound, SHARERS_MAX);
    const struct list *node = bind->found.next;

    while (bind->reuse_port && nth--)
        node = node->next;
    return list_entry(node, struct inet_socket, bind_link);
}

static struct inet_socket *port_find_locked(struct bucket *bucket, const struct inet_end *to,
                                            const struct inet_end *from)
{
    const struct inet_bind *best = NULL;
    unsigned best_fit = 0;

    ASSERT(spin_is_held(&bucket->lock));
    list_for_each (node, &bucket->binds) {
        const struct inet_bind *bind = list_entry(node, struct inet_bind, link);
        unsigned fits = fit(bind, to);

        if (fits > best_fit) {
            best = bind;
            best_fit = fits;
        }
    }
    return best ? choose(best, from) : NULL;
}

struct inet_socket *inet_port_find_bound(enum inet_protocol protocol, const struct inet_end *to,
                                         const struct inet_end *from)
{
    struct bucket *bucket = port_bucket(protocol, to->port);
    struct inet_socket *sock;

    spin_lock(&bucket->lock);
    sock = port_find_locked(bucket, to, from);
    if (sock)
        inet_get(sock);
    spin_unlock(&bucket->lock);
    return sock;
}

/* --- all of them, for /proc --- */

void inet_port_walk_begin(struct inet_port_walk *walk, enum inet_protocol protocol, unsigned bucket)
{
    struct bucket *at = &buckets[protocol * BUCKETS + bucket];

    walk->lock = &at->lock;
    spin_lock(walk->lock);
    if (walk->binds != &at->binds || walk->changes != at->changes)
        walk->list = NULL;
    if (walk->list)
        walk->skip = 0;
    else
        walk->bind = at->binds.next;
    walk->binds = &at->binds;
    walk->changes = at->changes;
}

void inet_port_walk_end(struct inet_port_walk *walk)
{
    spin_unlock(walk->lock);
}

/* The list behind the one that is done: a record has two. */
static struct list *next_list(struct inet_port_walk *walk)
{
    struct inet_bind *bind;

    if (walk->list && walk->list == &list_entry(walk->bind, struct inet_bind, link)->found)
        return &list_entry(walk->bind, struct inet_bind, link)->others;
    if (walk->list)
        walk->bind = walk->bind->next;
    if (walk->bind == walk->binds)
        return NULL;
    bind = list_entry(walk->bind, struct inet_bind, link);
    return &bind->found;
}

struct inet_socket *inet_port_walk_next(struct inet_port_walk *walk)
{
    ASSERT(spin_is_held(walk->lock));
    for (;;) {
        if (!walk->list || walk->node == walk->list) {
            walk->list = next_list(walk);
            if (!walk->list) {
                walk->done = true;
                return NULL;
            }
            walk->node = walk->list->next;
        } else if (walk->skip) {
            walk->skip--;
            walk->node = walk->node->next;
        } else {
            struct list *node = walk->node;

            walk->node = node->next;
            walk->left--;
            return list_entry(node, struct inet_socket, bind_link);
        }
    }
}
