/* SPDX-License-Identifier: MIT */
/*
 * tests/host/elf_test.c - lib/elf.c: one fault at a time in an otherwise sound file
 */
#include "tests/host/check.h"

#include "kernel/lib/elf.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"
#include "tests/host/elf_builder.h"

/* Reads the file as exec does; on success the image, whose headers stay in *out_phdrs until the
 * caller frees it. */
static int read_file(struct elf_build *build, uint64_t limit, struct elf_image *image,
                     void **out_phdrs, const char **reason)
{
    void *head = exact_copy(build->bytes, build->size < 64 ? build->size : 64);
    int err =
        elf_read_header(head, build->size < 64 ? build->size : 64, build->size, image, reason);

    free(head);
    *out_phdrs = NULL;
    if (err)
        return err;
    *out_phdrs = exact_copy(build->bytes + image->phdr_offset, image->phdr_size);
    return elf_read_segments(*out_phdrs, limit, image, reason);
}

/* The file must be refused with a reason that contains the words. */
static void expect_refused(struct elf_build *build, uint64_t limit, const char *words)
{
    const char *reason = NULL;
    struct elf_image image;
    void *phdrs;

    elf_build_finish(build);
    if (read_file(build, limit, &image, &phdrs, &reason) != -ENOEXEC)
        fail_msg("not refused, expected: %s", words);
    assert_non_null(reason);
    if (!strstr(reason, words))
        fail_msg("refused with \"%s\" instead of \"%s\"", reason, words);
    free(phdrs);
}

static void expect_accepted(struct elf_build *build, uint64_t limit)
{
    const char *reason = "none";
    struct elf_image image;
    void *phdrs;

    elf_build_finish(build);
    if (read_file(build, limit, &image, &phdrs, &reason) != 0)
        fail_msg("refused: %s", reason);
    free(phdrs);
}

static void test_sound_program(void **state)
{
    struct elf_build build;
    struct elf_image image;
    struct elf_segment segment;
    const char *reason;
    unsigned position = 0;
    void *phdrs;

    (void)state;
    elf_build_program(&build, ELF_ET_EXEC);
    assert_int_equal(read_file(&build, USER_END, &image, &phdrs, &reason), 0);
    assert_int_equal(image.type, ELF_ET_EXEC);
    assert_int_equal(image.entry, 0x401010);
    assert_int_equal(image.phdr_count, 5);
    assert_int_equal(image.load_count, 3);
    assert_int_equal(image.low, 0x400000);
    assert_int_equal(image.high, 0x406000);
    assert_int_equal(image.max_align, PAGE_SIZE);
    assert_int_equal(image.phdr_va, 0x400040);
    assert_false(image.exec_stack);
    assert_int_equal(image.interp.offset, 0x300);
    assert_int_equal(image.interp.size, 24);

    assert_true(elf_segment_next(&image, &position, &segment));
    assert_true(elf_segment_next(&image, &position, &segment));
    assert_int_equal(segment.flags, ELF_PF_R | ELF_PF_X);
    assert_true(elf_segment_next(&image, &position, &segment));
    assert_int_equal(segment.va, 0x402800);
    assert_int_equal(segment.mem_size, 0x3000);
    assert_int_equal(segment.file_offset, 0x1800);
    assert_int_equal(segment.file_size, 0x900);
    assert_int_equal(segment.flags, ELF_PF_R | ELF_PF_W);
    assert_false(elf_segment_next(&image, &position, &segment));
    assert_false(elf_segment_next(&image, &position, &segment));
    free(phdrs);
}

static void test_pie_and_stack_flags(void **state)
{
    struct elf_build build;
    struct elf_image image;
    const char *reason;
    void *phdrs;

    (void)state;
    elf_build_program(&build, ELF_ET_DYN);
    build.phdrs[0].align = 0x200000;
    build.phdrs[1].align = 0x300000; /* no power of two: ignored */
    build.phdrs[4].flags |= ELF_PF_X;
    elf_build_finish(&build);
    assert_int_equal(read_file(&build, USER_END, &image, &phdrs, &reason), 0);
    assert_int_equal(image.low, 0);
    assert_int_equal(image.max_align, 0x200000);
    assert_true(image.exec_stack);
    free(phdrs);
}

static void test_bad_headers(void **state)
{
    static const struct {
        size_t offset;
        uint8_t value;
        const char *words;
    } faults[] = {
        {0, 0x7e, "not an ELF file"},
        {3, 'G', "not an ELF file"},
        {offsetof(struct elf64_header, ident) + ELF_IDENT_CLASS, 1, "64-bit"},
        {offsetof(struct elf64_header, ident) + ELF_IDENT_DATA, 2, "little-endian"},
        {offsetof(struct elf64_header, machine), 183, "another machine"},
        {offsetof(struct elf64_header, type), 1, "not an executable"},
        {offsetof(struct elf64_header, type), 4, "not an executable"},
        {offsetof(struct elf64_header, phentsize), 32, "wrong size"},
        {offsetof(struct elf64_header, phnum), 0, "no program headers"},
        {offsetof(struct elf64_header, phnum) + 1, 5, "64 KiB"},
        {offsetof(struct elf64_header, phoff) + 7, 0xff, "headers outside the file"},
        {offsetof(struct elf64_header, phoff) + 1, 0x30, "headers outside the file"},
    };
    struct elf_build build;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        elf_build_program(&build, ELF_ET_EXEC);
        ((uint8_t *)&build.header)[faults[i].offset] = faults[i].value;
        expect_refused(&build, USER_END, faults[i].words);
    }
}

static void test_short_files(void **state)
{
    struct elf_build build;

    (void)state;
    for (size_t size = 0; size < 64; size++) {
        elf_build_program(&build, ELF_ET_EXEC);
        build.size = size;
        expect_refused(&build, USER_END, size < 4 ? "not an ELF file" : "shorter");
    }
    for (size_t size = 64; size < 64 + 5 * 56; size++) {
        elf_build_program(&build, ELF_ET_EXEC);
        build.size = size;
        expect_refused(&build, USER_END, "headers outside the file");
    }
    elf_build_program(&build, ELF_ET_EXEC);
    build.size = 0x20ff;
    expect_refused(&build, USER_END, "segment outside the file");
    build.size = 0x2100;
    expect_accepted(&build, USER_END);
}

static void test_most_program_headers(void **state)
{
    static uint8_t bytes[64 + 1170 * 56];
    struct elf64_phdr phdr = {.type = ELF_PT_LOAD, .vaddr = 0x10000, .memsz = 1, .align = 1};
    struct elf_build build;
    struct elf_image image;
    const char *reason;

    (void)state;
    elf_build_program(&build, ELF_ET_EXEC);
    build.header.phnum = 1170;
    memcpy(bytes, &build.header, sizeof(build.header));
    for (unsigned i = 0; i < 1170; i++, phdr.vaddr += 0x10000)
        memcpy(bytes + 64 + i * sizeof(phdr), &phdr, sizeof(phdr));
    assert_int_equal(elf_read_header(bytes, sizeof(bytes), sizeof(bytes), &image, &reason), 0);
    assert_int_equal(elf_read_segments(bytes + 64, USER_END, &image, &reason), 0);
    assert_int_equal(image.load_count, 1170);

    build.header.phnum = 1171;
    memcpy(bytes, &build.header, sizeof(build.header));
    assert_int_equal(elf_read_header(bytes, sizeof(bytes), sizeof(bytes), &image, &reason),
                     -ENOEXEC);
}

static void test_bad_segments(void **state)
{
    static const struct {
        size_t offset; /* in the third program header */
        uint64_t value;
        const char *words;
    } faults[] = {
        {offsetof(struct elf64_phdr, filesz), 0x3001, "larger in the file"},
        {offsetof(struct elf64_phdr, memsz), 0x8ff, "larger in the file"},
        {offsetof(struct elf64_phdr, memsz), 0, "larger in the file"},
        {offsetof(struct elf64_phdr, memsz), ~0ULL, "address range"},
        {offsetof(struct elf64_phdr, memsz), ~0ULL - 0x402800, "address range"},
        {offsetof(struct elf64_phdr, vaddr), ~0ULL - 0x7ff, "address range"},
        {offsetof(struct elf64_phdr, vaddr), USER_END - 0x1800, "address range"},
        {offsetof(struct elf64_phdr, vaddr), 0xffff800000000800, "address range"},
        {offsetof(struct elf64_phdr, vaddr), 0x402801, "disagree"},
        {offsetof(struct elf64_phdr, offset), 0x1000, "disagree"},
        {offsetof(struct elf64_phdr, offset), 0x2800, "outside the file"},
        {offsetof(struct elf64_phdr, offset), ~0ULL - 0x7ff, "outside the file"},
    };
    struct elf_build build;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        elf_build_program(&build, ELF_ET_EXEC);
        memcpy((uint8_t *)&build.phdrs[2] + faults[i].offset, &faults[i].value, 8);
        expect_refused(&build, USER_END, faults[i].words);
    }
}

/* The limit itself is allowed, the page after it is not; a limit within a page counts down. */
static void test_limit(void **state)
{
    struct elf_build build;

    (void)state;
    elf_build_program(&build, ELF_ET_EXEC);
    expect_accepted(&build, 0x406000);
    expect_refused(&build, 0x405fff, "address range");
    expect_refused(&build, 0, "address range");
    build.phdrs[2].vaddr = USER_END - 0x3800;
    build.phdrs[2].memsz = 0x3800;
    expect_accepted(&build, USER_END);
}

static void test_what_linux_accepts(void **state)
{
    struct elf_build build;

    (void)state;
    elf_build_program(&build, ELF_ET_EXEC);
    build.header.entry = 0x0000800000000000; /* the program dies of it later */
    build.header.version = 99;
    build.header.ident[ELF_IDENT_VERSION] = 0;
    build.header.shoff = ~0ULL;
    build.phdrs[0].flags |= ELF_PF_W | ELF_PF_X;
    build.phdrs[1].vaddr = 0x400000; /* two segments on one page */
    expect_accepted(&build, USER_END);

    elf_build_program(&build, ELF_ET_EXEC);
    build.phdrs[2].filesz = 0; /* only bss: its file offset means nothing */
    build.phdrs[2].offset = 0x123;
    build.phdrs[3].type = ELF_PT_TLS;
    build.phdrs[3].vaddr = ~0ULL;
    build.phdrs[4].type = ELF_PT_LOAD; /* empty */
    build.phdrs[4].memsz = 0;
    build.phdrs[4].vaddr = ~0ULL;
    expect_accepted(&build, USER_END);
}

static void test_no_segment(void **state)
{
    struct elf_build build;

    (void)state;
    elf_build_program(&build, ELF_ET_EXEC);
    for (int i = 0; i < 3; i++)
        build.phdrs[i].type = ELF_PT_NULL;
    expect_refused(&build, USER_END, "no segment");
}

static void test_interpreter_extent(void **state)
{
    struct elf_build build;

    (void)state;
    elf_build_program(&build, ELF_ET_DYN);
    build.phdrs[3].filesz = 1;
    expect_refused(&build, USER_END, "interpreter path of a wrong length");
    build.phdrs[3].filesz = 4097;
    expect_refused(&build, USER_END, "interpreter path of a wrong length");
    build.phdrs[3].filesz = 4096;
    expect_accepted(&build, USER_END);
    build.phdrs[3].offset = build.size - 4095;
    expect_refused(&build, USER_END, "interpreter path outside the file");
    build.phdrs[3].offset = ~0ULL;
    expect_refused(&build, USER_END, "interpreter path outside the file");
}

static void test_phdr_va_needs_a_segment(void **state)
{
    struct elf_build build;
    struct elf_image image;
    const char *reason;
    void *phdrs;

    (void)state;
    elf_build_program(&build, ELF_ET_EXEC);
    build.phdrs[0].type = ELF_PT_NOTE;
    elf_build_finish(&build);
    assert_int_equal(read_file(&build, USER_END, &image, &phdrs, &reason), 0);
    assert_int_equal(image.phdr_va, 0);
    free(phdrs);
}

static void test_phdr_va_in_any_segment(void **state)
{
    struct elf_build build;
    struct elf_image image;
    const char *reason;
    void *phdrs;

    (void)state;
    elf_build_program(&build, ELF_ET_EXEC);
    build.header.phoff = 0x1100; /* in the second segment: file 0x1000, address 0x401000 */
    elf_build_finish(&build);
    memcpy(build.bytes + 0x1100, build.phdrs, sizeof(build.phdrs));
    assert_int_equal(read_file(&build, USER_END, &image, &phdrs, &reason), 0);
    assert_int_equal(image.phdr_va, 0x401100);
    free(phdrs);
}

/* The reason why elf_check_kernel refuses, or NULL. */
static const char *kernel_fault(struct elf_build *build)
{
    const char *reason = NULL;
    struct elf_image image;
    void *phdrs;
    int err;

    elf_build_finish(build);
    err = read_file(build, IMAGE_END, &image, &phdrs, &reason);
    if (!err)
        err = elf_check_kernel(&image, IMAGE_BASE, IMAGE_END, &reason);
    free(phdrs);
    assert_int_equal(err, reason ? -ENOEXEC : 0);
    return reason;
}

static void expect_kernel_fault(struct elf_build *build, const char *words)
{
    const char *reason = kernel_fault(build);

    if (!reason || !strstr(reason, words))
        fail_msg("\"%s\" instead of \"%s\"", reason ? reason : "accepted", words);
    elf_build_kernel(build);
}

static void test_kernel(void **state)
{
    struct elf_build build;

    (void)state;
    elf_build_kernel(&build);
    assert_null(kernel_fault(&build));
    build.header.type = ELF_ET_DYN;
    expect_kernel_fault(&build, "fixed address");
    build.phdrs[1].flags |= ELF_PF_W;
    expect_kernel_fault(&build, "writable and executable");
    build.phdrs[2].vaddr = IMAGE_BASE + 0x1000;
    build.phdrs[2].offset = 0x1000;
    expect_kernel_fault(&build, "overlap");
    build.phdrs[0].memsz = 0x1001; /* reaches into the next one's page */
    expect_kernel_fault(&build, "overlap");
    build.phdrs[0].vaddr += 0x8000; /* the last one, below, reaches into the first one's page */
    build.phdrs[2].vaddr = IMAGE_BASE + 0x7000;
    build.phdrs[2].memsz = 0x1001;
    expect_kernel_fault(&build, "overlap");
    build.phdrs[2].vaddr += 0x10;
    build.phdrs[2].offset += 0x10;
    expect_kernel_fault(&build, "begin on a page");
    build.phdrs[0].vaddr = IMAGE_BASE - 0x1000;
    expect_kernel_fault(&build, "kernel's address range");
    build.phdrs[2].memsz = IMAGE_END - (IMAGE_BASE + 0x2000) + 1;
    expect_kernel_fault(&build, "address range");
    build.header.entry = IMAGE_BASE + 0x2000; /* data */
    expect_kernel_fault(&build, "entry point");
    build.header.entry = IMAGE_BASE + 0x100; /* rodata */
    expect_kernel_fault(&build, "entry point");
    build.header.entry = 0;
    expect_kernel_fault(&build, "entry point");
    build.header.phnum = 4;
    build.phdrs[3] = (struct elf64_phdr){.type = ELF_PT_INTERP, .offset = 0, .filesz = 8};
    expect_kernel_fault(&build, "interpreter");
}

static void test_kernel_with_too_many_segments(void **state)
{
    struct elf64_phdr phdrs[ELF_KERNEL_SEGMENTS_MAX + 1];
    struct elf_build build;
    struct elf_image image;
    const char *reason;

    (void)state;
    elf_build_kernel(&build);
    build.header.phnum = ARRAY_SIZE(phdrs);
    assert_int_equal(
        elf_read_header(&build.header, sizeof(build.header), build.size, &image, &reason), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(phdrs); i++) {
        phdrs[i] = build.phdrs[1];
        phdrs[i].vaddr += 0x1000 * i;
    }
    assert_int_equal(elf_read_segments(phdrs, IMAGE_END, &image, &reason), 0);
    assert_int_equal(elf_check_kernel(&image, IMAGE_BASE, IMAGE_END, &reason), -ENOEXEC);
    assert_non_null(strstr(reason, "too many"));
    phdrs[3].type = ELF_PT_NOTE;
    assert_int_equal(elf_read_segments(phdrs, IMAGE_END, &image, &reason), 0);
    assert_int_equal(elf_check_kernel(&image, IMAGE_BASE, IMAGE_END, &reason), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound_program),
        cmocka_unit_test(test_pie_and_stack_flags),
        cmocka_unit_test(test_bad_headers),
        cmocka_unit_test(test_short_files),
        cmocka_unit_test(test_most_program_headers),
        cmocka_unit_test(test_bad_segments),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_what_linux_accepts),
        cmocka_unit_test(test_no_segment),
        cmocka_unit_test(test_interpreter_extent),
        cmocka_unit_test(test_phdr_va_needs_a_segment),
        cmocka_unit_test(test_phdr_va_in_any_segment),
        cmocka_unit_test(test_kernel),
        cmocka_unit_test(test_kernel_with_too_many_segments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
