/* SPDX-License-Identifier: MIT */
/*
 * start WORD "two words" - the state in which a program starts
 *
 * Registers, flags and FPU as the System V ABI and Linux give them; argc, argv, envp and the
 * auxiliary vector in memory above the stack pointer.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/first.h"

#define CPUID_MTRR  (1u << 12) /* leaf 1, EDX */
#define FLAGS_FIXED 0x202      /* IF and the bit that is always set */

static void check_registers(void)
{
    const struct first_state *s = &first_state;

    CHECK_EQ(s->rsp % 16, 0);
    CHECK_EQ(s->rdx, 0); /* the ABI: a function for atexit, or 0 */
    CHECK_EQ(s->rax | s->rbx | s->rcx | s->rsi | s->rdi | s->rbp, 0);
    CHECK_EQ(s->r8 | s->r9 | s->r10 | s->r11 | s->r12 | s->r13 | s->r14 | s->r15, 0);
    CHECK_EQ(s->rflags, FLAGS_FIXED);
}

static void check_fpu(void)
{
    const struct first_state *s = &first_state;

    CHECK_EQ(s->fx.fcw, 0x37f);
    CHECK_EQ(s->fx.fsw, 0);
    CHECK_EQ(s->fx.ftw, 0); /* abridged: all eight empty */
    CHECK_EQ(s->fx.mxcsr, 0x1f80);
    CHECK(bytes_are(s->fx.st, 0, sizeof(s->fx.st)));
    CHECK(bytes_are(s->fx.xmm, 0, sizeof(s->fx.xmm)));
}

static void check_argv(int argc, char **argv)
{
    CHECK_EQ(argc, 3);
    CHECK(strcmp(argv[0], "/bin/t/start") == 0);
    CHECK(strcmp(argv[1], "WORD") == 0);
    CHECK(strcmp(argv[2], "two words") == 0);
    CHECK(argv[3] == NULL);
    CHECK_EQ(*(uint64_t *)first_state.rsp, 3);
    CHECK((char **)first_state.rsp + 1 == argv);
    CHECK(argv + 4 == environ);
    /* The strings lie one behind the other, in order; setproctitle and others rely on it. */
    CHECK(argv[0] + strlen(argv[0]) + 1 == argv[1]);
    CHECK(argv[1] + strlen(argv[1]) + 1 == argv[2]);
    CHECK(argv[2] + strlen(argv[2]) + 1 == environ[0]);
    CHECK((uintptr_t)argv[0] > first_state.rsp);
}

static const char *env_value(const char *name)
{
    size_t length = strlen(name);

    for (char **e = environ; *e; e++) {
        if (strncmp(*e, name, length) == 0 && (*e)[length] == '=')
            return *e + length + 1;
    }
    check_fail(__FILE__, __LINE__, name);
}

static void check_environment(void)
{
    CHECK(strcmp(env_value("PATH"), "/bin:/sbin:/usr/bin:/usr/sbin") == 0);
    CHECK(strcmp(env_value("HOME"), "/") == 0);
}

/* The vector as it lies in memory: behind the environment, each type once, ended by AT_NULL. */
static const ElfW(auxv_t) * auxv_find(uint64_t type)
{
    char **e = environ;
    const ElfW(auxv_t) *found = NULL;

    while (*e)
        e++;
    for (const ElfW(auxv_t) *a = (const ElfW(auxv_t) *)(e + 1); a->a_type != AT_NULL; a++) {
        if (a->a_type == type) {
            CHECK(found == NULL);
            found = a;
        }
    }
    return found;
}

static uint64_t auxv_value(uint64_t type)
{
    const ElfW(auxv_t) *a = auxv_find(type);

    if (!a) {
        say(2, "missing in the auxiliary vector: ");
        say_number(2, (long)type);
        check_fail(__FILE__, __LINE__, "");
    }
    CHECK_EQ(getauxval(type), a->a_un.a_val);
    return a->a_un.a_val;
}

static void check_program_headers(void)
{
    const ElfW(Ehdr) *file = (const void *)__ehdr_start;
    const ElfW(Phdr) *ph = (const void *)auxv_value(AT_PHDR);

    CHECK((const char *)ph == __ehdr_start + file->e_phoff);
    CHECK_EQ(auxv_value(AT_PHENT), sizeof(ElfW(Phdr)));
    CHECK_EQ(auxv_value(AT_PHNUM), file->e_phnum);
    CHECK_EQ(auxv_value(AT_ENTRY), &first_start);
    CHECK_EQ(auxv_value(AT_BASE), 0); /* no interpreter */
    CHECK_EQ(auxv_value(AT_FLAGS), 0);
}

static void check_identity(void)
{
    CHECK_EQ(auxv_value(AT_UID), getuid());
    CHECK_EQ(auxv_value(AT_EUID), geteuid());
    CHECK_EQ(auxv_value(AT_GID), getgid());
    CHECK_EQ(auxv_value(AT_EGID), getegid());
    CHECK_EQ(auxv_value(AT_SECURE), 0);
}

static void check_machine(void)
{
    uint32_t eax = 1, ebx, ecx, edx;

    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
    /* Linux takes away what it does not use: MTRRs under a hypervisor without them. */
    CHECK_EQ(auxv_value(AT_HWCAP) | CPUID_MTRR, edx | CPUID_MTRR);
    CHECK_EQ(auxv_value(AT_PAGESZ), 4096);
    CHECK_EQ(auxv_value(AT_CLKTCK), 100);
    CHECK(strcmp((const char *)auxv_value(AT_PLATFORM), "x86_64") == 0);
    CHECK(strcmp((const char *)auxv_value(AT_EXECFN), "/bin/t/start") == 0);
    /* Sixteen bytes for stack protectors and hash seeds; all equal would be none at all. */
    const unsigned char *random = (const unsigned char *)auxv_value(AT_RANDOM);
    CHECK(!bytes_are(random, random[0], 16));
}

int main(int argc, char **argv)
{
    check_registers();
    check_fpu();
    check_argv(argc, argv);
    check_environment();
    check_program_headers();
    check_identity();
    check_machine();
    return 0;
}
