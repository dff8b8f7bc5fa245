/* SPDX-License-Identifier: MIT */
/*
 * Names and pages that change while others look them up and read them: what always exists under a
 * name is always found, what is found is whole, and bytes that are read were written to that file.
 * Lookups and reads take no locks; a freed name or page would show as a wrong answer, or as a fault
 * in the build that overwrites freed memory.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define TOP     "/tmp/stress_lookup"
#define PAGE    4096
#define PAGES   5 /* of the file that is truncated */
#define WRITTEN 'w'
#define NOISE   0xee /* in the memory of others, which must never be read */
#define MANY    40

/* Longer than the room for a name in the kernel's entry. */
#define LONG_NAME "a_name_so_long_that_it_does_not_fit_into_the_entry_of_its_directory_0123456789"

static struct {
    uint32_t enough;
    uint32_t lookups, reads;
} * all;

static void exchange(const char *one, const char *other)
{
    CHECK_EQ(raw6(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, 2 /* RENAME_EXCHANGE */, 0), 0);
}

static bool go_on(void)
{
    return !__atomic_load_n(&all->enough, __ATOMIC_RELAXED);
}

static void file_make(const char *path, const char *text)
{
    int fd = (int)CHECK_OK(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));

    CHECK_EQ(write(fd, text, strlen(text)), (long)strlen(text));
    CHECK_OK(close(fd));
}

/* 0, or the error, which must be the one that a name in motion may give. */
static int look(const char *path)
{
    struct stat st;

    __atomic_fetch_add(&all->lookups, 1, __ATOMIC_RELAXED);
    if (stat(path, &st) == 0) {
        CHECK(st.st_nlink > 0 || !S_ISREG(st.st_mode) || st.st_size > 0);
        return 0;
    }
    CHECK_EQ(errno, ENOENT);
    return ENOENT;
}

/* ---- changing names ---- */

/* A file replaced by another again and again is there all the time; so are two that are exchanged,
 * and one whose name grows and shrinks is under one of two names. */
static void rename_all(void *argument)
{
    (void)argument;
    stress_pin(0);
    while (go_on()) {
        file_make("fresh", "complete");
        CHECK_OK(rename("fresh", "always"));
        exchange("a/left", "b/right");
        exchange("a/" LONG_NAME, "b/x");
        CHECK_OK(rename("wander", "a/" LONG_NAME "2"));
        CHECK_OK(rename("a/" LONG_NAME "2", "b/wander"));
        CHECK_OK(rename("b/wander", "wander"));
    }
}

/* Directories that come and go with what is in them. */
static void make_and_remove(void *argument)
{
    char path[64];

    (void)argument;
    stress_pin(1);
    while (go_on()) {
        CHECK_OK(mkdir("r", 0755));
        CHECK_OK(mkdir("r/s", 0755));
        for (int i = 0; i < MANY; i++) {
            snprintf(path, sizeof(path), "r/s/%d", i);
            file_make(path, "x");
        }
        CHECK_OK(rename("r/s", "s2"));
        CHECK_OK(rename("s2", "r/s"));
        for (int i = 0; i < MANY; i++) {
            snprintf(path, sizeof(path), "r/s/%d", i);
            CHECK_OK(unlink(path));
        }
        CHECK_OK(rmdir("r/s"));
        CHECK_OK(rmdir("r"));
    }
}

/* A file system that comes and goes. */
static void mount_all(void *argument)
{
    (void)argument;
    while (go_on()) {
        if (mount("none", "m", "tmpfs", 0, "size=1m") != 0) {
            CHECK(errno == EPERM);
            return; /* no privilege: the others go on */
        }
        CHECK_OK(mkdir("m/inside", 0755));
        file_make("m/inside/f", "x");
        for (int i = 0; i < 20; i++)
            sched_yield();
        if (umount2("m", 0) != 0) { /* a lookup may hold it for a moment */
            CHECK_EQ(errno, EBUSY);
            CHECK_OK(umount2("m", MNT_DETACH));
        }
    }
}

static void look_all(void *argument)
{
    unsigned id = (unsigned)(uintptr_t)argument;
    uint64_t random = id + 1;
    char path[64];

    stress_pin(id);
    while (go_on()) {
        int fd = (int)CHECK_OK(open("always", O_RDONLY));
        char text[16] = "";

        CHECK_EQ(read(fd, text, sizeof(text)), 8);
        CHECK(!memcmp(text, "complete", 8));
        CHECK_OK(close(fd));
        CHECK_EQ(look("a/left"), 0);
        CHECK_EQ(look("b/right"), 0);
        CHECK_EQ(look(TOP "/a/" LONG_NAME), 0);
        CHECK_EQ(look("b/x"), 0);
        CHECK_EQ(look("a/never"), ENOENT);
        look("a/" LONG_NAME "2");
        look("b/wander");
        snprintf(path, sizeof(path), "r/s/%u", random_next(&random) % MANY);
        look(path);
        look("s2/7");
        look("m/inside/f");
        look("m/inside");
    }
}

/* ---- changing pages ---- */

static void truncate_all(void *argument)
{
    char block[PAGE];
    int fd = (int)CHECK_OK(open("data", O_RDWR));
    uint64_t random = 7;

    (void)argument;
    stress_pin(2);
    memset(block, WRITTEN, sizeof(block));
    while (go_on()) {
        for (int i = 0; i < PAGES; i++)
            CHECK_EQ(pwrite(fd, block, PAGE, i * PAGE), PAGE);
        CHECK_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, 2 * PAGE));
        CHECK_EQ(pwrite(fd, block, PAGE, 2 * PAGE), PAGE); /* whole, into a hole */
        CHECK_OK(ftruncate(fd, random_next(&random) % (PAGES * PAGE)));
        CHECK_OK(ftruncate(fd, PAGES * PAGE)); /* zeroes from there on */
        if (random_next(&random) % 4 == 0)
            CHECK_OK(ftruncate(fd, 0));
    }
}

static void read_all(void *argument)
{
    static unsigned char block[PAGES * PAGE];
    int fd = (int)CHECK_OK(open("data", O_RDONLY));
    uint64_t random = (uint64_t)(uintptr_t)argument;

    stress_pin((unsigned)random);
    while (go_on()) {
        off_t offset = random_next(&random) % (PAGES * PAGE);
        long got = CHECK_OK(pread(fd, block, sizeof(block), offset));

        CHECK(got <= PAGES * PAGE - offset);
        for (long i = 0; i < got; i++)
            CHECK(block[i] == WRITTEN || block[i] == 0);
        __atomic_fetch_add(&all->reads, 1, __ATOMIC_RELAXED);
    }
}

/* Memory that is freed full of what no file has. */
static void make_noise(void *argument)
{
    (void)argument;
    while (go_on()) {
        char *noise =
            mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        CHECK(noise != MAP_FAILED);
        memset(noise, NOISE, 16 * PAGE);
        CHECK_OK(munmap(noise, 16 * PAGE));
        sched_yield();
    }
}

static void files_make(void)
{
    CHECK_OK(mkdir(TOP, 0755));
    CHECK_OK(chdir(TOP));
    CHECK_OK(mkdir("a", 0755));
    CHECK_OK(mkdir("b", 0755));
    CHECK_OK(mkdir("m", 0755));
    file_make("always", "complete");
    file_make("a/left", "x");
    file_make("b/right", "x");
    file_make("a/" LONG_NAME, "x");
    file_make("b/x", "x");
    file_make("wander", "x");
    file_make("data", "");
}

static void files_remove(void)
{
    CHECK_OK(unlink("always"));
    CHECK_OK(unlink("a/left"));
    CHECK_OK(unlink("b/right"));
    CHECK_OK(unlink("a/" LONG_NAME));
    CHECK_OK(unlink("b/x"));
    CHECK_OK(unlink("wander"));
    CHECK_OK(unlink("data"));
    CHECK_OK(rmdir("a"));
    CHECK_OK(rmdir("b"));
    CHECK_OK(rmdir("m"));
    CHECK_OK(chdir("/"));
    CHECK_OK(rmdir(TOP));
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    all = shared_new(sizeof(*all));
    files_make();
    child_start(rename_all, NULL);
    child_start(make_and_remove, NULL);
    child_start(mount_all, NULL);
    child_start(look_all, (void *)2);
    child_start(look_all, (void *)3);
    child_start(truncate_all, NULL);
    child_start(read_all, (void *)3);
    child_start(read_all, (void *)1);
    child_start(make_noise, NULL);
    while (stress_goes_on())
        sleep_ns(20000000);
    __atomic_store_n(&all->enough, 1, __ATOMIC_SEQ_CST);
    children_await(9);
    CHECK(all->lookups > 0 && all->reads > 0);
    files_remove();
    return 0;
}
