/* SPDX-License-Identifier: MIT */
/*
 * Names of AF_UNIX: pathnames, abstract names, and how a socket is found by one.
 *
 * A socket with a name is in a bucket of one table, by the number of the inode that bind has made
 * or by the bytes of an abstract name. What is found there gets its reference under the bucket's
 * lock; a socket that goes takes itself out first, and only then drops the reference of its file.
 * So a name leads to a live socket or to none. The inode outlives the socket: then nothing is found
 * for it, and that is ECONNREFUSED.
 *
 * Two binds of one socket at once: the first that publishes its name has won. The other has made a
 * node by then, which the file system takes back as the entry that it has made, not by its path.
 */
#include "kernel/fs/vfs/dentry.h"
#include "kernel/fs/vfs/open.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/net/unix/unix_internal.h"
#include "shared/linux/errno.h"
#include "shared/linux/stat.h"

#define BUCKETS     1024u
#define FAMILY_SIZE sizeof(uint16_t)
#define AUTO_NAMES  0x100000u /* five hexadecimal digits */

static struct {
    struct spinlock lock;
    struct list sockets;
} buckets[BUCKETS];
static uint32_t last_auto; /* [a] */

void unix_names_init(void)
{
    for (unsigned i = 0; i < BUCKETS; i++) {
        spin_init(&buckets[i].lock, SPIN_SOCKNAME);
        list_init(&buckets[i].sockets);
    }
}

void unix_name_put(struct unix_name *name)
{
    if (!name || __atomic_sub_fetch(&name->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    if (name->dentry)
        dentry_put(name->dentry);
    kfree(name);
}

void unix_name_copy(const struct unix_name *name, struct socket_address *address)
{
    address->un.family = LX_AF_UNIX;
    address->nbytes = FAMILY_SIZE;
    if (name) {
        address->un = name->address;
        address->nbytes = name->nbytes;
    }
}

/* FNV-1a: names that differ in their last byte lie apart. */
static uint32_t hash_bytes(const void *bytes, size_t nbytes)
{
    const unsigned char *at = bytes;
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < nbytes; i++)
        hash = (hash ^ at[i]) * 16777619u;
    return hash ^ hash >> 16;
}

static uint32_t hash_inode(const struct inode *inode)
{
    return hash_bytes(&inode, sizeof(inode));
}

static bool is_abstract(const struct socket_address *address)
{
    return address->un.path[0] == '\0';
}

/* bind and connect: -EINVAL for what is no name. The path has its NUL afterwards, since the union
 * is longer than any name. */
static int check_address(const struct socket_address *address)
{
    if (address->nbytes <= FAMILY_SIZE || address->nbytes > sizeof(address->un) ||
        address->family != LX_AF_UNIX)
        return -EINVAL;
    return 0;
}

/* --- finding --- */

static struct unix_socket *find_locked(uint32_t hash, const struct inode *inode,
                                       const struct socket_address *address)
{
    ASSERT(spin_is_held(&buckets[hash % BUCKETS].lock));
    list_for_each (node, &buckets[hash % BUCKETS].sockets) {
        struct unix_socket *sock = list_entry(node, struct unix_socket, name_link);
        const struct unix_name *name = sock->name;

        if (name->hash != hash)
            continue;
        if (inode ? name->dentry && name->dentry->inode == inode
                  : !name->dentry && name->nbytes == address->nbytes &&
                        memcmp(&name->address, &address->un, address->nbytes) == 0)
            return sock;
    }
    return NULL;
}

/* With a reference, so that it outlives the lock; it may be closed by then. */
static struct unix_socket *find_get(uint32_t hash, const struct inode *inode,
                                    const struct socket_address *address)
{
    struct unix_socket *sock;

    spin_lock(&buckets[hash % BUCKETS].lock);
    sock = find_locked(hash, inode, address);
    if (sock)
        unix_get(sock);
    spin_unlock(&buckets[hash % BUCKETS].lock);
    return sock;
}

/* By its pathname: search permission on the way, write permission on the socket itself. */
static int find_by_path(struct fs_context *context, const char *path, struct unix_socket **out)
{
    struct dentry *dentry;
    int err = path_walk(context, NULL, path, PATH_FOLLOW, &dentry);

    if (err)
        return err;
    err = inode_permission(dentry->inode, &context->cred, INODE_WRITE);
    if (!err) {
        *out = (dentry->inode->mode & LX_S_IFMT) == LX_S_IFSOCK
                   ? find_get(hash_inode(dentry->inode), dentry->inode, NULL)
                   : NULL;
        err = *out ? 0 : -ECONNREFUSED;
    }
    dentry_put(dentry);
    return err;
}

int unix_find(struct fs_context *context, const struct socket_address *address, int type,
              struct unix_socket **out_socket)
{
    int err = check_address(address);

    if (err)
        return err;
    if (!is_abstract(address)) {
        err = find_by_path(context, address->un.path, out_socket);
    } else {
        *out_socket = find_get(hash_bytes(&address->un, address->nbytes), NULL, address);
        err = *out_socket ? 0 : -ECONNREFUSED;
    }
    if (!err && (*out_socket)->base.type != type) {
        unix_put(*out_socket);
        err = -EPROTOTYPE;
    }
    return err;
}

/* --- binding --- */

static int name_create(const struct socket_address *address, struct unix_name **out_name)
{
    struct unix_name *name = kzalloc(sizeof(*name));

    if (!name)
        return -ENOMEM;
    name->refs = 1;
    name->nbytes = address->nbytes;
    memcpy(&name->address, &address->un, address->nbytes);
    name->hash = hash_bytes(&address->un, address->nbytes);
    *out_name = name;
    return 0;
}

/* Gives the socket the name, which others find from here on. -EADDRINUSE: an abstract one is taken
 * (address; NULL: a pathname's is free); -EINVAL: the socket has one. The reference to the name is
 * the socket's on success. */
static int name_publish(struct unix_socket *sock, struct unix_name *name,
                        const struct socket_address *address)
{
    struct spinlock *lock = &buckets[name->hash % BUCKETS].lock;
    int err = 0;

    mutex_lock(&sock->lock);
    if (sock->name) {
        err = -EINVAL;
    } else {
        spin_lock(lock);
        if (!name->dentry && find_locked(name->hash, NULL, address))
            err = -EADDRINUSE;
        if (!err) {
            __atomic_store_n(&sock->name, name, __ATOMIC_RELEASE);
            list_push_back(&buckets[name->hash % BUCKETS].sockets, &sock->name_link);
        }
        spin_unlock(lock);
    }
    mutex_unlock(&sock->lock);
    return err;
}

struct path_binding {
    struct unix_socket *sock;
    struct unix_name *name;
};

/* The entry is there and others may already walk to it: until the socket is in its bucket they are
 * refused, as for one that has been closed. */
static int publish_path(void *argument, struct dentry *entry)
{
    struct path_binding *binding = argument;

    dentry_get(entry);
    binding->name->dentry = entry;
    binding->name->hash = hash_inode(entry->inode);
    return name_publish(binding->sock, binding->name, NULL);
}

/* A node is made before the name is the socket's, and removed again if that comes to nothing. */
static int bind_path(struct unix_socket *sock, struct fs_context *context,
                     const struct socket_address *address)
{
    struct socket_address whole = *address;
    struct path_binding binding = {.sock = sock};
    int err;

    whole.nbytes = (uint32_t)(FAMILY_SIZE + strlen(address->un.path) + 1);
    whole.nbytes = MIN(whole.nbytes, (uint32_t)sizeof(whole.un) + 1);
    if (whole.nbytes >
        sizeof(whole.un)) /* 108 bytes without a NUL: one more is shown, as on Linux */
        whole.nbytes = sizeof(whole.un);
    err = name_create(&whole, &binding.name);
    if (err)
        return err;
    err = fs_make_socket(context, address->un.path, publish_path, &binding);
    if (err)
        unix_name_put(binding.name);
    return err == -EEXIST ? -EADDRINUSE : err;
}

/* Free again as soon as its socket is closed. */
static int bind_abstract(struct unix_socket *sock, const struct socket_address *address)
{
    struct unix_name *name;
    int err = name_create(address, &name);

    if (err)
        return err;
    err = name_publish(sock, name, address);
    if (err)
        unix_name_put(name);
    return err;
}

/* A free abstract name of five digits: unix(7). Each round takes another number. */
COLD int unix_bind_auto(struct unix_socket *sock)
{
    struct socket_address address = {.nbytes = FAMILY_SIZE + 6};
    int err = -EADDRINUSE;

    if (__atomic_load_n(&sock->name, __ATOMIC_ACQUIRE))
        return 0;
    address.un.family = LX_AF_UNIX;
    for (unsigned i = 0; i < AUTO_NAMES && err == -EADDRINUSE; i++) {
        uint32_t number = __atomic_fetch_add(&last_auto, 1, __ATOMIC_RELAXED) % AUTO_NAMES;

        fmt_print(address.un.path + 1, 6, "%05x", number);
        err = bind_abstract(sock, &address);
    }
    if (err == -EINVAL) /* another task has bound it meanwhile */
        return 0;
    return err == -EADDRINUSE ? -ENOSPC : err;
}

COLD int unix_bind(struct socket *socket, struct fs_context *context,
                   const struct socket_address *address)
{
    struct unix_socket *sock = unix_of(socket);
    int err;

    if (address->nbytes == FAMILY_SIZE && address->family == LX_AF_UNIX)
        return unix_bind_auto(sock);
    err = check_address(address);
    if (err)
        return err;
    return is_abstract(address) ? bind_abstract(sock, address) : bind_path(sock, context, address);
}

/* Once, when the file goes: nothing finds it afterwards. */
void unix_name_remove(struct unix_socket *sock)
{
    struct unix_name *name = sock->name;

    if (!name || list_empty(&sock->name_link)) /* what was accepted shares a name, and is in none */
        return;
    spin_lock(&buckets[name->hash % BUCKETS].lock);
    list_remove(&sock->name_link);
    spin_unlock(&buckets[name->hash % BUCKETS].lock);
}

COLD int unix_get_name(struct socket *socket, bool peer, struct socket_address *address)
{
    struct unix_socket *sock = unix_of(socket);

    if (!peer) {
        unix_name_copy(__atomic_load_n(&sock->name, __ATOMIC_ACQUIRE), address);
        return 0;
    }
    sock = unix_peer_get(sock);
    if (!sock)
        return -ENOTCONN;
    unix_name_copy(__atomic_load_n(&sock->name, __ATOMIC_ACQUIRE), address);
    unix_put(sock);
    return 0;
}
