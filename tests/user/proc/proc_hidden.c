/* SPDX-License-Identifier: MIT */
/*
 * /proc/self/environ shows memory of the program's own that it may read, and reading it changes
 * nothing for the program: a page that it may not touch stays one.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/procfs.h"

#define PAGE 4096UL
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)

static char stack[65536] __attribute__((aligned(16)));
static char text[65536];
static sigjmp_buf back;

static void on_fault(int signal)
{
    siglongjmp(back, signal);
}

static int fault_of(volatile char *p, bool write)
{
    int signal = sigsetjmp(back, 1);

    if (signal)
        return signal;
    if (write)
        *p = 1;
    else
        (void)*p;
    return 0;
}

/* The page of the first variable, with protections that it gets before it is ever touched. */
static void check_protections(char *page)
{
    static const struct {
        int prot, read, write;
        bool shown;
    } rows[] = {
        {PROT_NONE, SIGSEGV, SIGSEGV, false},
        {PROT_READ, 0, SIGSEGV, true},
        {PROT_WRITE, 0, 0, false},
        {PROT_READ | PROT_WRITE, 0, 0, true},
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK(mmap(page, PAGE, rows[i].prot, ANON, -1, 0) == page);
        CHECK_EQ(text_of("/proc/self/environ", text, sizeof(text)) > 0, rows[i].shown);
        CHECK(text_read("/proc/self/cmdline", text, sizeof(text)) >= 0);
        CHECK_EQ(fault_of(page, false), rows[i].read);
        CHECK_EQ(fault_of(page, true), rows[i].write);
    }
}

/* A page that was there before it was hidden. */
static void check_hidden(char *page, const char *copy, const char *variable)
{
    CHECK(mmap(page, PAGE, PROT_READ | PROT_WRITE, ANON, -1, 0) == page);
    memcpy(page, copy, PAGE);
    CHECK_OK(mprotect(page, PAGE, PROT_NONE));
    CHECK_EQ(text_of("/proc/self/environ", text, sizeof(text)), 0);
    CHECK_EQ(fault_of(page, false), SIGSEGV);
    CHECK_EQ(fault_of(page, true), SIGSEGV);
    CHECK_OK(mprotect(page, PAGE, PROT_READ));
    CHECK(text_of("/proc/self/environ", text, sizeof(text)) > 2 && !strcmp(text, variable));
    CHECK(!memcmp(page, copy, PAGE));
}

/* Nor are files read: another process could be made to wait for them. */
static void check_file(char *page)
{
    int fd = (int)CHECK_OK(open("/proc/self/exe", O_RDONLY));

    CHECK(mmap(page, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == page);
    CHECK_EQ(text_of("/proc/self/environ", text, sizeof(text)), 0);
    CHECK_OK(close(fd));
}

/* On a stack of its own: the first one's pages are taken away. */
static void run(int signal)
{
    char *page = (char *)((uintptr_t)environ[0] & -PAGE);
    static char copy[PAGE], variable[PAGE];

    (void)signal;
    memcpy(copy, page, PAGE);
    strncpy(variable, environ[0], PAGE - 1);
    check_protections(page);
    check_hidden(page, copy, variable);
    check_file(page);
    _exit(0);
}

int main(int argc, char **argv)
{
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction action = {.sa_handler = run, .sa_flags = SA_ONSTACK};
    struct sigaction fault = {.sa_handler = on_fault};
    static char name[] = "A=a variable that is read from outside", again[] = "again";
    char *const fresh[] = {name, NULL};

    if (argc == 1)
        CHECK_OK(execve(argv[0], (char *[]){argv[0], again, NULL}, fresh));
    CHECK_OK(sigaltstack(&alternate, NULL));
    CHECK_OK(sigaction(SIGSEGV, &fault, NULL));
    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
    CHECK_OK(raise(SIGUSR1));
    return 1;
}
