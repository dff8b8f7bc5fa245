/* SPDX-License-Identifier: MIT */
/*
 * What the processor said of a page fault reaches the handler: the error code and the trap number
 * of the signal's context, for reads and writes, with and without a page.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "tests/user/lib/check.h"

#define PRESENT 1
#define WRITE   2
#define USER    4

static sigjmp_buf back;
static volatile long error_seen, trap_seen, address_seen;

static void on_fault(int number, siginfo_t *info, void *context)
{
    const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;

    (void)number;
    (void)info;
    error_seen = registers[REG_ERR];
    trap_seen = registers[REG_TRAPNO];
    address_seen = registers[REG_CR2];
    siglongjmp(back, 1);
}

static void fault(char *page, int writes, long error)
{
    if (sigsetjmp(back, 1) == 0) {
        if (writes)
            *(volatile char *)page = 1;
        else
            (void)*(volatile char *)page;
        check_fail(__FILE__, __LINE__, "the access faults");
    }
    CHECK_EQ(trap_seen, 14);
    CHECK_EQ(error_seen, error);
    CHECK_EQ(address_seen, page);
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(page != MAP_FAILED);
    CHECK_OK(sigaction(SIGSEGV, &action, NULL));
    *page = 1;
    CHECK_OK(mprotect(page, 4096, PROT_READ));
    fault(page, 1, USER | WRITE | PRESENT);
    CHECK_OK(munmap(page, 4096));
    fault(page, 0, USER);
    fault(page, 1, USER | WRITE);
    return 0;
}
