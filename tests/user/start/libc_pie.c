/* SPDX-License-Identifier: MIT */
/*
 * A position-independent program that relocates itself: pointers in data, in read-only data that
 * is protected after relocation, and to functions. Linked with musl and with glibc.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

static int target = 99;
static int *const fixed = &target; /* in the part that becomes read-only */
static int *moving = &target;
static const char *const names[] = {"zero", "one", "two"};

static int twice(int x)
{
    return 2 * x;
}

static int (*const operation)(int) = twice;

int main(void)
{
    uintptr_t here = (uintptr_t)&main;

    if (*fixed != 99 || *moving != 99 || operation(21) != 42 || strcmp(names[2], "two") != 0)
        return 1;
    /* Everything of one program lies together, and its headers are where the kernel says. */
    const Elf64_Phdr *ph = (const Elf64_Phdr *)getauxval(AT_PHDR);
    uintptr_t base = 0;
    for (unsigned long i = 0; i < getauxval(AT_PHNUM); i++) {
        if (ph[i].p_type == PT_PHDR)
            base = (uintptr_t)ph - ph[i].p_vaddr;
    }
    if (base == 0)
        base = (uintptr_t)ph & ~4095UL; /* no PT_PHDR: the headers begin the first page */
    if (base < 0x10000 || base % 4096 != 0 || here < base || here - base > 16 << 20)
        return 2;
    if (getauxval(AT_ENTRY) < base || getauxval(AT_ENTRY) - base > 16 << 20)
        return 3;
    if (getauxval(AT_BASE) != 0)
        return 4;
    printf("pie: relocated\n");
    return 0;
}
