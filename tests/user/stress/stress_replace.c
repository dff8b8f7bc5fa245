/* SPDX-License-Identifier: MIT */
/*
 * A program that is executed while another process renames new versions over its name: what runs is
 * the old one or the new one, never something of both, and the name is always there. The versions
 * are copies of this program with other bytes in a table that fills many pages, and of other size.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define NAME     "/tmp/stress_replace"
#define NEXT     "/tmp/stress_replace.next"
#define TABLE    16000
#define MARK     16
#define VERSIONS 5
#define RUNNERS  3
#define RUNS     40

/* Constants, and data that is written to: two segments. Sixteen bytes tell where each begins. */
static const unsigned char constant[TABLE] = "Constants begin";
static unsigned char data[TABLE] = "Data begin here";

static struct {
    uint64_t patience_ns; /* until when */
    unsigned running;     /* runners that are not done */
    unsigned seen[VERSIONS];
    unsigned changed; /* a runner saw another version than the one before: some must */
} * all;

static int all_are(const volatile unsigned char *table, unsigned char version)
{
    for (unsigned i = MARK; i < TABLE; i++)
        if (table[i] != version)
            return 0;
    return 1;
}

/* The version that runs; 99: it is none. */
static int version_of_this(void)
{
    unsigned char version = *(const volatile unsigned char *)&constant[MARK];

    if (!all_are(constant, version) || !all_are(data, version) || version >= VERSIONS)
        return 99;
    *(volatile unsigned char *)&data[TABLE - 1] = 77; /* its own copy: nobody else sees that */
    return version;
}

/* --- making versions --- */

static char *image; /* this program */
static size_t nbytes;

static void load_image(const char *path)
{
    struct stat status;
    int fd = (int)CHECK_OK(open(path, O_RDONLY));

    CHECK_OK(fstat(fd, &status));
    nbytes = (size_t)status.st_size;
    image = malloc(nbytes);
    CHECK(image);
    CHECK_EQ(read(fd, image, nbytes), nbytes);
    CHECK_OK(close(fd));
}

static void set_table(const unsigned char *mark, unsigned char version)
{
    char *at = memmem(image, nbytes, mark, MARK);

    CHECK(at && at + TABLE <= image + nbytes);
    memset(at + MARK, version, TABLE - MARK);
}

static void publish(unsigned char version)
{
    static const char more[5000];
    int fd = (int)CHECK_OK(open(NEXT, O_WRONLY | O_CREAT | O_EXCL, 0700));

    set_table(constant, version);
    set_table(data, version);
    CHECK_EQ(write(fd, image, nbytes), nbytes);
    CHECK_EQ(write(fd, more, version * 900U), version * 900U);
    CHECK_OK(close(fd));
    CHECK_OK(rename(NEXT, NAME));
}

/* --- running them --- */

static int run_once(unsigned how)
{
    int status = -1;
    pid_t pid = (pid_t)CHECK_OK(how & 1 ? vfork() : fork());

    if (!pid) {
        execl(NAME, NAME, "version", NULL);
        _exit(98);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) < VERSIONS);
    return WEXITSTATUS(status);
}

static void run(void *argument)
{
    int last = -1;

    (void)argument;
    for (unsigned i = 0; i < RUNS || (!all->changed && now_ns() < all->patience_ns); i++) {
        int version = run_once(i);

        __atomic_fetch_add(&all->seen[version], 1, __ATOMIC_SEQ_CST);
        if (last >= 0 && version != last)
            __atomic_fetch_add(&all->changed, 1, __ATOMIC_SEQ_CST);
        last = version;
    }
    __atomic_fetch_sub(&all->running, 1, __ATOMIC_SEQ_CST);
}

static void check_replaced(void)
{
    unsigned sum = 0;

    memset(all, 0, sizeof(*all));
    all->patience_ns = now_ns() + 30000000000;
    publish(0);
    all->running = RUNNERS;
    for (unsigned i = 0; i < RUNNERS; i++)
        child_start(run, NULL);
    for (unsigned i = 1; __atomic_load_n(&all->running, __ATOMIC_SEQ_CST); i++) {
        publish((unsigned char)(i % VERSIONS));
        if (now_ns() > all->patience_ns)
            break; /* one has failed */
        raw0(SYS_sched_yield);
    }
    children_await(RUNNERS);
    for (unsigned i = 0; i < VERSIONS; i++)
        sum += all->seen[i];
    CHECK(sum >= RUNNERS * RUNS);
    CHECK(all->changed > 0);
    CHECK_OK(unlink(NAME));
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "version"))
        return version_of_this();
    stress_begin(argc, argv);
    load_image(argv[0]);
    all = shared_new(sizeof(*all));
    do
        check_replaced();
    while (stress_goes_on());
    return 0;
}
