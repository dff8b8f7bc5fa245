/* SPDX-License-Identifier: MIT */
/*
 * Every call about memory at its edges: no bytes, a length that wraps, the last page below the end
 * of user space, a new place that is the old one; each for four kinds of memory, with nothing
 * behind the page and with another area there. The table holds what Linux answers.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE          4096UL
#define LAST          0x7fffffffe000UL /* the last page that can be mapped */
#define RW            (PROT_READ | PROT_WRITE)
#define POPULATE_READ 22
#define BOTH          (MREMAP_MAYMOVE | MREMAP_FIXED)
#define KEEP          (MREMAP_MAYMOVE | MREMAP_DONTUNMAP)

enum kind { PRIVATE, SHARED, FILE_SHARED, NO_ACCESS, KINDS };
enum place { AT_END, BELOW_OTHER, PLACES };

static const size_t sizes[] = {0, 1, PAGE, 2 * PAGE, 1UL << 46, 1UL << 63, -PAGE, -1UL};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static int file;
static char stack[16384] __attribute__((aligned(16)));

/* What the child is to try, and what came of it. */
static struct {
    const struct row *row;
    enum place place;
    enum kind kind;
    size_t nbytes;
    char *result; /* shared with it */
} now;

#define CALL(name, expression)                                                                     \
    static long do_##name(char *p, size_t n)                                                       \
    {                                                                                              \
        return expression;                                                                         \
    }

static long remap(char *p, size_t from, size_t to, int flags, char *where)
{
    return raw6(SYS_mremap, p, from, to, flags, where, 0);
}

static long residency(char *p, size_t n)
{
    unsigned char state[4];

    return raw3(SYS_mincore, p, n, state);
}

static long map_over(char *p, size_t n)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;

    return raw6(SYS_mmap, p, n, PROT_READ, flags, -1, 0);
}

CALL(munmap, raw2(SYS_munmap, p, n))
CALL(mprotect, raw3(SYS_mprotect, p, n, PROT_READ))
CALL(msync, raw3(SYS_msync, p, n, MS_SYNC))
CALL(mlock, raw2(SYS_mlock, p, n))
CALL(munlock, raw2(SYS_munlock, p, n))
CALL(willneed, raw3(SYS_madvise, p, n, MADV_WILLNEED))
CALL(dontneed, raw3(SYS_madvise, p, n, MADV_DONTNEED))
CALL(free, raw3(SYS_madvise, p, n, MADV_FREE))
CALL(dontfork, raw3(SYS_madvise, p, n, MADV_DONTFORK))
CALL(wipe, raw3(SYS_madvise, p, n, MADV_WIPEONFORK))
CALL(populate, raw3(SYS_madvise, p, n, POPULATE_READ))
CALL(mincore, residency(p, n))
CALL(map_over, map_over(p, n))
CALL(shrink_from, remap(p, n, PAGE, 0, NULL))
CALL(grow_to, remap(p, PAGE, n, 0, NULL))
CALL(move_from, remap(p, n, PAGE, MREMAP_MAYMOVE, NULL))
CALL(move_to, remap(p, PAGE, n, MREMAP_MAYMOVE, NULL))
CALL(itself_from, remap(p, n, PAGE, BOTH, p))
CALL(itself_to, remap(p, PAGE, n, BOTH, p))
CALL(twice_itself, remap(p, 0, n, BOTH, p))
CALL(twice, remap(p, 0, n, MREMAP_MAYMOVE, NULL))
CALL(twice_fixed, remap(p, 0, n, BOTH, p - 64 * PAGE))
CALL(twice_stay, remap(p, 0, n, 0, NULL))
CALL(fixed_from, remap(p, n, PAGE, BOTH, p - 64 * PAGE))
CALL(keep, remap(p, n, n, KEEP, NULL))
CALL(keep_itself, remap(p, n, n, KEEP | MREMAP_FIXED, p))
CALL(hole, remap(p - 8 * PAGE, n, PAGE, MREMAP_MAYMOVE, NULL))

/* Two characters a size: the error's letter, or '.' for none; whether the page is still mapped.
 * '*': kernels of different age differ, or it depends on rights. */
static const struct row {
    const char *name;
    long (*call)(char *p, size_t nbytes);
    const char *expected[PLACES][KINDS];
} rows[] = {
    {"munmap",
     do_munmap,
     {{"i+.-.-i+i+i+i+i+", "i+.-.-i+i+i+i+i+", "i+.-.-i+i+i+i+i+", "i+.-.-i+i+i+i+i+"},
      {"i+.-.-.-i+i+i+i+", "i+.-.-.-i+i+i+i+", "i+.-.-.-i+i+i+i+", "i+.-.-.-i+i+i+i+"}}},
    {"mprotect",
     do_mprotect,
     {{".+.+.+m+m+m+m+m+", ".+.+.+m+m+m+m+m+", ".+.+.+m+m+m+m+m+", ".+.+.+m+m+m+m+m+"},
      {".+.+.+.+m+m+m+m+", ".+.+.+.+m+m+m+m+", ".+.+.+.+m+m+m+m+", ".+.+.+.+m+m+m+m+"}}},
    {"msync",
     do_msync,
     {{".+.+.+m+m+****.+", ".+.+.+m+m+****.+", ".+.+.+m+m+****.+", ".+.+.+m+m+****.+"},
      {".+.+.+.+m+****.+", ".+.+.+.+m+****.+", ".+.+.+.+m+****.+", ".+.+.+.+m+****.+"}}},
    {"mlock",
     do_mlock,
     {{".+.+.+********.+", ".+.+.+********.+", ".+.+.+********.+", ".+m+m+********.+"},
      {".+.+.+********.+", ".+.+.+********.+", ".+.+.+********.+", ".+m+m+********.+"}}},
    {"munlock",
     do_munlock,
     {{".+.+.+m+m+m+**.+", ".+.+.+m+m+m+**.+", ".+.+.+m+m+m+**.+", ".+.+.+m+m+m+**.+"},
      {".+.+.+.+m+m+**.+", ".+.+.+.+m+m+**.+", ".+.+.+.+m+m+**.+", ".+.+.+.+m+m+**.+"}}},
    {"willneed",
     do_willneed,
     {{".+.+.+m+m+m+i+i+", ".+.+.+m+m+m+i+i+", ".+.+.+m+m+m+i+i+", ".+.+.+m+m+m+i+i+"},
      {".+.+.+.+m+m+i+i+", ".+.+.+.+m+m+i+i+", ".+.+.+.+m+m+i+i+", ".+.+.+.+m+m+i+i+"}}},
    {"dontneed",
     do_dontneed,
     {{".+.+.+m+m+m+i+i+", ".+.+.+m+m+m+i+i+", ".+.+.+m+m+m+i+i+", ".+.+.+m+m+m+i+i+"},
      {".+.+.+.+m+m+i+i+", ".+.+.+.+m+m+i+i+", ".+.+.+.+m+m+i+i+", ".+.+.+.+m+m+i+i+"}}},
    {"free",
     do_free,
     {{".+.+.+m+m+m+i+i+", ".+i+i+i+i+i+i+i+", ".+i+i+i+i+i+i+i+", ".+.+.+m+m+m+i+i+"},
      {".+.+.+.+m+m+i+i+", ".+i+i+i+i+i+i+i+", ".+i+i+i+i+i+i+i+", ".+.+.+.+m+m+i+i+"}}},
    {"dontfork",
     do_dontfork,
     {{".+.+.+m+m+m+i+i+", ".+.+.+m+m+m+i+i+", ".+.+.+m+m+m+i+i+", ".+.+.+m+m+m+i+i+"},
      {".+.+.+.+m+m+i+i+", ".+.+.+.+m+m+i+i+", ".+.+.+.+m+m+i+i+", ".+.+.+.+m+m+i+i+"}}},
    {"wipe",
     do_wipe,
     {{".+.+.+m+m+m+i+i+", ".+i+i+i+i+i+i+i+", ".+i+i+i+i+i+i+i+", ".+.+.+m+m+m+i+i+"},
      {".+.+.+.+m+m+i+i+", ".+i+i+i+i+i+i+i+", ".+i+i+i+i+i+i+i+", ".+.+.+.+m+m+i+i+"}}},
    {"populate",
     do_populate,
     {{".+.+.+m+m+m+i+i+", ".+.+.+m+m+m+i+i+", ".+.+.+m+m+m+i+i+", ".+i+i+i+i+i+i+i+"},
      {".+.+.+.+m+m+i+i+", ".+.+.+.+m+m+i+i+", ".+.+.+.+m+m+i+i+", ".+i+i+i+i+i+i+i+"}}},
    {"mincore",
     do_mincore,
     {{".+.+.+m+m+m+m+m+", ".+.+.+m+m+m+m+m+", ".+.+.+m+m+m+m+m+", ".+.+.+m+m+m+m+m+"},
      {".+.+.+.+m+m+m+m+", ".+.+.+.+m+m+m+m+", ".+.+.+.+m+m+m+m+", ".+.+.+.+m+m+m+m+"}}},
    {"map_over",
     do_map_over,
     {{"i+.+.+m+m+m+m+m+", "i+.+.+m+m+m+m+m+", "i+.+.+m+m+m+m+m+", "i+.+.+m+m+m+m+m+"},
      {"i+.+.+.+m+m+m+m+", "i+.+.+.+m+m+m+m+", "i+.+.+.+m+m+m+m+", "i+.+.+.+m+m+m+m+"}}},
    {"shrink_from",
     do_shrink_from,
     {{"i+.+.+i+******i+", "m+.+.+i+******m+", "m+.+.+i+******m+", "i+.+.+i+******i+"},
      {"i+.+.+.+******i+", "m+.+.+.+******m+", "m+.+.+.+******m+", "i+.+.+.+******i+"}}},
    {"grow_to",
     do_grow_to,
     {{"i+.+.+m+******i+", "i+.+.+m+******i+", "i+.+.+m+******i+", "i+.+.+m+******i+"},
      {"i+.+.+m+******i+", "i+.+.+m+******i+", "i+.+.+m+******i+", "i+.+.+m+******i+"}}},
    {"move_from",
     do_move_from,
     {{"i+.+.+i+******i+", ".+.+.+i+******.+", ".+.+.+i+******.+", "i+.+.+i+******i+"},
      {"i+.+.+.+******i+", ".+.+.+.+******.+", ".+.+.+.+******.+", "i+.+.+.+******i+"}}},
    {"move_to",
     do_move_to,
     {{"i+.+.+.-******i+", "i+.+.+.-******i+", "i+.+.+.-******i+", "i+.+.+.-******i+"},
      {"i+.+.+.-******i+", "i+.+.+.-******i+", "i+.+.+.-******i+", "i+.+.+.-******i+"}}},
    {"itself_from",
     do_itself_from,
     {{"**i+i+i+********", "f-i+i+i+******f-", "f-i+i+i+******f-", "**i+i+i+********"},
      {"**i+i+i+********", "f-i+i+i+******f-", "f-i+i+i+******f-", "**i+i+i+********"}}},
    {"itself_to",
     do_itself_to,
     {{"i+i+i+i+******i+", "i+i+i+i+******i+", "i+i+i+i+******i+", "i+i+i+i+******i+"},
      {"i+i+i+i+******i+", "i+i+i+i+******i+", "i+i+i+i+******i+", "i+i+i+i+******i+"}}},
    {"twice_itself",
     do_twice_itself,
     {{"i+************i+", "i+f-f-i+******i+", "i+f-f-i+******i+", "i+************i+"},
      {"i+************i+", "i+f-f-f-******i+", "i+f-f-f-******i+", "i+************i+"}}},
    {"twice",
     do_twice,
     {{"i+i+i+i+******i+", "i+.+.+.+******i+", "i+.+.+.+******i+", "i+i+i+i+******i+"},
      {"i+i+i+i+******i+", "i+.+.+.+******i+", "i+.+.+.+******i+", "i+i+i+i+******i+"}}},
    {"twice_fixed",
     do_twice_fixed,
     {{"i+i+i+i+******i+", "i+.+.+.+******i+", "i+.+.+.+******i+", "i+i+i+i+******i+"},
      {"i+i+i+i+******i+", "i+.+.+.+******i+", "i+.+.+.+******i+", "i+i+i+i+******i+"}}},
    {"twice_stay",
     do_twice_stay,
     {{"i+i+i+i+******i+", "i+m+m+m+******i+", "i+m+m+m+******i+", "i+i+i+i+******i+"},
      {"i+i+i+i+******i+", "i+m+m+m+******i+", "i+m+m+m+******i+", "i+i+i+i+******i+"}}},
    {"fixed_from",
     do_fixed_from,
     {{"i+.-.-i+******i+", ".+.-.-i+******.+", ".+.-.-i+******.+", "i+.-.-i+******i+"},
      {"i+.-.-.-******i+", ".+.-.-.-******.+", ".+.-.-.-******.+", "i+.-.-.-******i+"}}},
    {"keep",
     do_keep,
     {{"i+.+.+f+******i+", "i+.+.+f+******i+", "i+.+.+f+******i+", "i+.+.+f+******i+"},
      {"i+.+.+.+******i+", "i+.+.+f+******i+", "i+.+.+f+******i+", "i+.+.+f+******i+"}}},
    {"keep_itself",
     do_keep_itself,
     {{"i+i+i+i+******i+", "i+i+i+i+******i+", "i+i+i+i+******i+", "i+i+i+i+******i+"},
      {"i+i+i+i+******i+", "i+i+i+i+******i+", "i+i+i+i+******i+", "i+i+i+i+******i+"}}},
    {"hole",
     do_hole,
     {{"f+f+f+f+******f+", "f+f+f+f+******f+", "f+f+f+f+******f+", "f+f+f+f+******f+"},
      {"f+f+f+f+******f+", "f+f+f+f+******f+", "f+f+f+f+******f+", "f+f+f+f+******f+"}}},
};

static char letter(long result)
{
    static const struct {
        int err;
        char letter;
    } letters[] = {{EINVAL, 'i'}, {ENOMEM, 'm'}, {EFAULT, 'f'}, {EAGAIN, 'a'}, {EPERM, 'p'}};

    for (unsigned i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
        if (result == -letters[i].err)
            return letters[i].letter;
    return result < 0 && result >= -4095 ? '?' : '.';
}

static void map_page(uintptr_t at, enum kind kind)
{
    static const int flags[KINDS] = {
        [PRIVATE] = MAP_PRIVATE | MAP_ANONYMOUS,
        [SHARED] = MAP_SHARED | MAP_ANONYMOUS,
        [FILE_SHARED] = MAP_SHARED,
        [NO_ACCESS] = MAP_PRIVATE | MAP_ANONYMOUS,
    };
    char *p = mmap((void *)at, PAGE, kind == NO_ACCESS ? PROT_NONE : RW, flags[kind] | MAP_FIXED,
                   kind == FILE_SHARED ? file : -1, 0);

    CHECK(p == (char *)at);
}

/* In a child each time: what one call leaves behind does not change what the next one finds. On a
 * stack of its own, since the first one may lie where the pages are to be. */
static int attempt(void *argument)
{
    char *p = (char *)(now.place == AT_END ? LAST : LAST - PAGE);
    unsigned char state;

    (void)argument;
    CHECK_OK(munmap((void *)(LAST - 1023 * PAGE), 1024 * PAGE));
    map_page((uintptr_t)p, now.kind);
    if (now.place == BELOW_OTHER)
        map_page(LAST, PRIVATE);
    now.result[0] = letter(now.row->call(p, now.nbytes));
    now.result[1] = raw3(SYS_mincore, p, PAGE, &state) == 0 ? '+' : '-';
    return 0;
}

static void check_size(unsigned size)
{
    const char *want = now.row->expected[now.place][now.kind] + (size_t)2 * size;
    const char *got = now.result;
    int status = -1;
    pid_t pid;

    now.nbytes = sizes[size];
    memcpy(now.result, "!!\n", 4);
    pid = (pid_t)CHECK_OK(clone(attempt, stack + sizeof(stack), SIGCHLD, NULL));
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    if (status == 0 && (want[0] == '*' || (got[0] == want[0] && got[1] == want[1])))
        return;
    say(2, now.row->name);
    say(2, now.place == AT_END ? " at the end, kind " : " below another area, kind ");
    say_number(2, now.kind);
    say(2, ", size ");
    say_hex(2, now.nbytes);
    say(2, " gave ");
    say(2, got);
    CHECK_EQ(status, 0);
    CHECK(!"the answer is Linux's");
}

int main(void)
{
    now.result = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK((void *)now.result != MAP_FAILED);
    file = (int)CHECK_OK(open("/tmp/mem_edges.file", O_RDWR | O_CREAT | O_TRUNC, 0600));
    CHECK_OK(unlink("/tmp/mem_edges.file"));
    CHECK_OK(ftruncate(file, 2 * PAGE));
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (now.place = 0; now.place < PLACES; now.place++)
            for (now.kind = 0; now.kind < KINDS; now.kind++) {
                now.row = &rows[i];
                for (unsigned size = 0; size < SIZES; size++)
                    check_size(size);
            }
    return 0;
}
