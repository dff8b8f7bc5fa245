/* SPDX-License-Identifier: MIT */
/* Shared memory, with and without a file: seen by parent, child and grandchild. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE      4096UL
#define RW        (PROT_READ | PROT_WRITE)
#define SHARED    (MAP_SHARED | MAP_ANONYMOUS)
#define FILE_PATH "/tmp/mem_shared.file"

/* The child does its part and must end well. */
#define IN_CHILD(...)                                                                              \
    do {                                                                                           \
        pid_t child_pid = (pid_t)CHECK_OK(fork());                                                 \
        if (child_pid == 0) {                                                                      \
            __VA_ARGS__;                                                                           \
            _exit(0);                                                                              \
        }                                                                                          \
        CHECK_EQ(wait_status(child_pid), 0);                                                       \
    } while (0)

static int wait_status(pid_t pid)
{
    int status = -1;

    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return status;
}

static char *map(size_t nbytes, int flags, int fd)
{
    char *p = mmap(NULL, nbytes, RW, flags, fd, 0);

    CHECK(p != MAP_FAILED);
    return p;
}

static void grandchild(char *p)
{
    IN_CHILD(p[0] = 4);
}

static void check_anonymous(void)
{
    char *p = map(4 * PAGE, SHARED, -1);

    CHECK(bytes_are(p, 0, 4 * PAGE));
    p[0] = 1;
    /* Touched by the parent, by the child first, and by a grandchild. */
    IN_CHILD(CHECK_EQ(p[0], 1); p[0] = 2; p[PAGE] = 3; grandchild(p + 2 * PAGE));
    CHECK(p[0] == 2 && p[PAGE] == 3 && p[2 * PAGE] == 4 && p[3 * PAGE] == 0);
    /* What one lets go the others keep. */
    IN_CHILD(CHECK_OK(munmap(p, 4 * PAGE)));
    CHECK(p[0] == 2 && p[2 * PAGE] == 4);
    /* Dropping pages loses nothing: they are in the object. */
    CHECK_OK(madvise(p, 4 * PAGE, MADV_DONTNEED));
    CHECK(p[0] == 2 && p[PAGE] == 3 && p[2 * PAGE] == 4);
    CHECK_OK(munmap(p, PAGE));
    CHECK_OK(munmap(p + PAGE, 3 * PAGE));
    /* A new one is empty. */
    p = map(4 * PAGE, SHARED, -1);
    CHECK(bytes_are(p, 0, 4 * PAGE));
    CHECK_OK(munmap(p, 4 * PAGE));
}

/* Two mappings are two objects, also side by side. */
static void check_two(void)
{
    char *p = map(PAGE, SHARED, -1), *q = map(PAGE, SHARED, -1);

    p[0] = 1;
    IN_CHILD(q[0] = 2);
    CHECK(p[0] == 1 && q[0] == 2);
    CHECK_OK(munmap(p, PAGE));
    CHECK_OK(munmap(q, PAGE));
}

static void check_sparse(void)
{
    size_t nbytes = 1UL << 32;
    char *p = map(nbytes, SHARED | MAP_NORESERVE, -1);

    IN_CHILD(p[0] = 1; p[nbytes / 2 + 5] = 2; p[nbytes - 1] = 3);
    CHECK(p[0] == 1 && p[nbytes / 2 + 5] == 2 && p[nbytes - 1] == 3 && p[12345678] == 0);
    CHECK_OK(munmap(p, nbytes));
}

static void check_protection(void)
{
    char *p = map(PAGE, SHARED, -1);
    int status;
    pid_t pid;

    p[0] = 7;
    CHECK_OK(mprotect(p, PAGE, PROT_READ));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        *(volatile char *)p = 1;
        _exit(0);
    }
    status = wait_status(pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    CHECK_OK(mprotect(p, PAGE, RW));
    IN_CHILD(p[0] = 8);
    CHECK_EQ(p[0], 8);
    CHECK_OK(munmap(p, PAGE));
}

/* Private memory next to it stays private. */
static void check_private(void)
{
    char *p = map(2 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

    CHECK(mmap(p + PAGE, PAGE, RW, SHARED | MAP_FIXED, -1, 0) == p + PAGE);
    p[0] = 1;
    p[PAGE] = 1;
    IN_CHILD(p[0] = 2; p[PAGE] = 2);
    CHECK(p[0] == 1 && p[PAGE] == 2);
    CHECK_OK(munmap(p, 2 * PAGE));
}

static void check_file(void)
{
    int fd = (int)CHECK_OK(open(FILE_PATH, O_RDWR | O_CREAT | O_TRUNC, 0600));
    char *p, *q, text[8] = "";

    CHECK_OK(ftruncate(fd, 3 * PAGE));
    p = map(3 * PAGE, MAP_SHARED, fd);
    q = map(3 * PAGE, MAP_PRIVATE, fd);
    q[2 * PAGE] = 9;
    /* The child maps the file by itself: other addresses, the same pages. */
    IN_CHILD(int own = (int)CHECK_OK(open(FILE_PATH, O_RDWR));
             char *r = map(3 * PAGE, MAP_SHARED, own); r[0] = 1; p[PAGE] = 2; r[2 * PAGE] = 3;
             CHECK_EQ(p[0], 1));
    CHECK(p[0] == 1 && p[PAGE] == 2 && p[2 * PAGE] == 3);
    CHECK(q[0] == 1 && q[PAGE] == 2 && q[2 * PAGE] == 9);
    CHECK_EQ(pread(fd, text, 1, PAGE), 1);
    CHECK_EQ(text[0], 2);
    IN_CHILD(CHECK_EQ(pwrite(fd, "x", 1, 0), 1));
    CHECK_EQ(p[0], 'x');
    CHECK_OK(msync(p, 3 * PAGE, MS_SYNC));
    CHECK_OK(munmap(p, 3 * PAGE));
    CHECK_OK(munmap(q, 3 * PAGE));
    CHECK_OK(close(fd));
    CHECK_OK(unlink(FILE_PATH));
}

int main(void)
{
    check_anonymous();
    check_two();
    check_sparse();
    check_protection();
    check_private();
    check_file();
    return 0;
}
