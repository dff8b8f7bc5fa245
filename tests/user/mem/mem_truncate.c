/* SPDX-License-Identifier: MIT */
/* A file that becomes shorter while programs map it: SIGBUS behind its end, for all of them. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"

#define PAGE 4096UL
#define RW   (PROT_READ | PROT_WRITE)
#define PATH "/tmp/mem_truncate.file"

/* The signal that reading the byte ends a child with; 0: none. */
static int signal_at(const volatile char *p)
{
    int status = -1;
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        (void)*p;
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

int main(void)
{
    int fd = (int)CHECK_OK(open(PATH, O_RDWR | O_CREAT | O_TRUNC, 0600));
    char page[PAGE], *shared, *private;
    int go[2], status = -1;
    pid_t pid;

    memset(page, 7, PAGE);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(write(fd, page, PAGE), PAGE);
    shared = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0);
    private = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE, fd, 0);
    CHECK((void *)shared != MAP_FAILED && (void *)private != MAP_FAILED);
    CHECK(bytes_are(shared, 7, 4 * PAGE) && bytes_are(private, 7, 4 * PAGE));
    private[3 * PAGE] = 9; /* a copy of its own */
    CHECK_OK(pipe(go));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) { /* had the pages before, too */
        CHECK(bytes_are(shared, 7, 4 * PAGE));
        CHECK_EQ(read(go[0], page, 1), 1);
        (void)*(volatile char *)(shared + 2 * PAGE);
        _exit(0);
    }
    asleep_await(pid);
    CHECK_OK(ftruncate(fd, PAGE + 100));
    CHECK_EQ(write(go[1], "x", 1), 1);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);

    CHECK_EQ(signal_at(shared + PAGE + 50), 0);
    CHECK_EQ(signal_at(shared + 2 * PAGE - 1), 0); /* the rest of the last page is zeros */
    CHECK(bytes_are(shared + PAGE + 100, 0, PAGE - 100));
    CHECK_EQ(signal_at(shared + 2 * PAGE), SIGBUS);
    CHECK_EQ(signal_at(private + 2 * PAGE), SIGBUS);
    CHECK_EQ(signal_at(private + 3 * PAGE), SIGBUS); /* the copy went with the page */
    CHECK_EQ(signal_at(private), 0);

    CHECK_OK(ftruncate(fd, 4 * PAGE));
    CHECK(bytes_are(shared, 7, PAGE + 100) && bytes_are(shared + PAGE + 100, 0, 3 * PAGE - 100));
    CHECK(bytes_are(private + 2 * PAGE, 0, 2 * PAGE));
    shared[3 * PAGE] = 5;
    CHECK_EQ(pread(fd, page, 1, 3 * PAGE), 1);
    CHECK_EQ(page[0], 5);
    CHECK_OK(unlink(PATH));
    return 0;
}
