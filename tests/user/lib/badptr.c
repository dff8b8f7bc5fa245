/* SPDX-License-Identifier: MIT */
/* Tries a table of pointer arguments with every kind of wrong address. */
#define _GNU_SOURCE
#include "tests/user/lib/badptr.h"

#include <string.h>
#include <sys/mman.h>

#include "tests/user/lib/check.h"

#define PAGE 4096UL

static char *hole;      /* unmapped page behind two mapped ones */
static char *no_access; /* PROT_NONE */
static char *read_only;
static long failures;

static void make_places(void)
{
    char *p = mmap(NULL, 6 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(p != MAP_FAILED);
    memset(p, 'x', 6 * PAGE);
    hole = p + 2 * PAGE;
    CHECK_OK(munmap(hole, PAGE));
    no_access = p + 3 * PAGE;
    CHECK_OK(mprotect(no_access, PAGE, PROT_NONE));
    read_only = p + 4 * PAGE;
    CHECK_OK(mprotect(read_only, PAGE, PROT_READ));
}

static void complain(const struct badptr_row *row, unsigned long address, long got)
{
    say(2, row->name);
    say(2, " argument ");
    say_number(2, row->which);
    say(2, " = ");
    say_hex(2, address);
    say(2, ": got ");
    say_number(2, got);
    say(2, "\n");
    failures++;
}

static void try_address(const struct badptr_row *row, unsigned long address)
{
    long want = row->error ? -row->error : -EFAULT;
    long a[6];

    memset(hole - PAGE, 'x', PAGE); /* no NUL in it, whatever an earlier call has written there */
    memcpy(a, row->args, sizeof(a));
    a[row->which] = (long)address;
    long got = raw_call(row->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (got != want)
        complain(row, address, got);
}

/* Objects that begin well and end in nothing. */
static void try_straddling(const struct badptr_row *row)
{
    size_t size = row->kind == BADPTR_STRING ? 64 : row->size;

    for (size_t inside = 1; inside < size && inside <= 16; inside++)
        try_address(row, (unsigned long)(hole - inside));
    if (size > 16)
        try_address(row, (unsigned long)(hole - (size - 1)));
}

static void try_row(const struct badptr_row *row)
{
    static const unsigned long never[] = {
        8,
        0xfff,
        0x7ffffffff000,     /* the first address that is not user space */
        0x7ffffffffff8,     /* the last canonical ones */
        0x800000000000,     /* non-canonical, the top 16 bits zero */
        0x8000000000000000, /* non-canonical */
        0xffff7fffffffffff,
        0xffff800000000000, /* the kernel's half */
        0xffff888000000000,
        0xffffc00000000000,
        0xffffffff80000000,
        0xffffffff81000000,
        0xfffffffffffff000,
        0xfffffffffffffff8, /* wraps around when the size is added */
    };

    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        try_address(row, never[i]);
    if (!row->null_ok)
        try_address(row, 0);
    try_address(row, (unsigned long)hole);
    try_address(row, (unsigned long)no_access);
    if (row->kind == BADPTR_OUT) {
        try_address(row, (unsigned long)read_only);
        try_address(row, (unsigned long)(uintptr_t)&badptr_try_all); /* text */
        if (!bytes_are(read_only, 'x', PAGE))
            complain(row, (unsigned long)read_only, 0);
    }
    try_straddling(row);
}

void badptr_try_all(const struct badptr_row *rows, size_t nrows)
{
    make_places();
    for (size_t i = 0; i < nrows; i++)
        try_row(&rows[i]);
    CHECK_EQ(failures, 0);
}
