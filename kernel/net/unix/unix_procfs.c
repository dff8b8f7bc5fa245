/* SPDX-License-Identifier: MIT */
/*
 * /proc/net/unix: a line for each socket, as proc(5) has it. And what NETLINK_SOCK_DIAG reports of
 * them.
 *
 * All sockets are in tables, from their creation until their last reference goes: spread, so that
 * processors that make sockets do not meet. They are read some at a time; the cursor says where to
 * go on. Sockets come and go in between: one may be missing, or be there twice. Words are read as
 * they are, without a socket's lock. In the place of an address stands the number of the inode.
 */
#include "kernel/fs/procfs/procfs.h"
#include "kernel/lib/string.h"
#include "kernel/net/netlink/netlink_reply.h"
#include "kernel/net/unix/unix.h"
#include "kernel/net/unix/unix_internal.h"
#include "kernel/sched/sched.h"
#include "shared/linux/inet.h"

#define TABLE_BITS  10 /* many: a walk looks at a table from its start on, each turn */
#define TABLES      (1u << TABLE_BITS)
#define A_TURN      16u /* sockets with a table's lock held */
#define ROOM        256 /* for one more line, however long */
#define TABLE_SHIFT 32  /* in the cursor; below it the number of the socket in the table */

#define FLAG_LISTENS (1u << 16)

enum lx_socket_state { LX_UNCONNECTED = 1, LX_CONNECTING, LX_CONNECTED, LX_DISCONNECTING };

static struct {
    struct spinlock lock;
    struct list sockets;
} tables[TABLES];

COLD void unix_tables_init(void)
{
    for (unsigned i = 0; i < TABLES; i++) {
        spin_init(&tables[i].lock, SPIN_SOCKNAME);
        list_init(&tables[i].sockets);
    }
}

/* Sockets lie close together, at distances that have powers of two in them. */
static unsigned table_of(const struct unix_socket *sock)
{
    return (uint32_t)((uintptr_t)sock >> 6) * 2654435761u >> (32 - TABLE_BITS);
}

void unix_table_add(struct unix_socket *sock)
{
    unsigned table = table_of(sock);

    spin_lock(&tables[table].lock);
    list_push_back(&tables[table].sockets, &sock->table_link);
    spin_unlock(&tables[table].lock);
}

void unix_table_remove(struct unix_socket *sock)
{
    unsigned table = table_of(sock);

    spin_lock(&tables[table].lock);
    list_unlink(&sock->table_link);
    spin_unlock(&tables[table].lock);
}

static COLD unsigned shown_state(const struct unix_socket *sock)
{
    bool connected = __atomic_load_n(&sock->state, __ATOMIC_RELAXED) == UNIX_CONNECTED;

    if (__atomic_load_n(&sock->base.file, __ATOMIC_RELAXED))
        return connected ? LX_CONNECTED : LX_UNCONNECTED;
    return connected ? LX_CONNECTING : LX_DISCONNECTING;
}

/* Zeroes in an abstract name are shown as the first one. */
static COLD void print_name(struct procfs_text *text, const struct unix_name *name)
{
    size_t length = name->nbytes - sizeof(name->address.family);

    if (name->dentry)
        length--;
    procfs_put(text, " ", 1);
    for (size_t i = 0; i < length; i++)
        procfs_put(text, name->address.path[i] ? &name->address.path[i] : "@", 1);
}

static COLD void unix_print_socket(struct procfs_text *text, const struct unix_socket *sock)
{
    const struct unix_name *name = __atomic_load_n(&sock->name, __ATOMIC_ACQUIRE);
    bool listens = __atomic_load_n(&sock->state, __ATOMIC_RELAXED) == UNIX_LISTENING;

    /* One more reference than here: Linux counts that of the file twice. */
    procfs_print(text, "%016lx: %08X %08X %08X %04X %02X %5lu", (unsigned long)sock->base.ino,
                 __atomic_load_n(&sock->refs, __ATOMIC_RELAXED) + 1, 0, listens ? FLAG_LISTENS : 0,
                 sock->base.type, shown_state(sock), (unsigned long)sock->base.ino);
    if (name)
        print_name(text, name);
    procfs_put(text, "\n", 1);
}

/* From that one on, as many as a turn and the text have room for. True: there are no more. */
static COLD bool print_table(struct procfs_text *text, unsigned table, uint32_t *first)
{
    uint32_t number = 0, last = *first + A_TURN;
    struct list *node;

    spin_lock(&tables[table].lock);
    for (node = tables[table].sockets.next; node != &tables[table].sockets; node = node->next) {
        const struct unix_socket *sock = list_entry(node, struct unix_socket, table_link);

        if (number == last || text->used + ROOM >= text->size)
            break;
        if (number++ < *first)
            continue;
        *first = number;
        if (!__atomic_load_n(&sock->closed, __ATOMIC_RELAXED))
            unix_print_socket(text, sock);
    }
    spin_unlock(&tables[table].lock);
    return node == &tables[table].sockets;
}

COLD int unix_procfs_show(const struct procfs_node *node, struct procfs_text *text)
{
    unsigned table = (unsigned)(text->cursor >> TABLE_SHIFT);
    uint32_t first = (uint32_t)text->cursor;

    (void)node;
    if (text->cursor == 0)
        procfs_print(text, "Num       RefCount Protocol Flags    Type St Inode Path\n");
    while (table < TABLES && text->used + ROOM < text->size) {
        if (print_table(text, table, &first)) {
            table++;
            first = 0;
        }
        sched_preempt_point();
    }
    text->cursor = (uint64_t)table << TABLE_SHIFT | first;
    text->more = table < TABLES;
    return 0;
}

/* --- NETLINK_SOCK_DIAG --- */

#define DIAG_ROOM 200u /* for one more, with its attributes */

/* As states of TCP. */
static COLD uint8_t diag_state(const struct unix_socket *sock)
{
    uint32_t state = __atomic_load_n(&sock->state, __ATOMIC_RELAXED);

    if (state == UNIX_LISTENING)
        return LX_TCP_LISTEN;
    return state == UNIX_CONNECTED ? LX_TCP_ESTABLISHED : LX_TCP_CLOSE;
}

/* A pathname's zero at the end belongs to it, as on Linux. */
static COLD void diag_put(const struct netlink_request *request, struct netlink_reply *reply,
                          struct unix_socket *sock)
{
    const struct unix_name *name = __atomic_load_n(&sock->name, __ATOMIC_ACQUIRE);
    struct lx_unix_diag_msg told = {
        LX_AF_UNIX, (uint8_t)sock->base.type, diag_state(sock),
        0,          (uint32_t)sock->base.ino, {(uint32_t)sock->base.ino, 0}};
    bool listens = told.state == LX_TCP_LISTEN;
    struct unix_socket *peer = unix_peer_get(sock);
    uint32_t queues[2] = {listens ? sock->npending : (uint32_t)sock->nbytes,
                          listens ? sock->backlog : (uint32_t)sock->sent_bytes};
    uint8_t shut = (uint8_t)sock->shut;
    struct lx_unix_diag_req wanted;
    uint32_t start, ino;

    memcpy(&wanted, request->body, sizeof(wanted));
    if (wanted.states >> told.state & 1 && !sock->closed) {
        start = netlink_begin(reply, request, LX_SOCK_DIAG_BY_FAMILY, &told, sizeof(told));
        if (name && wanted.show & LX_UDIAG_SHOW_NAME)
            netlink_attribute(reply, LX_UNIX_DIAG_NAME, name->address.path,
                              name->nbytes - (uint32_t)sizeof(name->address.family));
        if (peer && wanted.show & LX_UDIAG_SHOW_PEER) {
            ino = (uint32_t)peer->base.ino;
            netlink_attribute(reply, LX_UNIX_DIAG_PEER, &ino, sizeof(ino));
        }
        if (wanted.show & LX_UDIAG_SHOW_RQLEN)
            netlink_attribute(reply, LX_UNIX_DIAG_RQLEN, queues, sizeof(queues));
        netlink_attribute(reply, LX_UNIX_DIAG_SHUTDOWN, &shut, 1);
        netlink_end(reply, start);
    }
    if (peer)
        unix_put(peer);
}

/* That one of a table, referenced, or the next that is not on its way out. NULL: the table's end.
 */
static COLD struct unix_socket *diag_get(unsigned table, uint32_t *number)
{
    struct unix_socket *found = NULL;
    uint32_t passed = 0;

    spin_lock(&tables[table].lock);
    list_for_each (node, &tables[table].sockets) {
        struct unix_socket *sock = list_entry(node, struct unix_socket, table_link);

        if (passed++ >= *number && unix_get_live(sock)) {
            found = sock;
            break;
        }
    }
    spin_unlock(&tables[table].lock);
    *number = found ? passed : 0;
    return found;
}

COLD int unix_diag(const struct netlink_request *request, struct netlink_reply *reply,
                   struct netlink_cursor *cursor)
{
    unsigned table = (unsigned)(cursor->place >> TABLE_SHIFT);
    uint32_t number = (uint32_t)cursor->place;

    while (table < TABLES && netlink_has_room(reply, DIAG_ROOM)) {
        struct unix_socket *sock = diag_get(table, &number);

        if (sock) {
            diag_put(request, reply, sock);
            unix_put(sock);
        } else {
            table++;
        }
        sched_preempt_point();
    }
    cursor->place = table < TABLES ? (uint64_t)table << TABLE_SHIFT | number : NETLINK_END;
    return 0;
}
