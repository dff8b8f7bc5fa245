/* SPDX-License-Identifier: MIT */
/*
 * The loopback interface as programs see it: netdevice(7), and its lines in /proc/net.
 *
 * There is no structure behind it, since nothing passes through it: a socket finds its peer by
 * itself. So it counts no packets, it is always up, and nothing of it can be changed.
 */
#include "kernel/net/interface.h"
#include "kernel/lib/string.h"
#include "kernel/net/socket.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/interface.h"

#define NAME  "lo"
#define MTU   65536
#define FLAGS (LX_IFF_UP | LX_IFF_LOOPBACK | LX_IFF_RUNNING)

#define ADDRESS 0x0100007fu /* 127.0.0.1, as on the wire */
#define NETMASK 0x000000ffu

/* What ifreq has for it: the port stays 0. */
static COLD void put_address(struct lx_ifreq *request, uint32_t address)
{
    memset(request->bytes, 0, sizeof(request->bytes));
    request->address.family = LX_AF_INET;
    request->address.address = address;
}

/* A list of one. Without a place to put it the program learns how much room it takes. */
static COLD int put_list(struct uptr arg)
{
    struct lx_ifreq entry = {.name = NAME};
    struct lx_ifconf list;
    int err = vm_user_read(&list, arg, sizeof(list));

    if (err)
        return err;
    put_address(&entry, ADDRESS);
    if (list.requests && list.nbytes < (int)sizeof(entry)) {
        list.nbytes = 0;
    } else {
        list.nbytes = sizeof(entry);
        if (list.requests)
            err = vm_user_write((struct uptr){list.requests}, &entry, sizeof(entry));
    }
    return err ? err : vm_user_write(arg, &list, sizeof(list.nbytes));
}

/* -ENOTTY: no request of any address. */
static COLD int answer_address(uint32_t request, struct lx_ifreq *entry)
{
    switch (request) {
    case LX_SIOCGIFADDR:
    case LX_SIOCGIFDSTADDR:
        put_address(entry, ADDRESS);
        return 0;
    case LX_SIOCGIFBRDADDR: /* nothing hears one */
        put_address(entry, 0);
        return 0;
    case LX_SIOCGIFNETMASK:
        put_address(entry, NETMASK);
        return 0;
    default:
        return -ENOTTY;
    }
}

/* -ENOTTY: nor of a number. The queue is as long as Linux says, and has nothing in it. */
static COLD int answer_number(uint32_t request, struct lx_ifreq *entry)
{
    switch (request) {
    case LX_SIOCGIFFLAGS:
        entry->flags = FLAGS;
        return 0;
    case LX_SIOCGIFMETRIC:
        entry->number = 0;
        return 0;
    case LX_SIOCGIFMTU:
        entry->number = MTU;
        return 0;
    case LX_SIOCGIFHWADDR:
        memset(entry->bytes, 0, sizeof(entry->bytes));
        entry->address.family = LX_ARPHRD_LOOPBACK;
        return 0;
    case LX_SIOCGIFINDEX:
        entry->number = INTERFACE_INDEX;
        return 0;
    case LX_SIOCGIFTXQLEN:
        entry->number = 1000;
        return 0;
    default:
        return -ENOTTY;
    }
}

static COLD bool is_request(uint32_t request)
{
    struct lx_ifreq entry;

    return request == LX_SIOCGIFNAME || request == LX_SIOCSIFFLAGS ||
           answer_number(request, &entry) == 0 || answer_address(request, &entry) == 0;
}

/* Setting the flags that it has is nothing, to set others EOPNOTSUPP: it cannot be taken down. */
COLD int interface_ioctl(uint32_t request, struct uptr arg, bool inet, bool privileged)
{
    struct lx_ifreq entry;
    int err;

    if (request == LX_SIOCGIFCONF)
        return put_list(arg);
    if (!is_request(request) || (!inet && answer_address(request, &entry) == 0))
        return -ENOTTY;
    err = vm_user_read(&entry, arg, sizeof(entry));
    if (err)
        return err;
    entry.name[sizeof(entry.name) - 1] = '\0';
    if (request == LX_SIOCGIFNAME) {
        if (entry.number != INTERFACE_INDEX)
            return -ENODEV;
        memset(entry.name, 0, sizeof(entry.name));
        memcpy(entry.name, NAME, sizeof(NAME));
        return vm_user_write(arg, &entry, sizeof(entry));
    }
    if (request == LX_SIOCSIFFLAGS && !privileged)
        return -EPERM;
    if (strcmp(entry.name, NAME) != 0)
        return -ENODEV;
    if (request == LX_SIOCSIFFLAGS)
        return (entry.flags & FLAGS) == (entry.flags & ~LX_IFF_LOOPBACK) && entry.flags & LX_IFF_UP
                   ? 0
                   : -EOPNOTSUPP;
    if (answer_number(request, &entry))
        err = answer_address(request, &entry);
    return err ? err : vm_user_write(arg, &entry, sizeof(entry));
}

/* --- /proc/net --- */

COLD int interface_show(const struct procfs_node *node, struct procfs_text *text)
{
    (void)node;
    procfs_print(text, "Inter-|   Receive                                                |  "
                       "Transmit\n face |bytes    packets errs drop fifo frame compressed "
                       "multicast|bytes    packets errs drop fifo colls carrier compressed\n");
    procfs_print(text, "%6s: %7u %7u %4u %4u %4u %5u %10u %9u %8u %7u %4u %4u %4u %5u %7u %10u\n",
                 NAME, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    return 0;
}

/* ::1, index, length of the prefix, scope of a host, permanent. */
COLD int interface_show_inet6(const struct procfs_node *node, struct procfs_text *text)
{
    (void)node;
    procfs_print(text, "%032x %02x %02x %02x %02x %8s\n", 1, INTERFACE_INDEX, 128, 0x10, 0x80,
                 NAME);
    return 0;
}
