/* SPDX-License-Identifier: MIT */
/* The whole way of the files, from the volume to a kernel image in memory; every broken one is
 * refused with exactly one sentence that names it, and everything is given back. */
#include "tests/host/loader_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "efi-loader/payload.h"
#include "kernel/lib/cksum.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

#define KERNEL_SIZE 0x4000
#define ROOTFS_SIZE 12345

static unsigned char the_kernel[KERNEL_SIZE], the_rootfs[ROOTFS_SIZE];
static char the_sums[512];
static struct payload the_payload;
static struct memory the_memory;
static unsigned the_refusals;

static struct elf64_header *header(void)
{
    return (struct elf64_header *)the_kernel;
}

static struct elf64_phdr *segment(unsigned n)
{
    return (struct elf64_phdr *)(the_kernel + sizeof(struct elf64_header)) + n;
}

/* text at page 0, rodata at page 1, data with bss at page 3. */
static void make_kernel(void)
{
    for (size_t i = 0; i < KERNEL_SIZE; i++)
        the_kernel[i] = (unsigned char)(i / 3);
    *header() = (struct elf64_header){
        .ident = {0x7f, 'E', 'L', 'F', ELF_CLASS_64, ELF_DATA_LSB, 1},
        .type = ELF_ET_EXEC,
        .machine = ELF_MACHINE_X86_64,
        .version = 1,
        .entry = IMAGE_BASE + 0x123,
        .phoff = sizeof(struct elf64_header),
        .ehsize = sizeof(struct elf64_header),
        .phentsize = sizeof(struct elf64_phdr),
        .phnum = 3,
    };
    *segment(0) = (struct elf64_phdr){.type = ELF_PT_LOAD,
                                      .flags = ELF_PF_R | ELF_PF_X,
                                      .offset = 0x1000,
                                      .vaddr = IMAGE_BASE,
                                      .filesz = 0xfff,
                                      .memsz = 0xfff,
                                      .align = 0x1000};
    *segment(1) = (struct elf64_phdr){.type = ELF_PT_LOAD,
                                      .flags = ELF_PF_R,
                                      .offset = 0x2000,
                                      .vaddr = IMAGE_BASE + 0x1000,
                                      .filesz = 0x1000,
                                      .memsz = 0x1000,
                                      .align = 0x1000};
    *segment(2) = (struct elf64_phdr){.type = ELF_PT_LOAD,
                                      .flags = ELF_PF_R | ELF_PF_W,
                                      .offset = 0x3000,
                                      .vaddr = IMAGE_BASE + 0x3000,
                                      .filesz = 0x10,
                                      .memsz = 0x2345,
                                      .align = 0x1000};
}

static unsigned long sum_of(const void *bytes, size_t nbytes)
{
    static struct cksum_tables tables;

    cksum_init(&tables);
    return cksum_finish(&tables, cksum_update(&tables, 0, bytes, nbytes), nbytes);
}

static void set_file(unsigned n, const char *name, const void *data, uint64_t size)
{
    the_fake.files[n] = (struct fake_file){.name = name, .data = data, .size = size};
}

static void set_text(unsigned n, const char *name, const char *text)
{
    set_file(n, name, text, strlen(text));
}

enum { KERNEL, ROOTFS, SUMS, CONFIG, PLAN };

static void make_sums(void)
{
    snprintf(the_sums, sizeof(the_sums), "%lu %u kernel.elf\n%lu %u rootfs.cpio\n",
             sum_of(the_kernel, KERNEL_SIZE), KERNEL_SIZE, sum_of(the_rootfs, ROOTFS_SIZE),
             ROOTFS_SIZE);
    set_text(SUMS, "checksums", the_sums);
}

static int set_up(void **state)
{
    (void)state;
    fake_reset();
    memory_init(&the_memory, &the_fake.bs);
    memset(&the_payload, 0, sizeof(the_payload));
    make_kernel();
    for (size_t i = 0; i < ROOTFS_SIZE; i++)
        the_rootfs[i] = (unsigned char)(i * 13);
    set_file(KERNEL, "kernel.elf", the_kernel, KERNEL_SIZE);
    set_file(ROOTFS, "rootfs.cpio", the_rootfs, ROOTFS_SIZE);
    make_sums();
    set_text(CONFIG, "boot.cfg", "# comment\nafter=halt\n\ntrace=syscall\r\n");
    set_text(PLAN, "plan.txt", "test a /bin/a\n");
    return 0;
}

static int load(const char *options)
{
    EFI_LOADED_IMAGE self = {.DeviceHandle = fake_volume(0)};
    struct files files;

    assert_int_equal(files_open(&files, &the_fake.bs, &self), 0);
    int err = payload_load(&files, &the_memory, options, &the_payload);
    files_close(&files);
    assert_int_equal(the_fake.open_handles, 0);
    the_refusals = 0;
    for (const char *at = the_fake.log; (at = strstr(at, "refused: ")); at++)
        the_refusals++;
    return err;
}

static int tear_down(void **state)
{
    (void)state;
    memory_give_back(&the_memory);
    assert_int_equal(fake_blocks_in_use(), 0);
    assert_int_equal(the_fake.bad_types, 0);
    assert_int_equal(the_fake.bad_frees, 0);
    assert_int_equal(the_fake.high_offers, 0);
    return 0;
}

/* Loading fails with one sentence that begins so. */
static void expect_refusal(const char *sentence)
{
    int err = load("");

    if (!err || the_refusals != 1 || !strstr(the_fake.log, sentence))
        fail_msg("expected \"%s\", got error %d and\n%s", sentence, err, the_fake.log);
    const char *line = strstr(the_fake.log, "refused: ");
    /* NAME: fault: next step */
    const char *first = strchr(line + 9, ':');
    assert_non_null(first);
    assert_non_null(strchr(first + 1, ':'));
    assert_string_equal(strchr(line, '\n'), "\n"); /* and it is the last line */
    memory_give_back(&the_memory);
    the_fake.log[0] = '\0';
}

static void everything_in_order(void **state)
{
    const struct image *kernel = &the_payload.kernel;

    (void)state;
    assert_int_equal(load(""), 0);
    assert_int_equal(the_refusals, 0);
    assert_string_equal(the_payload.cmdline, "after=halt trace=syscall");
    assert_memory_equal((void *)(uintptr_t)the_payload.rootfs.base, the_rootfs, ROOTFS_SIZE);
    assert_memory_equal((void *)(uintptr_t)the_payload.plan.base, "test a /bin/a\n", 14);
    assert_int_equal(the_payload.plan.size, 14);
    assert_int_equal(the_payload.kernel_file.size, KERNEL_SIZE);

    assert_int_equal(kernel->entry, IMAGE_BASE + 0x123);
    assert_int_equal(kernel->memory.size, 0x6000);
    assert_int_equal(kernel->nsegments, 3);
    static const struct paging_segment expected[] = {
        {IMAGE_BASE, 0, 0x1000, PAGING_EXECUTE},
        {IMAGE_BASE + 0x1000, 0x1000, 0x1000, PAGING_READ},
        {IMAGE_BASE + 0x3000, 0x3000, 0x3000, PAGING_WRITE}};
    const unsigned char *memory = (const unsigned char *)(uintptr_t)kernel->memory.base;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(kernel->segments[i].va, expected[i].va);
        assert_int_equal(kernel->segments[i].pa, kernel->memory.base + expected[i].pa);
        assert_int_equal(kernel->segments[i].size, expected[i].size);
        assert_int_equal(kernel->segments[i].access, expected[i].access);
    }
    assert_memory_equal(memory, the_kernel + 0x1000, 0xfff);
    assert_int_equal(memory[0xfff], 0);
    assert_memory_equal(memory + 0x1000, the_kernel + 0x2000, 0x1000);
    assert_memory_equal(memory + 0x3000, the_kernel + 0x3000, 0x10);
    for (unsigned i = 0x3010; i < 0x6000; i++)
        assert_int_equal(memory[i], 0);
}

static void options_come_last(void **state)
{
    (void)state;
    assert_int_equal(load("after=reboot  x"), 0);
    assert_string_equal(the_payload.cmdline, "after=halt trace=syscall after=reboot x");
}

static void what_may_be_missing(void **state)
{
    (void)state;
    the_fake.files[SUMS].name = NULL; /* and all after it */
    assert_int_equal(load("a=1"), 0);
    assert_int_equal(the_refusals, 0);
    assert_non_null(strstr(the_fake.log, "boot.cfg: not found, defaults are used\n"));
    assert_non_null(strstr(the_fake.log, "warning: checksums: not found"));
    assert_string_equal(the_payload.cmdline, "a=1");
    assert_int_equal(the_payload.plan.size, 0);
    assert_int_equal(the_payload.plan.base, 0);
}

static void empty_text_files(void **state)
{
    (void)state;
    set_text(CONFIG, "boot.cfg", "");
    set_text(PLAN, "plan.txt", "");
    assert_int_equal(load(""), 0);
    assert_string_equal(the_payload.cmdline, "");
    set_text(SUMS, "checksums", "");
    the_fake.log[0] = '\0';
    expect_refusal("refused: checksums: no line for kernel.elf: ");
}

static void missing_empty_odd(void **state)
{
    static const char *const names[] = {"kernel.elf", "rootfs.cpio"};
    char sentence[64];

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct fake_file whole = the_fake.files[i];

        the_fake.files[i].name = "other";
        snprintf(sentence, sizeof(sentence), "refused: %s: not found", names[i]);
        expect_refusal(sentence);
        the_fake.files[i] = whole;
        the_fake.files[i].size = 0;
        snprintf(sentence, sizeof(sentence), "refused: %s: is empty", names[i]);
        expect_refusal(sentence);
        the_fake.files[i] = whole;
        the_fake.files[i].directory = true;
        snprintf(sentence, sizeof(sentence), "refused: %s: is a directory", names[i]);
        expect_refusal(sentence);
        the_fake.files[i] = whole;
        the_fake.files[i].open_status = EFI_DEVICE_ERROR;
        snprintf(sentence, sizeof(sentence), "refused: %s: cannot be read", names[i]);
        expect_refusal(sentence);
        the_fake.files[i] = whole;
    }
    the_fake.files[KERNEL].size = 65ULL << 20;
    expect_refusal("refused: kernel.elf: is larger than 65536 KiB: ");
}

static void larger_than_memory(void **state)
{
    (void)state;
    the_fake.pages_left = 4;
    expect_refusal("refused: rootfs.cpio: 13 KiB do not fit into free memory");
    the_fake.pages_left = 9;
    expect_refusal("refused: kernel.elf: 16 KiB do not fit into free memory");
    the_fake.pages_left = 11;
    expect_refusal("refused: kernel.elf: no free memory for it");
    the_fake.files[ROOTFS].size = 1ULL << 40;
    expect_refusal("refused: rootfs.cpio: is larger than ");
}

static void flipped_bits(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 8 * KERNEL_SIZE; bit += 1 + bit % 997) {
        the_kernel[bit / 8] ^= 1 << bit % 8;
        expect_refusal("refused: kernel.elf: checksum differs (file is damaged): ");
        the_kernel[bit / 8] ^= 1 << bit % 8;
    }
    the_rootfs[ROOTFS_SIZE - 1] ^= 0x80;
    expect_refusal("refused: rootfs.cpio: checksum differs (file is damaged): ");
}

static void truncated(void **state)
{
    (void)state;
    the_fake.files[KERNEL].size--;
    expect_refusal("refused: kernel.elf: has 16383 bytes instead of 16384 (file is damaged): ");
    the_fake.files[KERNEL].size++;
    the_fake.files[ROOTFS].size = 100;
    expect_refusal("refused: rootfs.cpio: has 100 bytes instead of 12345 (file is damaged): ");
}

static void broken_checksums(void **state)
{
    (void)state;
    set_text(SUMS, "checksums", "what is this?\n");
    expect_refusal("refused: checksums: line 1: ");
    set_text(SUMS, "checksums", "1 2 rootfs.cpio\n");
    expect_refusal("refused: checksums: no line for kernel.elf: ");
    strcat(the_sums, "1 2 kernel.elf\n");
    set_text(SUMS, "checksums", the_sums);
    expect_refusal("refused: checksums: line 3: a second line for kernel.elf: ");
    set_file(SUMS, "checksums", the_sums, 65537);
    expect_refusal("refused: checksums: is larger than 64 KiB: ");
}

static void broken_config(void **state)
{
    char longer[6000];

    (void)state;
    set_text(CONFIG, "boot.cfg", "a=1\nb = 2\n");
    expect_refusal("refused: boot.cfg: line 2: ");
    set_file(CONFIG, "boot.cfg", "a=\0\n", 4);
    expect_refusal("refused: boot.cfg: line 1: ");
    for (size_t i = 0; i < sizeof(longer); i += 10)
        memcpy(longer + i, "abcd=1234\n", 10);
    set_file(CONFIG, "boot.cfg", longer, sizeof(longer));
    expect_refusal("refused: boot.cfg: line 410: more than 4096 bytes of words: ");
}

static void options_too_long(void **state)
{
    char options[4200];

    (void)state;
    memset(options, 'a', sizeof(options) - 1);
    options[sizeof(options) - 1] = '\0';
    assert_int_equal(load(options), -E2BIG);
    assert_int_equal(the_refusals, 1);
}

/* Checksums that are right do not make a bad kernel good. */
static void bad_kernels(void **state)
{
    (void)state;
#define BAD(change)                                                                                \
    do {                                                                                           \
        make_kernel();                                                                             \
        change;                                                                                    \
        make_sums();                                                                               \
        expect_refusal("refused: kernel.elf: ");                                                   \
    } while (0)
    BAD(header()->ident[0] = 0);
    BAD(header()->ident[ELF_IDENT_CLASS] = 1);
    BAD(header()->ident[ELF_IDENT_DATA] = 2);
    BAD(header()->machine = 3);
    BAD(header()->type = ELF_ET_DYN);
    BAD(header()->phnum = 0);
    BAD(header()->phoff = KERNEL_SIZE - 100);
    BAD(header()->phoff = ~0ULL);
    BAD(header()->entry = IMAGE_BASE + 0x1000);
    BAD(header()->entry = 0);
    BAD(segment(2)->flags |= ELF_PF_X);
    BAD(segment(0)->flags |= ELF_PF_W);
    BAD(segment(1)->vaddr = IMAGE_BASE);
    BAD(segment(2)->vaddr = IMAGE_BASE + 0x1000);
    BAD(segment(0)->vaddr = IMAGE_BASE - 0x1000);
    BAD(segment(2)->vaddr = IMAGE_END - 0x1000);
    BAD(segment(2)->vaddr = 0x400000);
    BAD(segment(2)->memsz = ~0ULL);
    BAD(segment(2)->memsz = 1ULL << 40);
    BAD(segment(2)->offset = KERNEL_SIZE);
    BAD(segment(1)->filesz = KERNEL_SIZE);
    BAD(segment(1)->vaddr += 8);
#undef BAD
    /* Nothing but the first bytes is left, and no checksums to notice. */
    make_kernel();
    the_fake.files[SUMS] = (struct fake_file){.name = "other"};
    the_fake.files[KERNEL].size = 63;
    expect_refusal("refused: kernel.elf: ");
    the_fake.files[KERNEL].size = 0x3000;
    expect_refusal("refused: kernel.elf: ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_in_order), TEST(options_come_last), TEST(what_may_be_missing),
        TEST(empty_text_files),    TEST(missing_empty_odd), TEST(larger_than_memory),
        TEST(flipped_bits),        TEST(truncated),         TEST(broken_checksums),
        TEST(broken_config),       TEST(options_too_long),  TEST(bad_kernels),
    };

    return cmocka_run_group_tests_name("loader_payload", tests, NULL, NULL);
}
