/* SPDX-License-Identifier: MIT */
/* A file is not written to while it runs, and does not run while somebody may write to it. */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/copy.h"

#define LIST(...) ((char *const *)(const char *const[]){__VA_ARGS__, NULL})
#define EMPTY     ((char *const *)(const char *const[]){NULL})
#define COPY      "/tmp/exec-busy"
#define SCRIPT    "/tmp/exec-busy-script"
#define LINKED    "/tmp/exec-busy-linked"
#define LOADER    "/tmp/exec-busy-loader"

static int ends[2]; /* closing the second ends what runs */

/* What runs says so, and ends when the pipe on its input does. */
static int run(void)
{
    char byte;

    CHECK_EQ(write(1, "r", 1), 1);
    CHECK_EQ(read(0, &byte, 1), 0);
    return 6;
}

/* Starts the program with that word and waits until it runs. */
static pid_t start_with(const char *path, const char *word)
{
    int said[2];
    char byte;
    pid_t pid;

    CHECK_OK(pipe2(ends, O_CLOEXEC));
    CHECK_OK(pipe2(said, O_CLOEXEC));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(dup2(ends[0], 0));
        CHECK_OK(dup2(said[1], 1));
        execve(path, LIST(path, word), EMPTY);
        _exit(errno);
    }
    CHECK_OK(close(ends[0]));
    CHECK_OK(close(said[1]));
    CHECK_EQ(read(said[0], &byte, 1), 1);
    CHECK_OK(close(said[0]));
    return pid;
}

static pid_t start(const char *path)
{
    return start_with(path, "run");
}

static void finish(pid_t pid)
{
    int status;

    CHECK_OK(close(ends[1]));
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 6 << 8);
}

static void writable(const char *path)
{
    CHECK_OK(close((int)CHECK_OK(open(path, O_WRONLY))));
    CHECK_OK(close((int)CHECK_OK(open(path, O_RDWR | O_APPEND))));
}

static void not_writable(const char *path)
{
    CHECK_ERR(open(path, O_WRONLY), ETXTBSY);
    CHECK_ERR(open(path, O_RDWR), ETXTBSY);
    CHECK_ERR(open(path, O_RDWR | O_CREAT | O_TRUNC, 0700), ETXTBSY);
    CHECK_ERR(open(path, O_RDONLY | O_TRUNC), ETXTBSY);
    CHECK_ERR(truncate(path, 10), ETXTBSY);
}

/* Everything but writing is possible. */
static void while_it_runs(void)
{
    pid_t pid = start(COPY), second;
    int first_end = ends[1];
    struct stat status;

    not_writable(COPY);
    CHECK_OK(stat(COPY, &status));
    CHECK(status.st_size > 1000);
    CHECK_OK(close((int)CHECK_OK(open(COPY, O_RDONLY))));
    CHECK_OK(close((int)CHECK_OK(open(COPY, O_PATH))));
    CHECK_OK(close((int)CHECK_OK(open(COPY, O_ACCMODE)))); /* for neither: ioctl alone */
    CHECK_ERR(open(COPY, O_WRONLY | O_CREAT | O_EXCL, 0700), EEXIST);
    CHECK_OK(chmod(COPY, 0755));
    CHECK_OK(rename(COPY, LINKED));
    not_writable(LINKED);
    CHECK_OK(rename(LINKED, COPY));
    second = start(COPY); /* another one may run it, too */
    finish(second);
    not_writable(COPY);
    ends[1] = first_end;
    finish(pid);
    writable(COPY);
}

/* A child of fork runs the same program. */
static int fork_and_end(void)
{
    pid_t parent = getpid(), pid = (pid_t)CHECK_OK(fork());

    if (pid)
        _exit(0);
    while (getppid() == parent)
        usleep(1000);
    return run();
}

static void by_fork(void)
{
    int said[2], status;
    char byte;
    pid_t pid;

    CHECK_OK(pipe2(ends, O_CLOEXEC));
    CHECK_OK(pipe2(said, O_CLOEXEC));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(dup2(ends[0], 0));
        CHECK_OK(dup2(said[1], 1));
        execve(COPY, LIST(COPY, "fork"), EMPTY);
        _exit(127);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK_OK(close(said[1]));
    CHECK_EQ(read(said[0], &byte, 1), 1);
    not_writable(COPY);
    CHECK_OK(close(ends[0]));
    CHECK_OK(close(ends[1]));
    CHECK_EQ(read(said[0], &byte, 1), 0);
    CHECK_OK(close(said[0]));
}

/* A program that becomes another one lets its file go; its own file it cannot write to. */
static int become(const char *self)
{
    not_writable(COPY);
    execve(self, LIST(self, "run"), EMPTY);
    return 127;
}

static void by_exec(const char *self)
{
    pid_t pid = start_with(COPY, self);

    writable(COPY);
    finish(pid);
}

static int exec_errno(const char *path)
{
    pid_t pid = (pid_t)CHECK_OK(fork());
    int status;

    if (pid == 0) {
        execve(path, LIST(path, "nothing"), EMPTY);
        _exit(errno);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void while_it_is_written(void)
{
    int fd = (int)CHECK_OK(open(COPY, O_WRONLY)), second;
    pid_t pid;

    CHECK_EQ(exec_errno(COPY), ETXTBSY);
    second = (int)CHECK_OK(open(COPY, O_RDWR));
    CHECK_OK(close(fd));
    CHECK_EQ(exec_errno(COPY), ETXTBSY);
    CHECK_OK(close(second));
    CHECK_EQ(exec_errno(COPY), 5);
    /* A descriptor that somebody has inherited counts. */
    fd = (int)CHECK_OK(open(COPY, O_WRONLY));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        pause();
        _exit(0);
    }
    CHECK_OK(close(fd));
    CHECK_EQ(exec_errno(COPY), ETXTBSY);
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    CHECK_EQ(exec_errno(COPY), 5);
    /* Reading does not. */
    fd = (int)CHECK_OK(open(COPY, O_RDONLY));
    CHECK_EQ(exec_errno(COPY), 5);
    CHECK_OK(close(fd));
}

/* A mapping through which the file may be written outlives its descriptor. */
static void while_it_is_mapped(void)
{
    int fd = (int)CHECK_OK(open(COPY, O_RDWR));
    char *shared = mmap(NULL, 3 * 4096, PROT_READ, MAP_SHARED, fd, 0);

    CHECK(shared != MAP_FAILED);
    CHECK_OK(close(fd));
    CHECK_EQ(exec_errno(COPY), ETXTBSY);
    CHECK_OK(munmap(shared + 4096, 4096)); /* two mappings now */
    CHECK_OK(munmap(shared, 4096));
    CHECK_EQ(exec_errno(COPY), ETXTBSY);
    CHECK_OK(munmap(shared + 2 * 4096, 4096));
    CHECK_EQ(exec_errno(COPY), 5);
    fd = (int)CHECK_OK(open(COPY, O_RDONLY));
    shared = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    CHECK(shared != MAP_FAILED);
    CHECK_OK(close(fd));
    CHECK_EQ(exec_errno(COPY), 5);
    CHECK_OK(munmap(shared, 4096));
}

/* A script does not start while it is written, but it is a file like any other once its interpreter
 * runs, which is not. */
static void script(void)
{
    static const char text[] = "#!" COPY " run\n";
    int fd;
    pid_t pid;

    program_make(SCRIPT, text, sizeof(text) - 1);
    fd = (int)CHECK_OK(open(SCRIPT, O_WRONLY));
    CHECK_EQ(exec_errno(SCRIPT), ETXTBSY);
    CHECK_OK(close(fd));
    fd = (int)CHECK_OK(open(COPY, O_WRONLY));
    CHECK_EQ(exec_errno(SCRIPT), ETXTBSY);
    CHECK_OK(close(fd));
    pid = start(SCRIPT);
    writable(SCRIPT);
    not_writable(COPY);
    finish(pid);
    writable(COPY);
    CHECK_OK(unlink(SCRIPT));
}

/* The dynamic loader must not be written while it is being mapped. */
static void loader(void)
{
    struct {
        Elf64_Ehdr header;
        Elf64_Phdr load, interp;
        char path[sizeof(LOADER)];
    } linked = {
        .header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
                               EV_CURRENT},
                   .e_type = ET_EXEC,
                   .e_machine = EM_X86_64,
                   .e_version = EV_CURRENT,
                   .e_entry = 0x400000,
                   .e_phoff = sizeof(Elf64_Ehdr),
                   .e_ehsize = sizeof(Elf64_Ehdr),
                   .e_phentsize = sizeof(Elf64_Phdr),
                   .e_phnum = 2},
        .load = {.p_type = PT_LOAD,
                 .p_flags = PF_R | PF_X,
                 .p_vaddr = 0x400000,
                 .p_filesz = sizeof(linked),
                 .p_memsz = sizeof(linked),
                 .p_align = 4096},
        .interp = {.p_type = PT_INTERP,
                   .p_offset = offsetof(__typeof__(linked), path),
                   .p_filesz = sizeof(LOADER),
                   .p_memsz = sizeof(LOADER)},
        .path = LOADER,
    };
    static const char text[200] = "no loader";
    int fd;

    program_make(LINKED, &linked, sizeof(linked));
    program_make(LOADER, text, sizeof(text));
    CHECK_EQ(exec_errno(LINKED), ELIBBAD);
    fd = (int)CHECK_OK(open(LOADER, O_WRONLY));
    CHECK_EQ(exec_errno(LINKED), ETXTBSY);
    CHECK_OK(close(fd));
    writable(LOADER);
    writable(LINKED); /* a start that failed leaves nothing behind */
    CHECK_OK(unlink(LOADER));
    CHECK_OK(unlink(LINKED));
}

int main(int argc, char **argv)
{
    static char path[4096];
    const char *self = argv[0][0] == '/' ? argv[0] : realpath(argv[0], path);

    if (argc > 1 && strcmp(argv[1], "run") == 0)
        return run();
    if (argc == 2 && strcmp(argv[1], "fork") == 0)
        return fork_and_end();
    if (argc == 2 && strcmp(argv[1], "nothing") == 0)
        return 5;
    if (argc == 2)
        return become(argv[1]);
    program_copy(self, COPY);
    while_it_runs();
    by_fork();
    by_exec(self);
    while_it_is_written();
    while_it_is_mapped();
    script();
    loader();
    CHECK_OK(unlink(COPY));
    return 0;
}
