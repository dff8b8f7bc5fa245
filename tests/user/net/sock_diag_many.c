/* SPDX-License-Identifier: MIT */
/*
 * NETLINK_SOCK_DIAG with thousands of sockets: each is listed once, though the list is larger than
 * SO_RCVBUF. Of those of a port at most as many are missed as others are closed meanwhile.
 */
#define _GNU_SOURCE
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/user/lib/inet.h"

#define MANY   4000
#define OTHERS 8 /* that are closed: as many may be missed */

static int diag, fds[MANY];
static uint32_t inos[MANY];
static uint8_t seen[MANY];
static char answer[65536];

static int compare(const void *one, const void *other)
{
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;

    return a < b ? -1 : a > b;
}

static void ask(const void *body, size_t nbytes)
{
    struct {
        struct nlmsghdr header;
        char body[128];
    } request = {.header = {(uint32_t)(sizeof(request.header) + nbytes), SOCK_DIAG_BY_FAMILY,
                            NLM_F_REQUEST | NLM_F_DUMP, 5, 0}};

    memcpy(request.body, body, nbytes);
    CHECK_EQ(send(diag, &request, request.header.nlmsg_len, 0), request.header.nlmsg_len);
}

static void note(uint32_t ino)
{
    uint32_t *found = bsearch(&ino, inos, MANY, sizeof(ino), compare);

    if (found && seen[found - inos] < 2)
        seen[found - inos]++;
}

/* Sorted, so that the numbers are no longer those of fds. */
static void inos_read(void)
{
    struct stat status;

    for (int i = 0; i < MANY; i++) {
        CHECK_OK(fstat(fds[i], &status));
        inos[i] = (uint32_t)status.st_ino;
    }
    qsort(inos, MANY, sizeof(inos[0]), compare);
    memset(seen, 0, sizeof(seen));
}

/* All to the end of the list; from the first datagram on, others are closed. */
static void collect(size_t offset, int others, int *closed)
{
    for (;;) {
        int left = (int)CHECK_OK(recv(diag, answer, sizeof(answer), 0));

        for (struct nlmsghdr *at = (void *)answer; NLMSG_OK(at, left); at = NLMSG_NEXT(at, left)) {
            if (at->nlmsg_type == NLMSG_DONE)
                return;
            CHECK_EQ(at->nlmsg_type, SOCK_DIAG_BY_FAMILY);
            note(*(uint32_t *)((char *)NLMSG_DATA(at) + offset));
        }
        if (others)
            close(*closed++);
        others -= others > 0;
    }
}

static void check_unix(void)
{
    struct unix_diag_req request = {.sdiag_family = AF_UNIX, .udiag_states = ~0u};

    for (int i = 0; i < MANY; i++)
        fds[i] = (int)CHECK_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    inos_read();
    ask(&request, sizeof(request));
    collect(offsetof(struct unix_diag_msg, udiag_ino), 0, NULL);
    for (int i = 0; i < MANY; i++) {
        CHECK_EQ(seen[i], 1);
        close(fds[i]);
    }
}

/* All at one port. */
static void check_inet(void)
{
    struct inet_diag_req_v2 request = {
        .sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_UDP, .idiag_states = ~0u};
    struct sockaddr_in end = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(end);
    int one = 1, missing = 0, others[OTHERS], first = (int)CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));

    CHECK_OK(setsockopt(first, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
    CHECK_OK(bind(first, (void *)&end, sizeof(end)));
    CHECK_OK(getsockname(first, (void *)&end, &length));
    for (int i = 0; i < MANY + OTHERS; i++) {
        int fd = (int)CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));

        CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
        CHECK_OK(bind(fd, (void *)&end, sizeof(end)));
        *(i < MANY ? &fds[i] : &others[i - MANY]) = fd;
    }
    inos_read();
    ask(&request, sizeof(request));
    collect(offsetof(struct inet_diag_msg, idiag_inode), OTHERS, others);
    for (int i = 0; i < MANY; i++) {
        missing += seen[i] == 0;
        close(fds[i]);
    }
    CHECK(missing <= OTHERS);
    close(first);
}

int main(void)
{
    struct rlimit limit;

    CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = limit.rlim_max; /* 4096 at least */
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
    diag = (int)CHECK_OK(socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG));
    check_unix();
    check_inet();
    return 0;
}
