/* SPDX-License-Identifier: MIT */
/* The loopback as programs ask about it: by ioctl, and by the files of /proc/net, in which sockets
 * show up. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "tests/user/lib/inet.h"

static char text[1 << 20];

static void read_file(const char *path)
{
    int fd = (int)CHECK_OK(open(path, O_RDONLY));
    size_t used = 0;
    ssize_t part;

    while ((part = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
        used += (size_t)part;
    CHECK_EQ(part, 0);
    text[used] = '\0';
    close(fd);
}

static void check_requests(void)
{
    int fd = (int)CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));
    int local = (int)CHECK_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    struct ifreq request = {.ifr_name = "lo"}, list[32];
    struct ifconf all = {.ifc_len = 0};
    struct sockaddr_in *name = (struct sockaddr_in *)&request.ifr_addr;
    int found = 0;

    CHECK_OK(ioctl(local, SIOCGIFINDEX, &request));
    CHECK_EQ(request.ifr_ifindex, 1);
    CHECK_OK(ioctl(fd, SIOCGIFNAME, &request));
    CHECK(strcmp(request.ifr_name, "lo") == 0);
    CHECK_OK(ioctl(local, SIOCGIFFLAGS, &request));
    CHECK_EQ(request.ifr_flags, IFF_UP | IFF_LOOPBACK | IFF_RUNNING);
    CHECK_OK(ioctl(fd, SIOCGIFMTU, &request));
    CHECK_EQ(request.ifr_mtu, 65536);
    CHECK_OK(ioctl(fd, SIOCGIFHWADDR, &request));
    CHECK_EQ(request.ifr_hwaddr.sa_family, 772);
    CHECK_OK(ioctl(fd, SIOCGIFADDR, &request));
    CHECK_EQ(name->sin_family, AF_INET);
    CHECK_EQ(ntohl(name->sin_addr.s_addr), INADDR_LOOPBACK);
    CHECK_OK(ioctl(fd, SIOCGIFNETMASK, &request));
    CHECK_EQ(ntohl(name->sin_addr.s_addr), 0xff000000);
    CHECK_ERR(ioctl(fd, SIOCGIFADDR, (void *)16), EFAULT);
    strcpy(request.ifr_name, "none");
    CHECK_ERR(ioctl(fd, SIOCGIFFLAGS, &request), ENODEV);
    request.ifr_ifindex = 99999;
    CHECK_ERR(ioctl(fd, SIOCGIFNAME, &request), ENODEV);
    CHECK_ERR(ioctl(fd, 0x5401, &request), ENOTTY);
    CHECK_ERR(ioctl(fd, SIOCATMARK, &found), ENOTTY);
    CHECK_OK(ioctl(fd, SIOCGIFCONF, &all));
    CHECK(all.ifc_len >= (int)sizeof(request));
    all.ifc_len = sizeof(list);
    all.ifc_req = list;
    CHECK_OK(ioctl(fd, SIOCGIFCONF, &all));
    for (int i = 0; i < all.ifc_len / (int)sizeof(request); i++)
        found += strcmp(list[i].ifr_name, "lo") == 0 &&
                 ((struct sockaddr_in *)&list[i].ifr_addr)->sin_addr.s_addr ==
                     htonl(INADDR_LOOPBACK); /* a host may have given it more */
    CHECK_EQ(found, 1);
    close(fd);
    close(local);
}

/* A stream to which nothing has come out of band is not at its mark. */
static void check_mark(void)
{
    int fd = (int)CHECK_OK(socket(AF_INET, SOCK_STREAM, 0)), mark = 1;

    CHECK_OK(ioctl(fd, SIOCATMARK, &mark));
    CHECK_EQ(mark, 0);
    CHECK_ERR(ioctl(fd, SIOCATMARK, NULL), EFAULT);
    close(fd);
}

/* The line of a port in that file: its state and inode; false: there is none. */
static int find_line(const char *path, int port, unsigned *state, unsigned long *inode,
                     char *address)
{
    const char *at;
    unsigned local, other;

    read_file(path);
    at = strchr(text, '\n');
    while (at && at[1]) {
        if (sscanf(at + 1, " %*d: %32[0-9A-F]:%x %*[0-9A-F]:%x %x %*x:%*x %*x:%*x %*x %*u %*u %lu",
                   address, &local, &other, state, inode) == 5 &&
            (int)local == port)
            return 1;
        at = strchr(at + 1, '\n');
    }
    return 0;
}

static void check_line(const char *path, int fd, unsigned state, const char *address)
{
    unsigned seen = 0;
    unsigned long inode = 0;
    struct stat info;
    char name[40];

    CHECK_OK(fstat(fd, &info));
    CHECK_EQ(find_line(path, own_port(fd), &seen, &inode, name), 1);
    CHECK_EQ(seen, state);
    CHECK_EQ(inode, info.st_ino);
    CHECK(strcmp(name, address) == 0);
}

static void check_files(void)
{
    int listener = tcp_listener(3), fd = (int)CHECK_OK(socket(AF_INET, SOCK_STREAM, 0)), port;
    int six = socket(AF_INET6, SOCK_DGRAM, 0);
    unsigned state;
    unsigned long inode;
    char name[40];

    check_line("/proc/net/tcp", listener, 10, "0100007F");
    CHECK_OK(v4_connect(fd, INADDR_LOOPBACK, own_port(listener)));
    check_line("/proc/self/net/tcp", fd, 1, "0100007F");
    port = own_port(listener);
    close(listener);
    CHECK_EQ(find_line("/proc/net/udp", port, &state, &inode, name), 0);
    close(fd);
    fd = (int)CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));
    CHECK_OK(v4_bind(fd, 0x7f000002, 0));
    check_line("/proc/net/udp", fd, 7, "0200007F");
    close(fd);
    CHECK_OK(six);
    CHECK_OK(v6_name(bind, six, "::1", 0));
    check_line("/proc/net/udp6", six, 7, "00000000000000000000000001000000");
    close(six);
    read_file("/proc/net/tcp6");
    CHECK(strncmp(text, "  sl  local_address ", 20) == 0);
    read_file("/proc/net/dev");
    CHECK(strstr(text, "    lo: ") != NULL);
}

/* So many that a file comes in many pieces. */
static void check_many(void)
{
    int listener = tcp_listener(300), fds[300], port = own_port(listener), lines = 0;
    char pattern[32];

    snprintf(pattern, sizeof(pattern), " 0100007F:%04X 01 ", (unsigned)port);
    for (int i = 0; i < 300; i++) {
        fds[i] = (int)CHECK_OK(socket(AF_INET, SOCK_STREAM, 0));
        CHECK_OK(v4_connect(fds[i], INADDR_LOOPBACK, port));
    }
    read_file("/proc/net/tcp");
    for (const char *at = text; (at = strstr(at, pattern)) != NULL; at++)
        lines++;
    CHECK_EQ(lines, 300);
    for (int i = 0; i < 300; i++)
        close(fds[i]);
    close(listener);
}

int main(void)
{
    check_requests();
    check_mark();
    check_files();
    check_many();
    return 0;
}
