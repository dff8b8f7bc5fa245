/* SPDX-License-Identifier: MIT */
/* Record locks of several owners against a model that knows the owner of each byte: random sets and
 * clears, and what F_OFD_GETLK names. Then many locks at once. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PATH   "/tmp/lock_model"
#define OWNERS 4 /* open files, each a lock owner of its own */
#define BYTES  48
#define STEPS  20000
#define MANY   2000

static int fds[OWNERS];
static char held[OWNERS][BYTES]; /* 0, F_RDLCK + 1, F_WRLCK + 1 */
static uint64_t state = 7;

static unsigned pick(unsigned n)
{
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)(state >> 33) % n;
}

static int command(int owner, int what, struct flock *l)
{
    l->l_pid = 0;
    return fcntl(fds[owner], what, l);
}

static int in_the_way(int owner, int type, int start, int end)
{
    for (int other = 0; other < OWNERS; other++)
        for (int i = start; other != owner && i <= end; i++)
            if (held[other][i] && (held[other][i] == F_WRLCK + 1 || type == F_WRLCK))
                return 1;
    return 0;
}

/* What is named is a whole lock of one other owner, it is in the way, and no lock of that owner
 * that lies before it is. */
static void check_named(int owner, int type, int start, int end, const struct flock *l)
{
    int from = (int)l->l_start, to = from + (int)l->l_len - 1, found = 0;
    char kind = (char)(l->l_type + 1);

    CHECK(from <= end && to >= start && to < BYTES);
    CHECK(type == F_WRLCK || l->l_type == F_WRLCK);
    for (int other = 0; other < OWNERS && !found; other++) {
        int good = other != owner && (from == 0 || held[other][from - 1] != kind) &&
                   (to == BYTES - 1 || held[other][to + 1] != kind);

        for (int i = from; i <= to; i++)
            good = good && held[other][i] == kind;
        for (int i = start; i < from; i++)
            good = good && !(held[other][i] == F_WRLCK + 1 || (type == F_WRLCK && held[other][i]));
        found = good;
    }
    CHECK(found);
}

static void step(void)
{
    int owner = (int)pick(OWNERS), start = (int)pick(BYTES), end = start + (int)pick(12);
    int types[] = {F_RDLCK, F_RDLCK, F_WRLCK, F_UNLCK}, type = types[pick(4)], blocked;
    struct flock l = {.l_type = (short)type, .l_start = start};

    end = end < BYTES ? end : BYTES - 1;
    l.l_len = end - start + 1;
    blocked = type != F_UNLCK && in_the_way(owner, type, start, end);
    if (type != F_UNLCK && pick(2)) {
        CHECK_OK(command(owner, F_OFD_GETLK, &l));
        CHECK_EQ(l.l_type != F_UNLCK, blocked);
        if (blocked)
            check_named(owner, type, start, end, &l);
        return;
    }
    if (blocked) {
        CHECK_ERR(command(owner, F_OFD_SETLK, &l), EAGAIN);
        return;
    }
    CHECK_OK(command(owner, F_OFD_SETLK, &l));
    memset(held[owner] + start, type == F_UNLCK ? 0 : type + 1, (size_t)(end - start + 1));
}

static void set(int owner, int type, off_t start, off_t nbytes)
{
    struct flock l = {.l_type = (short)type, .l_start = start, .l_len = nbytes};

    CHECK_OK(command(owner, F_OFD_SETLK, &l));
}

/* Single bytes with holes between them, then one lock over all, then nothing. */
static void check_many(void)
{
    struct flock l = {.l_type = F_WRLCK};

    for (int i = 0; i < MANY; i++)
        set(0, i % 3 ? F_WRLCK : F_RDLCK, (i * 7919L % MANY) * 2, 1);
    for (int i = 0; i < MANY; i++) {
        l = (struct flock){.l_type = F_WRLCK, .l_start = 2L * i, .l_len = 2};
        CHECK_OK(command(1, F_OFD_GETLK, &l));
        CHECK(l.l_type != F_UNLCK && l.l_start == 2L * i && l.l_len == 1);
        set(1, F_WRLCK, 2L * i + 1, 1);
        set(1, F_UNLCK, 2L * i + 1, 1);
    }
    set(0, F_RDLCK, 0, 0);
    l = (struct flock){.l_type = F_WRLCK, .l_start = MANY, .l_len = 1};
    CHECK_OK(command(1, F_OFD_GETLK, &l));
    CHECK(l.l_type == F_RDLCK && l.l_start == 0 && l.l_len == 0);
    set(0, F_UNLCK, 0, 0);
    set(1, F_WRLCK, 0, 0);
}

int main(void)
{
    for (int i = 0; i < OWNERS; i++)
        fds[i] = (int)CHECK_OK(open(PATH, O_RDWR | O_CREAT, 0600));
    for (int i = 0; i < STEPS; i++)
        step();
    for (int i = 0; i < OWNERS; i++)
        set(i, F_UNLCK, 0, 0);
    check_many();
    CHECK_OK(unlink(PATH));
    return 0;
}
