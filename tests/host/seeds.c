/* SPDX-License-Identifier: MIT */
/*
 * tests/host/seeds.c - writes the binary seeds of the fuzz corpus: seeds DIRECTORY
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kernel/lib/util.h"
#include "tests/host/bootinfo_builder.h"
#include "tests/host/cpio_builder.h"
#include "tests/host/elf_builder.h"

static const char *directory;

static void write_seed(const char *fuzzer, const char *name, const void *bytes, size_t nbytes)
{
    char path[4096];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", directory, fuzzer);
    mkdir(path, 0755);
    snprintf(path, sizeof(path), "%s/%s/%s", directory, fuzzer, name);
    file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, nbytes, file) != nbytes || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

/* Small enough to be changed usefully: the headers and what they point to, in 4 KiB. */
static void shrink(struct elf_build *build)
{
    for (unsigned i = 0; i < build->header.phnum; i++) {
        build->phdrs[i].filesz = MIN(build->phdrs[i].filesz, 0x200);
        build->phdrs[i].offset &= 0xfff;
    }
    elf_build_finish(build);
}

static void write_elf(void)
{
    static struct elf_build build;
    const struct elf64_sym symbols[] = {
        {0},
        {.name = 1, .info = ELF_STT_FUNC, .shndx = 1, .value = 0x1000, .size = 0x20},
        {.name = 7, .info = ELF_STT_NOTYPE, .shndx = 1, .value = 0x1040},
    };

    elf_build_program(&build, ELF_ET_EXEC);
    shrink(&build);
    write_seed("elf_fuzz", "exec", build.bytes, 4096);
    elf_build_program(&build, ELF_ET_DYN);
    shrink(&build);
    write_seed("elf_fuzz", "pie", build.bytes, 4096);
    elf_build_kernel(&build);
    shrink(&build);
    write_seed("elf_fuzz", "kernel", build.bytes, 4096);
    elf_build_kernel(&build);
    elf_build_symbols(&build, symbols, ARRAY_SIZE(symbols), "\0alpha\0beta", 12);
    /* The tables behind the headers, so that the file is short. */
    memmove(build.bytes + 0x400, build.bytes + 0x2800, 0x800);
    build.header.shoff -= 0x2400;
    elf_build_finish(&build);
    for (unsigned i = 2; i < 4; i++)
        ((struct elf64_shdr *)(void *)(build.bytes + build.header.shoff))[i].offset -= 0x2400;
    write_seed("elf_fuzz", "symbols", build.bytes, 3072);
}

static void write_cpio(void)
{
    static struct cpio_build build;

    cpio_build_add(&build, &(struct cpio_build_entry){.name = ".", .mode = S_IFDIR | 0755});
    cpio_build_add(&build, &(struct cpio_build_entry){.name = "./a/file",
                                                      .name_padding = 7,
                                                      .mode = S_IFREG | 0644,
                                                      .data = "contents",
                                                      .size = 8});
    cpio_build_add(
        &build, &(struct cpio_build_entry){
                    .name = "/dev/null", .mode = S_IFCHR | 0666, .rdev_major = 1, .rdev_minor = 3});
    cpio_build_trailer(&build);
    write_seed("cpio_fuzz", "archive", build.bytes, build.size);
    write_seed("cpio_fuzz", "truncated", build.bytes, build.size - 200);
}

static void write_bootinfo(void)
{
    static struct bootinfo_build build;

    bootinfo_build_machine(&build);
    write_seed("bootinfo_fuzz", "machine", &build, sizeof(build));
    build.info.framebuffer.format = BOOTINFO_PIXEL_NONE;
    build.info.plan.size = 0;
    build.info.plan.base = 0;
    write_seed("bootinfo_fuzz", "headless", &build, sizeof(build));
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: seeds DIRECTORY\n");
        return 2;
    }
    directory = argv[1];
    write_elf();
    write_cpio();
    write_bootinfo();
    return 0;
}
