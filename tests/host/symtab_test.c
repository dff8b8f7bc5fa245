/* SPDX-License-Identifier: MIT */
/*
 * tests/host/symtab_test.c - lib/symtab.c on this very program, and on broken tables
 */
#include "tests/host/check.h"

#include <sys/auxv.h>

#include "kernel/lib/symtab.h"
#include "shared/elf64.h"
#include "tests/host/elf_builder.h"

/* The function to look for. It tells where this program was loaded, from the kernel's notes. */
uintptr_t program_base(void);

uintptr_t program_base(void)
{
    return getauxval(AT_PHDR) - sizeof(struct elf64_header); /* the headers come first */
}

static void *read_self(size_t *out_size)
{
    FILE *file = fopen("/proc/self/exe", "rb");
    char *bytes;
    long size;

    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    bytes = malloc((size_t)size);
    assert_int_equal(fread(bytes, 1, (size_t)size, file), size);
    fclose(file);
    *out_size = (size_t)size;
    return bytes;
}

static void test_own_functions(void **state)
{
    uint64_t va = (uint64_t)((uintptr_t)program_base - program_base());
    uint64_t offset = 99;
    size_t size;
    void *file = read_self(&size);

    (void)state;
    assert_string_equal(symtab_find(file, size, va, &offset), "program_base");
    assert_int_equal(offset, 0);
    assert_string_equal(symtab_find(file, size, va + 3, &offset), "program_base");
    assert_int_equal(offset, 3);
    assert_null(symtab_find(file, size, 0xffffffff80000000, &offset));
    free(file);
}

#define FUNC(at, length, name_at)                                                                  \
    {                                                                                              \
        .name = (name_at), .info = ELF_STT_FUNC, .shndx = 1, .value = (at), .size = (length)       \
    }

static const char names[] = "\0alpha\0beta\0.Llocal\0gamma\0delta"; /* 1, 7, 12, 20, 26 */

static void build_with(struct elf_build *build, const struct elf64_sym *symbols, size_t count)
{
    elf_build_kernel(build);
    elf_build_symbols(build, symbols, count, names, sizeof(names));
}

static const char *find_in(const struct elf_build *build, uint64_t va)
{
    void *file = exact_copy(build->bytes, build->size);
    uint64_t offset;
    const char *name = symtab_find(file, build->size, va, &offset);
    const char *kept = name ? (const char *)build->bytes + (name - (const char *)file) : NULL;

    free(file);
    return kept;
}

static void test_choice(void **state)
{
    const struct elf64_sym symbols[] = {
        {0},
        FUNC(0x1000, 0x10, 1),
        FUNC(0x1020, 0, 7), /* a label of assembly: no size */
        FUNC(0x1030, 0x10, 12),
        {.name = 20, .info = ELF_STT_OBJECT, .shndx = 1, .value = 0x1038, .size = 8},
        {.name = 20, .info = ELF_STT_FUNC, .shndx = ELF_SHN_UNDEF, .value = 0x1034},
        {.name = 20, .info = ELF_STT_NOTYPE, .shndx = 1, .value = 0x1040},
        FUNC(0x1040, 0x20, 26),
        {.name = 7, .info = ELF_STT_NOTYPE, .shndx = 2, .value = 0x1050}, /* in no code */
        {.name = 7, .info = ELF_STT_NOTYPE, .shndx = 1, .value = 0x1070},
    };
    struct elf_build build;

    (void)state;
    build_with(&build, symbols, ARRAY_SIZE(symbols));
    assert_null(find_in(&build, 0xfff));
    assert_string_equal(find_in(&build, 0x1000), "alpha");
    assert_string_equal(find_in(&build, 0x100f), "alpha");
    assert_null(find_in(&build, 0x1010)); /* a gap */
    assert_string_equal(find_in(&build, 0x102f), "beta");
    assert_string_equal(find_in(&build, 0x103a), "beta");  /* neither .L, data, undefined */
    assert_string_equal(find_in(&build, 0x1040), "delta"); /* the one with a size */
    assert_string_equal(find_in(&build, 0x105f), "delta");
    assert_null(find_in(&build, 0x1060));
    assert_string_equal(find_in(&build, 0x1fff), "beta");
    assert_null(find_in(&build, 0x2000)); /* behind the code */
}

static void test_broken_tables(void **state)
{
    const struct elf64_sym symbols[] = {{0}, FUNC(0x1000, 0x10, 1)};
    struct elf_build build;

    (void)state;
    build_with(&build, symbols, ARRAY_SIZE(symbols));
    assert_string_equal(find_in(&build, 0x1000), "alpha");
    for (size_t size = 0; size < build.size; size += 13) {
        size_t whole = build.size;

        build.size = size;
        find_in(&build, 0x1000); /* must not read past the end */
        build.size = whole;
    }
    build.header.shoff = ~0ULL - 10;
    elf_build_finish(&build);
    assert_null(find_in(&build, 0x1000));
    build_with(&build, symbols, ARRAY_SIZE(symbols));
    build.header.shentsize = 63;
    elf_build_finish(&build);
    assert_null(find_in(&build, 0x1000));
}

static void test_name_outside_its_table(void **state)
{
    struct elf64_sym symbols[] = {{0}, FUNC(0x1000, 0x10, sizeof(names))};
    struct elf_build build;

    (void)state;
    build_with(&build, symbols, ARRAY_SIZE(symbols));
    assert_null(find_in(&build, 0x1000));
    symbols[1].name = 0xffffffff;
    build_with(&build, symbols, ARRAY_SIZE(symbols));
    assert_null(find_in(&build, 0x1000));
    /* A last name without its NUL. */
    symbols[1].name = 26;
    elf_build_kernel(&build);
    elf_build_symbols(&build, symbols, ARRAY_SIZE(symbols), names, 31);
    assert_null(find_in(&build, 0x1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_functions),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_broken_tables),
        cmocka_unit_test(test_name_outside_its_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
