/* SPDX-License-Identifier: MIT */
/* One write into a pipe from memory of which no page is there yet: each costs a fault, and however
 * many there are, they do not end the call. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define NBYTES (34UL << 20)

static char *fresh(void)
{
    char *memory = mmap(NULL, NBYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    CHECK(memory != MAP_FAILED);
    CHECK_OK(madvise(memory, NBYTES, MADV_NOHUGEPAGE) == 0 || errno == EINVAL ? 0 : -1);
    return memory;
}

/* Reads until the end, into the same pages again and again. */
static void drain(int end)
{
    static char bytes[1 << 16];
    size_t total = 0;
    long n;

    while ((n = CHECK_OK(read(end, bytes, sizeof(bytes)))) > 0)
        total += (size_t)n;
    CHECK_EQ(total, NBYTES);
}

int main(void)
{
    char *memory = fresh();
    int ends[2], status;
    pid_t reader;

    CHECK_OK(pipe(ends));
    reader = (pid_t)CHECK_OK(fork());
    if (reader == 0) {
        CHECK_OK(close(ends[1]));
        drain(ends[0]);
        _exit(0);
    }
    CHECK_EQ(write(ends[1], memory, NBYTES), NBYTES);
    CHECK_OK(close(ends[1]));
    CHECK_EQ(waitpid(reader, &status, 0), reader);
    CHECK_EQ(status, 0);
    return 0;
}
