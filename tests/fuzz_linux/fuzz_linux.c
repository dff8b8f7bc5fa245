/* SPDX-License-Identifier: MIT */
/*
 * fuzz_linux JOBS CALLS [FROM TO] - random sequences of calls, told so that two kernels can be
 * compared
 *
 * JOBS is a file of lines "NUMBER SEED USER MODE MASK": USER is 0 or 1000, MODE is h (hashes alone)
 * or t (the text of every answer), MASK says in hexadecimal digits which calls are made (the first
 * digit's highest bit is call 0; '*': all). For each job there is a line
 *     job NUMBER all=HASH last=HASH state=HASH end=STATUS
 * all: of every answer; last: of the last call's; state: of the tree of files and of the arena's
 * pages when all was done. fuzz_linux.py runs the same jobs on both kernels.
 *
 * A job has a process, a session and a directory of its own, the same limits and the same open
 * files wherever it runs.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fuzz_linux/sequence.h"

#define JOB_SECONDS 10
#define MAX_CALLS   1000

struct result {
    uint64_t all, last, state;
};
static struct result *result; /* shared with the job's process */
static unsigned long calls;

uint32_t draw(struct sequence *s, uint32_t below)
{
    s->random = s->random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)((s->random >> 33) % below);
}

void tell(struct sequence *s, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(s->text + s->length, TEXT_SIZE - s->length, format, args);
    va_end(args);
    s->length += (size_t)n;
    if (s->length >= TEXT_SIZE)
        s->length = TEXT_SIZE - 1;
}

long answer(struct sequence *s, long value)
{
    if (value < 0 && value > -4096)
        tell(s, " = error %ld", -value);
    else
        tell(s, " = %ld", value);
    return value;
}

const char *pid_name(struct sequence *s, long pid)
{
    static const char *const names[CHILDREN] = {"child0", "child1", "child2"};

    for (int i = 0; i < CHILDREN; i++)
        if (pid > 0 && pid == s->children[i])
            return names[i];
    return pid == s->self ? "self" : pid == s->parent ? "parent" : pid == 0 ? "0" : "another";
}

long answer_pid(struct sequence *s, long value)
{
    if (value < 0)
        return answer(s, value);
    tell(s, " = %s", pid_name(s, value));
    return value;
}

uint64_t hash_of(const void *bytes, size_t n, uint64_t hash)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ p[i]) * 0x100000001b3ul;
    return hash;
}

int look_at(struct sequence *s, unsigned long address, size_t n, uint64_t *out_hash)
{
    static char buffer[4096];
    long got = raw3(SYS_write, s->pipe_out, address, n), back;

    if (got < 0)
        return (int)got;
    *out_hash = HASH_START;
    while ((back = raw3(SYS_read, s->pipe_in, buffer, sizeof(buffer))) > 0)
        *out_hash = hash_of(buffer, (size_t)back, *out_hash);
    return (int)got;
}

static int is_regular(long fd, long *out_size)
{
    struct stat info;

    if (raw2(SYS_fstat, fd, &info) != 0 || !S_ISREG(info.st_mode))
        return 0;
    *out_size = (long)info.st_size;
    return 1;
}

int begin_broken_write(struct sequence *s, long fd, long offset)
{
    long size;

    if (!is_regular(fd, &size) || (size == 0 && offset == 0))
        return 1;
    tell(s, " not asked");
    return 0;
}

void end_broken_write(long fd, long got)
{
    long size;

    if ((got > 0 || got == -EFAULT) && is_regular(fd, &size))
        raw2(SYS_ftruncate, fd, got > 0 ? size : 0);
}

static void draw_call(struct sequence *s, uint64_t seed, unsigned long index)
{
    const struct call *const tables[] = {file_calls, file_calls, memory_calls, process_calls};
    const struct call *table;
    unsigned n = 0;

    s->random = seed * 0x9e3779b97f4a7c15ul + index * 0xd1b54a32d192ed03ul;
    draw(s, 2);
    table = tables[draw(s, 4)];
    while (table[n].name)
        n++;
    n = draw(s, n);
    s->length = 0;
    tell(s, "%lu %s", index, table[n].name);
    table[n].make(s);
}

/* ---- the state at the end -------------------------------------------------------------------- */

static void tell_file(const char *path, const struct stat *info, uint64_t *hash, int show)
{
    char line[800], text[100] = "";
    long size = S_ISDIR(info->st_mode) ? 0 : (long)info->st_size, n;
    uint64_t content = HASH_START;

    if (S_ISLNK(info->st_mode))
        text[readlink(path, text, sizeof(text) - 1)] = '\0';
    if (S_ISREG(info->st_mode)) {
        char buffer[4096];
        int fd = open(path, O_RDONLY);
        for (long i = 0; i < 1024 && (n = read(fd, buffer, sizeof(buffer))) > 0; i++)
            content = hash_of(buffer, (size_t)n, content);
        close(fd);
    }
    snprintf(line, sizeof(line), "file %s %o %ld %u %u %ld %s #%lx\n", path, info->st_mode,
             (long)info->st_nlink, info->st_uid, info->st_gid, size, text, content);
    *hash += hash_of(line, strlen(line), HASH_START); /* a sum: the order is the file system's */
    if (show)
        say(1, line);
}

static void tell_tree(const char *path, uint64_t *hash, int show, int depth)
{
    struct dirent *entry;
    DIR *dir = opendir(path);

    while (dir && depth < 8 && (entry = readdir(dir)) != NULL) {
        char name[512];
        struct stat info;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        if (lstat(name, &info) != 0)
            continue;
        tell_file(name, &info, hash, show);
        if (S_ISDIR(info.st_mode))
            tell_tree(name, hash, show, depth + 1);
    }
    if (dir)
        closedir(dir);
}

/* Each page of the arena: rights as /proc says them, and what can be read. */
static void tell_memory(struct sequence *s, uint64_t *hash, int show)
{
    char rights[PAGES][5], line[200];
    FILE *maps = fopen("/proc/self/maps", "r");

    memset(rights, 0, sizeof(rights));
    while (maps && fgets(line, sizeof(line), maps)) {
        unsigned long start, end;
        char text[5];
        if (sscanf(line, "%lx-%lx %4s", &start, &end, text) != 3)
            continue;
        for (unsigned i = 0; i < PAGES; i++)
            if (ARENA + i * PAGE >= start && ARENA + i * PAGE < end)
                memcpy(rights[i], text, 5);
    }
    if (maps)
        fclose(maps);
    for (unsigned i = 0; i < PAGES; i++) {
        uint64_t content = 0;
        long got = look_at(s, ARENA + i * PAGE, PAGE, &content);
        snprintf(line, sizeof(line), "page %u %s %ld #%lx\n", i, rights[i], got, content);
        *hash = hash_of(line, strlen(line), *hash);
        if (show)
            say(1, line);
    }
}

/* ---- a job ----------------------------------------------------------------------------------- */

static void limit(int resource, rlim_t value)
{
    struct rlimit r = {value, value};

    setrlimit(resource, &r);
}

static void become(unsigned user)
{
    for (int fd = 3; fd < 62; fd++) /* 62 is for the transcript */
        close(fd);
    umask(022);
    limit(RLIMIT_NOFILE, 64);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 4 << 20);
    limit(RLIMIT_STACK, 8 << 20);
    limit(RLIMIT_DATA, RLIM_INFINITY);
    limit(RLIMIT_NICE, 0);
    limit(RLIMIT_RTPRIO, 0);
    limit(RLIMIT_MEMLOCK, 1 << 20);
    for (int number = 1; number < 65; number++)
        signal(number, SIG_DFL);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    setsid();
    setgroups(0, NULL);
    if (user) {
        CHECK_OK(setresgid(user, user, user));
        CHECK_OK(setresuid(user, user, user));
    }
}

static int bit_of(const char *mask, unsigned long i)
{
    char digit = mask[i / 4];
    int value = digit >= 'a' ? digit - 'a' + 10 : digit - '0';

    return value >> (3 - i % 4) & 1;
}

static _Noreturn void run_job(uint64_t seed, unsigned user, int show, const char *mask)
{
    static struct sequence s;
    int ends[2];
    uint64_t files = 0, pages = HASH_START;

    become(user);
    CHECK_OK(pipe2(ends, O_NONBLOCK));
    s.pipe_in = (int)CHECK_OK(dup2(ends[0], 60));
    s.pipe_out = (int)CHECK_OK(dup2(ends[1], 61));
    close(ends[0]);
    close(ends[1]);
    s.self = getpid();
    s.parent = getppid();
    result->all = HASH_START;
    for (unsigned long i = 0; i < calls; i++) {
        if (*mask != '*' && (strlen(mask) <= i / 4 || !bit_of(mask, i)))
            continue;
        draw_call(&s, seed, i);
        result->last = hash_of(s.text, s.length, HASH_START);
        result->all = hash_of(s.text, s.length, result->all);
        if (show) {
            s.text[s.length++] = '\n';
            raw3(SYS_write, 62, s.text, s.length);
        }
    }
    for (int i = 0; i < CHILDREN; i++)
        if (s.children[i])
            kill(s.children[i], SIGKILL);
    raw2(SYS_dup2, 62, 1);
    tell_memory(&s, &pages, show);
    raw1(SYS_chdir, "/w"); /* the root of its own: see begin_job */
    tell_tree(".", &files, show, 0);
    result->state = hash_of(&files, sizeof(files), pages);
    _exit(0);
}

static void remove_all(const char *directory)
{
    int pid = (int)CHECK_OK(fork()), status;

    if (pid == 0) {
        execl("/bin/rm", "rm", "-rf", directory, (char *)NULL);
        _exit(127);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
}

/* The process's root is a directory with nothing but the working directory /w in it, so that no
 * path of the sequence leads out, and every path is the same on both kernels. */
static _Noreturn void begin_job(uint64_t seed, unsigned user, int show, const char *mask)
{
    int null = open("empty", O_RDWR | O_CREAT, 0666); /* no device: modes and owners are changed */

    dup2(1, 62);
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    CHECK_OK(chroot("."));
    CHECK_OK(chdir("/w"));
    run_job(seed, user, show, mask);
}

static volatile int job_pid;

/* From outside: a sequence may block or ignore any signal that it could send itself. */
static void job_overdue(int number)
{
    (void)number;
    kill(job_pid, SIGKILL);
}

static void do_job(const char *line)
{
    char mask[MAX_CALLS / 4 + 2] = "", mode = 'h';
    unsigned long number = 0, seed = 0;
    unsigned user = 0;
    int status = 0, pid;

    if (sscanf(line, "%lu %lu %u %c %250s", &number, &seed, &user, &mode, mask) != 5)
        return;
    memset(result, 0, sizeof(*result));
    mkdir("job", 0755);
    mkdir("job/w", 0777);
    mkdir("job/proc", 0755);
    CHECK_OK(chown("job/w", user, user));
    CHECK_OK(mount("proc", "job/proc", "proc", 0, NULL));
    if (mode == 't')
        printf("transcript %lu\n", number);
    fflush(stdout);
    pid = (int)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(chdir("job"));
        begin_job(seed, user, mode == 't', mask);
    }
    job_pid = pid;
    signal(SIGALRM, job_overdue);
    alarm(JOB_SECONDS);
    while (waitpid(pid, &status, 0) != pid)
        ;
    alarm(0);
    kill(-pid, SIGKILL);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    printf("job %lu all=%lx last=%lx state=%lx end=%x\n", number, result->all, result->last,
           result->state, status);
    fflush(stdout);
    umount2("job/proc", 2);
    remove_all("job");
}

/* On Linux: mounts and process numbers of its own, and files on the file system that is most like
 * Firstlight's. */
static void leave_host(void)
{
    struct utsname name;
    int status, pid;

    CHECK_OK(uname(&name));
    if (strstr(name.release, "firstlight"))
        return;
    CHECK_OK(unshare(CLONE_NEWNS | CLONE_NEWPID));
    pid = (int)CHECK_OK(fork());
    if (pid > 0) {
        while (waitpid(pid, &status, 0) != pid)
            ;
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    CHECK_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    CHECK_OK(mount("tmpfs", "/tmp", "tmpfs", 0, NULL));
}

/* Sequences see what is ignored, and whoever started this may have had much ignored: nohup SIGHUP,
 * other programs those that C libraries keep to themselves. So by the call, not by the library. */
static void default_signals(void)
{
    const unsigned long none[4] = {0};

    for (int number = 1; number <= 64; number++)
        raw4(SYS_rt_sigaction, number, none, NULL, 8);
}

int main(int argc, char **argv)
{
    char line[400];
    unsigned long from = 0, to = ~0ul, at = 0;
    FILE *jobs;

    CHECK(argc == 3 || argc == 5);
    default_signals();
    calls = strtoul(argv[2], NULL, 10);
    CHECK(calls > 0 && calls <= MAX_CALLS);
    if (argc == 5) {
        from = strtoul(argv[3], NULL, 10);
        to = strtoul(argv[4], NULL, 10);
    }
    jobs = fopen(argv[1], "r");
    CHECK(jobs != NULL);
    leave_host();
    result = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(result != MAP_FAILED);
    CHECK_OK(mkdir("/tmp/fuzz-linux", 0755));
    CHECK_OK(chdir("/tmp/fuzz-linux"));
    for (; fgets(line, sizeof(line), jobs); at++)
        if (at >= from && at < to)
            do_job(line);
    CHECK_OK(chdir("/"));
    CHECK_OK(rmdir("/tmp/fuzz-linux"));
    return 0;
}
