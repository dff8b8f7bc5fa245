/* SPDX-License-Identifier: MIT */
/*
 * Memberships of multicast groups: IP_ADD_MEMBERSHIP, IPV6_JOIN_GROUP, MCAST_JOIN_GROUP, and what
 * takes them back.
 *
 * There is no route for groups and no wire that brings their datagrams, so a membership has no
 * effect: it is checked, kept and given back as on a Linux whose one interface is the loopback. The
 * interface must be named, by its number or, with AF_INET, by an address of it. A socket joins a
 * group once, and what a listener has joined its children have not.
 */
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/net/inet/inet_internal.h"
#include "kernel/net/interface.h"
#include "shared/linux/errno.h"

#define MEMBERSHIPS_MAX 20 /* igmp_max_memberships */

struct membership {
    struct list link; /* in its socket, under its lock */
    struct inet_ip group;
};

/* The first words of an option's value. Those for both families begin with the number of the
 * interface, and have the address of the group behind its family and port; ip_mreqn is the group,
 * an address and perhaps a number, ipv6_mreq the group and a number. */
struct group_option {
    uint32_t words[8];
};

/* With one more, or less one. -EADDRNOTAVAIL: it has not joined that. */
static COLD int membership_change(struct inet_socket *sock, const struct inet_ip *group,
                                  bool leaves)
{
    struct membership *found = NULL, *spare = leaves ? NULL : kmalloc(sizeof(*spare));
    int err = leaves ? 0 : spare ? socket_charge(sock->user, sizeof(*spare)) : -ENOMEM;

    if (err) {
        kfree(spare);
        return err;
    }
    mutex_lock(&sock->lock);
    list_for_each (node, &sock->memberships)
        if (inet_ip_equal(&list_entry(node, struct membership, link)->group, group))
            found = list_entry(node, struct membership, link);
    if (leaves) {
        err = found ? 0 : -EADDRNOTAVAIL;
        spare = found;
        if (found)
            list_unlink(&found->link);
        sock->nmemberships -= found != NULL;
    } else if (!found && sock->nmemberships < MEMBERSHIPS_MAX) {
        spare->group = *group;
        list_push_back(&sock->memberships, &spare->link);
        sock->nmemberships++;
        spare = NULL;
    } else {
        err = found ? -EADDRINUSE : -ENOBUFS;
    }
    mutex_unlock(&sock->lock);
    if (spare) {
        socket_uncharge(sock->user, sizeof(*spare));
        kfree(spare);
    }
    return err;
}

/* 1: the option is none of these. */
COLD int inet_set_membership(struct inet_socket *sock, int level, int option, struct uptr value,
                             unsigned nbytes)
{
    bool v4 = level == LX_IPPROTO_IP, any = option >= LX_MCAST_JOIN_GROUP;
    bool leaves = option == LX_MCAST_LEAVE_GROUP ||
                  option == (v4 ? LX_IP_DROP_MEMBERSHIP : LX_IPV6_LEAVE_GROUP);
    struct group_option from = {{0}};
    struct inet_ip group, address;
    uint32_t interface;
    int err;

    if (!leaves && option != LX_MCAST_JOIN_GROUP &&
        option != (v4 ? LX_IP_ADD_MEMBERSHIP : LX_IPV6_JOIN_GROUP))
        return 1;
    if (inet_is_stream(sock) && !any)
        return -EPROTO;
    if (nbytes < (any ? LX_GROUP_REQ_NBYTES : v4 ? 8u : 20u))
        return -EINVAL;
    err = vm_user_read(&from, value, MIN(nbytes, sizeof(from)));
    if (err)
        return err;
    address = inet_ip_v4(from.words[1]);
    interface = from.words[any ? 0 : v4 ? 2 : 4];
    if (v4)
        group = inet_ip_v4(from.words[any ? 3 : 0]);
    else
        memcpy(&group, &from.words[any ? 4 : 0], sizeof(group));
    if (v4 && !any && (!interface || nbytes < 12))
        interface = inet_ip_is_local(&address) ? INTERFACE_INDEX : 0;
    if ((any && (uint16_t)from.words[2] != (v4 ? LX_AF_INET : LX_AF_INET6)) ||
        (v4 ? (group.low >> 32 & 0xf0) != 0xe0 : (group.high & 0xff) != 0xff))
        return -EINVAL;
    if (interface != INTERFACE_INDEX && (!leaves || v4))
        return -ENODEV;
    return membership_change(sock, &group, leaves);
}

/* Nothing knows the socket any more. */
void inet_memberships_free(struct inet_socket *sock)
{
    struct list *node;

    while (unlikely((node = list_pop_front(&sock->memberships)) != NULL)) {
        socket_uncharge(sock->user, sizeof(struct membership));
        kfree(list_entry(node, struct membership, link));
    }
}
