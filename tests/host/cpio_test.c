/* SPDX-License-Identifier: MIT */
/*
 * tests/host/cpio_test.c - lib/cpio.c: archives of our own, archives of cpio(1), broken archives
 */
#include "tests/host/check.h"

#include <ctype.h>
#include <sys/stat.h>

#include "kernel/lib/cpio.h"
#include "shared/linux/errno.h"
#include "tests/host/cpio_builder.h"

static struct cpio_build build;
static char name_buffer[CPIO_NAME_SIZE];

static int reset(void **state)
{
    (void)state;
    memset(&build, 0, sizeof(build));
    return 0;
}

static void add_file(const char *name, const char *data)
{
    struct cpio_build_entry entry = {
        .name = name,
        .mode = S_IFREG | 0644,
        .data = data,
        .size = strlen(data),
    };

    cpio_build_add(&build, &entry);
}

/* Reads what is built, from memory of exactly its size, to the end; returns the last result and the
 * reason if it is negative. */
static int read_all(const char **reason, unsigned *out_count)
{
    void *archive = exact_copy(build.bytes, build.size);
    struct cpio_reader reader;
    struct cpio_entry entry;
    int result;

    *out_count = 0;
    cpio_init(&reader, archive, build.size, name_buffer);
    while ((result = cpio_next(&reader, &entry)) > 0)
        ++*out_count;
    *reason = reader.reason;
    free(archive);
    return result;
}

static void expect_refused(const char *words)
{
    const char *reason;
    unsigned count;

    if (read_all(&reason, &count) != -EINVAL)
        fail_msg("not refused, expected: %s", words);
    if (!reason || !strstr(reason, words))
        fail_msg("refused with \"%s\" instead of \"%s\"", reason, words);
}

static void test_every_field(void **state)
{
    struct cpio_reader reader;
    struct cpio_entry entry;

    (void)state;
    cpio_build_add(&build, &(struct cpio_build_entry){.name = "dev", .mode = S_IFDIR | 0755});
    cpio_build_add(&build, &(struct cpio_build_entry){
                               .name = "dev/null",
                               .mode = S_IFCHR | 0666,
                               .uid = 1,
                               .gid = 2,
                               .nlink = 3,
                               .mtime = 0xfedcba98,
                               .rdev_major = 1,
                               .rdev_minor = 3,
                           });
    cpio_build_add(&build,
                   &(struct cpio_build_entry){
                       .name = "link", .mode = S_IFLNK | 0777, .data = "target", .size = 6});
    cpio_build_trailer(&build);

    cpio_init(&reader, build.bytes, build.size, name_buffer);
    assert_int_equal(cpio_next(&reader, &entry), 1);
    assert_string_equal(entry.name, "dev");
    assert_int_equal(entry.mode, S_IFDIR | 0755);
    assert_int_equal(cpio_next(&reader, &entry), 1);
    assert_string_equal(entry.name, "dev/null");
    assert_int_equal(entry.name_length, 8);
    assert_int_equal(entry.ino, 2);
    assert_int_equal(entry.mode, S_IFCHR | 0666);
    assert_int_equal(entry.uid, 1);
    assert_int_equal(entry.gid, 2);
    assert_int_equal(entry.nlink, 3);
    assert_int_equal(entry.mtime, 0xfedcba98);
    assert_int_equal(entry.dev_major, 8);
    assert_int_equal(entry.dev_minor, 1);
    assert_int_equal(entry.rdev_major, 1);
    assert_int_equal(entry.rdev_minor, 3);
    assert_int_equal(entry.size, 0);
    assert_int_equal(cpio_next(&reader, &entry), 1);
    assert_int_equal(entry.size, 6);
    assert_memory_equal(entry.data, "target", 6);
    assert_int_equal(cpio_next(&reader, &entry), 0);
    assert_int_equal(cpio_next(&reader, &entry), 0); /* and stays there */
}

static void test_names_are_normalised(void **state)
{
    static const char *const pairs[][2] = {
        {".", ""},
        {"./", ""},
        {"/", ""},
        {"./bin/sh", "bin/sh"},
        {"/etc", "etc"},
        {"usr/", "usr"},
        {"a//b/./c", "a/b/c"},
        {"...", "..."},
        {".a", ".a"},
        {"a/..b", "a/..b"},
        {"././x/.", "x"},
        {"a b", "a b"},
    };
    struct cpio_reader reader;
    struct cpio_entry entry;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
        add_file(pairs[i][0], "");
    cpio_build_trailer(&build);
    cpio_init(&reader, build.bytes, build.size, name_buffer);
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        assert_int_equal(cpio_next(&reader, &entry), 1);
        assert_string_equal(entry.name, pairs[i][1]);
        assert_int_equal(entry.name_length, strlen(pairs[i][1]));
    }
    assert_int_equal(cpio_next(&reader, &entry), 0);
}

static void test_names_that_lead_out(void **state)
{
    static const char *const names[] = {"..", "../etc/passwd", "a/../b", "/..", "a/.."};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        reset(state);
        add_file(names[i], "");
        cpio_build_trailer(&build);
        expect_refused("leads out");
    }
}

static void test_padded_names_align_data(void **state)
{
    struct cpio_build_entry entry = {.name = "aligned", .data = "x", .size = 1};
    struct cpio_reader reader;
    struct cpio_entry got;

    (void)state;
    entry.name_padding = 4096 - 110 - 8;
    cpio_build_add(&build, &entry);
    entry.name_padding = 8192 - 8; /* the longest name field */
    cpio_build_add(&build, &entry);
    cpio_build_trailer(&build);
    cpio_init(&reader, build.bytes, build.size, name_buffer);
    assert_int_equal(cpio_next(&reader, &got), 1);
    assert_string_equal(got.name, "aligned");
    assert_int_equal(got.data - build.bytes, 4096);
    assert_int_equal(cpio_next(&reader, &got), 1);
    assert_int_equal(cpio_next(&reader, &got), 0);

    reset(state);
    entry.name_padding++;
    cpio_build_add(&build, &entry);
    cpio_build_trailer(&build);
    expect_refused("wrong length");
}

static void test_longest_name(void **state)
{
    char name[CPIO_NAME_SIZE + 1];
    const char *reason;
    unsigned count;

    memset(name, 'n', sizeof(name));
    for (size_t i = 200; i < sizeof(name); i += 200)
        name[i] = '/';
    name[4095] = '\0';
    name[4094] = 'n';
    add_file(name, "");
    cpio_build_trailer(&build);
    assert_int_equal(read_all(&reason, &count), 0);
    assert_int_equal(strlen(name_buffer), 4095);

    reset(state);
    name[4095] = 'n';
    name[4096] = '\0';
    add_file(name, "");
    cpio_build_trailer(&build);
    expect_refused("longer than");
}

/* Every proper prefix is an error: truncation never goes unseen. */
static void test_every_truncation(void **state)
{
    size_t whole, trailer;
    const char *reason;
    unsigned count;

    (void)state;
    add_file("one", "some contents");
    add_file("two", "more");
    trailer = build.size;
    cpio_build_trailer(&build);
    whole = trailer + 110 + 11; /* what follows is padding */
    for (build.size = 0; build.size < whole; build.size++) {
        assert_int_equal(read_all(&reason, &count), -EINVAL);
        assert_non_null(strstr(reason, "truncated"));
    }
    build.size = whole;
    assert_int_equal(read_all(&reason, &count), 0);
    assert_int_equal(count, 2);
}

static void test_broken_headers(void **state)
{
    static const struct {
        size_t offset;
        const char *bytes;
        const char *words;
    } faults[] = {
        {0, "070707", "not a newc"},       {0, "\x1f\x8b\x08", "not a newc"}, /* gzip */
        {6, "0000000g", "hexadecimal"},    {14, "-0000001", "hexadecimal"},
        {54, "ffffffff", "within a file"}, {94, "00000000", "wrong length"},
        {94, "ffffffff", "wrong length"},  {94, "00000003", "without an end"},
        {94, "00002000", "within a name"}, {110, "\0", "an empty name"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        reset(state);
        add_file("name", "data");
        cpio_build_trailer(&build);
        memcpy(build.bytes + faults[i].offset, faults[i].bytes,
               faults[i].bytes[0] ? strlen(faults[i].bytes) : 1);
        expect_refused(faults[i].words);
    }
}

/* Every byte at every place of a field, against the C library. */
static void test_every_digit(void **state)
{
    for (unsigned place = 0; place < 8; place++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            char digits[9] = "9a0F5b8E";
            struct cpio_reader reader;
            struct cpio_entry entry;

            digits[place] = (char)byte;
            reset(state);
            add_file("name", "data");
            memcpy(build.bytes + 46, digits, 8); /* time */
            cpio_init(&reader, build.bytes, build.size, name_buffer);
            if (isxdigit((int)byte)) {
                assert_int_equal(cpio_next(&reader, &entry), 1);
                assert_int_equal(entry.mtime, strtoul(digits, NULL, 16));
            } else {
                assert_int_equal(cpio_next(&reader, &entry), -EINVAL);
            }
        }
    }
}

static void test_upper_case_and_crc_format(void **state)
{
    const char *reason;
    unsigned count;

    (void)state;
    add_file("name", "data");
    memcpy(build.bytes, "070702", 6);
    memcpy(build.bytes + 46, "ABCDEF09", 8); /* time */
    cpio_build_trailer(&build);
    assert_int_equal(read_all(&reason, &count), 0);
    assert_int_equal(count, 1);
}

/* The tool itself: names, contents and kinds must come out as they went in. */
static void test_archive_of_the_tool(void **state)
{
    struct cpio_reader reader;
    struct cpio_entry entry;
    unsigned seen = 0;
    FILE *pipe =
        popen("set -e; d=$(mktemp -d); cd \"$d\"; mkdir -p sub/dir; printf hello >sub/file;"
              "ln -s file sub/link; ln sub/file sub/hard; mkfifo sub/fifo;"
              "find . | LC_ALL=C sort | cpio --quiet -o -H newc; rm -r \"$d\"",
              "r");

    (void)state;
    assert_non_null(pipe);
    build.size = fread(build.bytes, 1, sizeof(build.bytes), pipe);
    assert_int_equal(pclose(pipe), 0);
    cpio_init(&reader, build.bytes, build.size, name_buffer);
    while (cpio_next(&reader, &entry) == 1) {
        seen++;
        if (strcmp(entry.name, "sub/link") == 0) {
            assert_true(S_ISLNK(entry.mode));
            assert_memory_equal(entry.data, "file", 4);
        } else if (strcmp(entry.name, "sub/file") == 0 || strcmp(entry.name, "sub/hard") == 0) {
            assert_true(S_ISREG(entry.mode));
            assert_int_equal(entry.nlink, 2);
            assert_true(entry.size == 0 || memcmp(entry.data, "hello", 5) == 0);
        } else if (strcmp(entry.name, "sub/fifo") == 0) {
            assert_true(S_ISFIFO(entry.mode));
        } else {
            assert_true(S_ISDIR(entry.mode));
        }
    }
    assert_null(reader.reason);
    assert_int_equal(seen, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_every_field, reset),
        cmocka_unit_test_setup(test_names_are_normalised, reset),
        cmocka_unit_test_setup(test_names_that_lead_out, reset),
        cmocka_unit_test_setup(test_padded_names_align_data, reset),
        cmocka_unit_test_setup(test_longest_name, reset),
        cmocka_unit_test_setup(test_every_truncation, reset),
        cmocka_unit_test_setup(test_broken_headers, reset),
        cmocka_unit_test_setup(test_every_digit, reset),
        cmocka_unit_test_setup(test_upper_case_and_crc_format, reset),
        cmocka_unit_test_setup(test_archive_of_the_tool, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
