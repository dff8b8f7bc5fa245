/* SPDX-License-Identifier: MIT */
/* The root from an archive: what it holds is there, what is wrong with it is said in a sentence. */
#define _GNU_SOURCE
#include "tests/host/fs_fake.h"

#include "kernel/fs/ramfs/initrd.h"
#include "kernel/syscall/handlers.h"
#include "tests/host/cpio_builder.h"

#define OK(call) assert_int_equal((call), 0)

static struct task *task;
static struct cpio_build build;
static struct initrd_report report;

static int setup(void **state)
{
    (void)state;
    task = fake_task_create();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_task_destroy(task);
    return 0;
}

static void begin(void)
{
    memset(&build, 0, sizeof(build));
}

static void add(const char *name, uint32_t mode, const char *data)
{
    cpio_build_add(&build, &(struct cpio_build_entry){
                               .name = name, .mode = mode, .data = data, .size = strlen(data)});
}

/* A further name of one file: as cpio writes them, with the number of the entry before. */
static void add_link(const char *name, uint32_t mode, const char *data, bool first)
{
    if (!first)
        build.next_ino--;
    cpio_build_add(&build,
                   &(struct cpio_build_entry){
                       .name = name, .mode = mode, .nlink = 2, .data = data, .size = strlen(data)});
}

/* The archive goes to the pinned frames, where the loader would have put it. */
static int populate(void)
{
    cpio_build_trailer(&build);
    memcpy(fake_arena, build.bytes, build.size);
    return initrd_populate(fake_arena, build.size, &report);
}

static struct lx_stat stat_of(const char *path)
{
    struct lx_stat st = {0};

    OK(sys_lstat(task, user(path), user(&st)));
    return st;
}

static void assert_content(const char *path, const char *wanted)
{
    char text[100] = {0};
    int fd = (int)sys_open(task, user(path), LX_O_RDONLY, 0);

    assert_true(fd >= 0);
    assert_int_equal(sys_read(task, fd, user(text), sizeof(text)), strlen(wanted));
    assert_string_equal(text, wanted);
    OK(sys_close(task, fd));
}

static void test_all_kinds(void **state)
{
    char text[100] = {0};

    (void)state;
    begin();
    add(".", LX_S_IFDIR | 0750, "");
    add("bin", LX_S_IFLNK | 0777, "usr/bin");
    add("usr", LX_S_IFDIR | 0711, "");
    add("usr/bin", LX_S_IFDIR | 0755, "");
    add("bin/prog", LX_S_IFREG | 04755, "program"); /* through the symlink */
    add_link("usr/one", LX_S_IFREG | 0644, "", true);
    add_link("usr/two", LX_S_IFREG | 0644, "linked", false);
    cpio_build_add(&build, &(struct cpio_build_entry){.name = "node",
                                                      .mode = LX_S_IFCHR | 0620,
                                                      .rdev_major = 4,
                                                      .rdev_minor = 64,
                                                      .uid = 3,
                                                      .gid = 5,
                                                      .mtime = 1234});
    add("fifo", LX_S_IFIFO | 0600, "");
    add("usr/bin/prog", LX_S_IFREG | 0700, "later wins");
    add("usr", LX_S_IFDIR | 0700, "");
    OK(populate());
    assert_string_equal(report.fault, "");
    assert_int_equal(report.nentries, 11);
    assert_int_equal(stat_of("/").st_mode, LX_S_IFDIR | 0750);
    assert_int_equal(stat_of("/usr").st_mode, LX_S_IFDIR | 0700);
    assert_int_equal(stat_of("/node").st_rdev, 4 << 8 | 64);
    assert_int_equal(stat_of("/node").st_uid, 3);
    assert_int_equal(stat_of("/node").st_gid, 5);
    assert_int_equal(stat_of("/node").st_mtime_sec, 1234);
    assert_int_equal(stat_of("/fifo").st_mode, LX_S_IFIFO | 0600);
    assert_int_equal(stat_of("/usr/one").st_nlink, 2);
    assert_int_equal(stat_of("/usr/one").st_ino, stat_of("/usr/two").st_ino);
    assert_content("/usr/one", "linked");
    assert_content("/bin/prog", "later wins");
    assert_int_equal(sys_readlink(task, user("/bin"), user(text), 99), 7);
    assert_string_equal(text, "usr/bin");
    assert_int_equal(stat_of("/dev").st_mode, LX_S_IFDIR | 0755);
    assert_int_equal(stat_of("/proc").st_mode, LX_S_IFDIR | 0555);
    assert_int_equal(stat_of("/tmp").st_mode, LX_S_IFDIR | 01777);
    assert_int_equal(fs_orphans(), 0);

    /* Writing changes the file, not the archive. */
    int fd = (int)sys_open(task, user("/usr/one"), LX_O_RDWR, 0);
    assert_int_equal(sys_pwrite64(task, fd, user("L"), 1, 0), 1);
    OK(sys_close(task, fd));
    assert_content("/usr/two", "Linked");
    assert_non_null(memmem(fake_arena, build.size, "linked", 6));
}

static void test_aligned_data_stays_in_place(void **state)
{
    static char page[PAGE_SIZE];
    struct vm_page_range range = {.count = 1};
    struct frame *frame;
    struct file *file;
    size_t header;

    (void)state;
    begin();
    memset(page, 'P', sizeof(page));
    /* The name is filled up so that the data begins on a page border. */
    header = 110 + sizeof("aligned");
    cpio_build_add(&build,
                   &(struct cpio_build_entry){.name = "aligned",
                                              .name_padding = (uint32_t)(PAGE_SIZE - header),
                                              .mode = LX_S_IFREG | 0644,
                                              .data = page,
                                              .size = sizeof(page)});
    OK(populate());
    assert_int_equal(report.nbytes_in_place, PAGE_SIZE);
    OK(fs_open_path(task->fs, "/aligned", LX_O_RDONLY, 0, &file));
    OK(file_pager(file)->ops->map_range(file_pager(file), &range));
    frame = range.frames[0];
    assert_ptr_equal(frame, &pmm_frames[1]);
    frame_put(frame);
    /* For a shared writable mapping it must be the file's own. */
    range.write = true;
    OK(file_pager(file)->ops->map_range(file_pager(file), &range));
    frame = range.frames[0];
    assert_ptr_not_equal(frame, &pmm_frames[1]);
    assert_int_equal(*(char *)frame_address(frame), 'P');
    frame_put(frame);
    file_put(file);
}

static void refused(const char *why)
{
    assert_int_equal(populate(), -EINVAL);
    if (!strstr(report.fault, why))
        fail_msg("said: %s", report.fault);
}

static void test_faults(void **state)
{
    static char long_name[300], long_target[4200];

    (void)state;
    memset(long_name, 'n', 299);
    memset(long_target, 't', 4199);
    begin();
    add("no/such/directory", LX_S_IFREG, "x");
    refused("directory it lies in");
    begin();
    add("x", LX_S_IFREG, "x");
    add("x/y", LX_S_IFREG, "x");
    refused("directory it lies in");
    begin();
    add("what", 0, "");
    refused("no type of file");
    begin();
    add("link", LX_S_IFLNK | 0777, "");
    refused("target of 1 to 4095");
    begin();
    add("link", LX_S_IFLNK | 0777, long_target);
    refused("target of 1 to 4095");
    begin();
    cpio_build_add(&build, &(struct cpio_build_entry){
                               .name = "link", .mode = LX_S_IFLNK, .data = "a\0b", .size = 3});
    refused("NUL");
    begin();
    add(long_name, LX_S_IFREG, "x");
    refused("longer than 255");
    begin();
    add("full", LX_S_IFDIR | 0755, "");
    add("full/x", LX_S_IFREG, "x");
    add("full", LX_S_IFREG, "x");
    refused("not empty");
    begin();
    add_link("as-file", LX_S_IFREG, "", true);
    add_link("as-fifo", LX_S_IFIFO, "", false);
    refused("another type");
    begin();
    add(".", LX_S_IFREG, "x");
    refused("root must be a directory");
    memset(fake_arena, 'g', 1000);
    assert_int_equal(initrd_populate(fake_arena, 1000, &report), -EINVAL);
    assert_non_null(strstr(report.fault, "byte 0 of the archive"));
    assert_int_equal(fs_orphans(), 0);
}

/* Whichever allocation fails, it says so, and nothing but what was added is left. */
static void test_no_memory(void **state)
{
    uint64_t objects = 0;
    int err = -ENOMEM;

    (void)state;
    for (int n = 0; err; n++) {
        begin();
        add("memory", LX_S_IFDIR | 0755, "");
        add_link("memory/one", LX_S_IFREG | 0644, "", true);
        add_link("memory/two", LX_S_IFREG | 0644, "text", false);
        add("memory/link", LX_S_IFLNK | 0777, "one");
        fake_fail_allocation(n);
        err = populate();
        fake_fail_allocation(-1);
        assert_true(err == 0 || err == -ENOMEM);
        if (err && n > 0)
            assert_non_null(strstr(report.fault, n < 3 ? "error 12" : ""));
        assert_int_equal(fs_orphans(), 0);
        assert_int_equal(file_live_count(), 0);
        assert_true(n < 100);
    }
    objects = fake_balance().objects;
    OK(sys_unlink(task, user("/memory/one")));
    OK(sys_unlink(task, user("/memory/two")));
    OK(sys_unlink(task, user("/memory/link")));
    OK(sys_rmdir(task, user("/memory")));
    /* One directory, two names of one file, one link: four names, three files. */
    assert_int_equal(objects - fake_balance().objects, 4 + 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_kinds),
        cmocka_unit_test(test_aligned_data_stays_in_place),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_no_memory),
    };

    return fake_start(NULL) || cmocka_run_group_tests(tests, setup, teardown);
}
