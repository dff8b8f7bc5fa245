/* SPDX-License-Identifier: MIT */
/*
 * fault NAME - do one thing that must end this program, by name
 *
 * Each name is one way to raise a processor exception from ring 3. A plan line gives the signal.
 * Coming back is a failure (exit 1); an unknown name is one too (exit 2).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/start/fault_ops.h"

#define PAGE 4096

#define ROW(name) {#name, op_##name},
static const struct {
    const char *name;
    void (*run)(void *address);
} ops[] = {OPS(ROW)};

static char data_page[PAGE] __attribute__((aligned(PAGE))) = {(char)0xc3};
static char bss_page[PAGE] __attribute__((aligned(PAGE)));

static void *map(int prot, int flags, int fd)
{
    void *p = mmap(NULL, PAGE, prot, flags, fd, 0);

    CHECK(p != MAP_FAILED);
    return p;
}

static void *anonymous(int prot)
{
    return map(prot, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

/* A page that was there and is no more. */
static void *gone(void)
{
    void *p = anonymous(PROT_READ | PROT_WRITE);

    *(char *)p = 1;
    CHECK_OK(munmap(p, PAGE));
    return p;
}

/* A page written while it was writable. */
static void *made_readonly(void)
{
    char *p = anonymous(PROT_READ | PROT_WRITE);

    *p = (char)0xc3;
    CHECK_OK(mprotect(p, PAGE, PROT_READ));
    return p;
}

static void *no_access(void)
{
    char *p = anonymous(PROT_READ | PROT_WRITE);

    *p = 1;
    CHECK_OK(mprotect(p, PAGE, PROT_NONE));
    return p;
}

static void *heap(void)
{
    char *p = (char *)raw1(SYS_brk, 0);

    CHECK_EQ(raw1(SYS_brk, p + PAGE), p + PAGE);
    *p = (char)0xc3;
    return p;
}

/* A whole page behind the end of a file: the mapping is there, the data is not. */
static void *beyond_file(void)
{
    int fd = (int)CHECK_OK(open("/tmp/fault-short", O_RDWR | O_CREAT | O_TRUNC, 0600));
    char *p;

    CHECK_EQ(write(fd, "x", 1), 1);
    p = mmap(NULL, (size_t)2 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
    CHECK(p != MAP_FAILED);
    CHECK_EQ(*p, 'x');
    CHECK_OK(unlink("/tmp/fault-short"));
    return p + PAGE;
}

/* Far enough below for no call in between to overwrite it. */
static void *stack(void)
{
    static volatile uintptr_t address;
    volatile char local[8192];

    for (size_t i = 0; i < sizeof(local); i++)
        local[i] = (char)0xc3;
    address = (uintptr_t)local;
    return (void *)address;
}

/* A place that holds an instruction to return, so that running it would be noticed: where it
 * cannot be run, only the page's rights are the reason. */
static void *with_return(char *page)
{
    *(volatile char *)page = (char)0xc3;
    return page;
}

static void *place_named(const char *name)
{
    if (strcmp(name, "null") == 0)
        return NULL;
    if (strcmp(name, "low") == 0)
        return (void *)0xfff;
    if (strcmp(name, "text") == 0)
        return (void *)(uintptr_t)&op_ud2;
    if (strcmp(name, "rodata") == 0)
        return op_rodata;
    if (strcmp(name, "data") == 0)
        return data_page;
    if (strcmp(name, "bss") == 0)
        return with_return(bss_page);
    if (strcmp(name, "heap") == 0)
        return heap();
    if (strcmp(name, "stack") == 0)
        return stack();
    if (strcmp(name, "mapping") == 0)
        return with_return(anonymous(PROT_READ | PROT_WRITE));
    if (strcmp(name, "readonly") == 0)
        return anonymous(PROT_READ);
    if (strcmp(name, "made-readonly") == 0)
        return made_readonly();
    if (strcmp(name, "no-access") == 0)
        return no_access();
    if (strcmp(name, "gone") == 0)
        return gone();
    if (strcmp(name, "beyond-file") == 0)
        return beyond_file();
    if (strcmp(name, "below-stack") == 0)
        return (char *)stack() - ((uintptr_t)64 << 20);
    check_fail(__FILE__, __LINE__, "unknown place");
}

/* Uses the stack up. The volatile buffer keeps the compiler from turning it into a loop. */
static int overflow(int depth)
{
    volatile char frame[2048];

    frame[0] = (char)depth;
    if (depth == 1 << 20)
        return 0; /* 2 GiB of stack: there is no limit */
    return overflow(depth + 1) + frame[0];
}

int main(int argc, char **argv)
{
    CHECK(argc == 2 || argc == 3);
    void *place = argc == 3 ? place_named(argv[2]) : (void *)data_page;

    if (strcmp(argv[1], "stack_overflow") == 0)
        return overflow(0) | 1;
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        if (strcmp(argv[1], ops[i].name) == 0) {
            ops[i].run(place);
            check_fail(__FILE__, __LINE__, "still alive");
        }
    }
    say(2, "fault: unknown name\n");
    return 2;
}
