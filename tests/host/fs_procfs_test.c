/* SPDX-License-Identifier: MIT */
/* The file system of /proc above made-up processes: numbers as names, long texts, processes that
 * go, and what cannot be done there. */
#include "tests/host/fs_fake.h"

#include "kernel/fs/procfs/procfs.h"
#include "kernel/lib/fmt.h"
#include "kernel/syscall/handlers.h"
#include "shared/linux/dirent.h"

#define ERR(call, err) assert_int_equal((call), -(err))
#define OK(call)       assert_int_equal((call), 0)

#define NUMBERS     8
#define LONG_NBYTES 20000 /* no power of two, nor a multiple of a piece */
#define PIECES      50
#define OWNER       77
#define GUARDED     5 /* a process that the caller may not look into */

static const int numbers[NUMBERS] = {1, 5, 9, 10, 99999, 1234567, 12345678, 999999999};
static int gone; /* a process that has ended */

static struct task *task;
static struct fake_balance before;
static char bytes[LONG_NBYTES * 2];

/* --- what the room that knows processes would give --- */

static int show_number(const struct procfs_node *node, struct procfs_text *text)
{
    if (node->pid == gone)
        return -ESRCH;
    procfs_print(text, "%d\n", node->pid);
    return 0;
}

static int show_long(const struct procfs_node *node, struct procfs_text *text)
{
    (void)node;
    for (unsigned i = 0; i < LONG_NBYTES; i++)
        procfs_put(text, &(char){(char)('a' + i % 26)}, 1);
    return 0;
}

/* A line each time that it is asked. */
static int show_pieces(const struct procfs_node *node, struct procfs_text *text)
{
    (void)node;
    procfs_print(text, "line %3u\n", (unsigned)text->cursor);
    text->more = ++text->cursor < PIECES;
    return 0;
}

static int show_nothing(const struct procfs_node *node, struct procfs_text *text)
{
    (void)node, (void)text;
    return 0;
}

static int take(const struct procfs_node *node, struct user_iter *io)
{
    char word[4];

    (void)node;
    return user_iter_get(io, word, 4) == 4 && memcmp(word, "word", 4) == 0 ? 0 : -EINVAL;
}

static int64_t read_link(const struct procfs_node *node, char *text, size_t size)
{
    if (node->pid == gone)
        return -ENOENT;
    return (int64_t)fmt_print(text, size, "%d", node->pid);
}

static const struct procfs_entry of_process[] = {
    PROCFS_TEXT("number", 0444, show_number),
    PROCFS_TEXT("long", 0444, show_long),
    PROCFS_TEXT("pieces", 0444, show_pieces),
    {.name = "guarded", .mode = LX_S_IFREG | 0444, .guarded = true, .show = show_nothing},
    {.name = "writable", .mode = LX_S_IFREG | 0644, .show = show_nothing, .write = take},
    {.name = "link", .mode = LX_S_IFLNK | 0777, .readlink = read_link},
};
static const struct procfs_dir process_dir = {.entries = of_process,
                                              .count = ARRAY_SIZE(of_process)};
static const struct procfs_entry process_entry = {.mode = LX_S_IFDIR | 0555, .dir = &process_dir};

static int process_next(const struct procfs_node *dir, int number)
{
    (void)dir;
    for (unsigned i = 0; i < NUMBERS; i++)
        if (numbers[i] >= number && numbers[i] != gone)
            return numbers[i];
    return PROCFS_NONE;
}

static int process_find(const struct procfs_node *dir, int number, struct procfs_node *out)
{
    (void)dir;
    if (process_next(dir, number) != number)
        return -ENOENT;
    out->entry = &process_entry;
    out->pid = number;
    out->serial = (uint64_t)number + 1000;
    return 0;
}

static int owner(const struct procfs_node *node, uint32_t *uid, uint32_t *gid)
{
    *uid = *gid = OWNER;
    return node->pid == gone ? -ENOENT : 0;
}

static uint32_t generation(const struct procfs_node *node)
{
    (void)node;
    return 1;
}

static int may_access(const struct procfs_node *node)
{
    return node->pid == GUARDED ? -EACCES : 0;
}

static const struct procfs_ops ops = {
    .processes = {.next = process_next, .find = process_find},
    .owner = owner,
    .generation = generation,
    .access = may_access,
};
static const struct procfs_entry of_system[] = {PROCFS_TEXT("first", 0444, show_long),
                                                PROCFS_TEXT("second", 0400, show_pieces)};

/* --- a tree of its own: names made out of numbers, files of a size --- */

#define TREE_MAGIC  0x1234
#define TREE_NBYTES 4096
#define THINGS      3

static int show_block(const struct procfs_node *node, struct procfs_text *text)
{
    static char block[LONG_NBYTES];

    for (unsigned i = 0; i < LONG_NBYTES; i++)
        block[i] = (char)('a' + i % 26);
    (void)node;
    procfs_put_block(text, block, LONG_NBYTES);
    return 0;
}

static uint64_t block_size(const struct procfs_node *node)
{
    return LONG_NBYTES + (uint64_t)node->pid;
}

static int show_arg(const struct procfs_node *node, struct procfs_text *text)
{
    procfs_print(text, "%u of %d\n", node->entry->arg, node->pid);
    return 0;
}

static const struct procfs_entry of_thing[] = {
    {.name = "block",
     .mode = LX_S_IFREG | 0644,
     .show = show_block,
     .sized = true,
     .size = block_size},
    {.name = "arg", .mode = LX_S_IFREG | 0444, .arg = 7, .show = show_arg},
};
static const struct procfs_dir thing_dir = {.entries = of_thing, .count = ARRAY_SIZE(of_thing)};
static const struct procfs_entry thing_entry = {.mode = LX_S_IFDIR | 0755, .dir = &thing_dir};

static int thing_next(const struct procfs_node *dir, int number)
{
    (void)dir;
    return number < THINGS ? number : PROCFS_NONE;
}

static int thing_find(const struct procfs_node *dir, int number, struct procfs_node *out)
{
    if (thing_next(dir, number) < 0)
        return -ENOENT;
    out->entry = &thing_entry;
    out->pid = number;
    return 0;
}

static void thing_name(const struct procfs_node *out, char *text, size_t size)
{
    fmt_print(text, size, "thing%d", out->pid * 10);
}

static const struct procfs_dir things_dir = {of_system, 1, thing_next, thing_find, thing_name};
static const struct procfs_entry tree_root = {
    .name = "", .mode = LX_S_IFDIR | 0755, .dir = &things_dir};
static const struct procfs_tree tree = {"things", TREE_MAGIC, TREE_NBYTES, &tree_root};

/* --- tests --- */

static int start(void **state)
{
    fake_start(state);
    task = fake_task_create();
    OK(sys_mkdir(task, user("/proc"), 0755));
    procfs_register(&of_system[0], 1);
    procfs_register(&of_system[1], 1);
    OK(procfs_mount(&ops));
    OK(sys_mkdir(task, user("/things"), 0755));
    OK(procfs_tree_mount(&tree, "things"));
    return 0;
}

static int end(void **state)
{
    (void)state;
    fake_task_destroy(task);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    gone = 0;
    before = fake_balance();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fd_close_range(task->files, 0, 1000, false);
    fake_assert_balance(before);
    return 0;
}

static int open_(const char *path)
{
    return (int)sys_open(task, user(path), LX_O_RDONLY, 0);
}

/* The names in a directory, each behind a blank, read with a buffer of that size. */
static const char *names(int fd, unsigned size)
{
    static char list[500];
    int64_t got;

    list[0] = '\0';
    OK(sys_lseek(task, fd, 0, LX_SEEK_SET));
    while ((got = sys_getdents64(task, fd, user(bytes), size)) > 0)
        for (int64_t at = 0; at < got;) {
            struct lx_dirent64 *record = (struct lx_dirent64 *)(bytes + at);

            strcat(list, " ");
            strcat(list, record->d_name);
            at += record->d_reclen;
        }
    OK(got);
    return list;
}

static void test_names(void **state)
{
    static const char all[] = " . .. first second 1 5 9 10 99999 1234567 12345678 999999999";
    int root = open_("/proc"), process;

    (void)state;
    assert_string_equal(names(root, sizeof(bytes)), all);
    for (unsigned size = 32; size < 300; size += 4) /* wherever a buffer ends */
        assert_string_equal(names(root, size), all);
    OK(sys_lseek(task, root, 0, LX_SEEK_SET));
    ERR(sys_getdents64(task, root, user(bytes), 20), EINVAL);
    gone = 99999;
    assert_string_equal(names(root, 64), " . .. first second 1 5 9 10 1234567 12345678 999999999");
    process = open_("/proc/12345678");
    assert_string_equal(names(process, 64), " . .. number long pieces guarded writable link");
}

static void test_numbers(void **state)
{
    static const char *const wrong[] = {"0",          "2",          "01",  "+1",    "-1",
                                        "1x",         "x1",         " 1",  "1 ",    "00",
                                        "1000000000", "4294967297", "fir", "firsts"};
    char path[64];

    (void)state;
    for (unsigned i = 0; i < NUMBERS; i++) {
        int fd, len = snprintf(bytes, 32, "%d\n", numbers[i]);

        snprintf(path, sizeof(path), "/proc/%d/number", numbers[i]);
        fd = open_(path);
        assert_int_equal(sys_read(task, fd, user(bytes + 100), 32), len);
        assert_memory_equal(bytes, bytes + 100, (size_t)len);
    }
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        snprintf(path, sizeof(path), "/proc/%s", wrong[i]);
        ERR(open_(path), ENOENT);
    }
}

/* However long it is and however it is read, a text is the same. */
static void test_texts(void **state)
{
    int whole = open_("/proc/1/long"), pieces = open_("/proc/1/pieces");
    size_t size = 0;
    int64_t got;

    (void)state;
    for (size_t step = 1; (got = sys_read(task, whole, user(bytes + size), step)) > 0; step += 7)
        size += (size_t)got;
    assert_int_equal(size, LONG_NBYTES);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(bytes[i], 'a' + i % 26);
    assert_int_equal(sys_pread64(task, whole, user(bytes), 5, LONG_NBYTES - 2), 2);
    OK(sys_pread64(task, whole, user(bytes), 5, LONG_NBYTES));
    ERR(sys_pread64(task, whole, (struct uptr){8}, 5, 0), EFAULT);
    for (int i = 0; i < PIECES; i++) {
        char line[16];

        snprintf(line, sizeof(line), "line %3d\n", i);
        assert_int_equal(sys_read(task, pieces, user(bytes), 100), 9);
        assert_memory_equal(bytes, line, 9);
    }
    OK(sys_read(task, pieces, user(bytes), 100));
    /* Back, and far behind the piece that is kept. */
    assert_int_equal(sys_pread64(task, pieces, user(bytes), 100, 9 * 7 + 5), 4);
    assert_memory_equal(bytes, "  7\n", 4);
    assert_int_equal(sys_pread64(task, pieces, user(bytes), 100, 9 * 40), 9);
    assert_memory_equal(bytes, "line  40\n", 9);
    OK(sys_pread64(task, pieces, user(bytes), 100, 9 * PIECES + 1));
}

static void test_text_without_memory(void **state)
{
    int fd = open_("/proc/1/long");
    int64_t got = -ENOMEM;

    (void)state;
    for (int n = 0; got == -ENOMEM; n++) {
        fake_fail_allocation(n);
        got = sys_pread64(task, fd, user(bytes), 100, 0);
        assert_int_equal(got < 0, fake_allocation_failed());
        fake_fail_allocation(-1);
        assert_true(n < 10);
    }
    assert_int_equal(got, 100);
}

/* A process that has gone: what was open of it finds none, and nothing more can be opened. */
static void test_gone(void **state)
{
    int dir = open_("/proc/10"), fd = open_("/proc/10/number");
    struct lx_stat st;

    (void)state;
    OK(sys_fstat(task, fd, user(&st)));
    assert_true(st.st_uid == OWNER && st.st_gid == OWNER);
    gone = 10;
    ERR(sys_read(task, fd, user(bytes), 10), ESRCH);
    ERR(sys_getdents64(task, dir, user(bytes), 1000), ENOENT);
    ERR(sys_openat(task, dir, user("number"), LX_O_RDONLY, 0), ENOENT);
    ERR(open_("/proc/10"), ENOENT);
    OK(sys_fstat(task, fd, user(&st)));
    assert_int_equal(st.st_uid, OWNER); /* the last that it had */
}

static void test_rights(void **state)
{
    int fd;

    (void)state;
    assert_true(open_("/proc/1/guarded") >= 0);
    ERR(open_("/proc/5/guarded"), EACCES);
    assert_true(open_("/proc/5/number") >= 0);
    fd = (int)sys_open(task, user("/proc/1/writable"), LX_O_RDWR, 0);
    assert_int_equal(sys_write(task, fd, user("word"), 4), 4);
    ERR(sys_write(task, fd, user("other"), 5), EINVAL);
    fd = (int)sys_open(task, user("/proc/1/number"), LX_O_RDWR, 0); /* root may; it takes nothing */
    ERR(sys_write(task, fd, user("word"), 4), EINVAL);
    assert_int_equal(sys_readlink(task, user("/proc/12345678/link"), user(bytes), 100), 8);
    assert_memory_equal(bytes, "12345678", 8);
    ERR(sys_open(task, user("/proc/new"), LX_O_CREAT | LX_O_RDWR, 0644), ENOENT);
    ERR(sys_symlink(task, user("text"), user("/proc/new")), ENOENT);
}

static void test_tree(void **state)
{
    static const char *const wrong[] = {"0", "10", "thing", "thing1", "thing30", "thing010"};
    int root = open_("/things"), fd;
    struct lx_statfs fs;
    struct lx_stat st;
    char path[64];

    (void)state;
    for (unsigned size = 32; size < 300; size += 4)
        assert_string_equal(names(root, size), " . .. first thing0 thing10 thing20");
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
        snprintf(path, sizeof(path), "/things/%s", wrong[i]);
        ERR(open_(path), ENOENT);
    }
    fd = open_("/things/thing20/arg");
    assert_int_equal(sys_read(task, fd, user(bytes), 100), 7);
    assert_memory_equal(bytes, "7 of 2\n", 7);
    OK(sys_fstat(task, fd, user(&st)));
    assert_int_equal(st.st_size, TREE_NBYTES);
    fd = (int)sys_open(task, user("/things/thing10/block"), LX_O_RDWR, 0);
    OK(sys_fstat(task, fd, user(&st)));
    assert_int_equal(st.st_size, LONG_NBYTES + 1);
    /* In pieces, and whole: the same bytes; the size is not taken for a place to write to. */
    for (size_t at = 0, got; at < LONG_NBYTES; at += got) {
        got = (size_t)sys_pread64(task, fd, user(bytes), LONG_NBYTES, (int64_t)at);
        assert_true(got > 0 && at + got <= LONG_NBYTES);
        for (size_t i = 0; i < got; i++)
            assert_int_equal(bytes[i], 'a' + (at + i) % 26);
    }
    OK(sys_pread64(task, fd, user(bytes), 1, LONG_NBYTES));
    ERR(sys_write(task, fd, user("word"), 4), EINVAL);
    OK(sys_statfs(task, user("/things"), user(&fs)));
    assert_int_equal(fs.f_type, TREE_MAGIC);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_names), TEST(test_numbers), TEST(test_texts), TEST(test_text_without_memory),
        TEST(test_gone),  TEST(test_rights),  TEST(test_tree),
    };

    return cmocka_run_group_tests(tests, start, end);
}
