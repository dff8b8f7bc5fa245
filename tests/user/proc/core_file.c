/* SPDX-License-Identifier: MIT */
/* core_file: what a program that a signal ends leaves behind, where, and when nothing at all. */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/procfs.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/child.h"

#define DIRECTORY "/tmp/core-file"
#define PATTERN   "/proc/sys/kernel/core_pattern"
#define USES_PID  "/proc/sys/kernel/core_uses_pid"
#define FILTER    "/proc/self/coredump_filter"
#define THREADS   3
#define SPARSE    (1ULL << 40)
#define ROOM      (4 << 20)

static volatile int ready;
static char bytes[ROOM];
static char *mapping; /* a page of it is written to, the rest is not there */

static void text_write(const char *path, const char *text)
{
    int fd = (int)CHECK_OK(open(path, O_WRONLY));

    CHECK_EQ(write(fd, text, strlen(text)), (long)strlen(text));
    CHECK_OK(close(fd));
}

static void text_expect(const char *path, const char *text)
{
    char got[200] = "";
    int fd = (int)CHECK_OK(open(path, O_RDONLY));

    CHECK(read(fd, got, sizeof(got) - 1) >= 0);
    CHECK_OK(close(fd));
    CHECK_EQ(strcmp(got, text), 0);
}

static void limit_set(unsigned long nbytes)
{
    struct rlimit limit = {nbytes, RLIM_INFINITY};

    CHECK_OK(getrlimit(RLIMIT_CORE, &limit));
    limit.rlim_cur = nbytes;
    CHECK_OK(setrlimit(RLIMIT_CORE, &limit));
}

static void *wait_here(void *argument)
{
    __atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
    for (;;)
        pause();
    return argument;
}

static void threads_start(void)
{
    pthread_t thread;

    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&thread, NULL, wait_here, NULL), 0);
    while (ready < THREADS)
        sched_yield();
}

static void abort_with_threads(void)
{
    mapping = mmap(NULL, SPARSE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(mapping != MAP_FAILED);
    threads_start();
    raise(SIGABRT);
}

/* The file of that name, whole; its size. */
static size_t file_read(const char *name)
{
    int fd = (int)CHECK_OK(open(name, O_RDONLY | O_NOFOLLOW));
    size_t size = 0;
    ssize_t got;

    while ((got = read(fd, bytes + size, sizeof(bytes) - size)) > 0)
        size += (size_t)got;
    CHECK_EQ(got, 0);
    CHECK_OK(close(fd));
    return size;
}

static int child_dumped(void (*function)(void))
{
    int status = child_status(function);

    CHECK(WIFSIGNALED(status));
    return WCOREDUMP(status) != 0;
}

/* ---- contents ---- */

struct notes {
    int status, program, info, auxv, files, fpu, xstate;
    long first_pid;
};

static void notes_count(const char *at, size_t nbytes, struct notes *notes)
{
    const char *end = at + nbytes;

    memset(notes, 0, sizeof(*notes));
    while (at < end) {
        const Elf64_Nhdr *head = (const void *)at;
        const char *data = at + sizeof(*head) + ((head->n_namesz + 3) & ~3u);

        CHECK(data + head->n_descsz <= end);
        switch (head->n_type) {
        case NT_PRSTATUS:
            CHECK_EQ(head->n_descsz, sizeof(struct elf_prstatus));
            if (notes->status++ == 0)
                notes->first_pid = ((const struct elf_prstatus *)(const void *)data)->pr_pid;
            CHECK_EQ(((const struct elf_prstatus *)(const void *)data)->pr_cursig, SIGABRT);
            break;
        case NT_PRPSINFO:
            CHECK_EQ(head->n_descsz, sizeof(struct elf_prpsinfo));
            notes->program++;
            break;
        case NT_SIGINFO:
            CHECK_EQ(((const siginfo_t *)(const void *)data)->si_signo, SIGABRT);
            notes->info++;
            break;
        case NT_AUXV:
            notes->auxv++;
            break;
        case NT_FILE:
            notes->files++;
            break;
        case NT_PRFPREG:
            CHECK_EQ(head->n_descsz, 512);
            notes->fpu++;
            break;
        case NT_X86_XSTATE:
            notes->xstate++;
            break;
        default:
            break;
        }
        at = data + ((head->n_descsz + 3) & ~3u);
    }
}

/* The byte at an address of the dead program; -1: not in the file. */
static int byte_at(size_t size, unsigned long address)
{
    const Elf64_Ehdr *elf = (const void *)bytes;
    const Elf64_Phdr *segment = (const void *)(bytes + elf->e_phoff);

    for (int i = 0; i < elf->e_phnum; i++, segment++) {
        if (segment->p_type != PT_LOAD || address < segment->p_vaddr ||
            address >= segment->p_vaddr + segment->p_filesz)
            continue;
        address = segment->p_offset + (address - segment->p_vaddr);
        CHECK(address < size);
        return (unsigned char)bytes[address];
    }
    return -1;
}

static const char constant[] = "never written";
static char variable[] = "variable";

static void contents_are_whole(void)
{
    const Elf64_Ehdr *elf = (const void *)bytes;
    const Elf64_Phdr *segment;
    struct notes notes;
    siginfo_t info;
    size_t size;
    pid_t pid;

    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        variable[0] = 'V';
        abort_with_threads();
    }
    CHECK_OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
    CHECK_EQ(info.si_code, CLD_DUMPED);
    CHECK_EQ(info.si_status, SIGABRT);
    CHECK(WCOREDUMP(child_end(pid)));
    size = file_read("core");
    CHECK_EQ(memcmp(elf->e_ident, ELFMAG, SELFMAG), 0);
    CHECK_EQ(elf->e_type, ET_CORE);
    segment = (const void *)(bytes + elf->e_phoff);
    CHECK_EQ(segment->p_type, PT_NOTE);
    notes_count(bytes + segment->p_offset, segment->p_filesz, &notes);
    CHECK_EQ(notes.status, THREADS + 1);
    CHECK_EQ(notes.first_pid, pid);
    CHECK_EQ(notes.fpu, THREADS + 1);
    CHECK(notes.xstate == THREADS + 1 || notes.xstate == 0);
    CHECK_EQ(notes.program, 1);
    CHECK_EQ(notes.info, 1);
    CHECK_EQ(notes.auxv, 1);
    CHECK_EQ(notes.files, 1);
    CHECK_EQ(byte_at(size, (unsigned long)variable), 'V');
    CHECK_EQ(byte_at(size, (unsigned long)constant), -1);
    CHECK_OK(unlink("core"));
    /* With the file's pages. */
    text_expect(FILTER, "00000033\n");
    text_write(FILTER, "0x7\n");
    text_expect(FILTER, "00000007\n");
    CHECK(child_dumped(abort_with_threads));
    size = file_read("core");
    CHECK_EQ(byte_at(size, (unsigned long)constant), 'n');
    text_write(FILTER, "51"); /* as it was */
    text_expect(FILTER, "00000033\n");
    CHECK_OK(unlink("core"));
}

/* ---- names ---- */

static void quit(void)
{
    raise(SIGQUIT);
}

/* A program that quits; its number comes behind the name. */
static void dump_with_number(char *name)
{
    pid_t pid = (pid_t)CHECK_OK(fork());
    size_t used = strlen(name), digits = 0;

    if (pid == 0)
        quit();
    CHECK(WCOREDUMP(child_end(pid)));
    for (int rest = pid; rest; rest /= 10)
        digits++;
    for (size_t i = digits; i > 0; i--, pid /= 10)
        name[used + i - 1] = (char)('0' + pid % 10);
}

static void names_follow_the_pattern(void)
{
    char name[64] = DIRECTORY "/x.core_file.3.0.%.", numbered[64] = "core.";
    struct stat file;

    text_write(PATTERN, DIRECTORY "/x.%e.%s.%u.%%.%p\n");
    dump_with_number(name);
    CHECK_OK(stat(name, &file));
    CHECK_EQ(file.st_mode, S_IFREG | 0600);
    CHECK_OK(unlink(name));
    text_write(PATTERN, "core\n");
    text_expect(PATTERN, "core\n");
    text_write(USES_PID, "1\n");
    dump_with_number(numbered);
    CHECK_OK(unlink(numbered));
    CHECK_ERR(stat("core", &file), ENOENT);
    text_write(USES_PID, "0\n");
    text_expect(USES_PID, "0\n");
}

/* Of an older file nothing is left but what other links have of it. */
static void an_old_file_is_replaced(void)
{
    struct stat file;
    int fd = (int)CHECK_OK(open("core", O_CREAT | O_WRONLY, 0666));

    CHECK_EQ(write(fd, "precious", 8), 8);
    CHECK_OK(close(fd));
    CHECK_OK(link("core", "kept"));
    CHECK(child_dumped(quit));
    CHECK_OK(stat("kept", &file));
    CHECK_EQ(file.st_size, 8);
    CHECK_OK(stat("core", &file));
    CHECK(file.st_size > 4096);
    CHECK_OK(unlink("core"));
    CHECK_OK(symlink("kept", "core"));
    CHECK(child_dumped(quit));
    CHECK_OK(lstat("core", &file));
    CHECK(S_ISREG(file.st_mode));
    CHECK_OK(stat("kept", &file));
    CHECK_EQ(file.st_size, 8);
    CHECK_OK(unlink("core"));
    CHECK_OK(unlink("kept"));
}

/* ---- none, or less ---- */

static void undumpable(void)
{
    CHECK_OK(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
    quit();
}

static void stranger(void)
{
    CHECK_EQ(raw3(SYS_setresuid, 1000, 1000, 1000), 0);
    CHECK_OK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
    quit();
}

static void terminated(void)
{
    raise(SIGTERM);
}

static void none_where_none_is_to_be(void)
{
    struct stat file;

    CHECK_EQ(child_dumped(undumpable), 0);
    CHECK_EQ(child_dumped(stranger), 0); /* may not write here */
    CHECK_EQ(child_dumped(terminated), 0);
    CHECK_OK(mkdir("core", 0700));
    CHECK_EQ(child_dumped(quit), 0);
    CHECK_OK(rmdir("core"));
    limit_set(0);
    CHECK_EQ(child_dumped(quit), 0);
    CHECK_ERR(stat("core", &file), ENOENT);
    limit_set(8192);
    CHECK_EQ(child_dumped(quit), 1);
    CHECK_OK(stat("core", &file));
    CHECK(file.st_size <= 8192);
    CHECK_OK(unlink("core"));
    limit_set(RLIM_INFINITY);
}

/* Memory that is there, in 256 places: writing all of it takes seconds, and is ended from outside.
 */
static void endless(void)
{
    char *part = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    CHECK(part != MAP_FAILED);
    threads_start();
    memset(part, 1, 1 << 20);
    for (int i = 0; i < 255; i++)
        CHECK(mremap(part, 0, 1 << 20, MREMAP_MAYMOVE) != MAP_FAILED);
    quit();
}

static void killed_while_it_is_written(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());
    struct stat file;
    int status;

    if (pid == 0)
        endless();
    while (stat("core", &file) != 0)
        sched_yield();
    CHECK_OK(kill(pid, SIGKILL));
    status = child_end(pid);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGKILL);
    CHECK_OK(unlink("core"));
}

/* ---- ends that meet ---- */

static pthread_barrier_t begin;

static void *end_somehow(void *argument)
{
    char *args[] = {(char *)argument, NULL};

    pthread_barrier_wait(&begin);
    switch ((long)argument) {
    case 0:
    case 1:
        raise(SIGABRT);
        break;
    case 2:
        raw1(SYS_exit, 0);
        break;
    case 3:
        raw1(SYS_exit_group, 3);
        break;
    case 4:
        args[0] = NULL;
        raw3(SYS_execve, "/proc/self/exe", args, args);
        break;
    default:
        break;
    }
    for (;;)
        pause();
    return NULL;
}

/* Several tasks end, each in its way: which counts is open, but one does, and soon. */
static void ends_meet(void)
{
    for (int round = 0; round < 100; round++) {
        pid_t pid = (pid_t)CHECK_OK(fork());
        pthread_t thread;
        int status;

        if (pid == 0) {
            CHECK_EQ(pthread_barrier_init(&begin, NULL, 5), 0);
            for (long i = 0; i < 5; i++)
                if (i != round % 4 || i < 2)
                    CHECK_EQ(pthread_create(&thread, NULL, end_somehow, (void *)i), 0);
                else
                    CHECK_EQ(pthread_create(&thread, NULL, end_somehow, (void *)9), 0);
            for (;;)
                pause();
        }
        if (round % 3 == 0) {
            usleep((unsigned)round * 20);
            CHECK_OK(kill(pid, SIGKILL));
        }
        status = child_end(pid);
        CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 3 || WEXITSTATUS(status) == 8);
        unlink("core");
    }
}

int main(int argc, char **argv)
{
    struct rlimit limit;

    (void)argv;
    if (argc == 0 || !argv[0] || !*argv[0])
        return 8;
    CHECK_OK(getrlimit(RLIMIT_CORE, &limit));
    CHECK_EQ(limit.rlim_cur, 0);
    CHECK_OK(mkdir(DIRECTORY, 0755));
    CHECK_OK(chdir(DIRECTORY));
    text_expect("/proc/sys/fs/suid_dumpable", "0\n");
    CHECK_EQ(child_dumped(quit), 0);
    limit_set(RLIM_INFINITY);
    contents_are_whole();
    names_follow_the_pattern();
    an_old_file_is_replaced();
    none_where_none_is_to_be();
    killed_while_it_is_written();
    ends_meet();
    CHECK_OK(chdir("/"));
    CHECK_OK(rmdir(DIRECTORY));
    return 0;
}
