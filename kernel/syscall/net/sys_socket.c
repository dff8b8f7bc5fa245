/* SPDX-License-Identifier: MIT */
/*
 * Sockets: making, naming, joining them; their options.
 *
 * A descriptor that is no socket is ENOTSOCK, before everything else is looked at. The file behind
 * it is held for the whole call, by the table or by a count of its own (fs/vfs/fdtable.h): a socket
 * that another task closes meanwhile goes when the call has ended.
 *
 * A call that makes descriptors makes the files first, and fills the numbers last: what a program
 * sees is whole, and what fails leaves nothing behind. Addresses are copied into the kernel before
 * anything is done with them, and out of it behind everything that can fail.
 */
#include "kernel/lib/string.h"
#include "kernel/proc/identity.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/fs/fd_pair.h"
#include "kernel/syscall/handlers.h"
#include "kernel/syscall/net/user_socket.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

#define TYPE_FLAGS (LX_SOCK_CLOEXEC | LX_SOCK_NONBLOCK)

_Static_assert(LX_SOCK_CLOEXEC == LX_O_CLOEXEC && LX_SOCK_NONBLOCK == LX_O_NONBLOCK,
               "flags of a socket are those of its file");

/* --- what net asks of the running task --- */

/* As SO_PEERCRED shows them: the effective user. */
static void caller_credentials(struct lx_ucred *credentials)
{
    struct task *self = task_current();

    credentials->pid = self->process->pid;
    credentials->uid = self->fs->cred.euid;
    credentials->gid = self->fs->cred.egid;
}

/* SCM_CREDENTIALS: the real user. What a set-user-ID program writes to a socket that its caller has
 * left it does not count as its owner's word. */
static void caller_sender(struct lx_ucred *credentials)
{
    struct task *self = task_current();

    credentials->pid = self->process->pid;
    credentials->uid = self->fs->cred.uid;
    credentials->gid = self->fs->cred.gid;
}

/* Memory is charged to the real user, as processes are. */
static uint32_t caller_uid(void)
{
    return task_current()->fs->cred.uid;
}

static bool caller_is_capable(unsigned capability)
{
    return credentials_capable(&task_current()->fs->cred, capability);
}

/* Before the first program. */
void user_socket_init(void)
{
    static const struct socket_caller_ops caller = {
        .credentials = caller_credentials,
        .sender = caller_sender,
        .uid = caller_uid,
        .is_capable = caller_is_capable,
    };

    socket_init(&caller);
}

/* --- what programs give --- */

int user_socket_find(struct task *self, int fd, struct fd_ref *ref, struct socket **out_socket)
{
    *ref = fd_find(self->files, fd);
    if (!ref->file)
        return -EBADF;
    *out_socket = socket_of(ref->file);
    if (*out_socket)
        return 0;
    fd_ref_put(*ref);
    return -ENOTSOCK;
}

int user_address_get(struct socket_address *address, struct uptr from, int nbytes)
{
    memset(address, 0, sizeof(*address));
    if (nbytes < 0 || nbytes > SOCKET_ADDRESS_MAX)
        return -EINVAL;
    address->nbytes = (uint32_t)nbytes;
    return vm_user_read(address->bytes, from, (size_t)nbytes);
}

int user_address_put(const struct socket_address *address, struct uptr to, struct uptr nbytes)
{
    int room, err = vm_user_read(&room, nbytes, sizeof(room));

    if (err)
        return err;
    if (room < 0)
        return -EINVAL;
    err = vm_user_write(to, address->bytes, MIN((uint32_t)room, address->nbytes));
    return err ? err : vm_user_write(nbytes, &address->nbytes, sizeof(address->nbytes));
}

/* --- making --- */

/* Honoured: CLOEXEC, NONBLOCK in the type. Which types there are is the family's to say, and
 * protocols, too. */
int64_t sys_socket(struct task *self, int domain, int type, int protocol)
{
    uint32_t flags = (uint32_t)type & ~LX_SOCK_TYPE_MASK;
    struct socket *socket;
    struct file *file;
    int err, fd;

    if (flags & ~TYPE_FLAGS)
        return -EINVAL;
    err = socket_create(domain, (int)((uint32_t)type & LX_SOCK_TYPE_MASK), protocol, &socket);
    if (err)
        return err;
    err = socket_create_file(socket, flags & LX_O_NONBLOCK, &self->fs->cred, &file);
    if (err) {
        socket_release(socket);
        return err;
    }
    fd = fd_install(self->files, file, 0, flags & LX_O_CLOEXEC);
    if (fd < 0)
        file_put(file);
    return fd;
}

/* Two files of two sockets; none on failure. */
static int pair_files(struct task *self, struct socket *sockets[2], uint32_t flags,
                      struct file *files[2])
{
    int err = socket_create_file(sockets[0], flags & LX_O_NONBLOCK, &self->fs->cred, &files[0]);

    if (err) {
        socket_release(sockets[0]);
        socket_release(sockets[1]);
        return err;
    }
    err = socket_create_file(sockets[1], flags & LX_O_NONBLOCK, &self->fs->cred, &files[1]);
    if (err) {
        file_put(files[0]);
        socket_release(sockets[1]);
    }
    return err;
}

/* Honoured: CLOEXEC, NONBLOCK in the type, for both. */
int64_t sys_socketpair(struct task *self, int domain, int type, int protocol, struct uptr result)
{
    uint32_t flags = (uint32_t)type & ~LX_SOCK_TYPE_MASK;
    struct socket *sockets[2];
    struct file *files[2];
    int fds[2];
    int err;

    if (flags & ~TYPE_FLAGS)
        return -EINVAL;
    err = socket_create_pair(domain, (int)((uint32_t)type & LX_SOCK_TYPE_MASK), protocol, sockets);
    if (!err)
        err = pair_files(self, sockets, flags, files);
    if (err)
        return err;
    err = fd_pair_reserve(self, result, flags & LX_O_CLOEXEC, fds);
    if (err) {
        file_put(files[0]);
        file_put(files[1]);
        return err;
    }
    fd_fill(self->files, fds[0], files[0]);
    fd_fill(self->files, fds[1], files[1]);
    return 0;
}

/* --- naming and joining --- */

/* A path is walked with the caller's rights, and made with its umask. */
int64_t sys_bind(struct task *self, int fd, struct uptr from, int nbytes)
{
    struct socket_address address;
    struct socket *socket;
    struct fd_ref ref;
    int err = user_socket_find(self, fd, &ref, &socket);

    if (err)
        return err;
    err = user_address_get(&address, from, nbytes);
    if (!err)
        err = socket->ops->bind(socket, self->fs, &address);
    fd_ref_put(ref);
    return err;
}

/* A full backlog is EAGAIN with O_NONBLOCK: unix(7). */
int64_t sys_connect(struct task *self, int fd, struct uptr from, int nbytes)
{
    struct socket_address address;
    struct socket *socket;
    struct fd_ref ref;
    int err = user_socket_find(self, fd, &ref, &socket);

    if (err)
        return err;
    err = user_address_get(&address, from, nbytes);
    if (!err)
        err = socket->ops->connect(socket, self->fs, &address, !(ref.file->flags & LX_O_NONBLOCK));
    fd_ref_put(ref);
    return err;
}

/* A negative backlog is a large one, as on Linux. */
int64_t sys_listen(struct task *self, int fd, int backlog)
{
    struct socket *socket;
    struct fd_ref ref;
    int err = user_socket_find(self, fd, &ref, &socket);

    if (err)
        return err;
    err = socket->ops->listen(socket, (unsigned)backlog);
    fd_ref_put(ref);
    return err;
}

/* The number is there before a connection is taken, and the peer's name is written before it leads
 * to one: a connection whose name cannot be written is lost, as on Linux. */
static int64_t accept_to(struct task *self, struct fd_ref ref, struct socket *socket, int fd,
                         struct uptr to, struct uptr nbytes, uint32_t flags)
{
    struct socket_address address = {.nbytes = 0};
    struct socket *child;
    struct file *file;
    int err = socket->ops->accept(socket, !(ref.file->flags & LX_O_NONBLOCK), &child);

    if (err)
        return err;
    /* Before it has a file: the name of a peer that is gone again is still told by accept. */
    if (to.va)
        err = child->ops->name(child, true, &address);
    if (!err)
        err = socket_create_file(child, flags & LX_O_NONBLOCK, &self->fs->cred, &file);
    if (err) {
        socket_release(child);
        return err;
    }
    if (to.va)
        err = user_address_put(&address, to, nbytes);
    if (err) {
        file_put(file);
        return err;
    }
    fd_fill(self->files, fd, file);
    return fd;
}

/* Honoured: CLOEXEC, NONBLOCK. */
int64_t sys_accept4(struct task *self, int fd, struct uptr to, struct uptr nbytes, int flags)
{
    struct socket *socket;
    struct fd_ref ref;
    int64_t result;
    int new;

    if ((uint32_t)flags & ~TYPE_FLAGS)
        return -EINVAL;
    result = user_socket_find(self, fd, &ref, &socket);
    if (result)
        return result;
    new = fd_reserve(self->files, 0, (uint32_t)flags & LX_O_CLOEXEC);
    result = new;
    if (new >= 0) {
        result = accept_to(self, ref, socket, new, to, nbytes, (uint32_t)flags);
        if (result < 0)
            fd_unreserve(self->files, new);
    }
    fd_ref_put(ref);
    return result;
}

int64_t sys_accept(struct task *self, int fd, struct uptr to, struct uptr nbytes)
{
    return sys_accept4(self, fd, to, nbytes, 0);
}

/* getsockname and getpeername. */
static int64_t socket_name_put(struct task *self, int fd, struct uptr to, struct uptr nbytes,
                               bool peer)
{
    struct socket_address address;
    struct socket *socket;
    struct fd_ref ref;
    int err = user_socket_find(self, fd, &ref, &socket);

    if (err)
        return err;
    err = socket->ops->name(socket, peer, &address);
    if (!err)
        err = user_address_put(&address, to, nbytes);
    fd_ref_put(ref);
    return err;
}

/* A socket without a name shows its family. */
int64_t sys_getsockname(struct task *self, int fd, struct uptr to, struct uptr nbytes)
{
    return socket_name_put(self, fd, to, nbytes, false);
}

/* -ENOTCONN without a peer. */
int64_t sys_getpeername(struct task *self, int fd, struct uptr to, struct uptr nbytes)
{
    return socket_name_put(self, fd, to, nbytes, true);
}

/* Of any socket, connected or not: what it has no peer for has an effect on itself. */
int64_t sys_shutdown(struct task *self, int fd, int how)
{
    struct socket *socket;
    struct fd_ref ref;
    int err = user_socket_find(self, fd, &ref, &socket);

    if (err)
        return err;
    err = socket->ops->shutdown(socket, how);
    fd_ref_put(ref);
    return err;
}

/* --- options --- */

/* Honoured: those of SOL_SOCKET in net/socket_option.c, others are the family's. */
int64_t sys_setsockopt(struct task *self, int fd, int level, int option, struct uptr value,
                       int nbytes)
{
    struct socket *socket;
    struct fd_ref ref;
    int err;

    if (nbytes < 0)
        return -EINVAL;
    err = user_socket_find(self, fd, &ref, &socket);
    if (err)
        return err;
    if (level == LX_SOL_SOCKET)
        err = socket_set_option(socket, option, value, (unsigned)nbytes,
                                credentials_capable(&self->fs->cred, LX_CAP_NET_ADMIN));
    else if (socket->ops->set_option)
        err = socket->ops->set_option(socket, level, option, value, (unsigned)nbytes);
    else
        err = -EOPNOTSUPP;
    fd_ref_put(ref);
    return err;
}

/* The room is read before the option is looked at, and the length is written last. */
int64_t sys_getsockopt(struct task *self, int fd, int level, int option, struct uptr value,
                       struct uptr value_nbytes)
{
    struct socket *socket;
    struct fd_ref ref;
    unsigned nbytes;
    int err = user_socket_find(self, fd, &ref, &socket);

    if (err)
        return err;
    if (level != LX_SOL_SOCKET && !socket->ops->get_option)
        err = -EOPNOTSUPP;
    else
        err = vm_user_read(&nbytes, value_nbytes, sizeof(nbytes));
    if (!err && (int)nbytes < 0)
        err = -EINVAL;
    if (!err)
        err = level == LX_SOL_SOCKET
                  ? socket_get_option(socket, option, value, &nbytes)
                  : socket->ops->get_option(socket, level, option, value, &nbytes);
    if (!err)
        err = vm_user_write(value_nbytes, &nbytes, sizeof(nbytes));
    fd_ref_put(ref);
    return err;
}
