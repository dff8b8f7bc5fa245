/* SPDX-License-Identifier: MIT */
/* /proc/self/maps: every kind of mapping, and texts much longer than a buffer. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/procfs.h"

#define MANY 3000
#define PAGE 4096UL

static char text[MANY * 2 * 80 + 65536], other[sizeof(text)];
static int initialised = 1;

struct line {
    unsigned long start, end, offset, inode;
    unsigned major, minor;
    char rights[5];
    char name[300];
};

static const char *line_parse(const char *at, struct line *line)
{
    const char *end = strchr(at, '\n');
    int used = 0;

    CHECK(end);
    *line = (struct line){0};
    CHECK_EQ(sscanf(at, "%lx-%lx %4s %lx %x:%x %lu %n", &line->start, &line->end, line->rights,
                    &line->offset, &line->major, &line->minor, &line->inode, &used),
             7);
    if (at + used < end) {
        CHECK_EQ(used, 73); /* names stand in one column */
        memcpy(line->name, at + used, (size_t)(end - at - used));
    }
    return end + 1;
}

/* The line about that address. False: there is none. */
static bool find(const void *address, struct line *line)
{
    const char *at = text;

    text_of("/proc/self/maps", text, sizeof(text));
    while (*at) {
        at = line_parse(at, line);
        if (line->start <= (unsigned long)address && (unsigned long)address < line->end)
            return true;
    }
    return false;
}

static void check(const void *address, unsigned long npages, const char *rights, const char *name)
{
    struct line line;

    CHECK(find(address, &line));
    if (strcmp(line.rights, rights) != 0 || strcmp(line.name, name) != 0) {
        say(2, line.rights);
        say(2, " ");
        say(2, line.name);
        say(2, "\n");
    }
    CHECK(!strcmp(line.rights, rights));
    CHECK(!strcmp(line.name, name));
    if (npages) {
        CHECK_EQ(line.start, (unsigned long)address);
        CHECK_EQ(line.end - line.start, npages * PAGE);
    }
}

static void program_parts(void)
{
    char exe[300];
    struct line line;
    struct stat st;
    ssize_t len = CHECK_OK(readlink("/proc/self/exe", exe, sizeof(exe) - 1));
    int local;

    exe[len] = '\0';
    CHECK_OK(stat(exe, &st));
    check((void *)(uintptr_t)program_parts, 0, "r-xp", exe);
    CHECK(find((void *)(uintptr_t)program_parts, &line));
    CHECK_EQ(line.inode, st.st_ino);
    CHECK_EQ(line.major, major(st.st_dev));
    CHECK_EQ(line.minor, minor(st.st_dev));
    check(&initialised, 0, "rw-p", exe);
    check(&local, 0, "rw-p", "[stack]");
    if (getauxval(AT_SYSINFO_EHDR))
        check((void *)getauxval(AT_SYSINFO_EHDR), 0, "r-xp", "[vdso]");
}

static void heap(void)
{
    char *old = (char *)syscall(SYS_brk, 0);

    CHECK_EQ(syscall(SYS_brk, old + 65536), (long)(old + 65536));
    check(old + 32768, 0, "rw-p", "[heap]");
}

static void *map(size_t npages, int prot, int flags, int fd, off_t offset)
{
    void *address = mmap(NULL, npages * PAGE, prot, flags, fd, offset);

    CHECK(address != MAP_FAILED);
    return address;
}

static void anonymous(void)
{
    char *private = map(7, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *shared;
    struct line line;

    CHECK_OK(munmap(private, PAGE));
    CHECK_OK(munmap(private + 6 * PAGE, PAGE));
    private += PAGE;
    check(private, 5, "rw-p", "");
    CHECK_OK(mprotect(private + PAGE, PAGE, PROT_NONE));
    CHECK_OK(mprotect(private + 2 * PAGE, PAGE, PROT_READ));
    check(private, 1, "rw-p", "");
    check(private + PAGE, 1, "---p", "");
    check(private + 2 * PAGE, 1, "r--p", "");
    check(private + 3 * PAGE, 2, "rw-p", "");
    CHECK_OK(munmap(private, 5 * PAGE));
    CHECK(!find(private, &line));
    shared = map(3, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(shared, 3, "rw-s", "/dev/zero (deleted)");
    CHECK_OK(munmap(shared, 3 * PAGE));
}

static void files(void)
{
    int fd = (int)CHECK_OK(open("/tmp/proc maps", O_RDWR | O_CREAT | O_EXCL, 0644));
    char *private, *shared;
    struct stat st;
    struct line line;

    CHECK_OK(ftruncate(fd, 8 * PAGE));
    CHECK_OK(fstat(fd, &st));
    private = map(2, PROT_READ, MAP_PRIVATE, fd, 3 * PAGE);
    shared = map(3, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    check(private, 2, "r--p", "/tmp/proc maps");
    CHECK(find(private, &line));
    CHECK_EQ(line.offset, 3 * PAGE);
    CHECK_EQ(line.inode, st.st_ino);
    check(shared, 3, "rw-s", "/tmp/proc maps");
    /* The name under which it was mapped, also after a change of names. */
    CHECK_OK(link("/tmp/proc maps", "/tmp/proc_maps2"));
    check(private, 2, "r--p", "/tmp/proc maps");
    CHECK_OK(rename("/tmp/proc maps", "/tmp/proc_maps3"));
    check(shared, 3, "rw-s", "/tmp/proc_maps3");
    CHECK_OK(unlink("/tmp/proc_maps2"));
    CHECK_OK(unlink("/tmp/proc_maps3"));
    check(private, 2, "r--p", "/tmp/proc_maps3 (deleted)");
    CHECK_OK(mprotect(private + PAGE, PAGE, PROT_NONE));
    check(private + PAGE, 1, "---p", "/tmp/proc_maps3 (deleted)");
    CHECK(find(private + PAGE, &line));
    CHECK_EQ(line.offset, 4 * PAGE);
    CHECK_OK(munmap(private, 2 * PAGE));
    CHECK_OK(munmap(shared, 3 * PAGE));
}

/* Thousands of lines, in order, and the same whether read in large pieces or in odd ones. */
static void many(void)
{
    char *area = map(MANY * 2, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned long last = 0, lines = 0;
    size_t length, used = 0;
    struct line line;
    ssize_t got;
    int fd;

    for (unsigned i = 0; i < MANY; i++)
        CHECK_OK(mprotect(area + i * 2 * PAGE, PAGE, PROT_NONE));
    length = text_of("/proc/self/maps", text, sizeof(text));
    for (const char *at = text; *at; lines++) {
        at = line_parse(at, &line);
        CHECK(line.start >= last);
        CHECK(line.end > line.start);
        last = line.end;
    }
    CHECK(lines >= MANY * 2);
    fd = (int)CHECK_OK(open("/proc/self/maps", O_RDONLY));
    while ((got = CHECK_OK(read(fd, other + used, 777))) > 0)
        used += (size_t)got;
    CHECK_EQ(used, length);
    CHECK(!memcmp(text, other, length));
    CHECK_EQ(pread(fd, other, 100, 100000), 100);
    CHECK(!memcmp(text + 100000, other, 100));
    CHECK_EQ(pread(fd, other, 10, (off_t)length + 5), 0);
    close(fd);
    CHECK_OK(munmap(area, MANY * 2 * PAGE));
}

static unsigned long tables_kib(void)
{
    text_of("/proc/self/status", text, sizeof(text));
    return line_number(text, "VmPTE:");
}

/* Each at a place of its own, for which there is no table yet. */
static void places(void)
{
    unsigned long before = tables_kib();

    for (uintptr_t i = 0; i < 3000; i++) {
        char *place = (char *)(0x200000000000 + (i << 21));

        CHECK_EQ(mmap(place, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                      -1, 0),
                 place);
        *place = 1;
        CHECK_OK(munmap(place, PAGE));
    }
    CHECK(tables_kib() < before + 2000);
}

int main(void)
{
    program_parts();
    heap();
    anonymous();
    files();
    many();
    places();
    return 0;
}
