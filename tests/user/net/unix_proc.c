/* SPDX-License-Identifier: MIT */
/* /proc/net/unix: a line for each socket, also when there are many. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define HEAD "Num       RefCount Protocol Flags    Type St Inode Path\n"
#define MANY 300

static char text[1 << 20];

static void read_file(void)
{
    int fd = (int)CHECK_OK(open("/proc/net/unix", O_RDONLY));
    size_t used = 0;
    ssize_t part;

    while ((part = CHECK_OK(read(fd, text + used, sizeof(text) - 1 - used))) > 0)
        used += (size_t)part;
    text[used] = '\0';
    CHECK(strncmp(text, HEAD, strlen(HEAD)) == 0);
    CHECK(used > 0 && text[used - 1] == '\n');
    CHECK_OK(close(fd));
}

static unsigned long inode_of(int fd)
{
    struct stat info;

    CHECK_OK(fstat(fd, &info));
    return info.st_ino;
}

/* How many lines there are that end so, behind the address. */
static int lines_with(const char *end)
{
    int count = 0;

    for (char *line = text, *next; *line; line = next) {
        char *colon = memchr(line, ':', 17);

        next = strchr(line, '\n') + 1;
        if (colon == line + 16 && (size_t)(next - colon) == strlen(end) + 3 &&
            memcmp(colon + 2, end, strlen(end)) == 0)
            count++;
    }
    return count;
}

static int shows(int fd, int refs, unsigned flags, int type, int state, const char *name)
{
    char line[256];

    snprintf(line, sizeof(line), "%08X 00000000 %08X %04X %02X %5lu%s", (unsigned)refs, flags,
             (unsigned)type, (unsigned)state, fd < 0 ? 0 : inode_of(fd), name);
    return lines_with(line);
}

static int named(int type, const struct sockaddr_un *name, size_t length)
{
    int fd = (int)CHECK_OK(socket(AF_UNIX, type, 0));

    CHECK_OK(bind(fd, (const struct sockaddr *)name, (socklen_t)(sizeof(sa_family_t) + length)));
    return fd;
}

static void check_lines(void)
{
    struct sockaddr_un abstract = {.sun_family = AF_UNIX}, path = {.sun_family = AF_UNIX};
    char shown[64], shown_path[128];
    int listener, client, child, datagram, alone, pair[2];

    snprintf(abstract.sun_path + 1, 64, "unix_proc %d", (int)getpid());
    snprintf(shown, sizeof(shown), " @unix_proc %d@z", (int)getpid());
    size_t length = strlen(abstract.sun_path + 1);
    memcpy(abstract.sun_path + 1 + length, "\0z", 2);
    snprintf(path.sun_path, sizeof(path.sun_path), "/tmp/unix_proc.%d", (int)getpid());
    snprintf(shown_path, sizeof(shown_path), " %s", path.sun_path);
    listener = named(SOCK_STREAM, &abstract, length + 3);
    datagram = named(SOCK_DGRAM, &path, sizeof(path.sun_path));
    alone = (int)CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK_OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
    read_file();
    CHECK_EQ(shows(listener, 2, 0, SOCK_STREAM, 1, shown), 1);
    CHECK_EQ(shows(datagram, 2, 0, SOCK_DGRAM, 1, shown_path), 1);
    CHECK_EQ(shows(alone, 2, 0, SOCK_STREAM, 1, ""), 1);
    CHECK_EQ(shows(pair[0], 3, 0, SOCK_SEQPACKET, 3, ""), 1);
    CHECK_EQ(shows(pair[1], 3, 0, SOCK_SEQPACKET, 3, ""), 1);
    CHECK_OK(listen(listener, 2));
    client = alone;
    CHECK_OK(connect(client, (struct sockaddr *)&abstract,
                     (socklen_t)(sizeof(sa_family_t) + length + 3)));
    read_file();
    CHECK_EQ(shows(listener, 2, 0x10000, SOCK_STREAM, 1, shown), 1);
    CHECK_EQ(shows(client, 3, 0, SOCK_STREAM, 3, ""), 1);
    CHECK_EQ(shows(-1, 3, 0, SOCK_STREAM, 2, shown), 1);
    child = (int)CHECK_OK(accept(listener, NULL, NULL));
    read_file();
    CHECK_EQ(shows(child, 3, 0, SOCK_STREAM, 3, shown), 1);
    CHECK_EQ(shows(-1, 3, 0, SOCK_STREAM, 2, shown), 0);
    CHECK_OK(close(listener));
    CHECK_OK(close(child));
    CHECK_OK(close(datagram));
    CHECK_OK(unlink(path.sun_path));
    read_file();
    CHECK(!strstr(text, shown + 1));
    CHECK(!strstr(text, shown_path + 1));
    CHECK_OK(close(client));
    CHECK_OK(close(pair[0]));
    CHECK_OK(close(pair[1]));
}

/* Read in small pieces, each is there once. */
static void check_many(void)
{
    static int fds[MANY];

    for (int i = 0; i < MANY; i++)
        fds[i] = (int)CHECK_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    read_file();
    for (int i = 0; i < MANY; i++)
        CHECK_EQ(shows(fds[i], 2, 0, SOCK_DGRAM, 1, ""), 1);
    for (int i = 0; i < MANY; i++)
        CHECK_OK(close(fds[i]));
}

int main(void)
{
    char link[32];
    ssize_t length = CHECK_OK(readlink("/proc/net", link, sizeof(link)));

    CHECK_EQ(length, 8);
    CHECK(memcmp(link, "self/net", 8) == 0);
    check_lines();
    check_many();
    return 0;
}
