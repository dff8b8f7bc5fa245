/* SPDX-License-Identifier: MIT */
/*
 * A chain of a hundred programs, each linked at another address, each executing the next. A link
 * knows where it has to be and what it has to find in its memory; the last one tells how many ran.
 * Tables of an earlier link that were still in use would lead to its code, or nowhere.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/start/exec_chain.h"

#define LINKS 100
#define PAGE  4096UL

/* Position-independent. Ends with 1 where it is not where it should be, 2 where its zeroes are not
 * zero, 3 where the next one could not be executed, 77 as the last. */
__asm__(".section .rodata\n"
        "link_begin:\n"
        "    leaq link_begin(%rip), %rax\n"
        "    movl $1, %edi\n"
        "    cmpq link_where(%rip), %rax\n"
        "    jne 1f\n"
        "    movl $2, %edi\n"
        "    movq %rax, %rbx\n"
        "    andq $-4096, %rbx\n"
        "    addq $4096, %rbx\n" /* the second page: memory without file */
        "    cmpq $0, 8(%rbx)\n"
        "    jne 1f\n"
        "    movq %rax, 8(%rbx)\n" /* for the next one to trip over */
        "    cmpq %rax, 8(%rbx)\n"
        "    jne 1f\n"
        "    movl $77, %edi\n"
        "    cmpq $0, link_last(%rip)\n"
        "    jne 1f\n"
        "    leaq link_path(%rip), %rdi\n"
        "    movq %rsp, %rsi\n"
        "    addq $8, %rsi\n"
        "    xorl %edx, %edx\n"
        "    movl $59, %eax\n" /* execve */
        "    syscall\n"
        "    movl $3, %edi\n"
        "1:  movl $60, %eax\n" /* exit */
        "    syscall\n"
        "    .balign 8\n"
        "link_where: .quad 0\n"
        "link_last: .quad 0\n"
        "link_path: .fill 32\n"
        "link_end:\n"
        ".text\n");

static void path_of(char *path, unsigned n)
{
    memcpy(path, "/tmp/chain/000", 15);
    path[11] = (char)('0' + n / 100);
    path[12] = (char)('0' + n / 10 % 10);
    path[13] = (char)('0' + n % 10);
}

/* All over user space: by twos in one table, in tables side by side, far away. */
static uint64_t address_of(unsigned n)
{
    static const uint64_t bases[] = {0x400000,     0x402000,       0x600000, 0x40000000,
                                     0x7000000000, 0x7e0000000000, 0x10000,  0x555555554000};

    return bases[n % 8] + n / 8 * 0x10000;
}

static void link_make(unsigned n)
{
    size_t code = (size_t)(link_end - link_begin);
    uint64_t base = address_of(n), where = base + 512, last = n == LINKS - 1;
    unsigned char file[1024] = {0};
    Elf64_Ehdr header = {
        .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_entry = where,
        .e_phoff = sizeof(header),
        .e_ehsize = sizeof(header),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 2,
    };
    Elf64_Phdr parts[2] = {
        {.p_type = PT_LOAD,
         .p_flags = PF_R | PF_X,
         .p_vaddr = base,
         .p_filesz = sizeof(file),
         .p_memsz = sizeof(file),
         .p_align = PAGE},
        {.p_type = PT_LOAD,
         .p_flags = PF_R | PF_W,
         .p_vaddr = base + PAGE,
         .p_memsz = PAGE,
         .p_align = PAGE},
    };
    char path[16];
    int fd;

    CHECK(512 + code <= sizeof(file));
    memcpy(file, &header, sizeof(header));
    memcpy(file + sizeof(header), parts, sizeof(parts));
    memcpy(file + 512, link_begin, code);
    memcpy(file + 512 + (link_where - link_begin), &where, sizeof(where));
    memcpy(file + 512 + (link_last - link_begin), &last, sizeof(last));
    path_of(path, n + 1);
    memcpy(file + 512 + (link_path - link_begin), path, sizeof(path));
    path_of(path, n);
    fd = (int)CHECK_OK(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755));
    CHECK_EQ(write(fd, file, sizeof(file)), sizeof(file));
    CHECK_OK(close(fd));
}

int main(void)
{
    char *const argv[] = {(char *)"link", NULL};
    char path[16];
    int status;
    pid_t pid;

    CHECK_OK(mkdir("/tmp/chain", 0755));
    for (unsigned n = 0; n < LINKS; n++)
        link_make(n);
    /* From a process with memory of its own, and from one that borrows its parent's. */
    for (unsigned i = 0; i < 2; i++) {
        path_of(path, 0);
        pid = (pid_t)CHECK_OK(i ? vfork() : fork());
        if (!pid) {
            execv(path, argv);
            _exit(4);
        }
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK_EQ(status, 77 << 8);
    }
    /* A link missing in the middle ends the chain there. */
    path_of(path, LINKS / 2);
    CHECK_OK(unlink(path));
    path_of(path, 0);
    pid = (pid_t)CHECK_OK(fork());
    if (!pid) {
        execv(path, argv);
        _exit(4);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 3 << 8);
    for (unsigned n = 0; n < LINKS; n++) {
        path_of(path, n);
        if (n != LINKS / 2)
            CHECK_OK(unlink(path));
    }
    CHECK_OK(rmdir("/tmp/chain"));
    return 0;
}
