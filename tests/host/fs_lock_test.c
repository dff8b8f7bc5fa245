/* SPDX-License-Identifier: MIT */
/* Locks of ranges, against a model that keeps a byte's locks in an array; and without memory. */
#include "tests/host/fs_fake.h"

#include "kernel/syscall/handlers.h"

#define NBYTES 12 /* few, so that ranges often touch, and begin or end together */
#define OWNERS 2  /* open files; one more looks on */
#define STEPS  20000

enum held {
    NOTHING,
    SHARED,
    EXCLUSIVE,
};

static struct task *task;
static enum held model[OWNERS][NBYTES];
static uint64_t seed = 5;

static int setup(void **state)
{
    (void)state;
    task = fake_task_create();
    for (int fd = 0; fd <= OWNERS; fd++)
        assert_int_equal(sys_open(task, user("/locks"), LX_O_RDWR | LX_O_CREAT, 0644), fd);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fd_close_range(task->files, 0, 1000, false);
    assert_int_equal(sys_unlink(task, user("/locks")), 0);
    fake_task_destroy(task);
    return 0;
}

static int64_t set(int fd, enum held held, int64_t first, int64_t nbytes)
{
    struct lx_flock lock = {
        .l_type = held == NOTHING  ? LX_F_UNLCK
                  : held == SHARED ? LX_F_RDLCK
                                   : LX_F_WRLCK,
        .l_start = first,
        .l_len = nbytes,
    };

    return sys_fcntl(task, fd, LX_F_OFD_SETLK, (uint64_t)&lock);
}

/* What stands in the way of an exclusive lock of this byte for one who has none. */
static enum held held_at(int64_t byte, struct lx_flock *found)
{
    *found = (struct lx_flock){.l_type = LX_F_WRLCK, .l_start = byte, .l_len = 1};
    assert_int_equal(sys_fcntl(task, OWNERS, LX_F_OFD_GETLK, (uint64_t)found), 0);
    if (found->l_type == LX_F_UNLCK)
        return NOTHING;
    assert_true(found->l_start <= byte && byte < found->l_start + found->l_len);
    return found->l_type == LX_F_RDLCK ? SHARED : EXCLUSIVE;
}

/* The lock found is one owner's: neither more nor less of it has been kept. */
static void assert_whole(const struct lx_flock *lock, enum held held)
{
    int64_t end = lock->l_start + lock->l_len;
    bool is_somebodys = false;

    for (int owner = 0; owner < OWNERS; owner++) {
        const enum held *row = model[owner];
        bool same = (lock->l_start == 0 || row[lock->l_start - 1] != held) &&
                    (end == NBYTES || row[end] != held);

        for (int64_t i = lock->l_start; i < end; i++)
            same = same && row[i] == held;
        is_somebodys = is_somebodys || same;
    }
    assert_true(is_somebodys);
}

static void assert_like_model(void)
{
    for (int64_t byte = 0; byte < NBYTES; byte++) {
        enum held most = MAX(model[0][byte], model[1][byte]);
        struct lx_flock found;

        assert_int_equal(held_at(byte, &found), most);
        if (most != NOTHING)
            assert_whole(&found, most);
    }
}

static void step(void)
{
    int owner = (int)(next_random(&seed) % OWNERS);
    enum held held = next_random(&seed) % 3;
    int64_t first = next_random(&seed) % NBYTES;
    int64_t nbytes = 1 + next_random(&seed) % (uint64_t)(NBYTES - first);
    bool refused = false;

    for (int64_t i = first; i < first + nbytes; i++)
        refused = refused || (held == EXCLUSIVE && model[!owner][i] != NOTHING) ||
                  (held == SHARED && model[!owner][i] == EXCLUSIVE);
    assert_int_equal(set(owner, held, first, nbytes), refused ? -EAGAIN : 0);
    for (int64_t i = first; i < first + nbytes && !refused; i++)
        model[owner][i] = held;
}

static void test_like_the_model(void **state)
{
    struct fake_balance before;

    (void)state;
    assert_int_equal(set(0, SHARED, 0, 1), 0); /* what an inode's first lock needs, it keeps */
    assert_int_equal(set(0, NOTHING, 0, 1), 0);
    before = fake_balance();
    for (unsigned i = 0; i < STEPS; i++) {
        step();
        assert_like_model();
    }
    for (int fd = 0; fd < OWNERS; fd++)
        assert_int_equal(set(fd, NOTHING, 0, NBYTES), 0);
    fake_assert_balance(before);
}

/* A lock in the midst of another needs two new ones. Without memory all is as it was. */
static void test_split_without_memory(void **state)
{
    static const enum held middle[] = {NOTHING, SHARED};
    struct lx_flock found;

    (void)state;
    assert_int_equal(set(0, EXCLUSIVE, 0, NBYTES), 0);
    for (size_t i = 0; i < ARRAY_SIZE(middle); i++) {
        struct fake_balance before = fake_balance();
        int64_t err = -ENOLCK;

        for (int n = 0; err; n++) {
            assert_true(n < 5);
            fake_fail_allocation(n);
            err = set(0, middle[i], 4, 2);
            fake_fail_allocation(-1);
            if (err) {
                assert_int_equal(err, -ENOLCK);
                fake_assert_balance(before);
                assert_int_equal(held_at(4, &found), EXCLUSIVE);
                assert_int_equal(found.l_len, NBYTES);
            }
        }
        assert_int_equal(held_at(4, &found), middle[i]);
        assert_int_equal(held_at(3, &found), EXCLUSIVE);
        assert_int_equal(set(0, EXCLUSIVE, 0, NBYTES), 0);
        fake_assert_balance(before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_like_the_model, setup, teardown),
        cmocka_unit_test_setup_teardown(test_split_without_memory, setup, teardown),
    };

    return cmocka_run_group_tests(tests, fake_start, NULL);
}
