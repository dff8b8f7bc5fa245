/* SPDX-License-Identifier: MIT */
/*
 * Names of files changed by several processes at once: replaced and removed while others open and
 * read, made by many of whom one wins, linked and unlinked, directories moved into each other,
 * lines appended. Nobody sees a state between before and after, and the counts are right at the
 * end.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define DIR_ALL   "/tmp/stress_names"
#define WORKERS   4
#define ROUNDS    60
#define SIZE      9000 /* of a file: two page borders */
#define NAMES     40
#define LINE      8192
#define PIECES    8
#define NOREPLACE 1 /* RENAME_NOREPLACE of <linux/fs.h> */

static struct {
    int ready[ROUNDS + 1];
    int busy;            /* who changes things; the others look on until it is 0 */
    int won[NAMES][6];   /* by what was tried */
    int moves, refusals; /* of directories */
} * all;

static void add(int *counter, int value)
{
    __atomic_fetch_add(counter, value, __ATOMIC_SEQ_CST);
}

static int get(int *counter)
{
    return __atomic_load_n(counter, __ATOMIC_SEQ_CST);
}

/* Nobody goes on before all have come here. */
static void meet(unsigned round)
{
    add(&all->ready[round], 1);
    while (get(&all->ready[round]) < WORKERS)
        raw0(SYS_sched_yield);
}

static void start_all(void (*function)(void *argument))
{
    memset(all, 0, sizeof(*all));
    for (uintptr_t i = 0; i < WORKERS; i++)
        child_start(function, (void *)i);
    children_await(WORKERS);
}

/* --- a name that is replaced, and one that comes and goes --- */

static void write_file(const char *path, int value, int flags)
{
    static char bytes[SIZE];
    int fd = (int)CHECK_OK(open(path, O_WRONLY | O_CREAT | flags, 0600));

    memset(bytes, value, sizeof(bytes));
    CHECK_EQ(write(fd, bytes, sizeof(bytes)), SIZE);
    CHECK_OK(close(fd));
}

/* Slowly, so that the file changes its name meanwhile: it is whole, and all of one version. */
static void read_whole(int fd, long most_links)
{
    char bytes[SIZE + 1];
    struct stat status;
    size_t n = 0;

    CHECK_OK(fstat(fd, &status));
    CHECK_EQ(status.st_size, SIZE);
    CHECK((long)status.st_nlink <= most_links);
    while (n < SIZE) {
        long got = CHECK_OK(read(fd, bytes + n, 1000));

        CHECK(got > 0);
        n += (size_t)got;
    }
    CHECK_EQ(n, SIZE);
    CHECK_EQ(read(fd, bytes + n, 1), 0);
    CHECK(bytes_are(bytes, bytes[0], SIZE));
    CHECK_OK(close(fd));
}

static void replace_names(void *argument)
{
    unsigned id = (unsigned)(uintptr_t)argument;
    struct stat status;
    char path[64];

    snprintf(path, sizeof(path), "new%u", id);
    meet(0);
    if (id >= 2) { /* one of two who look, at a name that is always there */
        while (get(&all->busy) < 2) {
            read_whole((int)CHECK_OK(open("./name", O_RDONLY)), 1);
            CHECK_OK(stat("name", &status));
            CHECK_EQ(status.st_size, SIZE);
            CHECK_OK(access("../stress_names/name", R_OK));
        }
        return;
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        write_file(path, (int)('a' + i % 20 + id), O_EXCL);
        CHECK_OK(rename(path, "name"));
        CHECK_ERR(access(path, F_OK), ENOENT);
    }
    add(&all->busy, 1);
}

static void check_replaced(void)
{
    struct stat status;
    int first;

    write_file("name", 'x', O_EXCL);
    first = (int)CHECK_OK(open("name", O_RDONLY));
    start_all(replace_names);
    CHECK_OK(fstat(first, &status));
    CHECK_EQ(status.st_nlink, 0);
    read_whole(first, 0);
    read_whole((int)CHECK_OK(open("name", O_RDONLY)), 1);
    CHECK_OK(unlink("name"));
}

static void come_and_go(void *argument)
{
    unsigned id = (unsigned)(uintptr_t)argument;

    meet(0);
    if (id == 0) {
        for (int i = 0; i < ROUNDS; i++) {
            write_file("made", 'a' + i % 20, O_EXCL);
            CHECK_OK(rename("made", "name"));
            raw0(SYS_sched_yield);
            CHECK_OK(unlink("name"));
        }
        add(&all->busy, 1);
        return;
    }
    while (!get(&all->busy)) {
        int fd = open("name", O_RDONLY);

        if (fd < 0)
            CHECK_EQ(errno, ENOENT);
        else
            read_whole(fd, 1);
    }
}

/* --- many try, one succeeds --- */

#define TRIED(what, call, loser)                                                                   \
    do {                                                                                           \
        long result_ = (call);                                                                     \
        if (result_ < 0)                                                                           \
            CHECK_EQ(errno, loser);                                                                \
        else                                                                                       \
            add(&all->won[i][what], 1);                                                            \
    } while (0)

static void compete(void *argument)
{
    unsigned id = (unsigned)(uintptr_t)argument;
    char mine[32], text[32];

    snprintf(mine, sizeof(mine), "mine%u", id);
    for (unsigned i = 0; i < NAMES; i++) {
        int fd = -1;

        write_file(mine, (int)id, 0);
        meet(i);
        snprintf(text, sizeof(text), "n%u", i);
        switch (i % 5) {
        case 0:
            TRIED(0, fd = open(text, O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
            if (fd >= 0)
                CHECK_OK(close(fd));
            break;
        case 1:
            TRIED(0, mkdir(text, 0700), EEXIST);
            break;
        case 2:
            TRIED(0, symlink(mine, text), EEXIST);
            break;
        case 3:
            TRIED(0, link(mine, text), EEXIST);
            break;
        default:
            TRIED(0, syscall(SYS_renameat2, AT_FDCWD, mine, AT_FDCWD, text, NOREPLACE), EEXIST);
        }
        CHECK_OK(access(text, F_OK)); /* the winner's, if not one's own */
        /* And one of them removes it. */
        add(&all->won[i][5], 1);
        while (get(&all->won[i][5]) < WORKERS)
            raw0(SYS_sched_yield);
        if (i % 5 == 1)
            TRIED(1, rmdir(text), ENOENT);
        else
            TRIED(1, unlink(text), ENOENT);
    }
    unlink(mine);
}

static void check_one_wins(void)
{
    start_all(compete);
    for (unsigned i = 0; i < NAMES; i++) {
        CHECK_EQ(all->won[i][0], 1);
        CHECK_EQ(all->won[i][1], 1);
    }
}

/* --- links --- */

static void link_and_unlink(void *argument)
{
    unsigned id = (unsigned)(uintptr_t)argument;
    int fd = (int)CHECK_OK(open("name", O_RDONLY));
    struct stat status;
    char path[32];

    snprintf(path, sizeof(path), "link%u", id);
    meet(0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        CHECK_OK(link("name", path));
        CHECK_OK(fstat(fd, &status));
        CHECK(status.st_nlink >= 2 && status.st_nlink <= 1 + 2 * WORKERS);
        if (i % 3 == 0) { /* over one that others use, too: another link of the same file */
            CHECK_OK(rename(path, "common"));
            if (unlink(path)) /* two names of one file: nothing was done */
                CHECK_EQ(errno, ENOENT);
        } else {
            CHECK_OK(unlink(path));
        }
    }
}

static void check_links(void)
{
    struct stat status;
    int fd;

    write_file("name", 'l', O_EXCL);
    fd = (int)CHECK_OK(open("name", O_RDONLY));
    start_all(link_and_unlink);
    CHECK_OK(fstat(fd, &status));
    CHECK_EQ(status.st_nlink, 2);
    CHECK_OK(unlink("common"));
    CHECK_OK(unlink("name"));
    CHECK_OK(fstat(fd, &status));
    CHECK_EQ(status.st_nlink, 0);
    read_whole(fd, 0);
}

/* --- directories moved into each other --- */

static void move(const char *from, const char *to)
{
    if (rename(from, to) == 0)
        add(&all->moves, 1);
    else if (errno == EINVAL)
        add(&all->refusals, 1); /* into itself: the other one was faster */
    else
        CHECK_EQ(errno, ENOENT);
}

/* Up from wherever this is: the top is near, whatever moves meanwhile. */
static void climb(const char *path, const struct stat *top)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY);

    if (fd < 0) {
        CHECK_EQ(errno, ENOENT);
        return;
    }
    for (unsigned i = 0; i < 100; i++) {
        int up = (int)CHECK_OK(openat(fd, "..", O_RDONLY | O_DIRECTORY));
        struct stat status;

        CHECK_OK(close(fd));
        fd = up;
        CHECK_OK(fstat(fd, &status));
        if (status.st_ino == top->st_ino && status.st_dev == top->st_dev) {
            CHECK_OK(close(fd));
            return;
        }
    }
    CHECK(!"a way up");
}

static void look_around(const struct stat *top)
{
    char here[4096];

    climb("a", top);
    climb("b", top);
    climb("a/b/deep", top);
    climb("b/a/deep", top);
    if (chdir("b/a") == 0) {
        for (unsigned i = 0; i < 20; i++) {
            CHECK(getcwd(here, sizeof(here)));
            CHECK(strlen(here) <= strlen(DIR_ALL "/b/a") &&
                  !strncmp(here, DIR_ALL, strlen(DIR_ALL)));
        }
        CHECK_OK(chdir(DIR_ALL));
    } else {
        CHECK_EQ(errno, ENOENT);
    }
}

static void move_about(void *argument)
{
    unsigned id = (unsigned)(uintptr_t)argument;
    struct stat top;

    CHECK_OK(stat(".", &top));
    meet(0);
    if (id >= 2) {
        while (get(&all->busy) < 2)
            look_around(&top);
        return;
    }
    for (unsigned i = 0; i < 5 * ROUNDS; i++) {
        move(id ? "a" : "b", id ? "b/a" : "a/b");
        move(id ? "a" : "b", id ? "a/b/a" : "b/a/b");
        move(id ? "b/a" : "a/b", id ? "a" : "b");
    }
    add(&all->busy, 1);
}

static void check_directories(void)
{
    struct stat status;

    CHECK_OK(mkdir("a", 0700));
    CHECK_OK(mkdir("a/deep", 0700));
    CHECK_OK(mkdir("b", 0700));
    CHECK_OK(mkdir("b/deep", 0700));
    start_all(move_about);
    CHECK(all->moves > 0);
    /* Each is where it can be found, with the count of what is in it. */
    if (access("a/b", F_OK) == 0)
        CHECK_OK(rename("a/b", "b"));
    else if (access("b/a", F_OK) == 0)
        CHECK_OK(rename("b/a", "a"));
    CHECK_OK(stat("a", &status));
    CHECK_EQ(status.st_nlink, 3);
    CHECK_OK(stat("b", &status));
    CHECK_EQ(status.st_nlink, 3);
    CHECK_OK(stat(".", &status));
    CHECK_EQ(status.st_nlink, 4);
    CHECK_ERR(rename("a", "a/deep/a"), EINVAL);
    CHECK_ERR(rename("a/deep", "a"), ENOTEMPTY);
    CHECK_OK(rmdir("a/deep"));
    CHECK_OK(rmdir("a"));
    CHECK_OK(rmdir("b/deep"));
    CHECK_OK(rmdir("b"));
}

/* --- lines --- */

static size_t line_make(char *line, unsigned id, unsigned number)
{
    size_t nbytes = 20 + (number * 379 + id * 1117) % 5000;

    memset(line, (int)('A' + id), nbytes);
    snprintf(line, 12, "%u %06u", id, number);
    line[strlen(line)] = '.';
    line[nbytes - 1] = '\n';
    return nbytes;
}

/* The line in pieces, each from a mapping of its own none of whose pages has been touched. */
static void write_unseen(int fd, const char *line, size_t nbytes)
{
    int copy = (int)CHECK_OK(open(".", O_TMPFILE | O_RDWR, 0600));
    struct iovec parts[PIECES];
    char *maps[PIECES];
    size_t done = 0;

    CHECK_EQ(write(copy, line, nbytes), nbytes);
    for (unsigned i = 0; i < PIECES; i++) {
        size_t piece = i < PIECES - 1 ? nbytes / PIECES : nbytes - done;

        maps[i] = mmap(NULL, LINE, PROT_READ, MAP_PRIVATE, copy, 0);
        CHECK((void *)maps[i] != MAP_FAILED);
        parts[i] = (struct iovec){maps[i] + done, piece};
        done += piece;
    }
    CHECK_EQ(writev(fd, parts, PIECES), nbytes);
    for (unsigned i = 0; i < PIECES; i++)
        CHECK_OK(munmap(maps[i], LINE));
    CHECK_OK(close(copy));
}

static void append(void *argument)
{
    unsigned id = (unsigned)(uintptr_t)argument;
    int fd = (int)CHECK_OK(open("lines", O_WRONLY | O_APPEND));
    static char line[LINE];

    for (unsigned i = 0; i < ROUNDS; i++) {
        size_t nbytes = line_make(line, id, i);
        struct iovec parts[] = {{line, 13}, {line + 13, nbytes - 13}};

        if (i % 10 == 0)
            meet(i);
        if (i & 1)
            write_unseen(fd, line, nbytes);
        else if (i & 2)
            CHECK_EQ(write(fd, line, nbytes), nbytes);
        else
            CHECK_EQ(writev(fd, parts, 2), nbytes);
    }
    CHECK_OK(close(fd));
}

static void check_lines(void)
{
    unsigned next[WORKERS] = {0};
    static char got[8192], want[8192];
    struct stat status;
    long total = 0;
    int fd;

    CHECK_OK(close((int)CHECK_OK(open("lines", O_WRONLY | O_CREAT | O_EXCL, 0600))));
    start_all(append);
    fd = (int)CHECK_OK(open("lines", O_RDONLY));
    for (unsigned i = 0; i < WORKERS * ROUNDS; i++) {
        unsigned id;
        size_t nbytes;

        CHECK_EQ(pread(fd, got, 1, total), 1);
        id = (unsigned)(got[0] - '0');
        CHECK(id < WORKERS);
        nbytes = line_make(want, id, next[id]++);
        CHECK_EQ(pread(fd, got, nbytes, total), nbytes);
        CHECK(memcmp(got, want, nbytes) == 0);
        total += (long)nbytes;
    }
    CHECK_OK(fstat(fd, &status));
    CHECK_EQ(status.st_size, total);
    CHECK_OK(close(fd));
    CHECK_OK(unlink("lines"));
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    all = shared_new(sizeof(*all));
    CHECK_OK(mkdir(DIR_ALL, 0700));
    CHECK_OK(chdir(DIR_ALL));
    do {
        check_replaced();
        start_all(come_and_go);
        check_one_wins();
        check_links();
        check_directories();
        check_lines();
    } while (stress_goes_on());
    CHECK_OK(chdir("/"));
    CHECK_OK(rmdir(DIR_ALL)); /* nothing was left in it */
    return 0;
}
