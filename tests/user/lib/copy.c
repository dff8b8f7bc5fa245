/* SPDX-License-Identifier: MIT */
#include "tests/user/lib/copy.h"

#include <fcntl.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

void program_make(const char *path, const void *bytes, size_t nbytes)
{
    int fd = (int)CHECK_OK(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700));

    CHECK_EQ(write(fd, bytes, nbytes), nbytes);
    CHECK_OK(close(fd));
}

void program_copy(const char *argv0, const char *path)
{
    static char bytes[1 << 18];
    int fd = (int)CHECK_OK(open(argv0, O_RDONLY));
    ssize_t n = CHECK_OK(read(fd, bytes, sizeof(bytes)));

    CHECK(n < (ssize_t)sizeof(bytes));
    CHECK_OK(close(fd));
    program_make(path, bytes, (size_t)n);
}
