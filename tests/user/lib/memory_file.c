/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tests/user/lib/memory_file.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define NAME "/tmp/memory_file"

/* fd: a descriptor below 10. */
static int open_again(int fd)
{
    char path[] = "/proc/self/fd/0";

    CHECK(fd < 10);
    path[sizeof(path) - 2] = (char)('0' + fd);
    return (int)CHECK_OK(open(path, O_RDONLY));
}

int memory_file(int *read_only)
{
    int fd = (int)syscall(SYS_memfd_create, "memory_file", 0);

    if (fd >= 0) {
        if (read_only)
            *read_only = open_again(fd);
        return fd;
    }
    fd = (int)CHECK_OK(open(NAME, O_RDWR | O_CREAT | O_EXCL, 0600));
    if (read_only)
        *read_only = (int)CHECK_OK(open(NAME, O_RDONLY));
    CHECK_OK(unlink(NAME));
    return fd;
}
