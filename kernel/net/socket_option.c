/* SPDX-License-Identifier: MIT */
/*
 * Options of SOL_SOCKET: socket(7).
 *
 * Each is a word or two in the socket, read by calls that are under way at any time: a change
 * counts from their next look on. Those that have a meaning only on a wire are kept and shown,
 * without an effect. Lengths are those of Linux: a value longer than the option is cut, a shorter
 * one refused; a shorter buffer for a result gets as much as it has room for. An unknown option is
 * ENOPROTOOPT, one of another level EOPNOTSUPP, which the caller has looked at.
 */
#include "kernel/lib/util.h"
#include "kernel/net/socket.h"
#include "shared/linux/errno.h"
#include "shared/linux/time.h"

#define SEND_BUFFER_MIN    4608u
#define RECEIVE_BUFFER_MIN 2304u
#define PRIORITY_MAX       6 /* of the unprivileged: the highest of network control needs a right */
#define NSEC_PER_SEC       1000000000ULL
#define NSEC_PER_USEC      1000ULL
#define USEC_PER_SEC       1000000

/* Without a lock: a send or receive that is under way reads it once more or not. */
static COLD void option_store(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

/* Twice of what was asked for, as on Linux, whose programs read it back; the privileged pass the
 * limit. */
static COLD uint32_t buffer_size(int asked, uint32_t least, bool unlimited)
{
    uint32_t nbytes = (uint32_t)asked;

    if (unlimited)
        nbytes = asked < 0 ? 0 : MIN(nbytes, (uint32_t)INT32_MAX / 2);
    else
        nbytes = MIN(nbytes, (uint32_t)SOCKET_BUFFER);
    return MAX(nbytes * 2, least);
}

/* Those that are on or off. */
static const struct {
    uint8_t option, at; /* where it is in the socket */
} truths[] = {
    {LX_SO_PASSCRED, offsetof(struct socket, pass_credentials)},
    {LX_SO_REUSEADDR, offsetof(struct socket, reuse_address)},
    {LX_SO_REUSEPORT, offsetof(struct socket, reuse_port)},
    {LX_SO_OOBINLINE, offsetof(struct socket, oob_inline)},
    {LX_SO_DONTROUTE, offsetof(struct socket, dont_route)},
    {LX_SO_BROADCAST, offsetof(struct socket, broadcast)},
    {LX_SO_KEEPALIVE, offsetof(struct socket, keep_alive)},
    {LX_SO_NO_CHECK, offsetof(struct socket, no_check)},
};
_Static_assert(offsetof(struct socket, no_check) <= UINT8_MAX, "a byte says where");

/* NULL: it is not one of them. */
static COLD bool *truth_of(struct socket *socket, int option)
{
    for (unsigned i = 0; i < ARRAY_SIZE(truths); i++)
        if (truths[i].option == option)
            return (bool *)((char *)socket + truths[i].at);
    return NULL;
}

/* Truth values are kept as such: what is read back is 0 or 1. What a program may not have is EPERM
 * before the value is looked at. */
static COLD int set_number(struct socket *socket, int option, int value, bool privileged)
{
    bool *truth = truth_of(socket, option);

    if (truth) {
        *truth = value != 0;
        return 0;
    }
    switch (option) {
    case LX_SO_SNDBUFFORCE:
        if (!privileged)
            return -EPERM;
        option_store(&socket->send_buffer, buffer_size(value, SEND_BUFFER_MIN, true));
        return 0;
    case LX_SO_SNDBUF:
        option_store(&socket->send_buffer, buffer_size(value, SEND_BUFFER_MIN, false));
        return 0;
    case LX_SO_RCVBUFFORCE:
        if (!privileged)
            return -EPERM;
        option_store(&socket->receive_buffer, buffer_size(value, RECEIVE_BUFFER_MIN, true));
        return 0;
    case LX_SO_RCVBUF:
        option_store(&socket->receive_buffer, buffer_size(value, RECEIVE_BUFFER_MIN, false));
        return 0;
    case LX_SO_PRIORITY:
        if ((value < 0 || value > PRIORITY_MAX) && !privileged)
            return -EPERM;
        socket->priority = value;
        return 0;
    case LX_SO_RCVLOWAT:
        option_store(&socket->receive_low_water,
                     value < 0 ? (uint32_t)INT32_MAX : (uint32_t)MAX(value, 1));
        return 0;
    case LX_SO_TIMESTAMP:
    case LX_SO_TIMESTAMPNS:
    case LX_SO_TIMESTAMP_NEW:
    case LX_SO_TIMESTAMPNS_NEW: /* one at a time, and any turns off all */
        socket->timestamp = value ? (uint8_t)option : 0;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

/* A time of 0 is none; what does not fit into the clock is none, too. */
static COLD int set_timeout(uint64_t *timeout_ns, struct uptr value, unsigned nbytes)
{
    struct lx_timeval time;
    int err;

    if (nbytes < sizeof(time))
        return -EINVAL;
    err = vm_user_read(&time, value, sizeof(time));
    if (err)
        return err;
    if (time.usec < 0 || time.usec >= USEC_PER_SEC)
        return -EDOM;
    if (time.sec < 0) /* over at once */
        *timeout_ns = 1;
    else if ((uint64_t)time.sec >= INT64_MAX / NSEC_PER_SEC / 2)
        *timeout_ns = 0;
    else
        *timeout_ns = (uint64_t)time.sec * NSEC_PER_SEC + (uint64_t)time.usec * NSEC_PER_USEC;
    return 0;
}

/* Every option is read as a number first, as Linux does: a timeout that is too short is EINVAL, and
 * a bad address EFAULT, before the option is known. */
COLD int socket_set_option(struct socket *socket, int option, struct uptr value, unsigned nbytes,
                           bool privileged)
{
    struct lx_linger linger;
    int number, err;

    if (nbytes < sizeof(number))
        return -EINVAL;
    err = vm_user_read(&number, value, sizeof(number));
    if (err)
        return err;
    switch (option) {
    case LX_SO_RCVTIMEO:
        return set_timeout(&socket->receive_timeout_ns, value, nbytes);
    case LX_SO_SNDTIMEO:
        return set_timeout(&socket->send_timeout_ns, value, nbytes);
    case LX_SO_LINGER:
        if (nbytes < sizeof(linger))
            return -EINVAL;
        err = vm_user_read(&linger, value, sizeof(linger));
        if (!err)
            socket->linger = linger;
        return err;
    default:
        return set_number(socket, option, number, privileged);
    }
}

/* --- reading them --- */

/* Reading SO_ERROR clears it. Options that Linux answers here and that nothing sets are not known,
 * as in a kernel that was built without them. */
static COLD int get_number(struct socket *socket, int option, int *value)
{
    const bool *truth = truth_of(socket, option);

    if (truth) {
        *value = *truth;
        return 0;
    }
    switch (option) {
    case LX_SO_TYPE:
        *value = socket->type;
        return 0;
    case LX_SO_DOMAIN:
        *value = socket->domain;
        return 0;
    case LX_SO_PROTOCOL:
        *value = socket->protocol;
        return 0;
    case LX_SO_ERROR:
        *value = socket->ops->take_error(socket);
        return 0;
    case LX_SO_ACCEPTCONN:
        *value = socket->ops->is_listening(socket);
        return 0;
    case LX_SO_SNDBUF:
        *value = (int)socket->send_buffer;
        return 0;
    case LX_SO_RCVBUF:
        *value = (int)socket->receive_buffer;
        return 0;
    case LX_SO_PRIORITY:
        *value = socket->priority;
        return 0;
    case LX_SO_RCVLOWAT:
        *value = (int)socket->receive_low_water;
        return 0;
    case LX_SO_SNDLOWAT:
        *value = 1;
        return 0;
    case LX_SO_TIMESTAMP:
    case LX_SO_TIMESTAMPNS:
    case LX_SO_TIMESTAMP_NEW:
    case LX_SO_TIMESTAMPNS_NEW:
        *value = socket->timestamp == option ||
                 (option == LX_SO_TIMESTAMP_NEW && socket->timestamp == LX_SO_TIMESTAMPNS_NEW);
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

/* As much of it as there is room for, as Linux cuts it. A program's old, shorter structure gets its
 * beginning. */
static COLD int give(struct uptr to, unsigned *nbytes, const void *value, size_t size)
{
    *nbytes = MIN(*nbytes, (unsigned)size);
    return vm_user_write(to, value, *nbytes);
}

COLD int socket_get_option(struct socket *socket, int option, struct uptr value, unsigned *nbytes)
{
    uint64_t timeout_ns = socket->receive_timeout_ns;
    struct lx_ucred credentials;
    struct lx_timeval time;
    int number, err;

    switch (option) {
    case LX_SO_PEERCRED:
        socket->ops->peer_credentials(socket, &credentials);
        return give(value, nbytes, &credentials, sizeof(credentials));
    case LX_SO_LINGER:
        return give(value, nbytes, &socket->linger, sizeof(socket->linger));
    case LX_SO_SNDTIMEO:
        timeout_ns = socket->send_timeout_ns;
        break;
    case LX_SO_RCVTIMEO:
        break;
    default:
        err = get_number(socket, option, &number);
        return err ? err : give(value, nbytes, &number, sizeof(number));
    }
    time.sec = (int64_t)(timeout_ns / NSEC_PER_SEC);
    time.usec = (int64_t)(timeout_ns % NSEC_PER_SEC / NSEC_PER_USEC);
    return give(value, nbytes, &time, sizeof(time));
}
