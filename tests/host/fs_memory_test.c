/* SPDX-License-Identifier: MIT */
/* Calls on files without memory: whichever allocation fails, the call says so, nothing is kept, and
 * it does the whole once there is memory. (Calls on names are in fs_ramfs_test.c.) */
#include "tests/host/fs_fake.h"

#include "kernel/dev/mem.h"
#include "kernel/fs/devfs/devfs.h"
#include "kernel/syscall/handlers.h"
#include "shared/linux/poll.h"
#include "shared/linux/uio.h"

#define OK(call)    assert_int_equal((call), 0)
#define SEGMENTS    20  /* more than there is room for on the stack */
#define DESCRIPTORS 200 /* the same of poll and select */

enum { A_FILE, OTHER_FILE, A_DIRECTORY, PIPE_OUT, PIPE_IN, NOWHERE };

static struct task *task;
static char bytes[4096];
static struct lx_iovec segments[SEGMENTS];

/* --- the calls, and what each of them gives --- */

static int64_t call_readv(void)
{
    return sys_preadv(task, A_FILE, user(segments), SEGMENTS, 0, 0);
}

static int64_t call_writev(void)
{
    return sys_pwritev(task, A_FILE, user(segments), SEGMENTS, 0, 0);
}

static int64_t call_poll(void)
{
    static struct lx_pollfd entries[DESCRIPTORS];

    for (unsigned i = 0; i < DESCRIPTORS; i++)
        entries[i] = (struct lx_pollfd){.fd = A_FILE, .events = LX_POLLIN};
    return sys_poll(task, user(entries), DESCRIPTORS, 0);
}

static int64_t call_select(void)
{
    static uint64_t sets[3][64];

    memset(sets, 0, sizeof(sets));
    sets[0][0] = 1u << A_FILE | 1u << A_DIRECTORY;
    return sys_select(task, 64 * 64, user(sets[0]), user(sets[1]), user(sets[2]),
                      user(&(uint64_t[2]){0, 0}));
}

static int64_t call_sendfile(void)
{
    return sys_sendfile(task, OTHER_FILE, A_FILE, user(&(int64_t){0}), 100);
}

static int64_t call_copy(void)
{
    return sys_copy_file_range(task, A_FILE, user(&(int64_t){0}), OTHER_FILE, user(&(int64_t){0}),
                               100, 0);
}

/* From a pipe, which then has to be filled again, to /dev/null. */
static int64_t call_splice(void)
{
    return sys_splice(task, PIPE_OUT, user(NULL), NOWHERE, user(NULL), 5, 0);
}

static void fill_pipe(void)
{
    assert_int_equal(sys_write(task, PIPE_IN, user("bytes"), 5), 5);
}

static int64_t call_list(void)
{
    OK(sys_lseek(task, A_DIRECTORY, 0, LX_SEEK_SET));
    return sys_getdents64(task, A_DIRECTORY, user(bytes), sizeof(bytes)) > 0 ? 0 : -ENOMEM;
}

static int64_t call_pipe_size(void)
{
    return sys_fcntl(task, PIPE_OUT, LX_F_SETPIPE_SZ, 32 * PAGE_SIZE);
}

static void undo_pipe_size(void)
{
    assert_int_equal(sys_fcntl(task, PIPE_OUT, LX_F_SETPIPE_SZ, 16 * PAGE_SIZE), 16 * PAGE_SIZE);
}

static int64_t call_flock(void)
{
    return sys_flock(task, A_FILE, LX_LOCK_EX);
}

static void undo_flock(void)
{
    OK(sys_flock(task, A_FILE, LX_LOCK_UN));
}

static int64_t record(int type)
{
    struct lx_flock lock = {.l_type = (int16_t)type, .l_len = 10};

    return sys_fcntl(task, A_FILE, LX_F_OFD_SETLK, (uint64_t)&lock);
}

static int64_t call_lock(void)
{
    return record(LX_F_WRLCK);
}

static void undo_lock(void)
{
    OK(record(LX_F_UNLCK));
}

static int64_t call_allocate(void)
{
    return sys_fallocate(task, OTHER_FILE, 0, 5 * PAGE_SIZE, 3 * PAGE_SIZE);
}

static int64_t call_write_new(void)
{
    return sys_pwrite64(task, OTHER_FILE, user(bytes), 10, 100 * PAGE_SIZE);
}

static void undo_growth(void)
{
    OK(sys_ftruncate(task, OTHER_FILE, 100));
}

static int64_t call_open(void)
{
    return sys_open(task, user("/a"), LX_O_RDWR, 0);
}

static int64_t call_temporary(void)
{
    return sys_open(task, user("/"), LX_O_TMPFILE | LX_O_RDWR, 0600);
}

static void undo_open(void)
{
    OK(sys_close(task, NOWHERE + 1));
}

static const struct {
    const char *what;
    int64_t (*call)(void);
    int64_t result;
    void (*undo)(void);
} calls[] = {
    {"preadv", call_readv, SEGMENTS, NULL},
    {"pwritev", call_writev, SEGMENTS, NULL},
    {"poll", call_poll, DESCRIPTORS, NULL},
    {"select", call_select, 2, NULL},
    {"sendfile", call_sendfile, 100, NULL},
    {"copy_file_range", call_copy, 100, NULL},
    {"splice", call_splice, 5, fill_pipe},
    {"getdents", call_list, 0, NULL},
    {"F_SETPIPE_SZ", call_pipe_size, 32 * PAGE_SIZE, undo_pipe_size},
    {"flock", call_flock, 0, undo_flock},
    {"F_OFD_SETLK", call_lock, 0, undo_lock},
    {"fallocate", call_allocate, 0, undo_growth},
    {"pwrite", call_write_new, 10, undo_growth},
    {"open", call_open, NOWHERE + 1, undo_open},
    {"O_TMPFILE", call_temporary, NOWHERE + 1, undo_open},
};

static int start(void **state)
{
    int ends[2];

    fake_start(state);
    task = fake_task_create();
    OK(mem_devices_init());
    OK(sys_mknod(task, user("/null"), LX_S_IFCHR | 0666, 1 << 8 | 3));
    assert_int_equal(sys_open(task, user("/a"), LX_O_CREAT | LX_O_RDWR, 0644), A_FILE);
    assert_int_equal(sys_open(task, user("/b"), LX_O_CREAT | LX_O_RDWR, 0644), OTHER_FILE);
    assert_int_equal(sys_open(task, user("/"), LX_O_RDONLY, 0), A_DIRECTORY);
    OK(sys_pipe2(task, user(ends), 0));
    assert_int_equal(sys_open(task, user("/null"), LX_O_WRONLY, 0), NOWHERE);
    assert_int_equal(sys_write(task, A_FILE, user(bytes), 100), 100);
    assert_int_equal(sys_write(task, OTHER_FILE, user(bytes), 100), 100);
    fill_pipe();
    assert_int_equal(sys_fcntl(task, A_FILE, LX_F_DUPFD, 1000), 1000); /* select looks so far */
    OK(sys_close(task, 1000));
    for (unsigned i = 0; i < SEGMENTS; i++)
        segments[i] = (struct lx_iovec){(uint64_t)(bytes + i), 1};
    return 0;
}

static int end(void **state)
{
    (void)state;
    fake_task_destroy(task);
    return 0;
}

static void whole(unsigned i)
{
    int64_t result = calls[i].call();

    if (result != calls[i].result)
        fail_msg("%s: %d", calls[i].what, (int)result);
    if (calls[i].undo)
        calls[i].undo();
}

static void test_without_memory(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct fake_balance before;
        bool failed = true;

        whole(i); /* what grows for good has grown */
        before = fake_balance();
        for (int n = 0; failed; n++) {
            int64_t result;

            assert_true(n < 50);
            fake_fail_allocation(n);
            result = calls[i].call();
            failed = fake_allocation_failed();
            fake_fail_allocation(-1);
            if (failed != (result < 0) || (!failed && result != calls[i].result))
                fail_msg("%s, allocation %d: %d", calls[i].what, n, (int)result);
            if (failed && result != -ENOMEM && result != -ENOSPC && result != -ENOLCK)
                fail_msg("%s, allocation %d: error %d", calls[i].what, n, (int)result);
            if (!failed && calls[i].undo)
                calls[i].undo();
            fake_assert_balance(before);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_without_memory)};

    return cmocka_run_group_tests(tests, start, end);
}
