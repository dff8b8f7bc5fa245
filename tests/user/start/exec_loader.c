/* SPDX-License-Identifier: MIT */
/*
 * A program with a dynamic loader (PT_INTERP): both are in memory and apart, the loader runs first
 * and is told where it and the program lie; a loader that cannot be had is the error of execve.
 *
 * Program and loader are written here. They have the same layout, so that a loader which takes the
 * program's place covers all of it: headers, code at CODE, and a page of zeroes.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"
#include "tests/user/start/exec_loader.h"

#define PAGE    4096UL
#define CODE    512  /* where the code begins in each file */
#define PATH_AT 1024 /* and what PT_INTERP holds */
#define PROGRAM "/tmp/exec-loader-program"
#define LOADER  "/tmp/exec-loader-loader"
#define GOOD    77

/* Both are position-independent and end with a number that says what was wrong, the program with 77
 * if nothing was. The loader leaves AT_BASE, AT_ENTRY and AT_PHDR in r12 to r14. */
__asm__(".section .rodata\n"
        "loader_begin:\n"
        "    movq %rsp, %rsi\n"
        "1:  addq $8, %rsi\n" /* behind argc: arguments, */
        "    cmpq $0, (%rsi)\n"
        "    jne 1b\n"
        "2:  addq $8, %rsi\n" /* and environment */
        "    cmpq $0, (%rsi)\n"
        "    jne 2b\n"
        "    addq $8, %rsi\n"
        "3:  movq (%rsi), %rax\n"
        "    movq 8(%rsi), %rdx\n"
        "    addq $16, %rsi\n"
        "    cmpq $7, %rax\n" /* AT_BASE */
        "    cmoveq %rdx, %r12\n"
        "    cmpq $9, %rax\n" /* AT_ENTRY */
        "    cmoveq %rdx, %r13\n"
        "    cmpq $3, %rax\n" /* AT_PHDR */
        "    cmoveq %rdx, %r14\n"
        "    testq %rax, %rax\n"
        "    jne 3b\n"
        "    leaq loader_begin(%rip), %rbx\n"
        "    movl $11, %edi\n" /* 11: AT_BASE is not where the loader's file begins */
        "    leaq -512(%rbx), %rax\n"
        "    cmpq %rax, %r12\n"
        "    jne 9f\n"
        "    movl $12, %edi\n" /* 12: the program's entry is the loader's own */
        "    cmpq %rbx, %r13\n"
        "    je 9f\n"
        "    movl $13, %edi\n" /* 13: its zeroes are not zero */
        "    cmpq $0, 4096(%r12)\n"
        "    jne 9f\n"
        "    movq $1, 4096(%r12)\n" /* for the program to trip over */
        "    movl $0x10ad, %ebp\n"
        "    jmp *%r13\n"
        "9:  movl $60, %eax\n" /* exit */
        "    syscall\n"
        "loader_end:\n"
        "program_begin:\n"
        "    movl $21, %edi\n" /* 21: no loader ran before it */
        "    cmpl $0x10ad, %ebp\n"
        "    jne 9f\n"
        "    leaq program_begin(%rip), %rbx\n"
        "    movl $22, %edi\n" /* 22: AT_ENTRY is not here */
        "    cmpq %rbx, %r13\n"
        "    jne 9f\n"
        "    movl $23, %edi\n" /* 23: AT_PHDR is not where its headers are */
        "    leaq -448(%rbx), %rax\n"
        "    cmpq %rax, %r14\n"
        "    jne 9f\n"
        "    movl $24, %edi\n" /* 24: its zeroes are not zero */
        "    cmpq $0, 3584(%rbx)\n"
        "    jne 9f\n"
        "    movq $1, 3584(%rbx)\n"
        "    xorl %edi, %edi\n"
        "    movl $12, %eax\n" /* brk */
        "    syscall\n"
        "    movl $25, %edi\n" /* 25: the break does not lie between it and its loader */
        "    cmpq %rbx, %rax\n"
        "    jb 9f\n"
        "    cmpq %r12, %rax\n"
        "    ja 9f\n"
        "    movl $77, %edi\n"
        "9:  movl $60, %eax\n"
        "    syscall\n"
        "program_end:\n"
        /* A loader that ends with how far, in units of 64 KiB, its file lies above AT_BASE. */
        "base_begin:\n"
        "    movq %rsp, %rsi\n"
        "1:  addq $8, %rsi\n"
        "    cmpq $0, (%rsi)\n"
        "    jne 1b\n"
        "2:  addq $8, %rsi\n"
        "    cmpq $0, (%rsi)\n"
        "    jne 2b\n"
        "    addq $8, %rsi\n"
        "3:  cmpq $7, (%rsi)\n" /* AT_BASE: there is one */
        "    leaq 16(%rsi), %rsi\n"
        "    jne 3b\n"
        "    leaq base_begin(%rip), %rdi\n"
        "    subq $512, %rdi\n"
        "    subq -8(%rsi), %rdi\n"
        "    shrq $16, %rdi\n"
        "    movl $60, %eax\n"
        "    syscall\n"
        "base_end:\n"
        ".text\n");

struct image {
    Elf64_Ehdr header;
    Elf64_Phdr parts[3]; /* the last is PT_INTERP */
};
_Static_assert(sizeof(struct image) <= CODE, "the code lies behind it");

static void file_write(const char *path, const void *bytes, size_t nbytes, int mode)
{
    int fd = (int)CHECK_OK(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755));

    CHECK_EQ(write(fd, bytes, nbytes), nbytes);
    CHECK_OK(fchmod(fd, (mode_t)mode));
    CHECK_OK(close(fd));
}

/* interp: what PT_INTERP holds, nbytes of it; 0: there is none. */
static void image_write_as(const char *path, uint16_t type, uint64_t base, const char *code,
                           const char *code_end, const char *interp, size_t nbytes)
{
    char file[PATH_AT + PATH_MAX + 1] = {0};
    struct image image = {
        .header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                   .e_type = type,
                   .e_machine = EM_X86_64,
                   .e_version = EV_CURRENT,
                   .e_entry = base + CODE,
                   .e_phoff = sizeof(Elf64_Ehdr),
                   .e_ehsize = sizeof(Elf64_Ehdr),
                   .e_phentsize = sizeof(Elf64_Phdr),
                   .e_phnum = nbytes ? 3 : 2},
        .parts = {{.p_type = PT_LOAD,
                   .p_flags = PF_R | PF_X,
                   .p_vaddr = base,
                   .p_filesz = PATH_AT,
                   .p_memsz = PATH_AT,
                   .p_align = PAGE},
                  {.p_type = PT_LOAD,
                   .p_flags = PF_R | PF_W,
                   .p_vaddr = base + PAGE,
                   .p_memsz = PAGE,
                   .p_align = PAGE},
                  {.p_type = PT_INTERP,
                   .p_flags = PF_R,
                   .p_offset = PATH_AT,
                   .p_filesz = nbytes,
                   .p_memsz = nbytes}},
    };

    memcpy(file, &image, sizeof(image));
    CHECK(code + PATH_AT - CODE >= code_end && PATH_AT + nbytes <= sizeof(file));
    memcpy(file + CODE, code, (size_t)(code_end - code));
    memcpy(file + PATH_AT, interp, nbytes);
    file_write(path, file, sizeof(file), 0755);
}

/* With a base it lies there, else where the kernel puts it. */
static void image_write(const char *path, uint64_t base, const char *code, const char *code_end,
                        const char *interp, size_t nbytes)
{
    image_write_as(path, base ? ET_EXEC : ET_DYN, base, code, code_end, interp, nbytes);
}

static void program_write(uint64_t base, const char *interp, size_t nbytes)
{
    image_write(PROGRAM, base, program_begin, program_end, interp, nbytes);
}

/* The program's status, or 100 more than the error of execve. */
static int run(void)
{
    char *const argv[] = {(char *)"program", (char *)"word", NULL};
    char *const envp[] = {(char *)"A=b", (char *)"C=d", NULL};
    pid_t pid = (pid_t)CHECK_OK(fork());
    int status;

    if (!pid) {
        execve(PROGRAM, argv, envp);
        _exit(100 + errno);
    }
    status = child_end(pid);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Wherever the program lies: at its own place, or where the kernel puts it. */
static void check_runs(void)
{
    static const uint64_t bases[] = {0x400000, 0, 0x10000000};

    image_write(LOADER, 0, loader_begin, loader_end, "", 0);
    for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        program_write(bases[i], LOADER, sizeof(LOADER));
        CHECK_EQ(run(), GOOD);
    }
    /* The loader is found by its name, from the directory that the caller is in. */
    CHECK_OK(chdir("/tmp"));
    program_write(0, strrchr(LOADER, '/') + 1, strlen(strrchr(LOADER, '/')));
    CHECK_EQ(run(), GOOD);
    CHECK_OK(chdir("/"));
    program_write(0, "", 0);
    CHECK_EQ(run(), 21);
}

/* AT_BASE is what was added to the loader's addresses: nothing where it has a place of its own. */
static void check_base(void)
{
    static const struct {
        uint16_t type;
        uint64_t base;
    } loaders[] = {{ET_DYN, 0}, {ET_DYN, 0x220000}, {ET_EXEC, 0x700000}};

    program_write(0x400000, LOADER, sizeof(LOADER));
    for (size_t i = 0; i < sizeof(loaders) / sizeof(loaders[0]); i++) {
        image_write_as(LOADER, loaders[i].type, loaders[i].base, base_begin, base_end, "", 0);
        CHECK_EQ(run(), loaders[i].base >> 16);
    }
}

/* Paths of up to PATH_MAX bytes, with their NUL, are walked like others. */
static void check_long_path(void)
{
    static char path[PATH_MAX + 1];

    image_write(LOADER, 0, loader_begin, loader_end, "", 0);
    for (size_t nbytes = 255; nbytes <= PATH_MAX; nbytes = nbytes < 260 ? nbytes + 1 : nbytes * 2) {
        memset(path, '/', nbytes);
        memcpy(path + nbytes - sizeof(LOADER), LOADER, sizeof(LOADER));
        program_write(0, path, nbytes);
        CHECK_EQ(run(), GOOD);
    }
    memset(path, '/', PATH_MAX);
    memcpy(path + PATH_MAX - sizeof(LOADER), LOADER, sizeof(LOADER));
    program_write(0, path, PATH_MAX);
    CHECK_EQ(run(), GOOD);
    memset(path, 'x', PATH_MAX);
    path[300] = 0;
    program_write(0, path, 301); /* a name that no directory can have */
    CHECK_EQ(run(), 100 + ENAMETOOLONG);
    path[300] = 'x';
    program_write(0, path, PATH_MAX + 1);
    CHECK_EQ(run(), 100 + ENOEXEC);
}

static void check_refused(void)
{
    static char page[PAGE];

    program_write(0, LOADER, sizeof(LOADER));
    file_write(LOADER, page, sizeof(page), 0755);
    CHECK_EQ(run(), 100 + ELIBBAD);
    CHECK_OK(truncate(LOADER, sizeof(Elf64_Ehdr)));
    CHECK_EQ(run(), 100 + ELIBBAD);
    CHECK_OK(truncate(LOADER, sizeof(Elf64_Ehdr) - 1));
    CHECK_EQ(run(), 100 + EIO);
    CHECK_OK(chmod(LOADER, 0644));
    CHECK_EQ(run(), 100 + EACCES);
    CHECK_OK(unlink(LOADER));
    CHECK_EQ(run(), 100 + ENOENT);
    CHECK_OK(mkdir(LOADER, 0755));
    CHECK_EQ(run(), 100 + EACCES);
    CHECK_OK(rmdir(LOADER));
    program_write(0, PROGRAM "/x", sizeof(PROGRAM "/x"));
    CHECK_EQ(run(), 100 + ENOTDIR);
    program_write(0, LOADER, sizeof(LOADER) - 1); /* without its NUL */
    CHECK_EQ(run(), 100 + ENOEXEC);
}

int main(void)
{
    check_runs();
    check_base();
    check_long_path();
    check_refused();
    CHECK_OK(unlink(PROGRAM));
    return 0;
}
