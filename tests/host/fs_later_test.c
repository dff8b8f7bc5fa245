/* SPDX-License-Identifier: MIT */
/* Files whose pages come from a device: which calls wait for it, and which of their pages are to be
 * written back. The device is the test. */
#include "tests/host/fs_fake.h"

#include "kernel/fs/page_cache/page_cache.h"
#include "kernel/fs/page_cache/page_state.h"
#include "kernel/syscall/handlers.h"

#define OK(call) assert_int_equal((call), 0)
#define PAGES    4

static struct task *task;
static struct fake_balance before;
static struct inode *inode;
static char bytes[2 * PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

static struct frame *filling;
static uint64_t filling_index;
static unsigned fills;

static void device_fill(struct page_cache *map, uint64_t index, struct frame *frame)
{
    (void)map;
    assert_null(filling);
    filling = frame;
    filling_index = index;
    fills++;
}

static const struct page_cache_ops device = {.fill = device_fill};

/* As soon as a call waits. */
static int device_delivers(struct waitq *queue)
{
    struct frame *frame = filling;

    (void)queue;
    assert_non_null(frame);
    filling = NULL;
    memset(frame_address(frame), 'D', PAGE_SIZE);
    page_cache_fill_end(&inode->map, filling_index, frame, true);
    return 0;
}

/* Descriptor 0: a file of PAGES pages on the device. */
static int setup(void **state)
{
    (void)state;
    task = fake_task_create();
    before = fake_balance();
    OK(sys_open(task, user("/f"), LX_O_CREAT | LX_O_RDWR, 0644));
    inode = fd_find(task->files, 0).file->inode;
    page_cache_set_backing(&inode->map, &device, PAGES * PAGE_SIZE);
    mutex_lock(&inode->lock);
    inode_set_size_locked(inode, PAGES * PAGE_SIZE);
    mutex_unlock(&inode->lock);
    fake_on_wait = device_delivers;
    fills = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_on_wait = NULL;
    fake_set_bad_range(NULL, 0, false);
    OK(sys_close(task, 0));
    OK(sys_unlink(task, user("/f")));
    fake_assert_balance(before);
    fake_task_destroy(task);
    return 0;
}

static bool is_dirty(uint64_t index)
{
    struct frame *frame = page_cache_find(&inode->map, index, true);
    bool dirty = frame && (page_flags(frame) & PAGE_DIRTY);

    if (frame)
        frame_put(frame);
    return dirty;
}

static void dirty_are(bool first, bool second, bool third)
{
    assert_int_equal(is_dirty(0), first);
    assert_int_equal(is_dirty(1), second);
    assert_int_equal(is_dirty(2), third);
}

/* What a write has changed is to be written back, and nothing else. */
static void test_write(void **state)
{
    (void)state;
    assert_int_equal(sys_pwrite64(task, 0, user("new"), 3, PAGE_SIZE + 1), 3);
    assert_int_equal(fills, 1); /* the rest of the page had to be there before */
    dirty_are(false, true, false);
    assert_int_equal(sys_pread64(task, 0, user(bytes), 2 * PAGE_SIZE, PAGE_SIZE - 1),
                     2 * PAGE_SIZE);
    assert_memory_equal(bytes, "DDnewDD", 7);
    dirty_are(false, true, false);
    assert_int_equal(sys_pread64(task, 0, user(bytes), 1, 2 * PAGE_SIZE), 1);
    dirty_are(false, true, false);
}

/* Of which nothing arrived: nothing is to be written. */
static void test_write_of_nothing(void **state)
{
    char *gone = bytes + PAGE_SIZE;

    (void)state;
    fake_set_bad_range(gone, PAGE_SIZE, false);
    assert_int_equal(sys_pread64(task, 0, user(bytes), 1, 0), 1);
    assert_int_equal(sys_pwrite64(task, 0, user(gone), 10, 0), -EFAULT);
    dirty_are(false, false, false);
}

static int map_page(uint64_t index, bool write)
{
    struct vm_page_range range = {.index = index, .count = 1, .write = write};
    struct vm_pager *pager = file_pager(fd_find(task->files, 0).file);
    int err;

    while ((err = pager->ops->map_range(pager, &range)) == -EAGAIN)
        OK(pager->ops->await(pager, index));
    if (!err)
        frame_put(range.frames[0]);
    return err;
}

/* A page that a program may store into is to be written back, one that it only reads is not. */
static void test_mapping(void **state)
{
    (void)state;
    OK(map_page(0, false));
    OK(map_page(1, true));
    assert_int_equal(fills, 2);
    dirty_are(false, true, false);
    OK(map_page(0, true));
    dirty_are(true, true, false);
}

/* Files that are memory have nothing to be written back. */
static void test_memory(void **state)
{
    struct frame *frame;
    int fd = (int)sys_open(task, user("/"), LX_O_TMPFILE | LX_O_RDWR, 0600);

    (void)state;
    assert_int_equal(sys_write(task, fd, user("text"), 4), 4);
    frame = page_cache_find(&fd_find(task->files, fd).file->inode->map, 0, true);
    assert_int_equal(page_flags(frame), 0);
    frame_put(frame);
    OK(sys_close(task, fd));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_write), TEST(test_write_of_nothing),
                                       TEST(test_mapping), TEST(test_memory)};

    return cmocka_run_group_tests(tests, fake_start, NULL);
}
